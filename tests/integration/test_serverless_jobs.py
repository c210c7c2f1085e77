"""Serverless fine-tuning: the base model is what a loop varies, and tokens are what is billed."""

from functools import partial
from typing import Any

import pytest

from tests.launching import launched, training
from tests.relocated import HERE
from trialbook.core.analysis.prices import cost_of
from trialbook_cli import replaying
from trialbook_cli.replaying import ReplayOutcome

replay = partial(replaying.replay, without=("BuildReport", "PostSlack", "PostEmail"))
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
