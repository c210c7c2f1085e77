"""Experiments as the ledger sums them up: what a list of them needs, in one small item each."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from trialbook.core.jobs import nothing
from trialbook.core.objectives import Objective
from trialbook.core.sweeps import Best, Counts, Record, Sweep

MOST_RECENT = 20  # sweeps whose bests an entry keeps


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment over its sweeps, and its best job. `last_at` is when a job was last seen in it; `recent` are the
    bests of its last sweeps by its objective, in order of time."""

    name: str
    last_at: datetime | None = None
    sweeps: int = 0
    counts: Counts = field(default_factory=Counts)
    objective: Objective | None = None
    best_job: str | None = None
    best_value: float | None = None
    best_at: datetime | None = None
    hyper_parameters: Mapping[str, str] = field(default_factory=nothing)
    recent: tuple[float, ...] = ()


def candidates(sweeps: Sequence[Sweep], by_rules: Objective | None = None) -> tuple[Objective, ...]:
    """The objectives that may rank an experiment, in order of preference: the rules' own, then the one that ranks most
    of its sweeps, the later of two. The first by which any job ranks leads; `leading` takes it, and no one else
    decides."""
    given = [sweep.objective for sweep in sweeps if sweep.objective is not None and sweep.best is not None]
    counts = Counter(objective.label for objective in given)
    latest = {objective.label: (place, objective) for place, objective in enumerate(given)}
    voted = sorted(latest.values(), key=lambda each: (counts[each[1].label], each[0]), reverse=True)
    others = (objective for _, objective in voted if by_rules is None or not by_rules.is_like(objective))
    return (*others,) if by_rules is None else (by_rules, *others)


def by_objective(sweep: Sweep, objective: Objective, records: Iterable[Record]) -> Sweep:
    """The sweep with its best job by the experiment's objective in place of its own, which a tuning job or a tag may
    have named."""
    same = [each for each in records if each.is_in_experiments_ranking and objective.is_like(each.experiment_objective)]
    first = min(same, key=lambda each: each.experiment_rank, default=None)
    if first is None or first.experiment_value is None:
        return sweep
    best = Best(
        first.job.name, first.experiment_value, first.experiment_rank, first.job.hyper_parameters, first.key.kind
    )
    return replace(sweep, objective=objective, best=best)


def summed_up(name: str, sweeps: Sequence[Sweep], best: Record | None) -> Experiment:
    """An experiment's entry, from all its sweeps and its best job."""
    ranks = best is not None and best.is_in_experiments_ranking
    moments = [sweep.last_at for sweep in sweeps if sweep.last_at is not None]
    return Experiment(
        name=name,
        last_at=max(moments, default=None),
        sweeps=len(sweeps),
        counts=sum((sweep.counts for sweep in sweeps), Counts()),
        objective=best.experiment_objective if best and ranks else None,
        best_job=best.job.name if best and ranks else None,
        best_value=best.experiment_value if best and ranks else None,
        best_at=best.job.ended_at if best and ranks else None,
        hyper_parameters=best.job.hyper_parameters if best and ranks else nothing(),
        recent=_recent(sweeps, best.experiment_objective) if best and ranks else (),
    )


def _recent(sweeps: Sequence[Sweep], objective: Objective | None) -> tuple[float, ...]:
    same = [each for each in sweeps if each.best and objective is not None and objective.is_like(each.objective)]
    began = sorted(same, key=lambda each: each.began_at.isoformat() if each.began_at else "")
    return tuple(each.best.value for each in began[-MOST_RECENT:] if each.best)
