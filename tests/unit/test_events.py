"""EventBridge's envelopes, parsed."""

from typing import Any

import pytest

from tests.unit.samples import at, training_event
from trialbook.core.describe import job_from_detail
from trialbook.core.errors import NotAJobEvent
from trialbook.core.events import parse_event
from trialbook.core.executions import PipelineStep
from trialbook.core.jobs import ExperimentConfig, InstanceGroup, Job, JobKind
from trialbook.core.sweeps import start_of


def parsed(event: dict[str, Any]) -> Job:
    job = parse_event(event)
    assert isinstance(job, Job)
    return job


def envelope(detail_type: str, detail: dict[str, Any]) -> dict[str, Any]:
    return {**training_event(), "detail-type": detail_type, "detail": detail}


def test_a_training_event_becomes_a_job_with_its_times_in_utc() -> None:
    job = parsed(training_event())

    assert (job.name, job.status, job.key.kind) == ("churn-1", "Completed", JobKind.TRAINING)
    assert (job.created_at, job.ended_at) == (at(0), at(5))
    assert (job.tags, job.hyper_parameters) == ({"team": "growth"}, {"eta": "0.2"})
    assert not job.described


@pytest.mark.parametrize(
    "value",
    [
        1_795_168_800_000,
        1_795_168_800_000.0,
        "1795168800000",
        1_795_168_800,
        "1795168800",
        "2026-11-20T10:00:00Z",
        "2026-11-20T10:00:00.000000000Z",
        "2026-11-20T12:00:00+02:00",
        "2026-11-20T10:00:00",
    ],
)
def test_a_time_is_read_in_every_form_seen(value: object) -> None:
    assert parsed(training_event(CreationTime=value)).created_at == at(0)


@pytest.mark.parametrize("absent", [None, ""])
def test_null_and_empty_text_are_absent(absent: object) -> None:
    job = parsed(training_event(TrainingEndTime=absent, Tags=absent, HyperParameters=absent, TuningJobArn=absent))

    assert (job.ended_at, job.tags, job.hyper_parameters, job.tuning_job) == (None, {}, {}, None)


def test_a_job_without_any_time_takes_the_envelopes() -> None:
    times = dict.fromkeys(("CreationTime", "TrainingStartTime", "TrainingEndTime", "LastModifiedTime"))

    assert parsed(training_event(**times)).created_at == at(5)


def test_an_unknown_status_is_kept_and_not_terminal() -> None:
    job = parsed(training_event(TrainingJobStatus="Deleting"))

    assert (job.status, job.is_terminal) == ("Deleting", False)


def test_a_childs_tuning_job_is_spelled_as_in_the_childs_name_not_as_in_the_arn() -> None:
    arn = "arn:aws:sagemaker:us-east-1:123456789012:hyper-parameter-tuning-job/mytuning"

    spelled = parsed(training_event(TrainingJobName="MyTuning-001-0f0444b1", TuningJobArn=arn)).tuning_job
    other = parsed(training_event(TrainingJobName="Something-else", TuningJobArn=arn)).tuning_job

    assert (spelled, other) == ("MyTuning", "mytuning")


def test_a_heterogeneous_cluster_has_several_groups() -> None:
    groups = [
        {"InstanceType": "ml.p4d.24xlarge", "InstanceCount": 2},
        {"InstanceType": "ml.c5.xlarge", "InstanceCount": None},
    ]

    job = parsed(training_event(ResourceConfig={"InstanceGroups": groups, "InstanceType": None}))

    assert job.instances == (InstanceGroup("ml.p4d.24xlarge", 2), InstanceGroup("ml.c5.xlarge", 1))


def test_a_processing_event_with_empty_experiment_config_and_internal_enums() -> None:
    detail = {
        "ProcessingJobName": "prepare",
        "ProcessingJobStatus": "Completed",
        "CreationTime": 1_795_168_800_000,
        "ExperimentConfig": {"ExperimentName": "", "TrialName": ""},
        "ProcessingInputs": [{"InputName": "in", "S3Input": {"S3Uri": "s3://b/in", "S3DataType": "S3_PREFIX"}}],
        "TrainingJobArn": "arn:aws:sagemaker:us-east-1:123456789012:training-job/churn-1",
        "Environment": {"TOKEN": "secret"},
    }

    job = parsed(envelope("SageMaker Processing Job State Change", detail))

    assert job.experiment_config is None
    assert job.made_by == detail["TrainingJobArn"]
    assert job.channels[0].s3_uri == "s3://b/in"
    assert "secret" not in repr(job)


def test_an_experiment_config_is_read() -> None:
    detail = {
        "TransformJobName": "score",
        "TransformJobStatus": "Failed",
        "CreationTime": "2026-11-20T10:00:00Z",
        "FailureReason": "ClientError: no model",
        "ExperimentConfig": {"ExperimentName": "churn", "TrialName": None},
    }

    job = parsed(envelope("SageMaker Transform Job State Change", detail))

    assert job.experiment_config == ExperimentConfig("churn", None)
    assert job.failure_reason == "ClientError: no model"


def test_a_tuning_event_with_a_capital_p_and_an_empty_best_job() -> None:
    detail = {
        "HyperParameterTuningJobName": "tune",
        "HyperParameterTuningJobStatus": "InProgress",
        "CreationTime": 1_795_168_800_000,
        "BestTrainingJob": {},
        "TrainingJobDefinitions": None,
    }

    job = parsed(envelope("SageMaker HyperParameter Tuning Job State Change", detail))

    assert (job.name, job.key.kind) == ("tune", JobKind.TUNING)


