"""The ledger on moto and on AWS's DynamoDB Local, through the bookkeeper."""

import random
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import pytest
from botocore.client import BaseClient
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.integration.conftest import opened, operations
from tests.unit import samples
from tests.unit.samples import at, record
from trialbook import record_job
from trialbook.close_sweeps import close_sweeps
from trialbook.core.announcements import of_sweep
from trialbook.core.attachments import Attachment, Shard
from trialbook.core.formats import FORMAT, NewerFormat
from trialbook.core.jobs import InputChannel, Job, JobKind, TuningDefinition, TuningJob
from trialbook.core.objectives import ObjectiveSource, parse_objective
from trialbook.core.rules.document import ExperimentRule, Rules
from trialbook.core.sweeps import Record, Sweep, SweepKind, SweepState, recount
from trialbook.core.windows import Interval, loop_id, loop_of, window_id, windows
from trialbook.ledger.bookkeeper import Bookkeeper
from trialbook.ledger.ledger import Ledger
from trialbook.ledger.packing import unpacked
from trialbook.ledger.table import Conflict, job_pk
from trialbook.services import Services
from trialbook_book.folder import open_folder

QUIET = timedelta(minutes=10)
DEFINITION = TuningDefinition(None, "validation:error", "Minimize")


def job(name: str = "churn-1", *times: Any, tags: dict[str, str] | None = None, **more: Any) -> Job:
    """A job of the experiment churn, unless its tags say otherwise."""
    return samples.job(name, *times, tags={"trialbook:experiment": "churn", **(tags or {})}, **more)


def no_pause(seconds: float) -> None:
    """For a process that waits for none, as no other one runs beside it."""


def book(
    ledger: Ledger,
    rules: Rules = Rules(),  # noqa: B008 frozen
    moved_at_once: int = 6,
    pause: Callable[[float], None] = time.sleep,
) -> Bookkeeper:
    tuning_job = TuningJob(job("tune"), definitions=(DEFINITION,))
    return Bookkeeper(ledger, rules, lambda key, name: tuning_job, moved_at_once=moved_at_once, pause=pause)


def enter(
    ledger: Ledger,
    seen: Job,
    rules: Rules = Rules(),  # noqa: B008 frozen
    moved_at_once: int = 6,
    pause: Callable[[float], None] = time.sleep,
) -> Record | None:
    return book(ledger, rules, moved_at_once, pause).enter(seen, ledger.record(seen.key))


def live_sweeps(ledger: Ledger) -> list[Sweep]:
    return sorted((sweep for sweep in ledger.all_sweeps() if sweep.superseded_by is None), key=lambda sweep: sweep.id)


def assert_consistent(ledger: Ledger) -> None:
    """Every sweep equals a recount of its jobs, and the windows are those of the jobs' own times."""
    records = list(ledger.jobs())
    for sweep in ledger.all_sweeps():
        members = [each for each in records if each.sweep == sweep.id]
        assert replace(sweep, is_history=True) == replace(recount(sweep, members), is_history=True)
        if sweep.superseded_by is not None:
            assert members == []
    loops = [each for each in records if each.sweep and "@" in each.sweep]
    for loop in {loop_of(each) for each in loops}:
        jobs = [each.job for each in loops if loop_of(each) == loop]
        for window in windows(map(Interval.of, jobs), QUIET):
            expected = window_id(loop, window[0])
            assert {each.sweep for each in loops if each.key in {one.key for one in window}} == {expected}


def test_a_job_comes_back_as_it_was_written(ledger: Ledger) -> None:
    written = enter(ledger, job(tags={"a": "<b>"}, hyper_parameters={"eta": "0.2"}))

    assert written is not None
    assert ledger.record(written.key) == written
    assert ledger.record(replace(written.key, name="other")) is None


