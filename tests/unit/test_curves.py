"""Series: thinned so that drawings stay the same, stored so that they come back, and read for what they say."""

import gzip
import json
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialbook.core.curves.facts import best_so_far, diverged_at
from trialbook.core.curves.series import Axis, JobCurves, Series
from trialbook.core.curves.stored import from_bytes, log_from_bytes, log_to_bytes, to_bytes
from trialbook.core.curves.thinning import MOST_POINTS, all_thinned, thinned
from trialbook.core.errors import InvalidInput

WIDTH, HEIGHT = 640, 300  # pixels of the chart
VALUES = st.one_of(st.none(), st.floats(-1e6, 1e6, allow_nan=False), st.sampled_from([math.nan, math.inf]))


def series(*values: float | None) -> Series:
    return Series.of(Axis.ITERATION, enumerate(values))


def columns(drawn: Series, like: Series) -> dict[int, tuple[float, float]]:
    """The lowest and the highest point of the drawn line in each column of pixels, in pixels."""
    xs, known = like.xs, [value for _, value in like.points()]
    low, high = min(known), max(known)
    found: dict[int, tuple[float, float]] = {}
    points = [
        ((x - xs[0]) / (xs[-1] - xs[0]) * (WIDTH - 1), (value - low) / ((high - low) or 1) * HEIGHT)
        for x, value in drawn.points()
    ]
    for x, y in points:
        before = found.get(round(x), (y, y))
        found[round(x)] = min(before[0], y), max(before[1], y)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_a_thinned_curve_with_spikes_is_drawn_within_a_pixel_of_all_points(seed: int) -> None:
    draw = random.Random(seed)
    values = [1 / (1 + step / 500) + draw.gauss(0, 0.01) for step in range(50_000)]
    for _ in range(12):
        values[draw.randrange(len(values))] = draw.uniform(2, 5)  # one point wide
        values[draw.randrange(len(values))] = draw.uniform(-3, -1)
    whole = series(*values)
    few = thinned(whole)

    assert len(few.xs) <= MOST_POINTS
    assert (few.measured, few.is_thinned) == (50_000, True)
    drawn, expected = columns(few, whole), columns(whole, whole)
    for column, (low, high) in expected.items():
        near = [drawn[each] for each in range(column - 1, column + 2) if each in drawn]
        assert min(each[0] for each in near) <= low + 1
        assert max(each[1] for each in near) >= high - 1
    assert (min(values), max(values)) == (min(y for _, y in few.points()), max(y for _, y in few.points()))


@given(st.lists(st.tuples(st.integers(0, 10_000), VALUES), max_size=400), st.integers(8, 50))
def test_a_thinned_series_keeps_its_ends_its_extremes_and_its_first_value_that_is_no_number(
    points: list[tuple[int, float | None]], most: int
) -> None:
    whole = Series.of(Axis.TIME, points)
    few = thinned(whole, most)

    assert len(few.xs) <= most
    assert set(zip(few.xs, few.values, strict=True)) <= set(zip(whole.xs, whole.values, strict=True))
    assert few.xs == tuple(sorted(few.xs))
    assert few.measured == len(whole.xs)
    if whole.xs:
        assert (few.xs[0], few.xs[-1]) == (whole.xs[0], whole.xs[-1])
        known = [value for _, value in whole.points()]
        kept = [value for _, value in few.points()]
        assert (min(kept, default=None), max(kept, default=None)) == (
            min(known, default=None),
            max(known, default=None),
        )
        assert diverged_at(few, maximise=True) == diverged_at(whole, maximise=True)


@given(st.lists(st.tuples(st.integers(0, 10_000), VALUES), max_size=50))
def test_stored_items_come_back_and_have_the_same_bytes_each_time(points: list[tuple[int, float | None]]) -> None:
    one = Series.of(Axis.TIME, points)
    curves = all_thinned(JobCurves("job-ä", {"loss": one}, {"algo-1": {"CPUUtilization": one}}))

    assert from_bytes(to_bytes(curves)) == curves
    assert to_bytes(curves) == to_bytes(curves)
    assert curves.is_empty == (not points)


