"""Backfilling: an account's history into the ledger, as reconcile records it, over any length of time."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from trialbook.adapters.sagemaker import NotFound, Refused, SageMakerError, Throttled, Unread
from trialbook.close_sweeps import close_sweeps
from trialbook.core.errors import InvalidInput
from trialbook.core.jobs import Job, JobKey, JobKind
from trialbook.core.kinds import kinds_of
from trialbook.core.placement import left_out
from trialbook.core.times import iso, parse_time
from trialbook.reconcile import is_missed, pages, repair
from trialbook.services import Services
from trialbook_cli.asking_ahead import AskingAhead

_LONGEST_PAUSE = 60.0  # seconds between tries while SageMaker throttles
_PAGES_AHEAD = 2  # about whose jobs SageMaker is asked while another is recorded


@dataclass(frozen=True, slots=True)
class Span:
    """The jobs of an account and region that changed within a time and whose names contain a text."""

    account: str
    region: str
    since: datetime
    until: datetime
    name_contains: str = ""
    kinds: Sequence[JobKind] = kinds_of(())

    def mark(self, kind: JobKind) -> str:
        """The name of the note that keeps the progress; without `until`, so that a later call continues."""
        return f"backfill/{self.account}/{self.region}/{kind.value}/{iso(self.since)}/{self.name_contains}"


@dataclass(frozen=True, slots=True)
class Problem:
    """A job that could not be recorded."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class BackfillProgress:
    """Progress: jobs of this kind seen and recorded, the time up to which changes are covered, and the jobs that could
    not be recorded."""

    kind: JobKind
    seen: int
    recorded: int
    reached: datetime
    problems: tuple[Problem, ...] = ()


T = TypeVar("T")
Pause = Callable[[float], None]


def backfilled(
    span: Span, services: Services, *, dry_run: bool = False, pause: Pause = time.sleep
) -> Generator[BackfillProgress, None, None]:
    """Records kind by kind, a hundred jobs at a time, and yields the progress after each. Continues an earlier call. An
    optional kind that the person may not list is left out.

    Tuning jobs come first, so that their children find their objective. Closes sweeps at the end. Jobs that can't be
    read or recorded are left out and named; a later call with the same span tries them again.
    """
    for kind in span.kinds:
        try:
            yield from _Filling(kind, span, services, pause, dry_run).steps()
        except Refused:
            if not kind.facts.is_optional:
                raise
    if not dry_run:
        _patiently(lambda: close_sweeps(span.until, services), pause)


