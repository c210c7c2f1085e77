"""The sweep's jobs as rows, ranked within the objective they share."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from trialbook.core.analysis.costs import Prices, cost_of
from trialbook.core.analysis.model import Parameter, TrialRow, Value
from trialbook.core.analysis.parameters import typed
from trialbook.core.jobs import FAILED, Job, Metric
from trialbook.core.objectives import ALIAS_METRIC, Objective, rank_prefix
from trialbook.core.sweeps import Record, start_of

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Ranked:
    """The records that share an objective, best first."""

    objective: Objective
    records: tuple[Record, ...]


def ranked_apart(records: Iterable[Record]) -> tuple[Ranked, ...]:
    """The records that rank, a group for each objective: those named by somebody first, as the ledger sorts them."""
    groups: dict[Objective, list[Record]] = {}
    for record in records:
        if record.ranks and record.objective is not None and record.value is not None:
            groups.setdefault(record.objective, []).append(record)
    ordered = sorted(groups.items(), key=lambda item: rank_prefix(item[0]))
    return tuple(
        Ranked(objective, tuple(sorted(found, key=lambda record: record.sweep_rank))) for objective, found in ordered
    )


def in_order_of_end(records: Iterable[Record]) -> list[Record]:
    """As results came in; what has no end known comes last."""
    return sorted(records, key=lambda record: (record.job.ended_at or _NEVER, record.sweep_rank))


def metric_value(metric: Metric) -> Value:
    """The number, or its text where it is no finite one."""
    return metric.text if metric.value is None else metric.value


def metrics_of(job: Job) -> dict[str, Value]:
    """Final metrics by name, without the copy of the objective that tuning jobs add."""
    names = {metric.name for metric in job.final_metrics}
    is_copy = len(names) > 1
    return {m.name: metric_value(m) for m in job.final_metrics if not (is_copy and m.name == ALIAS_METRIC)}


def rows(
    records: Sequence[Record],
    groups: Sequence[Ranked],
    parameters: Sequence[Parameter],
    shown: Mapping[str, Mapping[str, str]],
    failure_of: Mapping[str, int],
    prices: Prices,
) -> tuple[TrialRow, ...]:
    """Rows best first, group by group, then what does not rank in order of launch."""
    found = []
    for index, group in enumerate(groups):
        ends = {record.key: place for place, record in enumerate(in_order_of_end(group.records), 1)}
        for rank, record in enumerate(group.records, 1):
            row = _row(record, parameters, shown, failure_of, prices)
            found.append(replace(row, rank=rank, group=index, finished=ends[record.key], value=record.value))
    ranked = {record.key for group in groups for record in group.records}
    rest = [record for record in records if record.key not in ranked]
    rest.sort(key=lambda record: (start_of(record.job), record.job.name))
    return (*found, *(_row(record, parameters, shown, failure_of, prices) for record in rest))


def _row(
    record: Record,
    parameters: Sequence[Parameter],
    shown: Mapping[str, Mapping[str, str]],
    failure_of: Mapping[str, int],
    prices: Prices,
) -> TrialRow:
    job = record.job
    return TrialRow(
        job_name=job.name,
        status=job.status,
        rank=None,
        group=None,
        finished=None,
        value=None,
        created_at=job.created_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
        duration_seconds=job.duration_seconds,
        billable_seconds=job.billable_seconds,
        cost_usd=cost_of(job, prices),
        failure=failure_of.get(job.name) if job.status == FAILED else None,
        without_objective=record.without_objective,
        hyper_parameters={each.name: typed(each, shown[job.name]) for each in parameters},
        metrics=metrics_of(job),
    )