@pytest.mark.parametrize("character", ["x", "ä", "\U0001f600"])
def test_a_job_with_100_hyperparameters_of_2500_characters_and_40_metrics_fits(ledger: Ledger, character: str) -> None:
    noise = random.Random(7)
    texts = {
        f"parameter-{number}": "".join(chr(ord(character) + noise.randrange(200)) for _ in range(2500))
        for number in range(100)
    }
    metrics = {f"validation:metric-{number}": number / 7 for number in range(40)}
    written = enter(ledger, job(hyper_parameters=texts, metrics=metrics))
    found = ledger.record(job().key)

    assert written is not None
    assert found is not None
    assert len(found.job.hyper_parameters) == 100
    assert found.job.final_metrics == written.job.final_metrics
    if character == "x":
        assert found.job.hyper_parameters == texts
    else:
        assert all(text[:250] == texts[name][:250] for name, text in found.job.hyper_parameters.items())


@pytest.mark.parametrize("character", ["x", "\U0001f600"])
def test_a_sweep_with_ten_large_definitions_fits_and_says_what_was_cut(ledger: Ledger, character: str) -> None:
    rng = random.Random(1)
    texts = [
        {
            f"{chr(0x4E00 + rng.randrange(20_000))}{number}"
            + character * 200
            + "".join(chr(0x4E00 + rng.randrange(20_000)) for _ in range(50)): "".join(
                chr(0x4E00 + rng.randrange(20_000)) for _ in range(2500)
            )
            for number in range(100)
        }
        for _ in range(10)
    ]
    definitions = tuple(
        TuningDefinition(f"d-{place}", "loss", "Minimize", "image", static_hyper_parameters=each)
        for place, each in enumerate(texts)
    )
    sweep = Sweep("tuning", SweepKind.TUNING, "exp", version=1, first_at=at(0), definitions=definitions)
    ledger.write(sweeps=[(sweep, None)])

    found = ledger.sweep("tuning")

    assert found is not None
    assert [(each.name, each.metric_name, each.image) for each in found.definitions] == [
        (each.name, each.metric_name, each.image) for each in definitions
    ]
    assert all("(cut, 100 entries)" in each.static_hyper_parameters.values() for each in found.definitions)


def test_a_duplicate_changes_nothing(ledger: Ledger) -> None:
    first = enter(ledger, job())
    again = enter(ledger, job())

    assert first is not None
    assert again is None
    assert ledger.record(job().key) == first


def test_an_older_version_cannot_be_written_over_a_newer_one(ledger: Ledger) -> None:
    made = record(job(), version=1)
    ledger.write([made])

    with pytest.raises(Conflict):
        ledger.write([made])
    with pytest.raises(Conflict):
        ledger.write([replace(made, version=3)])


def test_a_loop_becomes_one_sweep_and_its_best_job_comes_first(ledger: Ledger) -> None:
    for number, value in enumerate((0.3, 0.1, 0.2)):
        enter(ledger, job(f"churn-{number}", number, None))
        enter(ledger, job(f"churn-{number}", number, number + 5, metrics={"validation:error": value}))
    (sweep,) = live_sweeps(ledger)

    assert sweep.counts.completed == 3
    assert sweep.best is not None
    assert sweep.best.job_name == "churn-1"
    assert [each.job.name for each in ledger.ranking(sweep.id)] == ["churn-1", "churn-2", "churn-0"]
    assert [each.job.name for each in ledger.experiment_ranking("CHURN", limit=1)] == ["churn-1"]
    assert_consistent(ledger)


def test_a_late_event_that_bridges_two_windows_joins_them(ledger: Ledger) -> None:
    for start in (0, 1, 30, 31):
        enter(ledger, job(f"churn-{start}", start, start + 5))
    apart = [sweep.counts.jobs for sweep in live_sweeps(ledger)]
    enter(ledger, job("churn-bridge", 10, 25))
    (together,) = live_sweeps(ledger)

    assert apart == [2, 2]
    assert together.counts.jobs == 5
    assert together.supersedes == (loop_id("churn", at(30)),)
    assert_consistent(ledger)


