"""The outcomes of attaching jobs, and the Experiments and Trials that exist in SageMaker."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from trialbook.core.attachments import WHOLE_EXPERIMENT, Attachment, Shard
from trialbook.core.expiry import Expiry
from trialbook.core.jobs import JobKey
from trialbook.core.names import same_name
from trialbook.core.sweeps import Record
from trialbook.core.times import iso
from trialbook.ledger.items import attachment_item, read_attachment, read_record, read_shard, shard_item
from trialbook.ledger.recent import keep
from trialbook.ledger.table import UNATTACHED_DUE, LedgerTable, job_key_of, job_pk, shards_pk, trials_pk


@dataclass(frozen=True, slots=True)
class Known:
    """What became of attaching a job, the job's record, and the shards in use by experiment and trial, as far as they
    were read; None if there is none yet."""

    attachment: Attachment | None
    record: Record | None
    shards: Mapping[tuple[str, str], Shard | None]


class Attachments:
    """The attachments of a ledger's jobs."""

    def __init__(self, table: LedgerTable, expiry: Expiry) -> None:
        self._table, self._expiry = table, expiry
        # Of this process, lately: the shards that it met, by their keys, and the jobs that it put.
        self._shards: OrderedDict[tuple[str, str], Shard] = OrderedDict()
        self._put: OrderedDict[JobKey, bool] = OrderedDict()

    def get(self, key: JobKey) -> Attachment | None:
        """The outcome of attaching a job."""
        item = self._table.get(job_pk(key), "ATTACHMENT")
        return None if item is None else read_attachment(item)

    def known(self, key: JobKey, likely: tuple[str, str] | None) -> Known:
        """What attaching a job depends on, read consistently by one request. `likely` are the experiment and trial
        where the job probably belongs."""
        attachment, record = (job_pk(key), "ATTACHMENT"), (job_pk(key), "JOB")
        places = {(likely[0], trial) for trial in (likely[1], WHOLE_EXPERIMENT)} if likely else set()
        shards = {place: (shards_pk(key, place[0]), same_name(place[1])) for place in places}
        read = self._table.item.batch_get([attachment, record, *shards.values()], consistent_read=True)
        found = {(each.pk, each.sk): each for each in read}
        for at in shards.values():
            if at in found:
                keep(self._shards, at, read_shard(found[at]))
        return Known(
            read_attachment(found[attachment]) if attachment in found else None,
            read_record(found[record]) if record in found else None,
            {place: read_shard(found[at]) if at in found else None for place, at in shards.items()},
        )

    def shard_for_new(self, key: JobKey, experiment: str, trial: str) -> Shard | None:
        """The shard of a trial that was in use when this process last read or wrote it. None if it has not, or if the
        job is not new to the process."""
        return None if key in self._put else self._shards.get((shards_pk(key, experiment), same_name(trial)))

    def of(self, keys: Iterable[JobKey]) -> Iterator[Attachment]:
        """The attachments that exist among the jobs, a request for each hundred."""
        for item in self._table.item.batch_get([(job_pk(key), "ATTACHMENT") for key in keys], consistent_read=True):
            yield read_attachment(item)

    def put(self, attachment: Attachment) -> None:
        """Records what became of attaching a job."""
        keep(self._put, attachment.key, True)
        self._table.item(**attachment_item(attachment, self._expiry)).save()

    def due(self, until: datetime) -> Iterator[JobKey]:
        """The jobs that reconcile tries to attach again by then."""
        for item in self._table.item.due.query(UNATTACHED_DUE, self._table.item.due_at <= iso(until)):
            yield job_key_of(item.pk)

    def shard(self, key: JobKey, experiment: str, trial: str = WHOLE_EXPERIMENT) -> Shard | None:
        """The shard in use of a trial (or of the experiment as a whole) in the job's region; None before the first."""
        item = self._table.get(shards_pk(key, experiment), same_name(trial))
        return None if item is None else read_shard(item)

    def put_shard(self, key: JobKey, experiment: str, trial: str, shard: Shard) -> None:
        """Records that the shard exists. Numbers only grow: a slower writer's lower number changes nothing."""
        item = self._table.item(**shard_item(key, experiment, trial, shard))
        keep(self._shards, (item.pk, item.sk), shard)
        self._table.save_if(item, self._table.is_new() | (self._table.item.version < shard.number))

    def experiment_of(self, key: JobKey, trial: str) -> str | None:
        """The experiment of a trial that somebody else created in the job's region; None if it is not recorded."""
        item = self._table.get(trials_pk(key), same_name(trial))
        return None if item is None else item.facts

    def put_experiment_of(self, key: JobKey, trial: str, experiment: str) -> None:
        """Records the experiment of a trial that somebody else created."""
        self._table.item(trials_pk(key), same_name(trial), item="trial", facts=experiment).save()
