"""How jobs and their sweeps change in the ledger: each change one transaction, so that a sweep always equals a recount.

Joining a sweep costs one transaction. Where windows of a loop have to be joined, parted or renamed, their jobs move
first, a few a transaction, and the job that caused it comes last: if the process dies in between, its event is still
unrecorded and comes again. Until then the windows may overlap; the experiment's loops say which, and whoever comes next
puts them in order too. The windows are read once, and each move is conditional on what the one before it wrote: the
cost grows with the number of jobs that move, and an index that lags behind the moves disturbs nobody.
"""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TypeVar

from trialbook.core.assessment import (
    assess,
    blank_sweep,
    extends,
    is_near,
    membership,
    new_sweep,
    stays_whole,
    with_tuning_job,
)
from trialbook.core.closing import due
from trialbook.core.jobs import STOPPED, TERMINAL, Job, JobKey, TuningDefinition, TuningJob
from trialbook.core.merging import is_new_life, merge
from trialbook.core.names import same_name
from trialbook.core.placement import LeftOut, Placement, place
from trialbook.core.places import Place, next_life
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import (
    Interval,
    LoopVersion,
    Record,
    Sweep,
    SweepKind,
    SweepState,
    is_of_earlier_life,
    loop_id,
    loop_of,
    mark_of,
    needs_recount,
    put,
    recount,
    start_of,
    windows,
    without_in_turn,
)
from trialbook.ledger.ledger import LONGEST_TRANSACTION, Ledger
from trialbook.ledger.rank_keys import move_ranks
from trialbook.ledger.table import Conflict

T = TypeVar("T")
NOTHING_READ: Mapping[str, Mapping[JobKey, Record]] = MappingProxyType({})

_ATTEMPTS = 12
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.8  # seconds
_MOVED_AT_ONCE = LONGEST_TRANSACTION - 4  # both sweeps, and the loops of two experiments


class Moved(Conflict):
    """Somebody came in between after jobs were moved, a step on the way: read again and go on."""


@dataclass(frozen=True, slots=True)
class _Order:
    """Windows while they are put in order: as they stand in the ledger, with their jobs, after each move; and the
    window that the arriving job belongs to."""

    standing: dict[str, Sweep]
    members: dict[str, dict[JobKey, Record]]
    target: str


def retried(change: Callable[[], T]) -> T:
    """The change, tried again with growing, random pauses while others change the same items. Raises Conflict."""
    attempt = 0
    while True:
        try:
            return change()
        except Moved:  # progress: what is left is less each time
            attempt = 0
        except Conflict:
            attempt += 1
            if attempt == _ATTEMPTS:
                raise
            time.sleep(random.uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)))


