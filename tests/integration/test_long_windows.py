"""Windows with many jobs are put in order at a cost that grows with their jobs, though the index lags."""

import time
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from threading import Event, Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.benchmarks.long_windows import Interrupted, LaggingLedger, LaggingTable, loop_job, move
from tests.integration.test_ledger import assert_consistent, no_pause
from tests.unit.samples import at, job, record
from trialbook.core.jobs import Job
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import LoopVersion, Record, Sweep, SweepKind, recount
from trialbook.core.tally import Tally
from trialbook.core.windows import loop_id
from trialbook.ledger.bookkeeper import Bookkeeper, retried
from trialbook.ledger.ledger import NO_LOOPS
from trialbook.ledger.moves import MOVED_AT_ONCE
from trialbook.ledger.table import Conflict


@pytest.mark.parametrize("jobs", [100, 600])
def test_the_job_that_renames_a_long_window_is_recorded_by_its_first_message_and_reads_each_job_once(jobs: int) -> None:
    done = move(jobs)

    assert done.deliveries == 1
    assert done.items_read == jobs
    assert done.calls["TransactWriteItems"] <= jobs / 6 + 2
    assert sum(done.calls.values()) - done.calls["TransactWriteItems"] < 10
    assert [sweep.counts.jobs for sweep in done.sweeps] == [jobs + 1]


def book(ledger: LaggingLedger) -> Bookkeeper:
    return Bookkeeper(ledger, Rules(), lambda key, name: None)


@pytest.mark.parametrize("jobs", [240, 960])
def test_a_move_ends_at_linear_cost_though_others_come_in_between_without_end(jobs: int) -> None:
    done = move(jobs, Interrupted())

    assert done.deliveries == 1
    assert done.others >= jobs / MOVED_AT_ONCE / 10
    assert [sweep.counts.jobs for sweep in done.sweeps] == [jobs + 1 + done.others]
    assert done.items_read == jobs  # of the index: each once
    assert sum(done.calls.values()) < jobs / MOVED_AT_ONCE + 10 * done.others + 10
    assert_consistent(done.ledger)


class Queue:
    """A queue whose messages are handled in threads, each of which comes again, eight times at most."""

    def __init__(self, made: LaggingTable) -> None:
        self.made = made
        self.is_over = Event()
        self.entered: list[str] = []
        self.given_up: list[str] = []

    def enter(self, seen: Job) -> None:
        ledger = LaggingLedger(self.made)
        for _ in range(8):
            with suppress(Conflict):
                book(ledger).enter(seen, ledger.record(seen.key))
                self.entered.append(seen.name)
                return
        self.given_up.append(seen.name)

    def enter_for_ever(self, name: str) -> None:
        for number in count():
            if self.is_over.is_set():
                return
            self.enter(loop_job(f"{name}-{number}", 11 + number / 10_000))


@pytest.mark.long
def test_two_that_rename_one_window_end_while_others_come_forever() -> None:
    made = LaggingTable()
    for number in range(300):
        book(LaggingLedger(made)).enter(loop_job(f"churn-{number:03}", 10 + number / 10_000), None)
    made.lag = 0.02
    queue = Queue(made)
    intruders = [Thread(target=queue.enter_for_ever, args=(f"intruder-{each}",)) for each in range(2)]
    renamers = [Thread(target=queue.enter, args=(loop_job(f"first-{moment}", moment),)) for moment in (9, 8)]
    for thread in (*intruders, *renamers):
        thread.start()
    for thread in renamers:
        thread.join(120)
    ended = [not thread.is_alive() for thread in renamers]
    queue.is_over.set()
    for thread in (*intruders, *renamers):
        thread.join(120)
    ledger = LaggingLedger(made)
    time.sleep(made.lag)
    (sweep,) = [each for each in ledger.all_sweeps() if each.superseded_by is None]

    assert ended == [True, True]
    assert queue.given_up == []
    assert sweep.counts.jobs == 300 + len(queue.entered)
    assert sweep.id == loop_id("churn", at(8))
    assert_consistent(ledger)


