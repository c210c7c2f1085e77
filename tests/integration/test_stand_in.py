"""The SageMaker stand-in, asked by real boto3 clients over HTTP."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.launching import at, customization, of_category
from trialbook.core.jobs import JobKind
from trialbook_cli.sagemaker_stand_in import ApiError, Ending, SageMaker, described_job, serve
from trialbook_cli.sagemaker_stand_in.request_validation import answer_problems, service_of
from trialbook_cli.sagemaker_stand_in.rest import SERVICES

START = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
ROLE = "arn:aws:iam::123456789012:role/SageMakerRole"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"


class Clock:
    """A clock that tests turn."""

    def __init__(self) -> None:
        self.moment = START

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, **length: float) -> None:
        self.moment += timedelta(**length)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def trainer(request: Any) -> Ending:
    weight = float(request.get("HyperParameters", {}).get("min_child_weight", 1))
    return Ending({"validation:error": [0.3, 0.1 / weight]})


def tuner(request: Any) -> Iterator[dict[str, str]]:
    for number in range(250):
        yield {"min_child_weight": str(number + 1)}


@pytest.fixture
def sagemaker(clock: Clock) -> SageMaker:
    return SageMaker(now=clock, trainer=trainer, tuner=tuner)


@pytest.fixture
def client(sagemaker: SageMaker) -> Iterator[Any]:
    with serve(sagemaker) as url:
        yield client_for(url)


def client_for(url: str, service: str = "sagemaker") -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )


def training_job(name: str, **more: Any) -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "HyperParameters": {"min_child_weight": "4"},
        **more,
    }


def tuning_job(name: str, jobs: int = 12) -> dict[str, Any]:
    definition = {
        key: value for key, value in training_job("x").items() if key not in ("TrainingJobName", "HyperParameters")
    }
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "validation:error"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": 4},
            "ParameterRanges": {
                "ContinuousParameterRanges": [{"Name": "min_child_weight", "MinValue": "1", "MaxValue": "300"}]
            },
        },
        "TrainingJobDefinition": {**definition, "StaticHyperParameters": {"eta": "0.2"}},
        "Tags": [{"Key": "team", "Value": "growth"}],
    }


def code_of(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def test_a_job_runs_through_its_secondary_statuses_on_the_clock(client: Any, clock: Clock) -> None:
    client.create_training_job(**training_job("churn-1"))
    seen = []
    for _ in range(20):
        answer = client.describe_training_job(TrainingJobName="churn-1")
        seen.append((answer["TrainingJobStatus"], answer["SecondaryStatus"]))
        clock.forward(seconds=10)

    in_order = list(dict.fromkeys(seen))
    assert in_order == [
        ("InProgress", "Starting"),
        ("InProgress", "Downloading"),
        ("InProgress", "Training"),
        ("InProgress", "Uploading"),
        ("Completed", "Completed"),
    ]
    assert answer["FinalMetricDataList"][0]["Value"] == pytest.approx(0.025)
    assert "Tags" not in answer


def test_events_are_emitted_in_order_of_time_with_milliseconds_and_a_tag_map(
    client: Any, sagemaker: SageMaker, clock: Clock
) -> None:
    events: list[dict[str, Any]] = []
    sagemaker.on_event = events.append
    client.create_training_job(**training_job("churn-1", Tags=[{"Key": "team", "Value": "growth"}]))
    clock.forward(hours=1)
    sagemaker.emit_until(clock())

    assert [event["detail"]["SecondaryStatus"] for event in events] == [
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    assert events[0]["detail"]["Tags"] == {"team": "growth"}
    assert events[0]["detail"]["CreationTime"] == START.timestamp() * 1000
    assert "FinalMetricDataList" not in events[-1]["detail"]


def test_a_component_appears_after_the_lag_and_may_be_in_several_trials(client: Any, clock: Clock) -> None:
    client.create_training_job(**training_job("churn-1"))
    client.create_experiment(ExperimentName="churn")
    for trial in ("one", "two"):
        client.create_trial(TrialName=trial, ExperimentName="churn")
    with pytest.raises(ClientError) as early:
        client.associate_trial_component(TrialComponentName="churn-1-aws-training-job", TrialName="one")
    clock.forward(seconds=6)
    for trial in ("one", "two"):
        client.associate_trial_component(TrialComponentName="churn-1-AWS-training-job", TrialName=trial)

    assert code_of(early)[0] == "ResourceNotFound"
    found = client.list_trials(TrialComponentName="churn-1-aws-training-job")["TrialSummaries"]
    assert sorted(each["TrialName"] for each in found) == ["one", "two"]


def test_names_are_compared_without_regard_to_case_and_checked(client: Any) -> None:
    client.create_experiment(ExperimentName="Churn")
    with pytest.raises(ClientError) as again:
        client.create_experiment(ExperimentName="churn")
    with pytest.raises(ClientError) as invalid:
        client.create_experiment(ExperimentName="my_churn")

    assert code_of(again)[0] == "ValidationException"
    assert "already exists" in code_of(again)[1]
    assert code_of(invalid)[0] == "ValidationException"
    assert "regular expression pattern" in code_of(invalid)[1]


def test_missing_jobs_are_answered_as_sagemaker_does(client: Any) -> None:
    with pytest.raises(ClientError) as job:
        client.describe_training_job(TrainingJobName="nobody")
    with pytest.raises(ClientError) as trial:
        client.describe_trial(TrialName="nobody")

    assert code_of(job) == ("ValidationException", "Requested resource not found.")
    assert code_of(trial)[0] == "ResourceNotFound"


def test_the_301st_trial_and_with_counting_the_51st_component_are_refused(clock: Clock) -> None:
    sagemaker = SageMaker(now=clock, count_job_components=True)
    with serve(sagemaker) as url:
        client = client_for(url)
        client.create_experiment(ExperimentName="churn")
        for number in range(300):
            client.create_trial(TrialName=f"trial-{number}", ExperimentName="churn")
        with pytest.raises(ClientError) as trials:
            client.create_trial(TrialName="trial-300", ExperimentName="churn")
        for number in range(51):
            client.create_training_job(**training_job(f"job-{number}"))
        clock.forward(minutes=1)
        for number in range(50):
            client.associate_trial_component(TrialComponentName=f"job-{number}-aws-training-job", TrialName="trial-0")
        with pytest.raises(ClientError) as components:
            client.associate_trial_component(TrialComponentName="job-50-aws-training-job", TrialName="trial-0")

    assert code_of(trials)[0] == "ResourceLimitExceeded"
    assert code_of(components)[0] == "ResourceLimitExceeded"


def test_a_tuning_job_runs_its_children_in_parallel_and_counts_them(client: Any, clock: Clock) -> None:
    client.create_hyper_parameter_tuning_job(**tuning_job("tune"))
    clock.forward(minutes=3)
    running = client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="tune")
    clock.forward(hours=2)
    done = client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="tune")

    assert running["HyperParameterTuningJobStatus"] == "InProgress"
    assert running["TrainingJobStatusCounters"]["InProgress"] == 4
    assert done["HyperParameterTuningJobStatus"] == "Completed"
    assert done["TrainingJobStatusCounters"]["Completed"] == 12
    assert done["BestTrainingJob"]["TunedHyperParameters"] == {"min_child_weight": "12"}


def test_boto3s_paginators_page_through_children(client: Any, clock: Clock) -> None:
    client.create_hyper_parameter_tuning_job(**tuning_job("tune", 230))
    clock.forward(days=2)
    pages = list(
        client.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
            HyperParameterTuningJobName="tune", MaxResults=100
        )
    )

    assert [len(each["TrainingJobSummaries"]) for each in pages] == [100, 100, 30]


def test_search_finds_by_time_and_tag_with_the_details_of_describe(client: Any, clock: Clock) -> None:
    client.create_training_job(**training_job("old"))
    clock.forward(hours=3)
    client.create_training_job(**training_job("new", Tags=[{"Key": "team", "Value": "growth"}]))
    clock.forward(hours=1)
    since = (START + timedelta(hours=2)).isoformat()
    by_time = client.search(
        Resource="TrainingJob",
        SearchExpression={"Filters": [{"Name": "LastModifiedTime", "Operator": "GreaterThan", "Value": since}]},
    )
    by_tag = client.search(
        Resource="TrainingJob", SearchExpression={"Filters": [{"Name": "Tags.team", "Operator": "Exists"}]}
    )

    assert [each["TrainingJob"]["TrainingJobName"] for each in by_time["Results"]] == ["new"]
    assert by_tag["Results"][0]["TrainingJob"]["FinalMetricDataList"][0]["MetricName"] == "validation:error"


def test_an_empty_page_may_come_first(clock: Clock) -> None:
    sagemaker = SageMaker(now=clock, empty_pages=True)
    with serve(sagemaker) as url:
        client = client_for(url)
        client.create_training_job(**training_job("churn-1"))
        first = client.list_training_jobs(NameContains="churn")
        second = client.list_training_jobs(NameContains="churn", NextToken=first["NextToken"])

    assert first["TrainingJobSummaries"] == []
    assert len(second["TrainingJobSummaries"]) == 1


def test_a_stopped_job_ends_when_it_was_stopped(client: Any, clock: Clock) -> None:
    client.create_training_job(**training_job("churn-1"))
    clock.forward(seconds=70)
    client.stop_training_job(TrainingJobName="churn-1")
    answer = client.describe_training_job(TrainingJobName="churn-1")

    assert answer["TrainingJobStatus"] == "Stopped"
    assert answer["TrainingEndTime"] == clock()


def test_calls_beyond_the_rate_are_throttled_and_faults_are_raised(clock: Clock) -> None:
    sagemaker = SageMaker(now=clock, calls_per_second=2)
    with serve(sagemaker) as url:
        client = client_for(url)
        for number in range(2):
            client.create_experiment(ExperimentName=f"churn-{number}")
        with pytest.raises(ClientError) as throttled:
            client.create_experiment(ExperimentName="churn-3")
        clock.forward(seconds=1)

        def denied(operation: str, request: dict[str, Any]) -> None:
            raise ApiError("AccessDeniedException", f"not authorized to perform {operation}")

        sagemaker.faults = denied
        with pytest.raises(ClientError) as refused:
            client.list_experiments()

    assert code_of(throttled)[0] == "ThrottlingException"
    assert code_of(refused)[0] == "AccessDeniedException"


def test_a_tuning_jobs_own_experiment_holds_its_children(client: Any, sagemaker: SageMaker, clock: Clock) -> None:
    client.create_hyper_parameter_tuning_job(**tuning_job("tune", 3))
    clock.forward(days=1)

    standing = sagemaker.experiments.standing()
    assert len(standing["tune-aws-tuning-job"]["tune-aws-tuning-job"]) == 3


def test_a_parent_with_children_cannot_be_deleted(client: Any, clock: Clock) -> None:
    client.create_training_job(**training_job("churn-1"))
    clock.forward(minutes=1)
    client.create_experiment(ExperimentName="churn")
    client.create_trial(TrialName="one", ExperimentName="churn")
    where = {"TrialComponentName": "churn-1-aws-training-job", "TrialName": "one"}
    client.associate_trial_component(**where)
    for noun, name in (("experiment", "churn"), ("trial", "one"), ("trial_component", "churn-1-aws-training-job")):
        field = {"experiment": "ExperimentName", "trial": "TrialName"}.get(noun, "TrialComponentName")
        with pytest.raises(ClientError) as refused:
            getattr(client, f"delete_{noun}")(**{field: name})
        assert code_of(refused)[0] == "ValidationException"
    client.disassociate_trial_component(**where)
    client.delete_trial(TrialName="one")
    client.delete_experiment(ExperimentName="churn")

    assert client.list_experiments()["ExperimentSummaries"] == []


def test_every_answer_fits_botocores_output_shape(client: Any, sagemaker: SageMaker, clock: Clock) -> None:
    answers: dict[str, list[str]] = {}
    original = sagemaker.call

    def checked(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        answer = original(operation, request)
        service = service_of(operation, SERVICES)
        answers.setdefault(operation, []).extend(answer_problems(operation, answer, service))
        return answer

    sagemaker.call = checked  # type: ignore[method-assign]
    exercise(client, clock)
    exercise_others(client, sagemaker, clock)

    assert {operation: problems for operation, problems in answers.items() if problems} == {}
    assert set(answers) == set(sagemaker._operations)


def exercise_others(client: Any, sagemaker: SageMaker, clock: Clock) -> None:
    """Calls the operations of the services beside SageMaker, and of the Jobs API, on running and on ended jobs."""
    exercise_jobs_api(client, sagemaker, clock)
    bedrock, batch = (client_for(client.meta.endpoint_url, service) for service in ("bedrock", "batch"))
    jobs = [customization(name, 0, 60)["response"] for name in ("ended", "stopped")]
    for job in jobs:
        times = {"creationTime": clock(), "endTime": clock() + timedelta(hours=1)}
        details = {"trainingDetails": {"status": "Completed", "creationTime": clock()}}
        final = {**job, **times, "lastModifiedTime": times["endTime"], "statusDetails": details}
        sagemaker.add(JobKind.MODEL_CUSTOMIZATION, final)
    bedrock.get_model_customization_job(jobIdentifier="ended")
    bedrock.stop_model_customization_job(jobIdentifier=jobs[1]["jobArn"])
    clock.forward(hours=2)
    arn = jobs[0]["jobArn"]
    by_arn, by_name = (bedrock.get_model_customization_job(jobIdentifier=each) for each in (arn, "ended"))
    by_time = bedrock.list_model_customization_jobs(creationTimeAfter=START, maxResults=1, nameContains="e")
    bedrock.list_tags_for_resource(resourceARN=arn)
    sagemaker.service_jobs["1"] = {
        "jobId": "1",
        "jobName": "one",
        "jobQueue": "training",
        "serviceJobType": "SAGEMAKER_TRAINING",
        "status": "RUNNING",
        "startedAt": 1_795_170_660_000,
    }

    assert batch.describe_service_job(jobId="1")["jobName"] == "one"
    assert (by_arn["status"], by_name["trainingMetrics"]) == ("Completed", {"trainingLoss": 0.45})
    assert (len(by_time["modelCustomizationJobSummaries"]), bool(by_time["nextToken"])) == (1, True)


def exercise_jobs_api(client: Any, sagemaker: SageMaker, clock: Clock) -> None:
    """Its jobs have no events; those of two categories may have the same name."""
    begin = (clock() - at(0)).total_seconds() / 60
    for category, name in (("AgentRFT", "ended"), ("AgentRFT", "stopped"), ("DataTransformation", "ended")):
        kind, final = described_job(of_category(category, name, begin, begin + 60, tags={"owner": "ada"}))
        sagemaker.add(kind, final, {"owner": "ada"})
    running = client.describe_job(JobName="stopped", JobCategory="AgentRFT")
    client.stop_job(JobName="stopped", JobCategory="AgentRFT")
    stopped = client.describe_job(JobName="stopped", JobCategory="AgentRFT")
    clock.forward(hours=2)
    ended = client.describe_job(JobName="ended", JobCategory="DataTransformation")
    listed = client.list_jobs(JobCategory="AgentRFT", LastModifiedTimeAfter=START, MaxResults=1)

    assert [each["JobStatus"] for each in (running, stopped, ended)] == ["InProgress", "Stopped", "Completed"]
    assert (ended["JobCategory"], ended["Tags"]) == ("DataTransformation", [{"Key": "owner", "Value": "ada"}])
    assert (len(listed["JobSummaries"]), bool(listed["NextToken"])) == (1, True)


def exercise(client: Any, clock: Clock) -> None:
    """Calls every operation once or more, on running and on ended jobs."""
    config = {"ExperimentName": "churn", "TrialName": "one"}
    client.create_experiment(ExperimentName="churn", Description="x")
    client.create_trial(TrialName="one", ExperimentName="churn")
    client.create_trial(TrialName="spare", ExperimentName="churn")
    client.create_training_job(**training_job("job", ExperimentConfig=config))
    client.create_training_job(**training_job("stopped"))
    client.create_hyper_parameter_tuning_job(**tuning_job("tune"))
    client.create_hyper_parameter_tuning_job(**tuning_job("tune-stopped"))
    processing = {
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5}
        },
        "AppSpecification": {"ImageUri": IMAGE},
        "RoleArn": ROLE,
    }
    transform = {
        "ModelName": "model",
        "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}}},
        "TransformOutput": {"S3OutputPath": "s3://b/out"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    for name in ("job", "stopped"):
        client.create_processing_job(ProcessingJobName=name, **processing)
        client.create_transform_job(TransformJobName=name, **transform)
    for step in range(2):
        clock.forward(seconds=70 if step == 0 else 86_400)
        for kind, name in (
            ("training", "TrainingJobName"),
            ("processing", "ProcessingJobName"),
            ("transform", "TransformJobName"),
        ):
            getattr(client, f"describe_{kind}_job")(**{name: "job"})
            getattr(client, f"list_{kind}_jobs")()
            if step == 0:
                getattr(client, f"stop_{kind}_job")(**{name: "stopped"})
        client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="tune")
        client.list_hyper_parameter_tuning_jobs()
        client.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName="tune")
        client.search(Resource="TrainingJob")
        client.describe_trial_component(TrialComponentName="job-aws-training-job")
        client.list_trial_components(TrialName="one")
    arn = client.describe_training_job(TrainingJobName="job")["TrainingJobArn"]
    client.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "b"}])
    client.list_tags(ResourceArn=arn)
    client.create_trial_component(TrialComponentName="mine", DisplayName="mine")
    client.update_trial_component(TrialComponentName="mine", Parameters={"a": {"NumberValue": 1}})
    client.associate_trial_component(TrialComponentName="mine", TrialName="one")
    client.describe_trial(TrialName="one")
    client.list_trials(ExperimentName="churn")
    client.update_trial(TrialName="one", DisplayName="first")
    client.describe_experiment(ExperimentName="churn")
    client.update_experiment(ExperimentName="churn", DisplayName="Churn")
    client.list_experiments()
    client.disassociate_trial_component(TrialComponentName="mine", TrialName="one")
    client.delete_trial_component(TrialComponentName="mine")
    client.delete_trial(TrialName="spare")
    client.create_experiment(ExperimentName="gone")
    client.delete_experiment(ExperimentName="gone")
    client.create_hyper_parameter_tuning_job(**tuning_job("late"))
    client.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="late")


def test_a_job_with_preferences_is_answered_with_the_machines_it_runs_on_once_they_are_found(
    client: Any, clock: Clock, sagemaker: SageMaker
) -> None:
    preferences = [
        {"InstanceType": "ml.g5.12xlarge", "InstanceCount": 3},
        {"InstanceType": "ml.g5.48xlarge", "InstanceCount": 1},
    ]
    resources = {"InstancePreferences": preferences, "VolumeSizeInGB": 30}
    client.create_training_job(**training_job("preferring", ResourceConfig=resources))

    waiting = client.describe_training_job(TrainingJobName="preferring")["ResourceConfig"]
    clock.forward(hours=1)
    ended = client.describe_training_job(TrainingJobName="preferring")
    view = sagemaker.call("DescribeTrainingJob", {"TrainingJobName": "preferring"})

    assert waiting == resources
    assert ended["ResourceConfig"] == {
        **resources,
        "SelectedInstanceType": "ml.g5.12xlarge",
        "SelectedInstanceCount": 3,
    }
    assert answer_problems("DescribeTrainingJob", view) == []


def test_groups_plans_and_a_processing_jobs_preferences_are_answered_too(
    client: Any, clock: Clock, sagemaker: SageMaker
) -> None:
    plan = "arn:aws:sagemaker:us-east-1:123456789012:training-plan/december"
    groups = [
        {"InstanceGroupName": "gpu", "InstanceType": "ml.p4d.24xlarge", "InstanceCount": 2},
        {"InstanceGroupName": "cpu", "InstanceType": "ml.c5.xlarge", "InstanceCount": 1},
    ]
    resources = {"InstanceGroups": groups, "VolumeSizeInGB": 30, "TrainingPlanArn": plan}
    client.create_training_job(**training_job("grouped", ResourceConfig=resources))
    cluster = {"InstancePreferences": [{"InstanceType": "ml.m5.xlarge"}], "InstanceCount": 2, "VolumeSizeInGB": 30}
    client.create_processing_job(
        ProcessingJobName="prepare",
        RoleArn=ROLE,
        AppSpecification={"ImageUri": IMAGE},
        ProcessingResources={"ClusterConfig": cluster},
    )
    clock.forward(hours=1)

    trained = client.describe_training_job(TrainingJobName="grouped")["ResourceConfig"]
    prepared = client.describe_processing_job(ProcessingJobName="prepare")["ProcessingResources"]["ClusterConfig"]
    view = sagemaker.call("DescribeProcessingJob", {"ProcessingJobName": "prepare"})

    assert trained == resources
    assert (prepared["SelectedInstanceType"], prepared["SelectedInstanceCount"]) == ("ml.m5.xlarge", 2)
    assert answer_problems("DescribeProcessingJob", view) == []
