"""Pipelines' executions: their steps, their names, their jobs, and the jobs that wait for such a name."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trialbook.core.codec import pack, unpack
from trialbook.core.executions import Execution, PipelineStep, execution_of
from trialbook.core.expiry import Expiry
from trialbook.core.jobs import IN_PROGRESS, Job, JobKey, JobKind
from trialbook.core.sweeps import Record
from trialbook.ledger.items import facts, read_facts, read_record
from trialbook.ledger.table import LedgerTable, execution_pk, job_pk

if TYPE_CHECKING:
    from trialbook.core.masking import Masker

_MOST_JOBS = 100  # of an execution that are read; as many as one request


class Pipelines:
    """The executions of pipelines that a ledger knows."""

    def __init__(self, table: LedgerTable, expiry: Expiry) -> None:
        self._table, self._expiry = table, expiry

    def put_step(self, step: PipelineStep, masker: "Masker") -> bool:
        """Records the state of a step, its secrets masked, unless a later state is recorded. Returns whether it did."""
        step = replace(step, failure_reason=step.failure_reason and masker.text(step.failure_reason))
        pk, sk, expires_at = job_pk(step.execution), f"STEP#{step.name}", self._expiry.of_step(step)
        kept = facts(pack(step))
        item = self._table.item(
            pk, sk, item="step", version=step.mark, status=step.status, **kept, expires_at=expires_at
        )
        return self._table.save_if(item, self._table.is_new() | self._is_older(step))

    def _is_older(self, step: PipelineStep) -> Any:
        """The condition that the recorded state is older. Former releases gave all states version 1, and replaced
        those that had not ended."""
        by_time = self._table.item.version < step.mark
        former = (self._table.item.version == 1) & (self._table.item.status == IN_PROGRESS)
        return (by_time & (self._table.item.version != 1)) | former

    def put_job(self, job: Job) -> None:
        """Enters a job under the execution that runs it."""
        execution = execution_of(job)
        if execution is not None:
            sk, expires_at = f"JOB#{job.key.kind.value}#{job.name}", self._expiry.of_step_job(job)
            self._table.item(job_pk(execution), sk, item="entry", expires_at=expires_at).save()

    def execution(self, key: JobKey, records: Callable[[Iterable[JobKey]], Iterator[Record]]) -> Execution | None:
        """An execution with its steps and jobs, read consistently: one Query, and one request that reads the jobs.
        None if nothing is known of it."""
        items = list(self._table.item.query(job_pk(key), consistent_read=True))
        record = next((read_record(each) for each in items if each.item == "job"), None)
        steps = tuple(unpack(PipelineStep, read_facts(each)) for each in items if each.item == "step")
        names = [each.sk.split("#", 2)[1:] for each in items if each.item == "entry"][:_MOST_JOBS]
        keys = [JobKey(key.account, key.region, JobKind(kind), name) for kind, name in names]
        jobs = sorted(records(keys), key=lambda each: each.job.name) if keys else []
        return Execution(key, record, steps, tuple(jobs)) if record is not None or steps else None

    def name(self, job: JobKey, execution: str) -> str | None:
        """The name of the pipeline of an execution in the job's region; None before an event has reported it."""
        item = self._table.get(execution_pk(job, execution), "PIPELINE")
        return None if item is None else item.facts

    def put_name(self, key: JobKey, execution: str, pipeline: str) -> None:
        """Records the name of an execution's pipeline; the first one stays."""
        item = self._table.item(execution_pk(key, execution), "PIPELINE", item="pipeline", facts=pipeline)
        self._table.save_if(item, self._table.is_new())

    def put_waiting(self, job: JobKey, execution: str) -> None:
        """Records that the name was not known when the job was recorded."""
        self._table.item(execution_pk(job, execution), f"JOB#{job.kind.value}#{job.name}", item="waiting").save()

    def waiting(self, key: JobKey, execution: str) -> Iterator[JobKey]:
        """The jobs of an execution whose pipeline was not known when they were recorded, read consistently."""
        pk = execution_pk(key, execution)
        for item in self._table.item.query(pk, self._table.item.sk.startswith("JOB#"), consistent_read=True):
            _, kind, name = item.sk.split("#", 2)
            yield JobKey(key.account, key.region, JobKind(kind), name)
