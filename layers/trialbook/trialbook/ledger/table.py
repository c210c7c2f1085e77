"""The ledger's DynamoDB table: its items' attributes, its indexes, and the keys of each type of item.

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
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property
from itertools import islice
from types import MappingProxyType
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session
from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.connection import Connection
from pynamodb.exceptions import DeleteError, PutError, PynamoDBException
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection
from pynamodb.models import Model

from trialbook.core.jobs import JobKey, JobKind
from trialbook.core.names import same_name
from trialbook.runtime.aws_clients import CONNECT, READ, prepared

OUTAGE = (PynamoDBException, BotoCoreError, ClientError)  # what calls raise while DynamoDB has an outage

# Partitions of the table and of its indexes that exist once.
EXPERIMENTS, NOTES = "EXPERIMENTS", "NOTE"
SWEEPS_DUE, UNATTACHED_DUE, EXPIRING_DUE, SWEEPS = "sweeps", "unattached", "expiring", "sweeps"
# In the index by experiment, an experiment's entry sorts before its jobs; among windows, the loop's item sorts last.
ENTRY_RANK, FIRST_RANK = "!", "0"
LOOPS_SORT_KEY = "~"
_AFTER_SOME = 0.1  # seconds; if DynamoDB answers about no key at all, botocore's own pauses grow
AT_ONCE = 100  # items; BatchGetItem takes no more


class Conflict(Exception):
    """Another process changed an item after it was read: read it again and retry."""


class NotSettled(Conflict):
    """The index does not show all jobs yet that the sweep's item counts: retry in a moment."""


# What a row of an index has beside keys. None changes while an item stays in its place: then no index is written.
_ROW = ["item", "format", "created", "shown"]


