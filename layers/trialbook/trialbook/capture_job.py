"""capture_job: saves the curves, machine use and end of log of a training job beside the reports, because AWS deletes
them after a while."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Protocol, TypeVar

from botocore.session import Session

from trialbook.adapters.cloudwatch import CloudWatch
from trialbook.adapters.cloudwatch_logs import Logs
from trialbook.adapters.s3 import Bucket
from trialbook.adapters.sagemaker import SageMakerError, Throttled
from trialbook.adapters.sagemaker_metrics import SageMakerMetrics
from trialbook.core import report_keys
from trialbook.core.curves.log_end import end_of_log
from trialbook.core.curves.series import JobCurves, Series
from trialbook.core.curves.stored import log_to_bytes, to_bytes
from trialbook.core.curves.thinning import all_thinned
from trialbook.core.errors import MalformedEvent
from trialbook.core.events import parse_event
from trialbook.core.jobs import FAILED, Job, JobKind
from trialbook.core.machines import may_have_gpus
from trialbook.core.masking import Masker
from trialbook.core.objectives import ALIAS_METRIC
from trialbook.core.times import iso
from trialbook.runtime import clock
from trialbook.runtime.observability import count, logger
from trialbook.runtime.settings import AccountSettings
from trialbook.runtime.sqs_batch import TryLater, backoff
from trialbook.services import Services, sessions_of

_MEASURED_IN = 120  # seconds after the end; CloudWatch shows a minute when it is over
ALONE = 6  # deliveries; from this one on, what can't be asked for is left out
_FIRST_DELAY, _LONGEST_DELAY = 120, 900
_INSTANT = timedelta(seconds=1)

Answer = TypeVar("Answer")


class Store(Protocol):
    """Where files are kept by their keys: the bucket, or a book's folder."""

    def get(self, key: str) -> bytes | None:
        """The file's content; None if there is none."""

    def put(self, key: str, content: bytes) -> None:
        """Keeps the content."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The services that know how a job learned, of one account and region."""

    metrics: SageMakerMetrics
    cloudwatch: CloudWatch
    logs: Logs

    @staticmethod
    def of(session: Session, region: str) -> "Sources":
        """The services as the session asks them."""
        return Sources(SageMakerMetrics(session, region), CloudWatch(session, region), Logs(session, region))


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks a source. What it refuses is left out. If it is busy, the message is delivered again a few times."""

    sources: Sources
    delivery: int

    def __call__(self, what: str, call: Callable[[Sources], Answer], otherwise: Answer) -> Answer:
        """The answer, or `otherwise`. Raises TryLater."""
        try:
            return call(self.sources)
        except Throttled as error:
            if self.delivery < ALONE:
                delay = backoff(self.delivery, _FIRST_DELAY, _LONGEST_DELAY)
                raise TryLater(f"{what}: {error}", delay) from error
            _note(what, error)
        except SageMakerError as error:
            _note(what, error)
        return otherwise


def _note(what: str, error: SageMakerError) -> None:
    logger.warning("a measurement was refused", what=what, reason=str(error)[:500])
    count("MeasurementsRefused", what=what)


def sources_of(accounts: AccountSettings, session: Session) -> Callable[[str, str], Sources]:
    """The services of a deployed function."""
    sessions = sessions_of(accounts, session)

    @cache
    def sources(account: str, region: str) -> Sources:
        return Sources.of(sessions(account, region), region)

    return sources


def capture_job(
    envelope: Mapping[str, Any],
    services: Services,
    bucket: Bucket,
    sources: Callable[[str, str], Sources],
    delivery: int = 1,
) -> bool:
    """Saves the series of an ended training job, and the end of the log if it failed. Returns whether it saved series.

    The log is saved at the first delivery, so that the message about the failure can show it. The last minute is
    measured later, so the first delivery always raises TryLater. A job costs at most three calls, unless pages of
    its log are empty. Repeated, it writes the same. Raises MalformedEvent.
    """
    job = _ended(envelope)
    if job is None:
        return False
    ask = Asking(sources(job.key.account, job.key.region), delivery)
    if job.status == FAILED and (delivery == 1 or bucket.get(_log_key(job)) is None):
        _keep_log(job, ask, services, bucket)
    if delivery == 1:
        raise TryLater("its last minute is not measured yet", _MEASURED_IN)
    return _keep_curves(job, ask, services, bucket)


def capture_earlier(job: Job, services: Services, store: Store, sources: Sources) -> bool:
    """Saves what AWS still keeps of a training job that ended earlier. Returns whether it saved series. What AWS
    refuses, or has no time for, is left out."""
    if not job.is_terminal or job.key.kind is not JobKind.TRAINING:
        return False
    ask = Asking(sources, ALONE)
    if job.status == FAILED:
        _keep_log(job, ask, services, store)
    return _keep_curves(job, ask, services, store)


def _keep_curves(job: Job, ask: Asking, services: Services, store: Store) -> bool:
    curves = all_thinned(measured(job, _metric_names(job, services), ask))
    if curves.is_empty:
        logger.info("nothing was measured", job=job.name)
        return False
    store.put(f"{report_keys.of_job(job.key)}/{report_keys.CURVES}", to_bytes(curves))
    count("CurvesKept")
    return True


def request_for(job: Job) -> Mapping[str, Any]:
    """The message that asks capture_job for an ended training job whose event never came."""
    detail = {
        "TrainingJobName": job.name,
        "TrainingJobArn": job.arn,
        "TrainingJobStatus": job.status,
        "CreationTime": _iso(job.created_at),
        "TrainingStartTime": _iso(job.started_at),
        "TrainingEndTime": _iso(job.ended_at),
        "AlgorithmSpecification": {"MetricDefinitions": [{"Name": name} for name in job.metric_definitions]},
        "ResourceConfig": {
            "InstanceGroups": [
                {"InstanceType": each.instance_type, "InstanceCount": each.instance_count} for each in job.instances
            ]
        },
        "HyperParameters": dict(job.hyper_parameters),
    }
    return {
        "detail-type": "SageMaker Training Job State Change",
        "source": "aws.sagemaker",
        "account": job.key.account,
        "region": job.key.region,
        "time": _iso(job.ended_at),
        "detail": {name: value for name, value in detail.items() if value is not None},
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)


def _ended(envelope: Mapping[str, Any]) -> Job | None:
    """The training job of the event; None if the job still runs."""
    job = parse_event(envelope)
    if not isinstance(job, Job) or job.key.kind is not JobKind.TRAINING:
        raise MalformedEvent("detail-type", envelope.get("detail-type"), "the state change of a training job")
    return job if job.is_terminal else None


def last_lines(job: Job, ask: Asking, masker: Masker) -> str:
    """The end of the job's log, without secrets; empty if there is none."""
    nothing: list[str] = []
    lines = ask("log", lambda sources: sources.logs.last_lines(job.name), nothing)
    return end_of_log(lines, lambda found: masker.text_of(job, found))


