"""Items that an older version of Trialbook wrote, written in today's format."""

from collections.abc import Callable

from trialbook.core.formats import REWRITTEN
from trialbook.core.objectives import OLD_RANKS, moved_rank
from trialbook.ledger.items import facts, read_facts
from trialbook.ledger.table import Item, LedgerTable, experiment_id, single_jobs_id, sweeps_id


def write_anew(experiment: str, table: LedgerTable, time_left: Callable[[], bool] = lambda: True) -> int | None:
    """Gives an experiment's jobs and sweeps of older formats today's facts and rank keys; returns how many, or None if
    time ran out before the last. Their versions stay. An item that is written meanwhile gets both by that write."""
    written = 0
    for partition in (experiment_id(experiment), sweeps_id(experiment), single_jobs_id(experiment)):
        old = filter(_is_old, table.item.in_experiment.query(partition))
        for item in table.whole(old, partition):
            if not time_left():
                return None
            written += _write_anew(item, table)
    return written


def _is_old(item: Item) -> bool:
    is_of_old_format = item.item in ("job", "sweep") and int(item.format or 1) < REWRITTEN
    return is_of_old_format or (str(item.experiment_rank).startswith(OLD_RANKS) and item.item == "job")


def _write_anew(item: Item, table: LedgerTable) -> bool:
    held = facts(read_facts(item))
    item.format, item.facts, item.packed_facts = held["format"], held.get("facts"), held.get("packed_facts")
    if item.item == "job":
        item.experiment_rank = moved_rank(item.experiment_rank)
        item.sweep_rank = moved_rank(item.sweep_rank) if item.sweep_rank else None
    return table.save_if(item, table.item.version == item.version)
