"""The ledger: one DynamoDB table, written in transactions that are conditional on the versions read.

| item         | pk                                 | sk           |
| ---          | ---                                | ---          |
| job          | JOB#account#region#kind#name       | JOB          |
| attachment   | the job's                          | ATTACHMENT   |
| step         | its pipeline execution's           | STEP#name    |
| sweep        | SWEEP#id                           | SWEEP        |
| loop window  | LOOPS#experiment                   | first start  |
| loops        | LOOPS#experiment                   | ~            |
| ensured      | ENSURED#account#region#experiment  | trial, or *  |
| trial        | TRIALS#account#region              | its name, folded |
| pipeline     | EXECUTION#account#region#execution | PIPELINE     |
| waiting      | the same                           | JOB#kind#name |
| experiment   | EXPERIMENTS                        | its name, folded |
| note         | NOTE                               | its name     |
| delivery     | DELIVERY#about                     | channel#address#part |

Job and sweep carry their facts as JSON in one attribute, compressed where it is long; the other attributes are keys.
"""

import json
import os
import zlib
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from itertools import takewhile
from types import MappingProxyType
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session
from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.connection import Connection
from pynamodb.exceptions import DeleteError, PutError, PynamoDBException, TransactWriteError, UpdateError
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from trialbook.adapters.clients import CONNECT, READ, prepared
from trialbook.core.codec import pack, unpack
from trialbook.core.events import PipelineStep
from trialbook.core.experiments import Experiment
from trialbook.core.formats import FORMAT, upgraded
from trialbook.core.jobs import Job, JobKey, JobKind
from trialbook.core.masking import Masker
from trialbook.core.names import same_name
from trialbook.core.objectives import OLD_RANKS, Objective, moved_rank, rank_prefix
from trialbook.core.places import Place, Places, next_life
from trialbook.core.sweeps import Record, Sweep, SweepState, is_of_earlier_life, start_of
from trialbook.core.times import iso

_COMPRESS_FROM = 16_000  # bytes: below, the facts stay readable in the console
_LONGEST_FACTS = 350_000  # bytes; DynamoDB takes items up to 400 KB, keys and names included


@dataclass(frozen=True, slots=True)
class _Cut:
    """How many characters of a text, and entries of a mapping or list of _CUT, are left."""

    characters: int
    entries: int


_CUT = frozenset({"hyper_parameters", "static_hyper_parameters", "tags", "values", "metric_definitions"})
_CUTS = (_Cut(250, 1_000), _Cut(250, 30), _Cut(60, 10), _Cut(60, 3), _Cut(60, 0))  # until the item fits
_CONFLICTS = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
LONGEST_TRANSACTION = 10  # items; AWS takes 100, its DynamoDB Local of 2020 takes 10


OUTAGE = (PynamoDBException, BotoCoreError, ClientError)  # what any call raises while DynamoDB is not itself


class Conflict(Exception):
    """Somebody else changed an item since it was read: read again and try again."""


class NotSettled(Conflict):
    """The index does not yet show all that the sweep's item counts: try again in a moment."""


