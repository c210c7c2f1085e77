"""Windows: which of the jobs that share a name are one loop, by their times, settings and origins."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from trialbook.core.jobs import Job, JobKey
from trialbook.core.names import same_name
from trialbook.core.settings import Origin, has_default_name, origin_of, people_of, settings_of
from trialbook.core.sweeps import Record, last_activity_of, start_of
from trialbook.core.times import iso


@dataclass(frozen=True, slots=True)
class Interval:
    """When a job ran, and a mark of its settings. `end` is None while it runs (or while its end is not known). Without
    `settings`, it counts as different from all others. A job whose name says nothing of its maker has an `origin`."""

    key: JobKey
    start: datetime
    end: datetime | None
    settings: str | None = None
    origin: Origin | None = None

    @staticmethod
    def of(job: Job) -> "Interval":
        """A job's own times and settings."""
        end = last_activity_of(job) if job.is_terminal else None
        return Interval(
            job.key, start_of(job), end, settings_of(job), origin_of(job) if has_default_name(job) else None
        )


Window = tuple[Interval, ...]


def windows(intervals: Iterable[Interval], quiet: timedelta) -> list[Window]:
    """The windows of a loop, each in order of its jobs' starts. Depends on the intervals only, never on the order in
    which they are given.

    Two jobs are neighbours if one starts while the other runs, or if their settings differ and no more than `quiet`
    is between them. A chain of neighbours is a window. So a job that is repeated with the same settings, again and
    again, has a window of its own each time, and windows do not overlap.

    Jobs with a default name may be several people's: they are neighbours only if they may be one person's. Their
    windows may overlap.
    """
    ordered = sorted(intervals, key=lambda each: (each.start, each.key))
    return _chains(ordered, quiet) if any(each.origin for each in ordered) else _cut(ordered, quiet)


def _cut(ordered: Sequence[Interval], quiet: timedelta) -> list[Window]:
    """Windows that do not overlap: one pass."""
    starts = [each.start for each in ordered]
    settings: list[object] = [each.settings or each.key for each in ordered]
    different = _last_different(settings)
    found: list[list[Interval]] = []
    reach = -1  # the last job that one of those so far holds in its window
    for number, each in enumerate(ordered):
        if number > reach:
            found.append([])
        found[-1].append(each)
        reach = max(reach, _furthest(number, each, starts, settings, different, quiet))
    return [tuple(window) for window in found]


def _last_different(settings: Sequence[object]) -> list[int]:
    """For each job the last one before it that has other settings; -1 if there is none."""
    found: list[int] = []
    for number, each in enumerate(settings):
        same_as_before = number > 0 and settings[number - 1] == each
        found.append(found[-1] if same_as_before else number - 1)
    return found


def _furthest(
    number: int,
    each: Interval,
    starts: Sequence[datetime],
    settings: Sequence[object],
    different: Sequence[int],
    quiet: timedelta,
) -> int:
    """The last job that belongs to this one's window: it starts while this one runs, or soon after with other
    settings."""
    if each.end is None:
        return len(starts) - 1
    beside = max(bisect_left(starts, each.end), bisect_right(starts, each.start)) - 1
    near = bisect_right(starts, each.end + quiet) - 1
    other = near if settings[near] != settings[number] else different[near]
    return max(beside, other)


def _chains(ordered: Sequence[Interval], quiet: timedelta) -> list[Window]:
    """Windows that may overlap: each job joins the windows of its neighbours before it, which become one."""
    window_of = list(range(len(ordered)))  # the number of its window's first job

    def first(number: int) -> int:
        while window_of[number] != number:
            window_of[number] = window_of[window_of[number]]
            number = window_of[number]
        return number

    for number, each in enumerate(ordered):
        for later in _reached(number, ordered, quiet):
            if _are_neighbours(each, ordered[later]):
                one, other = sorted((first(number), first(later)))
                window_of[other] = one
    found: dict[int, list[Interval]] = {}
    for number, each in enumerate(ordered):
        found.setdefault(first(number), []).append(each)
    return [tuple(window) for window in found.values()]


def _reached(number: int, ordered: Sequence[Interval], quiet: timedelta) -> Iterator[int]:
    """The later jobs that start before this one has been over for long."""
    end = ordered[number].end
    for later in range(number + 1, len(ordered)):
        if end is not None and ordered[later].start > end + quiet:
            return
        yield later


def _are_neighbours(one: Interval, later: Interval) -> bool:
    """Of two jobs within the quiet period."""
    if one.origin is not None and later.origin is not None and not one.origin.may_be_that_of(later.origin):
        return False
    is_beside = one.end is None or later.start < one.end or later.start == one.start
    return is_beside or one.settings is None or one.settings != later.settings


def loop_of(record: Record) -> str:
    """The loop that a job could be part of: its experiment. Executions of a pipeline search apart from each other, and
    so do people whose jobs have the name that an SDK gives by default, as far as role and tags tell them apart."""
    job = record.job
    if job.pipeline is not None and job.pipeline_execution is not None:
        return same_name(f"{record.experiment}~{job.pipeline_execution}")
    if has_default_name(job):
        return same_name(f"{record.experiment}~{people_of(job)}")
    return same_name(record.experiment)


def window_id(loop: str, first: Interval) -> str:
    """The id of a loop's window, from its first job. Windows that may overlap may also begin in the same millisecond:
    there, a mark of the job follows."""
    mark = "" if first.origin is None else f"~{sha256(first.key.name.encode()).hexdigest()[:6]}"
    return loop_id(loop, first.start) + mark


def loop_id(loop: str, first_start: datetime) -> str:
    """The id of a window that overlaps no other: loop and moment of its first job,
    `churn-xgb@20261120T101500.123Z`. `@` is in no SageMaker name, so ids never clash."""
    return f"{same_name(loop)}@{iso(first_start).replace('-', '').replace(':', '')}"
