"""A recording of a real account: what SageMaker answers about its jobs, and the events that the answers imply."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.session import Session

from trialbook.adapters.sagemaker import Refused, SageMaker
from trialbook.capture_job import ALONE, Asking, Sources, last_lines, measured, metric_names
from trialbook.core.curves.series import Axis, JobCurves, Series
from trialbook.core.describe import job_from_detail
from trialbook.core.jobs import FAILED, Job, JobKind
from trialbook.core.kinds import LISTED, SAGEMAKER, SERVICES
from trialbook.core.masking import Masker
from trialbook.core.times import iso
from trialbook_cli.sagemaker_stand_in import Account, from_recording

Answer = dict[str, Any]


def answers_of(
    session: Session, account: Account, since: datetime, until: datetime, name_contains: str
) -> list[Answer]:
    """SageMaker's answers about the jobs that changed within the time; only reads."""
    sagemaker = SageMaker(session, account.region)
    return [
        answer
        for kind in kinds_in(session, account.region)
        for job in _jobs(sagemaker, kind, account, since, until, name_contains)
        for answer in _answers(session.create_client(kind.facts.service.name, region_name=account.region), job)
    ]


def kinds_in(session: Session, region: str) -> list[JobKind]:
    """The kinds of jobs that a region has, as far as botocore knows; SageMaker's always."""
    served = {each.name for each in SERVICES if region in session.get_available_regions(each.name, _partition(region))}
    return [kind for kind in LISTED if kind.facts.service.name in served | {SAGEMAKER.name}]


def _partition(region: str) -> str:
    return Account(region=region).partition


def _jobs(
    sagemaker: SageMaker, kind: JobKind, account: Account, since: datetime, until: datetime, name_contains: str
) -> Iterator[Job]:
    """The jobs of a kind; none if it is optional and the person may not list it."""
    try:
        yield from sagemaker.jobs_modified(kind, account.id, account.region, since, until, name_contains)
    except Refused:
        if not kind.facts.is_optional:
            raise


def _answers(client: Any, job: Job) -> Iterator[Answer]:
    """The answers of Describe and ListTags about a job; its trial component's, for the statistics of metrics; and its
    trial's, if the job names a trial without an experiment."""
    kind = job.key.kind.facts
    described = _answer(client, kind.describe, {kind.asked_by: job.name, **kind.constant})
    if described is None:
        return
    yield described
    arn = described["response"][kind.fields.arn]
    if not kind.has_tags_in_description:
        yield from filter(None, [_answer(client, kind.service.tags_operation, {kind.service.tagged: arn})])
    config = described["response"].get("ExperimentConfig") or {}
    if config.get("TrialName") and not config.get("ExperimentName"):
        yield from filter(None, [_answer(client, "DescribeTrial", {"TrialName": config["TrialName"]})])
    if job.key.kind is JobKind.TRAINING:
        component = {"TrialComponentName": job.component_name}
        yield from filter(None, [_answer(client, "DescribeTrialComponent", component)])


def _answer(client: Any, operation: str, request: Answer) -> Answer | None:
    """None if it does not exist any more, or not in this region."""
    method = getattr(client, xform_name(operation))
    try:
        response = method(**request)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ValidationException", "ResourceNotFound", "ResourceNotFoundException"):
            return None
        raise
    response.pop("ResponseMetadata", None)
    return {"operation": operation, "request": request, "response": json.loads(json.dumps(response, default=_text))}


def _text(value: object) -> str:
    return iso(value) if isinstance(value, datetime) else str(value)


def measured_of(session: Session, answers: list[Answer], account: Account) -> Iterator[Answer]:
    """What AWS still keeps of the training jobs among the answers, as lines of metrics.jsonl; only reads."""
    ask = Asking(Sources.of(session, account.region), ALONE)
    for answer in answers:
        if answer["operation"] != "DescribeTrainingJob":
            continue
        job = job_from_detail(JobKind.TRAINING, answer["response"], account.id, account.region, described=True)
        curves = measured(job, metric_names(job), ask) if job.is_terminal else JobCurves(job.name)
        log = last_lines(job, ask, Masker(None)) if job.status == FAILED else ""
        if log or not curves.is_empty:
            yield _line(job, curves, log)


def _line(job: Job, curves: JobCurves, log: str) -> Answer:
    begin, end = job.started_at or job.created_at, job.ended_at
    metrics = {name: _timed(series, begin, end) for name, series in curves.metrics.items()}
    hosts = {
        host: {name: [[_moment(x), value] for x, value in series.points()] for name, series in used.items()}
        for host, used in curves.hosts.items()
    }
    return {"job_name": job.name, "metrics": metrics, "hosts": hosts, "log": log.splitlines()}


def _timed(series: Series, begin: datetime | None, end: datetime | None) -> list[list[Any]]:
    """Points with their times. SageMaker tells either those or iterations: these are spread evenly over the job."""
    pairs = list(zip(series.xs, ("NaN" if value is None else value for value in series.values), strict=True))
    if series.axis is Axis.TIME or begin is None or end is None:
        return [[_moment(x), None, value] for x, value in pairs]
    step = (end - begin).total_seconds() / max(series.xs[-1] + 1, 1)
    return [[_moment(begin.timestamp() + step * (x + 1)), int(x), value] for x, value in pairs]


def _moment(seconds: float) -> str:
    return iso(datetime.fromtimestamp(seconds, UTC))


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
