"""An experiment over all its sweeps: who holds the record, how it was reached, and sweeps side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from trialbook.core.analysis.arithmetic import share_of
from trialbook.core.analysis.links import console_url, logs_url
from trialbook.core.analysis.model import Analysis, Group, Parameter, Value
from trialbook.core.analysis.parameters import displayed_values, shown_values
from trialbook.core.analysis.rows import metrics_of
from trialbook.core.analysis.wording import listed, moment, often, plural
from trialbook.core.hyper_parameters import Launch, differing
from trialbook.core.numbers import apart, gap, percent, shown
from trialbook.core.objectives import Objective
from trialbook.core.seeds import without_seeds
from trialbook.core.sweeps import Counts, Record, Sweep

MOST_COMPARED = 10  # sweeps; more lines in one picture can't be told apart


@dataclass(frozen=True, slots=True)
class Champion:
    """The best job of the experiment, over sweeps and single jobs. `margin` is how far ahead of the second it is."""

    job_name: str
    sweep: str | None
    value: float
    ended_at: datetime | None
    duration_seconds: float | None
    hyper_parameters: Mapping[str, str]
    metrics: Mapping[str, Value]
    model_artifact: str | None
    console_url: str
    logs_url: str
    second: str | None = None
    second_value: float | None = None
    margin: float | None = None


@dataclass(frozen=True, slots=True)
class RecordStep:
    """A step of the record: the sweep whose best beat all sweeps before it. The first has no margin."""

    sweep: str
    at: datetime | None
    job_name: str
    value: float
    margin: float | None
    relative: float | None
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SweepLine:
    """A sweep in the list. `objective` is what it is ranked by; `value` and `job_name` are its best's."""

    sweep: str
    kind: str
    state: str
    began_at: datetime | None
    ended_at: datetime | None
    counts: Counts
    objective: str | None
    job_name: str | None
    value: float | None
    is_record: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """A sweep beside others: how its best so far went, over what it searched, and the metrics of its best."""

    sweep: str
    began_at: datetime | None
    ranked: int
    value: float
    job_name: str
    steps: tuple[tuple[int, float], ...]
    jobs: int
    ranges: Mapping[str, str]
    best_at: Mapping[str, Value]
    metrics: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class ExperimentReport:
    """Everything the best-trial report says. `objective` is the one the experiment is ranked by."""

    experiment: str
    as_of: datetime
    headline: str
    sentences: tuple[str, ...]
    objective: Objective | None
    champion: Champion | None
    records: tuple[RecordStep, ...]
    sweeps: tuple[SweepLine, ...]
    compared: tuple[Compared, ...]
    parameters: tuple[str, ...]
    totals: Counts
    metrics: tuple[str, ...]


def experiment_report(
    experiment: str,
    objective: Objective | None,
    sweeps: Sequence[Sweep],
    best: Sequence[Record],
    digests: Sequence[Analysis],
    as_of: datetime,
) -> ExperimentReport:
    """The report of an experiment. `sweeps` are all its sweeps in order of time, `best` its best jobs by the objective,
    best first, `digests` the analyses of those sweeps that are to be compared."""
    ranked = [record for record in best if record.ranks and objective is not None and _same(record, objective)]
    same = [sweep for sweep in sweeps if objective is not None and _is_by(sweep, objective)]
    records = _records(same, objective)
    compared = tuple(_compared(each, group) for each, group in _with_group(digests, objective))[-MOST_COMPARED:]
    champion = _champion(ranked, objective)
    holders = {record.sweep for record in records}
    return ExperimentReport(
        experiment=experiment,
        as_of=as_of,
        headline=_headline(experiment, champion, objective, sweeps),
        sentences=_sentences(champion, records, sweeps, same),
        objective=objective,
        champion=champion,
        records=records,
        sweeps=tuple(_line(sweep, is_record=sweep.id in holders) for sweep in sweeps),
        compared=compared,
        parameters=without_seeds(dict.fromkeys(name for each in compared for name in each.ranges)),
        totals=sum((sweep.counts for sweep in sweeps), Counts()),
        metrics=tuple(dict.fromkeys(name for each in compared for name in each.metrics)),
    )


def _is_by(sweep: Sweep, objective: Objective) -> bool:
    return sweep.best is not None and objective.is_like(sweep.objective)


def _records(sweeps: Sequence[Sweep], objective: Objective | None) -> tuple[RecordStep, ...]:
    """The sweeps whose best beat everything before, in order of time."""
    found: list[RecordStep] = []
    given: Launch | None = None
    for sweep in sweeps:
        best = sweep.best
        assert best is not None
        assert objective is not None
        if found and not objective.is_better(best.value, found[-1].value):
            continue
        margin = apart(best.value, found[-1].value) if found else None
        relative = None if margin is None else share_of(margin, found[-1].value)
        now = Launch(best.job_name, None, best.hyper_parameters)
        changed = _changed(given, now) if given else ()
        found.append(RecordStep(sweep.id, sweep.last_at, best.job_name, best.value, margin, relative, changed))
        given = now
    return tuple(found)


