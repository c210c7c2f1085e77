"""How to train the best trial again, and how to use its model: requests and code, as the ledger can fill them."""

from collections.abc import Mapping
from pprint import pformat
from typing import Any

from trialbook.core.analysis.model import Recipe
from trialbook.core.analysis.wording import listed
from trialbook.core.hyper_parameters import Launch, is_masked, own
from trialbook.core.jobs import InputChannel, Job
from trialbook.core.objectives import OBJECTIVE_HYPER_PARAMETER

_NEW_NAME = "-again"
_LONGEST_NAME = 63  # of a training job


def recipe(job: Job) -> Recipe:
    """The recipe of a job."""
    request = _request(job)
    return Recipe(
        image=job.image or job.algorithm,
        channels={channel.name: channel.data or "" for channel in job.channels},
        request=request,
        missing=_missing(job),
        notes=_notes(job),
        train_code=_train_code(job, request),
        model_code=_model_code(job),
    )


def _request(job: Job) -> dict[str, Any]:
    """CreateTrainingJob's request, without what the ledger does not hold."""
    request: dict[str, Any] = {
        "TrainingJobName": job.name[: _LONGEST_NAME - len(_NEW_NAME)].rstrip("-") + _NEW_NAME,
        "AlgorithmSpecification": _algorithm(job),
        "HyperParameters": {
            name: text for name, text in sorted(job.hyper_parameters.items()) if name != OBJECTIVE_HYPER_PARAMETER
        },
        **({"InputDataConfig": [_channel(each) for each in job.channels]} if job.channels else {}),
        "ResourceConfig": _resources(job),
    }
    if job.role:
        request["RoleArn"] = job.role
    if job.output_path:
        request["OutputDataConfig"] = {"S3OutputPath": job.output_path}
    if job.max_runtime_seconds:
        request["StoppingCondition"] = {"MaxRuntimeInSeconds": job.max_runtime_seconds}
    if job.spot:
        request["EnableManagedSpotTraining"] = True
        if job.max_runtime_seconds:
            request["StoppingCondition"]["MaxWaitTimeInSeconds"] = job.max_runtime_seconds
    return request


def _algorithm(job: Job) -> dict[str, Any]:
    named = {"TrainingImage": job.image} if job.image else {"AlgorithmName": job.algorithm} if job.algorithm else {}
    return {**named, "TrainingInputMode": "File"}


def _channel(channel: InputChannel) -> dict[str, Any]:
    of_type = {"ContentType": channel.content_type} if channel.content_type else {}
    return {"ChannelName": channel.name, "DataSource": _data_source(channel), **of_type}


def _data_source(channel: InputChannel) -> dict[str, Any]:
    if channel.source and channel.source.startswith("arn:"):
        return {"DatasetSource": {"DatasetArn": channel.source}}
    if channel.source:
        system, _, path = channel.source.partition(":")
        return {"FileSystemDataSource": {"FileSystemId": system, "DirectoryPath": path}}
    uri = channel.s3_uri or ""
    return {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}}


def _resources(job: Job) -> dict[str, Any]:
    plan = {"TrainingPlanArn": job.training_plan} if job.training_plan else {}
    volume = {**({"VolumeSizeInGB": job.volume_gb} if job.volume_gb else {}), **plan}
    if len(job.instances) > 1:
        groups = [
            {
                "InstanceGroupName": f"group-{number}",
                "InstanceType": group.instance_type,
                "InstanceCount": group.instance_count,
            }
            for number, group in enumerate(job.instances, 1)
        ]
        return {"InstanceGroups": groups, **volume}
    one = job.instances[0] if job.instances else None
    machine = {"InstanceType": one.instance_type, "InstanceCount": one.instance_count} if one else {}
    return {**machine, **volume}


def _missing(job: Job) -> tuple[str, ...]:
    needed = {
        "AlgorithmSpecification.TrainingImage": job.image or job.algorithm,
        "RoleArn": job.role,
        "OutputDataConfig.S3OutputPath": job.output_path,
        "ResourceConfig.InstanceType": job.instances,
        "ResourceConfig.VolumeSizeInGB": job.volume_gb,
        "StoppingCondition": job.max_runtime_seconds,
        **{f"InputDataConfig[{c.name}].S3Uri": c.data for c in job.channels},
        **{f"InputDataConfig[{c.name}].FileSystemType": not _is_in_a_file_system(c) for c in job.channels},
    }
    return tuple(name for name, value in needed.items() if not value)


def _is_in_a_file_system(channel: InputChannel) -> bool:
    return "FileSystemDataSource" in _data_source(channel)


def _notes(job: Job) -> tuple[str, ...]:
    notes = ["TrainingInputMode is File here; the ledger does not hold the job's own."]
    secrets = [name for name, text in sorted(job.hyper_parameters.items()) if is_masked(text)]
    if secrets:
        notes.append(f"{listed(secrets)}: masked here, as Trialbook keeps no secrets; pass them again.")
    its_own = [name for name in own(Launch.of(job)) if name not in secrets]
    if its_own:
        notes.append(f"{listed(its_own)}: made for this one job (its name, time or output); give the new one its own.")
    if job.metric_definitions and not job.algorithm and not _is_built_in(job.image):
        names = ", ".join(job.metric_definitions[:5])
        notes.append(f"MetricDefinitions ({names}) have to be given again: the ledger holds their names only.")
    if job.spot and job.max_runtime_seconds:
        notes.append("MaxWaitTimeInSeconds is the least possible here; the ledger does not hold the job's own.")
    return tuple(notes)


def _is_built_in(image: str | None) -> bool:
    """Built-in algorithms bring their metric definitions with them."""
    return image is not None and "/sagemaker-" in image


def _train_code(job: Job, request: Mapping[str, Any]) -> str:
    return (
        "import boto3\n\n"
        f"sagemaker = boto3.client('sagemaker', region_name={job.key.region!r})\n"
        f"request = {pformat(request, sort_dicts=False, width=100)}\n"
        "sagemaker.create_training_job(**request)\n"
    )


def _model_code(job: Job) -> str | None:
    """Code that makes a SageMaker model of the job's artifact; None if there is none."""
    if not job.model_artifact or not job.image:
        return None
    request = {
        "ModelName": job.name,
        "ExecutionRoleArn": job.role or "",
        "PrimaryContainer": {"Image": job.image, "ModelDataUrl": job.model_artifact},
    }
    return (
        "import boto3\n\n"
        f"sagemaker = boto3.client('sagemaker', region_name={job.key.region!r})\n"
        "# The training image: right for built-in algorithms; others may have one of their own for inference.\n"
        f"request = {pformat(request, sort_dicts=False, width=100)}\n"
        "sagemaker.create_model(**request)\n"
    )
