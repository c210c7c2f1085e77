"""record_job: records a job state change in the ledger, together with the job's sweep.

Safe to repeat at any point: every write is one transaction that is conditional on what was read, and the result does
not depend on the order of events.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from trialbook.adapters.sagemaker import NotFound, Refused, SageMaker, SageMakerError, Throttled, Unreadable
from trialbook.core.errors import InvalidInput
from trialbook.core.events import parse_event
from trialbook.core.executions import PipelineStep, is_of_step
from trialbook.core.jobs import Job, JobKey, JobKind, Metric, NotDescribed, TuningJob
from trialbook.core.merging import is_new_life, merge
from trialbook.core.messages.not_sent import NotSent
from trialbook.core.placement import left_out
from trialbook.core.service_jobs import ServiceJob
from trialbook.core.sweeps import Record, Sweep
from trialbook.ledger.bookkeeper import Bookkeeper
from trialbook.ledger.ledger import Loop
from trialbook.runtime.observability import count, logger
from trialbook.services import RunMetrics, Services

_PATIENCE = 4  # deliveries, a quarter of an hour with the queue's visibility timeout
_AUTOPILOT_NAME = re.compile(r".+-tuning-job-\d+-[0-9a-f]+")
_WHY: Mapping[type, NotDescribed] = {
    NotFound: NotDescribed.DELETED,
    Refused: NotDescribed.REFUSED,
    Unreadable: NotDescribed.UNREADABLE,
}
NO_ANSWER = (NotFound, Refused, Unreadable)  # then the event is all that is known


class RecordOutcome(StrEnum):
    """The outcome of an observation."""

    RECORDED = "recorded"
    UNCHANGED = "unchanged"
    LEFT_OUT = "left out"


class NotYet(Exception):
    """The event's job is not in the ledger yet: SQS delivers the message again."""


def record_job(envelope: object, services: Services, delivery: int = 1) -> RecordOutcome:
    """Records the job state change of an EventBridge envelope. `delivery` is how often SQS has delivered the message.

    Raises NotYet, NotAJobEvent, Throttled, Conflict.
    """
    seen = parse_event(envelope)
    if isinstance(seen, PipelineStep):
        is_news = services.ledger.pipelines.put_step(seen, services.ledger.masker)
        name_pipeline(seen.execution, services)
        return RecordOutcome.RECORDED if is_news else RecordOutcome.UNCHANGED
    if isinstance(seen, ServiceJob):
        return record_service_job(seen, services, delivery)
    if seen.key.kind is JobKind.PIPELINE_EXECUTION:
        name_pipeline(seen.key, services)
    is_news = services.ledger.recent.is_news(seen.key, is_terminal=seen.is_terminal) and delivery == 1
    return record(seen, services, tags_known=seen.key.kind.facts.has_tags_in_events, is_likely_news=is_news)


def name_pipeline(execution: JobKey, services: Services) -> None:
    """Notes the pipeline of an execution, and moves jobs that were recorded before it was known."""
    pipeline, _, identity = execution.name.partition("/")
    services.ledger.pipelines.put_name(execution, identity, pipeline)
    for known in services.ledger.records(list(services.ledger.pipelines.waiting(execution, identity))):
        if known.job.pipeline is None:
            _move(known, pipeline, services)


def _move(known: Record, pipeline: str, services: Services) -> None:
    """Moves a job to where it belongs now that its pipeline is known."""
    book, job = _bookkeeper(services, known.is_history), replace(known.job, pipeline=pipeline)
    if is_of_step(job):
        services.ledger.pipelines.put_job(job)
    if job.key.kind is JobKind.TUNING:
        book.enter_tuning_job(TuningJob(job))
    else:
        book.enter(job, known)


def record_service_job(seen: ServiceJob, services: Services, delivery: int = 1) -> RecordOutcome:
    """Records the attempts of an AWS Batch service job at a training job. The last attempt is the trial. It is written
    first, so that the sweep that an earlier attempt leaves is never empty.

    A service job without training jobs is ignored. If a training job is not recorded yet, its own event is on its way:
    raises NotYet until after some deliveries.
    """
    records = [services.ledger.record(key) for key in seen.attempts]
    found = [(number, known) for number, known in enumerate(records, 1) if known is not None]
    if any(known.job.attempt is None for _, known in found):  # once for each attempt
        seen = _described_service_job(seen, services, delivery)
    attempts = [replace(known.job, **_queued(known.job, seen, number)) for number, known in found[::-1]]
    changed = [_enter_attempt(attempt, services) for attempt in attempts]
    for (_, earlier), (_, later) in pairwise(found):
        changed.append(_enter_attempt(replace(earlier.job, retried_as=later.job.name), services))
    if len(found) < len(records) and delivery < _PATIENCE:
        raise NotYet(f"{len(records) - len(found)} of {len(records)} attempts are not recorded yet")
    return RecordOutcome.LEFT_OUT if not found else RecordOutcome.RECORDED if any(changed) else RecordOutcome.UNCHANGED


