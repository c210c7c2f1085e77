"""reconcile: asks SageMaker what the events did not tell, once an hour, and repairs it through the same use cases.

Each account, kind and job is tried by itself. A watermark for each kind says until when all is repaired: it never
passes a job that failed. Those that failed, and those that a list names and does not tell of, are kept by name beside
it and tried again, and the search continues behind them, so that a job that fails for months makes no run longer.

Backfill is the same over an account's history.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from trialbook.adapters.sagemaker import (
    Bookmark,
    NotFound,
    Refused,
    SageMaker,
    SageMakerError,
    Throttled,
    Unread,
    Unreadable,
)
from trialbook.attach_job import AttachOutcome, attach
from trialbook.core.codec import pack, unpack
from trialbook.core.jobs import Job, JobKind
from trialbook.core.kinds import kinds_of
from trialbook.core.merging import is_made_anew, is_new_life
from trialbook.core.times import iso, parse_time
from trialbook.ledger.ledger import Ledger
from trialbook.record_job import RecordOutcome, record
from trialbook.runtime.observability import count, logger
from trialbook.runtime.sqs_batch import TryLater
from trialbook.services import Services

TimeLeft = Callable[[], bool]

_FAILED = "failed"  # the end of names of notes
_FIRST_LOOK = timedelta(days=1)
_PAGE = 100
_MOST_KEPT = 500  # failed jobs of a kind; beyond, the search does not go on behind them
_GIVES_UP_AFTER = 3  # jobs in a row for which SageMaker has no time: it has none for the others either


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How runs look for changes. `notes` begins the names of their notes.

    A run looks again at the last `overlap` of the run before, because lists and Search lag. It leaves out the last
    `head_start`, whose changes events report: asking for them too would only describe jobs twice. `by_page`: a run
    reads one page of each list, and the next run continues.
    """

    notes: str
    overlap: timedelta
    head_start: timedelta
    by_page: bool = False


