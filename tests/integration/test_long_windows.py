"""Windows with many jobs are put in order at a cost that grows with their jobs, though the index lags."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.benchmarks.long_windows import LaggingLedger, loop_job, move
from tests.integration.test_ledger import assert_consistent
from tests.unit.making import job, record
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import Record, Sweep, SweepKind, recount, without_in_turn
from trialbook.ledger.bookkeeper import Bookkeeper, retried
from trialbook.ledger.table import Conflict


@pytest.mark.parametrize("jobs", [100, 600])
def test_the_job_that_renames_a_long_window_is_recorded_by_its_first_message_and_reads_each_job_once(jobs: int) -> None:
    done = move(jobs)

    assert done.deliveries == 1
    assert done.items_read == jobs
    assert done.calls["TransactWriteItems"] <= jobs / 6 + 2
    assert sum(done.calls.values()) - done.calls["TransactWriteItems"] < 10
    assert [sweep.counts.jobs for sweep in done.sweeps] == [jobs + 1]


_INTRUDERS = 20  # each puts the windows in order its own way and sets the first writer back; without end, neither would


class Interrupted(LaggingLedger):
    """A ledger in which somebody else enters a job of the same loop after every tenth transaction, 20 times."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = self.others = 0
        self.is_disturbed = False

    def write(self, *arguments: object, **more: object) -> None:
        self.writes += 1
        if self.is_disturbed and self.writes % 10 == 0 and self.others < _INTRUDERS:
            self.is_disturbed = False
            self.others += 1
            book(self).enter(loop_job(f"other-{self.others:02}", 11 + self.others / 100), None)
            self.is_disturbed = True
        super().write(*arguments, **more)  # type: ignore[arg-type]


def book(ledger: LaggingLedger) -> Bookkeeper:
    return Bookkeeper(ledger, Rules(), lambda key, name: None)


def test_a_message_that_gets_ahead_is_not_given_up_however_often_others_come_in_between() -> None:
    ledger = Interrupted()
    for number in range(240):
        book(ledger).enter(loop_job(f"churn-{number:03}", 10 + number / 1_000), None)
    ledger.is_disturbed = True
    book(ledger).enter(loop_job("churn-first", 9), None)
    ledger.is_disturbed = False
    (sweep,) = [each for each in ledger.all_sweeps() if each.superseded_by is None]

    assert ledger.others == _INTRUDERS
    assert sweep.counts.jobs == 241 + ledger.others
    assert_consistent(ledger)


def test_without_progress_a_change_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)

    def change() -> None:
        raise Conflict("always")

    with pytest.raises(Conflict):
        retried(change)


made = st.builds(
    lambda number, start, value, size: record(
        job(
            f"churn-{number}",
            start,
            start + 3,
            metrics={"validation:error": value},
            tags={"trialbook:sweep-size": str(size)} if size else {},
            max_runtime_seconds=60 * number,
        ),
        version=number % 3 + 1,
    ),
    st.integers(0, 10_000),
    st.integers(0, 50),
    st.integers(0, 5),
    st.integers(0, 3),
)


@settings(max_examples=200)
@given(records=st.lists(made, min_size=1, max_size=12, unique_by=lambda each: each.key), data=st.data())
def test_what_is_left_after_each_batch_always_equals_a_recount(records: list[Record], data: st.DataObject) -> None:
    sweep = recount(Sweep("churn@1", SweepKind.LOOP, "churn", version=3, revision=1), records)
    going = data.draw(st.lists(st.sampled_from(records), unique_by=lambda each: each.key))
    size = data.draw(st.integers(1, 4))
    batches = [going[at : at + size] for at in range(0, len(going), size)]

    left = without_in_turn(sweep, records, batches)

    for number, after in enumerate(left, 1):
        gone = {each.key for batch in batches[:number] for each in batch}
        assert after == recount(sweep, [each for each in records if each.key not in gone])
    assert len(left) == len(batches)


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
