"""Experiments as the ledger sums them up: what a list of them needs, in one small item each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from trialbook.core.jobs import nothing
from trialbook.core.objectives import Objective
from trialbook.core.sweeps import Counts, Record, Sweep


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment over its sweeps, and its best job. `last_at` is when a job was last seen in it."""

    name: str
    last_at: datetime | None = None
    sweeps: int = 0
    counts: Counts = field(default_factory=Counts)
    objective: Objective | None = None
    best_job: str | None = None
    best_value: float | None = None
    best_at: datetime | None = None
    hyper_parameters: Mapping[str, str] = field(default_factory=nothing)


def ranked_by(sweeps: Sequence[Sweep], by_rules: Objective | None = None) -> Objective | None:
    """What an experiment is ranked by: what the rules say, otherwise what most of its sweeps are, the later of two."""
    if by_rules is not None:
        return by_rules
    given = [sweep.objective for sweep in sweeps if sweep.objective is not None and sweep.best is not None]
    labels = [objective.label for objective in given]
    return max(reversed(given), key=lambda objective: labels.count(objective.label), default=None)


def summed_up(name: str, sweeps: Sequence[Sweep], best: Record | None) -> Experiment:
    """An experiment's entry, from all its sweeps and its best job."""
    ranks = best is not None and best.ranks and best.experiment_value is not None
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
    )
