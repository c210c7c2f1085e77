"""The questions that agents may ask. Each is prepared once, then answered in as many rows as fit. None writes."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, TypeVar
from weakref import WeakKeyDictionary

from pydantic import BeforeValidator, Field

from trialbook.core.analysis.model import Analysis
from trialbook.core.analysis.model import FailureGroup as FoundFailures
from trialbook.core.analysis.parameters import with_settings
from trialbook.core.experiments import Experiment
from trialbook.core.hyper_parameters import is_internal, searched
from trialbook.core.objectives import Objective
from trialbook.core.sweeps import Counts as JobCounts
from trialbook.core.sweeps import Record, Sweep
from trialbook.core.times import iso_or_none
from trialbook_book.book import Book
from trialbook_book.curves import Curves
from trialbook_book.names import find_experiment, find_job_or_sweep, find_jobs_or_job, find_sweep
from trialbook_book.where import fact, parse_where
from trialbook_cli.agents import data
from trialbook_cli.comparison import Side, best_record, rank_tests, side_of, sides_with_settings
from trialbook_cli.curve_facts import NOTHING_KEPT, chosen_metric, facts_of, is_to_maximise, machine_use, origin
from trialbook_cli.outputs import Line, job_line, sweep_line
from trialbook_cli.selection import Ranked, check_columns, part_of, ranking_page, selected
from trialbook_cli.suggestion import as_json, suggested
from trialbook_cli.usage_error import UsageError

T = TypeVar("T")


def _listed_in_text(given: object) -> object:
    """The list in a text, as some clients send one: `["a", "b"]` in quotes, or one name alone."""
    if not isinstance(given, str):
        return given
    try:
        found = json.loads(given)
    except ValueError:
        found = given
    return found if isinstance(found, list) else [given]


AsList = BeforeValidator(_listed_in_text)
Name = Annotated[str, Field(description="A sweep or experiment, or an unambiguous prefix", max_length=300)]
After = Annotated[
    int, Field(ge=0, le=1_000_000, description="How many to skip: `after` of an earlier answer to the same question")
]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """An answer's data with what it leaves out itself."""

    content: object
    left_out: tuple[data.LeftOut, ...] = ()


Rows = Callable[[int], Excerpt]  # an answer in up to so many rows
_MORE = "Ask the same question with this `after`."


@dataclass(frozen=True, slots=True)
class Tool:
    """A question: `arguments` is its type, `answers` that of its data, `ask` prepares the answer."""

    name: str
    title: str
    description: str
    arguments: type
    answers: type
    ask: Callable[[Book, Any], Rows]
    rest: str  # how to get what does not fit


# -- what there is ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ListSweeps:
    """What to list."""

    experiment: Annotated[str | None, Field(description="Only the sweeps of this experiment", max_length=300)] = None
    sweeps: Annotated[bool, Field(description="List the latest sweeps of all experiments")] = False
    limit: Annotated[int, Field(ge=1, le=50)] = 20
    after: After = 0


def list_experiments_and_sweeps(book: Book, asked: ListSweeps) -> Rows:
    """Experiments by name, or sweeps, latest first."""
    experiment = find_experiment(book, asked.experiment) if asked.experiment else None

    if experiment or asked.sweeps:
        page = book.ledger.sweeps_page(experiment, asked.limit, asked.after)
        many = book.ledger.sweeps_count(experiment) if page.cursor else 0
        sweeps = tuple(map(_sweep, page.entries))
        return _listed("sweeps", sweeps, many, asked.after, lambda shown: data.Listed(sweeps=shown))
    found = book.ledger.experiments_page(asked.limit, asked.after)
    total = book.ledger.experiments_count() if found.cursor else 0
    experiments = tuple(map(_experiment, found.entries))
    return _listed("experiments", experiments, total, asked.after, lambda shown: data.Listed(experiments=shown))


