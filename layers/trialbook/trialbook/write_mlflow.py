"""write_mlflow: what happens to jobs and sweeps becomes runs in MLflow.

The facts are read from the ledger when an event is handled, so that events may come late, twice or in any order.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache, cached_property
from math import ceil
from typing import TYPE_CHECKING, Any

from botocore.session import Session

from trialbook.adapters.mlflow import Mlflow, Tls
from trialbook.core.announcements import (
    JOB_CHANGED,
    REPORT_READY,
    SWEEP_FINISHED,
    SWEEP_PROGRESSED,
    SWEEP_STARTED,
    Announcement,
    announcement_of,
)
from trialbook.core.curves.series import Series
from trialbook.core.errors import MalformedEvent
from trialbook.core.jobs import JobKey, JobKind
from trialbook.core.kinds import RUNS_OF
from trialbook.core.messages.delivery import MLFLOW, Delivery, NotSent
from trialbook.core.messages.owners import owner_of
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
from trialbook.delivery.mlflow_channel import Awaits, ToMlflow, Wanted
from trialbook.delivery.send_once import LONGEST_DELAY, another_was_faster, delay_after
from trialbook.ledger.deliveries import Deliveries
from trialbook.ledger.table import Conflict
from trialbook.runtime import clock, deadline
from trialbook.runtime.observability import count, logger
from trialbook.runtime.settings import MlflowSettings
from trialbook.runtime.sqs_batch import TryLater
from trialbook.services import Services

if TYPE_CHECKING:
    from trialbook.adapters.s3 import Objects
    from trialbook.adapters.secret_parameters import SecretParameters
    from trialbook.core.messages.facts import SweepFacts
    from trialbook.delivery.events_to_messages import Addresses

CHECK = "check"  # the key of an event by which `trialbook doctor` asks
_EVENTS = frozenset({SWEEP_STARTED, SWEEP_PROGRESSED, SWEEP_FINISHED, REPORT_READY})
_DRAWN_WHILE_IT_RUNS = 100  # jobs; of more, the curve of the best so far is written at the end
_FOR_A_JOB = 25.0  # seconds; a request that hangs fits
_SOON = 5  # seconds
_PROGRESSES_EVERY = timedelta(minutes=10), timedelta(minutes=30)  # first, and at most once a sweep has run for hours
_PROGRESSES_IN_ITS_AGE = 3  # a sweep that has run for an hour shows what was so twenty minutes ago
_CURVES_COME_AFTER = timedelta(seconds=150)  # capture_job keeps them two minutes after the end,
_CURVES_COME_WITHIN = timedelta(minutes=15)  # and later if a service was busy
_LOOKS_FOR_CURVES_EVERY = 150  # seconds
_UNTIL_IT_SHOWS = 30  # seconds; a slow server may be about to make the run that it did not answer for


class OpenedLater:
    """A bucket whose client is made when it is first read. That takes a seventh of a start, and most events read
    nothing of it."""

    def __init__(self, session: Session, name: str) -> None:
        self._session, self.name = session, name

    @cached_property
    def _bucket(self) -> "Objects":
        from trialbook.adapters.s3 import Bucket

        return Bucket(self._session, self.name)

    def get(self, key: str) -> bytes | None:
        """An object's content; None if it does not exist."""
        return self._bucket.get(key)


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

    def token(fresh: bool) -> str | None:
        if settings.token_secret:
            return secrets().secret(settings.token_secret, fresh=fresh)
        if settings.token_parameter:
            return secrets().parameter(settings.token_parameter, fresh=fresh)
        return None

    def put(folder: str, name: str, content: bytes) -> bool:
        return settings.artifact_store is not None and store()(folder, name, content)

    tls = Tls(settings.authorities, settings.certificate, is_checked=not settings.trusts_anybody)
    return ToMlflow(Mlflow(server_of(settings.server), session, token, tls=tls), deliveries, put)


def check(settings: MlflowSettings, session: Session, to_mlflow: ToMlflow) -> Mapping[str, Any]:
    """The answer to `trialbook doctor`: whether the server and the place for artifacts can be written to."""
    from trialbook.adapters.s3 import may_put
    from trialbook.check_mlflow import check_mlflow

    place = settings.artifact_store
    return check_mlflow(to_mlflow.mlflow, None if place is None else lambda: may_put(session, place))


