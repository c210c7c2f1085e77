"""Which hyperparameters matter: an additive model of the objective, and the variance of each part of it.

A hyperparameter's share is the variance of its own part over the trials as they were run. Effects that only show in
combination are not seen; what the search did not vary can't be either.
"""

from collections.abc import Mapping, Sequence

from trialbook.core.analysis.additive import MISSING, Basis, basis_of, fit
from trialbook.core.analysis.arithmetic import quantile, rank_correlation, unit_of, variance
from trialbook.core.analysis.model import Effect, Importance, Kind, Parameter, Value
from trialbook.core.numbers import within
from trialbook.core.objectives import ObjectiveType

LEAST_TRIALS = 30  # below, every method names the wrong parameter too often
SURE_FROM = 100
METHOD = (
    "additive model: smooth per number, one level per category, each weighed by its likelihood; variance of each part"
)
_MOST = 20  # hyperparameters in the model
_CLEAR = 0.2  # rank correlations nearer to 0 tell no direction
FLAT = 0.02  # of the explained variation: less is next to nothing
NO_DIRECTION = "no clear direction"
NO_EFFECT = "no effect seen"


def importance(
    parameters: Sequence[Parameter],
    trials: Sequence[Mapping[str, Value]],
    values: Sequence[float],
    objective_type: ObjectiveType,
) -> Importance | None:
    """Effects of the hyperparameters on the values; None below 30 trials or where nothing can be told."""
    if len(trials) < LEAST_TRIALS or not parameters or len(set(values)) == 1:
        return None
    target = _winsorised(values)
    unit = unit_of(target)
    target = [value / unit for value in target]
    if variance(target) == 0:
        return None
    bases = [basis_of(parameter, [trial.get(parameter.name) for trial in trials]) for parameter in parameters]
    bases = _strongest(bases, target)
    model = fit(bases, target)
    spread = [variance(part) for part in model.parts]
    total = sum(spread)
    if total == 0:
        return None
    effects = [
        _effect(basis, level, part / total, trials, values, objective_type)
        for basis, level, part in zip(bases, model.levels, spread, strict=True)
    ]
    return Importance(
        method=METHOD,
        trials=len(trials),
        is_indicative=len(trials) < SURE_FROM,
        explained=model.explained,
        unexplained=within(model.unexplained * unit),
        effects=tuple(sorted(effects, key=lambda effect: (-effect.share, effect.parameter))),
    )


def why_not(trials: int, parameters: int) -> str | None:
    """Why there is no importance to show; None where there is."""
    if parameters == 0:
        return "no hyperparameter varies"
    if trials < LEAST_TRIALS:
        return f"importance is shown from {LEAST_TRIALS} ranked trials on; here are {trials}: too few to tell"
    return None


def why_nothing(values: Sequence[float]) -> str:
    """Why the model explains nothing, although there are trials enough."""
    if len(set(values)) == 1:
        return "all values are the same"
    return "each trial has values of its own: what one trial alone has can't be told from chance"


def _winsorised(values: Sequence[float]) -> list[float]:
    """Diverged trials are pulled in, or they would be all that the model explains."""
    ordered = sorted(values)
    low, high = quantile(ordered, 0.25), quantile(ordered, 0.75)
    reach = 3 * (high - low)
    return list(values) if reach == 0 else [min(max(value, low - reach), high + reach) for value in values]


def _strongest(bases: Sequence[Basis], target: Sequence[float]) -> list[Basis]:
    """The bases that explain most on their own: the cost grows with the cube of their number."""
    if len(bases) <= _MOST:
        return list(bases)
    alone = sorted(range(len(bases)), key=lambda place: -fit([bases[place]], target).explained)
    return [bases[place] for place in sorted(alone[:_MOST])]


def _effect(
    basis: Basis,
    levels: Sequence[float],
    share: float,
    trials: Sequence[Mapping[str, Value]],
    values: Sequence[float],
    objective_type: ObjectiveType,
) -> Effect:
    sign = 1 if objective_type is ObjectiveType.MINIMIZE else -1
    known = [(sign * level, label) for level, label in zip(levels, basis.labels, strict=True)]
    numbers = [level for level, label in known if label != MISSING]
    name = basis.parameter.name
    correlation = None
    if basis.parameter.kind is Kind.NUMBER:
        pairs = [(float(x), y) for x, y in zip((t.get(name) for t in trials), values, strict=True) if x is not None]
        correlation = rank_correlation([x for x, _ in pairs], [y for _, y in pairs])
    direction = NO_EFFECT if share < FLAT else _direction(correlation, sign, numbers, basis.parameter)
    return Effect(name, share, correlation, direction, min(known)[1])


def _direction(correlation: float | None, sign: int, costs: Sequence[float], parameter: Parameter) -> str:
    """Which way is better, where values run that way and the model's least cost lies in the outer third there."""
    if parameter.kind is Kind.CATEGORY:
        return "depends on the value"
    if correlation is None or abs(correlation) < _CLEAR:
        return NO_DIRECTION
    is_lower = correlation * sign > 0
    place = costs.index(min(costs)) / max(len(costs) - 1, 1)
    if not (place <= 1 / 3 if is_lower else place >= 2 / 3):
        return NO_DIRECTION
    return "lower is better" if is_lower else "higher is better"
