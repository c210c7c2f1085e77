"""When items are deleted from the ledger. A closed sweep is deleted with its jobs and all that belongs to them.
DynamoDB's time to live deletes what belongs to no sweep."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trialbook.core.attachments import Attachment
from trialbook.core.jobs import Job, JobKind
from trialbook.core.sweeps import Record, Sweep, SweepState, start_of

if TYPE_CHECKING:
    from trialbook.core.executions import PipelineStep

_LONGEST_RUN = timedelta(days=28)  # of a job of SageMaker


@dataclass(frozen=True, slots=True)
class Expiry:
    """How many days the ledger keeps finished items; forever if None. Moments are epoch seconds, as DynamoDB needs
    them."""

    days: int | None = None

    def of_job(self, record: Record) -> int | None:
        """When a job of no sweep expires. None for a sweep's job and for a tuning job, which are deleted with the
        sweep."""
        job = record.job
        if record.sweep is not None or job.key.kind.is_trial or job.key.kind is JobKind.TUNING:
            return None
        return self._after((job.ended_at or start_of(job)) if job.is_terminal else start_of(job) + _LONGEST_RUN)

    def of_sweep(self, sweep: Sweep) -> datetime | None:
        """When a closed sweep is deleted, with all that belongs to it."""
        if self.days is None or sweep.state is not SweepState.CLOSED or sweep.closed_at is None:
            return None
        return None if sweep.superseded_by is not None else sweep.closed_at + timedelta(days=self.days)

    def of_superseded(self, sweep: Sweep) -> int | None:
        """When the item of a window expires that merged into another before it was announced. One that was announced is
        deleted with the other."""
        if sweep.superseded_by is None or sweep.was_sweep or sweep.began_at is None:
            return None
        return self._after(sweep.began_at + _LONGEST_RUN)

    def of_attachment(self, attachment: Attachment) -> int | None:
        """A training job's attachment is deleted with its sweep; another's expires after its job."""
        if attachment.key.kind.is_trial or attachment.created_at is None:
            return None
        return self._after(attachment.created_at + _LONGEST_RUN)

    def of_step(self, step: "PipelineStep") -> int | None:
        """A step of a pipeline's execution expires after its end."""
        last = step.ended_at or step.started_at
        return self._after(last + _LONGEST_RUN) if last else None

    def of_step_job(self, job: Job) -> int | None:
        """The entry of a job under its execution expires as its step does."""
        return self._after(job.created_at + _LONGEST_RUN) if job.created_at else None

    def _after(self, moment: datetime) -> int | None:
        return None if self.days is None else int(moment.timestamp()) + self.days * 86_400
