"""Jobs, records and events as tests need them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from trialbook.core.assessment import assess
from trialbook.core.jobs import Job, JobKey, JobKind, Metric
from trialbook.core.placement import Placement
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import Record

START = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
ACCOUNT, REGION = "123456789012", "us-east-1"


def at(minutes: float) -> datetime:
    """A moment, in minutes after the start."""
    return START + timedelta(minutes=minutes)


def job(
    name: str = "churn-1",
    start: float = 0,
    end: float | None = 5,
    *,
    status: str | None = None,
    metrics: dict[str, Any] | None = None,
    kind: JobKind = JobKind.TRAINING,
    **more: Any,
) -> Job:
    """A job that runs from minute to minute; without an end it is in progress."""
    word = status or ("InProgress" if end is None else "Completed")
    terminal = word in ("Completed", "Failed", "Stopped")
    ended = at(end) if end is not None and terminal else None
    given = {"validation:error": 0.1} if metrics is None and word == "Completed" else metrics or {}
    return Job(
        JobKey(ACCOUNT, REGION, kind, name),
        word,
        created_at=at(start),
        ended_at=ended,
        last_modified_at=ended or at(start),
        final_metrics=tuple(Metric.of(metric, value) for metric, value in given.items()),
        described=terminal,
        **more,
    )


def record(made: Job, experiment: str = "churn", **more: Any) -> Record:
    """The record of a job in an experiment."""
    return assess(made, Placement(experiment, made.name, "test"), more.pop("rules", Rules()), **more)


def training_event(**detail: Any) -> dict[str, Any]:
    """A training job's state change as captured; `detail` replaces fields of the detail."""
    return {
        "version": "0",
        "id": "844e2571-85d4-695f-b930-0153b71dcb42",
        "detail-type": "SageMaker Training Job State Change",
        "source": "aws.sagemaker",
        "account": ACCOUNT,
        "region": REGION,
        "time": "2026-11-20T10:05:00Z",
        "resources": [],
        "detail": {
            "TrainingJobName": "churn-1",
            "TrainingJobArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/churn-1",
            "TrainingJobStatus": "Completed",
            "SecondaryStatus": "Completed",
            "CreationTime": 1_795_168_800_000,
            "TrainingStartTime": 1_795_168_860_000,
            "TrainingEndTime": 1_795_169_100_000,
            "LastModifiedTime": 1_795_169_100_000,
            "HyperParameters": {"eta": "0.2"},
            "Tags": {"team": "growth"},
            "FailureReason": None,
            **detail,
        },
    }
