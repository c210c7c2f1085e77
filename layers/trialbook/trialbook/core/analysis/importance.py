"""Which hyperparameters matter: an additive model of the objective, and the variance of each part of it.

A number enters as piecewise linear "hats" on the quantiles of its values, a category as one indicator per value, a
missing value as a value of its own. Ridge regression fits the parts together, with the penalty that predicts left-out
trials best (generalised cross-validation). A hyperparameter's share is the variance of its own part over the trials as
they were run. Effects that only show in combination are not seen; what the search did not vary can't be either.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, sqrt
from statistics import fmean

from trialbook.core.analysis.arithmetic import (
    factor,
    onto,
    quantile,
    rank_correlation,
    solve,
    sumprod,
    trace_of_inverse,
    variance,
)
from trialbook.core.analysis.model import Effect, Importance, Kind, Parameter, Scale, Value
from trialbook.core.analysis.wording import tidy
from trialbook.core.objectives import ObjectiveType

LEAST_TRIALS = 30  # below, every method names the wrong parameter too often
SURE_FROM = 100
METHOD = "additive model: piecewise linear per number, one level per category, ridge; variance of each part"
_KNOTS = 6
_LEVELS = 12  # a category's values beyond the most frequent ones are taken together
_PENALTIES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
_MOST = 20  # hyperparameters in the model
_MISSING = "none"
_CLEAR = 0.2  # rank correlations nearer to 0 tell no direction
FLAT = 0.02  # of the explained variation: less is next to nothing
NO_DIRECTION = "no clear direction"
NO_EFFECT = "no effect seen"

Weights = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class _Basis:
    """The part of one hyperparameter: `weights[t]` are the terms that trial t has, with their amounts."""

    parameter: Parameter
    labels: tuple[str, ...]
    weights: tuple[Weights, ...]


def importance(
    parameters: Sequence[Parameter],
    trials: Sequence[Mapping[str, Value]],
    values: Sequence[float],
    objective_type: ObjectiveType,
) -> Importance | None:
    """Effects of the hyperparameters on the values; None below 30 trials or where nothing can be told."""
    if len(trials) < LEAST_TRIALS or not parameters or variance(values) == 0:
        return None
    target = _winsorised(values)
    bases = [_basis(parameter, [trial.get(parameter.name) for trial in trials]) for parameter in parameters]
    bases = _strongest(bases, target)
    model = _fit(bases, target)
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
        unexplained=model.unexplained,
        effects=tuple(sorted(effects, key=lambda effect: (-effect.share, effect.parameter))),
    )


def why_not(trials: int, parameters: int) -> str | None:
    """Why there is no importance to show; None where there is."""
    if parameters == 0:
        return "no hyperparameter varies"
    if trials < LEAST_TRIALS:
        return f"importance is shown from {LEAST_TRIALS} ranked trials on; here are {trials}: too few to tell"
    return None


def _winsorised(values: Sequence[float]) -> list[float]:
    """Diverged trials are pulled in, or they would be all that the model explains."""
    ordered = sorted(values)
    low, high = quantile(ordered, 0.25), quantile(ordered, 0.75)
    reach = 3 * (high - low)
    return list(values) if reach == 0 else [min(max(value, low - reach), high + reach) for value in values]


def _basis(parameter: Parameter, column: Sequence[Value]) -> _Basis:
    return _hats(parameter, column) if parameter.kind is Kind.NUMBER else _levels(parameter, column)


def _strongest(bases: Sequence[_Basis], target: Sequence[float]) -> list[_Basis]:
    """The bases that explain most on their own: the cost grows with the cube of their number."""
    if len(bases) <= _MOST:
        return list(bases)
    alone = sorted(range(len(bases)), key=lambda place: -_fit([bases[place]], target).explained)
    return [bases[place] for place in sorted(alone[:_MOST])]


def _hats(parameter: Parameter, column: Sequence[Value]) -> _Basis:
    scaled = onto(parameter.scale)
    present = [float(value) for value in column if value is not None]
    at = sorted({scaled(value) for value in present})
    ordered = sorted(scaled(value) for value in present)
    knots = at if len(at) <= _KNOTS else sorted({quantile(ordered, k / (_KNOTS - 1)) for k in range(_KNOTS)})
    back = {scaled(value): value for value in present}
    labels = [tidy(back.get(knot, _unscaled(parameter, knot)), 3) for knot in knots]
    missing: Weights = ((len(knots), 1.0),)
    weights = tuple(missing if value is None else _hat(scaled(float(value)), knots) for value in column)
    return _Basis(parameter, (*labels, _MISSING), weights)


def _unscaled(parameter: Parameter, knot: float) -> float:
    return exp(knot) if parameter.scale is Scale.LOG else knot


def _hat(value: float, knots: Sequence[float]) -> Weights:
    """A value between two knots belongs to both, the more to the nearer."""
    above = min(bisect_right(knots, value), len(knots) - 1)
    if above == 0:
        return ((0, 1.0),)
    share = (value - knots[above - 1]) / (knots[above] - knots[above - 1])
    return ((above - 1, 1 - share), (above, share))


def _levels(parameter: Parameter, column: Sequence[Value]) -> _Basis:
    names = parameter.categories[:_LEVELS]
    places = {name: place for place, name in enumerate(names)}
    others, missing = len(names), len(names) + 1
    weights = tuple(((missing if each is None else places.get(str(each), others), 1.0),) for each in column)
    return _Basis(parameter, (*names, "another", "none"), weights)


@dataclass(frozen=True, slots=True)
class _Model:
    """`parts[p][t]` is what hyperparameter p adds to trial t, `levels[p]` what its terms add, None for unused ones."""

    parts: list[list[float]]
    levels: list[list[float | None]]
    explained: float
    unexplained: float


def _fit(bases: Sequence[_Basis], target: Sequence[float]) -> _Model:
    terms, size = _joined(bases)
    mean = fmean(target)
    centred = [value - mean for value in target]
    means = _term_means(terms, size)
    gram, right = _normal_equations(terms, means, centred, size)
    penalty, solution, freedom = min(
        (_with_penalty(gram, right, penalty, centred) for penalty in _PENALTIES), key=lambda found: found[0][0]
    )
    error, residual = penalty
    parts, levels = _parts(bases, solution, means)
    total = sum(value * value for value in centred)
    count = len(target)
    return _Model(
        parts,
        levels,
        explained=max(0.0, 1 - error * count / total),
        unexplained=sqrt(residual / max(count - freedom, 1.0)),
    )


def _joined(bases: Sequence[_Basis]) -> tuple[list[Weights], int]:
    """Each trial's terms of all hyperparameters, numbered through."""
    starts, size = [], 0
    for basis in bases:
        starts.append(size)
        size += len(basis.labels)
    trials = range(len(bases[0].weights))
    return [
        tuple((start + term, w) for start, basis in zip(starts, bases, strict=True) for term, w in basis.weights[t])
        for t in trials
    ], size


