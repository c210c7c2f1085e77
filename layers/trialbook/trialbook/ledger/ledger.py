"""The ledger: jobs and their sweeps in one DynamoDB table, written in transactions that are conditional on the versions
read. The other things that the table holds have a class of their own, opened with the ledger.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from itertools import count, islice, takewhile
from types import MappingProxyType
from typing import TYPE_CHECKING

from botocore.session import Session
from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from trialbook.core.expiry import Expiry
from trialbook.core.jobs import Job, JobKey
from trialbook.core.objectives import Objective, rank_prefix
from trialbook.core.places import next_life
from trialbook.core.sweeps import LoopVersion, Record, Sweep, is_of_earlier_life
from trialbook.core.times import iso
from trialbook.ledger.attachments import Attachments
from trialbook.ledger.due_sweeps import DueSweeps
from trialbook.ledger.experiments import Experiments
from trialbook.ledger.items import Attributes, job_item, loops_item, read_loops, read_record, read_sweep, sweep_item
from trialbook.ledger.notes import Notes
from trialbook.ledger.pipelines import Pipelines
from trialbook.ledger.places import KnownPlaces
from trialbook.ledger.recent import Recent, Windows
from trialbook.ledger.table import (
    AT_ONCE,
    EXPIRING_DUE,
    FIRST_RANK,
    LOOPS_SORT_KEY,
    SWEEPS,
    SWEEPS_DUE,
    Conflict,
    Item,
    LedgerTable,
    NotSettled,
    experiment_id,
    job_pk,
    loops_pk,
    single_jobs_id,
    sweep_keys,
    sweeps_id,
)

if TYPE_CHECKING:
    from trialbook.core.masking import Masker

_CONFLICTS = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
# botocore repeats what DynamoDB throttles, but not a transaction that it cancels for that reason.
_THROTTLED = frozenset({"ProvisionedThroughputExceeded", "ThrottlingError"})
_THROTTLED_TRIES, _FIRST_PAUSE = 6, 0.05  # seconds; all pauses together take 3 at most
LONGEST_TRANSACTION = 10  # items; AWS takes 100, its DynamoDB Local of 2020 takes 10
_EVER = "~"  # sorts behind all times
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
FEW = 5  # windows read at once: the first of them is mostly the one that is asked for
NO_LOOPS: Mapping[str, LoopVersion] = MappingProxyType({})
Loop = tuple[str, LoopVersion, Iterator[Sweep]]  # its name, and its version and windows as `loops` gives them


class Ledger:
    """Jobs and sweeps. `cause` gives the id of the event that is being handled: each item keeps that of its last
    change. Finished sweeps leave the ledger after `expire_days`; never if None. `region` and `host` are for tests and
    laptops."""

    def __init__(
        self,
        table: str,
        *,
        region: str | None = None,
        host: str | None = None,
        expire_days: int | None = None,
        cause: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.table = LedgerTable(table, region=region, host=host)
        self._item = self.table.item
        self._expiry, self._cause = Expiry(expire_days), cause
        self.attachments = Attachments(self.table, self._expiry)
        self.due_sweeps = DueSweeps(self.table, SWEEPS_DUE)
        self.expiring_sweeps = None if expire_days is None else DueSweeps(self.table, EXPIRING_DUE)
        self.experiments = Experiments(self.table)
        self.notes = Notes(self.table)
        self.pipelines = Pipelines(self.table, self._expiry)
        self.places = KnownPlaces(self.table)
        self.recent = Recent()

    @property
    def session(self) -> Session:
        """The botocore session that all clients share."""
        return self.table.session

    @cached_property
    def masker(self) -> "Masker":
        """Masks secrets before they are recorded in this book."""
        from trialbook.ledger.masking import masker_of

        return masker_of(self.table)

    # -- jobs ---------------------------------------------------------------------------------------------------

    def record(self, key: JobKey) -> Record | None:
        """A job's record, read consistently."""
        item = self.table.get(job_pk(key), "JOB")
        return None if item is None else read_record(item)

    def record_and_sweep(self, key: JobKey, sweep_id: str) -> tuple[Record | None, Sweep | None]:
        """A job's record and a sweep, read consistently by one request."""
        job, sweep = (job_pk(key), "JOB"), sweep_keys(sweep_id)
        found = {(each.pk, each.sk): each for each in self._item.batch_get([job, sweep], consistent_read=True)}
        return (
            read_record(found[job]) if job in found else None,
            read_sweep(found[sweep]) if sweep in found else None,
        )

    def record_and_loop(self, key: JobKey, loop: str) -> tuple[Record | None, Loop | None]:
        """A job's record and, by the same request, a loop; None if the loop has changed since this process met it."""
        job, head = (job_pk(key), "JOB"), (loops_pk(loop), LOOPS_SORT_KEY)
        found = {(each.pk, each.sk): each for each in self._item.batch_get([job, head], consistent_read=True)}
        version = read_loops(found[head]) if head in found else LoopVersion(0)
        windows = self.recent.windows(loop, version)
        return (
            read_record(found[job]) if job in found else None,
            None if windows is None else (loop, version, self._and_older(loop, windows)),
        )

    def _and_older(self, loop: str, known: Windows) -> Iterator[Sweep]:
        """The known windows, and those before them read as needed."""
        first, are_all = list(known.found), known.are_all
        yield from first
        if not are_all:
            ids = {each.id for each in first}
            yield from (each for each in self.loops(loop)[1] if each.id not in ids)

    def records(self, keys: Iterable[JobKey]) -> Iterator[Record]:
        """The records that exist among the keys, a request for each hundred."""
        for item in self._item.batch_get([(job_pk(key), "JOB") for key in keys], consistent_read=True):
            yield read_record(item)

    def jobs(self) -> Iterator[Record]:
        """All jobs, by reading the whole table: for exports."""
        yield from (read_record(item) for item in self._item.scan(self._item.item == "job"))

    def records_of(self, sweep: Sweep) -> list[Record]:
        """All jobs of a sweep as of the sweep's own item. Raises NotSettled if the index lags behind it."""
        found = list(self.ranking(sweep.id))
        if len(found) != sweep.counts.jobs or sum(each.version for each in found) != sweep.changes:
            raise NotSettled(f"sweep {sweep.id}: the index shows {len(found)} of {sweep.counts.jobs} jobs")
        return found

    def ranking(self, sweep_id: str, limit: int | None = None, objective: Objective | None = None) -> Iterator[Record]:
        """The jobs of a sweep, best first, unranked ones last; two requests for the first `limit`.

        Each objective has a ranking of its own; with `objective`, only that one is read.
        """
        condition = self._item.sweep_rank.startswith(rank_prefix(objective)) if objective else None
        rows = self._item.in_sweep.query(sweep_id, condition, page_size=limit)
        found = self._read_records(rows, sweep_id, limit)
        yield from (each for each in found if objective is None or each.sweep_rank.startswith(rank_prefix(objective)))

    def last_ranked(self, sweep_id: str, limit: int) -> Iterator[Record]:
        """The last jobs of a sweep by rank. Failed jobs do not rank, so they are among them."""
        rows = self._item.in_sweep.query(sweep_id, scan_index_forward=False, page_size=limit)
        yield from self._read_records(rows, sweep_id, limit)

    def experiment_ranking(
        self, experiment: str, limit: int | None = None, objective: Objective | None = None
    ) -> Iterator[Record]:
        """The jobs of an experiment, best first, unranked ones last; two requests for the first `limit`.

        Each objective has a ranking of its own; with `objective`, only that one is read. `leading` decides which of
        them an experiment is ranked by.
        """
        rank, partition = self._item.experiment_rank, experiment_id(experiment)
        condition = rank.startswith(rank_prefix(objective)) if objective else rank >= FIRST_RANK
        rows = self._item.in_experiment.query(partition, condition, page_size=limit)
        for each in self._read_records(rows, partition, limit):
            if objective is None or each.experiment_rank.startswith(rank_prefix(objective)):
                yield each

    def _read_records(self, rows: Iterable[Item], partition: str, limit: int | None = None) -> Iterator[Record]:
        """The jobs that rows of an index stand for, up to `limit`."""
        return map(read_record, islice(self.table.whole(rows, partition, _at_first(limit)), limit))

    def _read_sweeps(self, rows: Iterable[Item], partition: str, limit: int | None = None) -> Iterator[Sweep]:
        """The sweeps that rows of an index stand for, up to `limit`."""
        return map(read_sweep, islice(self.table.whole(rows, partition, _at_first(limit)), limit))

    def best_before(self, sweep: Sweep, objective: Objective) -> Record | None:
        """The experiment's best job by the objective that started before the sweep. Rows of the index say when, and
        DynamoDB leaves out the others: of an experiment's first sweep, all of them."""
        partition, prefix = experiment_id(sweep.experiment), rank_prefix(objective)
        is_earlier = self._item.created < (iso(sweep.began_at) if sweep.began_at else _EVER)
        is_ranked = self._item.experiment_rank.startswith(prefix)
        earlier = self._item.in_experiment.query(partition, is_ranked, is_earlier)
        return next(self._read_records(earlier, partition, 1), None)

    # -- sweeps -------------------------------------------------------------------------------------------------

    def sweep(self, sweep_id: str) -> Sweep | None:
        """A sweep, read consistently."""
        item = self.table.get(*sweep_keys(sweep_id))
        return None if item is None else read_sweep(item)

    def sweeps(self) -> Iterator[Sweep]:
        """All sweeps in order of time, without windows of a single job."""
        yield from self._read_sweeps(self._item.in_time_order.query(SWEEPS), SWEEPS)

    def sweeps_since(self, moment: datetime) -> Iterator[Sweep]:
        """The sweeps that began then or later, in order of time, without windows of a single job."""
        yield from self._read_sweeps(self._item.in_time_order.query(SWEEPS, self._item.created >= iso(moment)), SWEEPS)

    def all_sweeps(self) -> Iterator[Sweep]:
        """All sweeps, also superseded ones and windows of a single job, by reading the whole table: for exports."""
        yield from (read_sweep(item) for item in self._item.scan(self._item.item == "sweep"))

    def sweeps_of(self, experiment: str) -> Iterator[Sweep]:
        """The sweeps of an experiment in order of time."""
        partition = sweeps_id(experiment)
        yield from self._read_sweeps(self._item.in_experiment.query(partition), partition)

    def sweeps_before(self, sweep: Sweep, limit: int) -> Iterator[Sweep]:
        """The experiment's sweeps that began before this one, latest first; two requests."""
        if sweep.began_at is None:
            return
        partition, earlier = sweeps_id(sweep.experiment), self._item.experiment_rank < f"{iso(sweep.began_at)}|"
        rows = self._item.in_experiment.query(partition, earlier, scan_index_forward=False, page_size=limit)
        yield from self._read_sweeps(rows, partition, limit)

    def singles_of(self, experiment: str, since: datetime) -> Iterator[Sweep]:
        """The windows of an experiment's loops that are no sweep and began then or later, latest first. Older versions
        of Trialbook did not index them: theirs are found among the windows of the experiment's own loop."""
        condition = self._item.experiment_rank >= iso(since)
        seen, partition = set(), single_jobs_id(experiment)
        rows = self._item.in_experiment.query(partition, condition, scan_index_forward=False)
        for window in self._read_sweeps(rows, partition):
            seen.add(window.id)
            yield window
        for window in takewhile(
            lambda each: each.began_at is None or each.began_at >= since, self.loops(experiment)[1]
        ):
            if window.is_single and window.id not in seen:
                yield window

    def loops(self, loop: str, at_once: int = FEW) -> tuple[LoopVersion, Iterator[Sweep]]:
        """The version of a loop's windows and the windows, latest first, read consistently and as needed.

        The version is read first: a write that depends on it fails if any window changed while they were read.
        """
        items = self._item.query(loops_pk(loop), consistent_read=True, scan_index_forward=False, page_size=at_once)
        head = next(iter(items), None)
        if head is None:
            return LoopVersion(0), self.recent.read(loop, LoopVersion(0), iter(()))
        if head.sk != LOOPS_SORT_KEY:
            raise Conflict(f"loop {loop}: its windows came up while they were read")
        windows = (sweep for item in items if (sweep := read_sweep(item)).superseded_by is None)
        version = read_loops(head)
        return version, self.recent.read(loop, version, windows)

    def loop_version(self, loop: str) -> LoopVersion:
        """The version of a loop's windows, read consistently."""
        head = self.table.get(loops_pk(loop), LOOPS_SORT_KEY)
        return LoopVersion(0) if head is None else read_loops(head)

    def windows_named(self, ids: Iterable[str]) -> list[Sweep]:
        """The windows that exist under these ids and have not merged into others, by one consistent request for each
        hundred."""
        items = self._item.batch_get([sweep_keys(each) for each in ids], consistent_read=True)
        return [window for each in items if (window := read_sweep(each)).superseded_by is None]

    def life_of(self, sweep_id: str, sweep: Sweep | None, job: Job) -> tuple[str, Sweep | None]:
        """Id and sweep of the tuning job that the job is, or is a child of. A tuning job that was created again under
        the name of a deleted one has a sweep of its own."""
        while sweep is not None and is_of_earlier_life(sweep, job):
            sweep_id = next_life(sweep_id)
            sweep = self.sweep(sweep_id)
        return sweep_id, sweep

    # -- writing ------------------------------------------------------------------------------------------------

    def write(
        self,
        records: Iterable[Record] = (),
        sweeps: Iterable[tuple[Sweep, datetime | None]] = (),
        loops: Mapping[str, LoopVersion] = NO_LOOPS,
    ) -> None:
        """Writes jobs, sweeps with the moment they are due, and the versions of loops in one transaction. It succeeds
        only if each of them is one version older in the table. Raises Conflict."""
        cause, records, sweeps = self._cause(), list(records), list(sweeps)
        if leaving := [each.id for each, _ in sweeps if each.being_removed]:
            raise Conflict(f"sweep {leaving[0]} is leaving the ledger: in a minute it is gone")
        writes = [(job_item(each, self._expiry, cause), each.version) for each in records]
        writes += [(sweep_item(each, due_at, self._expiry, cause), each.version) for each, due_at in sweeps]
        writes += [(loops_item(loop, each), each.version) for loop, each in loops.items()]
        for attempt in count(1):
            try:
                self._write(writes)
                break
            except TransactWriteError as error:
                reasons = {reason.code for reason in error.cancellation_reasons if reason is not None}
                is_known = bool(reasons) and reasons <= _CONFLICTS | _THROTTLED
                if is_known and (reasons <= _CONFLICTS or "ConditionalCheckFailed" in reasons):
                    raise Conflict(f"{len(writes)} items: {', '.join(sorted(reasons))}") from error
                if not is_known or attempt == _THROTTLED_TRIES:
                    raise
            time.sleep(random.uniform(0.5, 1) * _FIRST_PAUSE * 2**attempt)
        self.recent.wrote(records, [each for each, _ in sweeps], loops.items())

    def _write(self, writes: Iterable[tuple[Attributes, int]]) -> None:
        with TransactWrite(connection=self.table.connection) as transaction:
            for attributes, version in writes:
                transaction.save(self._item(**attributes), condition=self.table.is_at(version - 1))

    def begin_to_remove(self, sweep: Sweep) -> Sweep:
        """The sweep, marked so that no job joins it any more. Raises Conflict if it has changed since it was read."""
        if sweep.being_removed:
            return sweep
        marked = replace(sweep, being_removed=True, version=sweep.version + 1)
        due_at = sweep.closed_at or sweep.last_at or sweep.began_at or _LONG_AGO
        attributes = sweep_item(marked, None, self._expiry, self._cause())
        item = self._item(**{**attributes, "due_list": EXPIRING_DUE, "due_at": iso(due_at)})
        if not self.table.save_if(item, self.table.is_at(sweep.version)):
            raise Conflict(f"sweep {sweep.id} has changed since it was read")
        return marked


def _at_first(limit: int | None) -> int:
    """How many items to read at first where up to so many are wanted."""
    return min(limit or AT_ONCE, AT_ONCE)
