"""`trialbook prune`: old jobs and sweeps leave the ledger."""

from datetime import datetime
from pathlib import Path

import typer

from trialbook.core.names import same_name
from trialbook.core.sweeps import Record, Sweep, SweepState, start_of
from trialbook.ledger.leading import list_experiment
from trialbook.ledger.removal import remove_job, remove_sweep
from trialbook.ledger.table import EXPERIMENTS
from trialbook.runtime import clock
from trialbook_book.book import Book
from trialbook_cli.backfilling import parse_since
from trialbook_cli.commands.export import Format
from trialbook_cli.commands.export import run as export
from trialbook_cli.plain import FAILED, OK
from trialbook_cli.terminal import console


def run(book: Book, older_than: str, export_to: Path | None, *, dry_run: bool, yes: bool) -> int:
    """Deletes whole sweeps that ended before, with their jobs, and jobs of no sweep. Reads the whole table."""
    before = parse_since(older_than, clock.now(), "--older-than")
    records = list(book.ledger.jobs())
    sweeps = [sweep for sweep in book.ledger.all_sweeps() if _is_over(sweep, before)]
    going = {sweep.id for sweep in sweeps}
    jobs = [record for record in records if _goes(record, going, before)]
    verb = "would be" if dry_run else "are to be"
    console.print(
        f"{len(jobs)} of {len(records)} jobs and {len(sweeps)} sweeps, last active before {before:%Y-%m-%d}, "
        f"{verb} deleted"
    )
    if dry_run or (not jobs and not sweeps):
        return OK
    if export_to is not None:
        export(book, None, export_to, Format.JSONL, as_json=False)
    if not yes and not typer.confirm("They can't be brought back. Delete them?"):
        console.print("nothing is deleted")
        return FAILED
    gone_jobs, gone_sweeps = _delete(book, jobs, sweeps)
    console.print(f"{gone_jobs} jobs and {gone_sweeps} sweeps are deleted")
    if gone_sweeps < len(sweeps) or gone_jobs < len(jobs):
        left = f"{len(jobs) - gone_jobs} jobs and {len(sweeps) - gone_sweeps} sweeps"
        console.print(f"{left} have changed since they were listed, and stay")
    return OK


def _is_over(sweep: Sweep, before: datetime) -> bool:
    last = sweep.last_at or sweep.tuning_ended_at or sweep.began_at
    return sweep.state is SweepState.CLOSED and last is not None and last < before


def _goes(record: Record, sweeps: set[str], before: datetime) -> bool:
    if record.sweep is not None:
        return record.sweep in sweeps
    return record.job.is_terminal and (record.job.ended_at or start_of(record.job)) < before


def _delete(book: Book, jobs: list[Record], sweeps: list[Sweep]) -> tuple[int, int]:
    """How many jobs and sweeps were deleted: those that have not changed since they were listed. Interrupted and called
    again, it goes on."""
    removed = {sweep.id for sweep in sweeps if remove_sweep(book.ledger, sweep)}
    gone = [each for each in jobs if (each.sweep in removed if each.sweep else remove_job(book.ledger, each))]
    rules = book.rules()
    for experiment in sorted({record.experiment for record in jobs} | {sweep.experiment for sweep in sweeps}):
        list_experiment(experiment, book.ledger, rules)
        if next(book.ledger.experiment_ranking(experiment, 1), None) is None:
            book.ledger.table.delete([(EXPERIMENTS, same_name(experiment))])
    return len(gone), len(removed)
