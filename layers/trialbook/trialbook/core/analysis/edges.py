"""Whether a search's range is too narrow: the best trial is at an end, and the others get better towards it.

One test at every number of trials, stricter for few: values must get better towards that end over the whole range, or
the best trials crowd there, more than chance would have it among all hyperparameters and both ends. And they must still
get better near the end: on the last third of the way, and beyond the step that divides good from bad values most
clearly, if there are trials enough to ask that. Without that the end is only part of a good region. Larger or smaller
values are recommended only if values still get better beyond a second step; else it is said that they were not tried.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, permutations
from math import comb, sqrt

from trialbook.core.analysis.arithmetic import onto, place_between, rank_correlation
from trialbook.core.analysis.limits import is_quantity, limits
from trialbook.core.analysis.model import FLAT, Advice, Importance, Kind, Parameter, Value
from trialbook.core.analysis.students import upper_tail
from trialbook.core.analysis.wording import plural
from trialbook.core.numbers import Number, shown

_EDGE = 0.05  # of the range, on its scale
_FIFTH = 0.2
_THIRD = 1 / 3
_TOP = 0.1  # of the trials count as the best ones
_FEWEST_VALUES = 4  # distinct ones: of a grid of three, one is always in the middle and two are ends
_CHANCE = 0.025  # per sweep and test
_CHANCE_OF_FEW = 1 / 120  # five in order; of few, of which nothing is asked beyond a step, which would pass too often
_STILL_BETTER = 0.2  # how likely chance may be for values to get better on the last third
_BETTER_BEYOND_STEP = 0.1  # the same for the part beyond the clearest step
_BETTER_BEYOND_TWO = 0.25  # the same for the part beyond the second one
_FEW = 12  # trials, up to which nothing is asked of the part beyond the step: it has too few to say anything
_FEWEST_BEYOND = 4
_ENUMERATED = 7  # trials, up to which all orders are counted
_MODEL_SAYS = 0.3  # of the variance out of sample, from which on a flat effect means something

Places = list[float]


@dataclass(frozen=True, slots=True)
class Edge:
    """An end of a hyperparameter's range that the best trial is at and the others get better towards. `near` of the
    `top` best trials are in the fifth of the range there, and `near_of_all` of all. `goes_on`: values still get better
    close to the end, so that there may be better ones beyond."""

    parameter: Parameter
    is_low: bool
    best: Number
    near: int
    top: int
    near_of_all: int
    trials: int
    goes_on: bool


def edges(
    parameters: Sequence[Parameter], trials: Sequence[Mapping[str, Value]], importance: Importance | None = None
) -> list[Edge]:
    """The ends beyond which there may be better values. `trials` are best first."""
    idle = _idle(importance)
    numbers = [
        each
        for each in parameters
        if each.kind is Kind.NUMBER and each.distinct >= _FEWEST_VALUES and is_quantity(each.name)
    ]
    chance = (_CHANCE if len(trials) > _FEW else _CHANCE_OF_FEW) / max(len(numbers), 1)
    found = (_edge(each, trials, chance) for each in numbers if each.name not in idle)
    return [each for each in found if each is not None]


def at_the_edge(found: Sequence[Edge]) -> list[Advice]:
    """Numbers whose range should be widened, or moved."""
    return [_advice(each) for each in found]


def _idle(found: Importance | None) -> set[str]:
    """The hyperparameters that hardly matter, where the model explains enough for that to mean something."""
    if found is None or found.explained < _MODEL_SAYS:
        return set()
    return {effect.parameter for effect in found.effects if effect.share < FLAT}


def _edge(parameter: Parameter, trials: Sequence[Mapping[str, Value]], chance: float) -> Edge | None:
    given = [(rank, float(v)) for rank, each in enumerate(trials) if isinstance(v := each.get(parameter.name), Number)]
    placed = [(rank, place) for rank, value in given if (place := _place(parameter, value)) is not None]
    best = trials[0].get(parameter.name)
    if not placed or placed[0][0] != 0 or not isinstance(best, Number):
        return None
    is_low = placed[0][1] <= _EDGE
    if _EDGE < placed[0][1] < 1 - _EDGE or not _is_more_to_try(parameter, best, is_low=is_low):
        return None
    near = [place if is_low else 1 - place for _, place in placed]  # 0 at the end, best trial first
    top = max(round(len(near) * _TOP), 3)
    there, there_of_all = (sum(1 for place in some if place <= _FIFTH) for some in (near[:top], near))
    is_crowded = len(near) > top and _at_least(there, top, there_of_all, len(near)) <= chance
    if not (is_crowded or _gets_better(near) <= chance) or not _still_gets_better(near) or _is_step(near):
        return None
    return Edge(parameter, is_low, best, there, top, there_of_all, len(near), _goes_on(near))


def _place(parameter: Parameter, value: float) -> float | None:
    """Where a value is in its range: 0 at the lower end, 1 at the upper one; None where the range has no width."""
    low, high = parameter.lowest, parameter.highest
    if low is None or high is None or low == high:
        return None
    scaled = onto(parameter.scale) if low > 0 else float
    is_on_scale = value > 0 or scaled is float
    return place_between(scaled(low), scaled(high), scaled(value)) if is_on_scale else None


def _is_more_to_try(parameter: Parameter, best: Number, *, is_low: bool) -> bool:
    """Whether there are values beyond: none are below a dropout of 0, nor below a count of 0."""
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


def _is_step(near: Sequence[float]) -> bool:
    """Whether values do no longer get better beyond the clearest step. The best trial is left out: it is at the end,
    or nothing would be asked."""
    if len(near) <= _FEW:
        return False
    beyond = [place for place in near[1:] if place < _step(near)]
    return len(beyond) < _FEWEST_BEYOND or _gets_better(beyond) > _BETTER_BEYOND_STEP


def _goes_on(near: Sequence[float]) -> bool:
    """Whether values get better beyond a second step too: the best part of two steps in a row is as flat as that of
    one. Few trials can't say so."""
    if len(near) <= _FEW:
        return False
    beyond = [place for place in near[1:] if place < _step(near)]
    last = [place for place in beyond if place < _step(beyond)]
    if len(last) < _FEWEST_BEYOND:
        return _gets_better(beyond) <= _BETTER_BEYOND_STEP / 3
    return _gets_better(last) <= _BETTER_BEYOND_TWO


