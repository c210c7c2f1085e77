"""A Record from a job: where it belongs, its sweep, what it is ranked by, and its value."""

from dataclasses import dataclass, replace
from datetime import timedelta

from trialbook.core.errors import InvalidInput
from trialbook.core.jobs import COMPLETED, STOPPED, Job, JobKey, TuningDefinition, TuningJob
from trialbook.core.names import valid_name
from trialbook.core.objectives import (
    Objective,
    ObjectiveSource,
    ObjectiveType,
    Statistic,
    known_objective,
    may_rank,
    parse_objective,
    tuning_objective,
    why_without_value,
)
from trialbook.core.placement import OBJECTIVE_TAG, SWEEP_TAG, Placement
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import Record, Sweep, SweepKind, last_activity_of, mark_of, start_of


@dataclass(frozen=True, slots=True)
class Membership:
    """The sweep that a job names by itself. A loop's id is that of its first job, so it is not known here."""

    kind: SweepKind
    id: str | None


def membership(job: Job, placement: Placement, tuning_sweep: str | None) -> Membership | None:
    """Which sweep a job is part of. Only training jobs search, and of several attempts only the last. A loop's window
    depends on the job's neighbours.

    `placement` names the experiment and `tuning_sweep` the tuning job as the book calls them.
    """
    if not job.key.kind.is_trial or job.retried_as is not None:
        return None
    if tuning_sweep:
        return Membership(SweepKind.TUNING, tuning_sweep)
    if job.tags.get(SWEEP_TAG, "").strip():
        return Membership(SweepKind.TAG, f"{placement.experiment}~{valid_name(job.tags[SWEEP_TAG].strip())}")
    return Membership(SweepKind.LOOP, None)


def assess(
    job: Job,
    placement: Placement,
    rules: Rules,
    definitions: tuple[TuningDefinition, ...] = (),
    version: int = 1,
) -> Record:
    """The record of a job, before it has a sweep. `definitions` are its tuning job's."""
    by_rules = rules.objective(placement.experiment)
    objective = _objective(job, by_rules, definitions)
    ranks = may_rank(job, rules.rank_stopped(placement.experiment))
    value = objective.value_of(job) if objective and ranks else None
    experiment_objective = by_rules or objective
    return Record(
        job=job,
        experiment=placement.experiment,
        trial=placement.trial,
        placed_by=placement.placed_by,
        objective=objective,
        value=value,
        ranks=ranks,
        without_objective=_without(job, objective, value, ranks),
        experiment_objective=experiment_objective,
        experiment_value=experiment_objective.value_of(job) if experiment_objective and ranks else None,
        version=version,
    )


def _objective(job: Job, by_rules: Objective | None, definitions: tuple[TuningDefinition, ...]) -> Objective | None:
    if not job.key.kind.is_trial:
        return None
    if job.tuning_job:
        found = tuning_objective(job, definitions, _statistic(by_rules))
        if found is not None:
            return found
    return _by_tag(job) or by_rules or known_objective(job)


def common_objective(definitions: tuple[TuningDefinition, ...], by_rules: Objective | None) -> Objective | None:
    """The objective of a tuning job as a whole: what all its definitions share, None where they differ."""
    found = {(each.metric_name, each.objective_type) for each in definitions}
    if len(found) != 1:
        return None
    ((metric, objective_type),) = found
    if not metric or objective_type not in set(ObjectiveType):
        return None
    return Objective(metric, ObjectiveType(objective_type), ObjectiveSource.TUNING_JOB, _statistic(by_rules))


def _statistic(by_rules: Objective | None) -> Statistic:
    return by_rules.statistic if by_rules else Statistic.LAST


def _by_tag(job: Job) -> Objective | None:
    text = job.tags.get(OBJECTIVE_TAG)
    if text is None:
        return None
    try:
        return parse_objective(text, f"tag {OBJECTIVE_TAG}", ObjectiveSource.TAG)
    except InvalidInput:
        return None  # `show` and `rules test` report it; a wrong tag must not stop the record


def _without(job: Job, objective: Objective | None, value: float | None, ranks: bool) -> str | None:
    ended_well = job.status == COMPLETED or (job.status == STOPPED and ranks)
    if not job.key.kind.is_trial or job.retried_as or not ended_well or value is not None:
        return None
    return why_without_value(job, objective)


def new_sweep(kind: SweepKind, sweep_id: str, record: Record) -> Sweep:
    """A sweep before its first job is counted."""
    return blank_sweep(kind, sweep_id, record.experiment, record.key)


def blank_sweep(kind: SweepKind, sweep_id: str, experiment: str, key: JobKey) -> Sweep:
    """An empty sweep, for a first job with that key."""
    return Sweep(sweep_id, kind, experiment, key.account, key.region, is_history=True)


def with_tuning_job(sweep: Sweep, tuning_job: TuningJob, rules: Rules) -> Sweep:
    """The sweep with its tuning job's objective, ranges, limits and status."""
    job = tuning_job.job
    definitions = tuning_job.definitions or sweep.definitions
    return replace(
        sweep,
        definitions=definitions,
        objective=common_objective(definitions, rules.objective(sweep.experiment)) or sweep.childrens_objective,
        strategy=tuning_job.strategy or sweep.strategy,
        max_jobs=tuning_job.max_jobs or sweep.max_jobs,
        parents=tuning_job.warm_start_parents or sweep.parents,
        parents_best=tuning_job.parents_best or sweep.parents_best,
        tuning_status=job.status,
        tuning_created_at=job.created_at or sweep.tuning_created_at,
        tuning_ended_at=job.ended_at or (job.last_modified_at if job.is_terminal else None),
        tuning_failure=job.failure_reason,
    )


def is_near(window: Sweep, job: Job, quiet: timedelta) -> bool:
    """Whether at most `quiet` is between window and job. A running window is near all later jobs."""
    if window.first_at is None or window.last_at is None:
        return False
    if start_of(job) - window.last_at > quiet and not window.counts.in_progress:
        return False
    return not job.is_terminal or window.first_at - last_activity_of(job) <= quiet


def extends(window: Sweep, job: Job, quiet: timedelta) -> bool:
    """Whether a new job extends the window without changing its first job: it starts while one of the window's jobs
    runs, or within `quiet` after one with other settings. Of two jobs that start in the same millisecond either may be
    the first."""
    if window.first_at is None or window.last_at is None or start_of(job) <= window.first_at:
        return False
    start, mark = start_of(job), mark_of(job)
    if window.counts.in_progress or start < window.last_at or start == window.last_start_at:
        return True
    return any(each.settings != mark and start - each.at <= quiet for each in window.latest)


def stays_whole(window: Sweep, job: Job) -> bool:
    """Whether the window stays one once the end of one of its jobs is known. It may split if another job started after
    that end."""
    if window.last_start_at is None:
        return False
    return not job.is_terminal or window.counts.jobs == 1 or window.last_start_at < last_activity_of(job)
