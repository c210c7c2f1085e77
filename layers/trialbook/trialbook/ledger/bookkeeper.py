"""How jobs and their sweeps change in the ledger: each change one transaction, so that a sweep always equals a recount.

Joining a sweep costs one transaction. Where windows of a loop have to be joined, parted or renamed, the job that causes
it is written first, and then the others move (`moves`). If the process dies in between, the job's message comes again
and continues; until then the windows may overlap. The loop's version names them, so that whoever comes next, and
close_sweeps at the latest, puts them in order too.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
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
from trialbook.core.settings import has_default_name, reads_of
from trialbook.core.sweeps import (
    LoopVersion,
    Record,
    Sweep,
    SweepKind,
    is_of_earlier_life,
    mark_of,
    needs_recount,
    put,
    recount,
    start_of,
)
from trialbook.core.windows import loop_of
from trialbook.ledger.ledger import FEW, NO_LOOPS, Ledger, Loop
from trialbook.ledger.moves import ATTEMPTS, MOVED_AT_ONCE, Moves, Order, Pause, after_conflict, reopened, superseded
from trialbook.ledger.old_items import write_anew
from trialbook.ledger.table import Conflict

T = TypeVar("T")

MOST_BESIDE = 50  # windows of a default name that came and went while another one was open
_QUIET_TRIES = 3  # then a loop counts as busy


def _nothing() -> dict[str, LoopVersion]:
    return {}


@dataclass(frozen=True, slots=True)
class _Leaving:
    """The sweep that a job leaves; of a loop also the version to write, and the windows with their jobs."""

    sweep: Sweep | None = None
    heads: dict[str, LoopVersion] = field(default_factory=_nothing)
    order: Order | None = None


def retried(change: Callable[[], T], pause: Pause = time.sleep) -> T:
    """The change, tried again with growing, random pauses while others change the same items. Raises Conflict."""
    attempt = 0
    while True:
        try:
            return change()
        except Conflict:
            attempt += 1
            if attempt == ATTEMPTS:
                raise
            pause(after_conflict(attempt))


@dataclass(frozen=True, slots=True)
class Bookkeeper:
    """Enters what was seen into the ledger, by the rules. `tuning_job` tells about the tuning job of a first child."""

    ledger: Ledger
    rules: Rules
    tuning_job: Callable[[JobKey, str], TuningJob | None]
    is_history: bool = False
    moved_at_once: int = MOVED_AT_ONCE
    pause: Pause = time.sleep

    @property
    def moves(self) -> Moves:
        """Puts windows of loops in order."""
        return Moves(self.ledger, self.rules, self.moved_at_once, self.pause)

    def enter(
        self, seen: Job, known: Record | None, sweep: Sweep | None = None, loop: Loop | None = None
    ) -> Record | None:
        """The job's record after the observation; None if nothing changed. Raises Conflict after many attempts.

        `known` is the record as the caller has just read it, `sweep` the tuning job's sweep or `loop` the job's loop if
        the caller has read that too; if they have changed since, they are read again. Secrets are masked before
        anything is kept.
        """
        seen = self.ledger.masker.job(seen)
        try:
            return self._enter(seen, known, sweep, loop)
        except Conflict:
            tried = count()
            return retried(
                lambda: self._enter(seen, self.ledger.record(seen.key), is_busy=next(tried) >= _QUIET_TRIES), self.pause
            )

    def _enter(
        self,
        seen: Job,
        old: Record | None,
        read: Sweep | None = None,
        loop: Loop | None = None,
        *,
        is_busy: bool = False,
    ) -> Record | None:
        job = merge(old.job if old else None, seen)
        placement = self._placed(job, old)
        if isinstance(placement, LeftOut):
            return None
        if old is not None and not _differs(old, job, placement):
            self.settle(old)
            return None
        if old is None or same_name(old.experiment) != same_name(placement.experiment):
            self.ledger.experiments.add(placement.experiment)
        part = membership(
            job, placement, self.ledger.places.tuning_sweep(job.key, job.tuning_job) if job.tuning_job else None
        )
        if part is None or part.id is None:
            fresh = self._assessed(job, placement, old)
            if part is not None:
                return self._enter_loop(old, fresh, loop, is_busy=is_busy)
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
        return self._put(old, fresh, sweep, self._leave(old, fresh, sweep.id))

    def _placed(self, job: Job, old: Record | None) -> Placement | LeftOut:
        """Where the job belongs, by what the book calls it. A job of another place that is under the plain name,
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
        is_history = self.is_history and (old is None or old.is_history)
        return replace(fresh, is_history=is_history, arranges=old.arranges if old else ())

    def _with_definitions(self, sweep: Sweep, child: Job) -> Sweep:
        """The sweep with its tuning job's objective, asked for once, when a first child has come to its end."""
        if sweep.definitions or not child.is_terminal:
            return sweep
        tuning_job = self.tuning_job(child.key, sweep.tuning_job.name)
        if tuning_job is None or is_of_earlier_life(sweep, tuning_job.job):
            return sweep
        return with_tuning_job(sweep, self.ledger.masker.tuning_job(tuning_job), self.rules)

    # -- loops --------------------------------------------------------------------------------------------------

    def settle(self, known: Record) -> None:
        """Where a message came again: the windows that its job had to put in order are so, once this returns."""
        for loop in known.arranges:
            self.moves.settle(loop)

    def _enter_loop(self, old: Record | None, fresh: Record, read: Loop | None, *, is_busy: bool) -> Record:
        """Writes the job into the window where it belongs. Where a loop `is_busy`, so that the index never shows all of
        its windows, the job is written first, and its windows are read once others name what they enter."""
        quiet, loop = self.rules.quiet_period(fresh.experiment), loop_of(fresh)
        if read is not None and read[0] == loop:
            head, found = read[1:]
        else:
            head, found = self.ledger.loops(loop, MOST_BESIDE if has_default_name(fresh.job) else FEW)
        near = list(_near(found, fresh.job, quiet))
        own = next((window for window in near if old is not None and window.id == old.sweep), None)
        leaving = _Leaving() if own is not None else self._leave(old, fresh, None)
        if leaving.sweep is not None and leaving.sweep.kind is SweepKind.LOOP and leaving.sweep.loop == loop:
            near, leaving = [leaving.sweep, *near], _Leaving()
        named = [window.id for window in near]
        if not {*named}.isdisjoint(head.moving):
            return self._put(old, fresh, own or near[0], leaving, {loop: head.next(fresh.key, named)})
        window = _stays_in(own, old, fresh, near) if old is not None else _joins(near, fresh, quiet)
        if window is not None:
            return self._put(old, fresh, window, leaving, {loop: head.next(fresh.key)})
        if old is None and _stands_alone(near, fresh, quiet):
            near = []
        if is_busy and near and not head.moving:
            return self._put(old, fresh, own or near[0], leaving, {loop: head.moved(named)}, Order(loop, head))
        order = self.moves.read(loop, head, near)
        order.plan(quiet, fresh)
        is_alone = not order.others_leave(besides=fresh.key)
        if head.moving and not is_alone:
            return self._put(old, fresh, own or near[0], leaving, {loop: head.next(fresh.key, named)})
        target = order.targets[fresh.key]
        heads = {loop: head.next(fresh.key) if is_alone else head.moved(order.moving(target))}
        if old is not None and old.sweep in order.standing and old.sweep != target:
            leaving = _Leaving(order.standing[old.sweep])
        sweep = order.standing.get(target) or self.moves.window(target, fresh)
        return self._put(old, fresh, sweep, leaving, heads, order)

    def _leave(self, old: Record | None, fresh: Record, to: str | None) -> _Leaving:
        """The sweep that the job leaves, if it was in another one. Windows of its own loop are the caller's concern."""
        if old is None or old.sweep is None or old.sweep == to:
            return _Leaving()
        left = self.ledger.sweep(old.sweep)
        if left is None or left.kind is not SweepKind.LOOP or (to is None and left.loop == loop_of(fresh)):
            return _Leaving(left)
        head = self.ledger.loop_version(left.loop)
        order = self.moves.read(left.loop, head, [left])
        order.plan(self.rules.quiet_period(left.experiment), without=fresh.key)
        if head.moving or not order.others_leave(besides=fresh.key):
            return _Leaving(left, {left.loop: head.next(fresh.key, [left.id])}, order)
        return _Leaving(left, {left.loop: head.moved(order.moving())}, order)

    def _take_out(self, old: Record, fresh: Record) -> Record:
        """The record of a job that leaves its sweep for none. The last job of a sweep stays: no sweep is empty."""
        leaving = self._leave(old, fresh, "")
        left = leaving.sweep
        if left is not None and left.counts.jobs == 1:
            return self._put(old, fresh, left, _Leaving(None, leaving.heads, leaving.order))
        return self._put(old, fresh, None, leaving)

    # -- writing ------------------------------------------------------------------------------------------------

    def _put(
        self,
        old: Record | None,
        fresh: Record,
        sweep: Sweep | None,
        leaving: _Leaving,
        heads: Mapping[str, LoopVersion] = NO_LOOPS,
        order: Order | None = None,
    ) -> Record:
        """Writes the job into a sweep, or none, and puts the windows in order that it changes."""
        heads = {**leaving.heads, **heads}
        orders = [each for each in (order, leaving.order) if each is not None]
        begun = [each for each in orders if heads[each.loop].step > each.head.version]
        arranges = {*fresh.arranges, *(each.loop for each in begun)}
        fresh = replace(fresh, sweep=sweep.id if sweep else None, arranges=tuple(sorted(arranges)))
        members = {name: known.jobs for each in orders for name, known in each.members.items()}
        changed = self._changed(old, fresh, sweep, leaving.sweep, members)
        self.ledger.write([fresh], map(self._due, changed), heads)
        for each in begun:
            each.head = heads[each.loop]
            each.wrote(changed, [fresh])
            self.moves.put_in_order(each)
        for loop, head in heads.items():
            if head.moving and head.step < head.version:
                self.moves.settle(loop, is_own=False, step=head.step)
        return fresh

    def _changed(
        self,
        old: Record | None,
        fresh: Record,
        sweep: Sweep | None,
        left: Sweep | None,
        members: Mapping[str, Mapping[JobKey, Record]],
    ) -> list[Sweep]:
        """The sweeps that the job joins, stays in or leaves, as they are then. `members` are jobs that were read."""
        changed = []
        if sweep is not None:
            stays = old is not None and old.sweep == sweep.id
            before = old if stays else None
            if needs_recount(sweep, before, fresh):
                others = [each for each in self._members_of(sweep, members) if each.key != fresh.key]
                changed.append(recount(sweep, [*others, fresh]))
            else:
                changed.append(put(sweep, before, fresh))
        if left is not None and old is not None:
            rest = recount(left, [each for each in self._members_of(left, members) if each.key != old.key])
            if not rest.counts.jobs and changed:
                rest, changed[0] = superseded(rest, changed[0])
            changed.append(rest)
        return [reopened(each) for each in changed]

    def _members_of(self, sweep: Sweep, members: Mapping[str, Mapping[JobKey, Record]]) -> Iterable[Record]:
        """The jobs of a sweep, read unless they were."""
        return members[sweep.id].values() if sweep.id in members else self.ledger.records_of(sweep)

    def _due(self, sweep: Sweep) -> tuple[Sweep, datetime | None]:
        return due(sweep, self.rules)

    # -- tuning jobs --------------------------------------------------------------------------------------------

    def enter_tuning_job(self, seen: TuningJob) -> Record | None:
        """The tuning job's own record, and what it tells about its sweep; None if nothing changed."""
        seen = self.ledger.masker.tuning_job(seen)
        first_id = self.ledger.places.tuning_sweep(seen.job.key, seen.job.name)
        sweep_id, known = self.ledger.life_of(first_id, self.ledger.sweep(first_id), seen.job)
        if sweep_id != first_id:
            self._end_earlier_lives(first_id, seen.job)
        changed = retried(lambda: self._enter_tuning_job(seen, sweep_id), self.pause)
        if known is not None and known.counts.ended and seen.definitions != known.definitions and seen.definitions:
            self.rerank(sweep_id)  # children that ended before their objective was known
        return changed

    def _end_earlier_lives(self, sweep_id: str, recreated: Job) -> None:
        """A name is given again only once its tuning job was deleted: what still runs under it, as far as the ledger
        knows, is over, so that the new one's children do not join it."""
        sweep = self.ledger.sweep(sweep_id)
        while sweep is not None and is_of_earlier_life(sweep, recreated):
            if sweep.tuning_status not in TERMINAL:
                gone = Job(recreated.key, STOPPED, created_at=sweep.tuning_created_at, ended_at=recreated.created_at)
                after = with_tuning_job(sweep, TuningJob(gone), self.rules)
                self.ledger.write(sweeps=[self._due(reopened(after))])
            sweep = self.ledger.sweep(next_life(sweep.id))

    def _enter_earlier_life(self, seen: TuningJob, sweep_id: str, record: Record) -> Record | None:
        """What comes late of a tuning job that was deleted: its sweep alone hears of it, the record is another's."""
        known = self.ledger.sweep(sweep_id)
        if known is None or (known.tuning_status in TERMINAL and not seen.job.is_terminal):
            return None
        after = with_tuning_job(known, seen, self.rules)
        if after == known:
            return None
        self.ledger.write(sweeps=[self._due(reopened(after))])
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
        self.ledger.write([fresh], [self._due(reopened(after))])
        return fresh

    def rerank(self, sweep_id: str) -> int:
        """Assesses the jobs of a sweep again, by today's rules and objective; returns how many changed. Can be
        interrupted and repeated."""
        changed = 0
        while batch := retried(lambda: self._rerank_some(sweep_id), self.pause):
            changed += batch
        return changed

    def rerank_experiment(self, experiment: str) -> Iterator[tuple[str, int]]:
        """Re-ranks an experiment's sweeps and single jobs one after the other: each with the number of jobs changed."""
        write_anew(experiment, self.ledger.table)
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
        self.ledger.write(fresh.values(), [self._due(reopened(after))])
        return len(stale)

    def _reassessed(self, record: Record, sweep: Sweep) -> Record:
        placement = Placement(record.experiment, record.trial, record.placed_by)
        fresh = assess(record.job, placement, self.rules, sweep.definitions, record.version)
        return replace(fresh, sweep=record.sweep, is_history=record.is_history, arranges=record.arranges)


