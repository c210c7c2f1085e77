"""Jobs as a table of columns, for pandas, Parquet and CSV: what holds numbers alone becomes numbers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from trialbook.core.experiments import Experiment
from trialbook.core.numbers import is_whole
from trialbook.core.sweeps import Record, Sweep

Columns = dict[str, list[Any]]
METRIC, HYPER_PARAMETER = "metrics.", "hyper_parameters."

_OF_JOBS: Mapping[str, Callable[[Record], Any]] = {
    "job_name": lambda record: record.job.name,
    "kind": lambda record: record.key.kind.value,
    "status": lambda record: record.job.status,
    "experiment": lambda record: record.experiment,
    "trial": lambda record: record.trial,
    "sweep": lambda record: record.sweep,
    "metric": lambda record: record.objective.metric if record.objective else None,
    "type": lambda record: record.objective.type.value if record.objective else None,
    "value": lambda record: record.value,
    "started_at": lambda record: record.job.started_at or record.job.created_at,
    "ended_at": lambda record: record.job.ended_at,
    "duration_seconds": lambda record: record.job.duration_seconds,
    "billable_seconds": lambda record: record.job.billable_seconds,
    "instance_type": lambda record: record.job.instances[0].instance_type if record.job.instances else None,
    "model_artifact": lambda record: record.job.model_artifact,
    "failure_reason": lambda record: record.job.failure_reason,
}
_OF_SWEEPS: Mapping[str, Callable[[Sweep], Any]] = {
    "sweep": lambda sweep: sweep.id,
    "kind": lambda sweep: sweep.kind.value,
    "experiment": lambda sweep: sweep.experiment,
    "status": lambda sweep: sweep.state.value,
    "completed": lambda sweep: sweep.counts.completed,
    "failed": lambda sweep: sweep.counts.failed,
    "stopped": lambda sweep: sweep.counts.stopped,
    "in_progress": lambda sweep: sweep.counts.in_progress,
    "metric": lambda sweep: sweep.objective.metric if sweep.objective else None,
    "type": lambda sweep: sweep.objective.type.value if sweep.objective else None,
    "best_value": lambda sweep: sweep.best.value if sweep.best else None,
    "best_job": lambda sweep: sweep.best.job_name if sweep.best else None,
    "started_at": lambda sweep: sweep.began_at,
    "ended_at": lambda sweep: sweep.ended_at,
}
_OF_EXPERIMENTS: Mapping[str, Callable[[Experiment], Any]] = {
    "experiment": lambda experiment: experiment.name,
    "sweeps": lambda experiment: experiment.sweeps,
    "completed": lambda experiment: experiment.counts.completed,
    "failed": lambda experiment: experiment.counts.failed,
    "stopped": lambda experiment: experiment.counts.stopped,
    "in_progress": lambda experiment: experiment.counts.in_progress,
    "metric": lambda experiment: experiment.objective.metric if experiment.objective else None,
    "type": lambda experiment: experiment.objective.type.value if experiment.objective else None,
    "best_value": lambda experiment: experiment.best_value,
    "best_job": lambda experiment: experiment.best_job,
    "last_at": lambda experiment: experiment.last_at,
}


def job_columns(records: Sequence[Record]) -> Columns:
    """One row a job, in the order given; metrics and hyperparameters have a column each, None where a job lacks it."""
    columns = {name: [read(record) for record in records] for name, read in _OF_JOBS.items()}
    metrics = [{each.name: each.value for each in record.job.final_metrics} for record in records]
    given = [record.job.hyper_parameters for record in records]
    columns |= {METRIC + name: [row.get(name) for row in metrics] for name in _names(metrics)}
    columns |= {HYPER_PARAMETER + name: numbers([row.get(name) for row in given]) for name in _names(given)}
    return columns


def sweep_columns(sweeps: Sequence[Sweep]) -> Columns:
    """One row a sweep, in the order given."""
    return {name: [read(sweep) for sweep in sweeps] for name, read in _OF_SWEEPS.items()}


def experiment_columns(experiments: Sequence[Experiment]) -> Columns:
    """One row an experiment, in the order given."""
    return {name: [read(experiment) for experiment in experiments] for name, read in _OF_EXPERIMENTS.items()}


def _names(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    return sorted({name for row in rows for name in row})


def numbers(texts: list[str | None]) -> list[Any]:
    """Whole numbers if all are, numbers if all are, the texts themselves otherwise: of whole numbers that neither
    64 bits nor a float hold too."""
    known = [text for text in texts if text is not None]
    for number in (_whole, _number):
        found = [number(text) for text in known]
        if found and None not in found:
            each = iter(found)
            return [None if text is None else next(each) for text in texts]
    return list(texts)


def _whole(text: str) -> int | None:
    digits = text.removeprefix("-")
    plain = digits.isascii() and digits.isdecimal() and (digits == "0" or digits[0] != "0")
    return int(text) if plain and len(digits) < 20 and abs(int(text)) < 2**63 else None


def _number(text: str) -> float | None:
    if is_whole(text) and abs(int(text)) > 2**53:
        return None
    if "_" in text or text != text.strip() or text.strip("+-").lower() in ("nan", "inf", "infinity"):
        return None
    try:
        return float(text)
    except ValueError:
        return None


def is_time(values: Sequence[Any]) -> bool:
    """Whether a column holds moments."""
    return any(isinstance(value, datetime) for value in values)
