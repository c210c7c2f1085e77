"""Long series with fewer points that look the same when drawn."""

from collections.abc import Iterator, Sequence
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


def simplified(points: Sequence[tuple[float, float]], tolerance: float) -> list[int]:
    """The places of those points whose joining lines pass within the tolerance above or below all points, which are in
    ascending order of x. The first and the last point always stay."""
    if len(points) <= 2:
        return list(range(len(points)))
    kept, low, high = [0], -inf, inf
    for place in range(1, len(points)):
        x, y = points[kept[-1]]
        slope = (points[place][1] - y) / (points[place][0] - x)
        if not low <= slope <= high:  # the line would miss a point in between
            kept.append(place - 1)
            x, y = points[place - 1]
            low, high = -inf, inf
        width = points[place][0] - x
        low = max(low, (points[place][1] - tolerance - y) / width)
        high = min(high, (points[place][1] + tolerance - y) / width)
    return [*kept, len(points) - 1]


def all_thinned(curves: JobCurves, most: int = MOST_POINTS) -> JobCurves:
    """Each series of a job, thinned."""
    return JobCurves(
        curves.job_name,
        {name: thinned(each, most) for name, each in curves.metrics.items()},
        {host: {name: thinned(each, most) for name, each in used.items()} for host, used in curves.hosts.items()},
    )