def _stays_in(own: Sweep | None, old: Record, fresh: Record, near: Sequence[Sweep]) -> Sweep | None:
    """The job's window if the change leaves it as it is: with the same start and settings, an end that becomes known
    joins nothing, and one that changes touches no other window."""
    as_it_was = start_of(old.job) == start_of(fresh.job) and mark_of(old.job) == mark_of(fresh.job)
    if own is None or not as_it_was or (old.job.is_terminal and len(near) > 1):
        return None
    return own if stays_whole(own, fresh.job) else None


def _joins(near: Sequence[Sweep], fresh: Record, quiet: timedelta) -> Sweep | None:
    """The only window near a new job, if the job belongs to it. Where jobs of one name may be several people's, other
    data than the window's have to be compared job by job."""
    if len(near) != 1 or near[0].reads != reads_of(fresh.job):
        return None
    return near[0] if extends(near[0], fresh.job, quiet) else None


def _stands_alone(near: Sequence[Sweep], fresh: Record, quiet: timedelta) -> bool:
    """Whether a new job comes after the only window near it, and does not belong to it."""
    if len(near) != 1 or near[0].last_at is None or not near[0].latest:
        return False
    return start_of(fresh.job) > near[0].last_at and not extends(near[0], fresh.job, quiet)


def _near(found: Iterable[Sweep], job: Job, quiet: timedelta) -> Iterable[Sweep]:
    """Those among the windows, latest first, that the job may join."""
    ended_before = 0
    most = MOST_BESIDE if has_default_name(job) else 1  # without overlaps, all that follow ended even earlier
    for window in found:
        if is_near(window, job, quiet):
            yield window
        elif window.last_at is not None and window.last_at < start_of(job):
            ended_before += 1
            if ended_before == most:
                return


def _differs(old: Record, job: Job, placement: Placement) -> bool:
    return (old.job, old.experiment, old.trial) != (job, placement.experiment, placement.trial)
