"""Backfilling: an account's history into the ledger, as reconcile records it, over any length of time."""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from trialbook.adapters.sagemaker import Refused, Throttled
from trialbook.close_sweeps import close_sweeps
from trialbook.core.errors import InvalidInput
from trialbook.core.jobs import Job, JobKey, JobKind
from trialbook.core.kinds import kinds_of
from trialbook.core.times import iso, parse_time
from trialbook.reconcile import pages, repair
from trialbook.services import Services

_LONGEST_PAUSE = 60.0  # seconds between tries while SageMaker throttles


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
class Progress:
    """Progress: jobs of this kind seen and recorded, and the time up to which changes are covered."""

    kind: JobKind
    seen: int
    recorded: int
    reached: datetime


T = TypeVar("T")
Pause = Callable[[float], None]


def backfilled(
    span: Span, services: Services, *, dry_run: bool = False, pause: Pause = time.sleep
) -> Generator[Progress, None, None]:
    """Records kind by kind, a hundred jobs at a time, and yields the progress after each. Continues an earlier call. An
    optional kind that the person may not list is left out.

    Tuning jobs come first, so that their children find their objective. Closes sweeps at the end.
    """
    for kind in span.kinds:
        try:
            yield from _backfill_kind(kind, span, services, dry_run, pause)
        except Refused:
            if not kind.facts.is_optional:
                raise
    if not dry_run:
        _patiently(lambda: close_sweeps(span.until, services), pause)


def _backfill_kind(kind: JobKind, span: Span, services: Services, dry_run: bool, pause: Pause) -> Iterator[Progress]:
    noted = None if dry_run else services.ledger.notes.get(span.mark(kind))
    reached = (parse_time(noted, "watermark") if noted else None) or span.since
    seen = recorded = 0
    sagemaker = services.sagemaker(span.account, span.region)
    met: set[JobKey] = set()

    def changed() -> Iterator[Sequence[Job]]:
        found = sagemaker.jobs_modified(kind, span.account, span.region, reached, span.until, span.name_contains)
        return pages(job for job in found if job.key not in met)

    for page in _all_pages(changed, pause):
        met.update(job.key for job in page)
        recorded += _lacking(page, services) if dry_run else _patiently(partial(_repaired, page, services), pause)
        seen += len(page)
        reached = max(reached, page[-1].last_modified_at or reached)
        if not dry_run:
            services.ledger.notes.put(span.mark(kind), iso(reached))
        yield Progress(kind, seen, recorded, reached)
    yield Progress(kind, seen, recorded, span.until)


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


def _repaired(page: Sequence[Job], services: Services) -> int:
    return repair(page, services, is_history=True).recorded


def _lacking(page: Sequence[Job], services: Services) -> int:
    known = {each.key for each in services.ledger.records(job.key for job in page)}
    return sum(job.key not in known for job in page)


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
