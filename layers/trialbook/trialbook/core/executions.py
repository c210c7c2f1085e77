"""A pipeline's execution as one thing: what its events, those of its steps and the records of its jobs say together.

Events come in any order and more than once. A state that belongs to a later moment wins: the moment is the state's own,
never that at which its event came. So the same events give the same execution.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from trialbook.core.job_names import pipeline_job
from trialbook.core.jobs import FAILED, TERMINAL, Job, JobKey, JobKind
from trialbook.core.names import valid_name
from trialbook.core.sweeps import Record

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class PipelineStep:
    """A step of a pipeline execution; `job_arn` is the job it runs, with its name in lower case."""

    execution: JobKey
    name: str
    step_type: str | None
    status: str
    job_arn: str | None
    started_at: datetime | None
    ended_at: datetime | None
    failure_reason: str | None

    @property
    def mark(self) -> int:
        """Grows from state to state, also if the execution is retried and the step begins once more."""
        return _mark(self.started_at, self.ended_at)


@dataclass(frozen=True, slots=True)
class Step:
    """A step with the job that it runs. `job_name` is spelled as the job's record spells it, as far as the job is
    recorded."""

    name: str
    step_type: str | None
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    job_name: str | None = None
    record: Record | None = None
    failure_reason: str | None = None

    @property
    def has_ended(self) -> bool:
        """Whether it has ended, however it ended."""
        return self.status in TERMINAL


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution: its own record, the last known state of its steps, and the records of the jobs that they run.
    The record is None if the event of its start was lost or is still to come."""

    key: JobKey
    record: Record | None = None
    seen_steps: tuple[PipelineStep, ...] = ()
    jobs: tuple[Record, ...] = ()

    @property
    def pipeline(self) -> str:
        """The pipeline's name."""
        return self.key.name.partition("/")[0]

    @property
    def id(self) -> str:
        """The execution's id."""
        return self.key.name.partition("/")[2]

    @property
    def experiment(self) -> str:
        """The experiment where its jobs stand."""
        known = (self.record, *self.jobs)
        return next((each.experiment for each in known if each is not None), valid_name(self.pipeline))

    @property
    def is_over(self) -> bool:
        """Whether it has ended. A step that began after the end shows that somebody retries the execution."""
        if self.record is None or not self.record.job.is_terminal:
            return False
        ended = self.record.job.ended_at
        return not any(each.started_at and ended and each.started_at > ended for each in self.seen_steps)

    @property
    def status(self) -> str | None:
        """How it ended; None while it runs."""
        return self.record.job.status if self.record is not None and self.is_over else None

    @property
    def began_at(self) -> datetime | None:
        """When it began, as far as it is known."""
        if self.record is not None and self.record.job.started_at is not None:
            return self.record.job.started_at
        return min((each.started_at for each in self.seen_steps if each.started_at), default=None)

    @property
    def ended_at(self) -> datetime | None:
        """When it ended; None while it runs."""
        return self.record.job.ended_at if self.record is not None and self.is_over else None

    @property
    def last_at(self) -> datetime:
        """When it came to be as it is."""
        moments = [self.began_at, self.ended_at]
        moments += [each for step in self.seen_steps for each in (step.started_at, step.ended_at)]
        return max((each for each in moments if each is not None), default=_EPOCH)

    @property
    def version(self) -> int:
        """Grows with each change, and is the same whatever the order in which the changes became known."""
        own = 0 if self.record is None else _mark(self.record.job.started_at, self.record.job.ended_at)
        of_jobs = sum(1 + each.job.is_terminal for each in self.jobs)
        return own + of_jobs + sum(each.mark for each in self.seen_steps)

    def steps(self) -> tuple[Step, ...]:
        """Its steps in order of their start. After the end, a job's record replaces the event of a step that was
        lost."""
        found = [self._step(each) for each in self.seen_steps]
        if self.status == FAILED and not any(each.status == FAILED for each in found):
            named = {each.job_name for each in found}
            found += [_step_of(each) for each in self.jobs if each.job.status == FAILED and each.job.name not in named]
        return tuple(sorted(found, key=lambda each: (each.started_at or _EPOCH, each.name)))

    def _step(self, seen: PipelineStep) -> Step:
        name = None if seen.job_arn is None else seen.job_arn.rpartition("/")[2]
        record = next((each for each in self.jobs if name and each.job.name.casefold() == name.casefold()), None)
        reason = (record.job.failure_reason if record is not None else None) or seen.failure_reason
        job_name = record.job.name if record is not None else name
        step = Step(seen.name, seen.step_type, seen.status, seen.started_at, seen.ended_at, job_name, record, reason)
        if self.is_over and not step.has_ended and record is not None and record.job.is_terminal:
            return replace(step, status=record.job.status, ended_at=record.job.ended_at)
        return step


def execution_of(job: Job) -> JobKey | None:
    """The execution that a job belongs to; None if none is known. An execution belongs to itself."""
    if job.pipeline is None or job.pipeline_execution is None:
        return None
    key = job.key
    return JobKey(key.account, key.region, JobKind.PIPELINE_EXECUTION, f"{job.pipeline}/{job.pipeline_execution}")


def is_of_step(job: Job) -> bool:
    """Whether a step of a pipeline runs it. A tuning job's children are run by the tuning job."""
    return job.pipeline_execution is not None and job.tuning_job is None and not job.key.kind.is_execution


def _step_of(record: Record) -> Step:
    """A step without an event, from its job."""
    job = record.job
    named = pipeline_job(job.name)
    name = named.base if named is not None else job.name
    return Step(name, None, job.status, job.started_at, job.ended_at, job.name, record, job.failure_reason)


def _mark(started_at: datetime | None, ended_at: datetime | None) -> int:
    """The last moment in milliseconds, twice, and one more if that is the end: a step may end as it begins."""
    last = ended_at or started_at
    return 0 if last is None else 2 * ((last - _EPOCH) // _MILLISECOND) + (ended_at is not None)
