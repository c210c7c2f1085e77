"""close_sweeps: closes the sweeps that have finished. Runs once a minute, over a sparse index of those that are due.

Each sweep and each job is tried by itself. A failure is counted, logged with its name and tried again. A sweep that
takes long to fail is paused, so that it does not use up the time of those behind it at each run.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from trialbook.adapters.sagemaker import Throttled, Unread
from trialbook.core.closing import looked_at_again, outlook
from trialbook.core.formats import REWRITTEN
from trialbook.core.jobs import STOPPED, TERMINAL, Job
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import Record, Sweep, SweepKind, SweepState, is_of_earlier_life
from trialbook.core.times import iso, parse_time
from trialbook.ledger.leading import list_experiment
from trialbook.ledger.ledger import Ledger
from trialbook.ledger.moves import MOVED_AT_ONCE, Moves
from trialbook.ledger.old_items import write_anew
from trialbook.ledger.removal import remove_sweep
from trialbook.ledger.table import OUTAGE, Conflict
from trialbook.record_job import NO_ANSWER, RecordOutcome, record, tuning_job_of
from trialbook.runtime.observability import count, logger
from trialbook.services import Services

T = TypeVar("T")
TimeLeft = Callable[[], bool]

_LONG = 10  # seconds; a sweep that fails sooner costs the others nothing
_PAUSE = timedelta(minutes=5)  # before a sweep that took so long and failed is tried again
_GIVES_UP_AFTER = 3  # throttled jobs in a row; SageMaker would throttle the others too
_WRITTEN_ONCE, _WRITTEN = f"format-{REWRITTEN}/written-once", f"format-{REWRITTEN}/written"
_STACK_IS_UPDATED_IN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Closed:
    """The result of one run. `unfinished`: time ran out, and the next run continues. `failed` are the names of what
    failed; the sweeps among them are also in `waiting`."""

    closed: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    unfinished: bool = False
    failed: tuple[str, ...] = ()


def close_sweeps(now: datetime, services: Services, time_left: TimeLeft = lambda: True) -> Closed:
    """Closes the sweeps that have finished, and describes the jobs of those that should have."""
    closed: list[str] = []
    waiting: list[str] = []
    failed: list[str] = []
    try:
        _write_anew(now, services.ledger, services.rules(), time_left)
    except Exception as error:  # noqa: BLE001 repeated next minute; sweeps do not wait for it
        failed.append(_failed("items of an older format", error))
    experiments: set[str] = set()
    unfinished = False
    for key in services.ledger.due_sweeps.keys(now):
        unfinished = not time_left()
        if unfinished:
            break
        try:
            sweep = services.ledger.due_sweeps.get(key)
        except Exception as error:  # noqa: BLE001 one bad sweep must not stop the others
            failed.append(_failed("/".join(key), error))
            continue
        if sweep is None:
            continue
        is_closed = _try(sweep, now, services, time_left, failed)
        (closed if is_closed else waiting).append(sweep.id)
        if is_closed:
            experiments.add(sweep.experiment)
    for experiment in sorted(experiments):
        try:
            list_experiment(experiment, services.ledger, services.rules())
        except Exception as error:  # noqa: BLE001 its report, which is built next, writes the entry too
            failed.append(_failed(experiment, error))
    if not unfinished:
        unfinished = _expire(now, services, time_left, failed)
    count("SweepsClosed", len(closed))
    return Closed(tuple(closed), tuple(waiting), unfinished, tuple(failed))


def _expire(now: datetime, services: Services, time_left: TimeLeft, failed: list[str]) -> bool:
    """Removes the expired sweeps, each with all that belongs to it. Returns whether time ran out."""
    expiring, removed = services.ledger.expiring_sweeps, 0
    if expiring is None:
        return False
    for key in expiring.keys(now):
        if not time_left():
            return True
        try:
            sweep = expiring.get(key)
            removed += sweep is not None and remove_sweep(services.ledger, sweep)
        except Exception as error:  # noqa: BLE001 one bad sweep must not stop the others
            failed.append(_failed("/".join(key), error))
    if removed:
        count("SweepsExpired", removed)
    return False


def _try(sweep: Sweep, now: datetime, services: Services, time_left: TimeLeft, failed: list[str]) -> bool:
    """Whether the sweep was closed."""
    began = time.monotonic()
    try:
        return _look_at(sweep, now, services, time_left, failed)
    except Exception as error:  # noqa: BLE001 one bad sweep must not stop the others
        failed.append(_failed(sweep.id, error))
        if time.monotonic() - began > _LONG:
            _pause(sweep, now, services)
        return False


def _failed(name: str, error: Exception) -> str:
    logger.warning("not done this time", what=name, reason=repr(error)[:1000])
    count("CloseFailures")
    return name


def _pause(sweep: Sweep, now: datetime, services: Services) -> None:
    """Makes the sweep due again in a few minutes."""
    with suppress(Conflict, *OUTAGE):
        services.ledger.write(sweeps=[(replace(sweep, version=sweep.version + 1), now + _PAUSE)])


def _write_anew(now: datetime, ledger: Ledger, rules: Rules, time_left: TimeLeft) -> None:
    """Twice for each format: writes what an older version recorded in today's format; the second time what its
    functions wrote while the stack was being updated. If time runs out, the next run continues."""
    if ledger.notes.has(_WRITTEN):
        return
    first = parse_time(ledger.notes.get(_WRITTEN_ONCE), _WRITTEN_ONCE)
    if first is not None and now - first < _STACK_IS_UPDATED_IN:
        return
    total = 0
    for experiment in ledger.experiments:
        written = write_anew(experiment.name, ledger.table, time_left) if time_left() else None
        if written is None:
            logger.info("items of an older format are rewritten next time", written=total)
            return
        list_experiment(experiment.name, ledger, rules)
        total += written
    ledger.notes.put(_WRITTEN if first else _WRITTEN_ONCE, iso(now))
    logger.info("all items have today's format", written=total)


def _look_at(sweep: Sweep, now: datetime, services: Services, time_left: TimeLeft, failed: list[str]) -> bool:
    """Whether the sweep was closed. What events missed is learned first; that may make it continue."""
    ahead = outlook(sweep, services.rules().quiet_period(sweep.experiment))
    if ahead is None:
        return False
    if not ahead.is_quiet:
        if not _learn_about_hanging(sweep, services, failed):
            _postpone(sweep, now, services)
        return False
    if sweep.kind is SweepKind.LOOP and not _is_in_order(sweep, services):
        return False
    if sweep.kind is SweepKind.TUNING and not _children_are_complete(sweep, services, time_left, failed):
        return False
    return close(sweep.id, now, services)


def _is_in_order(window: Sweep, services: Services) -> bool:
    """Whether no jobs of its loop are being moved. What a process that died has begun is finished now."""
    moves = Moves(services.ledger, services.rules(), MOVED_AT_ONCE, time.sleep)
    return moves.settle(window.loop, is_own=False)


def close(sweep_id: str, now: datetime, services: Services) -> bool:
    """Closes the sweep, once: False where something came in between, or somebody else closed it."""
    ledger = services.ledger
    sweep = ledger.sweep(sweep_id)
    if sweep is None:
        return False
    ahead = outlook(sweep, services.rules().quiet_period(sweep.experiment))
    if ahead is None or not ahead.is_quiet or ahead.due_at > now:
        return False
    revision = sweep.revision if sweep.is_single else sweep.revision + 1
    done = replace(sweep, state=SweepState.CLOSED, revision=revision, closed_at=now, version=sweep.version + 1)
    try:
        ledger.write(sweeps=[(done, None)])
    except Conflict:
        return False
    return True


def _children_are_complete(sweep: Sweep, services: Services, time_left: TimeLeft, failed: list[str]) -> bool:
    """Whether every child that SageMaker lists is terminal in the ledger; those that are not are described now. Raises
    the error of the first that could not be, once all were tried."""
    known = {each.key: each.job for each in services.ledger.records_of(sweep)}
    errors: list[Exception | None] = []
    unread: list[Unread] = []
    sagemaker = services.sagemaker(sweep.account, sweep.region)
    try:
        for child in sagemaker.children(sweep.tuning_job, unread.append):
            if child.key in known and known[child.key].is_terminal:
                continue
            if not time_left():
                return False
            _by_itself(child.name, partial(record, child, services, tags_known=False), errors, failed)
        for entry in unread:
            if entry.key not in known or not known[entry.key].is_terminal:
                _by_itself(entry.name, partial(_record_unread, entry, sweep, services), errors, failed)
    except NO_ANSWER as error:
        logger.warning("children can't be listed", sweep=sweep.id, reason=error.code)
    _raise_first(errors)
    after = services.ledger.sweep(sweep.id)
    if after is not None and after.counts.in_progress:  # children that the list does not tell of any more
        _learn_about_hanging(after, services, failed)
        after = services.ledger.sweep(sweep.id)
    return after is not None and after.counts.in_progress == 0


def _record_unread(entry: Unread, sweep: Sweep, services: Services) -> RecordOutcome:
    """Records a child that the list names and does not tell of."""
    child = entry.described(services.sagemaker(sweep.account, sweep.region))
    return record(replace(child, tuning_job=sweep.tuning_job.name), services, tags_known=False)


def _by_itself(name: str, do: Callable[[], T], errors: list[Exception | None], failed: list[str]) -> T | None:
    """What is done about a job; None, with the error kept, where it fails. Raises where SageMaker has no time."""
    try:
        done = do()
    except Exception as error:
        errors.append(error)
        failed.append(_failed(name, error))
        last = errors[-_GIVES_UP_AFTER:]
        if len(last) == _GIVES_UP_AFTER and all(isinstance(each, Throttled) for each in last):
            raise
        return None
    errors.append(None)
    return done


def _raise_first(errors: Sequence[Exception | None]) -> None:
    for error in errors:
        if error is not None:
            raise error


def _learn_about_hanging(sweep: Sweep, services: Services, failed: list[str]) -> bool:
    """Describes the jobs of a sweep that should have ended by now, and its tuning job; whether any had ended. Raises
    the error of the first that could not be, once all were tried."""
    found = False
    errors: list[Exception | None] = []
    hanging = [each for each in services.ledger.records_of(sweep) if not each.job.is_terminal]
    for each in hanging:
        found |= bool(_by_itself(each.job.name, partial(_has_ended, each, services), errors, failed))
    if sweep.kind is SweepKind.TUNING and sweep.tuning_status not in TERMINAL:
        found |= _described_tuning_job(sweep, services)
    if not found:
        _raise_first(errors)
    return found


def _has_ended(hanging: Record, services: Services) -> bool:
    described = _described(hanging, services)
    return described.is_terminal and record(described, services) is RecordOutcome.RECORDED


def _described(hanging: Record, services: Services) -> Job:
    """The job as Describe has it; one that was deleted counts as stopped when it was last seen."""
    try:
        return services.sagemaker(hanging.key.account, hanging.key.region).describe(hanging.key)
    except NO_ANSWER as error:
        reason = f"its end was not seen, and SageMaker no longer tells: {error.code}"
        return replace(hanging.job, status=STOPPED, failure_reason=reason, ended_at=hanging.job.last_modified_at)


def _described_tuning_job(sweep: Sweep, services: Services) -> bool:
    found = tuning_job_of(sweep.tuning_job, sweep.tuning_job.name, services)
    if found is None or is_of_earlier_life(sweep, found.job):
        began, last = sweep.tuning_created_at, sweep.last_at
        blank = Job(sweep.tuning_job, STOPPED, created_at=began, ended_at=last, last_modified_at=last)
        return record(blank, services) is RecordOutcome.RECORDED
    return found.job.is_terminal and record(found.job, services) is RecordOutcome.RECORDED


def _postpone(sweep: Sweep, now: datetime, services: Services) -> None:
    """SageMaker says that it still runs."""
    services.ledger.write(sweeps=[(replace(sweep, version=sweep.version + 1), looked_at_again(now))])
