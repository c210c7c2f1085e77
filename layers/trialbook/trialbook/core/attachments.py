"""The way of a job's trial component into its Experiment and Trial in SageMaker."""

from dataclasses import dataclass
from datetime import datetime

from trialbook.core.jobs import JobKey

WHOLE_EXPERIMENT = "*"  # in place of a trial's name; no trial can have that name


@dataclass(frozen=True, slots=True)
class Attachment:
    """The Experiment and Trial that a job is attached to or, until it is `settled`, will be attached to.

    `problem` says why the job is not attached; None if it is. From `again_at` on, reconcile tries again. `created_at`,
    the job's own, differs for a job that was created again under a deleted job's name.
    """

    key: JobKey
    experiment: str
    trial: str
    settled: bool
    problem: str | None = None
    again_at: datetime | None = None
    created_at: datetime | None = None

    @property
    def is_attached(self) -> bool:
        """Whether the trial holds the job's component."""
        return self.settled and self.problem is None


@dataclass(frozen=True, slots=True)
class Shard:
    """An Experiment or Trial that exists in SageMaker. SageMaker limits their size: when shard `number` is full, the
    next one follows."""

    experiment: str
    trial: str
    number: int
