"""Sweeps: which jobs search together, and what their counts are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from trialbook.core.jobs import (
    COMPLETED,
    FAILED,
    STOPPED,
    TERMINAL,
    Job,
    JobKey,
    JobKind,
    ParentsBest,
    TuningDefinition,
    nothing,
)
from trialbook.core.merging import is_made_anew
from trialbook.core.objectives import Objective, ObjectiveSource, rank_key, rank_prefix, unranked_key
from trialbook.core.places import Place, name_there
from trialbook.core.settings import reads_of, settings_of

SIZE_TAG = "trialbook:sweep-size"


class SweepKind(StrEnum):
    """How the jobs belong together."""

    TUNING = "tuning job"
    TAG = "tag"
    LOOP = "loop"


class SweepState(StrEnum):
    """OPEN until it has finished; REVISED if a late job opened it again."""

    OPEN = "open"
    CLOSED = "closed"
    REVISED = "revised"


@dataclass(frozen=True, slots=True)
class Record:
    """A job as the ledger holds it: its facts, where it belongs, and its rank.

    `ranks`: its status lets it rank; it ranks if it has a value too. `without_objective` is the likely reason if it has
    no value. `placed_by` names the rule that placed it. `version` grows by one with each change. `is_history` marks
    jobs that a backfill found: nothing is announced for them. `arranges` are the loops whose windows had to be put in
    order when it was written: a message that comes again continues with that.
    """

    job: Job
    experiment: str
    trial: str
    placed_by: str
    sweep: str | None = None
    objective: Objective | None = None
    value: float | None = None
    ranks: bool = False
    without_objective: str | None = None
    experiment_objective: Objective | None = None
    experiment_value: float | None = None
    version: int = 0
    is_history: bool = False
    arranges: tuple[str, ...] = ()

    @property
    def key(self) -> JobKey:
        """The job's identity."""
        return self.job.key

    @property
    def sweep_rank(self) -> str:
        """Sorts best first among the jobs of its sweep."""
        return self._rank(self.objective, self.value)

    @property
    def experiment_rank(self) -> str:
        """Sorts best first among the jobs of its experiment."""
        return self._rank(self.experiment_objective, self.experiment_value)

    @property
    def is_in_experiments_ranking(self) -> bool:
        """Whether it ranks in its experiment."""
        return self.ranks and self.experiment_objective is not None and self.experiment_value is not None

    def _rank(self, objective: Objective | None, value: float | None) -> str:
        if not self.ranks or objective is None or value is None:
            return unranked_key(self.job.created_at, self.job.name)
        return rank_key(objective, value, self.job.created_at, self.job.name)


@dataclass(frozen=True, slots=True)
class Counts:
    """Jobs of a sweep by status. `without_objective` counts completed and stopped jobs that can't rank, because they
    have no value."""

    completed: int = 0
    failed: int = 0
    stopped: int = 0
    in_progress: int = 0
    without_objective: int = 0

    @property
    def jobs(self) -> int:
        """All of them."""
        return self.completed + self.failed + self.stopped + self.in_progress

    @property
    def ended(self) -> int:
        """Those that have ended."""
        return self.jobs - self.in_progress

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    def __sub__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, name) - getattr(other, name) for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Best:
    """The best job of a sweep so far."""

    job_name: str
    value: float
    rank: str
    hyper_parameters: Mapping[str, str] = field(default_factory=nothing)
    kind: JobKind = JobKind.TRAINING


