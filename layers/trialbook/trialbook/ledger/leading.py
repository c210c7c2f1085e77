"""An experiment's objective and its best jobs: decided only here, and kept in the experiment's entry.

An experiment's page, the index, lists, `best`, `trials` and the weekly report all take them from that entry or from
here, so that all name the same best.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from trialbook.core.experiments import candidates, summed_up
from trialbook.core.objectives import Objective
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import Record, Sweep
from trialbook.ledger.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Leading:
    """An experiment's sweeps in order of time, its objective, and its best jobs by that; none if no job ranks."""

    sweeps: tuple[Sweep, ...]
    objective: Objective | None
    best: tuple[Record, ...]


def leading(experiment: str, ledger: Ledger, rules: Rules, most: int = 1) -> Leading:
    """The leading jobs by what the ledger holds now, up to `most`: usually two Queries.

    If no job ranks by the objective of the rules or sweeps, as before a `rerank` or with single jobs only, the
    objective is that of the first job in the ranking.
    """
    sweeps = tuple(ledger.sweeps_of(experiment))
    for objective in candidates(sweeps, rules.objective(experiment)):
        best = tuple(ledger.experiment_ranking(experiment, most, objective))
        if best:
            return Leading(sweeps, objective, best)
    first = next(ledger.experiment_ranking(experiment, 1), None)
    if first is None or not first.is_in_experiments_ranking:
        return Leading(sweeps, None, ())
    same = tuple(ledger.experiment_ranking(experiment, most, first.experiment_objective))
    return Leading(sweeps, first.experiment_objective, same)


def list_experiment(experiment: str, ledger: Ledger, rules: Rules) -> None:
    """Writes the experiment's entry again: its objective, its best job, and the sums over its sweeps."""
    found = leading(experiment, ledger, rules)
    put_entry(experiment, found.sweeps, found.best, ledger)


def put_entry(experiment: str, sweeps: Sequence[Sweep], best: Sequence[Record], ledger: Ledger) -> None:
    """Writes the experiment's entry from its sweeps and its best jobs."""
    ledger.experiments.put(summed_up(experiment, sweeps, best[0] if best else None))