def _term_means(terms: Sequence[Weights], size: int) -> list[float]:
    sums = [0.0] * size
    for weights in terms:
        for term, weight in weights:
            sums[term] += weight
    return [total / len(terms) for total in sums]


def _normal_equations(
    terms: Sequence[Weights], means: Sequence[float], centred: Sequence[float], size: int
) -> tuple[list[list[float]], list[float]]:
    gram = [[0.0] * size for _ in range(size)]
    right = [0.0] * size
    for weights, value in zip(terms, centred, strict=True):
        for i, a in weights:
            right[i] += a * value
            row = gram[i]
            for j, b in weights:
                row[j] += a * b
    count = len(terms)
    for i, row in enumerate(gram):
        shift = count * means[i]
        gram[i] = [each - shift * mean for each, mean in zip(row, means, strict=True)]
    return gram, right


Fitted = tuple[tuple[float, float], list[float], float]


def _with_penalty(gram: list[list[float]], right: list[float], penalty: float, centred: Sequence[float]) -> Fitted:
    """((generalised cross-validation error, residual sum of squares), coefficients, effective parameters)."""
    size, count = len(right), len(centred)
    ridge = [[*row[:i], row[i] + penalty, *row[i + 1 :]] for i, row in enumerate(gram)]
    lower = factor(ridge)
    coefficients = solve(lower, right)
    shrunk = penalty * sumprod(coefficients, coefficients)
    residual = max(sumprod(centred, centred) - sumprod(coefficients, right) - shrunk, 0.0)
    freedom = 1 + size - penalty * trace_of_inverse(lower)
    error = residual / count / max(1 - freedom / count, 1e-3) ** 2
    return (error, residual), coefficients, freedom


def _parts(
    bases: Sequence[_Basis], solution: Sequence[float], means: Sequence[float]
) -> tuple[list[list[float]], list[list[float | None]]]:
    parts, levels, start = [], [], 0
    for basis in bases:
        own = solution[start : start + len(basis.labels)]
        used = means[start : start + len(basis.labels)]
        parts.append([sum(own[term] * weight for term, weight in weights) for weights in basis.weights])
        levels.append([level if mean > 0 else None for level, mean in zip(own, used, strict=True)])
        start += len(basis.labels)
    return parts, levels


def _effect(
    basis: _Basis,
    levels: Sequence[float | None],
    share: float,
    trials: Sequence[Mapping[str, Value]],
    values: Sequence[float],
    objective_type: ObjectiveType,
) -> Effect:
    sign = 1 if objective_type is ObjectiveType.MINIMIZE else -1
    known = [(sign * level, label) for level, label in zip(levels, basis.labels, strict=True) if level is not None]
    numbers = [level for level, label in known if label != _MISSING]
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