def write_mlflow(envelope: Mapping[str, Any], writer: "Writer", received: int) -> None:
    """Writes what an event is about. `received` is how often the event came up. Raises MalformedEvent, and TryLater
    where MLflow does not take it for now."""
    event = announcement_of(envelope)
    try:
        if event.type == JOB_CHANGED:
            writer.job(_job_key(event))
        elif event.type in _EVENTS:
            writer.sweep(event)
    except Conflict:
        raise another_was_faster() from None
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


def _pause(sweep: Sweep, written: datetime) -> timedelta:
    """How long a sweep's run stays as it was written then: the longer, the longer the sweep had run."""
    least, most = _PROGRESSES_EVERY
    age = written - (sweep.began_at or written)
    return min(max(least, age / _PROGRESSES_IN_ITS_AGE), most)


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
    """Writes jobs and sweeps of a ledger to MLflow. What it reads of a sweep and of runs it keeps until `forget`: all
    messages of a batch were sent before, so one reading is new enough for each. With `captures`, a training job's
    metrics wait for its curves."""

    def __init__(
        self,
        services: Services,
        bucket: "Objects",
        where: "Callable[[], Addresses]",
        to_mlflow: ToMlflow,
        *,
        captures: bool = False,
    ) -> None:
        self._services, self._ledger = services, services.ledger
        self._bucket, self._where, self._to = bucket, where, to_mlflow
        self._captures = captures
        self._sweeps: dict[str, Sweep | None] = {}

    def forget(self) -> None:
        """Reads everything again."""
        self._sweeps.clear()
        self._to.deliveries.forget()

    def _sweep(self, sweep_id: str) -> Sweep | None:
        if sweep_id not in self._sweeps:
            self._sweeps[sweep_id] = self._ledger.sweep(sweep_id)
        return self._sweeps[sweep_id]

    # -- jobs ---------------------------------------------------------------------------------------------------

    def job(self, key: JobKey) -> None:
        """Writes a job's run, and its sweep's if that is not there yet. Raises TryLater as long as its curves are
        awaited."""
        record = self._ledger.record(key)
        if record is None:
            logger.info("nothing is written: the job is gone", job=key.name)
        elif self.record(record, self._sweep(record.sweep) if record.sweep else None):
            raise TryLater("its curves are not kept yet", _LOOKS_FOR_CURVES_EVERY)

    def record(self, record: Record, sweep: Sweep | None) -> bool:
        """Writes the run of a job as it stands, in a sweep as it stands; returns whether its metrics are to follow."""
        rules = self._services.rules()
        if record.key.kind not in RUNS_OF or not rules.mlflow.takes(record.experiment):
            return False
        is_in_sweep = sweep is not None and not sweep.is_single and sweep.superseded_by is None
        if sweep is not None and is_in_sweep:
            self._to.read_ahead([job_about(record.key), sweep_about(sweep.id)])
        parent = self._parent(sweep) if sweep is not None and is_in_sweep else None
        former = self._to.of(job_about(record.key)).run
        wanted = self._wanted(record, sweep if is_in_sweep else None, parent)
        written = self._to.write(wanted, rules.mlflow)
        if former is not None and former.sweep is not None and former.sweep != record.sweep:
            self._tidy(former.sweep)
        return written is not None and wanted.awaits_metrics

    def _wanted(self, record: Record, sweep: Sweep | None, parent: str | None) -> Wanted:
        owner = owner_of([record], self._services.rules())
        is_best = sweep is not None and sweep.best is not None and sweep.best.job_name == record.job.name
        curves, awaits = self._curves(record)
        return Wanted(
            about=job_about(record.key),
            version=record.version,
            experiment=record.experiment,
            run=job_run(record, parent=parent, owner=owner, curves=curves),
            sweep=sweep.id if sweep is not None else None,
            parent=parent,
            created=record.job.created_at,
            own_run=record.job.mlflow_run,
            own_name=record.job.name,
            keeps_model=sweep is None or (is_best and sweep.state is SweepState.CLOSED),
            waits_for_end=True,
            awaits=awaits,
        )

    def _curves(self, record: Record) -> tuple[Mapping[str, Series], Awaits]:
        """The curves of a job's metrics, as far as they are kept, and what waits for them. Nothing is read if MLflow
        has them."""
        job, known = record.job, self._to.of(job_about(record.key))
        is_there = known.run is not None and known.run.has_metrics and known.shown_version >= record.version
        if not self._captures or job.key.kind is not JobKind.TRAINING or job.ended_at is None or is_there:
            return {}, Awaits.NOTHING
        waited = clock.now() - job.ended_at
        if waited < _CURVES_COME_AFTER:  # until then, those of a deleted job of its name may be there
            return {}, Awaits.ALL
        from trialbook.adapters.captured import captured_curves

        found = captured_curves(record.key, self._bucket)
        if found is None and waited < _CURVES_COME_WITHIN:
            return {}, Awaits.METRICS
        return ({} if found is None else found.metrics), Awaits.NOTHING

    # -- sweeps -------------------------------------------------------------------------------------------------

    def sweep(self, event: Announcement) -> None:
        """Brings a sweep's run up to date. As it begins and ends, its jobs' runs are gone through as well: those that
        ran before it was one have no parent yet, and none may be left out."""
        # What makes messages takes a tenth of a start, and most events are about jobs.
        from trialbook.delivery.events_to_messages import facts_of, living_sweep

        named = event.detail.get("sweep")
        sweep_id = named.get("sweep") if isinstance(named, Mapping) else None
        if not isinstance(sweep_id, str) or not sweep_id:
            raise MalformedEvent("detail.sweep.sweep", sweep_id, "the id of a sweep")
        sweep = living_sweep(sweep_id, self._sweep)
        if sweep is None or sweep.is_single or sweep.is_history:
            return
        if event.type == SWEEP_PROGRESSED and not sweep.supersedes and self._is_written(sweep):
            return
        facts = facts_of(sweep, self._services, self._bucket, self._where())
        goes_through = event.type in (SWEEP_STARTED, SWEEP_FINISHED) or bool(facts.sweep.supersedes)
        self.of(facts, event, goes_through=goes_through)

    def _is_written(self, sweep: Sweep) -> bool:
        """Whether its run shows as much already. Raises TryLater if it was written a moment ago: each job that begins
        or ends would else cost a request."""
        from trialbook.core.messages.facts import SweepFacts, version

        known = self._to.of(sweep_about(sweep.id))
        if known.is_sent and known.shown_version >= version(SweepFacts(sweep)):
            return True
        last = max((each for each in (known.sent_at, known.edited_at) if each is not None), default=None)
        if known.is_sent and last is not None and (left := last + _pause(sweep, last) - clock.now()) > timedelta():
            raise TryLater("its sweep's run was written a moment ago", ceil(left.total_seconds()))
        return False

    def of(self, facts: "SweepFacts", event: Announcement, *, goes_through: bool) -> None:
        """Writes a sweep's run from what is known of it, its report's files, and if wanted its jobs' runs."""
        sweep = facts.sweep
        if not self._services.rules().mlflow.takes(sweep.experiment):
            return
        parent = self._write_sweep(facts, event)
        if parent is None:
            return
        records = list(self._ledger.ranking(sweep.id)) if goes_through else []
        self._to.read_ahead(job_about(each.key) for each in records)
        for record in records:
            if deadline.left() < _FOR_A_JOB:
                raise TryLater("more jobs are to be gone through", _SOON)
            self._to.write(self._wanted(record, sweep, parent.sent_id), self._services.rules().mlflow)
        if facts.report is not None:  # last: whoever keeps artifacts may refuse them, which is to cost no run
            self._to.attach(sweep_about(sweep.id), facts.report.folder, self._files(facts.report.folder))

    def _files(self, folder: str) -> Iterator[tuple[str, bytes]]:
        for name in (PAGE, PICTURE):
            content = self._bucket.get(f"{folder}/{name}")
            if content is not None:
                yield name, content

    def _parent(self, sweep: Sweep) -> str | None:
        """The id of the sweep's run, made if it is not there; None if somebody deleted it."""
        known = self._to.of(sweep_about(sweep.id))
        if known.is_sent:
            return known.sent_id
        from trialbook.core.messages.facts import SweepFacts

        facts = SweepFacts(sweep, tuple(self._ledger.ranking(sweep.id, 1)))
        made = self._write_sweep(facts, Announcement("", SWEEP_PROGRESSED, {}))
        return made.sent_id if made is not None else None

    def _write_sweep(self, facts: "SweepFacts", event: Announcement) -> Delivery | None:
        # Messages and the analysis behind them take a fifth of a start, and most events are about jobs.
        from trialbook.core.messages.sweep import sweep_message

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