@dataclass(frozen=True, slots=True)
class Latest:
    """When a job with these settings was last seen."""

    settings: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Sweep:
    """Jobs that search together, and their counts. Always equals `recount` of its jobs. `changes` is the sum of their
    versions, by which a reader of a lagging index knows whether it has seen all of them.

    `revision` counts how often it was closed. `supersedes` are sweeps that merged into this one. `latest` are the two
    settings of the jobs last seen, by which a new job is known to differ from its neighbours; empty in loops that an
    older version recorded. `reads` is a mark of the data that all jobs of a loop with a default name read; "" if they
    read different data. `was_sweep`: it once held more than one job, so it may have been reported. `being_removed`:
    its jobs are being deleted and it goes last, so no job may join it.
    """

    id: str
    kind: SweepKind
    experiment: str
    account: str = ""
    region: str = ""
    state: SweepState = SweepState.OPEN
    revision: int = 0
    version: int = 0
    changes: int = 0
    counts: Counts = Counts()
    objective: Objective | None = None
    best: Best | None = None
    first_at: datetime | None = None
    last_start_at: datetime | None = None
    last_at: datetime | None = None
    longest_runtime_seconds: int = 0
    expected_size: int | None = None
    tuning_status: str | None = None
    tuning_created_at: datetime | None = None
    tuning_ended_at: datetime | None = None
    tuning_failure: str | None = None
    strategy: str | None = None
    definitions: tuple[TuningDefinition, ...] = ()
    max_jobs: int | None = None
    parents: tuple[str, ...] = ()
    parents_best: ParentsBest | None = None
    supersedes: tuple[str, ...] = ()
    superseded_by: str | None = None
    was_sweep: bool = False
    closed_at: datetime | None = None
    is_history: bool = False
    latest: tuple[Latest, ...] = ()
    reads: str | None = None
    being_removed: bool = False

    @property
    def is_single(self) -> bool:
        """Whether the window is no sweep: it holds one job, or jobs with equal settings, so nothing is searched."""
        return self.kind is SweepKind.LOOP and (self.counts.jobs < 2 or len(self.latest) == 1)

    @property
    def loop(self) -> str:
        """The loop whose window it is."""
        return self.id.partition("@")[0]

    @property
    def tuning_job(self) -> JobKey:
        """The tuning job whose children it holds."""
        return JobKey(self.account, self.region, JobKind.TUNING, name_there(self.id, Place(self.account, self.region)))

    @property
    def own_objective(self) -> Objective | None:
        """The objective that its tuning job names; None if there is none."""
        is_own = self.objective is not None and self.objective.source is ObjectiveSource.TUNING_JOB
        return self.objective if self.kind is SweepKind.TUNING and is_own else None

    @property
    def childrens_objective(self) -> Objective | None:
        """The objective of its best job, while its tuning job names none."""
        return self.objective if self.own_objective is None else None

    @property
    def trial_kind(self) -> JobKind:
        """The kind of its best job, which that of the others is as a rule."""
        return self.best.kind if self.best is not None else JobKind.TRAINING

    @property
    def began_at(self) -> datetime | None:
        """When the first of its jobs was launched, or the tuning job itself while it has none."""
        return self.first_at or self.tuning_created_at

    @property
    def ended_at(self) -> datetime | None:
        """When its tuning job or the last of its jobs ended; None while jobs run."""
        return None if self.counts.in_progress else self.tuning_ended_at or self.last_at


def is_of_earlier_life(sweep: Sweep, job: Job) -> bool:
    """Whether a tuning job's sweep had finished before the job, the tuning job or a child, was created. Then the tuning
    job was deleted and created again under the same name."""
    if job.key.kind is JobKind.TUNING:
        return is_made_anew(sweep.tuning_created_at or sweep.first_at, job.created_at)
    is_over = sweep.tuning_status in TERMINAL and sweep.tuning_ended_at is not None
    return is_over and sweep.tuning_ended_at is not None and start_of(job) > sweep.tuning_ended_at


@dataclass(frozen=True, slots=True)
class LoopVersion:
    """The version of a loop's windows as a whole, which each change of one of them raises. `moving` are the windows
    whose jobs are being moved. Until that is finished, they may overlap. `step` is the version that the last move
    wrote, and `touched` are the jobs that others have entered since then."""

    version: int
    moving: tuple[str, ...] = ()
    step: int = 0
    touched: tuple[JobKey, ...] = ()

    def next(self, key: JobKey, near: Iterable[str] = ()) -> "LoopVersion":
        """The version after a job was entered, which is near these windows. While windows move, whoever moves them has
        to look at the job."""
        if not self.moving:
            return LoopVersion(self.version + 1)
        return LoopVersion(self.version + 1, _sorted(self.moving, near), self.step, (*self.touched, key))

    def moved(self, moving: Iterable[str] = ()) -> "LoopVersion":
        """The version after a move, which has seen all that was entered before it. The last move leaves none moving."""
        return LoopVersion(self.version + 1, _sorted(moving), self.version + 1)


def _sorted(*names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name for each in names for name in each}))


def counts_of(record: Record) -> Counts:
    """The counts that one job adds to its sweep."""
    status = record.job.status
    return Counts(
        completed=int(status == COMPLETED),
        failed=int(status == FAILED),
        stopped=int(status == STOPPED),
        in_progress=int(not record.job.is_terminal),
        without_objective=int(record.without_objective is not None),
    )


def start_of(job: Job) -> datetime:
    """When the job was launched: its submission to a queue; otherwise its creation, which every event contains;
    otherwise the earliest known time."""
    known = (job.submitted_at, job.created_at, job.started_at, job.last_modified_at, job.ended_at)
    return next(moment for moment in known if moment is not None)


def last_activity_of(job: Job) -> datetime:
    """When the job was last active: its end, or its start while it runs."""
    return max(start_of(job), job.ended_at) if job.is_terminal and job.ended_at else start_of(job)


