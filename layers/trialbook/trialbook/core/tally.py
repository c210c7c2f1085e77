"""Sums over the jobs of a loop's window, kept up to date while jobs leave it and enter it.

The jobs are the leaves of a binary tree, and each node sums up the jobs below it. So a change costs a few additions,
however many jobs there are.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from trialbook.core.jobs import JobKey
from trialbook.core.objectives import Objective
from trialbook.core.settings import reads_of
from trialbook.core.sweeps import (
    Best,
    Counts,
    Latest,
    Record,
    Sweep,
    best_of,
    counts_of,
    expected_size,
    first_named,
    last_activity_of,
    mark_of,
    recount,
    start_of,
    two_latest,
)


@dataclass(frozen=True, slots=True)
class _Sum:
    """Sums over some jobs of a window. `sized` is the first of them with an expected size, and that size."""

    counts: Counts
    changes: int
    first_at: datetime
    last_start_at: datetime
    last_at: datetime
    longest_runtime_seconds: int
    best: Best | None
    objective: Objective | None
    sized: tuple[datetime, JobKey, int] | None
    is_history: bool
    latest: tuple[Latest, ...]
    reads: str | None

    @staticmethod
    def of(record: Record) -> "_Sum":
        """The sums of a single job."""
        job, start, end = record.job, start_of(record.job), last_activity_of(record.job)
        best, size = best_of(None, record), expected_size(job)
        return _Sum(
            counts=counts_of(record),
            changes=record.version,
            first_at=start,
            last_start_at=start,
            last_at=end,
            longest_runtime_seconds=job.max_runtime_seconds or 0,
            best=best,
            objective=record.objective if best is not None else first_named(record.objective),
            sized=None if size is None else (start, record.key, size),
            is_history=record.is_history,
            latest=(Latest(mark_of(job), end),),
            reads=reads_of(job),
        )

    def __add__(self, other: "_Sum") -> "_Sum":
        leader = self if other.best is None or (self.best and self.best.rank <= other.best.rank) else other
        return _Sum(
            counts=self.counts + other.counts,
            changes=self.changes + other.changes,
            first_at=min(self.first_at, other.first_at),
            last_start_at=max(self.last_start_at, other.last_start_at),
            last_at=max(self.last_at, other.last_at),
            longest_runtime_seconds=max(self.longest_runtime_seconds, other.longest_runtime_seconds),
            best=leader.best,
            objective=leader.objective if leader.best else first_named(self.objective, other.objective),
            sized=min((each for each in (self.sized, other.sized) if each), default=None),
            is_history=self.is_history and other.is_history,
            latest=two_latest((*self.latest, *other.latest)),
            reads=self.reads if self.reads == other.reads else "",
        )

    def applied_to(self, sweep: Sweep) -> Sweep:
        """The window with these jobs."""
        return replace(
            sweep,
            counts=self.counts,
            changes=self.changes,
            first_at=self.first_at,
            last_start_at=self.last_start_at,
            last_at=self.last_at,
            longest_runtime_seconds=self.longest_runtime_seconds,
            best=self.best,
            objective=self.objective,
            expected_size=self.sized[2] if self.sized else None,
            is_history=self.is_history,
            latest=self.latest,
            reads=self.reads,
        )


class Tally:
    """The jobs of a loop's window, summed up."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._leaves: dict[JobKey, int] = {}
        self._grow({each.key: _Sum.of(each) for each in records})

    def _grow(self, jobs: Mapping[JobKey, _Sum]) -> None:
        """Puts the jobs side by side, with at least as many free places behind them."""
        width = 2 << len(jobs).bit_length()
        self._leaves = {key: width + number for number, key in enumerate(jobs)}
        self._free = width + len(jobs)
        self._nodes: list[_Sum | None] = [None] * (2 * width)
        self._set(dict(zip(self._leaves.values(), jobs.values(), strict=True)))

    def put(self, record: Record) -> None:
        """Takes in a job that came or changed."""
        if record.key not in self._leaves:
            if self._free == len(self._nodes):
                left = {key: found for key, leaf in self._leaves.items() if (found := self._nodes[leaf]) is not None}
                self._grow(left)
            self._leaves[record.key] = self._free
            self._free += 1
        self._set({self._leaves[record.key]: _Sum.of(record)})

    def take(self, keys: Iterable[JobKey]) -> None:
        """Takes jobs out."""
        self._set({leaf: None for key in keys if (leaf := self._leaves.pop(key, None)) is not None})

    def without(self, keys: Iterable[JobKey], sweep: Sweep) -> Sweep:
        """The window once these jobs have left it: always what a recount of the other jobs gives."""
        changed = self._changed({self._leaves[key]: None for key in keys})
        left = changed.get(1, self._nodes[1])
        return recount(sweep, ()) if left is None else left.applied_to(sweep)

    def _set(self, leaves: Mapping[int, _Sum | None]) -> None:
        for node, found in self._changed(leaves).items():
            self._nodes[node] = found

    def _changed(self, leaves: Mapping[int, _Sum | None]) -> dict[int, _Sum | None]:
        """All nodes that change with these leaves."""
        changed, level = dict(leaves), {*leaves}
        while level and level != {1}:
            level = {node // 2 for node in level}
            for node in level:
                one, other = (changed.get(each, self._nodes[each]) for each in (2 * node, 2 * node + 1))
                changed[node] = one + other if one and other else one or other
        return changed
