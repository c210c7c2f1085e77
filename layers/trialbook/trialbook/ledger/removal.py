"""Deletes what belongs together: a sweep with its jobs, their attachments and their delivery records.

The sweep is marked first, conditional on its version; from then on no job joins it. Its jobs are deleted next and the
sweep last, so that an interrupted deletion can continue later.
"""

from collections.abc import Iterator

from trialbook.core.jobs import JobKey
from trialbook.core.sweeps import Record, Sweep, SweepKind
from trialbook.ledger.deliveries import pk_of
from trialbook.ledger.ledger import Ledger
from trialbook.ledger.table import LOOPS_SORT_KEY, Conflict, job_pk, loops_pk, sweep_keys


def remove_sweep(ledger: Ledger, sweep: Sweep) -> bool:
    """Removes a closed sweep with all that belongs to it. Returns False and removes nothing if the sweep has changed
    since it was read. Can be interrupted and repeated."""
    try:
        marked = ledger.begin_to_remove(sweep)
    except Conflict:
        return False
    ledger.table.delete(_belongings(ledger, marked))
    if not ledger.table.delete_unchanged(sweep_keys(marked.id), marked.version):
        return False
    if marked.kind is SweepKind.LOOP:
        _remove_head(ledger, marked.experiment)
    return True


def _belongings(ledger: Ledger, sweep: Sweep) -> Iterator[tuple[str, str]]:
    names = [sweep.id, *sweep.supersedes]
    records = list(ledger.ranking(sweep.id))
    keys = [record.key for record in records]
    if sweep.kind is SweepKind.TUNING:
        keys.append(sweep.tuning_job)
    for key in keys:
        yield from ((job_pk(key), sort) for sort in ("JOB", "ATTACHMENT"))
        yield from ledger.table.keys_in(pk_of(_about_job(key)))
    for name in names:
        yield from ledger.table.keys_in(pk_of(f"sweep/{name}"))
    for name in sweep.supersedes:
        mark = ledger.sweep(name)
        if mark is not None and mark.superseded_by is not None:
            yield sweep_keys(name)


def remove_job(ledger: Ledger, record: Record) -> bool:
    """Removes a job of no sweep. Returns False if it has changed since it was read."""
    if not ledger.table.delete_unchanged((job_pk(record.key), "JOB"), record.version):
        return False
    beginnings = ("STEP#", "JOB#") if record.key.kind.is_execution else ()
    of_execution = [key for each in beginnings for key in ledger.table.keys_in(job_pk(record.key), each)]
    ledger.table.delete(
        [(job_pk(record.key), "ATTACHMENT"), *of_execution, *ledger.table.keys_in(pk_of(_about_job(record.key)))]
    )
    return True


def _about_job(key: JobKey) -> str:
    return f"job/{key.account}/{key.region}/{key.kind.value}/{key.name}"


def _remove_head(ledger: Ledger, experiment: str) -> None:
    """The version of an experiment's loops goes with the last of them."""
    head, windows = ledger.loops(experiment)
    if head.version and next(windows, None) is None:
        ledger.table.delete_unchanged((loops_pk(experiment), LOOPS_SORT_KEY), head.version)
