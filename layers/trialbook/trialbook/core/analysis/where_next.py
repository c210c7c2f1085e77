"""Which ranges to search next: narrower ones where the good trials crowd, and wider ones where they crowd at an end.

A range is narrowed only if the best quarter of the trials lies closer together than chance would have it, by shuffles,
among all hyperparameters. It moves beyond what was tried only where values still get better at its end.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import comb, exp, log, sqrt

from trialbook.core.analysis.advice import conditions
from trialbook.core.analysis.arithmetic import between, onto, place_between, quantile, unit_of, variance
from trialbook.core.analysis.causes import is_met
from trialbook.core.analysis.edges import Edge
from trialbook.core.analysis.limits import limits
from trialbook.core.analysis.model import (
    LEAST_TO_SUGGEST,
    Cause,
    Kind,
    NextRange,
    Parameter,
    RangeChange,
    Repeats,
    Value,
    WhereNext,
)
from trialbook.core.analysis.shuffling import Draws
from trialbook.core.analysis.wording import plural
from trialbook.core.numbers import Number, shown, within

REPEATED = 5  # of the best configurations, to be run again where nothing is known of noise
_TOP = 0.25  # of the trials make the ranges
_FEWEST_TOP, _MOST_TOP = 5, 100
_NARROWER = 0.8  # of a range: what is not narrower changes nothing
_MARGIN = 0.1  # of the range, on either side of the good ones
_BEYOND = 0.25  # of the range, that is added at an end
_SHUFFLES = 199
_FAR_BELOW = 0.1  # of the limit: a bound of the chance that shuffles need not refine
_CHANCE = 0.05  # per sweep, that some range is narrowed although its hyperparameter does nothing
_MOSTLY = 0.75  # of the jobs that meet the cause of failures: then ranges leave it out
_LEAST_SHARE = 1 / 3  # of the lowest value tried: positive values stay positive

Trials = Sequence[Mapping[str, Value]]


def why_silent(values: Sequence[float], parameters: Sequence[Parameter], repeats: Repeats | None) -> str | None:
    """Why nothing can be suggested; None if something can."""
    if len(values) < LEAST_TO_SUGGEST:
        return f"{plural(len(values), 'ranked trial')}: below {LEAST_TO_SUGGEST} nothing can be said."
    if not parameters:
        return "No hyperparameter varies."
    if len(set(values)) == 1:
        return f"All {plural(len(values), 'ranked trial')} have the same value."
    deviation = _deviation(values)
    if repeats is not None and repeats.deviation >= deviation:
        spread = f"Repeats differ by {shown(repeats.deviation)}, all trials by {shown(deviation)}"
        return f"{spread} (standard deviations): noise exceeds what the hyperparameters do."
    return None


def _deviation(values: Sequence[float]) -> float:
    unit = unit_of(values)
    found = sqrt(variance([value / unit for value in values]) * len(values) / (len(values) - 1))
    return within(found * unit)


def where_next(
    parameters: Sequence[Parameter],
    trials: Trials,
    values: Sequence[float],
    repeats: Repeats | None,
    crowded: Sequence[Edge],
    causes: Sequence[Cause],
    sweep_id: str,
) -> WhereNext | None:
    """What the report says of the next search; None if nothing can be said, or no range stands out. Trials are best
    first."""
    if why_silent(values, parameters, repeats) is not None:
        return None
    ranges = next_ranges(parameters, trials, crowded, causes)
    changed = tuple(each for each in ranges if each.change is not RangeChange.NONE)
    if not changed:
        return None
    again = REPEATED if repeats is None else 0
    return WhereNext(changed, len(ranges) - len(changed), again, f"trialbook next {sweep_id}")


def next_ranges(
    parameters: Sequence[Parameter], trials: Trials, crowded: Sequence[Edge], causes: Sequence[Cause] = ()
) -> tuple[NextRange, ...]:
    """A range for each hyperparameter; what was searched where the trials speak for no other. Where most jobs fail,
    no range goes."""
    ends = {each.parameter.name: each for each in crowded if each.goes_on}
    limit = max(_CHANCE / max(len(parameters), 1), 1 / (_SHUFFLES + 1))
    return tuple(_without(causes, _next_range(each, trials, ends.get(each.name), limit), trials) for each in parameters)


def _failed(cause: Cause) -> str:
    return f"{cause.failed:,} of the {plural(cause.jobs, 'job')} with {conditions(cause.conditions)} failed"


def _without(causes: Sequence[Cause], found: NextRange, trials: Trials) -> NextRange:
    """The range without the end, or the values, at which most jobs fail whatever else they have."""
    for cause in causes:
        (first, *others), name = cause.conditions, found.parameter
        if others or first.parameter != name or cause.failed < _MOSTLY * cause.jobs:
            continue
        why = _failed(cause)
        values = tuple(each for each in found.values if not is_met(first, {name: each}))
        if found.values:
            if 0 < len(values) < len(found.values):
                found = replace(found, values=values, change=RangeChange.NARROWER, why=why)
            continue
        well = [v for trial in trials if isinstance(v := trial.get(name), Number) and not is_met(first, trial)]
        low = min(well, default=found.low) if is_met(first, {name: found.low}) else found.low
        high = max(well, default=found.high) if is_met(first, {name: found.high}) else found.high
        if (low, high) != (found.low, found.high) and low is not None and high is not None and low < high:
            found = replace(found, low=low, high=high, change=RangeChange.NARROWER, why=why)
    return found


def _next_range(parameter: Parameter, trials: Trials, end: Edge | None, limit: float) -> NextRange:
    column = [trial.get(parameter.name) for trial in trials]
    top = max(_FEWEST_TOP, round(len(trials) * _TOP))
    if parameter.kind is Kind.CATEGORY:
        return _categories(parameter, column, top, limit)
    to_share = _onto_shares(parameter)
    shares = [to_share(float(value)) for value in column[:top] if isinstance(value, Number)]
    everywhere = [to_share(float(value)) for value in column if isinstance(value, Number)]
    whole = NextRange(
        parameter.name, parameter.lowest, parameter.highest, parameter.scale, is_integer=parameter.is_integer
    )
    if not shares or parameter.lowest is None or parameter.highest is None:
        return whole
    low, high = _around(shares)
    is_narrower = high - low < _NARROWER and _is_closer_than_chance(parameter, shares, everywhere, limit)
    bottom, up = (value_at(parameter, low), value_at(parameter, high)) if is_narrower else (whole.low, whole.high)
    if end is not None:
        return _beyond(parameter, end, bottom, up)
    if not is_narrower or bottom is None or up is None or bottom == up:
        return whole
    there, of_all = (sum(1 for share in some if low <= share <= high) for some in (shares, everywhere))
    why = f"{there:,} of the {len(shares):,} best trials are there, against {of_all:,} of all {len(everywhere):,}"
    return NextRange(
        parameter.name, bottom, up, parameter.scale, (), RangeChange.NARROWER, why, is_integer=parameter.is_integer
    )


def _around(shares: Sequence[float]) -> tuple[float, float]:
    ordered = sorted(shares)
    return max(quantile(ordered, 0.1) - _MARGIN, 0.0), min(quantile(ordered, 0.9) + _MARGIN, 1.0)


def _is_closer_than_chance(
    parameter: Parameter, shares: Sequence[float], everywhere: Sequence[float], limit: float
) -> bool:
    """Whether so many trials rarely lie so close together: drawn from the declared range, where a search may have
    chosen its trials, else from all that were tried."""
    step = -(-len(shares) // _MOST_TOP)
    kept = shares[::step]
    width = _width(kept)
    within = width if parameter.has_range else _most_within(width, everywhere)
    if _most_likely(within, len(kept)) < limit * _FAR_BELOW:
        return True
    source = Draws(len(everywhere) * 31 + len(kept))
    as_close, pool = 1, list(everywhere)
    for _ in range(_SHUFFLES):
        drawn = [source.share() for _ in kept] if parameter.has_range else source.sample(pool, len(kept))
        as_close += _width(drawn) <= width
        if as_close > limit * (_SHUFFLES + 1):
            return False
    return True


def _most_within(width: float, everywhere: Sequence[float]) -> float:
    """The greatest part of all trials that lies within so wide a window."""
    ordered = sorted(everywhere)
    first = most = 0
    for last, share in enumerate(ordered):
        while share - ordered[first] > width:
            first += 1
        most = max(most, last + 1 - first)
    return most / len(ordered)


def _most_likely(within: float, drawn: int) -> float:
    """A bound of the chance that four fifths of the drawn lie in one window that holds this part of all: for each as
    the window's first, Chernoff's of the others. It spares the shuffles where they could only confirm."""
    others = drawn - 1
    part = (0.8 * others - 2) / others if others else 0.0
    if not 0 < within < part < 1:
        return 1.0
    far = part * log(part / within) + (1 - part) * log((1 - part) / (1 - within))
    return drawn * exp(-others * far)


def _width(shares: Sequence[float]) -> float:
    ordered = sorted(shares)
    return quantile(ordered, 0.9) - quantile(ordered, 0.1)


def _beyond(parameter: Parameter, end: Edge, bottom: Number | None, up: Number | None) -> NextRange:
    """A range that continues beyond the end, as far as values can be."""
    assert parameter.lowest is not None
    assert parameter.highest is not None
    least, greatest = limits(parameter.name)
    low, high, scaled = _bounds(parameter)
    if end.is_low:
        further = _unscaled(scaled, between(scaled(low), scaled(high), -_BEYOND))
        floor = max(least, float(f"{low * _LEAST_SHARE:.3g}")) if low > 0 else least
        bottom = max(_rounded(parameter, further, is_up=False), floor)
        bottom = int(bottom) if parameter.is_integer else bottom
    else:
        further = _unscaled(scaled, between(scaled(low), scaled(high), 1 + _BEYOND))
        up = min(_rounded(parameter, further, is_up=True), greatest)
    bound = parameter.lowest if end.is_low else parameter.highest
    searched = "searched" if parameter.has_range else "tried"
    why = (
        f"values still get better at the {'lower' if end.is_low else 'upper'} end of what was {searched}, "
        f"{shown(bound)}: {end.near:,} of the {end.top:,} best trials lie in the last fifth"
    )
    return NextRange(
        parameter.name, bottom, up, parameter.scale, (), RangeChange.BEYOND, why, is_integer=parameter.is_integer
    )


def _rounded(parameter: Parameter, value: float, *, is_up: bool) -> Number:
    if not parameter.is_integer:
        return float(f"{value:.3g}")
    edge = (parameter.highest if is_up else parameter.lowest) or 0
    return max(round(value), int(edge) + 1) if is_up else min(round(value), int(edge) - 1)


def _categories(parameter: Parameter, column: Sequence[Value], top: int, limit: float) -> NextRange:
    """The values without those that the best trials lack, if chance would rarely keep them away."""
    given = [None if value is None else str(value) for value in column]
    best, size = given[:top], len(given)
    kept = tuple(
        name
        for name in parameter.categories
        if name in best or _never(given.count(name), len(best), size) > limit / max(len(parameter.categories), 1)
    )
    is_narrower = 0 < len(kept) < len(parameter.categories)
    if not is_narrower:
        return NextRange(parameter.name, values=parameter.categories)
    why = f"none of the {len(best):,} best trials has another value"
    return NextRange(parameter.name, values=kept, change=RangeChange.NARROWER, why=why)


def _never(marked: int, drawn: int, number: int) -> float:
    """The chance that none of the marked ones is among the drawn."""
    return comb(number - marked, drawn) / comb(number, drawn)


def share_of(parameter: Parameter, value: float) -> float:
    """Where a value is in its range, on its scale: 0 at the lower end, 1 at the upper one."""
    return _onto_shares(parameter)(value)


def _onto_shares(parameter: Parameter) -> Callable[[float], float]:
    low, high, scaled = _bounds(parameter)
    if high <= low:
        return lambda value: 0.5
    least, greatest = scaled(low), scaled(high)
    return lambda value: place_between(least, greatest, scaled(value)) if value >= low else 0.5


def value_at(parameter: Parameter, share: float) -> Number:
    """The value at a share of the way, one that can be tried: a whole number, or one of a grid."""
    low, high, scaled = _bounds(parameter)
    at = between(scaled(low), scaled(high), share)
    value = min(max(_unscaled(scaled, at), low), high)
    if parameter.values and not parameter.has_range:  # a grid: 34 is no batch size where 32 and 64 were tried
        return min(parameter.values, key=lambda each: abs(scaled(float(each)) - at))
    return round(value) if parameter.is_integer else float(f"{value:.6g}")


def _bounds(parameter: Parameter) -> tuple[float, float, Callable[[float], float]]:
    low, high = float(parameter.lowest or 0), float(parameter.highest or 0)
    return low, high, onto(parameter.scale) if low > 0 else float


def _unscaled(scaled: Callable[[float], float], value: float) -> float:
    return value if scaled is float else exp(value)
