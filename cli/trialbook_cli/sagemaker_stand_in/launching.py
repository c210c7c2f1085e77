"""Jobs that are created: a trainer says how they end, and this module makes the final state from that."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import isfinite, nan
from statistics import fmean, pstdev
from struct import pack, unpack
from typing import Any

from trialbook.core.jobs import JobKind
from trialbook_cli.sagemaker_stand_in.kinds import with_resources

Request = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Phases:
    """How long each part of a job takes, in seconds."""

    starting: float = 60
    downloading: float = 15
    training: float = 60
    uploading: float = 10


Epochs = Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job ends: its metrics epoch by epoch, its status, and the reason of a failure."""

    epochs: Epochs = field(default_factory=dict)
    phases: Phases = Phases()
    status: str = "Completed"
    failure_reason: str | None = None


Trainer = Callable[[Request], Ending]
# Gives the hyperparameters of a tuning job's children, one after the other; None ends the search early.
Tuner = Callable[[Request], Iterator[Mapping[str, str]]]


def quick(request: Request) -> Ending:
    """A trainer for jobs whose result does not matter."""
    return Ending()


def float32(value: float) -> float:
    """The value as SageMaker keeps it."""
    return float(unpack("<f", pack("<f", value))[0])


def statistics_of(epochs: Epochs) -> list[dict[str, Any]]:
    """The trial component's statistics of each metric."""
    return [
        {
            "MetricName": name,
            "Min": float32(min(values)),
            "Max": float32(max(values)),
            "Last": float32(values[-1]),
            "Avg": float32(fmean(values)),
            "StdDev": float32(pstdev(values) if all(map(isfinite, values)) else nan),
            "Count": len(values),
        }
        for name, values in epochs.items()
        if values
    ]


def final_training_job(request: Request, arn: str, created: datetime, outcome: Ending) -> dict[str, Any]:
    """DescribeTrainingJob's answer once the job has come to its end."""
    phases = outcome.phases
    marks = [created]
    for length in (phases.starting, phases.downloading, phases.training, phases.uploading):
        marks.append(marks[-1] + timedelta(seconds=length))
    end = marks[3] if outcome.status == "Failed" else marks[4]
    names = ["Starting", "Downloading", "Training", "Uploading"][: 3 if outcome.status == "Failed" else 4]
    messages = ["Preparing the instances for training", "Downloading input data"]
    messages += ["Training image download completed. Training in progress.", "Uploading generated training model"]
    transitions = [
        {"Status": name, "StartTime": marks[place], "EndTime": marks[place + 1], "StatusMessage": messages[place]}
        for place, name in enumerate(names)
    ]
    message = outcome.failure_reason or f"Training job {outcome.status.lower()}"
    transitions.append({"Status": outcome.status, "StartTime": end, "EndTime": end, "StatusMessage": message})
    billable = int((end - marks[1]).total_seconds())
    passed_on = {key: value for key, value in request.items() if key not in ("Tags",)}
    final = {
        **with_selected_machines(passed_on),
        "TrainingJobArn": arn,
        "TrainingJobStatus": outcome.status,
        "SecondaryStatus": outcome.status,
        "CreationTime": created,
        "TrainingStartTime": marks[1],
        "TrainingEndTime": end,
        "LastModifiedTime": end,
        "SecondaryStatusTransitions": transitions,
        "FinalMetricDataList": [
            {"MetricName": name, "Value": float32(values[-1]), "Timestamp": end}
            for name, values in outcome.epochs.items()
            if values
        ],
        "TrainingTimeInSeconds": billable,
        "BillableTimeInSeconds": billable,
        "ModelArtifacts": {"S3ModelArtifacts": _artifact(request)},
    }
    final.setdefault("StoppingCondition", {"MaxRuntimeInSeconds": 86_400})
    if outcome.failure_reason:
        final["FailureReason"] = outcome.failure_reason
    return final


def with_selected_machines(job: Request) -> dict[str, Any]:
    """The job as Describe answers it once machines are found: of the preferences the first, always."""
    return with_resources(job, _selected)


def _selected(resources: Mapping[str, Any]) -> dict[str, Any]:
    preferences = resources.get("InstancePreferences")
    if not preferences:
        return dict(resources)
    count = preferences[0].get("InstanceCount", resources.get("InstanceCount", 1))
    return {**resources, "SelectedInstanceType": preferences[0]["InstanceType"], "SelectedInstanceCount": count}


def _artifact(request: Request) -> str:
    path = str(request["OutputDataConfig"]["S3OutputPath"]).rstrip("/")
    return f"{path}/{request['TrainingJobName']}/output/model.tar.gz"


def final_other_job(kind: JobKind, request: Request, arn: str, created: datetime, outcome: Ending) -> dict[str, Any]:
    """The final answer of DescribeProcessingJob or DescribeTransformJob."""
    naming = kind.facts.fields
    start = created + timedelta(seconds=outcome.phases.starting)
    end = start + timedelta(seconds=outcome.phases.training)
    final = {
        **with_selected_machines({key: value for key, value in request.items() if key != "Tags"}),
        naming.arn: arn,
        naming.status: outcome.status,
        "CreationTime": created,
        naming.started: start,
        naming.ended: end,
        "LastModifiedTime": end,
    }
    if kind is JobKind.TRANSFORM:
        final.pop("LastModifiedTime")  # DescribeTransformJob has none
    if outcome.failure_reason:
        final["FailureReason"] = outcome.failure_reason
    return final