def _step(near: Sequence[float]) -> float:
    """The distance from the end that divides the trials into a good and a bad group most clearly, by their ranks."""
    order = sorted(range(len(near)), key=near.__getitem__)  # ranks, from the end inwards
    mean = (len(near) - 1) / 2
    sums = accumulate(rank - mean for rank in order)
    size = len(near)
    clear = {
        place: total * total * size / (place * (size - place))
        for place, total in zip(range(1, size), sums, strict=False)
        if near[order[place - 1]] < near[order[place]]
    }
    place = max(clear, key=clear.__getitem__, default=size - 1)
    return near[order[place]]


def _advice(edge: Edge) -> Advice:
    parameter = edge.parameter
    end = parameter.lowest if edge.is_low else parameter.highest
    assert end is not None
    bound, side = "the range's" if parameter.has_range else "the tried", "lower" if edge.is_low else "upper"
    text = f"{parameter.name} is best at {shown(edge.best)}, at {bound} {side} end ({shown(end)})"
    if edge.trials >= 10:
        fifth = "lowest" if edge.is_low else "highest"
        text += f", and {edge.near:,} of the {edge.top:,} best trials lie in the {fifth} fifth"
        text += f", against {edge.near_of_all:,} of all {edge.trials:,}"
    way = "smaller" if edge.is_low else "larger"
    if edge.goes_on:
        text += f": try {way} values."
    else:
        text += (
            f". Values get better towards it; {way} ones were not tried, and {plural(edge.trials, 'trial')} can't tell"
        )
        text += " whether they would be better."
    figures: dict[str, Value] = {
        "best_at": edge.best,
        "end": end,
        "near": edge.near,
        "of": edge.top,
        "near_of_all": edge.near_of_all,
        "goes_on": int(edge.goes_on),
    }
    return Advice("edge of range", text, parameter.name, figures)
