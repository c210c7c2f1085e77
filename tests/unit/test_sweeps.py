"""Session windows and counting."""

import itertools
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.samples import at, job, record
from trialbook.adapters.rules_document import read_rules
from trialbook.core.assessment import with_tuning_job
from trialbook.core.closing import due, outlook
from trialbook.core.jobs import JobKind, TuningJob
from trialbook.core.rules.document import Rules
from trialbook.core.settings import settings_of
from trialbook.core.sweeps import (
    Record,
    Sweep,
    SweepKind,
    SweepState,
    needs_recount,
    put,
    recount,
)
from trialbook.core.windows import Interval, loop_id, windows

QUIET = timedelta(minutes=10)
Times = list[tuple[float, float | None]]


def cut(times: Times) -> list[list[int]]:
    """The windows of jobs given by start and end in minutes, as indexes."""
    jobs = [job(f"churn-{number}", start, end) for number, (start, end) in enumerate(times)]
    names = {made.key: number for number, made in enumerate(jobs)}
    return [[names[each.key] for each in window] for window in windows(map(Interval.of, jobs), QUIET)]


@pytest.mark.parametrize(
    ("case", "times", "expected"),
    [
        ("a gap of just the quiet period joins", [(0, 5), (15, 20)], [[0, 1]]),
        ("a gap just under it joins", [(0, 5), (14.999, 20)], [[0, 1]]),
        ("a gap just over it parts", [(0, 5), (15.001, 20)], [[0], [1]]),
        ("launched together", [(0, 5), (0.1, 3), (0.2, 9)], [[0, 1, 2]]),
        ("one after the other", [(0, 5), (6, 9), (12, 30), (35, 36)], [[0, 1, 2, 3]]),
        ("a straggler holds the window open", [(0, 60), (1, 5), (65, 70)], [[0, 1, 2]]),
        ("a straggler still running reaches all later jobs", [(0, None), (1, 5), (500, 510)], [[0, 1, 2]]),
        ("a re-run an hour later is another sweep", [(0, 5), (1, 6), (66, 70), (67, 72)], [[0, 1], [2, 3]]),
        ("a clock skew of seconds changes nothing", [(0.05, 5), (0, 5.02)], [[1, 0]]),
        ("a start slightly before the loop's first comes first", [(0, 5), (4, 8), (-0.02, 3)], [[2, 0, 1]]),
        ("an end before the start counts as the start", [(0, -3), (10, 12)], [[0, 1]]),
        ("an end before the start cuts no window short", [(0, 8), (4, -20), (17, 20)], [[0, 1, 2]]),
        ("an end before the start, and then a long quiet", [(0, -3), (10.001, 12)], [[0], [1]]),
        ("a short job inside a long one", [(0, 100), (50, 51), (105, 110)], [[0, 1, 2]]),
        ("nothing", [], []),
    ],
)
def test_windows_are_cut_where_nothing_ran_for_longer_than_the_quiet_period(
    case: str, times: Times, expected: list[list[int]]
) -> None:
    assert cut(times) == expected, case


moments = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 30) | st.none()), max_size=12)


@given(moments, st.randoms())
def test_windows_do_not_depend_on_the_order_of_the_jobs(times: list[tuple[int, int | None]], random: object) -> None:
    intervals = [
        Interval.of(job(f"churn-{number}", start, None if length is None else start + length))
        for number, (start, length) in enumerate(times)
    ]
    shuffled = list(intervals)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert windows(shuffled, QUIET) == windows(intervals, QUIET)


@given(moments)
def test_windows_never_come_closer_than_the_quiet_period(times: list[tuple[int, int | None]]) -> None:
    jobs = [
        job(f"c-{number}", start, None if length is None else start + length)
        for number, (start, length) in enumerate(times)
    ]
    found = windows(map(Interval.of, jobs), QUIET)

    for earlier, later in itertools.pairwise(found):
        ends = [each.end for each in earlier]
        assert None not in ends
        assert later[0].start - max(end for end in ends if end) > QUIET