@dataclass(frozen=True, slots=True)
class Bookkeeper:
    """Enters what was seen into the ledger, by the rules. `tuning_job` tells about the tuning job of a first child."""

    ledger: Ledger
    rules: Rules
    tuning_job: Callable[[JobKey, str], TuningJob | None]
    is_history: bool = False
    moved_at_once: int = _MOVED_AT_ONCE

    def enter(self, seen: Job, known: Record | None, sweep: Sweep | None = None) -> Record | None:
        """The job's record after the observation; None where nothing changed. Raises Conflict after many attempts.

        `known` is the record as the caller has just read it, `sweep` the tuning job's sweep if the caller has read that
        too; where they have changed since, they are read again. Secrets are masked before anything is kept.
        """
        seen = self.ledger.masker.job(seen)
        try:
            return self._enter(seen, known, sweep)
        except Conflict:
            return retried(lambda: self._enter(seen, self.ledger.record(seen.key)))

    def _enter(self, seen: Job, old: Record | None, read: Sweep | None = None) -> Record | None:
        job = merge(old.job if old else None, seen)
        placement = self._placed(job, old)
        if isinstance(placement, LeftOut) or (old is not None and not _differs(old, job, placement)):
            return None
        if old is None or same_name(old.experiment) != same_name(placement.experiment):
            self.ledger.experiments.add(placement.experiment)
        part = membership(
            job, placement, self.ledger.places.tuning_sweep(job.key, job.tuning_job) if job.tuning_job else None
        )
        if part is None or part.id is None:
            fresh = self._assessed(job, placement, old)
            if part is not None:
                return self._enter_loop(old, fresh)
            if old is not None and old.sweep is not None:
                return self._take_out(old, fresh)
            self.ledger.write([fresh])
            return fresh
        is_read = read is not None and read.id == part.id
        sweep_id, known = part.id, read if is_read else self.ledger.sweep(part.id)
        if part.kind is SweepKind.TUNING:
            sweep_id, known = self.ledger.life_of(sweep_id, known, job)
        sweep = known or blank_sweep(part.kind, sweep_id, placement.experiment, job.key)
        if part.kind is SweepKind.TUNING:
            sweep = self._with_definitions(sweep, job)
        fresh = self._assessed(job, placement, old, sweep.definitions)
        left, loops = self._leave(old, fresh, sweep.id)
        return self._write(old, replace(fresh, sweep=sweep.id), sweep, left, loops)

    def _placed(self, job: Job, old: Record | None) -> Placement | LeftOut:
        """Where the job belongs, by what the book calls it. A job of another place that stands under the plain name,
        from the time before places were kept apart, stays there."""
        found = place(job, self.rules)
        if isinstance(found, LeftOut) or (old is not None and same_name(old.experiment) == same_name(found.experiment)):
            return found
        here = Place.of(job.key)
        return replace(found, experiment=self.ledger.places.including(here).name(found.experiment, here))

    def _assessed(
        self, job: Job, placement: Placement, old: Record | None, definitions: tuple[TuningDefinition, ...] = ()
    ) -> Record:
        fresh = assess(job, placement, self.rules, definitions, old.version + 1 if old else 1)
        return replace(fresh, is_history=self.is_history and (old is None or old.is_history))

    def _with_definitions(self, sweep: Sweep, child: Job) -> Sweep:
        """The sweep with its tuning job's objective, asked for once, when a first child has come to its end."""
        if sweep.definitions or not child.is_terminal:
            return sweep
        tuning_job = self.tuning_job(child.key, sweep.tuning_job.name)
        if tuning_job is None or is_of_earlier_life(sweep, tuning_job.job):
            return sweep
        return with_tuning_job(sweep, self.ledger.masker.tuning_job(tuning_job), self.rules)

    # -- loops --------------------------------------------------------------------------------------------------

    def _enter_loop(self, old: Record | None, fresh: Record) -> Record:
        quiet, loop = self.rules.quiet_period(fresh.experiment), loop_of(fresh)
        head, found = self.ledger.loops(loop)
        near = self._with_moving(list(_near(found, fresh.job, quiet)), head)
        loops = {loop: head.next()}
        own = next((window for window in near if old is not None and window.id == old.sweep), None)
        if not head.moving:
            window = _stays_in(own, old, fresh, near) if old is not None else _joins(near, fresh, quiet)
            if window is not None:
                return self._write(old, replace(fresh, sweep=window.id), window, None, loops)
            if old is None and _stands_alone(near, fresh, quiet):
                near = []
        left, left_loops = self._leave(old, fresh, None) if old is not None and own is None else (None, {})
        if left is not None and left.kind is SweepKind.LOOP and left.loop == loop:
            near, left, left_loops = [*near, left], None, {}
        order = self._arrange(near, fresh, True, quiet, loops)
        if left is None and old is not None and old.sweep is not None and old.sweep != order.target:
            left = order.standing.get(old.sweep)
        sweep = self._standing(order, order.target, fresh)
        changed = {**left_loops, **loops}
        return self._write(old, replace(fresh, sweep=order.target), sweep, left, changed, order.members)

    def _with_moving(self, near: list[Sweep], head: LoopVersion) -> list[Sweep]:
        """The windows, and those that somebody has begun to put in order."""
        known = {window.id for window in near}
        moving = (self.ledger.sweep(each) for each in head.moving if each not in known)
        return [*near, *(each for each in moving if each is not None and each.superseded_by is None)]

    def _window(self, sweep_id: str, first: Record) -> Sweep:
        known = self.ledger.sweep(sweep_id)
        return replace(known, superseded_by=None) if known else new_sweep(SweepKind.LOOP, sweep_id, first)

    def _leave(self, old: Record | None, fresh: Record, to: str | None) -> tuple[Sweep | None, dict[str, LoopVersion]]:
        """The sweep that the job leaves, if it was in another one; a window is put in order first."""
        if old is None or old.sweep is None or old.sweep == to:
            return None, {}
        left = self.ledger.sweep(old.sweep)
        if left is None or left.kind is not SweepKind.LOOP:
            return left, {}
        head, _ = self.ledger.loops(left.loop)
        loops = {left.loop: head.next()}
        if left.loop != loop_of(fresh) or to is not None:
            near = self._with_moving([left], head)
            order = self._arrange(near, fresh, False, self.rules.quiet_period(left.experiment), loops)
            left = order.standing[left.id]
        return left, loops

    def _take_out(self, old: Record, fresh: Record) -> Record:
        """The record of a job that leaves its sweep for none. The last job of a sweep stays: no sweep is empty."""
        left, loops = self._leave(old, fresh, "")
        if left is None:
            self.ledger.write([fresh], loops=loops)
            return fresh
        rest = recount(left, [each for each in self.ledger.records_of(left) if each.key != old.key])
        if not rest.counts.jobs:
            return self._write(old, replace(fresh, sweep=old.sweep), left, None, loops)
        self.ledger.write([fresh], [self._due(_reopened(rest))], loops)
        return fresh

    def _arrange(
        self, near: Sequence[Sweep], fresh: Record, comes: bool, quiet: timedelta, loops: dict[str, LoopVersion]
    ) -> _Order:
        """Moves the other jobs of these windows to where they belong once the job has come (or gone). `loops` then has
        the version to write next. Raises Moved where somebody came in between after a move."""
        members = {window.id: {each.key: each for each in self.ledger.records_of(window)} for window in near}
        others = [each for records in members.values() for each in records.values() if each.key != fresh.key]
        jobs = [each.job for each in others] + ([fresh.job] if comes else [])
        loop = next(iter(loops))
        targets = {
            each.key: loop_id(loop, window[0].start)
            for window in windows(map(Interval.of, jobs), quiet)
            for each in window
        }
        order = _Order({window.id: window for window in near}, members, targets[fresh.key] if comes else "")
        going = {each.key: targets[each.key] for each in others if targets[each.key] != each.sweep}
        if not going:
            return order
        self._check_newest(fresh)
        overlapping = tuple(sorted({*order.standing, *going.values()}))
        moved = 0
        try:
            for source in near:
                for batch in self._leave_in_turn(order, source.id, going):
                    head = replace(loops[loop], moving=overlapping)
                    self._move(batch, order, {loop: head})
                    loops[loop] = head.next()
                    moved += len(batch[0])
        except Conflict as error:
            if not moved:
                raise
            raise Moved(f"{moved} of {len(going)} jobs were moved: {error}") from error
        return order

    def _leave_in_turn(
        self, order: _Order, source: str, going: Mapping[JobKey, str]
    ) -> Iterator[tuple[list[Record], Sweep, str]]:
        """The jobs that leave a window, a few at a time, each with what is then left of it and where they go."""
        leaving: dict[str, list[Record]] = defaultdict(list)
        for each in order.members[source].values():
            if going.get(each.key, source) != source:
                leaving[going[each.key]].append(each)
        steps = [
            (jobs[start : start + self.moved_at_once], to)
            for to, jobs in leaving.items()
            for start in range(0, len(jobs), self.moved_at_once)
        ]
        there = list(order.members[source].values())
        left = without_in_turn(order.standing[source], there, [batch for batch, _ in steps])
        for (batch, to), rest in zip(steps, left, strict=True):
            now = order.standing[source]
            yield batch, replace(rest, version=now.version, was_sweep=now.was_sweep), to

    def _check_newest(self, fresh: Record) -> None:
        """Raises Conflict where somebody else has changed the job: others are not moved for what is no longer so. Read
        after the version of the loops, on which the move is conditional, so that no later change slips in between."""
        now = self.ledger.record(fresh.key)
        if (now.version if now else 0) != fresh.version - 1:
            raise Conflict(f"{fresh.key.name} has changed since it was read")

    def _move(self, step: tuple[list[Record], Sweep, str], order: _Order, loops: dict[str, LoopVersion]) -> None:
        batch, rest, to = step
        target = self._standing(order, to, batch[0])
        if not target.counts.jobs:
            order.members.setdefault(to, {})
        moved = [replace(each, sweep=to, version=each.version + 1) for each in batch]
        for each in moved:
            target = put(target, None, each)
        if not rest.counts.jobs:
            rest, target = superseded(rest, target)
        rest, target = _reopened(rest), _reopened(target)
        self.ledger.write(moved, map(self._due, (rest, target)), loops)
        order.standing.update({rest.id: rest, to: target})
        for each in batch:
            del order.members[rest.id][each.key]
        if to in order.members:
            order.members[to].update((each.key, each) for each in moved)

    def _standing(self, order: _Order, sweep_id: str, first: Record) -> Sweep:
        """A window as it stands, in the ledger if it is none of those that are put in order, or a new one."""
        known = order.standing.get(sweep_id)
        return replace(known, superseded_by=None) if known is not None else self._window(sweep_id, first)

    # -- writing ------------------------------------------------------------------------------------------------

    def _write(
        self,
        old: Record | None,
        fresh: Record,
        sweep: Sweep,
        left: Sweep | None,
        loops: dict[str, LoopVersion],
        members: Mapping[str, Mapping[JobKey, Record]] = NOTHING_READ,
    ) -> Record:
        """The job and the sweeps that it joins, stays in or leaves. `members` are the jobs of those that were read."""
        stays = old is not None and old.sweep == sweep.id
        before = old if stays else None
        if needs_recount(sweep, before, fresh):
            others = [each for each in self._members_of(sweep, members) if each.key != fresh.key]
            after = recount(sweep, [*others, fresh])
        else:
            after = put(sweep, before, fresh)
        changed = [_reopened(after)]
        if left is not None and old is not None:
            rest = recount(left, [each for each in self._members_of(left, members) if each.key != old.key])
            if not rest.counts.jobs:
                rest, changed[0] = superseded(rest, changed[0])
            changed.append(_reopened(rest))
        self.ledger.write([fresh], map(self._due, changed), loops)
        return fresh

    def _members_of(self, sweep: Sweep, members: Mapping[str, Mapping[JobKey, Record]]) -> Iterable[Record]:
        """The jobs of a sweep; of a window that was put in order those that are in it by now."""
        return members[sweep.id].values() if sweep.id in members else self.ledger.records_of(sweep)

    def _due(self, sweep: Sweep) -> tuple[Sweep, datetime | None]:
        return due(sweep, self.rules)

    # -- tuning jobs --------------------------------------------------------------------------------------------

    def enter_tuning_job(self, seen: TuningJob) -> Record | None:
        """The tuning job's own record, and what it tells about its sweep; None where nothing changed."""
        seen = self.ledger.masker.tuning_job(seen)
        first_id = self.ledger.places.tuning_sweep(seen.job.key, seen.job.name)
        sweep_id, known = self.ledger.life_of(first_id, self.ledger.sweep(first_id), seen.job)
        if sweep_id != first_id:
            self._end_earlier_lives(first_id, seen.job)
        changed = retried(lambda: self._enter_tuning_job(seen, sweep_id))
        if known is not None and known.counts.ended and seen.definitions != known.definitions and seen.definitions:
            self.rerank(sweep_id)  # children that ended before their objective was known
        return changed

    def _end_earlier_lives(self, sweep_id: str, anew: Job) -> None:
        """A name is given anew only once its tuning job was deleted: what still runs under it, as far as the ledger
        knows, is over, so that the new one's children do not join it."""
        sweep = self.ledger.sweep(sweep_id)
        while sweep is not None and is_of_earlier_life(sweep, anew):
            if sweep.tuning_status not in TERMINAL:
                gone = Job(anew.key, STOPPED, created_at=sweep.tuning_created_at, ended_at=anew.created_at)
                after = with_tuning_job(sweep, TuningJob(gone), self.rules)
                self.ledger.write(sweeps=[self._due(_reopened(after))])
            sweep = self.ledger.sweep(next_life(sweep.id))

    def _enter_earlier_life(self, seen: TuningJob, sweep_id: str, record: Record) -> Record | None:
        """What comes late of a tuning job that was deleted: its sweep alone hears of it, the record is another's."""
        known = self.ledger.sweep(sweep_id)
        if known is None or (known.tuning_status in TERMINAL and not seen.job.is_terminal):
            return None
        after = with_tuning_job(known, seen, self.rules)
        if after == known:
            return None
        self.ledger.write(sweeps=[self._due(_reopened(after))])
        return record

    def _enter_tuning_job(self, seen: TuningJob, sweep_id: str) -> Record | None:
        old = self.ledger.record(seen.job.key)
        if old is not None and is_new_life(seen.job, old.job):
            return self._enter_earlier_life(seen, sweep_id, old)
        job = merge(old.job if old else None, seen.job)
        placement = self._placed(job, old)
        if isinstance(placement, LeftOut):
            return None
        fresh = self._assessed(job, placement, old)
        if old is None:
            self.ledger.experiments.add(fresh.experiment)
        known = self.ledger.sweep(sweep_id)
        sweep = known or replace(new_sweep(SweepKind.TUNING, sweep_id, fresh), is_history=fresh.is_history)
        after = replace(with_tuning_job(sweep, replace(seen, job=job), self.rules), experiment=placement.experiment)
        if old is not None and not _differs(old, job, placement) and after == known:
            return None
        self.ledger.write([fresh], [self._due(_reopened(after))])
        return fresh

    def rerank(self, sweep_id: str) -> int:
        """Assesses the jobs of a sweep anew, by today's rules and objective; returns how many changed. Can be
        interrupted and repeated."""
        changed = 0
        while batch := retried(lambda: self._rerank_some(sweep_id)):
            changed += batch
        return changed

    def rerank_experiment(self, experiment: str) -> Iterator[tuple[str, int]]:
        """Re-ranks an experiment's sweeps and single jobs one after the other: each with the number of jobs changed."""
        move_ranks(experiment, self.ledger.table)
        sweeps = {record.sweep for record in self.ledger.experiment_ranking(experiment) if record.sweep}
        for sweep_id in sorted(sweeps):
            yield sweep_id, self.rerank(sweep_id)

    def _rerank_some(self, sweep_id: str) -> int:
        sweep = self.ledger.sweep(sweep_id)
        if sweep is None or not sweep.counts.jobs:
            return 0
        members = self.ledger.records_of(sweep)
        assessed = {each.key: self._reassessed(each, sweep) for each in members}
        stale = [each for each in members if assessed[each.key] != each][: self.moved_at_once]
        if not stale:
            return 0
        fresh = {each.key: replace(assessed[each.key], version=each.version + 1) for each in stale}
        after = recount(sweep, [fresh.get(each.key, each) for each in members])
        self.ledger.write(fresh.values(), [self._due(_reopened(after))])
        return len(stale)

    def _reassessed(self, record: Record, sweep: Sweep) -> Record:
        placement = Placement(record.experiment, record.trial, record.placed_by)
        fresh = assess(record.job, placement, self.rules, sweep.definitions, record.version)
        return replace(fresh, sweep=record.sweep, is_history=record.is_history)