def _listed(
    what: str, lines: tuple[T, ...], total: int, before: int, content: Callable[[tuple[T, ...]], object]
) -> Rows:
    """As many of the lines as fit; `total` counts all entries, or is 0 if these are the last."""

    def rows(most: int) -> Excerpt:
        shown = lines[:most]
        seen = before + len(shown)
        left = max(total, before + len(lines)) - seen
        return Excerpt(content(shown), (data.LeftOut(what, left, _MORE, seen),) if left > 0 else ())

    return rows


def _experiment(found: Experiment) -> data.ExperimentLine:
    return data.ExperimentLine(
        found.name,
        found.sweeps,
        _counts(found.counts),
        _ranking(found.objective),
        found.best_job,
        found.best_value,
        iso_or_none(found.last_at),
    )


def _sweep(found: Sweep) -> data.SweepLine:
    line = sweep_line(found)
    best = found.best
    return data.SweepLine(
        line["sweep"],
        line["experiment"],
        line["status"],
        _counts(found.counts),
        _ranking(found.objective),
        best.job_name if best else None,
        best.value if best else None,
        line["started_at"],
        line["ended_at"],
    )


def _counts(found: JobCounts) -> data.Counts:
    return data.Counts(*(getattr(found, name) for name in data.Counts.__slots__))


def _ranking(objective: Objective | None) -> data.Ranking | None:
    return None if objective is None else data.Ranking(objective.metric, objective.type.value)


# -- jobs ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BestOf:
    """Whose best job to show."""

    name: Name


def best(book: Book, asked: BestOf) -> Rows:
    """The best job of a sweep or experiment."""
    jobs = book.find(asked.name)
    found = jobs.best()
    if found is None:
        first = next(iter(jobs.first.entries), None)
        problem = f"No job is ranked: {'none is recorded yet' if first is None else 'none has a value to rank by'}."
        raise UsageError(problem, problem)
    excerpt = Excerpt(data.Best(jobs.name, _job(found)))
    return lambda most: excerpt


@dataclass(frozen=True, slots=True)
class TrialsOf:
    """Which jobs to list."""

    name: Name
    where: Annotated[
        str | None,
        Field(
            description="Conditions joined by `and`, such as: eta<0.1 and status=Failed. Columns are hyperparameters, "
            "metrics, status, value, kind, experiment, trial, sweep, job, minutes, started, ended, failure"
        ),
    ] = None
    sort: Annotated[str | None, Field(description="A column; with a leading -, largest first")] = None
    columns: Annotated[tuple[str, ...], AsList, Field(description="Columns to show besides", max_length=20)] = ()
    limit: Annotated[int, Field(ge=1, le=50)] = 10
    after: After = 0


def trials(book: Book, asked: TrialsOf) -> Rows:
    """The jobs of a sweep or experiment, best first, or those that meet conditions."""
    jobs = book.find(asked.name)
    terms = parse_where(asked.where) if asked.where else ()
    is_page = not terms and asked.sort is None
    chosen = None if is_page else selected(jobs, terms, asked.sort)
    page = ranking_page(jobs, asked.limit, asked.after) if chosen is None else part_of(chosen, asked.limit, asked.after)
    check_columns("columns", asked.columns, [record for _, record in page.jobs])
    total = jobs.count() if chosen is None else len(chosen)

    objective = next((_ranking(each.objective) for each in jobs.first.entries), None)

    def content(shown: tuple[Ranked, ...]) -> data.Trials:
        records = with_settings([record for _, record in shown])
        varied = searched(record.job for record in records)
        places = [place for place, _ in shown]
        lines = tuple(_trial(each, varied, asked.columns) for each in zip(places, records, strict=True))
        return data.Trials(jobs.name, total, objective, lines)

    return _listed("trials", tuple(page.jobs), total, asked.after, content)


def _trial(ranked: Ranked, varied: Sequence[str], columns: Sequence[str]) -> data.Trial:
    place, record = ranked
    line = job_line(record)
    given = line["hyper_parameters"]
    values = {name: value for name in columns if (value := fact(record, name)) is not None}
    return data.Trial(
        place,
        line["job_name"],
        line["status"],
        record.value,
        {name: given[name] for name in varied if name in given},
        line["duration_seconds"],
        values or None,
    )