def test_ids_of_windows_sort_by_time_and_hold_no_character_of_sagemakers_names() -> None:
    assert loop_id("Churn", at(0)) == "churn@20261120T100000.000Z"


STATUSES = st.sampled_from(["InProgress", "Completed", "Failed", "Stopped"])


@given(st.lists(st.tuples(st.integers(0, 5), STATUSES, st.integers(0, 3)), max_size=25))
def test_counting_job_by_job_always_equals_a_recount(changes: list[tuple[int, str, int]]) -> None:
    """Jobs run, then end; where `put` is not exact it says so, and a recount takes its place."""
    records: dict[int, Record] = {}
    sweep = Sweep("tune", SweepKind.TAG, "churn", is_history=True)
    for number, status, value in changes:
        old = records.get(number)
        if old is not None and old.job.is_terminal:
            continue
        metrics = {"validation:error": value / 10} if value else {}
        fresh = record(
            job(f"churn-{number}", number, number + 5, status=status, metrics=metrics),
            version=old.version + 1 if old else 1,
        )
        inexact = needs_recount(sweep, old, fresh)
        records[number] = fresh
        sweep = recount(sweep, records.values()) if inexact else put(sweep, old, fresh)

    assert sweep == recount(sweep, records.values())
    assert sweep.counts.jobs == len(records)


def test_the_best_job_is_the_earlier_of_two_equals() -> None:
    records = [record(job(f"churn-{number}", number)) for number in (2, 1, 3)]

    best = recount(Sweep("x", SweepKind.TAG, "churn"), records).best

    assert best is not None
    assert best.job_name == "churn-1"


@pytest.mark.parametrize(
    ("case", "jobs", "tags", "due_at", "is_quiet"),
    [
        ("quiet after the last end", [(0, 5), (1, 7)], {}, at(17), True),
        ("five of five need not wait", [(0, 5), (1, 7)], {"trialbook:sweep-size": "2"}, at(7), True),
        ("a size that is none is passed over", [(0, 5)], {"trialbook:sweep-size": "many"}, at(15), True),
        ("not yet five", [(0, 5)], {"trialbook:sweep-size": "2"}, at(15), True),
        ("in progress: when it should have ended", [(0, None)], {}, at(24 * 60 + 30), False),
    ],
)
def test_when_a_loop_is_due(case: str, jobs: Times, tags: dict[str, str], due_at: object, is_quiet: bool) -> None:
    records = [record(job(f"c-{at_start}", at_start, end, tags=tags)) for at_start, end in jobs]
    sweep = recount(Sweep("churn@x", SweepKind.LOOP, "churn"), records)

    found = outlook(sweep, QUIET)

    assert found is not None
    assert (found.due_at, found.is_quiet) == (due_at, is_quiet), case


def test_a_tuning_job_is_due_when_it_is_terminal_not_when_its_children_are() -> None:
    children = recount(Sweep("tune", SweepKind.TUNING, "churn"), [record(job(tuning_job="tune"))])
    ended = Sweep("tune", SweepKind.TUNING, "churn", tuning_status="Completed", tuning_ended_at=at(9))

    running, done = outlook(children, QUIET), outlook(ended, QUIET)

    assert running is not None
    assert not running.is_quiet
    assert done is not None
    assert (done.due_at, done.is_quiet) == (at(9), True)


def test_a_closed_sweep_is_not_due_and_the_rules_set_the_quiet_period() -> None:
    sweep = recount(Sweep("churn@x", SweepKind.LOOP, "churn"), [record(job())])
    closed = Sweep("x", SweepKind.TAG, "churn", state=SweepState.CLOSED, last_at=at(0))

    assert due(sweep, read_rules("experiments: {churn: {quiet_minutes: 1}}"))[1] == at(6)
    assert due(closed, Rules())[1] is None