HOURLY = Rhythm("reconcile", overlap=timedelta(hours=2), head_start=timedelta(minutes=5))
EVERY_MINUTE = Rhythm("poll", overlap=timedelta(minutes=10), head_start=timedelta(0), by_page=True)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The result of one run. `unfinished` means that time ran out; the next run continues from the watermark. `failed`
    are the names of the jobs, kinds and accounts that could not be done."""

    seen: int = 0
    recorded: int = 0
    attached: int = 0
    unfinished: bool = False
    failed: tuple[str, ...] = ()

    def __add__(self, other: "Reconciled") -> "Reconciled":
        return Reconciled(
            self.seen + other.seen,
            self.recorded + other.recorded,
            self.attached + other.attached,
            self.unfinished or other.unfinished,
            (*self.failed, *other.failed),
        )


def reconcile(
    now: datetime,
    account: str,
    region: str,
    services: Services,
    time_left: TimeLeft = lambda: True,
    kinds: Iterable[JobKind] = kinds_of(()),
) -> Reconciled:
    """Repairs what events missed in one account and region since the last run."""
    done = reconcile_kinds(kinds, HOURLY, now, account, region, services, time_left)
    try:
        done += _attach_again(now, services, time_left)
    except Exception as error:  # noqa: BLE001
        done += _failed("jobs that are not attached", error)
    if done.recorded or done.attached:
        logger.info("repaired what events missed", recorded=done.recorded, attached=done.attached)
    count("JobsRepaired", done.recorded + done.attached)
    return done


def reconcile_kinds(
    kinds: Iterable[JobKind],
    rhythm: Rhythm,
    now: datetime,
    account: str,
    region: str,
    services: Services,
    time_left: TimeLeft,
) -> Reconciled:
    """Records the jobs of each kind that have changed since the last run."""
    done = Reconciled()
    for kind in kinds:
        try:
            done += _reconcile_kind(kind, rhythm, now, account, region, services, time_left)
        except Exception as error:  # noqa: BLE001 whatever is wrong with one kind must not cost the others
            done += _failed(f"{account}/{region}/{kind.value}", error)
    return done


def waiting(ledger: Ledger) -> list[str]:
    """The jobs that the last runs could not repair, which the next ones try again, of all accounts."""
    found = []
    for rhythm in (HOURLY, EVERY_MINUTE):
        for name, text in ledger.notes.beginning(f"{rhythm.notes}/"):
            place, _, what = name.removeprefix(f"{rhythm.notes}/").rpartition("/")
            if what == _FAILED:
                found += [f"{place}/{job}" for job in _failed_of(json.loads(text or "{}"))]
    return found


def _failed(name: str, error: Exception) -> Reconciled:
    """Something could not be done: counted, and logged with its name; the next run tries it again."""
    logger.warning("not reconciled this time", what=name, reason=repr(error)[:1000])
    count("ReconcileFailures")
    return Reconciled(failed=(name,))


@dataclass(frozen=True, slots=True)
class _Page:
    """The page with which the next run continues: the list's interval, the page's token, and when the run before was
    due."""

    since: datetime
    until: datetime
    token: str
    due: datetime


@dataclass(slots=True)
class _Mark:
    """How far a kind is reconciled. `failed` are jobs that could not be repaired; `reached` is until when all others
    are; `page` is where a list continues. The watermark, until when all are, is the earlier of `reached` and the first
    failed job's last change."""

    name: str
    reached: datetime
    failed: dict[str, "Job | Unread"] = field(default_factory=dict)
    has_note: bool = False
    page: _Page | None = None

    @staticmethod
    def read(name: str, ledger: Ledger, otherwise: datetime) -> "_Mark":
        """The mark as the last run left it."""
        saved, facts = ledger.notes.get(name), json.loads(ledger.notes.get(f"{name}/{_FAILED}") or "{}")
        watermark = (parse_time(saved, name) if saved else None) or otherwise
        if not facts:
            return _Mark(name, watermark)
        failed = _failed_of(facts)
        page = unpack(_Page, facts["page"]) if facts.get("page") else None
        return _Mark(name, parse_time(facts["reached"], name) or watermark, failed, has_note=True, page=page)

    def write(self, ledger: Ledger) -> None:
        """Keeps it for the next run; of the failed jobs only what lists tell."""
        jobs = [pack(_in_short(each)) for each in self.failed.values() if isinstance(each, Job)]
        unread = [pack(each) for each in self.failed.values() if isinstance(each, Unread)]
        is_needed = bool(self.failed or self.page)
        if is_needed or self.has_note:
            page = {"page": pack(self.page)} if self.page else {}
            kept = json.dumps({"reached": iso(self.reached), "jobs": jobs, "unread": unread, **page})
            ledger.notes.put(f"{self.name}/{_FAILED}", kept if is_needed else "{}")
            self.has_note = is_needed
        ledger.notes.put(self.name, iso(self.watermark))

    @property
    def watermark(self) -> datetime:
        """Until when everything is repaired."""
        moments = map(_changed_at, self.failed.values())
        return min([self.reached, *(moment for moment in moments if moment is not None)])

    def has_failed(self, job: Job) -> bool:
        """Whether it failed in an earlier run too."""
        return isinstance(self.failed.get(job.name), Job)

    def pass_to(self, moment: datetime | None, unread: Sequence[Unread]) -> None:
        """All up to a moment was looked at. Entries that can't be read are kept; one that can't even be named is only
        found by listing it again, so nothing is passed then."""
        for entry in unread:
            if entry.name and entry.name not in self.failed:
                self.keep(entry)
        if moment is not None and moment > self.reached and all(entry.name for entry in unread):
            self.reached = moment

    def keep(self, each: "Job | Unread") -> None:
        """Keeps what failed, at the end: what was tried longest ago comes first next time."""
        self.failed.pop(each.name, None)
        if isinstance(each, Unread) and each.changed_at is None:
            each = replace(each, changed_at=self.watermark)
        self.failed[each.name] = each

    def begin_list_anew(self, ledger: Ledger) -> None:
        """A page was refused: its token may be too old."""
        if self.page is not None:
            self.page = None
            self.write(ledger)

    @property
    def is_full(self) -> bool:
        """Whether so many failed that no more are kept."""
        return len(self.failed) >= _MOST_KEPT


def _failed_of(facts: Mapping[str, Any]) -> "dict[str, Job | Unread]":
    """The failed jobs, by name, from a note."""
    found: list[Job | Unread] = [unpack(Job, each) for each in facts.get("jobs", ())]
    found += [unpack(Unread, each) for each in facts.get("unread", ())]
    return {each.name: each for each in found}


def _changed_at(each: Job | Unread) -> datetime | None:
    return each.last_modified_at or each.created_at if isinstance(each, Job) else each.changed_at