def test_overlapping_loops_of_two_experiments_have_windows_of_their_own(ledger: Ledger) -> None:
    """Neither holds the other's window open, nor bridges two of its windows."""
    for start in (0, 2, 30, 32):
        enter(ledger, job(f"churn-{start}", start, start + 5))
        enter(ledger, job(f"fraud-{start}", start + 1, start + 19, tags={"trialbook:experiment": "fraud"}))
    found = {sweep.id: (sweep.experiment, sweep.counts.completed) for sweep in live_sweeps(ledger)}

    assert found == {
        loop_id("churn", at(0)): ("churn", 2),
        loop_id("churn", at(30)): ("churn", 2),
        loop_id("fraud", at(1)): ("fraud", 4),
    }
    assert_consistent(ledger)


def test_a_window_of_one_job_that_gets_an_earlier_one_is_started_by_the_second(ledger: Ledger) -> None:
    enter(ledger, job("churn-1", 1, 5))
    (single,) = live_sweeps(ledger)
    enter(ledger, job("churn-0", 0, 5))
    (pair,) = live_sweeps(ledger)

    assert (single.is_single, pair.counts.jobs, pair.supersedes) == (True, 2, ())
    assert "Sweep Started" in {each.type for each in of_sweep(None, pair)}


def test_an_end_that_comes_late_parts_what_only_its_absence_held_together(ledger: Ledger) -> None:
    enter(ledger, job("churn-0", 0, None))
    enter(ledger, job("churn-1", 60, 65))
    joined = [sweep.counts.jobs for sweep in live_sweeps(ledger)]
    enter(ledger, job("churn-0", 0, 5))

    assert joined == [2]
    assert [sweep.counts.jobs for sweep in live_sweeps(ledger)] == [1, 1]
    assert_consistent(ledger)


def test_an_end_that_comes_late_parts_windows_of_any_size(ledger: Ledger) -> None:
    enter(ledger, job("churn-0", 0, None))
    for number in range(20):
        enter(ledger, job(f"late-{number:02d}", 60 + number, None if number % 3 else 90))
    enter(ledger, job("churn-0", 0, 5))

    assert [(sweep.id, sweep.counts.jobs) for sweep in live_sweeps(ledger)] == [
        (loop_id("churn", at(0)), 1),
        (loop_id("churn", at(60)), 20),
    ]
    assert_consistent(ledger)


def test_a_bridge_joins_windows_of_any_size_also_where_it_touches_one_job_only(ledger: Ledger) -> None:
    enter(ledger, job("churn-0", 0, 5))
    for number in range(20):
        enter(ledger, job(f"chain-{number:02d}", 30 + 8 * number, 31 + 8 * number))
    enter(ledger, job("churn-bridge", 10, 25))

    assert [sweep.counts.jobs for sweep in live_sweeps(ledger)] == [22]
    assert_consistent(ledger)


def test_a_process_that_dies_while_windows_are_split_leaves_them_to_whoever_comes_next(ledger_url: str) -> None:
    with opened(ledger_url) as ledger:
        enter(ledger, job("churn-0", 0, None))
        for number in range(8):
            enter(ledger, job(f"late-{number:02d}", 60 + number, 90))
        with pytest.raises(Died), _called_after(2, _die, "TransactWriteItems"):  # of four, two jobs in each
            enter(ledger, job("churn-0", 0, 5), moved_at_once=2)
        halfway = [sweep.counts.jobs for sweep in live_sweeps(ledger)]
        enter(ledger, job("elsewhere", 300, 301), pause=no_pause)

        assert len(halfway) == 2
        assert sum(halfway) == 9
        assert [sweep.counts.jobs for sweep in live_sweeps(ledger)] == [1, 8, 1]
        assert_consistent(ledger)


def test_a_process_that_dies_while_windows_are_split_continues_once_its_message_comes_again(ledger_url: str) -> None:
    with opened(ledger_url) as ledger:
        enter(ledger, job("churn-0", 0, None))
        for number in range(8):
            enter(ledger, job(f"late-{number:02d}", 60 + number, 90))
        with pytest.raises(Died), _called_after(2, _die, "TransactWriteItems"):
            enter(ledger, job("churn-0", 0, 5), moved_at_once=2)
        again = enter(ledger, job("churn-0", 0, 5), pause=no_pause)
        head = ledger.loop_version("churn")
        enter(ledger, job("churn-0", 0, 5), pause=no_pause)

        assert again is None  # the job itself was written before its process died
        assert head.moving == ()
        assert ledger.loop_version("churn") == head
        assert [sweep.counts.jobs for sweep in live_sweeps(ledger)] == [1, 8]
        assert_consistent(ledger)


