"""Moves jobs between the windows of a loop when an event joins, splits or renames windows: a few jobs a transaction.

The job that causes the move is written first, with the names of the windows that will move. So all processes compute
the same windows from the same jobs, and each move brings a job where it belongs.

One process moves. Another that comes meanwhile writes its job into one of the windows, names it in the loop's version
and leaves the rest to the first. If the first makes no step for a second, the other counts it as dead and continues the
move. The moving process reads the windows once, and afterwards only the jobs that others named. So requests grow with
the number of jobs that move, and a lagging index does not matter.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from trialbook.core.assessment import new_sweep
from trialbook.core.closing import due
from trialbook.core.jobs import JobKey
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import (
    LoopVersion,
    Record,
    Sweep,
    SweepKind,
    SweepState,
    put,
    without_in_turn,
)
from trialbook.core.windows import Interval, window_id, windows
from trialbook.ledger.ledger import LONGEST_TRANSACTION, Ledger
from trialbook.ledger.table import Conflict, NotSettled

ATTEMPTS = 12
MOVED_AT_ONCE = LONGEST_TRANSACTION - 3  # both windows, and the loop's version
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.8  # seconds
_PATIENCE = 1.0  # seconds; a move takes a twentieth of it
Pause = Callable[[float], None]


class Overtaken(Conflict):
    """Another process moves the windows."""


def after_conflict(attempt: int) -> float:
    """How long to wait after so many conflicts one after the other, in seconds."""
    return random.uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt))


@dataclass(slots=True)
class Order:
    """Windows of a loop that are put in order, as they stand in the ledger after each move: with their jobs, and the
    windows that the jobs belong to."""

    loop: str
    head: LoopVersion
    standing: dict[str, Sweep] = field(default_factory=dict)
    members: dict[str, dict[JobKey, Record]] = field(default_factory=dict)
    targets: dict[JobKey, str] = field(default_factory=dict)

    def plan(self, quiet: timedelta, fresh: Record | None = None, without: JobKey | None = None) -> None:
        """Computes where the jobs belong: as they are, or once a job has come, or has gone."""
        jobs = [each for records in self.members.values() for each in records.values()]
        left = [each for each in jobs if each.key not in (without, fresh.key if fresh else None)]
        there = [*left, fresh] if fresh else left
        self.targets = {
            each.key: window_id(self.loop, window[0])
            for window in windows((Interval.of(each.job) for each in there), quiet)
            for each in window
        }

    def going(self, besides: JobKey | None = None) -> dict[JobKey, str]:
        """The jobs that are in another window than they belong to, and that window."""
        found = {}
        for window, records in self.members.items():
            for key in records:
                target = self.targets.get(key, window)
                if target != window and key != besides:
                    found[key] = target
        return found

    @property
    def concerned(self) -> set[str]:
        """All windows that jobs leave or join."""
        return {*self.standing, *self.targets.values()}

    def wrote(self, changed: Iterable[Sweep], records: Iterable[Record]) -> None:
        """Follows what was written."""
        self.standing.update({window.id: window for window in changed if window.id.startswith(f"{self.loop}@")})
        for each in records:
            for members in self.members.values():
                members.pop(each.key, None)
            if each.sweep in self.standing:
                self.members.setdefault(each.sweep, {})[each.key] = each


@dataclass(frozen=True, slots=True)
class _Step:
    """Jobs that leave a window together for another one, and what is then left of it."""

    batch: Sequence[Record]
    rest: Sweep
    to: str


@dataclass(frozen=True, slots=True)
class Moves:
    """Moves the jobs of loops. `pause` waits so many seconds."""

    ledger: Ledger
    rules: Rules
    moved_at_once: int
    pause: Pause

    def read(self, loop: str, head: LoopVersion, near: Iterable[Sweep]) -> Order:
        """The windows with their jobs. Raises NotSettled if the index lags behind."""
        standing = {window.id: window for window in near}
        members = {each.id: {job.key: job for job in self.ledger.records_of(each)} for each in standing.values()}
        return Order(loop, head, standing, members)

    def settle(self, loop: str, *, is_own: bool = True, step: int | None = None) -> bool:
        """Goes on with windows that somebody has begun to put in order; whether they are in order then. What another
        process does is waited for: to its end if it is `is_own` work, else until it makes a step. `step` is the last
        one that is known.

        Raises Overtaken where the other process goes on for long.
        """
        for _ in range(ATTEMPTS):
            if step is None:
                head = self.ledger.loop_version(loop)
                step = head.step
                if not head.moving:
                    return True
            self.pause(_PATIENCE)
            head = self.ledger.loop_version(loop)
            if not head.moving:
                return True
            if head.step == step and self._take_over(loop):
                return True
            if not is_own:
                return False
            step = None
        raise Overtaken(f"{loop}: another process still moves its windows")

    def _take_over(self, loop: str) -> bool:
        try:
            self._put_in_order(Order(loop, self.ledger.loop_version(loop)))
        except Overtaken:
            return False
        return True

    def put_in_order(self, order: Order) -> None:
        """Moves the jobs to where they belong."""
        try:
            self._put_in_order(order)
        except Overtaken:
            self.settle(order.loop)

    def _put_in_order(self, order: Order) -> None:
        attempt, is_read = 0, bool(order.targets)
        while True:
            try:
                if not is_read:
                    self._refresh(order)
                    is_read = True
                left = len(order.going())
                for step in self._steps(order):
                    left -= len(step.batch)
                    self._move(step, order, is_last=not left)
                    attempt = 0
                if order.head.moving:
                    self.ledger.write(loops={order.loop: order.head.moved()})
                return
            except Overtaken:
                raise
            except Conflict:
                attempt, is_read = attempt + 1, False
                if attempt == ATTEMPTS:
                    raise
                self.pause(after_conflict(attempt))

    def _steps(self, order: Order) -> Iterator[_Step]:
        """What is to be moved: the jobs that leave a window, a few at a time, with what is then left of it. Window by
        window, as jobs of one may come into the next."""
        going = order.going()
        for source, records in list(order.members.items()):
            leaving: dict[str, list[Record]] = defaultdict(list)
            for key, each in records.items():
                if going.get(key, source) != source:
                    leaving[going[key]].append(each)
            batches = [
                (jobs[start : start + self.moved_at_once], to)
                for to, jobs in leaving.items()
                for start in range(0, len(jobs), self.moved_at_once)
            ]
            if not batches:
                continue
            left = without_in_turn(order.standing[source], list(records.values()), [batch for batch, _ in batches])
            for (batch, to), rest in zip(batches, left, strict=True):
                yield _Step(batch, rest, to)

    def _move(self, step: _Step, order: Order, *, is_last: bool) -> None:
        now = order.standing[step.rest.id]
        rest = replace(step.rest, version=now.version, was_sweep=now.was_sweep)
        target = self._standing(order, step.to, step.batch[0])
        moved = [replace(each, sweep=step.to, version=each.version + 1) for each in step.batch]
        for each in moved:
            target = put(target, None, each)
        if not rest.counts.jobs:
            rest, target = superseded(rest, target)
        rest, target = reopened(rest), reopened(target)
        head = order.head.moved(() if is_last else order.concerned)
        self.ledger.write(moved, [due(each, self.rules) for each in (rest, target)], {order.loop: head})
        order.head = head
        order.wrote((rest, target), moved)

    def _standing(self, order: Order, window: str, first: Record) -> Sweep:
        known = order.standing.get(window)
        return replace(known, superseded_by=None) if known is not None else self.window(window, first)

    def window(self, window: str, first: Record) -> Sweep:
        """A window as it stands in the ledger, or a new one."""
        known = self.ledger.sweep(window)
        return replace(known, superseded_by=None) if known else new_sweep(SweepKind.LOOP, window, first)

    def _refresh(self, order: Order) -> None:
        """Reads what others have entered or changed in the windows. Raises NotSettled while the index does not show
        what was entered before the moves began."""
        head = self.ledger.loop_version(order.loop)
        if head.step != order.head.step:
            raise Overtaken(f"{order.loop}: another process moves its windows")
        windows_now = self.ledger.windows_named({*order.concerned, *head.moving})
        touched = {each.key: each for each in self.ledger.records(head.touched)}
        standing, members = {each.id: each for each in windows_now}, {}
        for window in windows_now:
            jobs = _with(order.members.get(window.id, {}), touched, head.touched, window)
            if not _are_all(jobs, window):
                shown = {each.key: each for each in self.ledger.ranking(window.id)}
                jobs = _with(shown, touched, head.touched, window)
            if not _are_all(jobs, window):
                raise NotSettled(f"window {window.id}: the index shows {len(jobs)} of {window.counts.jobs} jobs")
            members[window.id] = jobs
        order.head, order.standing, order.members = head, standing, members
        order.plan(self._quiet(order))

    def _quiet(self, order: Order) -> timedelta:
        experiments = {window.experiment for window in order.standing.values()}
        return self.rules.quiet_period(min(experiments)) if experiments else timedelta()


def _with(
    members: Mapping[JobKey, Record], touched: Mapping[JobKey, Record], keys: Iterable[JobKey], window: Sweep
) -> dict[JobKey, Record]:
    """The window's jobs, those that others have touched as they are now."""
    gone = {*keys}
    known = {key: each for key, each in members.items() if key not in gone and each.sweep == window.id}
    return known | {key: each for key, each in touched.items() if each.sweep == window.id}


def _are_all(members: Mapping[JobKey, Record], window: Sweep) -> bool:
    """Whether these are the window's jobs, each as it is now."""
    return len(members) == window.counts.jobs and sum(each.version for each in members.values()) == window.changes


def superseded(source: Sweep, target: Sweep) -> tuple[Sweep, Sweep]:
    """An emptied sweep and the one that took its jobs: what was said of the first is now to be said of the second."""
    if source.kind is not SweepKind.LOOP:
        return source, target
    announced = {source.id} if source.was_sweep or not source.is_single else set()
    names = tuple(sorted(({*target.supersedes, *source.supersedes} | announced) - {target.id}))
    gone = replace(source, superseded_by=target.id, state=SweepState.CLOSED, supersedes=())
    return gone, replace(target, supersedes=names, revision=max(target.revision, source.revision))


def reopened(sweep: Sweep) -> Sweep:
    """The sweep one version on; a closed one is open again, as revised if it was ever announced as finished."""
    state = sweep.state
    if sweep.superseded_by is None:
        state = SweepState.REVISED if sweep.revision else SweepState.OPEN
    was_sweep = sweep.was_sweep or not sweep.is_single
    return replace(sweep, version=sweep.version + 1, state=state, was_sweep=was_sweep)
