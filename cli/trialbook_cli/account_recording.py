"""A recording of a real account: what SageMaker answers about its jobs, and the events that the answers imply."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from botocore.session import Session

from trialbook.adapters.sagemaker import SageMaker
from trialbook.core.jobs import Job, JobKind
from trialbook.core.kinds import LISTED
from trialbook.core.times import iso
from trialbook_cli.sagemaker_stand_in import Account, from_recording

Answer = dict[str, Any]


def answers_of(
    session: Session, account: Account, since: datetime, until: datetime, name_contains: str
) -> list[Answer]:
    """What SageMaker answers about the jobs that changed within the time; only reads."""
    sagemaker, client = SageMaker(session, account.region), session.create_client("sagemaker")
    return [
        answer
        for kind in LISTED
        for job in sagemaker.jobs_modified(kind, account.id, account.region, since, until, name_contains)
        for answer in _answers(client, job)
    ]


_DESCRIBES = {
    JobKind.TRAINING: ("DescribeTrainingJob", "TrainingJobName"),
    JobKind.PROCESSING: ("DescribeProcessingJob", "ProcessingJobName"),
    JobKind.TRANSFORM: ("DescribeTransformJob", "TransformJobName"),
    JobKind.TUNING: ("DescribeHyperParameterTuningJob", "HyperParameterTuningJobName"),
}


def _answers(client: Any, job: Job) -> Iterator[Answer]:
    """The answers of Describe and ListTags about a job; its trial component's, for the statistics of metrics; and its
    trial's, if the job names a trial without an experiment."""
    operation, field = _DESCRIBES[job.key.kind]
    described = _answer(client, operation, {field: job.name})
    if described is None:
        return
    yield described
    arn = described["response"][field.replace("Name", "Arn")]
    yield from filter(None, [_answer(client, "ListTags", {"ResourceArn": arn})])
    config = described["response"].get("ExperimentConfig") or {}
    if config.get("TrialName") and not config.get("ExperimentName"):
        yield from filter(None, [_answer(client, "DescribeTrial", {"TrialName": config["TrialName"]})])
    if job.key.kind is JobKind.TRAINING:
        component = {"TrialComponentName": job.component_name}
        yield from filter(None, [_answer(client, "DescribeTrialComponent", component)])


def _answer(client: Any, operation: str, request: Answer) -> Answer | None:
    """None if it does not exist any more, or not in this region."""
    snake = "".join(f"_{each.lower()}" if each.isupper() else each for each in operation).lstrip("_")
    method = getattr(client, snake)
    try:
        response = method(**request)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ValidationException", "ResourceNotFound"):
            return None
        raise
    response.pop("ResponseMetadata", None)
    return {"operation": operation, "request": request, "response": json.loads(json.dumps(response, default=_text))}


def _text(value: object) -> str:
    return iso(value) if isinstance(value, datetime) else str(value)


def events_of(answers: list[Answer], account: Account, now: datetime) -> Iterator[Answer]:
    """The state changes that the answers imply: EventBridge keeps no delivered events."""
    found: list[Answer] = []
    sagemaker = from_recording(answers, account, lambda: now)
    sagemaker.on_event = found.append
    sagemaker.emit_until(now)
    yield from found


def write_lines(path: Path, lines: list[Answer]) -> None:
    """Writes JSON lines."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
