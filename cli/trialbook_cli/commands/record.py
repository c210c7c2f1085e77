"""`trialbook record`: jobs of a real account as a recording that replay runs."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from trialbook.adapters.sagemaker import SageMaker
from trialbook.core.jobs import Job, JobKind
from trialbook.core.masking import MASKED_ACCOUNT, masked
from trialbook.core.times import iso
from trialbook.reconcile import KINDS
from trialbook.runtime import clock
from trialbook.runtime.observability import quiet
from trialbook_book.book import session_of
from trialbook_cli.backfilling import parse_since
from trialbook_cli.frame import Source
from trialbook_cli.plain import FAILED, OK
from trialbook_cli.sagemaker_stand_in import Account, from_recording
from trialbook_cli.terminal import console, fail, safe

Answer = dict[str, Any]


def run(source: Source, since: str, name_contains: str, out: Path, *, mask: bool) -> int:
    """Asks SageMaker for the jobs that changed since then and writes what it answers; calls that only read."""
    with quiet():
        return _recorded(source, since, name_contains, out, mask=mask)


def _recorded(source: Source, since: str, name_contains: str, out: Path, *, mask: bool) -> int:
    now = clock.now()
    begin = parse_since(since, now)
    session = session_of(source.profile, source.region)
    region = str(session.get_config_variable("region"))
    sts: Any = session.create_client("sts")
    account = str(sts.get_caller_identity()["Account"])
    sagemaker, client = SageMaker(session, region), session.create_client("sagemaker")
    answers: list[Answer] = []
    for kind in KINDS:
        for job in sagemaker.jobs_modified(kind, account, region, begin, now, name_contains):
            answers += _answers(client, job)
    if not answers:
        return fail(f"no job changed since {iso(begin)} whose name contains {name_contains!r}", FAILED)
    if mask:
        answers = [masked(answer, account) for answer in answers]
    events = list(_events(answers, Account(MASKED_ACCOUNT if mask else account, region), now))
    out.mkdir(parents=True, exist_ok=True)
    _write(out / "sagemaker.jsonl", answers)
    _write(out / "events.jsonl", events)
    jobs = sum(answer["operation"].endswith("Job") for answer in answers)
    hint = "" if mask else "; account number and texts are as they are, --mask hides them"
    console.print(safe(f"{jobs} jobs, {len(events)} events in {out}{hint}", 2000), soft_wrap=True)
    return OK


_DESCRIBES = {
    JobKind.TRAINING: ("DescribeTrainingJob", "TrainingJobName"),
    JobKind.PROCESSING: ("DescribeProcessingJob", "ProcessingJobName"),
    JobKind.TRANSFORM: ("DescribeTransformJob", "TransformJobName"),
    JobKind.TUNING: ("DescribeHyperParameterTuningJob", "HyperParameterTuningJobName"),
}


def _answers(client: Any, job: Job) -> Iterator[Answer]:
    """What Describe, ListTags and, for its statistics, the trial component tell of a job, and which experiment a trial
    is of that the job names alone."""
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
    """None for what is not there any more, or not in this region."""
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


def _events(answers: list[Answer], account: Account, now: datetime) -> Iterator[Answer]:
    """The state changes that the answers imply: EventBridge keeps none of those that it has delivered."""
    found: list[Answer] = []
    sagemaker = from_recording(answers, account, lambda: now)
    sagemaker.on_event = found.append
    sagemaker.emit_until(now)
    yield from found


def _write(path: Path, lines: list[Answer]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