def _described_service_job(seen: ServiceJob, services: Services, delivery: int) -> ServiceJob:
    """The service job with its tags and when it was scheduled. Without them if AWS Batch does not answer: an outage is
    waited out for some deliveries."""
    key = seen.attempts[0]
    if seen.id is None or services.batch is None:
        return seen
    try:
        return seen.completed_by(services.batch(key.account, key.region).describe(seen.id, key.account, key.region))
    except Throttled as error:
        if delivery < _PATIENCE:
            raise NotYet(f"AWS Batch does not answer: {error}") from error
        logger.warning("a service job is known from its event alone", id=seen.id, reason=error.code)
    except (SageMakerError, InvalidInput) as error:
        logger.warning("a service job is known from its event alone", id=seen.id, reason=str(error))
    return seen


def _queued(known: Job, seen: ServiceJob, number: int) -> dict[str, Any]:
    """An attempt, as its queue describes it. The training job's own tags count before those of its service job."""
    found = {"submitted_at": seen.submitted_at, "scheduled_at": seen.scheduled_at, "queue": seen.queue}
    given = {name: value for name, value in found.items() if value is not None}
    tags = {"tags": MappingProxyType({**seen.tags, **known.tags})} if seen.tags else {}
    return {**given, **tags, "attempt": number}


def _enter_attempt(seen: Job, services: Services) -> bool:
    """Whether the job's record has changed."""
    known = services.ledger.record(seen.key)
    is_history = known is not None and known.is_history
    return known is not None and _bookkeeper(services, is_history).enter(seen, known) is not None


def with_pipeline(job: Job, services: Services) -> Job:
    """The job with the pipeline of its execution, if that is known by now. The job's name contains the execution."""
    if job.pipeline_execution is None or job.pipeline is not None:
        return job
    return replace(job, pipeline=services.ledger.pipelines.name(job.key, job.pipeline_execution))


def record(
    seen: Job,
    services: Services,
    *,
    is_history: bool = False,
    tags_known: bool = True,
    is_likely_news: bool = False,
) -> RecordOutcome:
    """Records an observation of a job. SageMaker is asked for the rest twice: when the job is first seen, because
    events do not contain its ExperimentConfig, and when it has ended. A tuning job's child, which has no
    ExperimentConfig, is described at its end only.

    Lists contain neither tags nor the job that started a job. With `tags_known` false, they are asked for if no event
    has brought them; of some kinds Describe has the tags.

    With `is_likely_news`, the observation is most probably a job's first or last one. Then the ledger is read less: a
    start is written without a look at the job, and an end is described before the ledger is read. If the ledger knows
    the observation after all, that costs calls and changes nothing.
    """
    is_likely_news = is_likely_news and _is_plain(seen) and left_out(seen, services.rules()) is None
    seen, is_learned = (learned(seen, None, services), True) if is_likely_news and seen.is_terminal else (seen, False)
    read = _read_if_needed(seen, services, is_likely_news=is_likely_news)
    known = read.record
    if known is not None and known.job.described and not _is_news(known.job, seen):
        _bookkeeper(services, is_history).settle(known)
        return RecordOutcome.UNCHANGED
    if known is None and not tags_known:
        if not seen.key.kind.facts.has_tags_in_description:
            seen = replace(seen, tags=_tags(seen, services), made_by=seen.made_by or _maker(seen, services))
        elif not is_learned:
            seen, is_learned = learned(seen, known, services), True
    if left_out(seen, services.rules()) is not None:
        return RecordOutcome.LEFT_OUT
    is_pipeline_open = seen.pipeline_execution is not None and (known is None or known.job.pipeline is None)
    if is_pipeline_open:
        seen = with_pipeline(seen, services)
    if is_pipeline_open and seen.pipeline is None and seen.pipeline_execution is not None:
        # Noted before the job is written and looked up after it, so that the later of the two events sees the other.
        services.ledger.pipelines.put_waiting(seen.key, seen.pipeline_execution)
        outcome = _enter(seen, read, services, is_history, is_learned=is_learned)
        pipeline = with_pipeline(seen, services).pipeline
        entered = services.ledger.record(seen.key) if pipeline is not None else None
        if pipeline is not None and entered is not None:
            _move(entered, pipeline, services)
        return outcome
    if known is None and is_of_step(seen):
        services.ledger.pipelines.put_job(seen)
    return _enter(seen, read, services, is_history, is_learned=is_learned)


