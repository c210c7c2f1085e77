"""A notebook's output: tables and one chart as plain HTML, without scripts, with other people's text escaped."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from html import escape
from typing import ParamSpec, Protocol

from trialbook.core.analysis.model import Analysis
from trialbook.core.analysis.wording import duration, moment, plural
from trialbook.core.experiments import Experiment
from trialbook.core.hyper_parameters import searched
from trialbook.core.jobs import Job
from trialbook.core.messages.texts import visible
from trialbook.core.numbers import shown
from trialbook.core.objectives import Objective
from trialbook.core.sweeps import Counts, Sweep
from trialbook.errors import MissingPart
from trialbook_book.plots import IN_NOTEBOOKS, plot_of

ROWS = 10
MOST_EXPERIMENTS = 50
MOST_ANALYSED = 2_000  # jobs: more take seconds, too long for looking at a sweep
_LONGEST = 120
P = ParamSpec("P")
_LEFT, _RIGHT = ' style="text-align:left"', ' style="text-align:right"'
# A name that breaks at its hyphens makes rows many lines high. Viewers that drop styles keep the attribute.
_LONGEST_NAME = 100
_NAME = ' nowrap style="text-align:left;white-space:nowrap"'


class ShownJob(Protocol):
    """What a table shows of a job: a record of the book."""

    @property
    def name(self) -> str:
        """The job's name."""

    @property
    def status(self) -> str:
        """SageMaker's word."""

    @property
    def value(self) -> float | None:
        """Of the objective."""

    @property
    def objective(self) -> Objective | None:
        """By which it is ranked."""

    @property
    def experiment(self) -> str:
        """The experiment's name."""

    @property
    def sweep(self) -> str | None:
        """The sweep's name."""

    @property
    def job(self) -> Job:
        """All facts."""

    @property
    def hyper_parameters(self) -> Mapping[str, int | float | str]:
        """Numbers as numbers."""


def _shown_as_it_is(make: Callable[P, str]) -> Callable[P, str]:
    """Keeps notebooks from taking dollars for formulas."""

    @wraps(make)
    def made(*args: P.args, **kwargs: P.kwargs) -> str:
        return f'<div class="tex2jax_ignore mathjax_ignore">{make(*args, **kwargs)}</div>'

    return made


@_shown_as_it_is
def record_html(record: ShownJob) -> str:
    """A job: its result, and its hyperparameters and metrics."""
    objective = record.objective
    facts = [
        ("status", record.status),
        ("value", "no value" if record.value is None else shown(record.value)),
        ("objective", _objective(objective)),
        ("experiment", record.experiment),
        ("sweep", record.sweep or "–"),
        ("started", moment(record.job.started_at or record.job.created_at)),
        ("took", _duration(record.job.duration_seconds)),
        ("failure", record.job.failure_reason or ""),
        ("model", record.job.model_artifact or ""),
        *((f"hyperparameter {name}", shown(value)) for name, value in record.hyper_parameters.items()),
        *((f"metric {each.name}", each.text or shown(each.value)) for each in record.job.final_metrics),
    ]
    return _title(record.name) + _table((), [pair for pair in facts if pair[1]])


@_shown_as_it_is
def records_html(records: Sequence[ShownJob]) -> str:
    """The first jobs as a table."""
    return _jobs(records[:ROWS], len(records))


@_shown_as_it_is
def sweep_html(analysis: Analysis, first: Sequence[ShownJob], of: int) -> str:
    """A sweep as its message shows it: the answer, the first of its jobs, and the chart that tells most."""
    return report_html(analysis) + _jobs(first, of)


@_shown_as_it_is
def large_sweep_html(sweep: Sweep, first: Sequence[ShownJob]) -> str:
    """A sweep that takes too long to analyse at a glance: its counts and the first of its jobs."""
    summary = _line(f"{_counted(sweep.counts)}. Too many jobs to analyse at a glance: .report() does it.")
    return _title(sweep.id) + summary + _jobs(first, sweep.counts.jobs)


@_shown_as_it_is
def experiment_html(experiment: Experiment, first: Sequence[ShownJob]) -> str:
    """An experiment: its counts and the first of its jobs."""
    counts = experiment.counts
    said = f"{plural(experiment.sweeps, 'sweep')}, {_counted(counts)}; ranked by {_objective(experiment.objective)}."
    return _title(experiment.name) + _line(said) + _jobs(first, counts.jobs)


@_shown_as_it_is
def book_html(source: str, first: Sequence[Experiment], *, are_all: bool) -> str:
    """A book: the first of its experiments."""
    more = "" if are_all else _line("… and more: .experiments() lists all.")
    return _title(f"Book of {source}") + _experiments(first) + more