def test_a_tuning_job_that_says_no_objective_is_ranked_as_its_best_child_is() -> None:
    """Whenever the tuning job itself is entered, before its children or after them."""
    child = replace(record(job("tune-1-a", tuning_job="tune-1")), sweep="tune-1")
    blank = Sweep("tune-1", SweepKind.TUNING, "churn")
    silent = TuningJob(job("tune-1", kind=JobKind.TUNING, metrics={}))

    found = [
        with_tuning_job(put(blank, None, child), silent, Rules()),
        put(with_tuning_job(blank, silent, Rules()), None, child),
        recount(with_tuning_job(put(blank, None, child), silent, Rules()), [child]),
    ]

    assert [each.objective for each in found] == [child.objective] * 3
    assert all(each.best and each.best.job_name == "tune-1-a" for each in found)


def interval(name: str, start: float, end: float | None, settings: str) -> Interval:
    return Interval(job(name).key, at(start), None if end is None else at(end), settings)


LOOPS = [
    ("the same again each hour", [(0, 56, "a"), (60, 116, "a"), (120, 176, "a")], [1, 1, 1]),
    ("a search, one after the other", [(0, 5, "a"), (6, 11, "b"), (12, 17, "c")], [3]),
    ("repeats in a search, one after the other", [(0, 5, "a"), (6, 11, "a"), (12, 17, "b")], [3]),
    ("repeats side by side", [(0, 5, "a"), (0, 5, "a"), (0, 5, "b"), (0, 5, "b")], [4]),
    ("a retraining whose settings change once", [(60 * n, 60 * n + 56, "aabb"[n]) for n in range(4)], [1, 2, 1]),
    ("another one, long after", [(0, 5, "a"), (60, 65, "b")], [1, 1]),
]


@pytest.mark.parametrize(("case", "times", "sizes"), LOOPS)
def test_jobs_are_one_window_only_if_something_differs(
    case: str, times: list[tuple[float, float, str]], sizes: list[int]
) -> None:
    made = [interval(f"job-{number}", *each) for number, each in enumerate(times)]

    assert [len(window) for window in windows(made, timedelta(minutes=30))] == sizes


RUNS = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 90), st.sampled_from("ab")), min_size=1, max_size=12)


@given(RUNS, st.randoms(use_true_random=False))
def test_windows_are_apart_in_time_and_neighbours_across_a_cut_have_the_same_settings(
    runs: list[tuple[int, int, str]], random: Any
) -> None:
    quiet = timedelta(minutes=30)
    made = [interval(f"job-{n:02}", start, start + length, mark) for n, (start, length, mark) in enumerate(runs)]
    found = windows(made, quiet)
    random.shuffle(made)

    assert windows(made, quiet) == found
    for before, after in pairwise(found):
        for one, other in product(before, after):
            assert one.end is not None
            assert one.end <= other.start
            assert one.settings == other.settings or other.start - one.end > quiet


@pytest.mark.parametrize(
    ("values", "is_same"),
    [
        ({"lr": "1e-1"}, True),
        ({"lr": "0.10", "model_dir": '"s3://b/resnet-2026-11-20-10-00-00-000/model"'}, True),
        ({"lr": "0.1", "sagemaker_job_name": '"resnet-2"'}, True),
        ({"lr": "0.1", "run_name": "second"}, True),
        ({"lr": "0.2"}, False),
        ({"lr": "0.1", "seed": "2"}, False),
        ({"lr": "0.1", "sagemaker_program": '"other.py"'}, False),
    ],
)
def test_values_made_from_a_jobs_name_make_no_difference(values: dict[str, str], is_same: bool) -> None:
    one, other = {"lr": "0.1", "sagemaker_program": '"train.py"'}, {"sagemaker_program": '"train.py"', **values}
    if "model_dir" in values:
        one["model_dir"] = '"s3://b/resnet-2026-11-20-09-00-00-000/model"'
    first = job("resnet-2026-11-20-09-00-00-000", hyper_parameters=one)
    second = job("resnet-2026-11-20-10-00-00-000", hyper_parameters=other)

    assert (settings_of(first) == settings_of(second)) is is_same


def test_of_jobs_without_any_settings_nobody_says_that_they_are_equal() -> None:
    assert settings_of(job()) is None