def _keep_log(job: Job, ask: Asking, services: Services, store: Store) -> None:
    text = last_lines(job, ask, services.ledger.masker)
    if text:
        store.put(_log_key(job), log_to_bytes(job.name, text))
        count("LogsKept")


def _log_key(job: Job) -> str:
    return f"{report_keys.of_job(job.key)}/{report_keys.LOG}"


def measured(job: Job, names: Sequence[str], ask: Asking) -> JobCurves:
    """The series of a job with metrics of these names. SageMaker Metrics knows iterations and CloudWatch only minutes.
    Of a job that failed only CloudWatch is asked: its log took the other calls."""
    metrics: Mapping[str, Series] = {}
    if names and job.arn and job.status != FAILED:
        arn = job.arn
        metrics = ask("metrics", lambda sources: sources.metrics.curves(arn, names), metrics)
    missing = [] if metrics else names
    begin, end = job.started_at or job.created_at, job.ended_at
    if begin is None or end is None:
        return JobCurves(job.name, metrics)
    until = max(end, begin + _INSTANT)
    machines = sum(group.instance_count for group in job.instances)
    has_gpus = any(may_have_gpus(group.instance_type) for group in job.instances)
    found = ask(
        "machines",
        lambda sources: sources.cloudwatch.measured(
            job.name, machines, missing, begin, until, clock.now(), has_gpus=has_gpus
        ),
        JobCurves(job.name),
    )
    return JobCurves(job.name, metrics or found.metrics, found.hosts)


def _metric_names(job: Job, services: Services) -> Sequence[str]:
    """The metrics that the job defines, and those that it reported by itself, which only its record tells."""
    record = services.ledger.record(job.key)
    return metric_names(job, *([record.job] if record else ()))


def metric_names(*jobs: Job) -> Sequence[str]:
    """The metrics that observations of a job define and report."""
    names = [name for job in jobs for name in (*job.metric_definitions, *(each.name for each in job.final_metrics))]
    return [name for name in dict.fromkeys(names) if name != ALIAS_METRIC]