def _is_news(described: Job, seen: Job) -> bool:
    """Whether the observation is of another job of the same name: one that was created again, or a tuning job that was
    deleted since, which has a sweep of its own."""
    return is_new_life(described, seen) or (seen.key.kind is JobKind.TUNING and is_new_life(seen, described))


def _enter(seen: Job, read: "_Read", services: Services, is_history: bool, *, is_learned: bool) -> RecordOutcome:
    book, known = _bookkeeper(services, is_history), read.record
    if seen.key.kind is JobKind.TUNING:
        changed = book.enter_tuning_job(_learned_tuning_job(seen, services))
    else:
        seen = seen if is_learned else learned(seen, known, services)
        changed = book.enter(seen, known, read.sweep, read.loop)
    if changed is not None and changed.job.is_terminal and not (known is not None and known.job.is_terminal):
        count("JobsRecorded")
    return RecordOutcome.UNCHANGED if changed is None else RecordOutcome.RECORDED


def _bookkeeper(services: Services, is_history: bool) -> Bookkeeper:
    return Bookkeeper(
        services.ledger, services.rules(), lambda key, name: tuning_job_of(key, name, services), is_history
    )


@dataclass(frozen=True, slots=True)
class _Read:
    """What the ledger has: the job's record, and its tuning job's sweep or its loop as far as they were read."""

    record: Record | None = None
    sweep: Sweep | None = None
    loop: Loop | None = None


def _is_plain(seen: Job) -> bool:
    """Whether the job is written where it belongs at once, and by one write."""
    return seen.key.kind is not JobKind.TUNING and seen.pipeline_execution is None


def _read_if_needed(seen: Job, services: Services, *, is_likely_news: bool) -> _Read:
    """Nothing is read of a job that most probably begins, unless its sweep has to be read anyway."""
    return _Read() if is_likely_news and _is_first(seen, None) and not seen.is_terminal else _read(seen, services)


def _read(seen: Job, services: Services) -> _Read:
    """The job's record and, in the same request, its tuning job's sweep or its loop. Not if SageMaker is to be asked
    about the job first: they are likely to change meanwhile."""
    ledger, key = services.ledger, seen.key
    if seen.is_terminal and not (seen.described or seen.not_described):
        return _Read(ledger.record(key))
    if seen.tuning_job is not None and key.kind is JobKind.TRAINING:
        return _Read(*ledger.record_and_sweep(key, ledger.places.tuning_sweep(key, seen.tuning_job)))
    loop = ledger.recent.loop_of(key)
    if loop is None or not seen.is_terminal:
        return _Read(ledger.record(key))
    record, found = ledger.record_and_loop(key, loop)
    return _Read(record, loop=found)


def _tags(seen: Job, services: Services) -> Mapping[str, str]:
    if seen.arn is None:
        return seen.tags
    try:
        return services.sagemaker(seen.key.account, seen.key.region).tags(seen.arn)
    except Throttled:
        raise
    except SageMakerError as error:  # a job without its tags is better than none
        logger.warning("the job's tags are unknown", job=seen.name, reason=str(error))
        return seen.tags


def _maker(seen: Job, services: Services) -> str | None:
    """The Autopilot job that started a tuning job, which only the tuning job's children name. SageMaker is asked only
    if the name has Autopilot's form, so that other tuning jobs cost no call."""
    if seen.key.kind is not JobKind.TUNING or not _AUTOPILOT_NAME.fullmatch(seen.name):
        return None
    sagemaker = services.sagemaker(seen.key.account, seen.key.region)
    try:
        child = next(sagemaker.children(seen.key), None)
        return sagemaker.describe(child.key).made_by if child else None
    except NO_ANSWER:
        return None


