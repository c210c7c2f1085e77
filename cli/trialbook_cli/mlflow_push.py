"""A book's history as runs in MLflow, with its own dates, by the same code as write_mlflow. The book keeps the ids of
the runs, so that an interrupted push continues, and nothing is written twice."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from botocore.session import Session

from trialbook.adapters.s3 import Bucket
from trialbook.core.announcements import SWEEP_PROGRESSED, Announcement
from trialbook.core.errors import InvalidInput
from trialbook.core.kinds import RUNS_OF
from trialbook.core.messages.delivery import NotSent
from trialbook.core.mlflow_runs import job_about
from trialbook.core.mlflow_server import Server, server_of
from trialbook.core.report_keys import REVISION
from trialbook.core.sweeps import Record, Sweep, start_of
from trialbook.delivery.events_to_messages import Addresses, facts_of
from trialbook.delivery.mlflow_channel import ToMlflow
from trialbook.ledger.deliveries import Deliveries
from trialbook.ledger.table import Conflict
from trialbook.runtime.sqs_batch import TryLater
from trialbook.write_mlflow import Writer
from trialbook_book.book import Book
from trialbook_book.curves import Read, from_folder
from trialbook_cli.mlflow_access import access

_LOOKS_AT = 10  # sweeps and jobs, to see how the book spells a server
_PAUSES = (1, 2, 5, 10, 30)  # seconds, where the server is busy or down for a moment


@dataclass(frozen=True, slots=True)
class Push:
    """The contents of a push: sweeps, with the jobs of each, and single jobs."""

    sweeps: tuple[tuple[Sweep, tuple[Record, ...]], ...]
    singles: tuple[Record, ...]

    @property
    def jobs(self) -> int:
        """How many jobs it has."""
        return len(self.singles) + sum(len(jobs) for _, jobs in self.sweeps)


def planned(book: Book, since: datetime | None) -> Push:
    """The sweeps and jobs since a moment that the rules send to MLflow. A sweep counts by its beginning."""
    rules = book.rules().mlflow
    ledger = book.ledger
    found = ledger.sweeps() if since is None else ledger.sweeps_since(since)
    sweeps = [each for each in found if each.superseded_by is None and rules.takes(each.experiment)]
    in_sweeps = {each.id for each in ledger.sweeps() if each.superseded_by is None}
    singles = [
        each
        for each in ledger.jobs()
        if each.key.kind in RUNS_OF
        and each.sweep not in in_sweeps
        and rules.takes(each.experiment)
        and (since is None or start_of(each.job) >= since)
    ]
    singles.sort(key=lambda each: (start_of(each.job), each.job.name))
    return Push(tuple((each, tuple(ledger.ranking(each.id))) for each in sweeps), tuple(singles))


def channel(book: Book, plan: Push, uri: str, session: Session) -> ToMlflow:
    """The server at an address or of an ARN. Raises InvalidInput."""
    reached, deliveries = access(), Deliveries(book.ledger.table)
    server = reached.server(uri)
    known = next((each for each in _servers_of(plan, deliveries) if _is_same(each, server)), server)
    return ToMlflow(reached.mlflow(replace(server, name=known.name), session), deliveries)


def _servers_of(plan: Push, deliveries: Deliveries) -> Iterator[Server]:
    """The servers that have runs of the first jobs. What a run is known by begins with its server's name, however that
    was spelled then: with a slash at its end, or without."""
    first = [*plan.singles[:_LOOKS_AT], *(jobs[0] for _, jobs in plan.sweeps[:_LOOKS_AT] if jobs)]
    for record in first:
        for delivery in deliveries.of(job_about(record.key)):
            with suppress(InvalidInput):
                yield server_of(delivery.address)


def _is_same(one: Server, other: Server) -> bool:
    return (one.url.lower(), one.header) == (other.url.lower(), other.header)


class _Kept:
    """What is beside the ledger: reports and curves, of a folder or of the stack's bucket. A folder has only the
    newest report of each sweep."""

    name = ""

    def __init__(self, book: Book) -> None:
        self._read: Read = lambda key: None
        if book.folder is not None:
            self._read = from_folder(book.folder)
        elif book.stack is not None and "ReportsBucket" in book.stack.outputs:
            self._read = Bucket(book.ledger.session, book.stack.outputs["ReportsBucket"]).get

    def get(self, key: str) -> bytes | None:
        """The content under a key; None if it is not there."""
        found = self._read(key)
        if found is not None or REVISION not in key:
            return found
        sweep, _, rest = key.partition(REVISION)
        return self._read(f"{sweep}/{rest.partition('/')[2]}")


def pushed(book: Book, plan: Push, to: ToMlflow) -> Iterator[int]:
    """Writes the runs; yields after each step how many jobs it had. Raises NotSent if the server refuses one, also
    after pauses."""
    services, kept = book.services(), _Kept(book)
    writer = Writer(services, kept, Addresses, to, captures=True)
    event = Announcement("push", SWEEP_PROGRESSED, {})
    for sweep, jobs in plan.sweeps:
        facts = facts_of(sweep, services, kept, Addresses())
        _patiently(partial(writer.of, facts, event, goes_through=False))
        for job in jobs:
            _patiently(partial(writer.record, job, sweep))
            yield 1
    for job in plan.singles:
        _patiently(partial(writer.record, job, None))
        yield 1


def there(plan: Push, to: ToMlflow) -> int:
    """How many of the jobs have a run."""
    records = [*plan.singles, *(job for _, jobs in plan.sweeps for job in jobs)]
    to.read_ahead(job_about(each.key) for each in records)
    return sum(1 for each in records if to.of(job_about(each.key)).is_sent)


def _patiently(write: Callable[[], object]) -> None:
    for pause in (*_PAUSES, None):
        try:
            write()
            return
        except NotSent as error:
            if pause is None or not error.passes:
                raise
            time.sleep(max(pause, min(error.after or 0, 60)))
        except (TryLater, Conflict) as error:  # another push, or one that died a moment ago
            if pause is None:
                raise NotSent("somebody_else_writes", passes=True) from error
            time.sleep(min(error.delay, 80) if isinstance(error, TryLater) else pause)
