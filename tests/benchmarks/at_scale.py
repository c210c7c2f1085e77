"""A backfill of many training jobs into a folder, and their export from a table. The SageMaker stand-in answers each call after
80 ms and throttles like an account: 2 searches and 30 other calls of each operation in a second, as public reports quote them,
because AWS documents no rates. *One at a time* is the same without calls made ahead. *Killed* is a backfill that was
killed after half of the jobs and then repeated: its requests are those of both processes. The export reads AWS's
DynamoDB Local.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.session import Session

from tests.benchmarks.many_children import many_children
from tests.benchmarks.page import table
from tests.benchmarks.report import write
from tests.integration.conftest import opened, running_dynamodb_local
from trialbook.adapters.sagemaker import SageMaker as OneAtATime
from trialbook.runtime.observability import quiet
from trialbook.services import Services
from trialbook_book.book import Book
from trialbook_book.folder import open_folder
from trialbook_book.paged import PagedLedger
from trialbook_cli.asking_ahead import asking_ahead
from trialbook_cli.backfilling import Span, backfilled
from trialbook_cli.book_export import export_book
from trialbook_cli.sagemaker_stand_in import Account, SageMaker, from_recording, serve
from trialbook_cli.sagemaker_stand_in.state import WallClock

TITLE = "Backfill and export at scale"
SIZES = (1000, 10_000)
MODES = ("one at a time", "ahead", "killed")
_ANSWERS_AFTER = 0.08
_SEARCHES, _OTHERS = 2, 30  # a second
_LIMITED = (
    "DescribeTrainingJob",
    "DescribeTrialComponent",
    "DescribeHyperParameterTuningJob",
    "ListTags",
    "DescribeTrial",
)
_LISTS = ("Search", "ListHyperParameterTuningJobs", "ListProcessingJobs", "ListTransformJobs")


class Limited:
    """A stand-in that is slow and throttles; `answered` are the calls that it did not throttle."""

    def __init__(self, size: int) -> None:
        limits = dict.fromkeys(_LISTS, _SEARCHES) | dict.fromkeys(_LIMITED, _OTHERS)
        self.sagemaker: SageMaker = from_recording(
            many_children(size).answers, Account(), WallClock(), calls_per_second=limits
        )
        self.answered: Counter[str] = Counter()
        self.sagemaker.faults = self._slowly

    def _slowly(self, operation: str, request: Any) -> None:
        self.answered[operation] += 1
        time.sleep(_ANSWERS_AFTER)

    @property
    def requests(self) -> int:
        return self.sagemaker.calls.total()

    @property
    def throttled(self) -> int:
        return self.requests - self.answered.total()


def measure() -> str:
    """The backfills, then the exports."""
    rows = [_row(mode, size) for size in SIZES for mode in (MODES if size == min(SIZES) else MODES[1:])]
    heads = ["", "jobs", "seconds", "jobs a second", "SageMaker requests", "of them throttled", "recorded"]
    exports = table(["jobs", "seconds", "jobs a second", "DynamoDB requests", "MB written"], list(_exports()))
    return f"{table(heads, rows)}\n\n{exports}"


def _row(mode: str, size: int) -> list[object]:
    limited = Limited(size)
    with tempfile.TemporaryDirectory() as folder, serve(limited.sagemaker) as url:
        began = time.perf_counter()
        if mode == "killed":
            _killed_at_half(url, folder, size)
        _backfill(url, folder, mode)
        seconds = time.perf_counter() - began
        ledger = open_folder(Path(folder)).all_sweeps()
        recorded = sum(sweep.counts.completed for sweep in ledger)
    assert recorded == size, recorded
    return [mode, size, round(seconds, 1), round(size / seconds, 1), limited.requests, limited.throttled, recorded]


def _command(url: str, folder: str, mode: str) -> list[str]:
    return [sys.executable, "-m", "tests.benchmarks.at_scale", url, folder, mode]


def _backfill(url: str, folder: str, mode: str) -> None:
    subprocess.run(_command(url, folder, mode), check=True, stdout=subprocess.DEVNULL)


def _killed_at_half(url: str, folder: str, size: int) -> None:
    process = subprocess.Popen(_command(url, folder, "ahead"), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= size / 2:
            break
    process.kill()
    process.wait()


@contextmanager
def _asking(mode: str) -> Iterator[Any]:
    session = Session()
    if mode == "one at a time":
        client = OneAtATime(session, "us-east-1")
        yield lambda account, region: client
    else:
        with asking_ahead(session) as sagemaker:
            yield sagemaker


def backfill(folder: str, mode: str) -> None:
    """Prints the number of jobs seen after each step."""
    until = datetime(2026, 11, 30, tzinfo=UTC)
    span = Span(Account().id, "us-east-1", until - timedelta(days=30), until)
    with quiet(), _asking(mode) as sagemaker:
        for step in backfilled(span, Services(open_folder(Path(folder), create=True), sagemaker)):
            print(step.seen, flush=True)


def _counted(book: Book) -> Counter[str]:
    """The requests to the book's table from here on, by operation."""
    asked: Counter[str] = Counter()
    client: Any = book.ledger.table.connection.client
    client.meta.events.register("before-call.dynamodb", lambda model, **_: asked.update([model.name]))
    return asked


def _exports() -> Iterator[list[object]]:
    with running_dynamodb_local() as url:
        for size in SIZES:
            place = opened(url)
            with place as ledger, tempfile.TemporaryDirectory() as folder:
                write(ledger, size)
                book = Book(PagedLedger(place.table, region="us-east-1", host=url))
                asked = _counted(book)
                began = time.perf_counter()
                exported = export_book(book, None, Path(folder), "jsonl")
                seconds = time.perf_counter() - began
                written = sum(each.stat().st_size for each in Path(folder).iterdir()) / 1e6
            jobs = exported.jobs
            yield [jobs, round(seconds, 1), round(jobs / seconds), asked.total(), round(written, 1)]


if __name__ == "__main__":
    os.environ |= {
        "AWS_ENDPOINT_URL_SAGEMAKER": sys.argv[1],
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    backfill(*sys.argv[2:])
