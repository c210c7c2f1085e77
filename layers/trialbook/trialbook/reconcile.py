"""reconcile: asks SageMaker what the events did not tell, once an hour, and repairs it through the same use cases.

Backfill is the same over an account's history.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from trialbook.adapters.sagemaker import Refused, Throttled
from trialbook.attach_job import Outcome as AttachOutcome
from trialbook.attach_job import attach
from trialbook.core.jobs import Job, JobKind
from trialbook.core.times import iso, parse_time
from trialbook.record_job import Outcome, record
from trialbook.runtime.observability import count, logger
from trialbook.runtime.services import Services
from trialbook.runtime.sqs_batch import TryLater

TimeLeft = Callable[[], bool]

KINDS = (JobKind.TUNING, JobKind.TRAINING, JobKind.PROCESSING, JobKind.TRANSFORM)
# Events arrive late and Search's index lags: each run looks again at what the one before has seen last.
_OVERLAP = timedelta(hours=2)
# Younger changes are the events' to tell; asking for them too would only describe jobs twice.
_HEAD_START = timedelta(minutes=5)
_FIRST_LOOK = timedelta(days=1)
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What one run did. `unfinished` tells that time ran out; the next run goes on from the watermark."""

    seen: int = 0
    recorded: int = 0
    attached: int = 0
    unfinished: bool = False

    def __add__(self, other: "Reconciled") -> "Reconciled":
        return Reconciled(
            self.seen + other.seen,
            self.recorded + other.recorded,
            self.attached + other.attached,
            self.unfinished or other.unfinished,
        )


def reconcile(
    now: datetime, account: str, region: str, services: Services, time_left: TimeLeft = lambda: True
) -> Reconciled:
    """Repairs what events missed in one account and region since the last run."""
    done = Reconciled()
    for kind in KINDS:
        done += _reconcile_kind(kind, now, account, region, services, time_left)
    done += _attach_again(now, services, time_left)
    if done.recorded or done.attached:
        logger.info("repaired what events missed", recorded=done.recorded, attached=done.attached)
    count("JobsRepaired", done.recorded + done.attached)
    return done


def _reconcile_kind(
    kind: JobKind, now: datetime, account: str, region: str, services: Services, time_left: TimeLeft
) -> Reconciled:
    mark = f"reconcile/{account}/{region}/{kind.value}"
    told = services.ledger.note(mark)
    since = (parse_time(told, mark) if told else None) or now - _FIRST_LOOK
    until = now - _HEAD_START
    found = services.sagemaker(account, region).jobs_modified(kind, account, region, since - _OVERLAP, until)
    done = Reconciled()
    try:
        for page in pages(found):
            if not time_left():
                return done + Reconciled(unfinished=True)
            done += repair(page, services)
            reached = page[-1].last_modified_at
            if reached is not None and reached > since:
                services.ledger.put_note(mark, iso(reached))
    except Refused as error:
        logger.warning("SageMaker does not let reconcile look", kind=kind.value, reason=str(error))
        return done
    except Throttled as error:  # the other kinds are not to wait; this one goes on from its watermark
        logger.warning("reconcile goes on later", kind=kind.value, reason=str(error))
        return done + Reconciled(unfinished=True)
    services.ledger.put_note(mark, iso(until))
    return done


def pages(jobs: Iterable[Job]) -> Iterator[Sequence[Job]]:
    """The jobs a hundred at a time: what one request reads of the ledger, and one call of SageMaker."""
    jobs = iter(jobs)
    while page := list(islice(jobs, _PAGE)):
        yield page


def repair(page: Sequence[Job], services: Services, *, is_history: bool = False) -> Reconciled:
    """Records and attaches those of up to a hundred jobs that the ledger lacks, or whose end it lacks."""
    known = {each.key: each.job for each in services.ledger.records(job.key for job in page)}
    recorded = attached = 0
    missed = [job for job in page if job.key not in known or (job.is_terminal and not known[job.key].described)]
    for job in missed:
        outcome = record(job, services, is_history=is_history, tags_known=job.key.kind is JobKind.TRAINING)
        recorded += outcome is Outcome.RECORDED
    if not is_history:
        there = {each.key for each in services.ledger.attachments(job.key for job in page)}
        attached = sum(_attached(job, services) for job in page if job.key not in there and job.component_name)
    return Reconciled(len(page), recorded, attached)


def _attached(job: Job, services: Services) -> bool:
    try:
        return attach(job, services) is AttachOutcome.ATTACHED
    except TryLater:
        return False  # noted as wanted, so that a later run finds it


def _attach_again(now: datetime, services: Services, time_left: TimeLeft) -> Reconciled:
    attached = 0
    for key in list(services.ledger.unattached(now)):
        if not time_left():
            return Reconciled(attached=attached, unfinished=True)
        known = services.ledger.record(key)
        if known is not None:
            attached += _attached(known.job, services)
    return Reconciled(attached=attached)
