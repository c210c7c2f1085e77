"""Moves jobs between the windows of a loop when an event joins, splits or renames windows: a few jobs a transaction.

The job that causes the move is written first, with the names of the windows whose jobs will move. So all processes
compute the same windows from the same jobs, and each move brings a job where it belongs.

One process moves. Another that comes meanwhile writes its job into one of the windows, names it in the loop's version
and leaves the rest to the first. If the first makes no step for a second, the other counts it as dead and continues the
move. The moving process reads the windows once, and afterwards only the jobs that others named. It carries out its plan
first, and then plans again with the jobs that came meanwhile. So requests and computing grow with the number of jobs
that move, however many others come, and a lagging index does not matter.
"""

import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import islice, takewhile

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
)
from trialbook.core.tally import Tally
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
class Members:
    """The jobs of a window, as far as they were read. They are summed up once jobs leave."""

    jobs: dict[JobKey, Record] = field(default_factory=dict)
    changes: int = 0
    _tally: Tally | None = None

    def put(self, record: Record) -> None:
        """Takes in a job, or what changed of it."""
        known = self.jobs.get(record.key)
        self.jobs[record.key] = record
        self.changes += record.version - (known.version if known else 0)
        if self._tally is not None:
            self._tally.put(record)

    def take(self, key: JobKey) -> None:
        """Takes a job out, if it is there."""
        known = self.jobs.pop(key, None)
        if known is not None:
            self.changes -= known.version
            if self._tally is not None:
                self._tally.take([key])

    def are_all_of(self, window: Sweep) -> bool:
        """Whether these are the window's jobs, each as it is now."""
        return (len(self.jobs), self.changes) == (window.counts.jobs, window.changes)

    def without(self, batch: Iterable[Record], window: Sweep) -> Sweep:
        """The window once these jobs have left it."""
        if self._tally is None:
            self._tally = Tally(self.jobs.values())
        return self._tally.without((each.key for each in batch), window)


@dataclass(frozen=True, slots=True)
class _Leaver:
    """A job that is to leave a window for another one."""

    key: JobKey
    source: str
    to: str


@dataclass(frozen=True, slots=True)
class _Step:
    """Jobs that leave a window together for another one. `is_last`: then all are where they belong."""

    batch: Sequence[Record]
    source: str
    to: str
    is_last: bool


@dataclass(slots=True)
class Order:
    """Windows of a loop that are put in order, as they are in the ledger after each move: with their jobs, the
    windows that the jobs belong to, and the jobs that are still to move. `is_outdated`: others have changed jobs since
    that plan was made. `named` are the windows that they named."""

    loop: str
    head: LoopVersion
    standing: dict[str, Sweep] = field(default_factory=dict)
    members: dict[str, Members] = field(default_factory=dict)
    targets: dict[JobKey, str] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    is_outdated: bool = True
    _windows: dict[JobKey, str] = field(default_factory=dict)
    _leavers: deque[_Leaver] = field(default_factory=deque)
    _unsettled: Counter[str] = field(default_factory=Counter)

    def read(self, window: Sweep, records: Iterable[Record]) -> None:
        """Takes in a window with its jobs, as they were read."""
        self.leave_out(window.id)
        self.standing[window.id] = window
        members = self.members[window.id] = Members()
        for each in records:
            members.put(each)
            self._windows[each.key] = window.id

    def leave_out(self, window: str) -> None:
        """Forgets a window that is gone, and its jobs."""
        self.standing.pop(window, None)
        for key in self.members.pop(window, Members()).jobs:
            self._windows.pop(key, None)

    def windows_of(self, keys: Iterable[JobKey], records: Mapping[JobKey, Record]) -> set[str]:
        """The windows of the loop that these jobs were in, and are in now."""
        now = (each.sweep for each in records.values() if each.sweep and each.sweep.startswith(f"{self.loop}@"))
        return {*(self._windows[key] for key in keys if key in self._windows), *now}

    def follow(self, names: Iterable[str], found: Mapping[str, Sweep], jobs: Mapping[JobKey, Record | None]) -> None:
        """Takes in what others did: to windows, those of these names that were found, and to jobs; None: it is gone."""
        for name in names:
            if name in found:
                self.standing[name] = found[name]
                self.members.setdefault(name, Members())
            elif name in self.standing:
                self.leave_out(name)
                self.is_outdated = True
        for key, record in jobs.items():
            self.job_is(key, record)
            self.is_outdated = True

    def job_is(self, key: JobKey, record: Record | None) -> None:
        """Takes in what a job is now; None: it is gone."""
        before = self._windows.pop(key, None)
        if before is not None and (record is None or record.sweep != before):
            self.members[before].take(key)
        if record is not None and record.sweep in self.standing:
            self.members.setdefault(record.sweep, Members()).put(record)
            self._windows[key] = record.sweep

    def plan(self, quiet: timedelta, fresh: Record | None = None, without: JobKey | None = None) -> None:
        """Computes where the jobs belong: as they are, or once a job has come, or has gone."""
        jobs = [each for members in self.members.values() for each in members.jobs.values()]
        left = [each for each in jobs if each.key not in (without, fresh.key if fresh else None)]
        there = [*left, fresh] if fresh else left
        self.targets = {
            each.key: window_id(self.loop, window[0])
            for window in windows((Interval.of(each.job) for each in there), quiet)
            for each in window
        }
        self.named, self.is_outdated = set(), False
        self._leavers, self._unsettled = deque(), Counter()
        for source, members in self.members.items():
            leaving: dict[str, list[JobKey]] = defaultdict(list)
            for key in members.jobs:
                leaving[self.targets.get(key, source)].append(key)
            leaving.pop(source, None)
            for to, keys in leaving.items():
                self._leavers.extend(_Leaver(key, source, to) for key in keys)
                self._unsettled.update({source: len(keys), to: len(keys)})

    def others_leave(self, besides: JobKey) -> bool:
        """Whether another job than this one is in a window that it does not belong to."""
        return any(each.key != besides for each in self._leavers)

    def moving(self, *created: str) -> set[str]:
        """The windows that jobs still leave or join, as far as they exist or are being created. What is finished is
        not among them: a loop may part into thousands of windows, and an item of DynamoDB is small."""
        return {*self.named, *(each for each in self._unsettled if each in self.standing), *created}

    def next_step(self, most: int) -> _Step | None:
        """The next jobs to move together; None if all are where the plan wants them."""
        while self._leavers and not self._is_still_there(self._leavers[0]):
            gone = self._leavers.popleft()
            for window in (gone.source, gone.to):
                self._unsettled[window] -= 1
                if not self._unsettled[window]:
                    del self._unsettled[window]
        if not self._leavers:
            return None
        first = self._leavers[0]
        alike = takewhile(lambda each: (each.source, each.to) == (first.source, first.to), self._leavers)
        batch = list(islice(filter(self._is_still_there, alike), most))
        is_last = batch[-1] is self._leavers[-1] and not self.is_outdated
        jobs = self.members[first.source].jobs
        return _Step([jobs[each.key] for each in batch], first.source, first.to, is_last)

    def _is_still_there(self, leaver: _Leaver) -> bool:
        return self._windows.get(leaver.key) == leaver.source

    def wrote(self, changed: Iterable[Sweep], records: Iterable[Record]) -> None:
        """Follows what was written."""
        self.standing.update({window.id: window for window in changed if window.id.startswith(f"{self.loop}@")})
        for each in records:
            self.job_is(each.key, each)


