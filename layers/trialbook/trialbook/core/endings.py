"""Why SageMaker stopped a job, and why a job that ended does not rank, as clauses."""

from trialbook.core.jobs import STOPPED, Job
from trialbook.core.numbers import shown
from trialbook.core.sweeps import Record


def why_stopped(job: Job) -> str | None:
    """Why SageMaker itself stopped the job; None if a person did, or if it was not stopped."""
    if job.status != STOPPED:
        return None
    if job.secondary_status == "MaxRuntimeExceeded":
        return "its MaxRuntimeInSeconds was over"
    if job.secondary_status == "MaxWaitTimeExceeded":
        came = bool(job.training_seconds or (job.started_at and job.started_at != job.ended_at))
        return f"{'' if came else 'no spot capacity came before '}its MaxWaitTimeInSeconds was over"
    return None


def why_not_ranked(record: Record) -> str | None:
    """Why an ended job does not rank; None if it ranks, failed, or was stopped by a person."""
    if record.job.retried_as is not None:
        return f"it was tried again as {record.job.retried_as}"
    if record.without_objective is not None:
        return record.without_objective
    why = why_stopped(record.job)
    if why is None or record.ranks:
        return None
    objective = record.objective
    value = objective.value_of(record.job) if objective else None
    if value is None or objective is None:
        return f"{why}, and it reached no value"
    had = f"it had {objective.metric} {shown(value)}"
    return f"{why}; {had}, but stopped jobs rank only with rank_stopped: true in the rules document"