def _changed(before: Launch, now: Launch) -> tuple[str, ...]:
    given = shown_values(now.hyper_parameters)
    return tuple(f"{name} = {given[name]}" for name in differing([before, now]) if name in given)


def _champion(ranked: Sequence[Record], objective: Objective | None) -> Champion | None:
    if not ranked or objective is None:
        return None
    record = ranked[0]
    second = ranked[1] if len(ranked) > 1 else None
    job, value = record.job, record.experiment_value
    assert value is not None
    other = second.experiment_value if second else None
    return Champion(
        job_name=job.name,
        sweep=record.sweep,
        value=value,
        ended_at=job.ended_at,
        duration_seconds=job.duration_seconds,
        hyper_parameters=displayed_values(job),
        metrics=metrics_of(job),
        model_artifact=job.model_artifact,
        console_url=console_url(job.key),
        logs_url=logs_url(job.key),
        second=second.job.name if second else None,
        second_value=other,
        margin=None if other is None else apart(value, other),
    )


def _same(record: Record, objective: Objective) -> bool:
    return objective.is_like(record.experiment_objective)


def _line(sweep: Sweep, *, is_record: bool) -> SweepLine:
    best = sweep.best
    return SweepLine(
        sweep=sweep.id,
        kind=sweep.kind.value,
        state=sweep.state.value,
        began_at=sweep.began_at,
        ended_at=sweep.ended_at,
        counts=sweep.counts,
        objective=sweep.objective.label if sweep.objective else None,
        job_name=best.job_name if best else None,
        value=best.value if best else None,
        is_record=is_record,
    )


def _with_group(digests: Sequence[Analysis], objective: Objective | None) -> list[tuple[Analysis, Group]]:
    """Each analysis with its group that is ranked by the experiment's objective."""
    if objective is None:
        return []
    wanted = (objective.metric, objective.type.value, objective.statistic.value)
    pairs = ((each, group) for each in digests for group in each.groups)
    return [
        (each, group)
        for each, group in pairs
        if (group.ranking.metric, group.ranking.type, group.ranking.statistic) == wanted
    ]


def _compared(analysis: Analysis, group: Group) -> Compared:
    return Compared(
        sweep=analysis.sweep.id,
        began_at=analysis.sweep.started_at,
        ranked=group.ranked,
        value=group.best.value,
        job_name=group.best.job_name,
        steps=tuple((step.finished, step.value) for step in group.improvements),
        jobs=analysis.counts.jobs,
        ranges={each.name: _range(each) for each in analysis.parameters} | dict(analysis.constants),
        best_at=dict(group.best.varied) | dict(analysis.constants),
        metrics=group.best.metrics,
    )


def _range(parameter: Parameter) -> str:
    if parameter.values:
        return listed([shown(value) for value in parameter.values], 8)
    if parameter.lowest is not None and parameter.highest is not None:
        scale = " (log)" if parameter.scale.value == "log" else ""
        return f"{shown(parameter.lowest)} to {shown(parameter.highest)}{scale}"
    return listed([shown(each) for each in parameter.categories], 6)


def _headline(experiment: str, champion: Champion | None, objective: Objective | None, sweeps: Sequence[Sweep]) -> str:
    if champion is None or objective is None:
        return f"{experiment}: {plural(len(sweeps), 'sweep')}, nothing is ranked yet"
    return f"{experiment}: best {objective.metric} {shown(champion.value)} by {champion.job_name}"


def _sentences(
    champion: Champion | None, records: Sequence[RecordStep], sweeps: Sequence[Sweep], same: Sequence[Sweep]
) -> tuple[str, ...]:
    sentences = []
    if champion is not None:
        where = f"in sweep {champion.sweep}, " if champion.sweep else ""
        sentences.append(f"Reached {where}{moment(champion.ended_at)}.")
        if champion.margin is not None and champion.second_value is not None:
            share = share_of(champion.margin, champion.second_value)
            part = "" if share is None else f" ({percent(share)})"
            sentences.append(
                f"Better than the second best ({shown(champion.second_value)}) by "
                f"{gap(champion.margin, champion.second_value)}{part}."
            )
    if len(records) > 1:
        last = records[-1]
        sentences.append(
            f"The best improved {often(len(records) - 1)} over {plural(len(same), 'sweep')}, last by "
            f"{shown(last.margin or 0)} in {last.sweep}."
        )
    if not same:
        sentences.append("Set the tag trialbook:objective or a rule to say what jobs are ranked by.")
    elif len(same) < len(sweeps):
        others = len(sweeps) - len(same)
        sentences.append(
            f"{plural(others, 'sweep')} {'is' if others == 1 else 'are'} ranked by another objective or not at all."
        )
    return tuple(sentences)