def test_an_unfinished_move_is_completed_before_one_of_its_windows_closes(ledger_url: str) -> None:
    with opened(ledger_url) as ledger:
        enter(ledger, job("churn-0", 0, None))
        for number in range(8):
            enter(ledger, job(f"late-{number:02d}", 60 + number, 90))
        with pytest.raises(Died), _called_after(2, _die, "TransactWriteItems"):
            enter(ledger, job("churn-0", 0, 5), moved_at_once=2)
        services = Services(ledger, lambda account, region: pytest.fail("SageMaker is not asked"))
        closed = [name for _ in range(2) for name in close_sweeps(at(200), services).closed]

        assert sorted(closed) == [loop_id("churn", at(0)), loop_id("churn", at(60))]
        assert [sweep.counts.jobs for sweep in live_sweeps(ledger)] == [1, 8]
        assert_consistent(ledger)


class Died(BaseException):
    """A process that is killed."""


def _die() -> None:
    raise Died


def test_a_late_earlier_job_renames_a_window_of_any_size(ledger: Ledger) -> None:
    for number in range(45):
        enter(ledger, job(f"churn-{number:02d}", 10 + number / 10, 20))
    enter(ledger, job("churn-first", 9, 20))
    (sweep,) = live_sweeps(ledger)

    assert (sweep.id, sweep.counts.jobs) == (loop_id("churn", at(9)), 46)
    assert_consistent(ledger)


def test_a_closed_sweep_that_gets_a_late_job_is_open_again_as_revised(ledger: Ledger) -> None:
    enter(ledger, job("churn-0", 0, 5))
    enter(ledger, job("churn-1", 1, 6))
    (sweep,) = live_sweeps(ledger)
    closed = replace(sweep, state=SweepState.CLOSED, revision=1, version=sweep.version + 1)
    ledger.write(sweeps=[(closed, None)])
    enter(ledger, job("churn-2", 2, 7))
    (after,) = live_sweeps(ledger)

    assert (after.state, after.revision, after.counts.jobs) == (SweepState.REVISED, 1, 3)
    assert [each.id for each in ledger.due_sweeps.until(at(17))] == [sweep.id]
    assert list(ledger.due_sweeps.until(at(16.9))) == []


def test_a_job_that_turns_out_to_belong_elsewhere_moves_with_its_counts(ledger: Ledger) -> None:
    for number in range(3):
        enter(ledger, job(f"churn-{number}", number, None))
    moved = job("churn-1", 1, 6, tags={"trialbook:experiment": "other"})
    enter(ledger, moved)
    enter(ledger, job("churn-0", 0, 5))

    counts = {sweep.id: sweep.counts.jobs for sweep in live_sweeps(ledger)}
    assert counts == {loop_id("churn", at(0)): 2, loop_id("other", at(1)): 1}
    assert_consistent(ledger)


def test_jobs_with_the_same_sweep_tag_are_one_sweep_however_far_apart(ledger: Ledger) -> None:
    for start in (0, 600):
        enter(ledger, job(f"churn-{start}", start, start + 5, tags={"trialbook:sweep": "night run"}))
    (sweep,) = live_sweeps(ledger)

    assert (sweep.kind, sweep.counts.jobs) == (SweepKind.TAG, 2)
    assert sweep.id.startswith("churn~night-run-")


