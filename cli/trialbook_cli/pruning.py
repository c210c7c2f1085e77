"""Old jobs and sweeps, and their deletion."""

from dataclasses import dataclass
from datetime import datetime

from trialbook.core.names import same_name
from trialbook.core.sweeps import Record, Sweep, SweepState, start_of
from trialbook.ledger.leading import list_experiment
from trialbook.ledger.removal import remove_job, remove_sweep
from trialbook.ledger.table import EXPERIMENTS
from trialbook_book.book import Book


@dataclass(frozen=True, slots=True)
class Old:
    """Jobs and sweeps that were last active before a time, and the number of all jobs."""

    jobs: list[Record]
    sweeps: list[Sweep]
    all_jobs: int


def inactive_since(book: Book, before: datetime) -> Old:
    """Closed sweeps that were last active before, with their jobs, and old jobs without a sweep. Reads the whole
    table."""
    records = list(book.ledger.jobs())
    sweeps = [sweep for sweep in book.ledger.all_sweeps() if _is_old(sweep, before)]
    ids = {sweep.id for sweep in sweeps}
    return Old([record for record in records if _is_to_go(record, ids, before)], sweeps, len(records))


def _is_old(sweep: Sweep, before: datetime) -> bool:
    last = sweep.last_at or sweep.tuning_ended_at or sweep.began_at
    return sweep.state is SweepState.CLOSED and last is not None and last < before


def _is_to_go(record: Record, sweeps: set[str], before: datetime) -> bool:
    if record.sweep is not None:
        return record.sweep in sweeps
    return record.job.is_terminal and (record.job.ended_at or start_of(record.job)) < before


def delete(book: Book, old: Old) -> tuple[int, int]:
    """Deletes the jobs and sweeps that have not changed since they were listed; returns their numbers. Continues an
    interrupted deletion."""
    removed = {sweep.id for sweep in old.sweeps if remove_sweep(book.ledger, sweep)}
    gone = [each for each in old.jobs if (each.sweep in removed if each.sweep else remove_job(book.ledger, each))]
    rules = book.rules()
    for experiment in sorted({each.experiment for each in old.jobs} | {each.experiment for each in old.sweeps}):
        list_experiment(experiment, book.ledger, rules)
        if next(book.ledger.experiment_ranking(experiment, 1), None) is None:
            book.ledger.table.delete([(EXPERIMENTS, same_name(experiment))])
    return len(gone), len(removed)