class _Filling:
    """The jobs of a kind on their way into the ledger."""

    def __init__(self, kind: JobKind, span: Span, services: Services, pause: Pause, dry_run: bool) -> None:
        self._kind, self._span, self._services = kind, span, services
        self._pause, self._dry_run = pause, dry_run
        self._sagemaker = services.sagemaker(span.account, span.region)
        noted = None if dry_run else services.ledger.notes.get(span.mark(kind))
        self._reached = (parse_time(noted, "watermark") if noted else None) or span.since
        self._tried_again_from = span.until  # the first change of a job that could not be recorded
        self._seen = self._recorded = 0
        self._met: set[JobKey] = set()
        self._unread: list[Unread] = []
        self._problems: dict[str, Problem] = {}

    def steps(self) -> Iterator[BackfillProgress]:
        """The progress after each page."""
        for page in self._expected(_all_pages(self._changed, self._pause)):
            self._recorded += self._lacking(page) if self._dry_run else self._record(page)
            self._seen += len(page)
            self._reached = max(self._reached, page[-1].last_modified_at or self._reached)
            if not self._dry_run:
                self._read_again()
                self._services.ledger.notes.put(self._span.mark(self._kind), iso(self._watermark))
            yield self._progress(self._reached)
        if self._dry_run:
            for entry in self._unread:
                self._leave_out(entry.name, entry.changed_at, entry.reason)
        else:
            self._read_again()
        yield self._progress(self._span.until)

    @property
    def _watermark(self) -> datetime:
        return min(self._reached, self._tried_again_from)

    def _progress(self, reached: datetime) -> BackfillProgress:
        return BackfillProgress(self._kind, self._seen, self._recorded, reached, tuple(self._problems.values()))

    def _changed(self) -> Iterator[Sequence[Job]]:
        span = self._span
        found = self._sagemaker.jobs_modified(
            self._kind, span.account, span.region, self._reached, span.until, span.name_contains, self._cannot_read
        )
        return pages(job for job in found if job.key not in self._met)

    def _cannot_read(self, entry: Unread) -> None:
        if entry not in self._unread and entry.name not in self._problems:
            self._unread.append(entry)

    def _expected(self, found: Iterator[Sequence[Job]]) -> Iterator[Sequence[Job]]:
        """The pages; SageMaker is asked about the jobs of the next ones while one is recorded."""
        ahead: deque[Sequence[Job]] = deque()
        for page in found:
            self._met.update(job.key for job in page)
            if isinstance(self._sagemaker, AskingAhead) and not self._dry_run:
                self._sagemaker.expect(self._to_record(page))
            ahead.append(page)
            if len(ahead) > _PAGES_AHEAD:
                yield ahead.popleft()
        yield from ahead

    def _to_record(self, page: Sequence[Job]) -> list[Job]:
        known = {each.key: each.job for each in self._services.ledger.records(job.key for job in page)}
        rules = self._services.rules()
        return [job for job in page if is_missed(job, known.get(job.key)) and left_out(job, rules) is None]

    def _record(self, page: Sequence[Job]) -> int:
        return _patiently(partial(self._record_once, page), self._pause)

    def _record_once(self, page: Sequence[Job]) -> int:
        failed: list[Job] = []
        recorded = repair(page, self._services, is_history=True, failed=failed).recorded
        return recorded + sum(map(self._record_alone, failed))

    def _record_alone(self, job: Job) -> int:
        """Tries a job again that failed beside others; leaves it out if the job itself is the reason."""
        try:
            return _patiently(lambda: repair([job], self._services, is_history=True).recorded, self._pause)
        except (SageMakerError, InvalidInput) as error:
            self._leave_out(job.name, job.last_modified_at, str(error))
            return 0

    def _read_again(self) -> None:
        """Asks about the jobs that a list names and does not describe."""
        unread, self._unread = self._unread, []
        for entry in unread:
            try:
                job = _patiently(partial(entry.described, self._sagemaker), self._pause)
            except NotFound:
                continue  # deleted since: there is nothing to record
            except (SageMakerError, InvalidInput) as error:
                self._leave_out(entry.name, entry.changed_at, str(error))
            else:
                self._seen += 1
                self._recorded += self._record([job])

    def _leave_out(self, name: str, changed_at: datetime | None, reason: str) -> None:
        self._problems[name] = Problem(name, reason)
        self._tried_again_from = min(self._tried_again_from, changed_at or self._span.since)

    def _lacking(self, page: Sequence[Job]) -> int:
        known = {each.key for each in self._services.ledger.records(job.key for job in page)}
        return sum(job.key not in known for job in page)


def _all_pages(changed: Callable[[], Iterator[Sequence[Job]]], pause: Pause) -> Iterator[Sequence[Job]]:
    """The pages that `changed` yields. A generator that has raised has ended: after a pause, a new one continues."""
    found = changed()

    def following() -> Sequence[Job] | None:
        nonlocal found
        try:
            return next(found, None)
        except Throttled:
            found = changed()
            raise

    while (page := _patiently(following, pause)) is not None:
        yield page


def _patiently(call: Callable[[], T], pause: Pause) -> T:
    """The call's result; repeats the call after growing pauses while SageMaker throttles."""
    seconds = 1.0
    while True:
        try:
            return call()
        except Throttled:
            pause(seconds)
            seconds = min(seconds * 2, _LONGEST_PAUSE)


def parse_since(text: str, now: datetime, option: str = "--since") -> datetime:
    """A date, a time, or an age: 2026-01-01, 2026-01-01T12:00Z, 30d, 12h. Raises InvalidInput."""
    unit = {"d": "days", "h": "hours", "w": "weeks"}.get(text[-1:], "")
    if unit and text[:-1].isdecimal():
        return now - timedelta(**{unit: int(text[:-1])})
    try:
        moment = parse_time(text, option) if not text.isdecimal() else None
    except InvalidInput:
        moment = None
    if moment is None:
        raise InvalidInput(option, text, "a date such as 2026-01-01, or an age such as 30d or 12h")
    return moment
