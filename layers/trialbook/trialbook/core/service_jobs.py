"""The training jobs that a queue of AWS Batch submits: a service job, and its attempts."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from trialbook.core.jobs import COMPLETED, FAILED, IN_PROGRESS, JobKey, JobKind, nothing
from trialbook.core.times import parse_time

_STATUS = {"SUCCEEDED": COMPLETED, "FAILED": FAILED}
_TRAINING = "SAGEMAKER_TRAINING"
_NAME = re.compile(r"(?i:AWSBatch)(?P<name>.+)(?P<token>[0-9a-fA-F]{32})")


@dataclass(frozen=True, slots=True)
class ServiceJob:
    """One training that a queue holds. `attempts` are its training jobs, first to last: the last one is the trial.
    Empty if the service job belongs to no training job of SageMaker, or to none yet. `scheduled_at`: when the queue
    gave it to SageMaker. Events have no tags."""

    status: str
    queue: str | None
    submitted_at: datetime | None
    attempts: tuple[JobKey, ...] = ()
    id: str | None = None
    scheduled_at: datetime | None = None
    tags: Mapping[str, str] = field(default_factory=nothing)

    def completed_by(self, described: "ServiceJob") -> "ServiceJob":
        """With what events leave out, from Describe's answer. Which attempts there were by then, the event says."""
        return replace(
            self,
            queue=self.queue or described.queue,
            submitted_at=self.submitted_at or described.submitted_at,
            scheduled_at=self.scheduled_at or described.scheduled_at,
            tags=described.tags,
        )


def service_job_from_detail(detail: Mapping[str, Any], account: str, region: str) -> ServiceJob:
    """A service job from an event's detail or Describe's answer, which have the same members. Raises InvalidInput for
    its times."""
    names = dict.fromkeys(_attempts(detail)) if detail.get("serviceJobType") == _TRAINING else {}
    return ServiceJob(
        status=_STATUS.get(str(detail.get("status")), IN_PROGRESS),
        queue=str(detail.get("jobQueue") or "").rpartition("/")[2] or None,
        submitted_at=parse_time(detail.get("createdAt"), "createdAt"),
        id=str(detail.get("jobId") or "") or None,
        scheduled_at=parse_time(detail.get("scheduledAt"), "scheduledAt"),
        tags=_tags(detail.get("tags")),
        attempts=tuple(JobKey(account, region, JobKind.TRAINING, name) for name in names),
    )


def _tags(value: object) -> Mapping[str, str]:
    return {str(key): str(text or "") for key, text in value.items()} if isinstance(value, Mapping) else nothing()


def _attempts(detail: Mapping[str, Any]) -> Iterator[str]:
    listed = detail.get("attempts")
    for each in (*(listed if isinstance(listed, list) else ()), detail.get("latestAttempt")):
        resource = each.get("serviceResourceId") if isinstance(each, Mapping) else None
        arn = str(resource.get("value") or "") if isinstance(resource, Mapping) else ""
        if ":training-job/" in arn:
            yield _spelled(arn.rpartition("/")[2], str(detail.get("jobName") or ""))


def _spelled(name: str, service_job: str) -> str:
    """The training job's name as SageMaker has it. Its ARN may have it in lower case; the service job's name, from
    which Batch makes it, keeps the spelling."""
    made = _NAME.fullmatch(name)
    if made is None:
        return name
    given = service_job[: len(made["name"])]
    readable = given if given.lower() == made["name"].lower() else made["name"]
    return f"AWSBatch{readable}{made['token']}"
