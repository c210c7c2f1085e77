"""The facts of a trial's curve: its best value so far, when it was good enough, where it diverged or overfitted."""

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
    found: list[tuple[float, float]] = []
    choose = max if maximise else min
    for x, value in series.points():
        found.append((x, choose(found[-1][1], value) if found else value))
    return found


def passed_at(series: Series, level: float, *, maximise: bool) -> float | None:
    """Where the curve first is as good as the level; None if it never is."""
    return next((x for x, value in series.points() if (value >= level if maximise else value <= level)), None)


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


def overfits_from(validation: Series, train: Series, *, maximise: bool) -> float | None:
    """Where the trial began to overfit: its best validation value, if that is before the last quarter, the values of
    the last quarter are worse by a tenth of all that was gained, and those on training data continued getting
    better."""
    points, of_train = _costs(validation, maximise=maximise), _costs(train, maximise=maximise)
    if min(len(points), len(of_train)) < _SHORTEST:
        return None
    place = min(range(len(points)), key=lambda at: points[at][1])
    x, best = points[place]
    late = points[-max(len(points) // _LATE, 2) :]
    gained = points[0][1] - best
    if x >= late[0][0] or gained <= 0 or median(value for _, value in late) - best < _WORSE * gained:
        return None
    then = [value for at, value in of_train if at <= x]
    last = median(value for _, value in of_train[-max(len(of_train) // _LATE, 2) :])
    return x if then and last < min(then) else None


def still_gains(series: Series, *, maximise: bool) -> float | None:
    """The share of all that the curve gained which its last tenth gained; None if that is next to nothing."""
    costs = _costs(series, maximise=maximise)
    if len(costs) < 2 * _LAST_PART:
        return None
    before, best = min(value for _, value in costs[: -len(costs) // _LAST_PART]), min(value for _, value in costs)
    gained = costs[0][1] - best
    share = (before - best) / gained if gained > 0 else 0.0
    return share if share >= _STILL_GAINS else None


def _costs(series: Series, *, maximise: bool) -> list[tuple[float, float]]:
    """The points with values of which lower is better."""
    return [(x, -value if maximise else value) for x, value in series.points()]