class InSweep(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """The jobs of a sweep, best first."""

    class Meta:
        index_name = "in_sweep"
        projection = IncludeProjection(_ROW)

    sweep_id = UnicodeAttribute(hash_key=True)
    sweep_rank = UnicodeAttribute(range_key=True)


class InExperiment(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """The jobs of an experiment, best first; under a partition of their own its sweeps, in order of time."""

    class Meta:
        index_name = "in_experiment"
        projection = IncludeProjection(_ROW)

    experiment_id = UnicodeAttribute(hash_key=True)
    experiment_rank = UnicodeAttribute(range_key=True)


class Due(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """Open and expiring sweeps, and jobs that are not attached, each with the moment when it is due. Sparse."""

    class Meta:
        index_name = "due"
        projection = KeysOnlyProjection()

    due_list = UnicodeAttribute(hash_key=True)
    due_at = UnicodeAttribute(range_key=True)


class InTimeOrder(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """All sweeps, in order of time."""

    class Meta:
        index_name = "in_time_order"
        projection = KeysOnlyProjection()

    time_shard = UnicodeAttribute(hash_key=True)
    created = UnicodeAttribute(range_key=True)


class Item(Model):
    """An item of the table. Facts are JSON, compressed if long; the other attributes are keys, or for readers of the
    console."""

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
    shown = UnicodeAttribute(null=True)

    in_sweep = InSweep()
    in_experiment = InExperiment()
    due = Due()
    in_time_order = InTimeOrder()

    @classmethod
    def _batch_get_page(cls, *given: Any, **named: Any) -> Any:
        """As pynamodb's, which asks again without a pause for keys that DynamoDB throttled."""
        found, left = super()._batch_get_page(*given, **named)  # type: ignore[no-untyped-call]
        if left:
            time.sleep(_AFTER_SOME)
        return found, left

    @property
    def is_whole(self) -> bool:
        """Whether the facts are there. Rows of indexes have none, but for those of a book in a folder."""
        return self.facts is not None or self.packed_facts is not None


class LedgerTable:
    """The table, opened. `region` and `host` are for tests and laptops; elsewhere the environment gives them.

    `item` is the pynamodb model of this table.
    """

    def __init__(self, name: str, *, region: str | None = None, host: str | None = None) -> None:
        self.name, self.region, self.host = name, region, host
        # Without these, pynamodb's own time-outs replace the session's.
        times = {"connect_timeout_seconds": CONNECT, "read_timeout_seconds": READ}
        meta = type("Meta", (), {"table_name": name, "region": region, "host": host, **times})
        self.item: type[Item] = type("Item", (Item,), {"Meta": meta})
        prepared(self.session)

    @cached_property
    def connection(self) -> Connection:
        """Pynamodb's connection."""
        return self.item._get_connection().connection  # noqa: SLF001 pynamodb has no public way

    @property
    def session(self) -> Session:
        """The connection's botocore session. Other clients share it, which saves a second session."""
        return self.connection.session

    def get(self, pk: str, sk: str) -> Item | None:
        """An item, read consistently."""
        try:
            return self.item.get(pk, sk, consistent_read=True)
        except self.item.DoesNotExist:
            return None

    def whole(self, rows: Iterable[Item], partition: str, at_first: int = AT_ONCE) -> Iterator[Item]:
        """The items that rows of an index stand for, in the rows' order: one BatchGetItem for each hundred, for fewer
        `at_first` so that whoever stops early has not read many. The index lags behind the table: an item that has
        left the partition since is left out."""
        rows, at_once = iter(rows), at_first
        while chunk := list(islice(rows, at_once)):
            keys = [(row.pk, row.sk) for row in chunk if not row.is_whole]
            found = {(each.pk, each.sk): each for each in self.item.batch_get(keys)} if keys else {}
            for row in chunk:
                item = row if row.is_whole else found.get((row.pk, row.sk))
                if item is not None and partition in (item.sweep_id, item.experiment_id, item.time_shard):
                    yield item
            at_once = AT_ONCE

    def save_if(self, item: Any, condition: Any) -> bool:
        """Saves the item if the condition holds; returns whether it did."""
        try:
            item.save(condition)
            return True
        except PutError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            return False

    def delete(self, keys: Iterable[tuple[str, str]]) -> None:
        """Deletes the items of these keys, as far as they exist."""
        with self.item.batch_write() as batch:
            for key in keys:
                batch.delete(self.item(*key))

    def delete_unchanged(self, key: tuple[str, str], version: int) -> bool:
        """Deletes an item if it still has this version; returns whether it had."""
        try:
            self.item(*key).delete(self.item.version == version)
        except DeleteError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def keys_in(self, pk: str, beginning: str | None = None) -> list[tuple[str, str]]:
        """The keys of all items of a partition, or of those whose sort key begins so."""
        condition = self.item.sk.startswith(beginning) if beginning else None
        return [(item.pk, item.sk) for item in self.item.query(pk, condition, attributes_to_get=["pk", "sk"])]

    def is_new(self) -> Any:
        """The condition that the item does not exist."""
        return self.item.pk.does_not_exist()

    def is_at(self, version: int) -> Any:
        """The condition that the item has that version; 0 is that of an item that does not exist."""
        return self.is_new() if version == 0 else self.item.version == version


@cache
def indexed_by() -> Mapping[str | None, tuple[str, str]]:
    """The names of partition and sort key, by index; those of the table under None."""
    found: dict[str | None, tuple[str, str]] = {None: ("pk", "sk")}
    indexes: Mapping[str, Any] = Item._indexes  # noqa: SLF001 pynamodb has no public way
    for name, index in indexes.items():
        schema = index._get_schema()["key_schema"]  # noqa: SLF001
        keys = {each["KeyType"]: each["AttributeName"] for each in schema}
        found[name] = (keys["HASH"], keys["RANGE"])
    return MappingProxyType(found)


# -- keys ---------------------------------------------------------------------------------------------------------


def job_pk(key: JobKey) -> str:
    """The partition of a job: its record, attachment and deliveries."""
    return f"JOB#{key.account}#{key.region}#{key.kind.value}#{key.name}"


def job_key_of(pk: str) -> JobKey:
    """The job of a partition."""
    _, account, region, kind, name = pk.split("#", 4)
    return JobKey(account, region, JobKind(kind), name)


def experiment_id(experiment: str) -> str:
    """The partition of an experiment's jobs in the index. As in SageMaker, upper and lower case make no difference."""
    return f"EXPERIMENT#{same_name(experiment)}"


def sweeps_id(experiment: str) -> str:
    """The partition of an experiment's sweeps in the index."""
    return f"SWEEPS#{same_name(experiment)}"


def single_jobs_id(experiment: str) -> str:
    """The partition of an experiment's windows with a single job in the index."""
    return f"SINGLES#{same_name(experiment)}"


def loops_pk(experiment: str) -> str:
    """The partition of an experiment's loop windows."""
    return f"LOOPS#{same_name(experiment)}"


def sweep_keys(sweep_id: str) -> tuple[str, str]:
    """Partition and sort key of a sweep; the windows of a loop share a partition, in order of time."""
    experiment, _, start = sweep_id.partition("@")
    return (loops_pk(experiment), start) if start else (f"SWEEP#{sweep_id}", "SWEEP")


def shards_pk(key: JobKey, experiment: str) -> str:
    """The partition of an experiment's shards in the job's region."""
    return f"ENSURED#{key.account}#{key.region}#{same_name(experiment)}"


def trials_pk(key: JobKey) -> str:
    """The partition of the trials that others created in the job's region."""
    return f"TRIALS#{key.account}#{key.region}"


def execution_pk(key: JobKey, execution: str) -> str:
    """The partition of a pipeline's execution in the job's region."""
    return f"EXECUTION#{key.account}#{key.region}#{execution}"