@dataclass(frozen=True, slots=True)
class Moves:
    """Moves the jobs of loops. `pause` waits so many seconds."""

    ledger: Ledger
    rules: Rules
    moved_at_once: int
    pause: Pause

    def read(self, loop: str, head: LoopVersion, near: Iterable[Sweep]) -> Order:
        """The windows with their jobs. Raises NotSettled if the index lags behind."""
        order = Order(loop, head)
        for window in near:
            order.read(window, self.ledger.records_of(window))
        return order

    def settle(self, loop: str, *, is_own: bool = True, step: int | None = None) -> bool:
        """Goes on with windows that somebody has begun to put in order; whether they are in order then. What another
        process does is waited for: to its end if it is `is_own` work, else until it makes a step. `step` is the last
        one that is known.

        Raises Overtaken where the other process continues for long.
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
                step = order.next_step(self.moved_at_once)
                if step is None and order.is_outdated:
                    order.plan(self._quiet(order))
                    step = order.next_step(self.moved_at_once)
                if step is None:
                    if order.head.moving:
                        self.ledger.write(loops={order.loop: order.head.moved()})
                    return
                self._move(step, order)
                attempt = 0
            except Overtaken:
                raise
            except Conflict:
                attempt, is_read = attempt + 1, False
                if attempt == ATTEMPTS:
                    raise
                self.pause(after_conflict(attempt))

    def _move(self, step: _Step, order: Order) -> None:
        rest = order.members[step.source].without(step.batch, order.standing[step.source])
        target = self._standing(order, step.to, step.batch[0])
        moved = [replace(each, sweep=step.to, version=each.version + 1) for each in step.batch]
        for each in moved:
            target = put(target, None, each)
        if not rest.counts.jobs:
            rest, target = superseded(rest, target)
        rest, target = reopened(rest), reopened(target)
        head = order.head.moved(() if step.is_last else order.moving(step.to))
        self.ledger.write(moved, [due(each, self.rules) for each in (rest, target)], {order.loop: head})
        order.head = head
        order.wrote((rest, target), moved)

    def _standing(self, order: Order, window: str, first: Record) -> Sweep:
        known = order.standing.get(window)
        return replace(known, superseded_by=None) if known is not None else self.window(window, first)

    def window(self, window: str, first: Record) -> Sweep:
        """A window as it is in the ledger, or a new one."""
        known = self.ledger.sweep(window)
        return replace(known, superseded_by=None) if known else new_sweep(SweepKind.LOOP, window, first)

    def _refresh(self, order: Order) -> None:
        """Reads what others have entered or changed in the windows. Raises NotSettled while the index does not show
        what was entered before the moves began."""
        head = self.ledger.loop_version(order.loop)
        if head.step != order.head.step:
            raise Overtaken(f"{order.loop}: another process moves its windows")
        touched = {each.key: each for each in self.ledger.records(head.touched)}
        names = {*order.moving(), *head.moving, *order.windows_of(head.touched, touched)}
        found = {each.id: each for each in self.ledger.windows_named(names)}
        order.head, order.named = head, {*order.named, *head.moving}
        changed = {key: touched.get(key) for key in head.touched}
        order.follow(names, found, changed)
        for window in found.values():
            if not order.members[window.id].are_all_of(window):
                self._read(window, order, changed)

    def _read(self, window: Sweep, order: Order, changed: Mapping[JobKey, Record | None]) -> None:
        order.is_outdated = True
        shown = [each for each in self.ledger.ranking(window.id) if each.key not in changed]
        order.read(window, [*shown, *(each for each in changed.values() if each and each.sweep == window.id)])
        if not order.members[window.id].are_all_of(window):
            jobs = len(order.members[window.id].jobs)
            raise NotSettled(f"window {window.id}: the index shows {jobs} of {window.counts.jobs} jobs")

    def _quiet(self, order: Order) -> timedelta:
        experiments = {window.experiment for window in order.standing.values()}
        return self.rules.quiet_period(min(experiments)) if experiments else timedelta()


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
