"""Where to search next: points that are likely to beat the best, or narrower ranges around the good ones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import erf, exp, pi, sqrt
from statistics import fmean

from trialbook.core.analysis.arithmetic import between, onto, place_between, quantile, variance
from trialbook.core.analysis.limits import limits
from trialbook.core.analysis.model import LEAST_TO_SUGGEST, Kind, Parameter, Repeats, Scale, Value
from trialbook.core.analysis.repeats import searched
from trialbook.core.analysis.shuffling import Draws
from trialbook.core.analysis.surrogate import Point, Surrogate, fitted
from trialbook.core.analysis.wording import plural
from trialbook.core.numbers import Number, percent, shown
from trialbook.core.objectives import ObjectiveType

_MOST_TRIALS = 120  # that the surrogate takes: the best half of them, and others evenly
_CANDIDATES = 250  # drawn over the whole space for each point
_NEAR = 150  # drawn around the best so far
_STEPS = (0.02, 0.08, 0.2)
_FINE = (0.01, 0.03, 0.08)
_TOP = 0.25  # of the trials make the ranges
_NARROWER = 0.8  # of a range: what is narrower is worth a word
_REPEATED = 5
_MARGIN = 0.1  # of the range, on either side of the good ones


@dataclass(frozen=True, slots=True)
class Range:
    """Where to search a hyperparameter next: between bounds, or among categories."""

    low: Number | None = None
    high: Number | None = None
    scale: Scale = Scale.LINEAR
    is_integer: bool = False
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NextSearch:
    """Points to try, most promising first, ranges to search, and why. `repeats` are configurations to run again first,
    where nothing is known of noise."""

    points: tuple[Mapping[str, Value], ...]
    ranges: Mapping[str, Range]
    why: tuple[str, ...]
    repeats: tuple[Mapping[str, Value], ...] = ()


def next_search(
    parameters: Sequence[Parameter],
    trials: Sequence[Mapping[str, Value]],
    values: Sequence[float],
    objective_type: ObjectiveType,
    repeats: Repeats | None = None,
    points: int = 10,
) -> NextSearch:
    """What the ranked trials, best first, say of the next ones. Nothing but the reason below ten of them, or if noise
    exceeds what the hyperparameters do."""
    used = searched([each for each in parameters if each.distinct > 1])
    if len(values) < LEAST_TO_SUGGEST:
        return NextSearch(
            (), {}, (f"{plural(len(values), 'ranked trial')}: below {LEAST_TO_SUGGEST} nothing can be said.",)
        )
    if not used:
        return NextSearch((), {}, ("No hyperparameter varies.",))
    if repeats is not None and repeats.deviation**2 >= variance(values) * len(values) / (len(values) - 1):
        spread = f"Repeats differ by {shown(repeats.deviation)}, all trials by {shown(sqrt(variance(values)))}"
        return NextSearch((), {}, (f"{spread} (standard deviations): noise exceeds what the hyperparameters do.",))
    space = _Space(used)
    costs = list(values) if objective_type is ObjectiveType.MINIMIZE else [-value for value in values]
    kept = _kept(len(costs))
    places = [space.place(trials[at]) for at in kept]
    targets, back = _standardised([costs[at] for at in kept])
    surrogate = fitted(places, targets)
    chosen = _choose(surrogate, space, points)
    told = tuple(space.values_at(place) for place, _ in chosen)
    ranges = _ranges(used, trials)
    least = min((expected for _, expected in chosen), default=None)
    sign = 1 if objective_type is ObjectiveType.MINIMIZE else -1
    expected = None if least is None else sign * (back[0] + back[1] * least)
    again = _repeated(trials, used) if repeats is None else ()
    return NextSearch(told, ranges, _why(expected, values, used, ranges, repeats), again)


def _repeated(
    trials: Sequence[Mapping[str, Value]], parameters: Sequence[Parameter]
) -> tuple[Mapping[str, Value], ...]:
    """The best configurations, to be run again with other seeds."""
    names = [each.name for each in parameters]
    return tuple(
        {name: value for name in names if (value := trial.get(name)) is not None} for trial in trials[:_REPEATED]
    )


def _kept(trials: int) -> list[int]:
    if trials <= _MOST_TRIALS:
        return list(range(trials))
    half = _MOST_TRIALS // 2
    return [*range(half), *(half + (trials - half) * at // half for at in range(half))]


def _standardised(costs: Sequence[float]) -> tuple[list[float], tuple[float, float]]:
    """The costs with mean 0 and variance 1, far ones drawn in; and what turns that back."""
    ordered = sorted(costs)
    middle, least = quantile(ordered, 0.5), ordered[0]
    most = middle + 2 * (middle - least) or 1.0
    drawn = [cost if cost <= most or middle == least else most + (cost - most) * 0.1 for cost in costs]
    ceiling = most + 2 * (middle - least)
    drawn = [min(cost, ceiling) if middle > least else cost for cost in drawn]
    mean, spread = fmean(drawn), sqrt(variance(drawn)) or 1.0
    return [(cost - mean) / spread for cost in drawn], (mean, spread)


class _Space:
    """The hyperparameters as a unit cube: an axis per number, one per category's value, and one for being missing."""

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.parameters = parameters

    def place(self, trial: Mapping[str, Value]) -> Point:
        found: list[float] = []
        for each in self.parameters:
            value = trial.get(each.name)
            if each.kind is Kind.CATEGORY:
                found += [float(str(value) == name) if value is not None else 0.0 for name in each.categories]
            else:
                found.append(0.5 if value is None or isinstance(value, str) else _share(each, float(value)))
            if each.missing:
                found.append(float(value is None))
        return found

    def values_at(self, place: Point) -> dict[str, Value]:
        found: dict[str, Value] = {}
        at = 0
        for each in self.parameters:
            width = len(each.categories) if each.kind is Kind.CATEGORY else 1
            own = place[at : at + width]
            at += width
            is_missing = bool(each.missing) and place[at] > 0.5
            at += bool(each.missing)
            if is_missing:
                continue
            if each.kind is Kind.CATEGORY:
                found[each.name] = each.categories[max(range(width), key=own.__getitem__)]
            else:
                found[each.name] = _value(each, own[0])
        return found

    def drawn(self, source: Draws) -> Point:
        """A point anywhere, as the search has them."""
        found: list[float] = []
        for each in self.parameters:
            if each.kind is Kind.CATEGORY:
                chosen = source.below(len(each.categories))
                found += [float(at == chosen) for at in range(len(each.categories))]
            else:
                found.append(_settled(each, source.share()))
            if each.missing:
                found.append(float(source.share() < 0.3))
        return found

    def near(self, place: Point, step: float, source: Draws) -> Point:
        """A point near another one: some axes moved a little, a category changed now and then."""
        found, at = list(place), 0
        for each in self.parameters:
            if each.kind is Kind.CATEGORY:
                if source.share() < step:
                    chosen = source.below(len(each.categories))
                    found[at : at + len(each.categories)] = [float(n == chosen) for n in range(len(each.categories))]
                at += len(each.categories)
            else:
                if source.share() < 0.7:
                    bell = source.share() + source.share() + source.share() - 1.5
                    found[at] = _settled(each, min(max(found[at] + 2 * step * bell, 0.0), 1.0))
                at += 1
            at += bool(each.missing)
        return found