@_shown_as_it_is
def experiments_html(experiments: Sequence[Experiment]) -> str:
    """A row for each experiment."""
    return _experiments(experiments)


def _experiments(experiments: Sequence[Experiment]) -> str:
    headers = ("experiment", "sweeps", "jobs", "failed", "best", "objective", "last job")
    rows = [
        (
            each.name,
            each.sweeps,
            each.counts.jobs,
            each.counts.failed,
            each.best_value,
            _objective(each.objective),
            moment(each.last_at),
        )
        for each in experiments
    ]
    return _table(headers, rows)


@_shown_as_it_is
def sweeps_html(sweeps: Sequence[Sweep]) -> str:
    """A row for each sweep."""
    headers = ("sweep", "state", "finished", "failed", "best", "objective", "started")
    rows = [
        (
            each.id,
            each.state.value,
            f"{each.counts.ended}/{each.counts.jobs}",
            each.counts.failed,
            each.best.value if each.best else None,
            _objective(each.objective),
            moment(each.began_at),
        )
        for each in sweeps
    ]
    return _table(headers, rows)


@_shown_as_it_is
def report_html(analysis: Analysis) -> str:
    """The answer with its reasons, what to do next, and the chart that tells most."""
    advice = (*analysis.advice, *(each for group in analysis.groups for each in group.advice), *analysis.savings)
    said = _line(" ".join(analysis.sentences)) + "".join(_line(f"→ {each.text}") for each in advice[:4])
    return _title(analysis.headline) + said + _chart(analysis)


def _chart(analysis: Analysis) -> str:
    if not analysis.groups:
        return ""
    plot = plot_of(analysis, None)
    try:
        drawn = b64encode(plot.png(IN_NOTEBOOKS)).decode()
    except MissingPart as error:
        return _line(f"{plot.alt} ({error})")
    return f'<img src="data:image/png;base64,{drawn}" alt="{_safe(plot.alt, 1000)}" style="max-width:720px;width:100%">'


def _jobs(records: Sequence[ShownJob], of: int) -> str:
    names = searched(record.job for record in records)
    metrics = {record.objective.metric for record in records if record.objective}
    value = metrics.pop() if len(metrics) == 1 else "objective"
    headers = ("#", value, *names, "status", "minutes", "job")
    rows = [
        (
            None if record.value is None else place,
            record.value,
            *(record.hyper_parameters.get(name) for name in names),
            record.status,
            None if record.job.duration_seconds is None else round(record.job.duration_seconds / 60, 1),
            record.name,
        )
        for place, record in enumerate(records, 1)
    ]
    more = _line(f"… and {plural(of - len(records), 'more job', 'more jobs')}") if of > len(records) else ""
    return _table(headers, rows) + more


def _table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table; columns of numbers are on the right, with their headers."""
    sides = [_RIGHT if all(map(_is_number, column)) else _LEFT for column in zip(*rows, strict=True)]
    sides = sides or [_LEFT] * len(headers)
    head = "".join(f"<th{side}>{_safe(header)}</th>" for header, side in zip(headers, sides, strict=False))
    body = "".join(f"<tr>{''.join(map(_cell, row, sides))}</tr>" for row in rows)
    return f"<table>{f'<thead><tr>{head}</tr></thead>' if head else ''}<tbody>{body}</tbody></table>"


def _is_number(value: object) -> bool:
    return value is None or isinstance(value, int | float)


def _cell(value: object, side: str) -> str:
    text = "–" if value is None else shown(value) if isinstance(value, int | float) else str(value)
    if side == _LEFT and len(text) <= _LONGEST_NAME:
        side = _NAME
    return f"<td{side}>{_safe(text)}</td>"


def _title(text: str) -> str:
    return f"<p><strong>{_safe(text, 500)}</strong></p>"


def _line(text: str) -> str:
    return f"<p>{_safe(text, 2000)}</p>"


def _safe(text: str, longest: int = _LONGEST) -> str:
    """The text as HTML shows it: nothing of it is markup, hidden, or moves what is beside it."""
    seen = visible(text)
    return escape(seen if len(seen) <= longest else f"{seen[: longest - 1]}…")


def _objective(objective: Objective | None) -> str:
    return f"{objective.metric} ({objective.type.value.lower()})" if objective else "no objective"


def _counted(counts: Counts) -> str:
    said = {"failed": counts.failed, "stopped": counts.stopped, "running": counts.in_progress}
    others = "".join(f", {number:,} {word}" for word, number in said.items() if number)
    return f"{counts.completed:,} of {counts.jobs:,} completed{others}"


def _duration(seconds: float | None) -> str:
    return "" if seconds is None else duration(seconds)
