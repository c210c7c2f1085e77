"""Which hyperparameters matter: an additive model of the objective, and the variance of each part of it.

A hyperparameter's share is the variance of its own part over the trials as they were run. Where pairs explain what the
parts leave, each of a pair has half of what only both together explain. What the search did not vary can't be seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from trialbook.core.analysis.additive import MISSING, Basis, Model, basis_of, basis_of_pair, coarse, fit
from trialbook.core.analysis.arithmetic import quantile, rank_correlation, unit_of, variance
from trialbook.core.analysis.collinear import grouped
from trialbook.core.analysis.interplay import clearest
from trialbook.core.analysis.model import FLAT, Effect, Importance, Kind, Pair, Parameter, Value
from trialbook.core.analysis.shapes import NO_DIRECTION, Shape, direction_of
from trialbook.core.numbers import Number, number_of, percent, shown, within
from trialbook.core.objectives import ObjectiveType
from trialbook.core.significance import rank_test

LEAST_TRIALS = 30  # below, every method names the wrong parameter too often
SURE_FROM = 100
TELLS_FROM = 0.2  # of the variation out of sample: a model that explains less tells nothing of any hyperparameter
METHOD = (
    "additive model: smooth per number, one level per category, each weighed by its likelihood; variance of each part"
)
METHOD_OF_PAIRS = f"{METHOD}, with parts for the pairs that matter together"
_MOST = 20  # hyperparameters in the model
_COUNTS = 0.1  # of the explained variation: what a pair explains beyond its two counts from there on
_LEVEL = 0.1  # of the effect: a number that does less where it is set matters by being set at all
_LOOKED_AT = 400  # trials, evenly over all ranks, that the second look takes
_BEST = 10  # one of so many trials is among the best
_RARE = 0.01  # how likely chance may be to make the values in a good range differ as clearly
NO_EFFECT = "no effect seen"

Trials = Sequence[Mapping[str, Value]]


@dataclass(frozen=True, slots=True)
class _Part:
    """What one hyperparameter does: the variance it has alone, the variance it shares with others in pairs, and what
    each of its terms adds."""

    alone: float
    in_pairs: float
    levels: Sequence[float]


def importance(
    parameters: Sequence[Parameter], trials: Trials, values: Sequence[float], objective_type: ObjectiveType
) -> Importance | None:
    """Effects of the hyperparameters on the values; None below 30 trials or if nothing can be told."""
    if len(trials) < LEAST_TRIALS or not parameters or len(set(values)) == 1:
        return None
    target = _winsorised(values)
    unit = unit_of(target)
    target = [value / unit for value in target]
    if variance(target) == 0:
        return None
    kept = grouped(parameters, trials)
    bases = [basis_of(parameter, [trial.get(parameter.name) for trial in trials]) for parameter in kept]
    bases = _strongest(bases, target)
    model = fit(bases, target)
    parts = [_Part(variance(part), 0.0, level) for part, level in zip(model.parts, model.levels, strict=True)]
    pairs: list[tuple[int, int, float]] = []
    second = _second_look(bases, trials, target, model)
    if second is not None:
        model, parts, pairs = second
    total = sum(part.alone + part.in_pairs for part in parts)
    if total == 0:
        return None
    effects = [
        _effect(basis, part, total, trials, values, objective_type, kept)
        for basis, part in zip(bases, parts, strict=True)
    ]
    return Importance(
        method=METHOD_OF_PAIRS if pairs else METHOD,
        trials=len(trials),
        is_indicative=len(trials) < SURE_FROM,
        explained=model.explained,
        unexplained=within(model.unexplained * unit),
        effects=tuple(sorted(effects, key=lambda effect: (-effect.share, effect.parameter))),
        pairs=tuple(
            Pair(bases[i].parameter.name, bases[j].parameter.name, spread / total)
            for i, j, spread in sorted(pairs, key=lambda pair: -pair[2])
            if spread / total >= _COUNTS
        ),
    )


def why_not(trials: int, parameters: int) -> str | None:
    """Why there is no importance to show; None if there is."""
    if parameters == 0:
        return "no hyperparameter varies"
    if trials < LEAST_TRIALS:
        return (
            f"it takes {LEAST_TRIALS} ranked trials to estimate it, and there {'is' if trials == 1 else 'are'} {trials}"
        )
    return None


def why_nothing(values: Sequence[float]) -> str:
    """Why the model explains nothing, although there are trials enough."""
    if len(set(values)) == 1:
        return "all values are the same"
    return "each trial has values of its own: what one trial alone has can't be told from chance"


def why_too_little(found: Importance) -> str:
    """Why a model that explains next to nothing is not shown."""
    return (
        f"the model of the hyperparameters explains {percent(found.explained)} of the variation out of sample: "
        "too little to say which of them matters"
    )


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


def _second_look(
    bases: Sequence[Basis], trials: Trials, target: Sequence[float], model: Model
) -> tuple[Model, list[_Part], list[tuple[int, int, float]]] | None:
    """The model with parts for pairs, where some explain what the parts leave: the parts, and the variance that each
    pair has beyond them."""
    if len(bases) < 2 or model.unexplained == 0:
        return None
    step = max(1, -(-len(trials) // _LOOKED_AT))
    places = range(0, len(trials), step)
    parameters = [basis.parameter for basis in bases]
    columns = [[trials[place].get(each.name) for place in places] for each in parameters]
    mean = fmean(target)
    left = [target[place] - mean - sum(part[place] for part in model.parts) for place in places]
    found = clearest(parameters, columns, left, model.unexplained)
    if not found:
        return None
    taken = bases if step == 1 else [basis_of(*each) for each in zip(parameters, columns, strict=True)]
    if any(one.size != other.size for one, other in zip(taken, bases, strict=True)):
        return None  # rare values fell out: the few trials can't stand for all
    coarser = {place: coarse(parameters[place], columns[place]) for pair in found for place in pair}
    together = [basis_of_pair(coarser[i], coarser[j]) for i, j in found]
    second = fit([*taken, *together], [target[place] for place in places])
    if second.explained <= model.explained:
        return None
    return second, *_shared_out(second, len(bases), found, coarser)


def _shared_out(
    model: Model, singles: int, pairs: Sequence[tuple[int, int]], coarser: Mapping[int, Basis]
) -> tuple[list[_Part], list[tuple[int, int, float]]]:
    """Each hyperparameter's part, with what the pairs' parts say of it alone, and the pairs' variances beyond."""
    alone = [list(part) for part in model.parts[:singles]]
    in_pairs = [0.0] * singles
    spreads: list[tuple[int, int, float]] = []
    for (i, j), levels in zip(pairs, model.levels[singles:], strict=True):
        one, other = coarser[i], coarser[j]
        rows, columns, middle = _margins(levels, one, other)
        own = [sum(rows[term] * weight for term, weight in given) for given in one.weights]
        others = [sum(columns[term] * weight for term, weight in given) for given in other.weights]
        both = model.parts[singles + len(spreads)]
        alone[i] = [value + more for value, more in zip(alone[i], own, strict=True)]
        alone[j] = [value + more for value, more in zip(alone[j], others, strict=True)]
        spread = variance([b - x - y + middle for b, x, y in zip(both, own, others, strict=True)])
        in_pairs[i] += spread / 2
        in_pairs[j] += spread / 2
        spreads.append((i, j, spread))
    parts = [_Part(variance(alone[at]), in_pairs[at], model.levels[at]) for at in range(singles)]
    return parts, spreads