def superseded(source: Sweep, target: Sweep) -> tuple[Sweep, Sweep]:
    """An emptied sweep and the one that took its jobs: what was said of the first is now to be said of the second."""
    if source.kind is not SweepKind.LOOP:
        return source, target
    told = {source.id} if source.was_sweep or not source.is_single else set()
    names = tuple(sorted(({*target.supersedes, *source.supersedes} | told) - {target.id}))
    gone = replace(source, superseded_by=target.id, state=SweepState.CLOSED, supersedes=())
    return gone, replace(target, supersedes=names, revision=max(target.revision, source.revision))


def _reopened(sweep: Sweep) -> Sweep:
    """The sweep one version on; a closed one is open again, as revised if it was ever announced as finished."""
    state = sweep.state
    if sweep.superseded_by is None:
        state = SweepState.REVISED if sweep.revision else SweepState.OPEN
    was_sweep = sweep.was_sweep or not sweep.is_single
    return replace(sweep, version=sweep.version + 1, state=state, was_sweep=was_sweep)


def _stays_in(own: Sweep | None, old: Record, fresh: Record, near: Sequence[Sweep]) -> Sweep | None:
    """The job's window if the change leaves it as it is: with the same start and settings, an end that becomes known
    joins nothing, and one that changes touches no other window."""
    as_it_was = start_of(old.job) == start_of(fresh.job) and mark_of(old.job) == mark_of(fresh.job)
    if own is None or not as_it_was or (old.job.is_terminal and len(near) > 1):
        return None
    return own if stays_whole(own, fresh.job) else None


def _joins(near: Sequence[Sweep], fresh: Record, quiet: timedelta) -> Sweep | None:
    """The only window near a new job, if the job belongs to it."""
    return near[0] if len(near) == 1 and extends(near[0], fresh.job, quiet) else None


def _stands_alone(near: Sequence[Sweep], fresh: Record, quiet: timedelta) -> bool:
    """Whether a new job comes after the only window near it, and does not belong to it."""
    if len(near) != 1 or near[0].last_at is None or not near[0].latest:
        return False
    return start_of(fresh.job) > near[0].last_at and not extends(near[0], fresh.job, quiet)


def _near(found: Iterable[Sweep], job: Job, quiet: timedelta) -> Iterable[Sweep]:
    """Those among the windows, latest first, that the job joins."""
    for window in found:
        if is_near(window, job, quiet):
            yield window
        elif window.last_at is not None and window.last_at < start_of(job):
            return  # all that follow ended even earlier


def _differs(old: Record, job: Job, placement: Placement) -> bool:
    return (old.job, old.experiment, old.trial) != (job, placement.experiment, placement.trial)