@given(
    st.lists(VALUES, min_size=101, max_size=300),
    st.sampled_from([(0, 1), (5, 10), (1_700_000_000, 60), (0.5, 1), (0, 0.25)]),
    st.sampled_from(list(Axis)),
)
def test_a_long_series_comes_back(values: list[float | None], begins: tuple[float, float], axis: Axis) -> None:
    first, step = begins
    one = Series.of(axis, ((first + step * place, value) for place, value in enumerate(values)))
    uneven = Series.of(axis, [*zip(one.xs, one.values, strict=True), (one.xs[-1] + 7.25 * step, None)])
    curves = JobCurves("job", {"even": one, "uneven": uneven})

    assert from_bytes(to_bytes(curves)) == curves


def test_a_file_of_the_first_format_is_read() -> None:
    values = [*([0.5] * 149), None]
    loss = {"axis": "iteration", "x": list(range(150)), "y": values, "measured": 150}
    kept = from_bytes(
        gzip.compress(json.dumps({"format": 1, "job_name": "job", "metrics": {"loss": loss}, "hosts": {}}).encode())
    )

    assert kept.metrics["loss"] == Series.of(Axis.ITERATION, enumerate(values))


NO_SERIES: dict[str, bytes] = {
    "empty": b"",
    "not compressed": b"no gzip",
    "no JSON": gzip.compress(b"no JSON"),
    "a list": gzip.compress(b"[]"),
    "without series": gzip.compress(b'{"format": 1}'),
    "of a newer format": gzip.compress(b'{"format": 99, "job_name": "a", "metrics": {}, "hosts": {}}'),
    "x without y": gzip.compress(
        b'{"format": 1, "job_name": "a", "hosts": {},'
        b' "metrics": {"m": {"axis": "iteration", "x": [1], "y": [], "measured": 1}}}'
    ),
    **{
        f"a series whose {what}": gzip.compress(
            b'{"format": 2, "job_name": "a", "hosts": {}, "metrics": {"m": {"axis": "time", "measured": 1, %b}}}' % part
        )
        for what, part in {
            "y is no whole number of doubles": b'"x": [1], "y": "AAAA"',
            "y is no Base64": b'"x": [1], "y": "AAAAAAAAAA\\u00e4="',
            "x goes on for ever": b'"x": {"first": 0, "step": 1, "count": 1e300}, "y": [1]',
            "x has another length": b'"x": {"first": 0, "step": 1, "count": 3}, "y": [1]',
            "x has no steps": b'"x": {"first": 0, "step": 0, "count": 1}, "y": [1]',
            "x has a list for a step": b'"x": {"first": 0, "step": [], "count": 1}, "y": [1]',
        }.items()
    },
    "cut off": to_bytes(JobCurves("a"))[:-3],
}


@pytest.mark.parametrize("content", NO_SERIES.values(), ids=NO_SERIES)
def test_a_file_that_holds_no_series_is_named(content: bytes) -> None:
    with pytest.raises(InvalidInput):
        from_bytes(content)


def test_the_end_of_a_log_comes_back() -> None:
    assert log_from_bytes(log_to_bytes("job", "one\ntwö")) == "one\ntwö"
    with pytest.raises(InvalidInput):
        log_from_bytes(b"damaged")


def test_the_best_value_so_far() -> None:
    curve = series(3.0, 1.0, None, 2.0)

    assert best_so_far(curve, maximise=False) == [(0, 3.0), (1, 1.0), (3, 1.0)]
    assert best_so_far(curve, maximise=True) == [(0, 3.0), (1, 3.0), (3, 3.0)]


FALLING = [1 / (1 + step) for step in range(20)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (FALLING, None),
        ([*FALLING[:6], None, None], 6),
        ([*FALLING[:6], math.nan], 6),
        ([*FALLING[:10], *(10.0**step for step in range(1, 11))], 10),
        ([*FALLING[:10], 50.0, *FALLING[10:]], None),  # a spike that passes
        ([0.7] * 20, None),
        ([0.7, 0.71] * 10, None),
        ([1.0, 9.0], None),  # too short to say
        ([0.0] * 10 + [5.0] * 10, 10),
    ],
)
def test_a_curve_that_runs_away(values: list[float | None], expected: float | None) -> None:
    assert diverged_at(series(*values)) == expected


def test_a_score_that_rises_has_not_diverged() -> None:
    assert diverged_at(series(*(0.1 * step for step in range(1, 20))), maximise=True) is None
