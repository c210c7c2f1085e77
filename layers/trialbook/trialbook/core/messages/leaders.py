"""The best trials of a sweep, from its report where that stands, from the ledger's first jobs by rank until then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trialbook.core.analysis.model import Analysis, Group, Parameter, Ranking, Value
from trialbook.core.analysis.parameters import constants, shown_values, typed, varied
from trialbook.core.analysis.wording import cut, duration, listed, plural
from trialbook.core.charts.labels import labels
from trialbook.core.message import Bar, Table
from trialbook.core.messages.facts import Report, SweepFacts
from trialbook.core.numbers import aligned, shown, shown_text
from trialbook.core.objectives import Objective, ObjectiveSource, ObjectiveType, Statistic
from trialbook.core.seeds import is_seed, without_seeds
from trialbook.core.settings import with_varied_settings
from trialbook.core.sweeps import Record, Sweep

SHOWN = 5  # trials in a message's table
_COLUMNS = 6  # hyperparameters in a message's table
_LONGEST_CELL = 40
_LONGEST_BAR = 20  # characters of a label: as many as a chart of Slack's takes
_LONGEST_CONSTANT = 60
_CONSTANTS = 12


@dataclass(frozen=True, slots=True)
class Leader:
    """A trial that ranks. `varied` are the hyperparameters that differ among the sweep's trials."""

    job_name: str
    value: float
    varied: Mapping[str, Value]
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Leaders:
    """Trials that share the sweep's objective, best first; `parameters` are the names of what was searched, seeds not
    among them, what matters most first; `constants` what all trials have in common."""

    objective: Objective | None
    trials: tuple[Leader, ...]
    parameters: tuple[str, ...]
    constants: Mapping[str, str]

    @property
    def metric(self) -> str:
        """The objective's, empty if there is none."""
        return self.objective.metric if self.objective else ""

    @property
    def best(self) -> Leader | None:
        """The best of them."""
        return self.trials[0] if self.trials else None

    @property
    def runner_up(self) -> Leader | None:
        """The second of them."""
        return self.trials[1] if len(self.trials) > 1 else None


def leaders(facts: SweepFacts) -> Leaders:
    """The best trials as they are known now."""
    if facts.report is not None:
        return _of_report(facts.report)
    return _of_records(facts.sweep, facts.top)


def _of_report(report: Report) -> Leaders:
    analysis = report.analysis
    if not analysis.groups:
        names = without_seeds(each.name for each in analysis.parameters)
        return Leaders(None, (), names, analysis.constants)
    group = analysis.groups[0]
    order = by_importance(group, analysis)
    rows = [row for row in analysis.trials if row.group == 0 and row.rank is not None and row.value is not None]
    trials = tuple(
        Leader(
            row.job_name,
            row.value or 0.0,
            {name: row.hyper_parameters.get(name) for name in order},
            row.duration_seconds,
        )
        for row in sorted(rows, key=lambda row: row.rank or 0)
    )
    return Leaders(_objective(group.ranking), trials, order, analysis.constants)


def _objective(ranking: Ranking) -> Objective:
    kind, source = ObjectiveType(ranking.type), ObjectiveSource(ranking.source)
    return Objective(ranking.metric, kind, source, Statistic(ranking.statistic))


def by_importance(group: Group, analysis: Analysis) -> tuple[str, ...]:
    """The searched hyperparameters' names, those that matter most first."""
    known = [effect.parameter for effect in group.importance.effects] if group.importance else []
    return tuple(dict.fromkeys((*known, *without_seeds(each.name for each in analysis.parameters))))


def _of_records(sweep: Sweep, top: Sequence[Record]) -> Leaders:
    jobs = with_varied_settings([record.job for record in top])
    given = [shown_values(job.hyper_parameters) for job in jobs]
    objective = _ranked_by(sweep, top)
    parameters = [each for each in varied(jobs, sweep.definitions) if not is_seed(each.name)]
    trials = tuple(
        Leader(record.job.name, record.value, _values(parameters, values), record.job.duration_seconds)
        for record, values in zip(top, given, strict=True)
        if record.ranks and record.value is not None and objective is not None and objective.is_like(record.objective)
    )
    return Leaders(objective, trials, tuple(each.name for each in parameters), constants(jobs))


