"""Recordings built in a test, where the test run is: training jobs as SageMaker would report them, and the events of
pipelines."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from tests.relocated import HERE
from trialbook.core.times import iso
from trialbook_cli.laptop_cloud import Recording
from trialbook_cli.sagemaker_stand_in import from_recording

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
_STEP = "SageMaker Model Building Pipeline Execution Step Status Change"
_EXECUTION = "SageMaker Model Building Pipeline Execution Status Change"
Event = dict[str, Any]


def at(minutes: float) -> datetime:
    """A moment, in minutes after the start."""
    return START + timedelta(minutes=minutes)


def training(
    name: str,
    start: float,
    end: float,
    given: dict[str, str] | None = None,
    *,
    value: float | None = 0.9,
    status: str = "Completed",
    data: str = "s3://bucket/train/",
    role: str = "Train",
    image: str = "own",
    instance: str = "ml.m5.xlarge",
    **fields: Any,
) -> dict[str, Any]:
    """Describe's answer for a training job that runs from minute to minute, in its final state."""
    final = [{"MetricName": "validation:accuracy", "Value": value, "Timestamp": iso(at(end))}]
    response = {
        "TrainingJobName": name,
        "TrainingJobArn": HERE.arn("sagemaker", f"training-job/{name.lower()}"),
        "TrainingJobStatus": status,
        "SecondaryStatus": status,
        "HyperParameters": given or {},
        "AlgorithmSpecification": {
            "TrainingImage": f"{HERE.id}.dkr.ecr.{HERE.region}.amazonaws.com/{image}:1",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "validation:accuracy", "Regex": "accuracy=([0-9.]+)"}],
        },
        "RoleArn": f"arn:{HERE.partition}:iam::{HERE.id}:role/{role}",
        "InputDataConfig": [
            {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": data}}}
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
        "ResourceConfig": {"InstanceType": instance, "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 86_400},
        "CreationTime": iso(at(start)),
        "TrainingStartTime": iso(at(start + (end - start) / 4)),
        "TrainingEndTime": iso(at(end)),
        "LastModifiedTime": iso(at(end)),
        "FinalMetricDataList": final if value is not None and status == "Completed" else [],
        **fields,
    }
    return {"operation": "DescribeTrainingJob", "request": {"TrainingJobName": name}, "response": response}


def customization(
    name: str,
    start: float,
    end: float,
    base: str = "amazon.nova-lite-v1:0:300k",
    given: dict[str, str] | None = None,
    *,
    loss: float | None = 0.9,
    status: str = "Completed",
    **fields: Any,
) -> dict[str, Any]:
    """Bedrock's answer about a job that customizes a model from minute to minute, in its final state."""
    response = {
        "jobArn": HERE.arn("bedrock", f"model-customization-job/{base}/{sha256(name.encode()).hexdigest()[:12]}"),
        "jobName": name,
        "outputModelName": name,
        "roleArn": f"arn:{HERE.partition}:iam::{HERE.id}:role/Customize",
        "status": status,
        "creationTime": iso(at(start)),
        "lastModifiedTime": iso(at(end)),
        "endTime": iso(at(end)),
        "baseModelArn": f"arn:{HERE.partition}:bedrock:{HERE.region}::foundation-model/{base}",
        "hyperParameters": given or {"epochCount": "2"},
        "trainingDataConfig": {"s3Uri": "s3://bucket/train.jsonl"},
        "validationDataConfig": {"validators": [{"s3Uri": "s3://bucket/validation.jsonl"}]},
        "outputDataConfig": {"s3Uri": "s3://bucket/out"},
        "customizationType": "FINE_TUNING",
        "statusDetails": {"trainingDetails": {"status": status, "creationTime": iso(at(start + 1))}},
        **fields,
    }
    if loss is not None and status == "Completed":
        response |= {"trainingMetrics": {"trainingLoss": loss / 2}, "validationMetrics": [{"validationLoss": loss}]}
    return {"operation": "GetModelCustomizationJob", "request": {"jobIdentifier": name}, "response": response}


def of_category(
    category: str,
    name: str,
    start: float,
    end: float,
    given: dict[str, Any] | None = None,
    *,
    base: str = "openai-reasoning-gpt-oss-20b",
    status: str = "Completed",
    tags: dict[str, str] | None = None,
    outcome: dict[str, Any] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """DescribeJob's answer about a job of the Jobs API that runs from minute to minute, in its final state."""
    model = f"arn:{HERE.partition}:sagemaker:{HERE.region}:aws:hub-content/SageMakerPublicHub/Model/{base}"
    server = HERE.arn("sagemaker", "mlflow-app/app-1").replace("aws-cn", "aws")  # none of China's regions has MLflow
    document = {
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/prompts/"}},
            }
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/out/"},
        "TrainingConfig": {
            "BaseModelArn": model,
            "HyperParameters": given or {},
            "MlflowConfig": {"MlflowResourceArn": server},
        },
        "ServiceOutput": outcome or {},
    }
    marks = [("Starting", start, start + 1), ("Training", start + 1, end), (status, end, end)]
    response = {
        "JobName": name,
        "JobArn": HERE.arn("sagemaker", f"job/{category.lower()}/{name.lower()}"),
        "RoleArn": f"arn:{HERE.partition}:iam::{HERE.id}:role/Train",
        "JobCategory": category,
        "JobConfigSchemaVersion": "1.0.0",
        "JobConfigDocument": json.dumps(document),
        "CreationTime": iso(at(start)),
        "LastModifiedTime": iso(at(end)),
        "EndTime": iso(at(end)),
        "JobStatus": status,
        "SecondaryStatus": status,
        "SecondaryStatusTransitions": [
            {"Status": each, "StartTime": iso(at(begin)), "EndTime": iso(at(until))} for each, begin, until in marks
        ],
        "Tags": [{"Key": key, "Value": value} for key, value in (tags or {}).items()],
        **fields,
    }
    return {
        "operation": "DescribeJob",
        "request": {"JobName": name, "JobCategory": category},
        "response": response,
    }


def tags_in_bedrock(answer: dict[str, Any], **given: str) -> dict[str, Any]:
    """Bedrock's answer about the tags of a job."""
    found = [{"key": key, "value": value} for key, value in given.items()]
    request = {"resourceARN": answer["response"]["jobArn"]}
    return {"operation": "ListTagsForResource", "request": request, "response": {"tags": found}}


def trial(name: str, experiment: str) -> dict[str, Any]:
    """DescribeTrial's answer."""
    response = {"TrialName": name, "ExperimentName": experiment}
    return {"operation": "DescribeTrial", "request": {"TrialName": name}, "response": response}


def tags(job: str, **given: str) -> dict[str, Any]:
    """ListTags' answer for a training job."""
    arn = HERE.arn("sagemaker", f"training-job/{job.lower()}")
    response = {"Tags": [{"Key": key, "Value": value} for key, value in given.items()]}
    return {"operation": "ListTags", "request": {"ResourceArn": arn}, "response": response}


def launched(answers: Sequence[dict[str, Any]], others: Iterable[Event] = ()) -> Recording:
    """The recording of these jobs where this test run is: the events that SageMaker would send of them, and `others` at
    their time."""
    events: list[Event] = []
    sagemaker = from_recording(answers, HERE, lambda: at(60 * 24 * 30))
    sagemaker.on_event = events.append
    sagemaker.emit_until(at(60 * 24 * 30))
    return Recording("launched", sorted([*others, *events], key=lambda event: event["time"]), answers)


def batch_name(name: str, number: object = "") -> str:
    """The name that a queue gives to a training job."""
    return f"AWSBatch{name}{sha256(f'{name}{number}'.encode()).hexdigest()[:32]}"


def queued(
    name: str,
    attempts: Sequence[str],
    submitted: float,
    now: float,
    status: str = "STARTING",
    kind: str = "SAGEMAKER_TRAINING",
) -> dict[str, Any]:
    """What a queue says at a minute of a service job that was submitted at another one."""
    start = HERE.arn("sagemaker", "training-job/")
    tried = [{"serviceResourceId": {"name": "TrainingJobArn", "value": start + each.lower()}} for each in attempts]
    job = HERE.arn("batch", f"service-job/{name}")
    return {
        "version": "0",
        "id": f"{name}-{status}-{now}",
        "detail-type": "Batch Service Job State Change",
        "source": "aws.batch",
        "account": HERE.id,
        "region": HERE.region,
        "time": iso(at(now)),
        "resources": [job],
        "detail": {
            "jobArn": job,
            "jobId": name,
            "jobName": name,
            "jobQueue": HERE.arn("batch", "job-queue/training"),
            "serviceJobType": kind,
            "status": status,
            "createdAt": int(at(submitted).timestamp() * 1000),
            "attempts": tried[:-1] if status == "STARTING" else tried,
            "latestAttempt": tried[-1] if tried else None,
        },
    }


def execution_event(
    pipeline: str, execution: str, minute: float, status: str = "Executing", started: float | None = None
) -> Event:
    """A pipeline execution's state change; it began at the minute `started`."""
    detail = {
        "currentPipelineExecutionStatus": status,
        "executionStartTime": iso(at(minute if started is None else started)),
        "executionEndTime": "" if status == "Executing" else iso(at(minute)),
    }
    return _pipeline_event(_EXECUTION, pipeline, execution, minute, detail)


def step_event(
    pipeline: str,
    execution: str,
    minute: float,
    job: str | None,
    status: str = "Executing",
    *,
    name: str = "Train",
    started: float | None = None,
    reason: str | None = None,
) -> Event:
    """A pipeline step's state change; `job` is the training job that it runs, if it runs one."""
    arn = HERE.arn("sagemaker", f"training-job/{(job or '').lower()}")
    detail = {
        "metadata": {"trainingJob": {"arn": arn}} if job else {},
        "stepName": name,
        "stepType": "Training" if job else "Model",
        "currentStepStatus": status,
        "stepStartTime": iso(at(minute if started is None else started)),
        "stepEndTime": "" if status == "Executing" else iso(at(minute)),
        "failureReason": reason,
    }
    return _pipeline_event(_STEP, pipeline, execution, minute, detail)


def _pipeline_event(kind: str, pipeline: str, execution: str, minute: float, detail: dict[str, Any]) -> Event:
    arn = HERE.arn("sagemaker", f"pipeline/{pipeline.lower()}")
    return {
        "version": "0",
        "id": f"{kind[-30:]}-{pipeline}-{execution}-{minute}".replace(" ", "-"),
        "detail-type": kind,
        "source": "aws.sagemaker",
        "account": HERE.id,
        "region": HERE.region,
        "time": iso(at(minute)),
        "resources": [arn],
        "detail": {**detail, "pipelineArn": arn, "pipelineExecutionArn": f"{arn}/execution/{execution}"},
    }
