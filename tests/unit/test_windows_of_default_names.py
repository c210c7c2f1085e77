"""Jobs with the default name of SageMaker's SDK: one person's search is one loop, two people's searches are two."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.samples import job, record
from trialbook.core.jobs import InputChannel, Job
from trialbook.core.windows import Interval, Window, loop_of, window_id, windows

QUIET = timedelta(minutes=10)
IMAGE = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:1.7-1"


def default_job(number: int, start: float, end: float | None, values: dict[str, str], **channels: str) -> Job:
    """A job under the SDK's default name; channels by name, each a folder of the bucket."""
    return job(
        f"sagemaker-xgboost-2026-11-20-10-00-{number:02}-{100 + number}",
        start,
        end,
        hyper_parameters=values,
        image=IMAGE,
        channels=tuple(InputChannel(name, f"s3://bucket/{folder}/") for name, folder in channels.items()),
    )


def sizes(jobs: Sequence[Job]) -> list[int]:
    return [len(window) for window in windows(map(Interval.of, jobs), QUIET)]


SAME = {"eta": "0.1", "max_depth": "6"}


@pytest.mark.parametrize(
    ("search", "trials"),
    [
        ("data alone", [(SAME, {"train": "small"}), (SAME, {"train": "large"}), (SAME, {"train": "all/v2"})]),
        (
            "a grid over data and eta",
            [({"eta": eta}, {"train": data}) for eta in ("0.1", "0.2") for data in ("small", "large")],
        ),
        (
            "data and eta at random, measured on the same validation data",
            [
                ({"eta": "0.13"}, {"train": "small", "validation": "held-out"}),
                ({"eta": "0.27"}, {"train": "large", "validation": "held-out"}),
                ({"eta": "0.08"}, {"train": "medium", "validation": "held-out"}),
            ],
        ),
        (
            "data, where each job's code lies in a folder of its own",
            [
                (SAME, {"train": "small", "code": "sagemaker-xgboost-2026-11-20-10-00-00-100/source"}),
                (SAME, {"train": "large", "code": "sagemaker-xgboost-2026-11-20-10-00-01-101/source"}),
            ],
        ),
        ("jobs that read no channel", [({"eta": "0.1"}, {}), ({"eta": "0.2"}, {})]),
    ],
)
def test_one_persons_search_is_one_window(search: str, trials: list[tuple[dict[str, str], dict[str, str]]]) -> None:
    jobs = [default_job(n, n, n + 20, values, **channels) for n, (values, channels) in enumerate(trials)]

    assert sizes(jobs) == [len(trials)], search
    assert len({loop_of(record(each)) for each in jobs}) == 1


@pytest.mark.parametrize(
    "shared", [{}, {"model": "jumpstart/bert"}], ids=["no channel shared", "the base model shared"]
)
def test_two_peoples_searches_at_once_are_two_windows(shared: dict[str, str]) -> None:
    jobs = []
    for n in range(3):
        jobs.append(default_job(2 * n, n, n + 20, {"eta": f"0.{n + 1}"}, train="churn", **shared))
        jobs.append(default_job(2 * n + 1, n + 0.5, n + 20, {"depth": str(n + 3)}, train="fraud", **shared))

    assert sizes(jobs) == [3, 3]


@pytest.mark.parametrize(
    "differing",
    [
        {"role": "arn:aws:iam::000000000000:role/Anna"},
        {"tags": {"sagemaker:user-profile-arn": "arn:aws:sagemaker:eu-west-1:000000000000:user-profile/d-1/anna"}},
        {"tags": {"Created-By": "anna"}},
    ],
    ids=["role", "Studio's tag", "a tag of their own"],
)
def test_roles_and_tags_that_name_people_part_loops(differing: dict[str, Any]) -> None:
    one = default_job(1, 0, 5, {"eta": "0.1"}, train="churn")
    other = default_job(2, 1, 6, {"eta": "0.2"}, train="churn")

    assert loop_of(record(one)) == loop_of(record(other))
    assert loop_of(record(one)) != loop_of(record(replace(other, **differing)))


def test_tags_that_name_no_person_part_no_loop() -> None:
    one, other = (default_job(n, n, n + 5, {"eta": f"0.{n + 1}"}, train="churn") for n in range(2))

    assert loop_of(record(replace(one, tags={"stage": "a"}))) == loop_of(record(replace(other, tags={"stage": "b"})))


jobs_at_any_time = st.lists(
    st.builds(
        lambda start, length, eta, data: (start, None if length is None else start + length, {"eta": str(eta)}, data),
        st.integers(0, 60),
        st.integers(0, 30) | st.none(),
        st.integers(0, 2),
        st.sampled_from(["a", "b", "c"]),
    ),
    max_size=10,
)
Jobs = list[tuple[float, float | None, dict[str, str], str]]


def intervals(made: Jobs) -> list[Interval]:
    return [Interval.of(default_job(n, s, e, values, train=data)) for n, (s, e, values, data) in enumerate(made)]


@given(jobs_at_any_time, st.randoms())
def test_windows_do_not_depend_on_the_order_of_the_jobs(made: Jobs, random: Any) -> None:
    ordered, shuffled = intervals(made), intervals(made)
    random.shuffle(shuffled)

    assert windows(shuffled, QUIET) == windows(ordered, QUIET)


@given(jobs_at_any_time)
def test_no_two_windows_have_the_same_id_and_each_holds_its_jobs_in_order(made: Jobs) -> None:
    found = windows(intervals(made), QUIET)

    assert len({window_id("sagemaker-xgboost", window[0]) for window in found}) == len(found)
    assert all(list(window) == sorted(window, key=lambda each: (each.start, each.key)) for window in found)
    assert sum(map(len, found)) == len(made)


@given(jobs_at_any_time)
def test_jobs_with_the_same_data_have_the_windows_of_named_jobs(made: Jobs) -> None:
    found = intervals([(start, end, values, "a") for start, end, values, _ in made])
    named = [replace(each, origin=None) for each in found]

    assert [[each.key for each in window] for window in windows(found, QUIET)] == [
        [each.key for each in window] for window in windows(named, QUIET)
    ]


@given(jobs_at_any_time)
def test_jobs_of_two_windows_are_never_one_persons_at_once(made: Jobs) -> None:
    def at_once(one: Interval, other: Interval) -> bool:
        return one.start <= other.start and (one.end is None or other.start < one.end or other.start == one.start)

    def check(earlier: Window, later: Window) -> None:
        for one, other in itertools.product(earlier, later):
            assert one.origin is not None
            assert other.origin is not None
            if at_once(one, other) or at_once(other, one):
                assert not one.origin.may_be_that_of(other.origin)

    for pair in itertools.combinations(windows(intervals(made), QUIET), 2):
        check(*pair)
