"""What a curve says about a trial: when it was good enough, when it ran away, since when it only got worse."""

from dataclasses import dataclass
from statistics import median

from trialbook.core.curves.series import Series

_SHORTEST = 8  # points of a curve whose shape says anything
_LATE = 4  # the last quarter of a curve
_LOST = 0.2  # of what was gained until the best point: as much has to be lost again
_BEFORE_END = 0.8  # of the points: the best one must lie before
_RUNAWAY = 2.0  # times the level at the start


@dataclass(frozen=True, slots=True)
class Overfitting:
    """Since `since` the metric on validation data got worse, from `best` to `last`, while that on training data
    improved."""

    since: float
    best: float
    last: float


def reached_at(series: Series, level: float, *, maximise: bool) -> float | None:
    """Where the curve first is as good as the level; None if it never is."""
    return next((x for x, value in series.points() if (value >= level if maximise else value <= level)), None)


def best_so_far(series: Series, *, maximise: bool) -> list[tuple[float, float]]:
    """The best value up to each point."""
    found: list[tuple[float, float]] = []
    choose = max if maximise else min
    for x, value in series.points():
        found.append((x, choose(found[-1][1], value) if found else value))
    return found


def diverged_at(series: Series, *, maximise: bool = False) -> float | None:
    """Where the curve ran away: its first value that is no number; or, of a metric that is minimised, where it rises
    for good above twice the level that it began at."""
    for x, value in zip(series.xs, series.values, strict=True):
        if value is None:
            return x
    points = series.points()
    if maximise or len(points) < _SHORTEST:
        return None
    start = points[0][1]
    limit = start + max(abs(start), 1e-12) * (_RUNAWAY - 1)
    late = [value for _, value in points[-max(len(points) // _LATE, 2) :]]
    if median(late) <= limit or points[-1][1] <= limit:
        return None
    below = [place for place, (_, value) in enumerate(points) if value <= limit]
    return points[below[-1] + 1][0] if below else points[0][0]


def overfitting(train: Series, validation: Series, *, maximise: bool) -> Overfitting | None:
    """Whether the trial overfitted. One that lost less than a fifth of what it had gained may only be noisy."""
    points = validation.points()
    if len(points) < _SHORTEST:
        return None
    sign = -1 if maximise else 1
    costs = [sign * value for _, value in points]
    place = min(range(len(costs)), key=lambda each: (costs[each], each))
    last = median(costs[-max(len(costs) // 10, 1) :])
    gained, lost = costs[0] - costs[place], last - costs[place]
    if place >= _BEFORE_END * len(costs) or gained <= 0 or lost <= _LOST * gained:
        return None
    since = points[place][0]
    if not _improves(train, since, sign):
        return None
    return Overfitting(since, points[place][1], sign * last)


def _improves(series: Series, since: float, sign: int) -> bool:
    points = series.points()
    before = [value for x, value in points if x <= since]
    after = [value for x, value in points if x > since]
    return bool(before and after) and sign * after[-1] < sign * before[-1]
