"""Rank keys of jobs that an older version of Trialbook recorded."""

from trialbook.core.objectives import OLD_RANKS, moved_rank
from trialbook.ledger.table import LedgerTable, experiment_id


def move_ranks(experiment: str, table: LedgerTable) -> int:
    """Gives today's rank keys to the experiment's jobs of format 1, which ranked jobs with unnamed objectives apart;
    returns how many. Their facts and versions stay. A job that is written meanwhile gets today's keys by that write."""
    moved = 0
    for item in table.item.by_experiment.query(
        experiment_id(experiment), table.item.experiment_rank.startswith(OLD_RANKS)
    ):
        item.experiment_rank = moved_rank(item.experiment_rank)
        item.sweep_rank = moved_rank(item.sweep_rank) if item.sweep_rank else None
        moved += table.save_if(item, table.item.version == item.version)
    return moved