def learned(seen: Job, known: Record | None, services: Services) -> Job:
    """The observation of a job that is new or has ended, completed by Describe: at most two calls.

    If the job was deleted, the role may not see it, or the answer can't be read, the event alone is used.
    """
    if not (seen.key.kind.is_trial or seen.key.kind.is_single) or not (seen.is_terminal or _is_first(seen, known)):
        return seen
    sagemaker = services.sagemaker(seen.key.account, seen.key.region)
    described = seen
    if not seen.described:
        try:
            described = merge(seen, sagemaker.describe(seen.key))
        except NO_ANSWER as error:
            logger.warning("known from its event alone", job=seen.name, reason=error.code)
            return replace(seen, not_described=_WHY[type(error)] if seen.is_terminal else None)
    described = with_experiment_of_trial(described, services, known.job if known else None)
    if not described.is_terminal:
        return described
    if not described.final_metrics and described.mlflow_run and described.mlflow_server and services.run_metrics:
        return _with_metrics_of_run(described, services.run_metrics)
    return replace(described, final_metrics=_with_statistics(described, sagemaker))


def _with_metrics_of_run(job: Job, run_metrics: RunMetrics) -> Job:
    """The job with the metrics of its own run in MLflow: SageMaker keeps none of a serverless job. If MLflow does not
    answer now, the job is recorded without them and as not described, so that reconcile asks again."""
    try:
        return replace(job, final_metrics=run_metrics(job))
    except (NotSent, InvalidInput) as error:
        logger.warning("the run's metrics are unknown", job=job.name, run=job.mlflow_run, reason=str(error))
        count("RunMetricsUnknown")
        return replace(job, described=not (isinstance(error, NotSent) and error.passes))


def _is_first(seen: Job, known: Record | None) -> bool:
    """Whether this is the first observation of a job that may have an ExperimentConfig."""
    return seen.tuning_job is None and (known is None or is_new_life(known.job, seen))


def with_experiment_of_trial(job: Job, services: Services, known: Job | None = None) -> Job:
    """The job with the experiment of its trial, if its ExperimentConfig names only the trial. Looked up once for each
    trial. If SageMaker does not answer, the other rules of placement decide.
    """
    config = job.experiment_config
    if config is None or not config.trial_name or config.experiment_name:
        return job
    recorded = known.experiment_config if known else None
    if recorded is not None and recorded.trial_name == config.trial_name and recorded.experiment_name:
        return replace(job, experiment_config=recorded)
    experiment = _experiment_of(job.key, config.trial_name, services)
    return replace(job, experiment_config=replace(config, experiment_name=experiment))


def _experiment_of(key: JobKey, trial: str, services: Services) -> str | None:
    experiment = services.ledger.attachments.experiment_of(key, trial)
    if experiment is not None:
        return experiment
    try:
        experiment = services.sagemaker(key.account, key.region).experiment_of(trial)
    except NO_ANSWER as error:
        logger.warning("the trial's experiment is unknown", trial=trial, reason=error.code)
        return None
    if experiment is not None:
        services.ledger.attachments.put_experiment_of(key, trial, experiment)
    return experiment


def _with_statistics(job: Job, sagemaker: SageMaker) -> tuple[Metric, ...]:
    """The final metrics with their statistics; without them if SageMaker does not have them yet."""
    if not job.final_metrics or job.component_name is None:
        return job.final_metrics
    try:
        return sagemaker.with_statistics(job.final_metrics, job.component_name)
    except NO_ANSWER:
        return job.final_metrics


def _learned_tuning_job(seen: Job, services: Services) -> TuningJob:
    """A tuning job with its objective and ranges. Described at its start, and at its end for its final state."""
    ledger, sweep_id = services.ledger, services.ledger.places.tuning_sweep(seen.key, seen.name)
    _, sweep = ledger.life_of(sweep_id, ledger.sweep(sweep_id), seen)
    if not seen.is_terminal and sweep is not None and sweep.definitions:
        return TuningJob(seen)
    found = tuning_job_of(seen.key, seen.name, services)
    if found is None or is_new_life(seen, found.job):
        return TuningJob(seen)
    return replace(found, job=merge(seen, found.job))


def tuning_job_of(child: JobKey, name: str, services: Services) -> TuningJob | None:
    """The child's tuning job; None if SageMaker does not answer."""
    key = replace(child, kind=JobKind.TUNING, name=name)
    try:
        return services.sagemaker(key.account, key.region).describe_tuning_job(key)
    except NO_ANSWER as error:
        logger.warning("the tuning job can't be described", tuning_job=name, reason=error.code)
        return None
