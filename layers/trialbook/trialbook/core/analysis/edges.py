"""Whether a search's range is too narrow: the best trial lies at an end, and the others get better towards it.

One test at every number of trials: values must get better towards that end over the whole range, or the best trials
crowd there, more than chance would have it among all hyperparameters and both ends; and they must still get better on
the last third of the way, or the end is only part of a good region.
"""

from collections.abc import Mapping, Sequence
from itertools import permutations
from math import comb, sqrt

from trialbook.core.analysis.arithmetic import onto, place_between, rank_correlation
from trialbook.core.analysis.limits import is_quantity, limits
from trialbook.core.analysis.model import FLAT, Advice, Importance, Kind, Parameter, Value
from trialbook.core.analysis.students import upper_tail
from trialbook.core.numbers import Number, shown

_EDGE = 0.05  # of the range, on its scale
_FIFTH = 0.2
_THIRD = 1 / 3
_TOP = 0.1  # of the trials count as the best ones
_FEWEST_VALUES = 4  # distinct ones: of a grid of three, one is always in the middle and two are ends
_CHANCE = 0.025  # per sweep and test
_STILL_BETTER = 0.2  # how likely chance may be for values to get better on the last third
_ENUMERATED = 7  # trials, up to which all orders are counted
_MODEL_SAYS = 0.3  # of the variance out of sample, from which on a flat effect means something

Places = list[float]


def at_the_edge(
    parameters: Sequence[Parameter], trials: Sequence[Mapping[str, Value]], importance: Importance | None = None
) -> list[Advice]:
    """Numbers whose range should be widened, or moved. `trials` are best first."""
    idle = _idle(importance)
    numbers = [
        each
        for each in parameters
        if each.kind is Kind.NUMBER and each.distinct >= _FEWEST_VALUES and is_quantity(each.name)
    ]
    chance = _CHANCE / max(len(numbers), 1)
    found = (_edge(each, trials, chance) for each in numbers if each.name not in idle)
    return [each for each in found if each is not None]


def _idle(found: Importance | None) -> set[str]:
    """The hyperparameters that hardly matter, where the model explains enough for that to mean something."""
    if found is None or found.explained < _MODEL_SAYS:
        return set()
    return {effect.parameter for effect in found.effects if effect.share < FLAT}


def _edge(parameter: Parameter, trials: Sequence[Mapping[str, Value]], chance: float) -> Advice | None:
    given = [
        (rank, float(v)) for rank, each in enumerate(trials) if isinstance(v := each.get(parameter.name), int | float)
    ]
    placed = [(rank, place) for rank, value in given if (place := _place(parameter, value)) is not None]
    best = trials[0].get(parameter.name)
    if not placed or placed[0][0] != 0 or not isinstance(best, int | float):
        return None
    is_low = placed[0][1] <= _EDGE
    if _EDGE < placed[0][1] < 1 - _EDGE or not _is_more_to_try(parameter, best, is_low=is_low):
        return None
    near = [place if is_low else 1 - place for _, place in placed]  # 0 at the end, best trial first
    top = max(round(len(near) * _TOP), 3)
    there, there_of_all = (sum(1 for place in some if place <= _FIFTH) for some in (near[:top], near))
    is_crowded = len(near) > top and _at_least(there, top, there_of_all, len(near)) <= chance
    if not (is_crowded or _gets_better(near) <= chance) or not _still_gets_better(near):
        return None
    return _told(parameter, best, (there, top, there_of_all, len(near)), is_low=is_low)


def _place(parameter: Parameter, value: float) -> float | None:
    """Where a value lies in its range: 0 at the lower end, 1 at the upper one; None where the range has no width."""
    low, high = parameter.lowest, parameter.highest
    if low is None or high is None or low == high:
        return None
    scaled = onto(parameter.scale) if low > 0 else float
    is_on_scale = value > 0 or scaled is float
    return place_between(scaled(low), scaled(high), scaled(value)) if is_on_scale else None


def _is_more_to_try(parameter: Parameter, best: Number, *, is_low: bool) -> bool:
    """Whether there are values beyond: none lie below a dropout of 0, nor below a count of 0."""
    least, greatest = limits(parameter.name)
    end = parameter.lowest if is_low else parameter.highest
    if parameter.is_integer and best == parameter.lowest == 0:
        return False
    return end is not None and (end > least if is_low else end < greatest)


def _at_least(hits: int, drawn: int, marked: int, number: int) -> float:
    """The chance that of `drawn` trials at least `hits` are among the marked ones."""
    ways = sum(comb(marked, each) * comb(number - marked, drawn - each) for each in range(hits, min(drawn, marked) + 1))
    return ways / comb(number, drawn)


def _gets_better(near: Sequence[float]) -> float:
    """The chance that values in no order would get better towards the end as steadily; `near` are the distances from it
    of the best trial, of the second, and so on."""
    if len(near) < 3 or len(set(near)) < 2:
        return 1.0
    steady = rank_correlation(list(range(len(near))), near) or 0.0
    if len(near) <= _ENUMERATED:
        orders = list(permutations(range(len(near))))
        return sum(1 for order in orders if (rank_correlation(order, near) or 0.0) >= steady - 1e-9) / len(orders)
    left = max(1 - steady * steady, 1e-12)
    t, freedom = steady * sqrt((len(near) - 2) / left), len(near) - 2
    return upper_tail(t * (1 - 1 / (4 * freedom)) / sqrt(1 + t * t / (2 * freedom)))


def _still_gets_better(near: Sequence[float]) -> bool:
    """Whether values get better on the last third of the way; few trials there can't speak against it."""
    last = [place for place in near if place <= _THIRD]
    return len(last) < 6 or len(set(last)) < 3 or _gets_better(last) <= _STILL_BETTER


def _told(parameter: Parameter, value: Number, counts: tuple[int, int, int, int], *, is_low: bool) -> Advice:
    there, top, there_of_all, number = counts
    end = parameter.lowest if is_low else parameter.highest
    assert end is not None
    bound, side = "the range's" if parameter.has_range else "the tried", "lower" if is_low else "upper"
    text = f"{parameter.name} is best at {shown(value)}, at {bound} {side} end ({shown(end)})"
    if number >= 10:
        fifth = "lowest" if is_low else "highest"
        text += f", and {there:,} of the {top:,} best trials lie in the {fifth} fifth"
        text += f", against {there_of_all:,} of all {number:,}"
    text += f": try {'smaller' if is_low else 'larger'} values."
    figures: dict[str, Value] = {"best_at": value, "end": end, "near": there, "of": top, "near_of_all": there_of_all}
    return Advice("edge of range", text, parameter.name, figures)