def _in_short(job: Job) -> Job:
    """The parts of a job that a list names; the rest is requested when it is tried again."""
    return Job(
        job.key,
        job.status,
        arn=job.arn,
        created_at=job.created_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
        last_modified_at=job.last_modified_at,
    )


@dataclass(frozen=True, slots=True)
class _Reading:
    """The changes that a run reads: those within an interval; at a bookmark, those of one page."""

    since: datetime
    until: datetime
    bookmark: Bookmark | None = None

    @staticmethod
    def of(mark: _Mark, rhythm: Rhythm, now: datetime) -> "_Reading | None":
        """None if there was a run for this moment: a schedule's event may come twice, and its calls were made."""
        if not rhythm.by_page:
            return _Reading(mark.reached - rhythm.overlap, now - rhythm.head_start)
        if now <= (mark.page.due if mark.page else mark.reached):
            return None
        if mark.page is not None:
            return _Reading(mark.page.since, mark.page.until, Bookmark(mark.page.token))
        return _Reading(mark.reached - rhythm.overlap, now - rhythm.head_start, Bookmark())

    def next_page(self, now: datetime) -> _Page | None:
        """The page with which the next run continues, if the list has more of them."""
        token = self.bookmark.token if self.bookmark else None
        return _Page(self.since, self.until, token, now) if token else None


def _reconcile_kind(
    kind: JobKind,
    rhythm: Rhythm,
    now: datetime,
    account: str,
    region: str,
    services: Services,
    time_left: TimeLeft,
) -> Reconciled:
    mark = _Mark.read(f"{rhythm.notes}/{account}/{region}/{kind.value}", services.ledger, now - _FIRST_LOOK)
    reading = _Reading.of(mark, rhythm, now)
    if reading is None:
        return Reconciled()
    done = Reconciled()
    again = list(mark.failed)
    unread: list[Unread] = []
    sagemaker = services.sagemaker(account, region)
    try:
        found = sagemaker.jobs_modified(
            kind, account, region, reading.since, reading.until, unread=unread.append, bookmark=reading.bookmark
        )
        for page in pages(found):
            if mark.is_full or not time_left():
                return done + Reconciled(unfinished=True)
            done += _repaired([job for job in page if not mark.has_failed(job)], mark, services, time_left)
            done += Reconciled(seen=sum(job.name in again for job in page))
            if done.unfinished:
                break
            mark.pass_to(page[-1].last_modified_at if reading.bookmark is None else None, unread)
            mark.write(services.ledger)
        else:
            mark.page = reading.next_page(now)
            mark.pass_to(reading.until if mark.page is None else None, unread)
            done += Reconciled(unfinished=mark.page is not None)
            done += _tried_again(again, mark, services, time_left)
            done += _read_again(sagemaker, mark, services, time_left)
        done += _without_name(unread, f"{account}/{region}/{kind.value}")
    except Refused as error:
        logger.warning("SageMaker does not let reconcile look", kind=kind.value, reason=str(error))
        return done
    except Throttled as error:  # the other kinds are not to wait; this one goes on from its watermark
        logger.warning("reconcile goes on later", kind=kind.value, reason=str(error))
        done += Reconciled(unfinished=True)
    except SageMakerError:
        mark.begin_list_anew(services.ledger)
        raise
    mark.write(services.ledger)
    return done


def _without_name(unread: Iterable[Unread], of_kind: str) -> Reconciled:
    done = Reconciled()
    for entry in unread:
        if not entry.name:
            done += _failed(f"{of_kind}/an entry without a name", Unreadable(entry.reason))
    return done


def _repaired(jobs: Sequence[Job], mark: _Mark, services: Services, time_left: TimeLeft) -> Reconciled:
    """Repairs jobs, and notes which failed and which do no longer. Raises Throttled if SageMaker has no time."""
    failed: list[Job] = []
    try:
        done = repair(jobs, services, failed=failed, time_left=time_left)
    finally:
        for job in failed:
            mark.keep(job)
    lost = {job.name for job in failed}
    for job in jobs if not done.unfinished else ():
        if job.name not in lost:
            mark.failed.pop(job.name, None)
    return done


def _tried_again(names: Iterable[str], mark: _Mark, services: Services, time_left: TimeLeft) -> Reconciled:
    """Repairs the jobs that failed in earlier runs."""
    failed = [mark.failed[name] for name in names if name in mark.failed]
    return _repaired([each for each in failed if isinstance(each, Job)], mark, services, time_left)


