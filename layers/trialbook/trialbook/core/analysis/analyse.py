"""A sweep and its records become an Analysis."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from trialbook.core.analysis import advice
from trialbook.core.analysis.arithmetic import median
from trialbook.core.analysis.costs import cost
from trialbook.core.analysis.differences import differences, improvements, spread
from trialbook.core.analysis.edges import at_the_edge, edges
from trialbook.core.analysis.failures import alike, failures, lacks
from trialbook.core.analysis.front import front
from trialbook.core.analysis.gaps import gaps
from trialbook.core.analysis.going_on import going_on
from trialbook.core.analysis.importance import TELLS_FROM, importance, why_not, why_nothing, why_too_little
from trialbook.core.analysis.links import console_url, logs_url
from trialbook.core.analysis.model import (
    Analysis,
    BestTrial,
    Cause,
    Group,
    Importance,
    Kind,
    Parameter,
    Provenance,
    Ranking,
    Shape,
    StatusCounts,
    Sweeping,
    Value,
)
from trialbook.core.analysis.parameters import constants, shown_values, typed_alike, varied, with_settings
from trialbook.core.analysis.people import several_people
from trialbook.core.analysis.prices import NO_PRICES, Prices, cost_of
from trialbook.core.analysis.recipe import recipe
from trialbook.core.analysis.repeats import repeats, searched
from trialbook.core.analysis.rows import Context, Ranked, metrics_of, places_of_end, ranked_apart, rows
from trialbook.core.analysis.slices import slice_of
from trialbook.core.analysis.verdict import headline, sentences
from trialbook.core.analysis.where_next import where_next
from trialbook.core.analysis.with_curves import with_curves
from trialbook.core.curves.series import JobCurves
from trialbook.core.jobs import JobKey, ParentsBest
from trialbook.core.objectives import Objective, ObjectiveType
from trialbook.core.settings import is_setting
from trialbook.core.sweeps import Record, Sweep

NO_CURVES: Mapping[str, JobCurves] = MappingProxyType({})
_MOST_OF_BETTER = 250  # trials of the better half, evenly over it, whose importance is reported beside that of all


@dataclass(frozen=True, slots=True)
class _Others:
    """The trial that the best one is compared with."""

    previous: Sweep | None
    before: Record | None
    parents: ParentsBest | None


def analyse(
    sweep: Sweep,
    records: Sequence[Record],
    *,
    as_of: datetime,
    previous: Sweep | None = None,
    experiment_best: Record | None = None,
    prices: Prices = NO_PRICES,
    second: Objective | None = None,
    curves: Mapping[str, JobCurves] = NO_CURVES,
) -> Analysis:
    """All that the report of a sweep says. `records` are its jobs in any order; `previous` is the experiment's sweep
    before it, `experiment_best` the experiment's best job before it, `prices` US dollars an hour by instance type;
    `second` is the objective that the front is held against; `curves` are those that were kept, by job."""
    originals = [record.job for record in records]
    records = with_settings(records)
    shown = {record.job.name: shown_values(record.job.hyper_parameters) for record in records}
    jobs = [record.job for record in records]
    parameters = varied(jobs, sweep.definitions)
    given = typed_alike(parameters, shown)
    failed = failures(records, parameters, given)
    apart = ranked_apart(records)
    ends = places_of_end(records)
    others = _Others(previous, experiment_best, sweep.parents_best)
    causes = [each.cause for each in failed if each.cause is not None]
    groups = tuple(_group(each, sweep, parameters, given, others, causes, ends, prices, second) for each in apart)
    counts = _counts(records)
    best = next(job for job in originals if job.key == apart[0].records[0].key) if apart else None
    spent = cost(jobs, best, prices)
    lacking = lacks(records)
    made = Analysis(
        as_of=as_of,
        sweep=_sweeping(sweep),
        headline=headline(sweep.experiment, groups, counts, failed),
        sentences=sentences(groups, counts, spent, several_people(sweep, originals)),
        counts=counts,
        groups=groups,
        parameters=parameters,
        constants=constants(jobs),
        metrics=_metric_names(records),
        failures=failed,
        lacks=lacking,
        advice=(*advice.failing(failed), *advice.without_objective(lacking), *advice.stopped(records)),
        cost=spent,
        recipe=recipe(best) if best else None,
        provenance=_provenance(sweep, records),
        trials=rows(records, apart, Context(given, _failure_places(records), ends, prices)),
    )
    return with_curves(made, apart, jobs, curves, prices)


def _failure_places(records: Sequence[Record]) -> dict[str, int]:
    """The group of each failed job, by its name."""
    return {record.job.name: place for place, found in enumerate(alike(records)) for record in found}


def _group(
    ranked: Ranked,
    sweep: Sweep,
    parameters: Sequence[Parameter],
    given: Mapping[str, Mapping[str, Value]],
    others: _Others,
    causes: Sequence[Cause],
    ends: Mapping[JobKey, int],
    prices: Prices,
    second: Objective | None,
) -> Group:
    objective = ranked.objective
    trials = [given[record.job.name] for record in ranked.records]
    values = [record.value for record in ranked.records if record.value is not None]
    present = searched([each for each in parameters if len({trial[each.name] for trial in trials}) > 1])
    modelled = importance(present, trials, values, objective.type)
    found = modelled if modelled and modelled.explained >= TELLS_FROM else None
    best = _best(ranked, trials[0], prices)
    pairs = gaps(best.metrics, [metrics_of(record.job) for record in ranked.records])
    repeated = repeats(trials, values, objective.type)
    crowded = edges(present, trials, found)
    in_time = sorted(range(len(values)), key=lambda at: ends[ranked.records[at].key])
    return Group(
        ranking=Ranking(objective.metric, objective.type, objective.statistic, objective.source),
        ranked=len(values),
        shape=_shape(present, len(values)),
        best=best,
        differences=differences(ranked, others.previous, others.before, others.parents),
        improvements=improvements(ranked, ends),
        spread=spread(values, objective.type),
        slices=tuple(slice_of(each, trials, values, objective) for each in present),
        importance=found,
        importance_note=None if found else _why_no_importance(values, present, modelled),
        gaps=pairs,
        advice=(
            *advice.ties(best),
            *advice.within_noise(repeated, values),
            *at_the_edge(crowded),
            *advice.combinations_matter(found),
            *advice.changed_together(found),
            *advice.insensitive(found, present, trials),
            *advice.overfitting(pairs, objective, median(abs(value) for value in values)),
            *going_on(
                [values[at] for at in in_time],
                objective,
                sweep.strategy,
                present,
                [trials[at] for at in in_time],
            ),
            *advice.stopped_early(ranked.records),
            *advice.noise_unknown(repeated, values, len(present), modelled, sweep.id),
        ),
        repeats=repeated,
        importance_of_better=_among_better(present, trials, values, objective.type) if found else None,
        where_next=where_next(
            [each for each in present if not is_setting(each.name)], trials, values, repeated, crowded, causes, sweep.id
        ),
        front=front(ranked.records, objective, prices, second),
    )


def _among_better(
    parameters: Sequence[Parameter],
    trials: Sequence[Mapping[str, Value]],
    values: Sequence[float],
    objective_type: ObjectiveType,
) -> Importance | None:
    """Importance among the better half: what decides between good trials is often not what parts them from bad ones."""
    half = len(values) // 2
    step = max(1, -(-half // _MOST_OF_BETTER))
    among = searched([each for each in parameters if len({trial[each.name] for trial in trials[:half]}) > 1])
    found = importance(among, trials[:half:step], values[:half:step], objective_type)
    return found if found and found.explained >= TELLS_FROM else None


def _why_no_importance(values: Sequence[float], present: Sequence[Parameter], modelled: Importance | None) -> str:
    if modelled is not None:
        return why_too_little(modelled)
    return why_not(len(values), len(present)) or why_nothing(values)


def _shape(parameters: Sequence[Parameter], ranked: int) -> Shape:
    if ranked == 1:
        return Shape.ONE_TRIAL
    kinds = [each.kind for each in parameters]
    if not kinds:
        return Shape.NOTHING_VARIED
    if len(kinds) == 1:
        return Shape.ONE_NUMBER if kinds[0] is Kind.NUMBER else Shape.ONE_CATEGORY
    return Shape.TWO_NUMBERS if kinds == [Kind.NUMBER, Kind.NUMBER] else Shape.SEVERAL


def _best(ranked: Ranked, given: Mapping[str, Value], prices: Prices) -> BestTrial:
    record = ranked.records[0]
    job = record.job
    assert record.value is not None
    return BestTrial(
        job_name=job.name,
        value=record.value,
        tied=sum(1 for other in ranked.records[1:] if other.value == record.value),
        status=job.status,
        varied=given,
        metrics=metrics_of(job),
        tags={name: text for name, text in sorted(job.tags.items()) if not name.startswith("aws:")},
        ended_at=job.ended_at,
        duration_seconds=job.duration_seconds,
        cost_usd=cost_of(job, prices),
        console_url=console_url(job.key),
        logs_url=logs_url(job.key),
        model_artifact=job.model_artifact,
    )


def _counts(records: Sequence[Record]) -> StatusCounts:
    statuses = Counter(record.job.status for record in records)
    ended = statuses["Completed"] + statuses["Failed"] + statuses["Stopped"]
    return StatusCounts(
        jobs=len(records),
        completed=statuses["Completed"],
        failed=statuses["Failed"],
        stopped=statuses["Stopped"],
        in_progress=len(records) - ended,
        without_objective=sum(1 for record in records if record.without_objective is not None),
    )


def _sweeping(sweep: Sweep) -> Sweeping:
    return Sweeping(
        id=sweep.id,
        kind=sweep.kind,
        experiment=sweep.experiment,
        account=sweep.account,
        region=sweep.region,
        state=sweep.state,
        revision=sweep.revision,
        strategy=sweep.strategy,
        max_jobs=sweep.max_jobs or sweep.expected_size,
        parents=sweep.parents,
        started_at=sweep.began_at,
        ended_at=sweep.ended_at,
        failure_reason=sweep.tuning_failure,
    )


def _metric_names(records: Sequence[Record]) -> tuple[str, ...]:
    """In the order in which jobs report them."""
    names: dict[str, None] = {}
    for record in records:
        names.update(dict.fromkeys(metrics_of(record.job)))
    return tuple(names)


def _provenance(sweep: Sweep, records: Sequence[Record]) -> Provenance:
    described = sum(1 for record in records if record.job.described)
    return Provenance(
        placed_by=dict(Counter(record.placed_by for record in records).most_common()),
        described=described,
        events_only=len(records) - described,
        changes=sum(record.version for record in records),
        ledger_revision=sweep.version,
        supersedes=sweep.supersedes,
        is_history=sweep.is_history,
    )