def _settled(parameter: Parameter, share: float) -> float:
    """The share that the value has once it is a whole number, if only those are tried, or one of few."""
    return _share(parameter, float(_value(parameter, share)))


def _share(parameter: Parameter, value: float) -> float:
    low, high, scaled = _bounds(parameter)
    return place_between(scaled(low), scaled(high), scaled(value)) if high > low and value >= low else 0.5


def _value(parameter: Parameter, share: float) -> Number:
    low, high, scaled = _bounds(parameter)
    at = between(scaled(low), scaled(high), share)
    value = min(max(at if scaled is float else exp(at), low), high)
    if parameter.values and not parameter.has_range:  # a grid: 34 is no batch size where 32 and 64 were tried
        return min(parameter.values, key=lambda each: abs(scaled(float(each)) - at))
    return round(value) if parameter.is_integer else float(f"{value:.6g}")


def _bounds(parameter: Parameter) -> tuple[float, float, Callable[[float], float]]:
    low, high = float(parameter.lowest or 0), float(parameter.highest or 0)
    return low, high, onto(parameter.scale) if low > 0 else float


def _choose(surrogate: Surrogate, space: _Space, points: int) -> list[tuple[Point, float]]:
    """One point after the other, each with the greatest expected improvement if those before turn out as expected."""
    source = Draws(len(surrogate.points) * 7919 + points)
    chosen: list[tuple[Point, float]] = []
    tried = {tuple(place) for place in surrogate.points}
    for _ in range(points):
        order = sorted(range(len(surrogate.points)), key=surrogate.targets.__getitem__)
        best = surrogate.targets[order[0]]
        candidates = [space.drawn(source) for _ in range(_CANDIDATES)]
        starts = [surrogate.points[at] for at in order[:5]]
        candidates += [space.near(starts[n % len(starts)], _STEPS[n % len(_STEPS)], source) for n in range(_NEAR)]
        scored = _scored(surrogate, candidates, best, tried)
        if not scored:
            break
        finer = [space.near(each, step, source) for _, each in scored[:4] for step in _FINE for _ in range(5)]
        scored += _scored(surrogate, finer, best, tried)
        _, place = max(scored)
        expected, _ = surrogate.expects(place)
        chosen.append((place, expected))
        tried.add(tuple(place))
        surrogate.believe(place, expected)
    return chosen