def _read_again(sagemaker: SageMaker, mark: _Mark, services: Services, time_left: TimeLeft) -> Reconciled:
    """Describes the jobs that a list named and did not tell of. Raises Throttled if SageMaker has no time."""
    done, without_time = Reconciled(), 0
    for entry in [each for each in mark.failed.values() if isinstance(each, Unread)]:
        if not time_left():
            return done + Reconciled(unfinished=True)
        try:
            job = entry.described(sagemaker)
        except NotFound:
            del mark.failed[entry.name]  # deleted since: there is nothing to record
        except Exception as error:
            mark.keep(entry)
            done += _failed(f"{entry.key.account}/{entry.key.region}/{entry.key.kind.value}/{entry.name}", error)
            without_time = without_time + 1 if isinstance(error, Throttled) else 0
            if without_time == _GIVES_UP_AFTER:
                raise
        else:
            del mark.failed[entry.name]
            done += _repaired([job], mark, services, time_left)
    return done


def pages(jobs: Iterable[Job]) -> Iterator[Sequence[Job]]:
    """The jobs a hundred at a time: what one request reads of the ledger, and one call of SageMaker."""
    jobs = iter(jobs)
    while page := list(islice(jobs, _PAGE)):
        yield page


def repair(
    page: Sequence[Job],
    services: Services,
    *,
    is_history: bool = False,
    failed: list[Job] | None = None,
    time_left: TimeLeft = lambda: True,
) -> Reconciled:
    """Records and attaches those of up to a hundred jobs that the ledger lacks, or whose end it lacks. Those that could
    not be go into `failed`; without it, or where SageMaker has no time for several in a row, the error is raised."""
    known = {each.key: each.job for each in services.ledger.records(job.key for job in page)}
    kept = () if is_history else services.ledger.attachments.of(job.key for job in page)
    there = {each.key: each.created_at for each in kept}
    done = Reconciled(len(page))
    without_time = 0
    for job in page:
        missed = is_missed(job, known.get(job.key))
        is_other = job.key not in there or is_made_anew(there[job.key], job.created_at)
        is_loose = not is_history and is_other and job.component_name is not None
        if not missed and not is_loose:
            continue
        try:
            if missed:
                outcome = record(job, services, is_history=is_history, tags_known=tags_known(job))
                done += Reconciled(recorded=int(outcome is RecordOutcome.RECORDED))
                _captured(job, outcome, services)
            if is_loose:
                done += Reconciled(attached=int(_attached(job, services)))
        except Exception as error:
            if failed is None:
                raise
            failed.append(job)
            done += _failed(f"{job.key.account}/{job.key.region}/{job.key.kind.value}/{job.name}", error)
            without_time = without_time + 1 if isinstance(error, Throttled) else 0
            if without_time == _GIVES_UP_AFTER:
                raise
            if not time_left():  # a job that fails may have taken long
                return done + Reconciled(unfinished=True)
        else:
            without_time = 0
    return done


def _captured(job: Job, outcome: RecordOutcome, services: Services) -> None:
    """Has the curves kept of a job whose end was recorded only now."""
    if outcome is RecordOutcome.RECORDED and job.is_terminal and job.key.kind is JobKind.TRAINING:
        services.capture(job)


def is_missed(job: Job, known: Job | None) -> bool:
    """Whether the ledger lacks the job, or its end."""
    return known is None or (job.is_terminal and not known.described) or is_new_life(known, job)


def tags_known(job: Job) -> bool:
    """Search tells a training job's tags, with all that Describe does; lists do not."""
    return job.key.kind is JobKind.TRAINING and job.described


def _attached(job: Job, services: Services) -> bool:
    try:
        return attach(job, services) is AttachOutcome.ATTACHED
    except TryLater:
        return False  # noted as wanted, so that a later run finds it


def _attach_again(now: datetime, services: Services, time_left: TimeLeft) -> Reconciled:
    done = Reconciled()
    for key in list(services.ledger.attachments.due(now)):
        if not time_left():
            return done + Reconciled(unfinished=True)
        try:
            known = services.ledger.record(key)
            if known is not None:
                done += Reconciled(attached=int(_attached(known.job, services)))
        except Exception as error:  # noqa: BLE001 whatever is wrong with one job must not cost its neighbours
            done += _failed(f"{key.account}/{key.region}/{key.kind.value}/{key.name}", error)
    return done
