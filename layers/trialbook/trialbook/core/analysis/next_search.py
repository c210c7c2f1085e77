"""Where to search next: points that are likely to beat the best, or narrower ranges around the good ones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import erf, exp, pi, sqrt
from statistics import fmean

from trialbook.core.analysis.arithmetic import place_between, quantile, unit_of, variance
from trialbook.core.analysis.axes import least_beside_zero, onto_axis
from trialbook.core.analysis.conditionals import conditions_of
from trialbook.core.analysis.edges import Edge
from trialbook.core.analysis.model import Cause, Kind, NextRange, Parameter, RangeChange, Repeats, Value
from trialbook.core.analysis.repeats import searched
from trialbook.core.analysis.shuffling import Draws
from trialbook.core.analysis.surrogate import Point, Surrogate, fitted
from trialbook.core.analysis.verdict import range_text
from trialbook.core.analysis.where_next import REPEATED, next_ranges, share_of, value_at, why_silent
from trialbook.core.analysis.wording import plural
from trialbook.core.numbers import Number, shown, within
from trialbook.core.objectives import ObjectiveType

_MOST_TRIALS = 120  # that the surrogate takes: the best half of them, and others evenly
_CANDIDATES = 250  # drawn over the whole space for each point
_NEAR = 150  # drawn around the best so far
_STARTS = 5  # points around which others are drawn
_STEPS = (0.02, 0.08, 0.2)
_CLOSE = (0.02, 0.05, 0.1)
_FINE = (0.01, 0.03, 0.08)
_RISK = 0.25  # the greatest chance to fail that a point may have


@dataclass(frozen=True, slots=True)
class NextSearch:
    """Points to try, most promising first, ranges to search, and why. `repeats` are configurations to run again first,
    if nothing is known of noise."""

    points: tuple[Mapping[str, Value], ...]
    ranges: tuple[NextRange, ...]
    why: tuple[str, ...]
    repeats: tuple[Mapping[str, Value], ...] = ()


def next_search(
    parameters: Sequence[Parameter],
    trials: Sequence[Mapping[str, Value]],
    values: Sequence[float],
    objective_type: ObjectiveType,
    repeats: Repeats | None = None,
    points: int = 10,
    crowded: Sequence[Edge] = (),
    failed: Sequence[Mapping[str, Value]] = (),
    causes: Sequence[Cause] = (),
) -> NextSearch:
    """What the ranked trials, best first, say of the next ones, which keep away from where jobs failed. Nothing but the
    reason below ten of them, or if noise exceeds what the hyperparameters do."""
    used = searched([each for each in parameters if each.varies])
    if (reason := why_silent(values, used, repeats)) is not None:
        return NextSearch((), (), (reason,))
    failed = failed if causes else ()  # without a cause any job may fail, wherever it is
    space = _Space([_on_grid(each, trials) for each in used], trials)
    unit, sign = unit_of(values), 1 if objective_type is ObjectiveType.MINIMIZE else -1
    costs = [sign * value / unit for value in values]
    kept = _kept(len(costs))
    places = [space.place(trials[at]) for at in kept]
    targets, back = _standardised([costs[at] for at in kept])
    surrogate = fitted(places, targets)
    chosen = _choose(surrogate, space, points, _risk(space, trials, failed))
    suggested = tuple(space.values_at(place) for place, _ in chosen)
    ranged = [each for each in used if each.distinct > 1]
    ranges = next_ranges(ranged, trials, crowded, causes)
    least = min((expected for _, expected in chosen), default=None)
    expected = None if least is None else within(sign * (back[0] + back[1] * least) * unit)
    again = _repeated(trials, used) if repeats is None else ()
    why = _why(expected, values, ranges, repeats)
    if failed:
        why = (*why, f"{plural(len(failed), 'job')} failed: points keep away from where more are expected to.")
    if points and not suggested:
        other = "other " if failed else ""
        why = (*why, f"All {other}combinations of the values were tried: there is no new point.")
    return NextSearch(suggested, ranges, why, again)


def _on_grid(parameter: Parameter, trials: Sequence[Mapping[str, Value]]) -> Parameter:
    """The hyperparameter with the values that were tried as its only ones where trials share them: 255 is no batch size
    where 224 and 256 were tried again and again. Whole numbers that follow each other are no grid."""
    found = {value for trial in trials if isinstance(value := trial.get(parameter.name), Number)}
    is_shared = parameter.kind is Kind.NUMBER and not parameter.has_range and 0 < 2 * len(found) <= len(trials)
    if not is_shared or parameter.values:
        return parameter
    is_dense = parameter.is_integer and max(found) - min(found) < 2 * len(found)
    return parameter if is_dense else replace(parameter, values=tuple(sorted(found)))


def _repeated(
    trials: Sequence[Mapping[str, Value]], parameters: Sequence[Parameter]
) -> tuple[Mapping[str, Value], ...]:
    """The best configurations, to be run again with other seeds."""
    names = [each.name for each in parameters]
    return tuple(
        {name: value for name in names if (value := trial.get(name)) is not None} for trial in trials[:REPEATED]
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

    def __init__(self, parameters: Sequence[Parameter], trials: Sequence[Mapping[str, Value]]) -> None:
        self.parameters = parameters
        found = {each.name: least_beside_zero(each, (trial.get(each.name) for trial in trials)) for each in parameters}
        self.conditions = conditions_of(parameters, trials)
        self.beside_zero = {name: least for name, least in found.items() if least is not None}

    def place(self, trial: Mapping[str, Value]) -> Point:
        found: list[float] = []
        for each in self.parameters:
            value = trial.get(each.name)
            if each.kind is Kind.CATEGORY:
                found += [float(str(value) == name) if value is not None else 0.0 for name in each.categories]
            else:
                found.append(0.5 if value is None or isinstance(value, str) else self._share(each, float(value)))
            if each.missing:
                found.append(float(value is None))
        return found

    def values_at(self, place: Point) -> dict[str, Value]:
        """The hyperparameters there, each set if those that decide about it say so."""
        found = self._all_values_at(place)
        kept = {each.name for each in self.parameters if not self._is_left_out(each, found)}
        return {name: value for name, value in found.items() if name in kept}

    def _is_left_out(self, parameter: Parameter, values: Mapping[str, Value]) -> bool:
        conditions = self.conditions.get(parameter.name, ())
        decided = [is_set for each in conditions if (is_set := each.is_set.get(values.get(each.parent))) is not None]
        return bool(decided) and not all(decided)

    def _all_values_at(self, place: Point) -> dict[str, Value]:
        found: dict[str, Value] = {}
        at = 0
        for each in self.parameters:
            width = len(each.categories) if each.kind is Kind.CATEGORY else 1
            own = place[at : at + width]
            at += width
            is_missing = bool(each.missing) and place[at] > 0.5 and each.name not in self.conditions
            at += bool(each.missing)
            if is_missing:
                continue
            if each.kind is Kind.CATEGORY:
                found[each.name] = each.categories[max(range(width), key=own.__getitem__)]
            else:
                found[each.name] = self._value(each, own[0])
        return found

    def drawn(self, source: Draws) -> Point:
        """A point anywhere, as the search has them."""
        found: list[float] = []
        for each in self.parameters:
            if each.kind is Kind.CATEGORY:
                chosen = source.below(len(each.categories))
                found += [float(at == chosen) for at in range(len(each.categories))]
            else:
                found.append(self._settled(each, source.share()))
            if each.missing:
                found.append(float(source.share() < 0.3))
        return self._plainly(found)

    def near(self, place: Point, step: float, source: Draws) -> Point:
        """A point near another one: some axes moved a little, a category or whether it is set changed now and then."""
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
                    found[at] = self._settled(each, min(max(found[at] + 2 * step * bell, 0.0), 1.0))
                at += 1
            if each.missing:
                found[at] = 1 - found[at] if source.share() < step else found[at]
                at += 1
        return self._plainly(found)

    def _plainly(self, place: Point) -> Point:
        """The one place of the values there: whatever is left out has no other place than in the trials without it."""
        return self.place(self.values_at(place)) if any(each.missing for each in self.parameters) else place

    def _settled(self, parameter: Parameter, share: float) -> float:
        """The share that the value has once it is a whole number, if only those are tried, or one of few."""
        return self._share(parameter, float(self._value(parameter, share)))

    def _share(self, parameter: Parameter, value: float) -> float:
        least = self.beside_zero.get(parameter.name)
        if least is None:
            return share_of(parameter, value)
        to, _ = onto_axis(parameter, least)
        return place_between(0.0, to(float(parameter.highest or 0)), to(max(value, 0.0)))

    def _value(self, parameter: Parameter, share: float) -> Number:
        least = self.beside_zero.get(parameter.name)
        if least is None:
            return value_at(parameter, share)
        to, back = onto_axis(parameter, least)
        at = share * to(float(parameter.highest or 0))
        if parameter.values and not parameter.has_range:
            return min(parameter.values, key=lambda each: abs(to(float(each)) - at))
        value = back(at)
        return round(value) if parameter.is_integer else float(f"{value if value >= least / 2 else 0.0:.6g}")


_Risk = Callable[[Point], float]


def _risk(space: _Space, trials: Sequence[Mapping[str, Value]], failed: Sequence[Mapping[str, Value]]) -> _Risk:
    """The chance that a job fails at a point, by the jobs that did and those that did not."""
    if not failed:
        return lambda place: 0.0
    ended = [*((each, 0.0) for each in trials), *((each, 1.0) for each in failed)]
    kept = ended[:: -(-len(ended) // _MOST_TRIALS)]
    share = fmean(has_failed for _, has_failed in kept)
    spread = sqrt(share * (1 - share)) or 1.0
    places = [space.place(each) for each, _ in kept]
    surrogate = fitted(places, [(has_failed - share) / spread for _, has_failed in kept])
    return lambda place: min(max(share + spread * surrogate.expects(place)[0], 0.0), 1.0)


def _choose(surrogate: Surrogate, space: _Space, points: int, risk: _Risk) -> list[tuple[Point, float]]:
    """One point after the other, each with the greatest expected improvement if those before turn out as expected.

    Every other point is close to a trial that is among the best: what is expected of the points before draws the next
    ones away from what is known to be good, where an objective that is flat near its best has most to gain."""
    source = Draws(len(surrogate.points) * 7919 + points)
    chosen: list[tuple[Point, float]] = []
    tried = {_about(place) for place in surrogate.points}
    trials = _best_of(surrogate)
    for number in range(points):
        best = min(surrogate.targets)
        scored: list[tuple[float, Point]] = []
        if number % 2:
            scored = _scored(surrogate, risk, _around(space, trials, _CLOSE, _CANDIDATES, source), best, tried)
        if not scored:
            anywhere = [space.drawn(source) for _ in range(_CANDIDATES)]
            near = _around(space, _best_of(surrogate), _STEPS, _NEAR, source)
            scored = _scored(surrogate, risk, [*anywhere, *near], best, tried)
        if not scored:
            break
        finer = [space.near(each, step, source) for _, each in scored[:4] for step in _FINE for _ in range(5)]
        scored += _scored(surrogate, risk, finer, best, tried)
        _, place = max(scored)
        expected, _ = surrogate.expects(place)
        chosen.append((place, expected))
        tried.add(_about(place))
        surrogate.believe(place, expected)
    return chosen


def _best_of(surrogate: Surrogate) -> list[Point]:
    order = sorted(range(len(surrogate.points)), key=surrogate.targets.__getitem__)
    return [surrogate.points[at] for at in order[:_STARTS]]


def _around(space: _Space, starts: Sequence[Point], steps: Sequence[float], number: int, source: Draws) -> list[Point]:
    return [space.near(starts[n % len(starts)], steps[n % len(steps)], source) for n in range(number)]


def _about(place: Point) -> tuple[float, ...]:
    """The place to a thousandth of what was searched: what is nearer to a trial would only repeat it."""
    return tuple(round(each, 3) for each in place)


def _scored(
    surrogate: Surrogate, risk: _Risk, candidates: Sequence[Point], best: float, tried: set[tuple[float, ...]]
) -> list[tuple[float, Point]]:
    """Points that were not tried and where few jobs fail, the greatest expected improvement first."""
    new = [place for place in candidates if _about(place) not in tried and risk(place) <= _RISK]
    return sorted(((_improvement(surrogate, place, best), place) for place in new), reverse=True)


def _improvement(surrogate: Surrogate, place: Point, best: float) -> float:
    """The expected improvement on the best."""
    mean, deviation = surrogate.expects(place)
    z = (best - mean) / deviation
    return deviation * (z * (1 + erf(z / sqrt(2))) / 2 + exp(-z * z / 2) / sqrt(2 * pi))


def _why(
    expected: float | None, values: Sequence[float], ranges: Sequence[NextRange], repeats: Repeats | None
) -> tuple[str, ...]:
    why = [f"The best of {plural(len(values), 'ranked trial')} is {shown(values[0])}."]
    if repeats is None:
        why.append("No configuration ran twice: repeat the best ones first, to learn how much chance changes values.")
    else:
        why.append(f"Repeats of equal configurations differ by {shown(repeats.deviation)} (standard deviation).")
    if expected is not None:
        why.append(f"The surrogate expects {_expectation(expected, values)} of the most promising point.")
    changed = [each for each in ranges if each.change is not RangeChange.NONE]
    why += [f"{each.parameter}, {range_text(each)}: {each.why}." for each in changed]
    return tuple(why)


def _expectation(expected: float, values: Sequence[float]) -> str:
    """The value, unless it is beyond 0 or 1 and no trial was: a loss is never negative, a share never above 1."""
    least, most = min(values), max(values)
    is_below, is_above = least >= 0 > expected, most <= 0 < expected or (least >= 0 and most <= 1 < expected)
    if is_below or is_above:
        return f"no worse than {shown(values[0])}"
    return shown(float(f"{expected:.4g}"))
