"""Jobs of SageMaker's Jobs API: what their document tells."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.launching import at, of_category
from trialbook.core.analysis.recipe import recipe
from trialbook.core.describe import job_from_detail
from trialbook.core.jobs import Job, JobKind
from trialbook.core.kinds import POLLED, described_kind
from trialbook.core.settings import origin_of

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    max_leaves=20,
)
SECTIONS = ("TrainingConfig", "EvaluationConfig", "ServiceOutput", "InputDataConfig", "OutputDataConfig")


def described(detail: dict[str, Any], kind: JobKind = JobKind.AGENT_RFT) -> Job:
    return job_from_detail(kind, detail, "123456789012", "eu-west-1", described=True)


def answer(**fields: Any) -> dict[str, Any]:
    response: dict[str, Any] = of_category("AgentRFT", "agent", 0, 9, **fields)["response"]
    return response


def test_groups_of_hyperparameters_are_named_by_their_path() -> None:
    given_ = {"batch": {"eval_group_size": 1}, "sampling": {"top": {"p": 0.5}}, "pass_k": [1, 2], "rate": "1e-5"}

    assert dict(described(answer(given=given_)).hyper_parameters) == {
        "BaseModel": "openai-reasoning-gpt-oss-20b",
        "batch.eval_group_size": "1",
        "sampling.top": '{"p": 0.5}',
        "pass_k": "[1, 2]",
        "rate": "1e-5",
    }


def test_an_evaluation_names_the_model_package_by_group_and_version() -> None:
    package = "arn:aws:sagemaker:us-west-2:123456789012:model-package/agents/3"
    document = {"ModelPackageConfig": {"InputModelPackageArn": package}, "EvaluationConfig": {"HyperParameters": {}}}
    job = described({**answer(), "JobConfigDocument": json.dumps(document)}, JobKind.AGENT_RFT_EVALUATION)

    assert dict(job.hyper_parameters) == {"ModelPackage": "agents/3"}


def test_its_run_in_mlflow_and_its_model_are_in_the_services_output() -> None:
    package = "arn:aws:sagemaker:us-west-2:123456789012:model-package/agents/4"
    job = described(answer(outcome={"MlflowDetails": {"RunId": "r1"}, "OutputModelPackageArn": package}))

    assert (job.mlflow_run, job.model_artifact) == ("r1", package)
    assert job.mlflow_server is not None
    assert job.mlflow_server.endswith("mlflow-app/app-1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "nonsense",
        "null",
        "{" * 5000,
        '{"TrainingConfig": {"HyperParameters": ' + "[" * 500 + "]" * 500 + "}}",
    ],
)
def test_a_document_that_is_none_does_not_cost_the_job(text: str) -> None:
    assert described({**answer(), "JobConfigDocument": text}).started_at == at(1)


@settings(max_examples=25)
@given(st.dictionaries(st.sampled_from(SECTIONS), JSON))
def test_no_document_costs_the_job(document: dict[str, Any]) -> None:
    job = described({**answer(), "JobConfigDocument": json.dumps(document)})

    assert all(isinstance(value, str) for value in job.hyper_parameters.values())


@pytest.mark.parametrize(
    ("ended", "expected"), [("Failed", "Failed"), ("Completed", "Completed"), ("Uploading", "Stopped")]
)
@pytest.mark.parametrize("status", ["Deleting", "DeleteFailed"])
def test_a_job_that_is_being_deleted_has_ended_as_its_transitions_say(status: str, ended: str, expected: str) -> None:
    detail = answer(status=status)
    detail["SecondaryStatusTransitions"].insert(2, {"Status": ended, "StartTime": "2026-11-20T09:09:00Z"})

    assert described(detail).status == expected


def test_an_odd_time_of_a_transition_does_not_cost_the_job() -> None:
    detail = answer()
    detail["SecondaryStatusTransitions"][1]["StartTime"] = "soon"

    assert described(detail).started_at is None


def test_each_category_is_a_kind_of_its_own() -> None:
    assert {described_kind("DescribeJob", {"JobCategory": kind.value}) for kind in POLLED} == set(POLLED)
    assert described_kind("DescribeJob", {"JobCategory": "Other"}) is None
    assert described_kind("DescribeTrainingJob", {}) is JobKind.TRAINING


def channel(**source: Any) -> Job:
    document = {"InputDataConfig": [{"ChannelName": "train", "DataSource": source}]}
    return described({**answer(), "JobConfigDocument": json.dumps(document)})


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (
            {"DatasetSource": {"DatasetArn": "arn:aws:sagemaker:eu-west-1:123456789012:hub-content/own/DataSet/a/1"}},
            None,
        ),
        ({"FileSystemDataSource": {"FileSystemId": "fs-1", "DirectoryPath": "/data/a"}}, "fs-1:/data/a"),
        ({"S3DataSource": {"S3Uri": "s3://bucket/a"}}, "s3://bucket/a"),
        ({}, ""),
    ],
)
def test_data_outside_of_s3_count_as_data_too(source: dict[str, Any], wanted: str | None) -> None:
    job = channel(**source)
    expected = source["DatasetSource"]["DatasetArn"] if wanted is None else wanted

    assert recipe(job).channels == {"train": expected}
    request: Any = recipe(job).request

    assert request["InputDataConfig"][0]["DataSource"].keys() == (source.keys() or {"S3DataSource"})
    assert origin_of(job).data != origin_of(channel(S3DataSource={"S3Uri": "s3://bucket/other"})).data
