"""Which way a hyperparameter is better: towards one end, or in a range between."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, sqrt

from trialbook.core.analysis.model import Kind, Parameter
from trialbook.core.numbers import Number, number_of, shown

NO_DIRECTION = "no clear direction"
BY_VALUE = "depends on the value"  # of a category
_CLEAR = 0.2  # rank correlations nearer to 0 tell no direction
_RARE = (
    2.6  # standard deviations of a rank correlation that chance has in 1% of sweeps; nearer to 0 tell nothing either
)
_GOOD = 0.25  # of the way from the least cost to the greatest: how far the good range goes
_RISES = 0.4  # of that way, which both ends of a U shape lie above its bottom


@dataclass(frozen=True, slots=True)
class Shape:
    """The direction in words; the good range of a U shape."""

    words: str
    low: Number | None = None
    high: Number | None = None


def direction_of(
    parameter: Parameter, correlation: float | None, sign: int, costs: Sequence[tuple[float, str]], trials: int
) -> Shape:
    """Which way is better, where values run that way and the model's least cost is in the outer third there. `costs`
    are the model's, with the values they belong to, in order of these; lower is better."""
    if parameter.kind is Kind.CATEGORY:
        return Shape(BY_VALUE)
    if (valley := _valley(costs)) is not None:
        low, high = _whole(*valley) if parameter.is_integer else valley
        return Shape(f"U-shaped, best {low} to {high}", number_of(low), number_of(high))
    if correlation is None or abs(correlation) < max(_CLEAR, _RARE / sqrt(max(trials - 1, 1))):
        return Shape(NO_DIRECTION)
    is_lower = correlation * sign > 0
    place = costs.index(min(costs)) / max(len(costs) - 1, 1)
    if not (place <= 1 / 3 if is_lower else place >= 2 / 3):
        return Shape(NO_DIRECTION)
    return Shape("lower is better" if is_lower else "higher is better")


def _whole(low: str, high: str) -> tuple[str, str]:
    """The whole numbers in the range, or around it if there are not two in it."""
    least, greatest = float(number_of(low) or 0), float(number_of(high) or 0)
    inside = (ceil(least), floor(greatest))
    bounds = inside if inside[0] < inside[1] else (floor(least), ceil(greatest))
    return shown(bounds[0]), shown(bounds[1])


def _valley(costs: Sequence[tuple[float, str]]) -> tuple[str, str] | None:
    """The values between which a curve with its bottom inside is near it; None if it is no such curve."""
    levels = [level for level, _ in costs]
    if len(levels) < 4:
        return None
    least, greatest = min(levels), max(levels)
    bottom, height = levels.index(least), greatest - least
    is_inside = 0 < bottom < len(levels) - 1
    if not is_inside or min(levels[0], levels[-1]) - least < _RISES * height:
        return None
    low = high = bottom
    while low > 0 and levels[low - 1] - least <= _GOOD * height:
        low -= 1
    while high < len(levels) - 1 and levels[high + 1] - least <= _GOOD * height:
        high += 1
    if low == high:
        low, high = low - 1, high + 1
    return costs[low][1], costs[high][1]
