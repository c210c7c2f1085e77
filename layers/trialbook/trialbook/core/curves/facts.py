"""What a curve says about a trial: its best value so far, and where it diverged."""

from statistics import median

from trialbook.core.curves.series import Series

_SHORTEST = 8  # points of a curve whose shape says anything
_LATE = 4  # the last quarter of a curve
_RUNAWAY = 2.0  # times the level at the start


def best_so_far(series: Series, *, maximise: bool) -> list[tuple[float, float]]:
    """The best value up to each point."""
    found: list[tuple[float, float]] = []
    choose = max if maximise else min
    for x, value in series.points():
        found.append((x, choose(found[-1][1], value) if found else value))
    return found


def diverged_at(series: Series, *, maximise: bool = False) -> float | None:
    """Where the curve diverged: its first value that is no number; or, for a minimised metric, where it rises for good
    above twice the level that it began at."""
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