@dataclass(frozen=True, slots=True)
class JobOrSweep:
    """What to show."""

    name: Annotated[
        str,
        Field(
            description="A job or sweep, an unambiguous prefix, a job's ARN, NAME#2 for the second best job, or an "
            "experiment for its latest sweep",
            max_length=600,
        ),
    ]


def show(book: Book, asked: JobOrSweep) -> Rows:
    """Everything about a job, or a summary of a sweep."""
    found = find_job_or_sweep(book, asked.name)
    shown = data.Shown(sweep=_sweep(found)) if isinstance(found, Sweep) else data.Shown(job=_job(found, whole=True))
    return lambda most: Excerpt(shown)


def _job(record: Record, *, whole: bool = False) -> data.Job:
    """A job; `whole` with its tags."""
    line, job = job_line(record), record.job
    return data.Job(
        **{name: line[name] for name in _OF_LINE},
        objective=_ranking(record.objective),
        value=record.value,
        hyper_parameters={name: text for name, text in line["hyper_parameters"].items() if not is_internal(name)},
        without_objective=record.without_objective,
        placed_by=record.placed_by,
        instances=tuple(f"{each.instance_count} x {each.instance_type}" for each in job.instances),
        image=job.image or job.algorithm,
        model_artifact=job.model_artifact,
        tags=dict(job.tags) if whole else None,
    )


_OF_LINE = (
    *("job_name", "kind", "status", "experiment", "trial", "sweep", "final_metrics", "started_at", "ended_at"),
    *("duration_seconds", "billable_seconds", "failure_reason"),
)


@dataclass(frozen=True, slots=True)
class Several:
    """What to compare."""

    names: Annotated[
        tuple[Annotated[str, Field(max_length=600)], ...],
        AsList,
        Field(description="Jobs, sweeps or experiments; NAME#2 is the second best job", min_length=2, max_length=10),
    ]


def compare(book: Book, asked: Several) -> Rows:
    """Jobs, sweeps or experiments side by side."""
    sides = sides_with_settings([side_of(find_jobs_or_job(book, name)) for name in asked.names])
    differ = searched(side.record.job for side in sides)
    tests = tuple(data.RankTest(**asdict(each)) for each in rank_tests(sides))
    excerpt = Excerpt(data.Compared(tuple(_side(side, differ) for side in sides), tests))
    return lambda most: excerpt


def _side(side: Side, differ: Sequence[str]) -> data.Side:
    line: Line = job_line(side.record)
    given = line["hyper_parameters"]
    return data.Side(
        side.name,
        len(side.values),
        line["job_name"],
        line["status"],
        _ranking(side.record.objective),
        side.record.value,
        {name: given[name] for name in differ if name in given},
        line["final_metrics"],
    )


# -- analyses -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SweepOf:
    """Which sweep to analyse."""

    name: Annotated[
        str, Field(description="A sweep or an unambiguous prefix; an experiment means its latest sweep", max_length=300)
    ]


@dataclass(frozen=True, slots=True)
class AnalysisOf:
    """Which sweep to analyse."""

    name: Annotated[
        str, Field(description="A sweep or an unambiguous prefix; an experiment means its latest sweep", max_length=300)
    ]
    next_points: Annotated[
        int, Field(ge=0, le=20, description="Answer instead where to search next, with so many points")
    ] = 0


_LAST: WeakKeyDictionary[Book, tuple[object, Analysis]] = WeakKeyDictionary()


def _analysis_of(book: Book, name: str) -> Analysis:
    """The sweep's analysis. The last one is kept: agents ask several questions about the same sweep, and an analysis of
    10,000 trials takes seconds."""
    sweep = find_sweep(book, name)
    state = (sweep.name, sweep.facts.version, sweep.facts.changes, sweep.facts.revision)
    if book not in _LAST or _LAST[book][0] != state:
        _LAST[book] = state, sweep.analysis()
    return _LAST[book][1]


