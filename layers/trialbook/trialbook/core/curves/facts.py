"""The facts of a trial's curve: its best value so far, when it was good enough, where it diverged or overfitted."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from statistics import median

from trialbook.core.curves.series import Series

_SHORTEST = 8  # points of a curve whose shape says anything
_LATE = 4  # the last quarter of a curve
_RUNAWAY = 2.0  # times the level at the start
_WORSE = 0.1  # of what the curve gained from its start to its best value
_STILL_GAINS = 0.02  # of what the curve gained, in its last tenth
_LAST_PART = 10


def best_so_far(series: Series, *, maximise: bool) -> list[tuple[float, float]]:
    """The best value up to each point."""
    xs, values = series.numbers
    return list(zip(xs, accumulate(values, max if maximise else min), strict=True))


def passed_at(series: Series, level: float, *, maximise: bool) -> float | None:
    """Where the curve first is as good as the level; None if it never is."""
    xs, values = series.numbers
    if not values or (max(values) < level if maximise else min(values) > level):
        return None
    return next(x for x, value in zip(xs, values, strict=True) if (value >= level if maximise else value <= level))


def diverged_at(series: Series, *, maximise: bool = False) -> float | None:
    """Where the curve diverged: its first value that is no number; or, for a minimised metric, where it rises for good
    above twice the level that it began at."""
    xs, values = series.numbers
    if len(values) < len(series.values):
        return series.xs[series.values.index(None)]
    if maximise or len(values) < _SHORTEST:
        return None
    start = values[0]
    limit = start + max(abs(start), 1e-12) * (_RUNAWAY - 1)
    if values[-1] <= limit or median(_late(values)) <= limit:
        return None
    last_below = max(place for place, value in enumerate(values) if value <= limit)  # the first one is
    return xs[last_below + 1]


def overfits_from(validation: Series, train: Series, *, maximise: bool) -> float | None:
    """Where the trial began to overfit: its best validation value, if that is before the last quarter, the values of
    the last quarter are worse by a tenth of all that was gained, and those on training data continued getting
    better."""
    costs, of_train = _costs(validation, maximise=maximise), _costs(train, maximise=maximise)
    if min(len(costs), len(of_train)) < _SHORTEST:
        return None
    best, late = min(costs), _late(costs)
    place, gained = costs.index(best), costs[0] - best
    if place >= len(costs) - len(late) or gained <= 0 or median(late) - best < _WORSE * gained:
        return None
    x = validation.numbers[0][place]
    until_then = of_train[: bisect_right(train.numbers[0], x)]
    return x if until_then and median(_late(of_train)) < min(until_then) else None


def still_gains(series: Series, *, maximise: bool) -> float | None:
    """The share of all that the curve gained which its last tenth gained; None if that is next to nothing."""
    costs = _costs(series, maximise=maximise)
    if len(costs) < 2 * _LAST_PART:
        return None
    before, best = min(costs[: -len(costs) // _LAST_PART]), min(costs)
    gained = costs[0] - best
    share = (before - best) / gained if gained > 0 else 0.0
    return share if share >= _STILL_GAINS else None


def _costs(series: Series, *, maximise: bool) -> Sequence[float]:
    """The values, or what is lower if they are better."""
    values = series.numbers[1]
    return [-value for value in values] if maximise else values


def _late(values: Sequence[float]) -> Sequence[float]:
    """The last quarter."""
    return values[-max(len(values) // _LATE, 2) :]
