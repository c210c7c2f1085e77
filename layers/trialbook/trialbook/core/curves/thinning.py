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
    place, low, high = -1, -inf, inf
    kept_x = kept_y = last_x = last_y = 0.0
    for place, (x, y) in enumerate(points):
        if place == 0:
            yield 0
            kept_x, kept_y = x, y
        else:
            if not low <= (y - kept_y) / (x - kept_x) <= high:  # the line would miss a point in between
                yield place - 1
                kept_x, kept_y, low, high = last_x, last_y, -inf, inf
            width = x - kept_x
            low = max(low, (y - tolerance - kept_y) / width)
            high = min(high, (y + tolerance - kept_y) / width)
        last_x, last_y = x, y
    if place > 0:
        yield place


def all_thinned(curves: JobCurves, most: int = MOST_POINTS) -> JobCurves:
    """Each series of a job, thinned."""
    return JobCurves(
        curves.job_name,
        {name: thinned(each, most) for name, each in curves.metrics.items()},
        {host: {name: thinned(each, most) for name, each in used.items()} for host, used in curves.hosts.items()},
    )
