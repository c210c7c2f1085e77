"""The facts of a job's curves: best and last value, where it diverged, and how busy its machines were."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from trialbook.core.curves.facts import best_so_far, diverged_at
from trialbook.core.curves.series import Axis, Series
from trialbook.core.metric_names import is_maximised
from trialbook.core.objectives import ObjectiveType
from trialbook.core.sweeps import Record
from trialbook_book.curves import Curves
from trialbook_cli.usage_error import UsageError

NOTHING_KEPT = "No curves are kept for these jobs. The stack keeps them when a training job ends, if CaptureJobs is on."


@dataclass(frozen=True, slots=True)
class MachineUse:
    """How busy a machine was, in percent: of a measure such as CPUUtilization."""

    host: str
    measure: str
    mean: float
    most: float


@dataclass(frozen=True, slots=True)
class CurveFacts:
    """The facts of a curve. x counts iterations, or seconds since the first value. None if there is no finite value."""

    best: float | None
    best_at: float | None
    last: float | None
    diverged_at: float | None


def chosen_metric(kept: Sequence[Curves], records: Sequence[Record], wanted: str | None) -> str:
    """The metric that is asked for, else the objective of the first job that has one, else the first by name. Raises
    UsageError if no job has it."""
    known = metrics_of(kept)
    if wanted is None:
        ranked = (each.objective.metric for each in records if each.objective is not None)
        return next((name for name in ranked if name in known), known[0])
    if wanted not in known:
        problem = f"No curve of {wanted!a} was kept; there are {', '.join(map(ascii, known))}."
        raise UsageError(problem, "No curve of this metric was kept.", known)
    return wanted


def metrics_of(kept: Sequence[Curves]) -> list[str]:
    """The metrics that jobs have curves of. Raises UsageError if there are none."""
    known = sorted({name for each in kept for name in each.metrics})
    if not known:
        raise UsageError(NOTHING_KEPT, NOTHING_KEPT)
    return known


def origin(series: Series) -> float:
    """Where x begins to count: at the first moment, or at iteration 0."""
    return series.xs[0] if series.axis is Axis.TIME and series.xs else 0.0


def is_to_maximise(metric: str, record: Record | None) -> bool:
    """Whether more is better, as the job's objective or the metric's name says."""
    if record is not None and record.objective is not None and record.objective.metric == metric:
        return record.objective.type is ObjectiveType.MAXIMIZE
    return is_maximised(metric) or False


def facts_of(series: Series, *, maximise: bool) -> CurveFacts:
    """The facts of the curve."""
    begin, points = origin(series), series.points()
    away = diverged_at(series, maximise=maximise)
    diverged = None if away is None else away - begin
    if not points:
        return CurveFacts(None, None, None, diverged)
    _, best = best_so_far(series, maximise=maximise)[-1]
    best_at = next(x - begin for x, value in points if value == best)
    return CurveFacts(best, best_at, points[-1][1], diverged)


def machine_use(curves: Curves) -> Iterator[MachineUse]:
    """How busy each machine was."""
    for host, used in curves.hosts.items():
        for measure, series in used.items():
            values = [value for _, value in series.points()]
            if values:
                yield MachineUse(host, measure, fmean(values), max(values))