def _ranked_by(sweep: Sweep, top: Sequence[Record]) -> Objective | None:
    """What the sweep is ranked by. A tuning job with several definitions has no objective of its own: its best child's
    then."""
    ranked = (each.objective for each in top if each.ranks and each.value is not None)
    return sweep.objective or next(ranked, None)


def _values(parameters: Sequence[Parameter], values: Mapping[str, str]) -> dict[str, Value]:
    return {each.name: typed(each, values) for each in parameters}


def table(found: Leaders, ranked: int | None) -> Table | None:
    """The first trials: rank, objective, what varied, duration: on a narrow screen the first columns are seen. `ranked`
    is how many rank in all, if that is known."""
    if not found.trials:
        return None
    names = found.parameters[:_COLUMNS]
    trials = found.trials[:SHOWN]
    columns = (
        [str(place) for place in range(1, len(trials) + 1)],
        aligned([shown(each.value) for each in trials]),
        *(_cells([each.varied.get(name) for each in trials]) for name in names),
        [_taken(each.seconds) for each in trials],
    )
    rows = tuple(zip(*columns, strict=True))
    headers = ("#", cut(found.metric, _LONGEST_CELL), *(cut(name, _LONGEST_CELL) for name in names), "took")
    numeric = (0, 1, *(at for at, name in enumerate(names, 2) if _is_numeric(found, name)), len(headers) - 1)
    return Table(headers, rows, numeric, marked=0, caption=_left_out(found, names, ranked))


def _cells(values: Sequence[Value], longest: int = _LONGEST_CELL) -> list[str]:
    """A column's cells: points of numbers below each other, long texts cut so that they are still told apart."""
    texts = ["–" if value is None else shown(value) for value in values]
    if not any(isinstance(value, str) for value in values):
        return aligned(texts)
    distinct = list(dict.fromkeys(texts))
    if all(len(text) <= longest for text in distinct):
        return texts
    label_of = dict(zip(distinct, labels(distinct, longest), strict=True))
    return [label_of[text] for text in texts]


def _taken(seconds: float | None) -> str:
    return "–" if seconds is None else duration(seconds)


def _is_numeric(found: Leaders, name: str) -> bool:
    return all(isinstance(each.varied.get(name), int | float) for each in found.trials)


def _left_out(found: Leaders, names: Sequence[str], ranked: int | None) -> str:
    parts = []
    if ranked is not None and ranked > SHOWN:
        parts.append(f"{plural(ranked - SHOWN, 'more trial')} not shown")
    if len(found.parameters) > len(names):
        parts.append(f"also varied: {listed([cut(name, _LONGEST_CELL) for name in found.parameters[len(names) :]])}")
    return "; ".join(parts)


def bars(found: Leaders) -> tuple[Bar, ...]:
    """The trials of a small chart: along the hyperparameter where only one varies, else in order of rank."""
    if len(found.trials) < 2:
        return ()
    if len(found.parameters) != 1:
        return tuple(Bar(f"#{place}", each.value) for place, each in enumerate(found.trials, 1))
    (name,) = found.parameters
    numbers = _is_numeric(found, name)
    ordered = sorted(found.trials, key=lambda each: each.varied[name] if numbers else 0)  # type: ignore[arg-type,return-value]
    names = _cells([each.varied.get(name) for each in ordered], _LONGEST_BAR)
    return tuple(Bar(label.rstrip(), each.value) for label, each in zip(names, ordered, strict=True))


def bars_label(found: Leaders) -> str:
    """The title of the bars: `validation:error by min_child_weight`."""
    by = found.parameters[0] if len(found.parameters) == 1 else "rank"
    return f"{found.metric} by {by}" if found.metric else ""


def constants_text(found: Leaders) -> str:
    """The values that all trials have in common: `eta = 0.2, max_depth = 5`."""
    given = [
        f"{cut(name, _LONGEST_CELL)} = {cut(shown_text(text), _LONGEST_CONSTANT)}"
        for name, text in found.constants.items()
    ]
    return listed(given, _CONSTANTS).replace(" and ", ", ") if given else ""
