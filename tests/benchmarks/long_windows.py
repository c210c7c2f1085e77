"""A job that started earlier than all others of a long loop comes late. It renames the window and moves each of its
jobs. The ledger's index shows a change 20 ms after it was made, as DynamoDB's does.
In every second row, somebody else enters a job of the loop after each tenth transaction, without end. `deliveries` is
how often the late job's message has to come until all is in order; the queue gives up after 8. `items read` are those of
the index. All of them grow with the number of jobs, however many others come; so does the processor's time."""

import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any

from tests.benchmarks.page import table
from tests.unit.samples import job
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


class Ended(BaseException):
    """The process of a function that waited for another one ends."""


def end(seconds: float) -> None:
    """Instead of a pause."""
    raise Ended


class Interrupted(LaggingLedger):
    """A ledger in which somebody else enters a job of the same loop after every tenth transaction, without end."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = self.others = 0
        self.is_disturbed = False

    def write(self, *arguments: Any, **more: Any) -> None:
        """Once the other's job is entered, its process looks whether the first one goes on; here, it ends then."""
        self.writes += 1
        if self.is_disturbed and self.writes % 10 == 0:
            self.is_disturbed = False
            self.others += 1
            with suppress(Ended):
                other = Bookkeeper(self, Rules(), lambda key, name: None, pause=end)
                other.enter(loop_job(f"other-{self.others:04}", 18 + self.others / 10_000), None)
            self.is_disturbed = True
        super().write(*arguments, **more)


@dataclass(frozen=True, slots=True)
class Moved:
    """What it took until all was in order, and how many others came in between."""

    ledger: LaggingLedger
    others: int
    deliveries: int
    seconds: float
    cpu: float
    calls: Mapping[str, int]
    items_read: int
    sweeps: tuple[Sweep, ...]


def loop_job(name: str, start: float) -> Job:
    """A job of the loop `churn`, all of which end together."""
    return job(name, start, 20, tags={"trialbook:experiment": "churn"})


def move(jobs: int, ledger: LaggingLedger | None = None, lag: float = LAG, most_deliveries: int = 100) -> Moved:
    """A loop of so many jobs, and then one that started before them."""
    ledger = ledger or LaggingLedger()
    book = Bookkeeper(ledger, Rules(), lambda key, name: None)
    for number in range(jobs):
        book.enter(loop_job(f"churn-{number:05}", 10 + number / 1_000), None)
    ledger.made.lag = lag
    ledger.client.calls.clear()
    ledger.client.items_read = 0
    late = loop_job("churn-first", 9)
    if isinstance(ledger, Interrupted):
        ledger.is_disturbed = True
    began, began_cpu, deliveries = time.perf_counter(), time.process_time(), 0
    while deliveries < most_deliveries:
        deliveries += 1
        try:
            book.enter(late, ledger.record(late.key))
            break
        except Conflict:
            continue
    seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    others = 0
    if isinstance(ledger, Interrupted):
        ledger.is_disturbed, others = False, ledger.others
    sweeps = tuple(each for each in ledger.all_sweeps() if each.superseded_by is None)
    return Moved(ledger, others, deliveries, seconds, cpu, ledger.client.calls, ledger.client.items_read, sweeps)


def measure() -> str:
    """Two rows a size."""
    rows = []
    for jobs in SIZES:
        for ledger in (LaggingLedger(), Interrupted()):
            done = move(jobs, ledger)
            rows.append(
                [
                    f"{jobs:,}",
                    done.others,
                    done.deliveries,
                    f"{done.calls['TransactWriteItems']:,}",
                    sum(done.calls.values()) - done.calls["TransactWriteItems"],
                    f"{done.items_read:,}",
                    round(done.seconds, 2),
                    round(done.cpu, 2),
                    round(1000 * done.cpu / jobs, 2),
                ]
            )
    columns = [
        "jobs",
        "others",
        "deliveries",
        "transactions",
        "other requests",
        "items read",
        "seconds",
        "processor's seconds",
        "ms of these a job",
    ]
    return table(columns, rows)