def test_without_progress_a_change_is_given_up() -> None:
    def change() -> None:
        raise Conflict("always")

    with pytest.raises(Conflict):
        retried(change, no_pause)


made = st.builds(
    lambda number, start, value, size, names, status: record(
        job(
            f"churn-{number}",
            start,
            start + 3,
            metrics={"validation:error": value},
            tags={
                **({"trialbook:sweep-size": str(size)} if size else {}),
                **({"trialbook:objective": f"{names} validation:error"} if names else {}),
            },
            max_runtime_seconds=60 * number,
            hyper_parameters={"eta": str(number % 4)},
            status=status,
        ),
        version=number % 3 + 1,
    ),
    st.integers(0, 10_000),
    st.integers(0, 50),
    st.integers(0, 5),
    st.integers(0, 3),
    st.sampled_from(["", "minimize", "maximize"]),
    st.sampled_from(["Completed", "Failed", "InProgress"]),
)
alone = st.lists(made, max_size=12, unique_by=lambda each: each.key)


@settings(max_examples=200)
@given(records=alone, came=alone, data=st.data())
def test_the_rest_of_a_window_always_equals_a_recount(
    records: list[Record], came: list[Record], data: st.DataObject
) -> None:
    window = Sweep("churn@1", SweepKind.LOOP, "churn", version=3, revision=1)
    tally, there = Tally(records), {each.key: each for each in records}
    for each in came:
        tally.put(each)
        there[each.key] = each
        if data.draw(st.booleans()):
            gone = data.draw(st.sampled_from(list(there)))
            tally.take([gone])
            del there[gone]
        leaving = data.draw(st.lists(st.sampled_from(list(there)), unique=True)) if there else []

        assert tally.without(leaving, window) == recount(
            window, [each for key, each in there.items() if key not in leaving]
        )


def test_windows_that_part_read_each_job_once() -> None:
    ledger = LaggingLedger()
    book(ledger).enter(job("churn-0", 0, None, tags={"trialbook:experiment": "churn"}), None)
    for number in range(200):
        book(ledger).enter(job(f"late-{number:03}", 60, 90, tags={"trialbook:experiment": "churn"}), None)
    ledger.made.lag = 0.02
    ledger.client.items_read = 0
    ended = job("churn-0", 0, 5, tags={"trialbook:experiment": "churn"})
    book(ledger).enter(ended, ledger.record(ended.key))

    assert ledger.client.items_read <= 2 * 201
    assert sorted(s.counts.jobs for s in ledger.all_sweeps() if s.superseded_by is None) == [1, 200]
    assert_consistent(ledger)


class Named(LaggingLedger):
    """A ledger that notes how many windows each write names as being moved."""

    def __init__(self) -> None:
        super().__init__()
        self.named: list[int] = []

    def write(self, records: Any = (), sweeps: Any = (), loops: Mapping[str, LoopVersion] = NO_LOOPS) -> None:
        self.named += [len(head.moving) for head in loops.values()]
        super().write(records, sweeps, loops)


def test_a_window_that_parts_into_many_names_few_at_a_time() -> None:
    """All names would pass the 400 KB that an item of DynamoDB may have."""

    def same(name: str, start: float, end: float | None) -> Job:
        return job(name, start, end, tags={"trialbook:experiment": "churn"}, hyper_parameters={"eta": "1"})

    ledger = Named()
    book(ledger).enter(same("stuck", 0, None), None)
    for number in range(60):
        book(ledger).enter(same(f"hourly-{number:02}", 60 + 60 * number, 100 + 60 * number), None)
    ledger.named.clear()
    ended = same("stuck", 0, 5)
    book(ledger).enter(ended, ledger.record(ended.key))

    assert len([each for each in ledger.all_sweeps() if each.superseded_by is None]) == 61
    assert max(ledger.named) <= 2
    assert_consistent(ledger)
