"""Long series with fewer points that look the same when drawn."""

from collections.abc import Iterable, Iterator
from math import inf

from trialbook.core.curves.series import JobCurves, Series

MOST_POINTS = 2_000
_KEPT_PER_BUCKET = (2, 3)  # smallest, largest, and the first that is no number where there is one


def thinned(series: Series, most: int = MOST_POINTS) -> Series:
    """The series with at most so many points.

    The x axis is cut into buckets of equal width. Each bucket keeps its smallest and its largest value, and its first
    value that is no number. So no spike is lost, and a drawing whose pixels are no narrower than the buckets shows the
    same range of values in each column. The first and the last point always stay.
    """
    if len(series.xs) <= most:
        return series
    last = len(series.xs) - 1
    for each in _KEPT_PER_BUCKET:
        kept = sorted({0, last, *_telling(series, max((most - 2) // each, 1))})
        if len(kept) <= most:
            break
    return Series(
        series.axis,
        tuple(series.xs[each] for each in kept),
        tuple(series.values[each] for each in kept),
        series.measured,
    )


def _telling(series: Series, buckets: int) -> Iterator[int]:
    """The places of the points that each bucket keeps."""
    begin, width = series.xs[0], (series.xs[-1] - series.xs[0]) / buckets
    members: dict[int, list[int]] = {}
    for place, x in enumerate(series.xs):
        members.setdefault(min(int((x - begin) / width), buckets - 1), []).append(place)
    for places in members.values():
        numbers = [(value, place) for place in places if (value := series.values[place]) is not None]
        if numbers:
            yield min(numbers)[1]
            yield max(numbers)[1]
        if len(numbers) < len(places):
            yield next(place for place in places if series.values[place] is None)


def simplified(points: Iterable[tuple[float, float]], tolerance: float) -> Iterator[int]:
    """The places of those points whose joining lines pass within the tolerance above or below all points, which are in
    ascending order of x. The first and the last point always stay. Reads no further than it is asked for."""
    left = iter(points)
    first = next(left, None)
    if first is None:
        return
    yield 0
    place, low, high = 0, -inf, inf
    kept_x, kept_y = last_x, last_y = first
    for place, (x, y) in enumerate(left, 1):
        width, rise = x - kept_x, y - kept_y
        if not low <= rise / width <= high:  # the line would miss a point in between
            yield place - 1
            kept_x, kept_y, low, high = last_x, last_y, -inf, inf
            width, rise = x - kept_x, y - kept_y
        least, most = (rise - tolerance) / width, (rise + tolerance) / width
        # A report does this for each point of all curves: `max` and `min` would take twice the time.
        low = least if least > low else low
        high = most if most < high else high
        last_x, last_y = x, y
    if place:
        yield place


def all_thinned(curves: JobCurves, most: int = MOST_POINTS) -> JobCurves:
    """Each series of a job, thinned."""
    return JobCurves(
        curves.job_name,
        {name: thinned(each, most) for name, each in curves.metrics.items()},
        {host: {name: thinned(each, most) for name, each in used.items()} for host, used in curves.hosts.items()},
    )
