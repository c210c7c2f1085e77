"""Serverless fine-tuning: the base model is what a loop varies, and tokens are what is billed."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from tests.launching import launched, training
from tests.mlflow.stand_in import Refusal, StandIn, serving
from tests.relocated import HERE
from trialbook.core.analysis.prices import cost_of
from trialbook_cli import replaying
from trialbook_cli.laptop_cloud import Recording
from trialbook_cli.replaying import ReplayOutcome

QUICK = ("BuildReport", "PostSlack", "PostEmail")
replay = partial(replaying.replay, without=QUICK)
MODELS = {"llama-3-2-1b": 0.9, "llama-3-2-3b": 0.7, "qwen-2-5-7b": 0.4, "gemma-3-4b": 0.6}  # with their accuracy
HUB = f"arn:{HERE.partition}:sagemaker:{HERE.region}:aws:hub-content/SageMakerPublicHub/Model"
PACKAGE = f"arn:{HERE.partition}:sagemaker:{HERE.region}:{HERE.id}:model-package/tuned/3"


def serverless(number: int, model: str, value: float, **config: Any) -> dict[str, Any]:
    """A serverless job as SageMaker describes it: without image, machines and billable time."""
    job = training(
        f"tune-llm-2026-03-03-09-0{number}-00-000",
        number,
        number + 20,
        value=value,
        ServerlessJobConfig={
            "BaseModelArn": f"{HUB}/{model}/1.0.0",
            "AcceptEula": True,
            "JobType": "FineTuning",
            "CustomizationTechnique": "SFT",
            "Peft": "LORA",
            **config,
        },
        BillableTokenCount=2_000_000 + number,
        OutputModelPackageArn=PACKAGE,
        MlflowDetails={"MlflowExperimentId": "7", "MlflowRunId": f"run{number}"},
    )
    for field in ("AlgorithmSpecification", "ResourceConfig"):
        del job["response"][field]
    return job


@pytest.fixture(scope="module")
def found() -> ReplayOutcome:
    jobs = [serverless(number, *model) for number, model in enumerate(MODELS.items())]
    return replay(launched(jobs), rules="experiments: {tune-llm: {objective: maximize validation:accuracy}}")


def test_a_loop_over_base_models_is_one_ranked_sweep(found: ReplayOutcome) -> None:
    (sweep,) = [each for each in found.sweeps if each.counts.jobs]
    by_rank = sorted(found.records, key=lambda record: record.sweep_rank)

    assert sweep.counts.completed == len(MODELS)
    assert [each.job.hyper_parameters["BaseModel"] for each in by_rank] == [
        f"{name}/1.0.0" for name in sorted(MODELS, key=lambda name: -MODELS[name])
    ]
    assert {each.job.hyper_parameters["CustomizationTechnique"] for each in by_rank} == {"SFT"}
    assert {each.job.model_artifact for each in by_rank} == {PACKAGE}
    assert {each.job.instances for each in by_rank} == {()}


def test_tokens_have_a_price_only_if_the_rules_name_one(found: ReplayOutcome) -> None:
    job = min((record.job for record in found.records), key=lambda job: job.name)

    assert job.billable_tokens == 2_000_000
    assert cost_of(job, {"ml.m5.xlarge": 0.18}) is None
    assert cost_of(job, {"tokens": 3.0}) == 6.0
    assert cost_of(job, {"tokens": 3.0, "llama-3-2-1b/1.0.0": 0.5}) == 1.0


def test_a_hyperparameter_of_the_same_name_is_the_users() -> None:
    job = serverless(0, "llama-3-2-1b", 0.9)
    job["response"]["HyperParameters"] = {"Peft": "none", "learning_rate": "1e-4"}
    (record,) = replay(launched([job])).records

    assert record.job.hyper_parameters["Peft"] == "none"
    assert record.job.hyper_parameters["learning_rate"] == "1e-4"


def of_mlflow(model: str, number: int) -> dict[str, Any]:
    """A job whose metrics SageMaker does not have, and whose run on an App of MLflow has its number."""
    job = serverless(number, model, 0)
    job["response"] |= {"FinalMetricDataList": [], "MlflowConfig": {"MlflowResourceArn": APP}}
    return job


APP = HERE.arn("sagemaker", "mlflow-app/app-1").replace("aws-cn", "aws")
LOSSES = {model: 1 - accuracy for model, accuracy in MODELS.items()}
OF_MLFLOW = [of_mlflow(model, number) for number, model in enumerate(MODELS)]


def replay_with_mlflow(
    before: Callable[[str, Any], None] = lambda path, body: None, recorded: Recording | None = None
) -> tuple[ReplayOutcome, StandIn]:
    """The loop, while an MLflow has a run of each job. `before` disturbs its requests."""
    mlflow = StandIn()
    mlflow.before = before
    for number, loss in enumerate(LOSSES.values()):
        info = {"run_id": f"run{number}", "experiment_id": "7"}
        mlflow.runs[f"run{number}"] = {"info": info, "data": {"metrics": [{"key": "eval_loss", "value": loss}]}}
    recorded = recorded or launched(OF_MLFLOW)
    with serving(mlflow), pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ENDPOINT", mlflow.url)
        parameters = {"MlflowMetrics": "on"}
        with replaying.running(recorded, parameters=parameters, without=QUICK) as (cloud, sagemaker):
            for event in recorded.events:
                cloud.deliver(event)
            cloud.finish()
            return replaying.outcome_of(cloud, sagemaker), mlflow


def test_a_loop_is_ranked_by_the_loss_that_its_runs_in_mlflow_have() -> None:
    outcome, mlflow = replay_with_mlflow()
    by_rank = sorted(outcome.records, key=lambda record: record.sweep_rank)
    headers = [headers for _, _, headers in mlflow.requests]

    assert [each.job.hyper_parameters["BaseModel"] for each in by_rank] == [
        f"{name}/1.0.0" for name in sorted(LOSSES, key=lambda name: LOSSES[name])
    ]
    assert [each.value for each in by_rank] == sorted(LOSSES.values())
    assert [(method, path) for method, path, _ in mlflow.requests] == [("GET", "runs/get")] * len(MODELS)
    assert {each["x-sm-mlflow-app-arn"] for each in headers} == {APP}
    assert all("AWS4-HMAC-SHA256" in each["Authorization"] for each in headers)


def test_an_mlflow_that_does_not_answer_holds_no_record_and_is_asked_again() -> None:
    left = iter(range(1))

    def down(path: str, body: Any) -> None:
        if next(left, None) is not None:
            raise Refusal(503, "TEMPORARILY_UNAVAILABLE")

    outcome, mlflow = replay_with_mlflow(down, launched(OF_MLFLOW[:1]))
    (record,) = outcome.records
    asked_by = [function for (function, _, operation), n in outcome.calls.items() if operation == "DescribeTrainingJob"]

    assert not any(outcome.dead_letters.values())
    assert len(mlflow.requests) == 2
    assert sorted(asked_by) == ["Reconcile", "RecordJob"]
    assert (record.job.described, record.value) == (True, LOSSES["llama-3-2-1b"])


def test_a_serverless_job_whose_events_were_lost_has_its_base_model_and_its_tokens() -> None:
    """Search answers with neither; Describe does."""
    recorded = launched([training("seen", 0, 5), serverless(1, "llama-3-2-1b", 0.9)])
    lost = [event for event in recorded.events if event["detail"]["TrainingJobName"] == "seen"]
    records = {record.job.name: record.job for record in replay(replace(recorded, events=lost)).records}
    (found,) = [job for name, job in records.items() if name != "seen"]

    assert (found.hyper_parameters["BaseModel"], found.billable_tokens) == ("llama-3-2-1b/1.0.0", 2_000_001)


def test_a_run_that_mlflow_does_not_have_is_asked_for_once() -> None:
    def missing(path: str, body: Any) -> None:
        raise Refusal(404, "RESOURCE_DOES_NOT_EXIST")

    outcome, mlflow = replay_with_mlflow(missing, launched(OF_MLFLOW[:1]))
    (record,) = outcome.records

    assert (record.job.status, record.job.described, record.job.final_metrics) == ("Completed", True, ())
    assert len(mlflow.requests) == 1