class BySweep(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """The jobs of a sweep, best first."""

    class Meta:
        index_name = "by_sweep"
        projection = AllProjection()

    sweep_id = UnicodeAttribute(hash_key=True)
    sweep_rank = UnicodeAttribute(range_key=True)


class ByExperiment(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """The jobs of an experiment, best first; and its sweeps, in order of time, under a key of their own."""

    class Meta:
        index_name = "by_experiment"
        projection = AllProjection()

    experiment_id = UnicodeAttribute(hash_key=True)
    experiment_rank = UnicodeAttribute(range_key=True)


class Due(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """What has to be looked at, and from when on: open sweeps, jobs that are not attached. Sparse."""

    class Meta:
        index_name = "due"
        projection = KeysOnlyProjection()

    due_list = UnicodeAttribute(hash_key=True)
    due_at = UnicodeAttribute(range_key=True)


class ByTime(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """All sweeps, in order of time."""

    class Meta:
        index_name = "by_time"
        projection = AllProjection()

    time_shard = UnicodeAttribute(hash_key=True)
    created = UnicodeAttribute(range_key=True)


class _Item(Model):
    """An item of the table: keys, facts, version, and the keys of the indexes it stands in."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    item = UnicodeAttribute()
    version = NumberAttribute(default=1)
    format = NumberAttribute(null=True)
    facts = UnicodeAttribute(null=True)
    packed_facts = BinaryAttribute(null=True, legacy_encoding=False)
    status = UnicodeAttribute(null=True)
    sweep_id = UnicodeAttribute(null=True)
    sweep_rank = UnicodeAttribute(null=True)
    experiment_id = UnicodeAttribute(null=True)
    experiment_rank = UnicodeAttribute(null=True)
    due_list = UnicodeAttribute(null=True)
    due_at = UnicodeAttribute(null=True)
    time_shard = UnicodeAttribute(null=True)
    created = UnicodeAttribute(null=True)
    expires_at = NumberAttribute(null=True)
    cause = UnicodeAttribute(null=True)
    again = UnicodeAttribute(null=True)

    by_sweep = BySweep()
    by_experiment = ByExperiment()
    due = Due()
    by_time = ByTime()


PLACES = "places"  # the note's name
_MASKING_KEY = "masking key"
_ENTRY, FIRST_RANK = "!", "0"  # an experiment's entry sorts before all its jobs in the index
HEAD = "~"  # sorts behind every window of the experiment
NO_LOOPS: Mapping[str, "Loops"] = MappingProxyType({})
EXPERIMENTS = "EXPERIMENTS"
SWEEPS_DUE, UNATTACHED_DUE, EXPIRING_DUE, SWEEPS = "sweeps", "unattached", "expiring", "sweeps"
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_LONGEST_RUN = timedelta(days=28)  # of a job of SageMaker


@dataclass(frozen=True, slots=True)
class Attachment:
    """What became of a job's way into its Experiment and Trial, or, as long as it is not `settled`, where it is to go.

    `problem` says why it is not attached, None where it is. With `again_at`, reconcile tries it again from then on.
    `created_at` is the job's creation, by which a job that was made anew under a deleted one's name is told from it.
    """

    key: JobKey
    experiment: str
    trial: str
    settled: bool
    problem: str | None = None
    again_at: datetime | None = None
    created_at: datetime | None = None

    @property
    def is_attached(self) -> bool:
        """Whether the job's component stands in its trial."""
        return self.settled and self.problem is None


@dataclass(frozen=True, slots=True)
class Loops:
    """An experiment's windows as a whole: a version that every change of any of them raises, and the ids of those that
    are being joined, parted or renamed: until that is done, they may overlap."""

    version: int
    moving: tuple[str, ...] = ()

    def next(self, moving: Iterable[str] = ()) -> "Loops":
        """One version on."""
        return Loops(self.version + 1, tuple(sorted(moving)))


WHOLE = "*"  # stands for the experiment as a whole where a trial is asked for; no trial can have that name


@dataclass(frozen=True, slots=True)
class Ensured:
    """An experiment or trial that exists in SageMaker. `number` is its shard: a full one is followed by the next."""

    experiment: str
    trial: str
    number: int


class Ledger:
    """The table, opened. `region` and `host` are for tests and laptops; the environment gives them elsewhere.

    `cause` gives the id of the event that is being handled: jobs and sweeps carry that of their last change.
    """

    def __init__(
        self,
        table: str,
        *,
        region: str | None = None,
        host: str | None = None,
        expire_days: int | None = None,
        cause: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.table = table
        # Pynamodb's own time-outs would win over the session's.
        times = {"connect_timeout_seconds": CONNECT, "read_timeout_seconds": READ}
        meta = type("Meta", (), {"table_name": table, "region": region, "host": host, **times})
        self._item: type[_Item] = type("Item", (_Item,), {"Meta": meta})
        self._region, self._host = region, host
        self._expire_days = expire_days
        self._cause = cause
        self._noted: set[str] = set()
        self._listed: set[str] = set()  # experiments known to have an entry
        self._places = Places()  # as last read
        prepared(self.session)

    @cached_property
    def connection(self) -> Connection:
        """Pynamodb's own connection; its botocore session serves other clients too, which saves a second one."""
        return self._item._get_connection().connection  # noqa: SLF001 pynamodb has no public way

    @property
    def session(self) -> Session:
        """The botocore session of the connection."""
        return self.connection.session

    # -- jobs ---------------------------------------------------------------------------------------------------

    def record(self, key: JobKey) -> Record | None:
        """A job's record, read consistently."""
        item = self._get(job_pk(key), "JOB")
        return None if item is None else read_record(item)

    def record_and_sweep(self, key: JobKey, sweep_id: str) -> tuple[Record | None, Sweep | None]:
        """A job's record and a sweep, read consistently by one request."""
        job, sweep = (job_pk(key), "JOB"), sweep_keys(sweep_id)
        found = {(each.pk, each.sk): each for each in self._item.batch_get([job, sweep], consistent_read=True)}
        return (
            read_record(found[job]) if job in found else None,
            read_sweep(found[sweep]) if sweep in found else None,
        )

    def records(self, keys: Iterable[JobKey]) -> Iterator[Record]:
        """The records that exist among the keys, a request for each hundred."""
        for item in self._item.batch_get([(job_pk(key), "JOB") for key in keys], consistent_read=True):
            yield read_record(item)

    def jobs(self) -> Iterator[Record]:
        """All jobs, by reading the whole table: for exports."""
        yield from (read_record(item) for item in self._item.scan(self._item.item == "job"))

    def records_of(self, sweep: Sweep) -> list[Record]:
        """All jobs of a sweep as of the sweep's own item. Raises NotSettled where the index lags behind it."""
        found = list(self.ranking(sweep.id))
        if len(found) != sweep.counts.jobs or sum(each.version for each in found) != sweep.changes:
            raise NotSettled(f"sweep {sweep.id}: the index shows {len(found)} of {sweep.counts.jobs} jobs")
        return found

    def ranking(self, sweep_id: str, limit: int | None = None, objective: Objective | None = None) -> Iterator[Record]:
        """The jobs of a sweep, best first, unranked ones last; one Query for the first `limit`.

        Jobs with different objectives are ranked apart; with `objective`, only its own are told.
        """
        condition = self._item.sweep_rank.startswith(rank_prefix(objective)) if objective else None
        query = self._item.by_sweep.query(sweep_id, condition, limit=limit, page_size=limit)
        yield from (read_record(item) for item in query)

    def last_ranked(self, sweep_id: str, limit: int) -> Iterator[Record]:
        """The last jobs of a sweep by rank, by one Query: those that failed are among them, as they do not rank."""
        query = self._item.by_sweep.query(sweep_id, scan_index_forward=False, limit=limit, page_size=limit)
        yield from (read_record(item) for item in query)

    def experiment_ranking(
        self, experiment: str, limit: int | None = None, objective: Objective | None = None
    ) -> Iterator[Record]:
        """The jobs of an experiment, best first, unranked ones last; one Query for the first `limit`.

        Jobs with different objectives are ranked apart; with `objective`, only its own are told. Which of them leads is
        not for their order to say: see `leading`.
        """
        rank = self._item.experiment_rank
        condition = rank.startswith(rank_prefix(objective)) if objective else rank >= FIRST_RANK
        query = self._item.by_experiment.query(experiment_id(experiment), condition, limit=limit, page_size=limit)
        yield from (read_record(item) for item in query)

    def move_ranks(self, experiment: str) -> int:
        """Gives the experiment's jobs that format 1 ranked apart, as nobody had named their objective, today's keys;
        returns how many. Their facts and versions stay; whoever writes one in between gives it today's keys too."""
        moved = 0
        for item in self._item.by_experiment.query(
            experiment_id(experiment), self._item.experiment_rank.startswith(OLD_RANKS)
        ):
            item.experiment_rank = moved_rank(item.experiment_rank)
            item.sweep_rank = moved_rank(item.sweep_rank) if item.sweep_rank else None
            moved += self._save_if(item, self._item.version == item.version)
        return moved

    # -- sweeps -------------------------------------------------------------------------------------------------

    def sweep(self, sweep_id: str) -> Sweep | None:
        """A sweep, read consistently."""
        item = self._get(*sweep_keys(sweep_id))
        return None if item is None else read_sweep(item)

    def sweeps(self) -> Iterator[Sweep]:
        """All sweeps in order of time, windows with a single job left out."""
        for item in self._item.by_time.query(SWEEPS):
            yield read_sweep(item)

    def sweeps_since(self, moment: datetime) -> Iterator[Sweep]:
        """The sweeps that began then or later, in order of time, windows with a single job left out."""
        for item in self._item.by_time.query(SWEEPS, self._item.created >= iso(moment)):
            yield read_sweep(item)

    def all_sweeps(self) -> Iterator[Sweep]:
        """All sweeps, windows with a single job and superseded ones too, by reading the whole table: for exports."""
        yield from (read_sweep(item) for item in self._item.scan(self._item.item == "sweep"))

    def loops(self, experiment: str) -> tuple[Loops, Iterator[Sweep]]:
        """An experiment's loops, and its windows, latest first, read consistently and as needed.

        The version comes first, so that a write conditional on it fails if any window changed while they were read.
        """
        items = self._item.query(loops_pk(experiment), consistent_read=True, scan_index_forward=False, page_size=5)
        head = next(iter(items), None)
        if head is None:
            return Loops(0), iter(())
        if head.sk != HEAD:
            raise Conflict(f"experiment {experiment}: its windows came up while they were read")
        moving = tuple(json.loads(head.facts)) if head.facts else ()
        windows = (sweep for item in items if (sweep := read_sweep(item)).superseded_by is None)
        return Loops(int(head.version), moving), windows

    def due_keys(self, until: datetime) -> Iterator[tuple[str, str]]:
        """The keys of the open sweeps that have to be looked at by then, longest overdue first."""
        for item in self._item.due.query(SWEEPS_DUE, self._item.due_at <= iso(until)):
            yield item.pk, item.sk

    def due_sweep(self, key: tuple[str, str]) -> Sweep | None:
        """The sweep of such a key, read consistently; None where it is no longer open."""
        item = self._get(*key)
        return read_sweep(item) if item is not None and item.due_list == SWEEPS_DUE else None

    def due_sweeps(self, until: datetime) -> Iterator[Sweep]:
        """The open sweeps that have to be looked at by then, longest overdue first."""
        yield from (sweep for each in self.due_keys(until) if (sweep := self.due_sweep(each)) is not None)

    def next_due(self) -> datetime | None:
        """When the next open sweep has to be looked at; None where none is open."""
        item = next(iter(self._item.due.query(SWEEPS_DUE, limit=1)), None)
        return None if item is None else datetime.fromisoformat(item.due_at)

    def sweeps_of(self, experiment: str) -> Iterator[Sweep]:
        """The sweeps of an experiment in order of time."""
        for item in self._item.by_experiment.query(sweeps_id(experiment)):
            yield read_sweep(item)

    def singles_of(self, experiment: str, since: datetime) -> Iterator[Sweep]:
        """The windows of an experiment's loops that are no sweep and began then or later, latest first. Those of older
        versions of Trialbook are found among the windows of the experiment's own loop."""
        condition = self._item.experiment_rank >= iso(since)
        seen = set()
        for item in self._item.by_experiment.query(_singles_id(experiment), condition, scan_index_forward=False):
            window = read_sweep(item)
            seen.add(window.id)
            yield window
        for window in takewhile(
            lambda each: each.began_at is None or each.began_at >= since, self.loops(experiment)[1]
        ):
            if window.is_single and window.id not in seen:
                yield window

    def sweeps_before(self, sweep: Sweep, limit: int) -> Iterator[Sweep]:
        """The experiment's sweeps that began before this one, latest first; one Query."""
        if sweep.began_at is None:
            return
        earlier = self._item.experiment_rank < f"{iso(sweep.began_at)}|"
        for item in self._item.by_experiment.query(
            sweeps_id(sweep.experiment), earlier, scan_index_forward=False, limit=limit
        ):
            yield read_sweep(item)

    def best_before(self, sweep: Sweep, objective: Objective) -> Record | None:
        """The experiment's best job by the objective that started before the sweep did. Reads no further than to it."""
        for record in self.experiment_ranking(sweep.experiment, objective=objective):
            if sweep.began_at is None or start_of(record.job) < sweep.began_at:
                return record
        return None

    def experiments(self) -> Iterator[Experiment]:
        """All experiments, one Query for each megabyte of them."""
        for item in self._item.query(EXPERIMENTS):
            yield read_experiment(item)

    def experiment(self, name: str) -> Experiment | None:
        """An experiment's entry, with what it is ranked by."""
        item = self._get(EXPERIMENTS, same_name(name))
        return None if item is None else read_experiment(item)

    def put_experiment(self, experiment: Experiment) -> None:
        """Writes an experiment's entry."""
        self._experiment_item(experiment).save()

    def list_experiment(self, name: str) -> None:
        """Gives an experiment an entry if it has none; a request for each experiment that this process meets."""
        if same_name(name) not in self._listed:
            self._save_if(self._experiment_item(Experiment(name)), self._item.pk.does_not_exist())
            self._listed.add(same_name(name))

    def _experiment_item(self, experiment: Experiment) -> _Item:
        """It lies before the experiment's jobs in the index too, so that one Query reads it with the first of them."""
        return self._item(
            EXPERIMENTS,
            same_name(experiment.name),
            item="experiment",
            **_facts(pack(experiment)),
            experiment_id=experiment_id(experiment.name),
            experiment_rank=_ENTRY,
        )

    # -- writing ------------------------------------------------------------------------------------------------

    def write(
        self,
        records: Iterable[Record] = (),
        sweeps: Iterable[tuple[Sweep, datetime | None]] = (),
        loops: Mapping[str, Loops] = NO_LOOPS,
    ) -> None:
        """Jobs, sweeps with the moment they are due, and the new state of experiments' loops, in one transaction; each
        conditional on the item being one version older. Raises Conflict."""
        sweeps = list(sweeps)
        if leaving := [each.id for each, _ in sweeps if each.being_removed]:
            raise Conflict(f"sweep {leaving[0]} is leaving the ledger: in a minute it is gone")
        writes = [(self._job_item(each), each.version - 1) for each in records]
        writes += [(self._sweep_item(each, due_at), each.version - 1) for each, due_at in sweeps]
        writes += [(self._loops_item(experiment, each), each.version - 1) for experiment, each in loops.items()]
        try:
            with TransactWrite(connection=self.connection) as transaction:
                for item, before in writes:
                    transaction.save(item, condition=self._is_at(before))
        except TransactWriteError as error:
            reasons = {reason.code for reason in error.cancellation_reasons if reason is not None}
            if reasons and reasons <= _CONFLICTS:
                raise Conflict(f"{len(writes)} items: {', '.join(sorted(reasons))}") from error
            raise

    def _is_at(self, version: int) -> Any:
        return self._item.pk.does_not_exist() if version == 0 else self._item.version == version

    def _loops_item(self, experiment: str, loops: Loops) -> _Item:
        moving = json.dumps(loops.moving) if loops.moving else None
        return self._item(loops_pk(experiment), HEAD, item="loops", version=loops.version, facts=moving)

    def _job_item(self, record: Record) -> _Item:
        job = record.job
        return self._item(
            job_pk(job.key),
            "JOB",
            item="job",
            version=record.version,
            **_facts(pack(record)),
            status=job.status,
            sweep_id=record.sweep,
            sweep_rank=record.sweep_rank if record.sweep else None,
            experiment_id=experiment_id(record.experiment),
            experiment_rank=record.experiment_rank,
            created=iso(start_of(job)),
            expires_at=self._job_expiry(record),
            cause=self._cause(),
        )

    def _sweep_item(self, sweep: Sweep, due_at: datetime | None) -> _Item:
        listed = not sweep.is_single and sweep.superseded_by is None
        began = sweep.began_at
        due_list = SWEEPS_DUE if due_at else None
        if due_at is None and (expires := self._sweep_expiry(sweep)) is not None:
            due_list, due_at = EXPIRING_DUE, expires
        return self._item(
            *sweep_keys(sweep.id),
            item="sweep",
            version=sweep.version,
            **_facts(pack(sweep)),
            status=sweep.state.value,
            experiment_id=_listed_under(sweep),
            experiment_rank=f"{iso(began)}|{sweep.id}" if _listed_under(sweep) and began else None,
            due_list=due_list,
            due_at=iso(due_at) if due_at else None,
            time_shard=SWEEPS if listed and began else None,
            created=iso(began) if began else None,
            expires_at=self._mark_expiry(sweep),
            cause=self._cause(),
        )

    def _expiry(self, moment: datetime | None) -> int | None:
        """When DynamoDB deletes what is by itself in the ledger, and was over at a moment."""
        if self._expire_days is None or moment is None:
            return None
        return int(moment.timestamp()) + self._expire_days * 86_400

    def _job_expiry(self, record: Record) -> int | None:
        """A job of no sweep goes by itself, after its end; one of a sweep, or a tuning job, goes with its sweep."""
        job = record.job
        if record.sweep is not None or job.key.kind in (JobKind.TRAINING, JobKind.TUNING):
            return None
        return self._expiry((job.ended_at or start_of(job)) if job.is_terminal else start_of(job) + _LONGEST_RUN)

    def _sweep_expiry(self, sweep: Sweep) -> datetime | None:
        """When a closed sweep goes, with all that belongs to it."""
        if self._expire_days is None or sweep.state is not SweepState.CLOSED or sweep.closed_at is None:
            return None
        return None if sweep.superseded_by is not None else sweep.closed_at + timedelta(days=self._expire_days)

    def _mark_expiry(self, sweep: Sweep) -> int | None:
        """The mark of a window that merged into another before anybody was told of it goes by itself; one that was
        told of goes with the other."""
        if sweep.superseded_by is None or sweep.was_sweep or sweep.began_at is None:
            return None
        return self._expiry(sweep.began_at + _LONGEST_RUN)

    # -- leaving ------------------------------------------------------------------------------------------------

    def expired(self, until: datetime) -> Iterator[tuple[str, str]]:
        """The keys of the closed sweeps that are to leave the ledger by then; none where nothing expires."""
        if self._expire_days is None:
            return
        for item in self._item.due.query(EXPIRING_DUE, self._item.due_at <= iso(until)):
            yield item.pk, item.sk

    def leaving_sweep(self, key: tuple[str, str]) -> Sweep | None:
        """The sweep of such a key, read consistently; None where it is open again, or gone."""
        item = self._get(*key)
        return read_sweep(item) if item is not None and item.due_list == EXPIRING_DUE else None

    def begin_to_remove(self, sweep: Sweep) -> Sweep:
        """The sweep, marked so that nothing joins it any more. Raises Conflict where it has changed since."""
        marked = sweep if sweep.being_removed else replace(sweep, being_removed=True, version=sweep.version + 1)
        if marked is not sweep:
            item = self._sweep_item(marked, None)
            item.due_list, item.due_at = (
                EXPIRING_DUE,
                iso(sweep.closed_at or sweep.last_at or sweep.began_at or _LONG_AGO),
            )
            try:
                item.save(self._is_at(sweep.version))
            except PutError as error:
                if error.cause_response_code != "ConditionalCheckFailedException":
                    raise
                raise Conflict(f"sweep {sweep.id} has changed since it was read") from error
        return marked

    def delete(self, keys: Iterable[tuple[str, str]]) -> None:
        """Deletes the items of these keys, as far as they exist."""
        with self._item.batch_write() as batch:
            for key in keys:
                batch.delete(self._item(*key))

    def delete_unchanged(self, key: tuple[str, str], version: int) -> bool:
        """Deletes an item that still has this version; whether it had."""
        try:
            self._item(*key).delete(self._item.version == version)
        except DeleteError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def announce_again(self, key: tuple[str, str], mark: str) -> bool:
        """Has the stream show a job or sweep once more as if it were new; whether it is there. A mark of its own each
        time: the item's next change takes it away."""
        try:
            self._item(*key).update(actions=[self._item.again.set(mark)], condition=self._item.pk.exists())
        except UpdateError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def keys_in(self, pk: str, beginning: str | None = None) -> list[tuple[str, str]]:
        """The keys of all items of a partition, or of those whose sort key begins so."""
        condition = self._item.sk.startswith(beginning) if beginning else None
        return [(item.pk, item.sk) for item in self._item.query(pk, condition, attributes_to_get=["pk", "sk"])]

    # -- attaching ----------------------------------------------------------------------------------------------

    def attachment(self, key: JobKey) -> Attachment | None:
        """What became of attaching a job."""
        item = self._get(job_pk(key), "ATTACHMENT")
        return None if item is None else unpack(Attachment, _read_facts(item))

    def attachment_and_record(self, key: JobKey) -> tuple[Attachment | None, Record | None]:
        """What became of attaching a job, and its record, read consistently by one request."""
        keys = [(job_pk(key), "ATTACHMENT"), (job_pk(key), "JOB")]
        found = {each.sk: each for each in self._item.batch_get(keys, consistent_read=True)}
        return (
            unpack(Attachment, _read_facts(found["ATTACHMENT"])) if "ATTACHMENT" in found else None,
            read_record(found["JOB"]) if "JOB" in found else None,
        )

    def attachments(self, keys: Iterable[JobKey]) -> Iterator[Attachment]:
        """The attachments that exist among the jobs, a request for each hundred."""
        for item in self._item.batch_get([(job_pk(key), "ATTACHMENT") for key in keys], consistent_read=True):
            yield unpack(Attachment, _read_facts(item))

    def put_attachment(self, attachment: Attachment) -> None:
        """Notes what became of attaching a job."""
        again_at = attachment.again_at
        self._item(
            job_pk(attachment.key),
            "ATTACHMENT",
            item="attachment",
            **_facts(pack(attachment)),
            status="attached" if attachment.is_attached else "not attached",
            due_list=UNATTACHED_DUE if again_at else None,
            due_at=iso(again_at) if again_at else None,
            expires_at=self._attachment_expiry(attachment),
        ).save()

    def _attachment_expiry(self, attachment: Attachment) -> int | None:
        """A training job's goes with its sweep; another's once the job has surely expired."""
        if attachment.key.kind is JobKind.TRAINING or attachment.created_at is None:
            return None
        return self._expiry(attachment.created_at + _LONGEST_RUN)

    def unattached(self, until: datetime) -> Iterator[JobKey]:
        """The jobs whose attaching is to be tried again by then."""
        for item in self._item.due.query(UNATTACHED_DUE, self._item.due_at <= iso(until)):
            yield job_key_of(item.pk)

    def ensured(self, key: JobKey, experiment: str, trial: str = WHOLE) -> Ensured | None:
        """The shard in use of a trial (or of the experiment as a whole) in the job's region; None before the first."""
        item = self._get(_ensured_pk(key, experiment), same_name(trial))
        return None if item is None else unpack(Ensured, _read_facts(item))

    def put_ensured(self, key: JobKey, experiment: str, trial: str, ensured: Ensured) -> None:
        """Remembers that the shard exists. Numbers only grow: a slower writer's lower number changes nothing."""
        number = ensured.number
        item = self._item(
            _ensured_pk(key, experiment), same_name(trial), item="ensured", version=number, **_facts(pack(ensured))
        )
        self._save_if(item, self._item.pk.does_not_exist() | (self._item.version < number))

    def experiment_of(self, key: JobKey, trial: str) -> str | None:
        """The experiment of a trial that somebody else made in the job's region, as far as it is remembered."""
        item = self._get(_trials_pk(key), same_name(trial))
        return None if item is None else item.facts

    def put_experiment_of(self, key: JobKey, trial: str, experiment: str) -> None:
        """Remembers the experiment of a trial that somebody else made."""
        self._item(_trials_pk(key), same_name(trial), item="trial", facts=experiment).save()

    def _save_if(self, item: Any, condition: Any) -> bool:
        """Saves the item unless the condition fails: then what stands there is better. Whether it did."""
        try:
            item.save(condition)
            return True
        except PutError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            return False

    # -- the rest -----------------------------------------------------------------------------------------------

    def put_step(self, step: PipelineStep) -> None:
        """Notes a step of a pipeline execution; a terminal status stays."""
        step = replace(step, failure_reason=step.failure_reason and self.masker.text(step.failure_reason))
        pk, sk = job_pk(step.execution), f"STEP#{step.name}"
        over = step.ended_at or step.started_at
        expires_at = self._expiry(over + _LONGEST_RUN) if over else None
        item = self._item(pk, sk, item="step", status=step.status, **_facts(pack(step)), expires_at=expires_at)
        self._save_if(item, None if step.ended_at else self._item.pk.does_not_exist())

    def places(self) -> Places:
        """The places whose jobs the book holds, its home first."""
        return self._noted_places()[0]

    def places_with(self, place: Place) -> Places:
        """The same, `place` among them from now on: noted with its first job, so that names never change. A process
        reads the note once, and again for a place that it has not met."""
        while place not in self._places.known:
            noted, version = self._noted_places()
            self._places = noted.with_place(place)
            if version == 0 or self._places != noted:
                try:
                    self.keep("NOTE", PLACES, pack(self._places), item="note", version=version + 1)
                except Conflict:  # somebody else noted a place: read again
                    self._places = Places()
        return self._places

    def _noted_places(self) -> tuple[Places, int]:
        """The note and its version. A book that has none yet began where its first sweep ran."""
        found = self._get("NOTE", PLACES)
        if found is not None:
            return unpack(Places, _read_facts(found)), int(found.version)
        first = next(map(read_sweep, self._item.by_time.query(SWEEPS, limit=1)), None)
        if first is None:
            return Places(), 0
        return Places((Place(first.account, first.region),), were_mixed=True), 0

    def life_of(self, sweep_id: str, sweep: Sweep | None, job: Job) -> tuple[str, Sweep | None]:
        """Id and sweep of the tuning job that the job is, or is a child of, where names were given anew."""
        while sweep is not None and is_of_earlier_life(sweep, job):
            sweep_id = next_life(sweep_id)
            sweep = self.sweep(sweep_id)
        return sweep_id, sweep

    def tuning_sweep(self, child: JobKey, name: str) -> str:
        """The id of the sweep of a tuning job, by what the book calls it in its child's place."""
        place = Place.of(child)
        places = self.places_with(place)
        sweep_id = places.name(name, place)
        if sweep_id != name and places.were_mixed:
            plain = self.sweep(name)
            if plain is not None and (plain.account, plain.region) == (place.account, place.region):
                return name
        return sweep_id

    @cached_property
    def masker(self) -> Masker:
        """Masks the secrets of what is entered into this book."""
        return Masker(cache(self._masking_key))

    def _masking_key(self) -> bytes:
        """The book's own key, made when it is first needed. Of two that are made at once, the first one stays."""
        kept = self.kept("NOTE", _MASKING_KEY)
        if kept is None:
            with suppress(Conflict):
                self.keep("NOTE", _MASKING_KEY, {"key": os.urandom(32).hex()}, item="note", version=1)
            kept = self.kept("NOTE", _MASKING_KEY)
        return bytes.fromhex(kept["key"])

    def pipeline_of(self, job: JobKey, execution: str) -> str | None:
        """The name of the pipeline of an execution in the job's region; None before any event told it."""
        item = self._get(_execution_pk(job, execution), "PIPELINE")
        return None if item is None else item.facts

    def put_pipeline(self, key: JobKey, execution: str, pipeline: str) -> None:
        """Remembers the name of an execution's pipeline; the first one stays."""
        item = self._item(_execution_pk(key, execution), "PIPELINE", item="pipeline", facts=pipeline)
        self._save_if(item, self._item.pk.does_not_exist())

    def put_waiting(self, job: JobKey, execution: str) -> None:
        """Notes that the job's pipeline was not known when the job was recorded."""
        self._item(_execution_pk(job, execution), f"JOB#{job.kind.value}#{job.name}", item="waiting").save()

    def waiting(self, key: JobKey, execution: str) -> Iterator[JobKey]:
        """The jobs of an execution whose pipeline was not known when they were recorded, read consistently."""
        pk = _execution_pk(key, execution)
        for item in self._item.query(pk, self._item.sk.startswith("JOB#"), consistent_read=True):
            _, kind, name = item.sk.split("#", 2)
            yield JobKey(key.account, key.region, JobKind(kind), name)

    def note(self, name: str) -> str | None:
        """A text remembered under a name, such as reconcile's watermark."""
        item = self._get("NOTE", name)
        return None if item is None else item.facts

    def is_noted(self, name: str) -> bool:
        """Whether there is such a note, for those that never go: asked until there is, then known."""
        if name not in self._noted and self.note(name) is not None:
            self._noted.add(name)
        return name in self._noted

    def put_note(self, name: str, text: str) -> None:
        """Remembers a text under a name."""
        self._item("NOTE", name, item="note", facts=text).save()

    def kept(self, pk: str, sk: str) -> Any:
        """The facts of an item that another adapter keeps here, read consistently; None where there is none."""
        item = self._get(pk, sk)
        return None if item is None else _read_facts(item)

    def keep(self, pk: str, sk: str, facts: dict[str, Any], *, item: str, version: int, **attributes: Any) -> None:
        """Writes another adapter's item. Raises Conflict where it is not one version older."""
        made = self._item(pk, sk, item=item, version=version, **_facts(facts), **attributes)
        try:
            made.save(self._is_at(version - 1))
        except PutError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            raise Conflict(f"{item}: somebody else wrote it") from error

    def kept_in(self, pk: str) -> Iterator[Any]:
        """The facts of all items of a partition that another adapter keeps here, read consistently."""
        yield from map(_read_facts, self._item.query(pk, consistent_read=True))

    def _get(self, pk: str, sk: str) -> _Item | None:
        try:
            return self._item.get(pk, sk, consistent_read=True)
        except self._item.DoesNotExist:
            return None


def job_pk(key: JobKey) -> str:
    """The partition of a job: its record, attachment and deliveries."""
    return f"JOB#{key.account}#{key.region}#{key.kind.value}#{key.name}"


def job_key_of(pk: str) -> JobKey:
    """The job of a partition."""
    _, account, region, kind, name = pk.split("#", 4)
    return JobKey(account, region, JobKind(kind), name)


def experiment_id(experiment: str) -> str:
    """The partition of an experiment in the index; SageMaker does not tell upper from lower case, so neither do we."""
    return f"EXPERIMENT#{same_name(experiment)}"


def sweeps_id(experiment: str) -> str:
    """The partition of an experiment's sweeps in the index."""
    return f"SWEEPS#{same_name(experiment)}"


def _singles_id(experiment: str) -> str:
    return f"SINGLES#{same_name(experiment)}"


def _listed_under(sweep: Sweep) -> str | None:
    """The partition of the index by experiment where the sweep is found; none once it merged into another one."""
    if sweep.superseded_by is not None:
        return None
    return _singles_id(sweep.experiment) if sweep.is_single else sweeps_id(sweep.experiment)


def loops_pk(experiment: str) -> str:
    """The partition of an experiment's loop windows."""
    return f"LOOPS#{same_name(experiment)}"


def sweep_keys(sweep_id: str) -> tuple[str, str]:
    """Partition and sort key of a sweep; windows lie beside their neighbours, in order of time."""
    experiment, _, start = sweep_id.partition("@")
    return (loops_pk(experiment), start) if start else (f"SWEEP#{sweep_id}", "SWEEP")


def _ensured_pk(key: JobKey, experiment: str) -> str:
    return f"ENSURED#{key.account}#{key.region}#{same_name(experiment)}"


def _trials_pk(key: JobKey) -> str:
    return f"TRIALS#{key.account}#{key.region}"


def _execution_pk(key: JobKey, execution: str) -> str:
    return f"EXECUTION#{key.account}#{key.region}#{execution}"


def _facts(data: dict[str, Any]) -> dict[str, Any]:
    """The attributes that hold the facts: readable JSON, or compressed where it is long."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    if len(text) < _COMPRESS_FROM:
        return {"format": FORMAT, "facts": text}
    packed = zlib.compress(text.encode("utf-8", "surrogatepass"))
    if len(packed) > _LONGEST_FACTS:
        packed = next(cut for by in _CUTS if len(cut := _compressed(_shortened(data, by))) <= _LONGEST_FACTS)
    return {"format": FORMAT, "packed_facts": packed}


def _compressed(data: Any) -> bytes:
    return zlib.compress(json.dumps(data, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def _shortened(value: Any, by: _Cut, name: str = "") -> Any:
    """The facts with long texts cut, and people's own mappings and lists, for the rare item that is too large even when
    compressed. Each cut is marked where it was made."""
    if isinstance(value, dict):
        kept = {key: _shortened(each, by, key) for key, each in value.items()}
        return kept if name not in _CUT or len(kept) <= by.entries else _with_fewer(kept, by.entries)
    if isinstance(value, list):
        cut = [_shortened(each, by) for each in value]
        return cut if name not in _CUT or len(cut) <= by.entries else [*cut[: by.entries], _mark(len(cut), "entries")]
    if isinstance(value, str) and len(value) > by.characters:
        return f"{value[: by.characters]}… {_mark(len(value), 'characters')}"
    return value


def _with_fewer(texts: dict[str, Any], most: int) -> dict[str, Any]:
    return {**dict(list(texts.items())[:most]), "…": _mark(len(texts), "entries")}


def _mark(count: int, what: str) -> str:
    return f"(cut, {count} {what})"


def _read_facts(item: _Item) -> Any:
    if item.packed_facts is not None:
        facts = json.loads(zlib.decompress(item.packed_facts).decode("utf-8", "surrogatepass"))
    else:
        facts = json.loads(item.facts or "{}")
    return upgraded(item.item, facts, item.format)


def read_record(item: Any) -> Record:
    """The record in an item of the table."""
    return unpack(Record, _read_facts(item))


def read_sweep(item: Any) -> Sweep:
    """The sweep in an item of the table."""
    return unpack(Sweep, _read_facts(item))


def cause_of_image(image: Mapping[str, Any] | None) -> str | None:
    """The id of the event behind the last change of a job or sweep, from an image of the table's stream."""
    cause: str | None = (image or {}).get("cause", {}).get("S")
    return cause


def is_announced_again(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> bool:
    """Whether a change of an item only asks to announce it once more, as if it were new."""
    mark = (new or {}).get("again")
    return mark is not None and mark != (old or {}).get("again")


def read_experiment(item: Any) -> Experiment:
    """The experiment's entry in an item of the table."""
    return unpack(Experiment, _read_facts(item))


def item_of(data: Mapping[str, Any]) -> Any:
    """An item of the table from DynamoDB's own JSON."""
    found = _Item()
    found.from_dynamodb_dict(dict(data))
    return found


@cache
def indexed_by() -> Mapping[str | None, tuple[str, str]]:
    """The names of partition and sort key, by index; those of the table under None."""
    found: dict[str | None, tuple[str, str]] = {None: ("pk", "sk")}
    indexes: Mapping[str, Any] = _Item._indexes  # noqa: SLF001 pynamodb has no public way
    for name, index in indexes.items():
        schema = index._get_schema()["key_schema"]  # noqa: SLF001
        keys = {each["KeyType"]: each["AttributeName"] for each in schema}
        found[name] = (keys["HASH"], keys["RANGE"])
    return MappingProxyType(found)


def item_from_image(image: Mapping[str, Any]) -> Record | Sweep | None:
    """The job or sweep in an image of the table's stream, in DynamoDB's own JSON; None for other items."""
    kind = image.get("item", {}).get("S")
    if kind not in ("job", "sweep"):
        return None
    if "packed_facts" in image:
        packed = image["packed_facts"]["B"]
        text = zlib.decompress(b64decode(packed) if isinstance(packed, str) else packed).decode(
            "utf-8", "surrogatepass"
        )
    else:
        text = image["facts"]["S"]
    facts = upgraded(kind, json.loads(text), image.get("format", {}).get("N"))
    return unpack(Record, facts) if kind == "job" else unpack(Sweep, facts)