def why_failed(book: Book, asked: SweepOf) -> Rows:
    """Why jobs of a sweep failed or have no value."""
    found = _analysis_of(book, asked.name)
    excerpt = Excerpt(
        data.Failures(
            found.sweep.id,
            found.counts.failed,
            tuple(map(_failures, found.failures)),
            tuple(data.Lack(each.reason, each.count) for each in found.lacks),
            found.sweep.failure_reason,
        )
    )
    return lambda most: excerpt


def _failures(group: FoundFailures) -> data.FailureGroup:
    cause = group.cause.conditions if group.cause else ()
    conditions = tuple(f"{each.parameter} {each.condition}" for each in cause)
    return data.FailureGroup(
        group.reason, group.count, group.example, group.job_names[:5], conditions, group.log or None
    )


def analysis(book: Book, asked: AnalysisOf) -> Rows:
    """A sweep's analysis with advice, or where it should search next."""
    found = _analysis_of(book, asked.name)
    if asked.next_points:
        excerpt = Excerpt(data.AnalysedOrNext(next_search=_next(found, asked.next_points)))
    else:
        excerpt = Excerpt(data.AnalysedOrNext(_analysed(found)))
    return lambda most: excerpt


def _analysed(found: Analysis) -> data.Analysed:
    group = found.groups[0] if found.groups else None
    importance = group.importance if group else None
    effects = importance.effects if importance else ()
    advice = (*found.advice, *(group.advice if group else ()), *found.savings)
    return data.Analysed(
        found.sweep.id,
        found.headline,
        found.sentences,
        data.Counts(*(getattr(found.counts, name) for name in data.Counts.__slots__)),
        data.Ranking(group.ranking.metric, group.ranking.type) if group else None,
        group.best.job_name if group else None,
        group.best.value if group else None,
        _known(group.best.varied) if group else {},
        tuple(data.Advice(each.kind, each.text) for each in advice),
        tuple(data.Effect(each.parameter, each.share, each.direction, each.best_at) for each in effects),
        importance.explained if importance else None,
        group.importance_note if group else None,
        found.cost.wall_seconds,
        found.cost.all.billable_seconds,
        found.cost.all.cost_usd,
    )


def _known(values: Mapping[str, Any]) -> dict[str, float | str]:
    return {name: value for name, value in values.items() if value is not None}


def _next(found: Analysis, points: int) -> data.NextSearch:
    line = as_json(suggested(found, points))
    ranges = tuple(
        data.Range(name, **{**each, "values": tuple(each["values"]) if "values" in each else None})
        for name, each in line["ranges"].items()
    )
    return data.NextSearch(
        found.sweep.id,
        tuple(map(_known, line["points"])),
        ranges,
        tuple(line["why"]),
        tuple(map(_known, line["repeats"])),
    )


# -- curves -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CurvesOf:
    """Whose curves to show."""

    names: Annotated[
        tuple[Annotated[str, Field(max_length=600)], ...],
        AsList,
        Field(
            description="Jobs; NAME#2 is the second best job of a sweep or experiment, whose name alone means its best",
            min_length=1,
            max_length=10,
        ),
    ]
    metric: Annotated[str | None, Field(description="A metric; the objective by default", max_length=300)] = None
    points: Annotated[int, Field(ge=2, le=50, description="At most so many points of each curve")] = 20


def curves(book: Book, asked: CurvesOf) -> Rows:
    """How jobs learned."""
    records = [best_record(find_jobs_or_job(book, name)) for name in asked.names]
    pairs = [(record, kept) for record in records if (kept := book.curves(record)) is not None]
    if not any(kept.metrics or kept.log for _, kept in pairs):
        raise UsageError(NOTHING_KEPT, NOTHING_KEPT)
    all_kept = [kept for _, kept in pairs]
    known = tuple(sorted({name for kept in all_kept for name in kept.metrics}))
    metric = chosen_metric(all_kept, records, asked.metric) if known else None

    def rows(most: int) -> Excerpt:
        curves = tuple(_curve(record, kept, metric, min(asked.points, most)) for record, kept in pairs)
        left = sum(max(0, curve.measured - len(curve.x)) for curve in curves)
        return Excerpt(data.Curves(metric, known, curves), (data.LeftOut("points", left, _CURVES),) if left else ())

    return rows