def test_a_tuning_jobs_objective_reaches_children_that_came_before_it_was_known(ledger: Ledger) -> None:
    silent = Bookkeeper(ledger, Rules(), lambda key, name: None)
    for number in range(30):
        child = job(
            f"tune-{number:03d}-0f0444b1", number, number + 5, metrics={"mine": number / 100}, tuning_job="tune"
        )
        silent.enter(child, None)
    before = ledger.sweep("tune")
    tuning = TuningJob(job("tune", kind=JobKind.TUNING), definitions=(TuningDefinition(None, "mine", "Maximize"),))
    book(ledger).enter_tuning_job(tuning)
    after = ledger.sweep("tune")

    assert before is not None
    assert (before.best, before.counts.without_objective) == (None, 30)
    assert after is not None
    assert after.best is not None
    assert (after.best.value, after.counts.without_objective) == (0.29, 0)
    assert_consistent(ledger)


def test_changing_the_objective_re_ranks_and_can_be_repeated(ledger: Ledger) -> None:
    for number in range(30):
        enter(
            ledger,
            job(f"churn-{number}", number / 10, 9, metrics={"validation:error": number, "validation:auc": number}),
        )
        objective = parse_objective("maximize validation:auc", "objective", ObjectiveSource.RULES)
    rules = Rules(experiments=(ExperimentRule("churn", objective=objective),))
    (sweep,) = live_sweeps(ledger)
    changed = book(ledger, rules).rerank(sweep.id)
    again = book(ledger, rules).rerank(sweep.id)

    assert (changed, again) == (30, 0)
    assert next(ledger.ranking(sweep.id, 1)).value == 29
    assert_consistent(ledger)


