"""Jobs of Bedrock that customize models: recorded, ranked and reported as training jobs are."""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session

from tests.conftest import ROOT
from tests.launching import at, customization, launched, tags_in_bedrock, training
from tests.relocated import HERE, relocated
from trialbook.adapters.sagemaker import SageMaker as SageMakerApi
from trialbook.core.jobs import JobKind
from trialbook.services import Services
from trialbook_book.folder import open_folder
from trialbook_cli import replaying
from trialbook_cli.account_recording import answers_of, events_of
from trialbook_cli.backfilling import Span, backfilled
from trialbook_cli.laptop_cloud import Recording
from trialbook_cli.replaying import ReplayOutcome, outcome_of
from trialbook_cli.sagemaker_stand_in import SageMaker, from_recording, serve
from trialbook_cli.sagemaker_stand_in.request_validation import answer_problems, operations_of
from trialbook_cli.sagemaker_stand_in.rest import SERVICES

MODELS = {"amazon.nova-lite-v1:0:300k": 0.9, "meta.llama3-2-3b-v1:0:128k": 0.4, "amazon.nova-pro-v1:0:300k": 0.6}
QUICK = ("BuildReport", "PostSlack", "PostEmail")


def replay(recorded: Recording, *, without: Sequence[str] = QUICK, **parameters: str) -> ReplayOutcome:
    given = {"ModelCustomization": "on", **parameters}
    with replaying.running(recorded, parameters=given, without=without) as (cloud, sagemaker):
        problems = checked(sagemaker)
        passed_by = sum(not cloud.deliver(event) for event in recorded.events)
        cloud.finish()
        assert problems == []
        return outcome_of(cloud, sagemaker, passed_by)


def checked(sagemaker: SageMaker) -> list[str]:
    """What answers of services beside SageMaker have that botocore's shapes do not."""
    problems: list[str] = []
    service_of = {model.name: service for service in SERVICES for model in operations_of(service)}
    call = sagemaker.call

    def checking(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        answer = call(operation, request)
        if operation in service_of:
            problems.extend(answer_problems(operation, answer, service_of[operation]))
        return answer

    sagemaker.call = checking  # type: ignore[method-assign]
    return problems


@cache
def loop() -> Recording:
    jobs = [
        customization(f"tickets-26112009{n}0", n, n + 40, base, loss=loss)
        for n, (base, loss) in enumerate(MODELS.items())
    ]
    return launched([*jobs, *(tags_in_bedrock(each, owner="ada") for each in jobs)])


@cache
def found() -> ReplayOutcome:
    return replay(loop(), without=("PostEmail",))


def test_a_loop_over_base_models_is_one_sweep_ranked_by_validation_loss() -> None:
    (sweep,) = [each for each in found().sweeps if each.counts.jobs]
    by_rank = sorted(found().records, key=lambda record: record.sweep_rank)

    assert sweep.counts.completed == 3
    assert sweep.objective is not None
    assert (sweep.objective.metric, sweep.objective.type.value) == ("validationLoss", "Minimize")
    assert [record.job.hyper_parameters["BaseModel"] for record in by_rank] == sorted(
        MODELS, key=lambda name: MODELS[name]
    )
    assert sweep.best is not None
    assert (sweep.best.job_name, sweep.best.kind) == (by_rank[0].job.name, JobKind.MODEL_CUSTOMIZATION)
    assert {record.job.tags["owner"] for record in by_rank} == {"ada"}
    assert not any(found().dead_letters.values())


def test_its_message_and_report_have_the_base_models() -> None:
    posted = [json.dumps(request) for method, request in found().slack.calls if method.startswith("chat.")]
    (page,) = [content.decode() for key, content in found().reports.items() if key.endswith("Z/report.html")]

    assert any("meta.llama3-2-3b-v1:0:128k" in each for each in posted)
    assert all(base in page for base in MODELS)


def test_each_job_is_described_at_its_start_and_its_end_and_asked_for_its_tags_once() -> None:
    calls = {operation: number for (_, service, operation), number in found().calls.items() if service == "bedrock"}

    assert calls["GetModelCustomizationJob"] == 2 * len(MODELS)
    assert calls["ListTagsForResource"] == len(MODELS)


def test_awss_own_sample_event_goes_the_whole_way() -> None:
    """As the user guide prints it: the base model's ARN has no slash, and the validation data are no list."""
    event = json.loads((ROOT / "events/model-customization-failed.json").read_text())
    detail = {
        **event["detail"],
        "jobArn": "arn:aws:bedrock:us-east-1:123456789012:model-customization-job/abcdefghwxyz",
        "baseModelArn": "arn:aws:bedrock:us-east-1:123456789012:base-model-name",
        "validationDataConfig": {"s3Uri": "s3://bucket/key"},
        "failureMessage": "Failure Message here.",
    }
    outcome = replay(relocated(Recording("sample", [{**event, "detail": detail}], ()), HERE), without=("PostEmail",))
    (record,) = outcome.records

    assert (record.job.status, record.job.hyper_parameters["BaseModel"]) == ("Failed", "base-model-name")
    assert "Failure Message here." in json.dumps(outcome.slack.calls)


def test_jobs_whose_events_were_lost_are_found() -> None:
    recorded = launched([training("seen", 0, 5), customization("unseen", 1, 50, loss=0.3)])
    lost = replace(recorded, events=[event for event in recorded.events if event["source"] == "aws.sagemaker"])
    records = {record.job.name: record for record in replay(lost).records}

    assert records["unseen"].value == 0.3
    assert records["unseen"].job.status == "Completed"


def test_they_pass_by_where_the_stack_does_not_record_them() -> None:
    outcome = replay(loop(), ModelCustomization="off")

    assert outcome.records == ()
    assert outcome.passed_by == len(loop().events)
    assert not any(service == "bedrock" for _, service, _ in outcome.calls)


def test_several_sets_of_validation_data_have_a_loss_each() -> None:
    losses = {"validationMetrics": [{"validationLoss": 0.5}, {"validationLoss": 0.7}, {}]}
    given = customization("tickets", 0, 30)
    given["response"] |= losses
    (record,) = replay(launched([given])).records

    assert {metric.name: metric.value for metric in record.job.final_metrics} == {
        "trainingLoss": 0.45,
        "validationLoss": 0.5,
        "validationLoss-2": 0.7,
    }
    assert record.value == 0.5


def test_record_and_backfill_read_them_with_a_persons_own_rights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sagemaker = from_recording(loop().answers, HERE, lambda: at(60 * 24))
    with serve(sagemaker) as url:
        for service in ("SAGEMAKER", "BEDROCK"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", url)
        session = Session()
        answers = answers_of(session, HERE, at(-60), at(60 * 24), "tickets")
        span = Span(HERE.id, HERE.region, at(-60), at(60 * 24), kinds=[JobKind.MODEL_CUSTOMIZATION])
        ledger = open_folder(tmp_path, create=True)
        steps = list(backfilled(span, Services(ledger, lambda account, region: SageMakerApi(session, region))))
        recorded = sorted(record.job.name for record in ledger.jobs())
    assert (steps[-1].seen, steps[-1].recorded) == (3, 3)
    if HERE.region not in session.get_available_regions("bedrock", HERE.partition):
        assert answers == []  # nobody is asked where there is no Bedrock
        return
    again = replay(Recording("recorded", list(events_of(answers, HERE, at(60 * 24))), answers))

    assert {answer["operation"] for answer in answers} == {"GetModelCustomizationJob", "ListTagsForResource"}
    assert recorded == sorted(record.job.name for record in again.records)
    assert {record.value for record in again.records} == set(MODELS.values())
