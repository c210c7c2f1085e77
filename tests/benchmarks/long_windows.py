"""What it costs to move the jobs of a long loop: a job that started earlier than all others comes late, which renames
the window and moves each of its jobs. The ledger's index shows a change 20 ms after it was made, as DynamoDB's does.
`deliveries` is how often the job's message has to come until it is recorded; the queue gives up after 8."""

import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from tests.benchmarks.page import table
from tests.unit.making import job
from trialbook.core.jobs import Job
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import Sweep
from trialbook.ledger.bookkeeper import Bookkeeper
from trialbook.ledger.table import Conflict
from trialbook_book.conditions import Condition
from trialbook_book.folder import FolderLedger, Key, Table, TableClient
from trialbook_book.table import Item

TITLE = "Long loops: moving a window's jobs"
SIZES = (100, 1_000, 5_000)
LAG = 0.02  # seconds


_ONE_AT_A_TIME = Lock()  # calls, of threads that share a table


class LaggingTable(Table):
    """A table whose indexes show a change some time after it was made."""

    def __init__(self) -> None:
        super().__init__()
        self.lag = 0.0
        self._indexed = Table()
        self._on_the_way: deque[tuple[float, list[Item], list[Key]]] = deque()

    def change(self, put: Iterable[Item], delete: Iterable[Key] = ()) -> None:
        """Puts and deletes at once; in the indexes later."""
        puts, deletes = list(put), list(delete)
        super().change(puts, deletes)
        self._on_the_way.append((time.monotonic() + self.lag, puts, deletes))

    def query(self, index: str | None, condition: Condition, **place: Any) -> Iterator[Item]:
        """What the table or the index shows by now."""
        if index is None:
            return super().query(index, condition, **place)
        while self._on_the_way and self._on_the_way[0][0] <= time.monotonic():
            self._indexed.load(*self._on_the_way.popleft()[1:])
        return self._indexed.query(index, condition, **place)


class CountingClient(TableClient):
    """Counts requests, by operation, and the items that queries of the index read."""

    def __init__(self, made: Table) -> None:
        super().__init__(made)
        self.calls: Counter[str] = Counter()
        self.items_read = 0

    def _make_api_call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        with _ONE_AT_A_TIME:
            answer = super()._make_api_call(operation, request)
        self.calls[operation] += 1
        self.items_read += len(answer.get("Items", ())) if "IndexName" in request else 0
        return answer


class LaggingLedger(FolderLedger):
    """A ledger in memory, behind whose table the index lags. Several may share a table."""

    def __init__(self, made: LaggingTable | None = None) -> None:
        self.made = made or LaggingTable()
        super().__init__(self.made)
        self.client = CountingClient(self.made)
        self.table.connection._client = self.client  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Moved:
    """What it took until the late job was recorded."""

    deliveries: int
    seconds: float
    calls: Mapping[str, int]
    items_read: int
    sweeps: tuple[Sweep, ...]


def loop_job(name: str, start: float) -> Job:
    """A job of the loop `churn`, all of which end together."""
    return job(name, start, 20, tags={"trialbook:experiment": "churn"})


def move(jobs: int, lag: float = LAG, most_deliveries: int = 100) -> Moved:
    """A loop of so many jobs, and then one that started before them."""
    ledger = LaggingLedger()
    book = Bookkeeper(ledger, Rules(), lambda key, name: None)
    for number in range(jobs):
        book.enter(loop_job(f"churn-{number:05}", 10 + number / 1_000), None)
    ledger.made.lag = lag
    ledger.client.calls.clear()
    ledger.client.items_read = 0
    late = loop_job("churn-first", 9)
    began, deliveries = time.perf_counter(), 0
    while deliveries < most_deliveries:
        deliveries += 1
        try:
            book.enter(late, ledger.record(late.key))
            break
        except Conflict:
            continue
    seconds = time.perf_counter() - began
    sweeps = tuple(each for each in ledger.all_sweeps() if each.superseded_by is None)
    return Moved(deliveries, seconds, ledger.client.calls, ledger.client.items_read, sweeps)


def measure() -> str:
    """One row a size."""
    rows = []
    for jobs in SIZES:
        done = move(jobs)
        rows.append(
            [
                f"{jobs:,}",
                done.deliveries,
                done.calls["TransactWriteItems"],
                sum(done.calls.values()) - done.calls["TransactWriteItems"],
                f"{done.items_read:,}",
                round(done.seconds, 2),
                round(1000 * done.seconds / jobs, 2),
            ]
        )
    columns = ["jobs", "deliveries", "transactions", "other requests", "items read", "seconds", "ms a job"]
    return table(columns, rows)