def test_pipeline_words_become_job_words() -> None:
    arn = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/churn-pipeline/execution/p4jn9xou8a8s"
    execution = {
        "currentPipelineExecutionStatus": "Succeeded",
        "executionStartTime": "2026-11-20T10:00:00Z",
        "executionEndTime": "2026-11-20T10:05:00Z",
        "pipelineExecutionArn": arn,
    }
    step = {
        "currentStepStatus": "Executing",
        "stepName": "train",
        "stepType": "Training",
        "pipelineExecutionArn": arn,
        "metadata": {"trainingJob": {"arn": "arn:aws:sagemaker:us-east-1:123456789012:training-job/x"}},
    }

    job = parsed(envelope("SageMaker Model Building Pipeline Execution Status Change", execution))
    found = parse_event(envelope("SageMaker Model Building Pipeline Execution Step Status Change", step))

    assert (job.name, job.status, job.pipeline_execution) == (
        "churn-pipeline/p4jn9xou8a8s",
        "Completed",
        "p4jn9xou8a8s",
    )
    assert isinstance(found, PipelineStep)
    assert (found.name, found.status, found.job_arn) == ("train", "InProgress", step["metadata"]["trainingJob"]["arn"])  # type: ignore[index]


@pytest.mark.parametrize(
    ("event", "field", "shown"),
    [
        ("a text", "event", "'a text'"),
        ({}, "detail-type", "None"),
        ({**training_event(), "detail-type": "SageMaker Endpoint State Change"}, "detail-type", "Endpoint"),
        ({**training_event(), "detail": None}, "detail", "None"),
        ({**training_event(), "account": ""}, "account", "''"),
        ({**training_event(), "region": 7}, "region", "7"),
        (training_event(TrainingJobName=None), "detail.TrainingJobName", "None"),
        (training_event(TrainingJobStatus={}), "detail.TrainingJobStatus", "{}"),
        (training_event(CreationTime="yesterday"), "detail.CreationTime", "'yesterday'"),
        (training_event(LastModifiedTime=True), "detail.LastModifiedTime", "True"),
        (training_event(TrainingEndTime=10**30), "detail.TrainingEndTime", "1000"),
    ],
)
def test_a_malformed_job_event_is_rejected_by_field_and_value(event: object, field: str, shown: str) -> None:
    with pytest.raises(NotAJobEvent) as rejected:
        parse_event(event)

    assert rejected.value.field == field
    assert shown in str(rejected.value)
    assert "expected" in str(rejected.value)


def test_a_long_hostile_value_is_cut_and_escaped_in_the_error() -> None:
    with pytest.raises(NotAJobEvent) as rejected:
        parse_event(training_event(CreationTime="\x1b[31m\n" * 1000))

    assert len(str(rejected.value)) < 300
    assert "\x1b" not in str(rejected.value)


def test_an_odd_entry_in_a_list_does_not_cost_the_job() -> None:
    channels = [None, "x", {"ChannelName": "train", "DataSource": None}, {"ChannelName": None}]

    assert [channel.name for channel in parsed(training_event(InputDataConfig=channels)).channels] == ["train"]


@pytest.mark.parametrize(
    ("listed", "value"),
    [
        ([(0.25, 3), (0.2, 6)], 0.2),
        ([(0.2, 6), (0.25, 3)], 0.2),
        ([(0.25, 6), (0.2, 6)], 0.2),
        ([(0.25, None), (0.2, None)], 0.2),
        ([(0.2, 6), (0.25, None)], 0.2),
        ([(0.25, "soon"), (0.2, 6)], 0.2),
        ([(0.2, 6), ("NaN", 3)], 0.2),
    ],
)
def test_of_a_metric_that_is_listed_several_times_the_latest_value_counts(
    listed: list[tuple[object, object]], value: float
) -> None:
    found = [
        {"MetricName": "rmse", "Value": each, "Timestamp": at(minute) if isinstance(minute, int) else minute}
        for each, minute in listed
    ]
    answer = {**training_event()["detail"], "FinalMetricDataList": [*found, {"MetricName": "mae", "Value": 1}]}

    shown = job_from_detail(JobKind.TRAINING, answer, "1", "eu-west-1", described=True)

    assert [(metric.name, metric.value) for metric in shown.final_metrics] == [("rmse", value), ("mae", 1)]


@pytest.mark.parametrize(
    ("kind", "maker"),
    [
        ("Training", "AutoMLJobArn"),
        ("Training", "LabelingJobArn"),
        ("Transform", "AutoMLJobArn"),
        ("Transform", "LabelingJobArn"),
        ("HyperParameterTuning", "AutoMLJobArn"),
        ("Processing", "AutoMLJobArn"),
        ("Processing", "MonitoringScheduleArn"),
    ],
)
def test_a_job_that_a_service_started_names_its_maker(kind: str, maker: str) -> None:
    detail = {
        f"{kind}JobName": "helper",
        f"{kind}JobStatus": "InProgress",
        "CreationTime": 1_795_168_800,
        maker: "arn:aws:sagemaker:eu-west-1:1:some-job/cats",
    }
    word = kind.replace("HyperParameterTuning", "HyperParameter Tuning")

    assert parsed(envelope(f"SageMaker {word} Job State Change", detail)).made_by == detail[maker]


def test_a_training_job_is_not_made_by_itself() -> None:
    assert parsed(training_event()).made_by is None


def test_a_pipeline_execution_without_any_time_takes_the_envelopes() -> None:
    arn = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/churn/execution/abc"
    detail = {"pipelineExecutionArn": arn, "currentPipelineExecutionStatus": "Executing"}
    kind = "SageMaker Model Building Pipeline Execution Status Change"
    event = {**training_event(), "detail-type": kind, "detail": detail}

    seen = parsed(event)

    assert start_of(seen) == at(5)
    with pytest.raises(NotAJobEvent, match="executionStartTime"):
        parse_event({**event, "time": None})