def put(sweep: Sweep, old: Record | None, new: Record) -> Sweep:
    """The sweep after one of its jobs changed from `old` (None: it is new to the sweep) to `new`.

    Exact unless the best job got worse or its times shrank; see `needs_recount`.
    """
    counts = sweep.counts + counts_of(new) - (counts_of(old) if old else Counts())
    return replace(
        sweep,
        counts=counts,
        changes=sweep.changes + new.version - (old.version if old else 0),
        first_at=_least(sweep.first_at, start_of(new.job)),
        last_start_at=_greatest(sweep.last_start_at, start_of(new.job)),
        last_at=_greatest(sweep.last_at, last_activity_of(new.job)),
        longest_runtime_seconds=max(sweep.longest_runtime_seconds, new.job.max_runtime_seconds or 0),
        best=best_of(sweep.best, new),
        objective=_sweep_objective(sweep, new),
        expected_size=sweep.expected_size or expected_size(new.job),
        is_history=sweep.is_history and new.is_history,
        latest=_latest(sweep, new),
        reads=_reads(sweep, new),
    )


def _latest(sweep: Sweep, record: Record) -> tuple[Latest, ...]:
    """The two last settings, including this job's; empty if those of the jobs before it are not known."""
    if sweep.kind is not SweepKind.LOOP or (sweep.counts.jobs and not sweep.latest):
        return sweep.latest
    return two_latest((*sweep.latest, Latest(mark_of(record.job), last_activity_of(record.job))))


def two_latest(seen: Iterable[Latest]) -> tuple[Latest, ...]:
    """The two settings that were seen last, each with the last moment."""
    moments: dict[str, datetime] = {}
    for each in seen:
        moments[each.settings] = max(each.at, moments.get(each.settings, each.at))
    newest = sorted((Latest(*each) for each in moments.items()), key=lambda each: each.settings)
    return tuple(sorted(newest, key=lambda each: each.at, reverse=True)[:2])


def _reads(sweep: Sweep, record: Record) -> str | None:
    if sweep.kind is not SweepKind.LOOP:
        return None
    mark = reads_of(record.job)
    return mark if not sweep.counts.jobs or sweep.reads == mark else ""


def mark_of(job: Job) -> str:
    """The job's settings. If they are unknown, its name, so that it differs from all others."""
    return settings_of(job) or f"{job.key.kind.value}/{job.name}"


def needs_recount(sweep: Sweep, old: Record | None, new: Record) -> bool:
    """Whether `put` can't be exact: the job was the best and ranks lower now, or its times moved inwards."""
    if old is None:
        return False
    if sweep.best and sweep.best.job_name == new.job.name and new.sweep_rank > sweep.best.rank:
        return True
    if old.value is not None and old.objective != new.objective:
        return True
    if sweep.kind is SweepKind.LOOP and mark_of(new.job) != mark_of(old.job):
        return True
    return start_of(new.job) != start_of(old.job) or last_activity_of(new.job) < last_activity_of(old.job)


def recount(sweep: Sweep, records: Iterable[Record]) -> Sweep:
    """The sweep counted again from all of its jobs."""
    blank = replace(
        sweep,
        counts=Counts(),
        changes=0,
        first_at=None,
        last_start_at=None,
        last_at=None,
        longest_runtime_seconds=0,
        best=None,
        objective=sweep.own_objective,
        expected_size=None,
        is_history=True,
        latest=(),
        reads=None,
    )
    for record in sorted(records, key=lambda each: (start_of(each.job), each.key)):
        blank = put(blank, None, record)
    return blank


def _least(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else min(one, other)


def _greatest(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else max(one, other)


def best_of(best: Best | None, record: Record) -> Best | None:
    """The best so far, or this job if it ranks before it."""
    if not record.ranks or record.value is None:
        return best
    if best is not None and best.rank <= record.sweep_rank:
        return best
    return Best(record.job.name, record.value, record.sweep_rank, record.job.hyper_parameters, record.key.kind)


def _sweep_objective(sweep: Sweep, record: Record) -> Objective | None:
    """The objective of a sweep: its tuning job's own; otherwise its best job's; until a job ranks, the first by rank
    prefix of those given by name. So it does not depend on the order in which jobs are counted."""
    if sweep.own_objective is not None:
        return sweep.own_objective
    best = best_of(sweep.best, record)
    if best is not None:
        return sweep.objective if best is sweep.best else record.objective
    return first_named(sweep.objective, record.objective)


def first_named(*objectives: Objective | None) -> Objective | None:
    """The first by rank prefix of the objectives that somebody named."""
    named = [each for each in objectives if each and each.is_named]
    return min(named, key=lambda each: (rank_prefix(each), list(ObjectiveSource).index(each.source)), default=None)


def expected_size(job: Job) -> int | None:
    """N of the tag `trialbook:sweep-size`; None if it is missing or not a whole number above 0."""
    text = job.tags.get(SIZE_TAG, "").strip()
    return int(text) if text.isdecimal() and int(text) > 0 else None
