"""The ledger as lines: one job or sweep each, the same bytes for the same content."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from trialbook.core.analysis.prices import NO_PRICES, Prices, cost_of, cost_of_all
from trialbook.core.jobs import Job
from trialbook.core.objectives import Objective
from trialbook.core.sweeps import Record, Sweep
from trialbook.core.times import iso_or_none

Line = dict[str, Any]


def job_line(record: Record, singles: frozenset[str] = frozenset(), prices: Prices = NO_PRICES) -> Line:
    """A job's line of jobs.jsonl; `singles` are the windows with one job, which are no sweeps."""
    job = record.job
    return {
        "job_name": job.name,
        "kind": job.key.kind.value,
        "status": job.status,
        "experiment": record.experiment,
        "trial": record.trial,
        "sweep": None if record.sweep in singles else record.sweep,
        "objective": _objective(record.objective, value=record.value),
        "final_metrics": _metrics(job),
        "hyper_parameters": dict(sorted(job.hyper_parameters.items())),
        "started_at": iso_or_none(job.started_at or job.created_at),
        "ended_at": iso_or_none(job.ended_at),
        "duration_seconds": job.duration_seconds,
        "billable_seconds": job.billable_seconds,
        "billable_tokens": job.billable_tokens,
        "cost_usd": cost_of(job, prices),
        "failure_reason": job.failure_reason,
    }


def _objective(objective: Objective | None, **more: Any) -> Line | None:
    return None if objective is None else {"metric": objective.metric, "type": objective.type.value, **more}


def _metrics(job: Job) -> dict[str, float | str | None]:
    """Name to value; what is no finite number is its text."""
    return {metric.name: metric.text if metric.value is None else metric.value for metric in job.final_metrics}


def sweep_line(sweep: Sweep, jobs: Sequence[Job] = (), prices: Prices = NO_PRICES) -> Line:
    """A sweep's line of sweeps.jsonl; its cost is that of the jobs that have a price."""
    counts = sweep.counts
    best = sweep.best
    return {
        "sweep": sweep.id,
        "experiment": sweep.experiment,
        "status": sweep.state.value,
        "counts": {
            "completed": counts.completed,
            "failed": counts.failed,
            "stopped": counts.stopped,
            "in_progress": counts.in_progress,
            "without_objective": counts.without_objective,
        },
        "objective": _objective(sweep.objective),
        "best": None
        if best is None
        else {
            "job_name": best.job_name,
            "value": best.value,
            "hyper_parameters": dict(sorted(best.hyper_parameters.items())),
        },
        "started_at": iso_or_none(sweep.began_at),
        "ended_at": iso_or_none(sweep.ended_at),
        "cost_usd": cost_of_all(jobs, prices),
    }


def write_lines(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """JSON lines."""
    texts = [json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n" for line in lines]
    path.write_text("".join(texts), encoding="utf-8")
