"""Curves of jobs on a terminal: a plot, and what it says about each job."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from trialbook.core.curves.series import Axis, Series
from trialbook.core.numbers import shown
from trialbook.core.sweeps import Record
from trialbook_book.book import Book
from trialbook_book.curves import Curves
from trialbook_cli.curve_facts import facts_of, is_to_maximise, machine_use, origin
from trialbook_cli.rich_output import console, safe
from trialbook_cli.text_plot import drawn, mark_of

_LONGEST_NAME = 63


def kept_curves(book: Book, records: Sequence[Record]) -> list[Curves]:
    """The curves that are kept of the jobs; none in a table alone, or if no metric was kept."""
    if book.folder is None and book.stack is None:
        return []
    found = [curves for record in records if (curves := book.curves(record)) is not None]
    return found if any(each.metrics for each in found) else []


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
        for said in _said(each, metric, maximise=is_to_maximise(metric, own.get(each.job_name))):
            console.print(safe(f"    {said}", 400), soft_wrap=True)


def _points(series: Series) -> list[tuple[float, float]]:
    """Points by iteration, or by seconds since the first one."""
    return [(x - origin(series), value) for x, value in series.points()]


def _said(curves: Curves, metric: str, *, maximise: bool) -> Iterator[str]:
    series = curves.metrics[metric]
    facts = facts_of(series, maximise=maximise)
    if facts.best is not None and facts.best_at is not None and facts.last is not None:
        thinned = f" of {series.measured:,}" if series.is_thinned else ""
        points = f"{len(series.xs):,}{thinned} points"
        yield f"best {shown(facts.best)} at {shown(facts.best_at)}, last {shown(facts.last)}; {points}"
    if facts.diverged_at is not None:
        yield f"diverged at {shown(facts.diverged_at)}"
    for host, used in groupby(machine_use(curves), lambda use: use.host):
        measures = (f"{each.measure} {each.mean:.0f}% on average, {each.most:.0f}% at most" for each in used)
        yield f"{host}: {', '.join(measures)}"
