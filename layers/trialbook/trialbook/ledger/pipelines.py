"""Steps and names of pipelines' executions, and the jobs that wait for such a name."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from trialbook.core.codec import pack
from trialbook.core.expiry import Expiry
from trialbook.core.jobs import JobKey, JobKind
from trialbook.ledger.items import facts
from trialbook.ledger.table import LedgerTable, execution_pk, job_pk

if TYPE_CHECKING:
    from trialbook.core.events import PipelineStep
    from trialbook.core.masking import Masker


class Pipelines:
    """The executions of pipelines that a ledger knows."""

    def __init__(self, table: LedgerTable, expiry: Expiry) -> None:
        self._table, self._expiry = table, expiry

    def put_step(self, step: "PipelineStep", masker: "Masker") -> None:
        """Records a step of an execution, its secrets masked; a terminal status stays."""
        step = replace(step, failure_reason=step.failure_reason and masker.text(step.failure_reason))
        pk, sk, expires_at = job_pk(step.execution), f"STEP#{step.name}", self._expiry.of_step(step)
        item = self._table.item(pk, sk, item="step", status=step.status, **facts(pack(step)), expires_at=expires_at)
        self._table.save_if(item, None if step.ended_at else self._table.is_new())

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
