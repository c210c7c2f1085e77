"""The sweep's jobs as rows, ranked within the objective they share."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from trialbook.core.analysis.model import TrialRow, Value
from trialbook.core.analysis.prices import Prices, cost_of
from trialbook.core.jobs import FAILED, Job, JobKey, Metric
from trialbook.core.objectives import ALIAS_METRIC, Objective, rank_prefix
from trialbook.core.sweeps import Record, start_of

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Ranked:
    """The records that share an objective, best first."""

    objective: Objective
    records: tuple[Record, ...]


def ranked_apart(records: Iterable[Record]) -> tuple[Ranked, ...]:
    """The records that rank, a group for each objective, the leading one first, as the ledger sorts them. Whoever named
    it for which job, a group has the objective of its best."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        if record.ranks and record.objective is not None and record.value is not None:
            groups.setdefault(rank_prefix(record.objective), []).append(record)
    found = (sorted(groups[prefix], key=lambda record: record.sweep_rank) for prefix in sorted(groups))
    return tuple(Ranked(records[0].objective, tuple(records)) for records in found if records[0].objective)


def places_of_end(records: Iterable[Record]) -> dict[JobKey, int]:
    """The place of each job that ended, from 1, in the order in which they did."""
    ended = [record for record in records if record.job.is_terminal]
    ended.sort(key=lambda record: (record.job.ended_at or _NEVER, start_of(record.job), record.job.name))
    return {record.key: place for place, record in enumerate(ended, 1)}


def metric_value(metric: Metric) -> Value:
    """The number, or its text if it is no finite one."""
    return metric.text if metric.value is None else metric.value


def metrics_of(job: Job) -> dict[str, Value]:
    """Final metrics by name, without the copy of the objective that tuning jobs add."""
    names = {metric.name for metric in job.final_metrics}
    is_copy = len(names) > 1
    return {m.name: metric_value(m) for m in job.final_metrics if not (is_copy and m.name == ALIAS_METRIC)}


@dataclass(frozen=True, slots=True)
class Context:
    """What the rows of a sweep are made with: each job's varied hyperparameters, each failed job's group, places in the
    order of ends, and prices."""

    given: Mapping[str, Mapping[str, Value]]
    failure_of: Mapping[str, int]
    ends: Mapping[JobKey, int]
    prices: Prices


def rows(records: Sequence[Record], groups: Sequence[Ranked], context: Context) -> tuple[TrialRow, ...]:
    """Rows best first, group by group, then what does not rank in order of launch."""
    found = []
    for index, group in enumerate(groups):
        for rank, record in enumerate(group.records, 1):
            found.append(_row(record, context, rank, index, record.value))
    ranked = {record.key for group in groups for record in group.records}
    rest = [record for record in records if record.key not in ranked]
    rest.sort(key=lambda record: (start_of(record.job), record.job.name))
    return (*found, *(_row(record, context) for record in rest))


def _row(
    record: Record, context: Context, rank: int | None = None, group: int | None = None, value: float | None = None
) -> TrialRow:
    job = record.job
    return TrialRow(
        job_name=job.name,
        status=job.status,
        rank=rank,
        group=group,
        finished=context.ends.get(record.key),
        value=value,
        created_at=job.created_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
        duration_seconds=job.duration_seconds,
        billable_seconds=job.billable_seconds,
        cost_usd=cost_of(job, context.prices),
        failure=context.failure_of.get(job.name) if job.status == FAILED else None,
        without_objective=record.without_objective,
        hyper_parameters=context.given[job.name],
        metrics=metrics_of(job),
    )