def _scored(
    surrogate: Surrogate, candidates: Sequence[Point], best: float, tried: set[tuple[float, ...]]
) -> list[tuple[float, Point]]:
    """Points that were not tried, the greatest expected improvement first."""
    new = [place for place in candidates if tuple(place) not in tried]
    return sorted(((_improvement(surrogate, place, best), place) for place in new), reverse=True)


def _improvement(surrogate: Surrogate, place: Point, best: float) -> float:
    """The expected improvement on the best."""
    mean, deviation = surrogate.expects(place)
    z = (best - mean) / deviation
    return deviation * (z * (1 + erf(z / sqrt(2))) / 2 + exp(-z * z / 2) / sqrt(2 * pi))


def _ranges(parameters: Sequence[Parameter], trials: Sequence[Mapping[str, Value]]) -> dict[str, Range]:
    """Around the better trials, beyond the range where they crowd at its end."""
    top = trials[: max(5, round(len(trials) * _TOP))]
    return {each.name: _range(each, [trial.get(each.name) for trial in top]) for each in parameters}


def _range(parameter: Parameter, column: Sequence[Value]) -> Range:
    if parameter.kind is Kind.CATEGORY:
        had = {str(value) for value in column if value is not None}
        return Range(values=tuple(name for name in parameter.categories if name in had))
    shares = sorted(_share(parameter, float(v)) for v in column if isinstance(v, int | float))
    if not shares:
        return Range(parameter.lowest, parameter.highest, parameter.scale, parameter.is_integer)
    low, high = quantile(shares, 0.1) - _MARGIN, quantile(shares, 0.9) + _MARGIN
    least, greatest = limits(parameter.name)
    bottom, top = _value(parameter, max(low, 0.0)), _value(parameter, min(high, 1.0))
    bottom, top = max(bottom, least), min(top, greatest)
    if parameter.is_integer and bottom == top:
        top = bottom + 1
    return Range(bottom, top, parameter.scale, parameter.is_integer)


def _why(
    expected: float | None,
    values: Sequence[float],
    parameters: Sequence[Parameter],
    ranges: Mapping[str, Range],
    repeats: Repeats | None,
) -> tuple[str, ...]:
    why = [f"The best of {plural(len(values), 'ranked trial')} is {shown(values[0])}."]
    if repeats is None:
        why.append("No configuration ran twice: repeat the best ones first, to learn how much chance changes values.")
    else:
        why.append(f"Repeats of equal configurations differ by {shown(repeats.deviation)} (standard deviation).")
    if expected is not None:
        why.append(f"The surrogate expects {shown(float(f'{expected:.4g}'))} of the most promising point.")
    for each in parameters:
        found = ranges[each.name]
        if each.kind is Kind.NUMBER and found.low is not None and found.high is not None:
            share = abs(_share(each, float(found.high)) - _share(each, float(found.low)))
            if share < _NARROWER:
                why.append(f"{each.name}: the best quarter of trials needs {percent(share)} of its range.")
    return tuple(why)
