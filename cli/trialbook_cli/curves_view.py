"""Curves of jobs on a terminal: a plot, and what it says about each job."""

from collections.abc import Iterator, Sequence
from statistics import fmean

from trialbook.core.curves.facts import best_so_far, diverged_at
from trialbook.core.curves.series import Axis, Series
from trialbook.core.metric_names import is_maximised
from trialbook.core.numbers import shown
from trialbook.core.objectives import ObjectiveType
from trialbook.core.sweeps import Record
from trialbook_book.curves import Curves
from trialbook_cli.rich_output import console, safe
from trialbook_cli.text_plot import drawn, mark_of
from trialbook_cli.usage_error import UsageError

_LONGEST_NAME = 63


def chosen_metric(kept: Sequence[Curves], records: Sequence[Record], wanted: str | None) -> str:
    """The metric that is asked for, else the objective of the first job that has one, else the first by name. Raises
    UsageError if no job has it."""
    known = sorted({name for each in kept for name in each.metrics})
    if wanted is None:
        ranked = (each.objective.metric for each in records if each.objective is not None)
        return next((name for name in ranked if name in known), known[0])
    if wanted not in known:
        raise UsageError(f"No curve of {wanted!a} was kept; there are {', '.join(map(ascii, known))}.")
    return wanted


def show_curves(kept: Sequence[Curves], records: Sequence[Record], metric: str) -> None:
    """Prints the plot of a metric, and a paragraph for each job that has it."""
    own = {each.key.name: each for each in records}
    having = [each for each in kept if metric in each.metrics]
    axis = having[0].metrics[metric].axis
    drawable = [each for each in having if each.metrics[metric].axis is axis]
    console.print(safe(metric, 200), style="bold")
    for line in drawn([_points(each.metrics[metric]) for each in drawable], min(console.width, 100)):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print("by iteration" if axis is Axis.ITERATION else "by seconds since the first value", style="dim")
    for each in having:
        mark = mark_of(drawable.index(each)) if each in drawable else " "
        console.print(safe(f"{mark} {each.job_name}", _LONGEST_NAME + 2), soft_wrap=True)
        for said in _said(each, metric, maximise=_is_maximised(metric, own.get(each.job_name))):
            console.print(safe(f"    {said}", 400), soft_wrap=True)


def _points(series: Series) -> list[tuple[float, float]]:
    """Points by iteration, or by seconds since the first one."""
    begin = series.xs[0] if series.axis is Axis.TIME and series.xs else 0.0
    return [(x - begin, value) for x, value in series.points()]


def _is_maximised(metric: str, record: Record | None) -> bool:
    if record is not None and record.objective is not None and record.objective.metric == metric:
        return record.objective.type is ObjectiveType.MAXIMIZE
    return is_maximised(metric) or False


def _said(curves: Curves, metric: str, *, maximise: bool) -> Iterator[str]:
    series = curves.metrics[metric]
    points = _points(series)
    if points:
        _, best = best_so_far(series, maximise=maximise)[-1]
        where = next(x for x, value in points if value == best)
        thinned = f" of {series.measured:,}" if series.is_thinned else ""
        yield f"best {shown(best)} at {shown(where)}, last {shown(points[-1][1])}; {len(series.xs):,}{thinned} points"
    away = diverged_at(series, maximise=maximise)
    if away is not None:
        yield f"diverged at {shown(away - (series.xs[0] if series.axis is Axis.TIME else 0))}"
    for host, used in curves.hosts.items():
        measures = (_use(name, each) for name, each in used.items())
        yield f"{host}: {', '.join(filter(None, measures))}"


def _use(name: str, series: Series) -> str:
    values = [value for _, value in series.points()]
    return f"{name} {fmean(values):.0f}% on average, {max(values):.0f}% at most" if values else ""
