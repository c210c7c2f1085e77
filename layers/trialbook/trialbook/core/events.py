"""Parses EventBridge's job state changes: tolerant of unknown fields, strict about the needed ones."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from trialbook.core.describe import job_from_detail
from trialbook.core.errors import InvalidInput, NotAJobEvent
from trialbook.core.executions import PipelineStep
from trialbook.core.jobs import COMPLETED, IN_PROGRESS, TERMINAL, Job, JobKey, JobKind
from trialbook.core.kinds import KIND_OF_EVENT
from trialbook.core.service_jobs import ServiceJob, service_job_from_detail
from trialbook.core.times import parse_time

_PIPELINE_EXECUTION = "SageMaker Model Building Pipeline Execution Status Change"
_PIPELINE_STEP = "SageMaker Model Building Pipeline Execution Step Status Change"
_SERVICE_JOB = "Batch Service Job State Change"
DETAIL_TYPES = (*KIND_OF_EVENT, _PIPELINE_EXECUTION, _PIPELINE_STEP, _SERVICE_JOB)

# Pipelines have words of their own for what jobs call InProgress and Completed.
_PIPELINE_STATUS = {"Executing": IN_PROGRESS, "Starting": IN_PROGRESS, "Succeeded": COMPLETED}


def parse_event(envelope: object) -> Job | PipelineStep | ServiceJob:
    """The job or pipeline step of an EventBridge envelope. Raises NotAJobEvent, naming field and value."""
    if not isinstance(envelope, Mapping):
        raise NotAJobEvent("event", envelope, "an EventBridge envelope (a JSON object)")
    detail_type = envelope.get("detail-type")
    if detail_type not in DETAIL_TYPES:
        raise NotAJobEvent("detail-type", detail_type, f"one of: {', '.join(DETAIL_TYPES)}")
    detail = envelope.get("detail")
    if not isinstance(detail, Mapping):
        raise NotAJobEvent("detail", detail, "a JSON object")
    account, region = (_required(envelope, field) for field in ("account", "region"))
    try:
        if detail_type == _PIPELINE_EXECUTION:
            return _pipeline_execution(detail, account, region, envelope.get("time"))
        if detail_type == _PIPELINE_STEP:
            return _pipeline_step(detail, account, region, envelope.get("time"))
        if detail_type == _SERVICE_JOB:
            return service_job_from_detail(detail, account, region)
        return _job(KIND_OF_EVENT[detail_type], detail, account, region, envelope.get("time"))
    except NotAJobEvent:
        raise
    except InvalidInput as error:
        raise NotAJobEvent(f"detail.{error.field}", error.value, error.expected) from error


def _required(envelope: Mapping[str, Any], field: str) -> str:
    value = envelope.get(field)
    if not isinstance(value, str) or not value:
        raise NotAJobEvent(field, value, "a text that is not empty")
    return value


def _job(kind: JobKind, detail: Mapping[str, Any], account: str, region: str, sent_at: object) -> Job:
    """A job from its event. If the detail has no time at all, the envelope's is used, so that every job has one; events
    have been seen without LastModifiedTime."""
    called = kind.facts.fields
    if called.event_status in detail:
        detail = {**detail, called.status: detail[called.event_status]}
    return job_from_detail(kind, detail, account, region, fallback_time=_sent(sent_at))


def _sent(sent_at: object) -> datetime | None:
    try:
        return parse_time(sent_at, "time")
    except InvalidInput:
        return None


def _pipeline_execution(detail: Mapping[str, Any], account: str, region: str, sent_at: object) -> Job:
    key, pipeline, execution = _execution(detail, account, region)
    status = _status(detail, "currentPipelineExecutionStatus")
    started = parse_time(detail.get("executionStartTime"), "executionStartTime")
    ended = parse_time(detail.get("executionEndTime"), "executionEndTime")
    if started is None and ended is None:
        started = _sent(sent_at)
    if started is None and ended is None:
        raise InvalidInput("executionStartTime", None, "a time, in this field or the event's")
    return Job(
        key=key,
        status=status,
        arn=str(detail["pipelineExecutionArn"]),
        created_at=started,
        started_at=started,
        ended_at=ended,
        last_modified_at=ended or started,
        pipeline=pipeline,
        pipeline_execution=execution,
    )


def _pipeline_step(detail: Mapping[str, Any], account: str, region: str, sent_at: object) -> PipelineStep:
    """A step from its event. The times decide which of two states is the later, so the envelope's replaces one that the
    detail lacks."""
    key, _, _ = _execution(detail, account, region)
    metadata = detail.get("metadata")
    jobs = [each for each in metadata.values() if isinstance(each, Mapping)] if isinstance(metadata, Mapping) else []
    name = detail.get("stepName")
    if not isinstance(name, str) or not name:
        raise InvalidInput("stepName", name, "the step's name")
    status = _status(detail, "currentStepStatus")
    started = parse_time(detail.get("stepStartTime"), "stepStartTime")
    ended = parse_time(detail.get("stepEndTime"), "stepEndTime")
    if status in TERMINAL:
        ended = ended or _sent(sent_at)
    return PipelineStep(
        execution=key,
        name=name,
        step_type=detail.get("stepType") or None,
        status=status,
        job_arn=next((str(each["arn"]) for each in jobs if each.get("arn")), None),
        started_at=started or ended or _sent(sent_at),
        ended_at=ended,
        failure_reason=detail.get("failureReason") or None,
    )


def _execution(detail: Mapping[str, Any], account: str, region: str) -> tuple[JobKey, str, str]:
    arn = detail.get("pipelineExecutionArn")
    parts = str(arn).split(":pipeline/")[-1].split("/")
    if len(parts) != 3 or parts[1] != "execution" or not all(parts):
        raise InvalidInput("pipelineExecutionArn", arn, "an ARN that ends in pipeline/NAME/execution/ID")
    pipeline, _, execution = parts
    return JobKey(account, region, JobKind.PIPELINE_EXECUTION, f"{pipeline}/{execution}"), pipeline, execution


def _status(detail: Mapping[str, Any], field: str) -> str:
    status = detail.get(field)
    if not isinstance(status, str) or not status:
        raise InvalidInput(field, status, "a status")
    return _PIPELINE_STATUS.get(status, status)
