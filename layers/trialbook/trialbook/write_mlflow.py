"""write_mlflow: what happens to jobs and sweeps becomes runs in MLflow.

The facts are read from the ledger when an event is handled, so that events may come late, twice or in any order.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.session import Session

from trialbook.adapters.mlflow import Mlflow
from trialbook.adapters.s3 import Bucket
from trialbook.core.announcements import (
    JOB_CHANGED,
    REPORT_READY,
    SWEEP_FINISHED,
    SWEEP_PROGRESSED,
    SWEEP_STARTED,
    Announcement,
    announcement_of,
)
from trialbook.core.errors import MalformedEvent
from trialbook.core.jobs import JobKey, JobKind
from trialbook.core.kinds import RUNS_OF
from trialbook.core.messages.delivery import MLFLOW, Delivery, NotSent
from trialbook.core.messages.facts import SweepFacts
from trialbook.core.messages.owners import owner_of
from trialbook.core.messages.sweep import sweep_message
from trialbook.core.mlflow_runs import (
    Standing,
    job_about,
    job_run,
    sweep_about,
    sweep_key,
    sweep_run,
)
from trialbook.core.mlflow_server import server_of
from trialbook.core.report_keys import PAGE, PICTURE
from trialbook.core.sweeps import Record, Sweep, SweepState
from trialbook.delivery.events_to_messages import Addresses, sweep_facts
from trialbook.delivery.mlflow_channel import ToMlflow, Wanted
from trialbook.delivery.send_once import LONGEST_DELAY, delay_after
from trialbook.ledger.deliveries import Deliveries
from trialbook.runtime import deadline
from trialbook.runtime.observability import count, logger
from trialbook.runtime.settings import MlflowSettings
from trialbook.runtime.sqs_batch import TryLater
from trialbook.services import Services

if TYPE_CHECKING:
    from trialbook.adapters.secret_parameters import SecretParameters

_EVENTS = frozenset({SWEEP_STARTED, SWEEP_PROGRESSED, SWEEP_FINISHED, REPORT_READY})
_DRAWN_WHILE_IT_RUNS = 100  # jobs; of more, the curve of the best so far is written at the end
_FOR_A_JOB = 25.0  # seconds; a request that hangs fits
_SOON = 5  # seconds
_UNTIL_IT_SHOWS = 30  # seconds; a slow server may be about to make the run that it did not answer for


def mlflow_of(settings: MlflowSettings, session: Session, deliveries: Deliveries) -> ToMlflow:
    """The server as the settings say how to reach it: the token is read when first needed."""

    @cache
    def store() -> Callable[[str, str, bytes], bool]:
        from trialbook.adapters.s3 import artifact_store

        return artifact_store(session, settings.artifact_store or "")

    @cache
    def secrets() -> "SecretParameters":
        from trialbook.adapters.secret_parameters import SecretParameters  # brings boto3, which costs a start 20 ms

        return SecretParameters(session)

    def token() -> str | None:
        if settings.token_secret:
            return secrets().secret(settings.token_secret)
        if settings.token_parameter:
            return secrets().parameter(settings.token_parameter)
        return None

    def put(folder: str, name: str, content: bytes) -> bool:
        return settings.artifact_store is not None and store()(folder, name, content)

    return ToMlflow(Mlflow(server_of(settings.server), session, token), deliveries, put)


def write_mlflow(
    envelope: Mapping[str, Any],
    services: Services,
    bucket: Bucket,
    where: Addresses,
    to_mlflow: ToMlflow,
    received: int,
) -> None:
    """Writes what an event is about. `received` is how often the event came up. Raises MalformedEvent, and TryLater
    where MLflow does not take it for now."""
    event = announcement_of(envelope)
    writer = Writer(services, bucket, where, to_mlflow)
    try:
        if event.type == JOB_CHANGED:
            writer.job(_job_key(event))
        elif event.type in _EVENTS:
            writer.sweep(event)
    except NotSent as error:
        count("MessagesFailed", channel=MLFLOW, reason=error.reason)
        if not error.passes:
            count("MessagesRefused")
        logger.warning("MLflow did not take a run", id=event.id, reason=error.reason)
        raise TryLater(f"MLflow took no run: {error.reason}", _delay(error, received)) from error


def _delay(error: NotSent, received: int) -> int:
    """How many seconds an event waits: longer each time, however soon the server wants to be asked again. An outage of
    a day would otherwise take the 700 times that a message may come up."""
    waits = delay_after(NotSent(error.reason, passes=error.passes), received)
    least = _UNTIL_IT_SHOWS if error.is_unsure else 0
    return min(max(waits, error.after or 0, least), LONGEST_DELAY)


def _job_key(event: Announcement) -> JobKey:
    named = event.detail.get("job")
    texts = [
        named.get(name) if isinstance(named, Mapping) else None for name in ("account", "region", "kind", "job_name")
    ]
    if not all(isinstance(each, str) and each for each in texts) or texts[2] not in set(JobKind):
        raise MalformedEvent("detail.job", named, "a job with account, region, kind and name")
    account, region, kind, name = map(str, texts)
    return JobKey(account, region, JobKind(kind), name)


class Writer:
    """Writes jobs and sweeps of a ledger to MLflow."""

    def __init__(self, services: Services, bucket: Bucket, where: Addresses, to_mlflow: ToMlflow) -> None:
        self._services, self._ledger = services, services.ledger
        self._bucket, self._where, self._to = bucket, where, to_mlflow

    # -- jobs ---------------------------------------------------------------------------------------------------

    def job(self, key: JobKey) -> Delivery | None:
        """Writes a job's run, and its sweep's if that is not there yet."""
        record = self._ledger.record(key)
        if record is None:
            logger.info("nothing is written: the job is gone", job=key.name)
            return None
        return self.record(record, self._ledger.sweep(record.sweep) if record.sweep else None)

    def record(self, record: Record, sweep: Sweep | None) -> Delivery | None:
        """Writes the run of a job as it stands, in a sweep as it stands."""
        rules = self._services.rules()
        if record.key.kind not in RUNS_OF or not rules.mlflow.takes(record.experiment):
            return None
        is_in_sweep = sweep is not None and not sweep.is_single and sweep.superseded_by is None
        parent = self._parent(sweep) if sweep is not None and is_in_sweep else None
        former = self._to.of(job_about(record.key)).run
        written = self._to.write(self._wanted(record, sweep if is_in_sweep else None, parent), rules.mlflow)
        if former is not None and former.sweep is not None and former.sweep != record.sweep:
            self._tidy(former.sweep)
        return written

    def _wanted(self, record: Record, sweep: Sweep | None, parent: str | None) -> Wanted:
        owner = owner_of([record], self._services.rules())
        is_best = sweep is not None and sweep.best is not None and sweep.best.job_name == record.job.name
        return Wanted(
            about=job_about(record.key),
            version=record.version,
            experiment=record.experiment,
            run=job_run(record, parent=parent, owner=owner),
            sweep=sweep.id if sweep is not None else None,
            parent=parent,
            created=record.job.created_at,
            own_run=record.job.mlflow_run,
            own_name=record.job.name,
            keeps_model=sweep is None or (is_best and sweep.state is SweepState.CLOSED),
        )

    # -- sweeps -------------------------------------------------------------------------------------------------

    def sweep(self, event: Announcement) -> None:
        """Brings a sweep's run up to date. As it begins and ends, its jobs' runs are gone through as well: those that
        ran before it was one have no parent yet, and none may be left out."""
        named = event.detail.get("sweep")
        sweep_id = named.get("sweep") if isinstance(named, Mapping) else None
        if not isinstance(sweep_id, str) or not sweep_id:
            raise MalformedEvent("detail.sweep.sweep", sweep_id, "the id of a sweep")
        facts = sweep_facts(sweep_id, self._services, self._bucket, self._where)
        if facts is None or facts.sweep.is_single or facts.sweep.is_history:
            return
        goes_through = event.type in (SWEEP_STARTED, SWEEP_FINISHED) or bool(facts.sweep.supersedes)
        self.of(facts, event, goes_through=goes_through)

    def of(self, facts: SweepFacts, event: Announcement, *, goes_through: bool) -> None:
        """Writes a sweep's run from what is known of it, its report's files, and if wanted its jobs' runs."""
        sweep = facts.sweep
        if not self._services.rules().mlflow.takes(sweep.experiment):
            return
        parent = self._write_sweep(facts, event)
        if parent is None:
            return
        if facts.report is not None:
            self._to.attach(sweep_about(sweep.id), facts.report.folder, self._files(facts.report.folder))
        for record in self._ledger.ranking(sweep.id) if goes_through else ():
            if deadline.left() < _FOR_A_JOB:
                raise TryLater("more jobs are to be gone through", _SOON)
            self._to.write(self._wanted(record, sweep, parent.sent_id), self._services.rules().mlflow)

    def _files(self, folder: str) -> Iterator[tuple[str, bytes]]:
        for name in (PAGE, PICTURE):
            content = self._bucket.get(f"{folder}/{name}")
            if content is not None:
                yield name, content

    def _parent(self, sweep: Sweep) -> str | None:
        """The id of the sweep's run, made if it is not there; None where somebody deleted it."""
        known = self._to.of(sweep_about(sweep.id))
        if known.is_sent:
            return known.sent_id
        facts = SweepFacts(sweep, tuple(self._ledger.ranking(sweep.id, 1)))
        made = self._write_sweep(facts, Announcement("", SWEEP_PROGRESSED, {}))
        return made.sent_id if made is not None else None

    def _write_sweep(self, facts: SweepFacts, event: Announcement) -> Delivery | None:
        sweep, rules = facts.sweep, self._services.rules()
        merged = [(sweep_about(each), sweep_key(sweep, each)) for each in sweep.supersedes]
        self._to.adopt(sweep_about(sweep.id), merged, sweep.experiment, rules.mlflow)
        message = sweep_message(event, facts, rules)
        standing = Standing(
            message.verdict,
            message.sentences,
            tuple((each.label, each.text) for each in message.facts),
            facts.report.url if facts.report else None,
        )
        run = sweep_run(sweep, standing, self._curve(sweep), best_run=self._best_run(sweep), user=message.owner or "")
        wanted = Wanted(sweep_about(sweep.id), message.version, sweep.experiment, run, sweep=sweep.id, parent=None)
        return self._to.write(wanted, rules.mlflow)

    def _curve(self, sweep: Sweep) -> list[Record]:
        """The jobs whose values make the curve of the best so far; none while it is too long to be written often."""
        is_closed = sweep.state is SweepState.CLOSED
        if not is_closed and sweep.counts.jobs > _DRAWN_WHILE_IT_RUNS:
            return []
        found = list(self._ledger.ranking(sweep.id))
        return found if len(found) == sweep.counts.jobs or is_closed else []

    def _best_run(self, sweep: Sweep) -> str | None:
        if sweep.best is None:
            return None
        key = JobKey(sweep.account, sweep.region, sweep.best.kind, sweep.best.job_name)
        return self._to.of(job_about(key)).sent_id

    def _tidy(self, sweep_id: str) -> None:
        """Deletes the run of a sweep that a job has left, if it is a sweep no more."""
        sweep = self._ledger.sweep(sweep_id)
        if sweep is None or sweep.superseded_by is not None or sweep.is_single:
            self._to.delete(self._to.of(sweep_about(sweep_id)))