def _margins(levels: Sequence[float], one: Basis, other: Basis) -> tuple[list[float], list[float], float]:
    """What each term of either adds over all of the other's, as often as trials have those; and the mean."""
    heavy = [[1e-9] * basis.size for basis in (one, other)]
    for basis, sums in zip((one, other), heavy, strict=True):
        for given in basis.weights:
            for term, weight in given:
                sums[term] += weight
    shares = [[each / sum(sums) for each in sums] for sums in heavy]
    table = [levels[at * other.size : (at + 1) * other.size] for at in range(one.size)]
    rows = [sum(value * share for value, share in zip(row, shares[1], strict=True)) for row in table]
    columns = [
        sum(value * share for value, share in zip(column, shares[0], strict=True))
        for column in zip(*table, strict=True)
    ]
    return rows, columns, sum(value * share for value, share in zip(rows, shares[0], strict=True))


def _is_better_inside(low: Number, high: Number, pairs: Sequence[tuple[float, float]], sign: int) -> bool:
    """Whether values in the range differ from those outside more than chance explains, which few trials can't say, and
    the best trials are there more often than all: where combinations matter, a range can be good on average and lack
    the best."""
    inside = [value for x, value in pairs if low <= x <= high]
    chance = rank_test(inside, [value for x, value in pairs if not low <= x <= high])
    best = sorted(pairs, key=lambda pair: sign * pair[1])[: max(len(pairs) // _BEST, 1)]
    of_best = sum(1 for x, _ in best if low <= x <= high) / len(best)
    return chance is not None and chance < _RARE and of_best > len(inside) / len(pairs)


def _width(levels: Sequence[tuple[float, str]]) -> float:
    return max((level for level, _ in levels), default=0.0) - min((level for level, _ in levels), default=0.0)


def _value_text(parameter: Parameter, label: str) -> str:
    """A value of the model in words: whole where only whole numbers are searched, though the curve bends between."""
    number = number_of(label) if parameter.is_integer else None
    return label if number is None else shown(round(number))


def _effect(
    basis: Basis,
    part: _Part,
    total: float,
    trials: Trials,
    values: Sequence[float],
    objective_type: ObjectiveType,
    kept: Mapping[Parameter, tuple[str, ...]],
) -> Effect:
    sign = 1 if objective_type is ObjectiveType.MINIMIZE else -1
    known = [(sign * level, label) for level, label in zip(part.levels, basis.labels, strict=True)]
    costs = [(level, label) for level, label in known if label != MISSING]
    name = basis.parameter.name
    correlation, pairs = None, []
    if basis.parameter.kind is Kind.NUMBER:
        pairs = [(float(x), y) for x, y in zip((t.get(name) for t in trials), values, strict=True) if x is not None]
        correlation = rank_correlation([x for x, _ in pairs], [y for _, y in pairs])
    share = (part.alone + part.in_pairs) / total
    is_flat = _width(costs) < _LEVEL * _width(known) or part.alone < part.in_pairs
    shape = Shape(NO_DIRECTION) if is_flat else direction_of(basis.parameter, correlation, sign, costs, len(pairs))
    if shape.low is not None and shape.high is not None and not _is_better_inside(shape.low, shape.high, pairs, sign):
        shape = Shape(NO_DIRECTION)
    return Effect(
        parameter=name,
        share=share,
        correlation=correlation,
        direction=NO_EFFECT if share < FLAT else shape.words,
        best_at=_value_text(basis.parameter, min(known)[1]),
        together=kept[basis.parameter],
        good_low=shape.low if share >= FLAT else None,
        good_high=shape.high if share >= FLAT else None,
        in_pairs=part.in_pairs / total,
    )