def test_an_experiment_is_re_ranked_sweep_by_sweep_and_continues_after_an_interruption(ledger: Ledger) -> None:
    for number in range(24):
        start = 100 * (number // 8) + number % 8
        enter(
            ledger,
            job(
                f"churn-{number:02d}", start, start + 5, metrics={"validation:error": number, "validation:auc": number}
            ),
        )
    objective = parse_objective("maximize validation:auc", "objective", ObjectiveSource.RULES)
    rules = Rules(experiments=(ExperimentRule("churn", objective=objective),))
    interrupted = book(ledger, rules).rerank_experiment("churn")
    first = next(interrupted)
    rest = list(book(ledger, rules).rerank_experiment("churn"))

    assert first[1] == 8
    assert sorted(changed for _, changed in rest) == [0, 8, 8]
    assert [each.job.name for each in ledger.experiment_ranking("churn", 1)] == ["churn-23"]
    assert_consistent(ledger)


def test_definitions_with_different_objectives_are_ranked_apart(ledger: Ledger) -> None:
    error = TuningDefinition("a", "validation:error", "Minimize", "image-a")
    auc = TuningDefinition("b", "validation:auc", "Maximize", "image-b")
    book_of_two = Bookkeeper(
        ledger, Rules(), lambda key, name: TuningJob(samples.job(name, kind=JobKind.TUNING), definitions=(error, auc))
    )
    for number in range(6):
        image, metric = ("image-a", "validation:error") if number % 2 else ("image-b", "validation:auc")
        child = job(f"tune-{number}", number, metrics={metric: number / 10}, image=image, tuning_job="tune")
        book_of_two.enter(child, None)
    objectives = {each.objective for each in ledger.ranking("tune") if each.objective}
    best = {each.metric: next(ledger.ranking("tune", 1, each)).job.name for each in objectives}

    assert best == {"validation:error": "tune-1", "validation:auc": "tune-4"}
    assert_consistent(ledger)


def test_three_consumers_of_one_loop_lose_nothing_and_leave_one_window(dynamodb_local: str) -> None:
    """Each starts and ends its own jobs; windows arise and grow in all at once. moto itself loses updates of threads."""
    with opened(dynamodb_local) as ledger:
        table = ledger.table.name
        failures: list[Exception] = []

        def write(numbers: range) -> None:
            own = Ledger(table, region="us-east-1", host=dynamodb_local)
            try:
                for end in (None, 30):
                    for number in numbers:
                        while True:
                            try:
                                enter(own, job(f"churn-{number}", number / 10, end))
                                break
                            except Conflict:
                                continue
            except Exception as error:  # noqa: BLE001 reported by the test
                failures.append(error)

        threads = [threading.Thread(target=write, args=(range(first, 24, 3),)) for first in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (sweep,) = live_sweeps(ledger)

        assert failures == []
        assert sweep.counts.completed == 24
        assert_consistent(ledger)


def test_an_attachment_and_what_was_ensured_come_back(ledger: Ledger) -> None:
    key = job().key
    waiting = Attachment(key, "churn", "trial", settled=False, again_at=at(60))
    ledger.attachments.put(waiting)
    ledger.attachments.put_shard(key, "churn", "trial", Shard("churn", "trial-2", 2))
    ledger.attachments.put_shard(key, "churn", "trial", Shard("churn", "trial", 1))

    assert ledger.attachments.get(key) == waiting
    assert list(ledger.attachments.due(at(60))) == [key]
    assert list(ledger.attachments.due(at(59))) == []
    assert ledger.attachments.shard(key, "Churn", "TRIAL") == Shard("churn", "trial-2", 2)


steps = st.lists(
    st.tuples(
        st.integers(0, 7),
        st.sampled_from(["InProgress", "Completed", "Failed"]),
        st.integers(0, 80),
        st.integers(0, 12),
    ),
    max_size=20,
)


@settings(max_examples=40)
@given(steps=steps, moved_at_once=st.integers(1, 3))
def test_sweeps_and_windows_equal_a_recount_in_any_order_of_events(
    ledger_url: str, steps: list[tuple[int, str, int, int]], moved_at_once: int
) -> None:
    """Each job has a start and an end of its own; its events come in any order, twice or never. Some repeat the settings
    of others."""
    times = {number: (start, start + length) for number, _, start, length in reversed(steps)}
    with opened(ledger_url) as ledger:
        for number, status, _, _ in steps:
            start, end = times[number]
            given = {"eta": str(number % 2)} if number < 6 else {}
            running = None if status == "InProgress" else end
            seen = job(f"churn-{number}", start, running, status=status, hyper_parameters=given)
            enter(ledger, seen, moved_at_once=moved_at_once, pause=no_pause)

        assert_consistent(ledger)


@settings(max_examples=60)
@example(steps=[(4, "InProgress", 0, 0), (1, "InProgress", 0, 0)], moved_at_once=1)
@given(steps=steps, moved_at_once=st.integers(1, 3))
def test_loops_under_a_default_name_are_separated_in_any_order_of_events(
    ledger_url: str, steps: list[tuple[int, str, int, int]], moved_at_once: int
) -> None:
    """Eight jobs with three sets of data and two settings; their windows may overlap."""
    times = {number: (start, start + length) for number, _, start, length in reversed(steps)}
    with opened(ledger_url) as ledger:
        for number, status, _, _ in steps:
            start, end = times[number]
            seen = job(
                f"own-2026-11-20-10-00-00-10{number}",
                start,
                None if status == "InProgress" else end,
                status=status,
                hyper_parameters={"eta": str(number % 2)},
                image="000000000000.dkr.ecr.eu-west-1.amazonaws.com/own:1",
                channels=(InputChannel("train", f"s3://bucket/{number % 3}/"),),
            )
            enter(ledger, seen, moved_at_once=moved_at_once)

        assert_consistent(ledger)


interleaved = st.lists(
    st.tuples(steps, st.integers(1, 12), st.booleans()).filter(lambda each: len(each[0]) >= 2), min_size=1, max_size=4
)


# The end of a job and another job come after its beginning was read: the beginning must not move the other any more.
OVERTAKEN = [([(0, "InProgress", 0, 0), (0, "Completed", 0, 0), (1, "InProgress", 11, 0)], 1, False)]


@settings(max_examples=40)
@example(plans=OVERTAKEN, moved_at_once=6)
@given(plans=interleaved, moved_at_once=st.integers(1, 3))
def test_two_consumers_interleaved_at_any_call_where_one_may_die_leave_sweeps_that_equal_a_recount(
    dynamodb_local: str, plans: list[tuple[list[tuple[int, str, int, int]], int, bool]], moved_at_once: int
) -> None:
    """While one consumer enters a job, another enters all the others, right after one of the first one's API calls. The
    first may die there; its message then comes again."""
    with opened(dynamodb_local) as ledger:
        times: dict[int, tuple[int, int]] = {}
        for (first, *others), after, dies in plans:
            for number, _, start, length in (first, *others):
                times.setdefault(number, (start, start + length))

            def seen(step: tuple[int, str, int, int], times: dict[int, tuple[int, int]] = times) -> Job:
                number, status, _, _ = step
                start, end = times[number]
                value = {"validation:error": number} if status == "Completed" else {}
                return job(
                    f"churn-{number}", start, None if status == "InProgress" else end, status=status, metrics=value
                )

            def meanwhile(others: list[tuple[int, str, int, int]] = others, dies: bool = dies) -> None:
                other = Ledger(ledger.table.name, region="us-east-1", host=dynamodb_local)
                for step in others:
                    enter(other, seen(step), moved_at_once=moved_at_once, pause=no_pause)
                if dies:
                    raise Died

            try:
                with _called_after(after, meanwhile):
                    enter(ledger, seen(first), moved_at_once=moved_at_once, pause=no_pause)
            except Died:
                enter(ledger, seen(first), moved_at_once=moved_at_once, pause=no_pause)

        assert_consistent(ledger)
        for sweep in live_sweeps(ledger):
            ranked = [each for each in ledger.jobs() if each.sweep == sweep.id and each.value is not None]
            best = min(ranked, key=lambda each: (each.value, each.job.created_at, each.job.name), default=None)
            assert (sweep.best.job_name if sweep.best else None) == (best.job.name if best else None)


@contextmanager
def _called_after(call: int, action: Callable[[], None], of: str | None = None) -> Iterator[None]:
    """Runs the action once, after the n-th API call within the block, of all or of one operation (or not at all, if
    there are fewer)."""
    original: Any = cast("Any", BaseClient)._make_api_call
    left = count(call, -1)

    def make_api_call(client: Any, operation: str, request: Any) -> Any:
        answer = original(client, operation, request)
        if of in (None, operation) and next(left) == 1:
            action()
        return answer

    with patch.object(BaseClient, "_make_api_call", make_api_call):
        yield


class Counting(Ledger):
    """A ledger that counts the conflicts its writes met."""

    conflicts = 0

    def write(self, *arguments: Any, **more: Any) -> None:
        try:
            super().write(*arguments, **more)
        except Conflict:
            self.conflicts += 1
            raise


@pytest.mark.long
def test_eight_writers_lose_nothing(dynamodb_local: str) -> None:
    """8 writers x 500 jobs into one sweep; the counts are printed with -s."""
    jobs_each, writers = 500, 8
    again = [0] * writers
    with opened(dynamodb_local) as ledger:
        table = ledger.table.name
        ledgers = [Counting(table, region="us-east-1", host=dynamodb_local) for _ in range(writers)]

        def write(writer: int) -> None:
            own = ledgers[writer]
            bookkeeper = book(own)
            for number in range(jobs_each):
                made = job(
                    f"w{writer}-{number:03d}",
                    0,
                    5,
                    metrics={"validation:error": writer + number},
                    tags={"trialbook:sweep": "s", "trialbook:experiment": "churn"},
                )
                while True:
                    try:
                        bookkeeper.enter(made, None)
                        break
                    except Conflict:
                        again[writer] += 1

        threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (sweep,) = live_sweeps(ledger)
        met = sum(each.conflicts for each in ledgers)
        sys.stdout.write(
            f"{writers * jobs_each} jobs, {met} conflicts, messages that had to come again: {sum(again)}\n"
        )

        assert sweep.counts.completed == writers * jobs_each
        assert_consistent(ledger)


def test_items_carry_the_number_of_their_format_and_those_without_one_are_read(ledger: Ledger) -> None:
    """Before there was a number, items had none."""
    made = replace(record(samples.job("old", 0)), sweep="s")
    ledger.write([made])
    item = ledger.table.item.get(job_pk(made.key), "JOB")
    assert item.format == FORMAT
    item.format = None
    item.save()

    assert ledger.record(made.key) == made


def test_an_item_of_a_newer_format_is_refused_rather_than_misread(ledger: Ledger) -> None:
    made = replace(record(samples.job("new", 0)), sweep="s")
    ledger.write([made])
    item = ledger.table.item.get(job_pk(made.key), "JOB")
    item.format = FORMAT + 1
    item.save()

    with pytest.raises(NewerFormat, match="deploy the newer one"):
        ledger.record(made.key)


TOKEN = "hf_" + "abcdefgh" * 4


def as_an_older_version_left_it(ledger: Ledger) -> Job:
    """A job with a token among its hyperparameters, in format 2 and in plain text; its sweep holds the token too."""
    made = job("churn-1", 0, 5, hyper_parameters={"hf_token": TOKEN, "lr": "0.1"})
    enter(ledger, made)
    for item in ledger.table.item.scan():
        if item.item in ("job", "sweep"):
            text = item.facts or unpacked(item.packed_facts)
            item.format, item.facts, item.packed_facts = 2, re.sub(r"\[masked:\w+\]", TOKEN, text), None
            item.save()
    assert kept_in_plain(ledger) == ["job", "sweep"]
    return made


def kept_in_plain(ledger: Ledger) -> list[str]:
    return sorted(item.item for item in ledger.table.item.scan() if TOKEN in text_of(item))


def text_of(item: Any) -> str:
    return item.facts or (unpacked(item.packed_facts) if item.packed_facts else "")


def test_secrets_that_an_older_version_kept_are_shown_nowhere_and_written_masked_when_they_are_ranked_again(
    ledger: Ledger,
) -> None:
    made = as_an_older_version_left_it(ledger)
    before = ledger.record(made.key)
    shown = repr([before, *ledger.all_sweeps(), *ledger.jobs(), *ledger.experiment_ranking("churn")])
    list(book(ledger).rerank_experiment("churn"))

    assert TOKEN not in shown
    assert "[masked]" in shown
    assert kept_in_plain(ledger) == []
    assert ledger.record(made.key) == before
    assert_consistent(ledger)


def test_closing_sweeps_writes_items_of_older_formats_anew_without_being_asked(ledger: Ledger) -> None:
    as_an_older_version_left_it(ledger)
    services = Services(ledger, lambda account, region: pytest.fail("SageMaker is not needed"))
    out_of_time = close_sweeps(at(6), services, lambda: False)
    left = kept_in_plain(ledger)
    close_sweeps(at(7), services)

    assert out_of_time.failed == ()
    assert left == ["job", "sweep"]
    assert kept_in_plain(ledger) == []


def test_a_tuning_jobs_child_that_starts_costs_one_read_and_one_transaction(tmp_path: Path) -> None:
    book_at = open_folder(tmp_path / "book", create=True)
    services = Services(book_at, lambda account, region: pytest.fail("SageMaker is asked about ends alone"))
    for number in range(2):
        calls = operations(book_at)
        seen = samples.job(f"tune-{number}", number, None, tuning_job="tune")
        assert record_job.record(seen, services) is record_job.RecordOutcome.RECORDED

    assert calls == {"BatchGetItem": 1, "TransactWriteItems": 1}
    assert book_at.sweep("tune").counts.jobs == 2  # type: ignore[union-attr]


def test_a_sweep_read_early_that_has_changed_since_is_read_again(ledger: Ledger) -> None:
    for number in range(2):
        stale = ledger.sweep("tune")
        book(ledger).enter(samples.job(f"tune-{number}", number, tuning_job="tune"), None)
    book(ledger).enter(samples.job("tune-2", 2, tuning_job="tune"), None, stale)
    sweep = ledger.sweep("tune")

    assert stale is not None
    assert sweep is not None
    assert sweep == replace(recount(sweep, ledger.records_of(sweep)), version=3)
    assert sweep.counts.jobs == 3