def _curve(record: Record, kept: Curves, metric: str | None, points: int) -> data.Curve:
    series = kept.metrics.get(metric) if metric is not None else None
    machines = tuple(data.MachineUse(**asdict(each)) for each in machine_use(kept))
    if series is None or metric is None:
        return data.Curve(kept.job_name, machines=machines, log_end=kept.log or None)
    chosen = _evenly(len(series.xs), points)
    return data.Curve(
        kept.job_name,
        series.axis.value,
        series.measured,
        tuple(series.xs[at] - origin(series) for at in chosen),
        tuple(series.values[at] for at in chosen),
        **asdict(facts_of(series, maximise=is_to_maximise(metric, record))),
        machines=machines,
        log_end=kept.log or None,
    )


def _evenly(count: int, most: int) -> list[int]:
    """At most so many places of `count`, evenly chosen, with the last and, if there are several, the first."""
    if count <= most:
        return list(range(count))
    return [count - 1] if most < 2 else [round(at * (count - 1) / (most - 1)) for at in range(most)]


_IN_FULL = "Read the resource trialbook://jobs/{job} with the job's name, percent-encoded."
_CURVES = "Read the resource trialbook://jobs/{job}/curves with the job's name, percent-encoded."
_REPORT = "Read the resource trialbook://sweeps/{sweep}/report with the sweep's name, percent-encoded."

TOOLS = (
    Tool(
        "list_experiments_and_sweeps",
        "List experiments or sweeps",
        "Lists experiments by name with their best value; or, with `experiment` or `sweeps`, sweeps, latest first.",
        ListSweeps,
        data.Listed,
        list_experiments_and_sweeps,
        "Ask for fewer at a time.",
    ),
    Tool(
        "best",
        "Best job",
        "The best job of a sweep or experiment: value, hyperparameters, metrics, and where its model is.",
        BestOf,
        data.Best,
        best,
        _IN_FULL,
    ),
    Tool(
        "trials",
        "Trials",
        "The jobs of a sweep or experiment, best first, with the hyperparameters that vary; `where` keeps those that "
        "meet conditions.",
        TrialsOf,
        data.Trials,
        trials,
        _IN_FULL,
    ),
    Tool(
        "show", "Job or sweep", "Everything about a job, or a sweep in short.", JobOrSweep, data.Shown, show, _IN_FULL
    ),
    Tool(
        "compare",
        "Compare",
        "Jobs, sweeps or experiments side by side: hyperparameters that differ, metrics, and a rank test of values.",
        Several,
        data.Compared,
        compare,
        _IN_FULL,
    ),
    Tool(
        "why_failed",
        "Why jobs failed",
        "Why jobs of a sweep failed, grouped by reason, with the hyperparameter values that set these jobs apart, and "
        "the end of a log.",
        SweepOf,
        data.Failures,
        why_failed,
        _REPORT,
    ),
    Tool(
        "analysis",
        "Analysis, advice, next search",
        "A sweep's analysis: which trial is best and by how much, what the objective depends on, cost, and advice. Or, "
        "with `next_points`, where to search next: points and ranges.",
        AnalysisOf,
        data.AnalysedOrNext,
        analysis,
        _REPORT,
    ),
    Tool(
        "curves",
        "Learning curves",
        "How training jobs learned: a metric by iteration or time, where it was best, whether it diverged, how busy "
        "the machines were, and the end of a failed job's log.",
        CurvesOf,
        data.Curves,
        curves,
        _CURVES,
    ),
)
