"""Items of the ledger's table: domain objects packed into attributes, and unpacked again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from trialbook.core.attachments import Attachment, Shard
from trialbook.core.codec import pack, unpack
from trialbook.core.experiments import Experiment
from trialbook.core.expiry import Expiry
from trialbook.core.formats import FORMAT, upgraded
from trialbook.core.hyper_parameters import is_internal
from trialbook.core.jobs import JobKey
from trialbook.core.names import same_name
from trialbook.core.sweeps import LoopVersion, Record, Sweep, start_of
from trialbook.core.times import iso
from trialbook.ledger.packing import packed, unpacked
from trialbook.ledger.table import (
    ENTRY_RANK,
    EXPERIMENTS,
    EXPIRING_DUE,
    LOOPS_SORT_KEY,
    SWEEPS,
    SWEEPS_DUE,
    UNATTACHED_DUE,
    Item,
    experiment_id,
    job_key_of,
    job_pk,
    loops_pk,
    shards_pk,
    single_jobs_id,
    sweep_keys,
    sweeps_id,
)

Attributes = dict[str, Any]

_LONGEST_SHOWN = 2_000  # characters: each thousand costs a write unit in two indexes
_COMPRESS_FROM = 512  # characters; a write costs by the KB
_LONGEST_FACTS = 350_000  # bytes; DynamoDB takes items up to 400 KB, including keys and names


@dataclass(frozen=True, slots=True)
class _Cut:
    """How many characters of a text, and entries of a mapping or list of _CUT, are left."""

    characters: int
    entries: int


_CUT = frozenset({"hyper_parameters", "static_hyper_parameters", "tags", "values", "metric_definitions"})
_CUTS = (_Cut(250, 1_000), _Cut(250, 30), _Cut(60, 10), _Cut(60, 3), _Cut(60, 0))  # until the item fits
_CONFLICTS = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
LONGEST_TRANSACTION = 10  # items; AWS takes 100, its DynamoDB Local of 2020 takes 10


# -- packing ------------------------------------------------------------------------------------------------------


def job_item(record: Record, expiry: Expiry, cause: str | None) -> Attributes:
    """A job's record."""
    return {
        "pk": job_pk(record.key),
        "sk": "JOB",
        "item": "job",
        "version": record.version,
        **facts(pack(record)),
        "status": record.job.status,
        "sweep_id": record.sweep,
        "sweep_rank": record.sweep_rank if record.sweep else None,
        "experiment_id": experiment_id(record.experiment),
        "experiment_rank": record.experiment_rank,
        "created": iso(start_of(record.job)),
        "shown": _shown_of(record),
        "expires_at": expiry.of_job(record),
        "cause": cause,
    }


def sweep_item(sweep: Sweep, due_at: datetime | None, expiry: Expiry, cause: str | None) -> Attributes:
    """A sweep; `due_at` is when close_sweeps checks it, None if it is closed."""
    pk, sk = sweep_keys(sweep.id)
    began = iso(sweep.began_at) if sweep.began_at else None
    listed_under = _listed_under(sweep)
    is_listed = listed_under is not None and not sweep.is_single
    due_list = SWEEPS_DUE if due_at else None
    if due_at is None and (expires := expiry.of_sweep(sweep)) is not None:
        due_list, due_at = EXPIRING_DUE, expires
    return {
        "pk": pk,
        "sk": sk,
        "item": "sweep",
        "version": sweep.version,
        **facts(pack(sweep)),
        "status": sweep.state.value,
        "experiment_id": listed_under,
        "experiment_rank": f"{began}|{sweep.id}" if listed_under and began else None,
        "due_list": due_list,
        "due_at": iso(due_at) if due_at else None,
        "time_shard": SWEEPS if is_listed and began else None,
        "created": began,
        "expires_at": expiry.of_superseded(sweep),
        "cause": cause,
    }


def _listed_under(sweep: Sweep) -> str | None:
    """The partition of the index by experiment where the sweep is found; none once it merged into another one."""
    if sweep.superseded_by is not None:
        return None
    return single_jobs_id(sweep.experiment) if sweep.is_single else sweeps_id(sweep.experiment)


def loops_item(experiment: str, loops: LoopVersion) -> Attributes:
    """The version of an experiment's windows."""
    state = {"moving": loops.moving, "step": loops.step, "touched": pack(loops.touched)}
    return {
        "pk": loops_pk(experiment),
        "sk": LOOPS_SORT_KEY,
        "item": "loops",
        "version": loops.version,
        "facts": json.dumps(state) if loops.moving else None,
    }


def experiment_item(experiment: Experiment) -> Attributes:
    """An experiment's entry. It precedes the experiment's jobs in the index: one Query reads it with the first job."""
    return {
        "pk": EXPERIMENTS,
        "sk": same_name(experiment.name),
        "item": "experiment",
        **facts(pack(experiment)),
        "experiment_id": experiment_id(experiment.name),
        "experiment_rank": ENTRY_RANK,
        "shown": _text(pack(Experiment(experiment.name, objective=experiment.objective))),
    }


def _shown_of(record: Record) -> str | None:
    """What `best` shows of a job, for the rows of indexes; none if the job does not rank, or if that is long."""
    if not record.ranks:
        return None
    given = record.job.hyper_parameters
    said = {
        "status": record.job.status,
        "hyper_parameters": {name: value for name, value in given.items() if not is_internal(name)},
        "model_artifact": record.job.model_artifact,
        "experiment": record.experiment,
        "trial": record.trial,
        "ranked": [pack(record.objective), record.value],
    }
    if (record.objective, record.value) != (record.experiment_objective, record.experiment_value):
        said["ranked_in_experiment"] = [pack(record.experiment_objective), record.experiment_value]
    text = _text(said)
    return text if len(text) <= _LONGEST_SHOWN else None


def attachment_item(attachment: Attachment, expiry: Expiry) -> Attributes:
    """The outcome of attaching a job."""
    again_at = attachment.again_at
    return {
        "pk": job_pk(attachment.key),
        "sk": "ATTACHMENT",
        "item": "attachment",
        **facts(pack(attachment)),
        "status": "attached" if attachment.is_attached else "not attached",
        "due_list": UNATTACHED_DUE if again_at else None,
        "due_at": iso(again_at) if again_at else None,
        "expires_at": expiry.of_attachment(attachment),
    }


def shard_item(key: JobKey, experiment: str, trial: str, shard: Shard) -> Attributes:
    """The shard in use of a trial or experiment."""
    return {
        "pk": shards_pk(key, experiment),
        "sk": same_name(trial),
        "item": "ensured",
        "version": shard.number,
        **facts(pack(shard)),
    }


def facts(data: dict[str, Any]) -> Attributes:
    """The attributes that hold the facts: readable JSON, or compressed if it is long."""
    text = _text(data)
    if len(text) < _COMPRESS_FROM:
        return {"format": FORMAT, "facts": text}
    content = packed(text)
    if len(content) > _LONGEST_FACTS:
        content = next(cut for by in _CUTS if len(cut := packed(_text(_shortened(data, by)))) <= _LONGEST_FACTS)
    return {"format": FORMAT, "packed_facts": content}


def _text(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


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


# -- unpacking ----------------------------------------------------------------------------------------------------


def read_record(item: Any) -> Record:
    """The record in an item of the table."""
    if item.packed_facts is None:
        return unpack(Record, read_facts(item))
    return _record(item.packed_facts, item.format)


@lru_cache(maxsize=64)  # each message about a sweep reads its first jobs again
def _record(content: bytes, written_in: Any) -> Record:
    return unpack(Record, unpacked_facts("job", None, content, written_in))


def read_shown(row: Any) -> Record | Experiment | None:
    """What a row of an index says of a job or an experiment's entry; None if it says nothing."""
    if row.is_whole:
        return read_record(row) if row.item == "job" else read_experiment(row)
    if row.shown is None:
        return None
    said = unpacked_facts(row.item, row.shown, None, row.format)
    if row.item != "job":
        return unpack(Experiment, said)
    job = {name: said.pop(name) for name in ("status", "hyper_parameters", "model_artifact")}
    objective, value = said.pop("ranked")
    overall, its_value = said.pop("ranked_in_experiment", (objective, value))
    ranked = {"objective": objective, "value": value, "experiment_objective": overall, "experiment_value": its_value}
    return unpack(
        Record, {"job": {"key": pack(job_key_of(row.pk)), **job}, **said, **ranked, "placed_by": "", "ranks": True}
    )


def read_sweep(item: Any) -> Sweep:
    """The sweep in an item of the table."""
    return unpack(Sweep, read_facts(item))


def read_experiment(item: Any) -> Experiment:
    """The experiment's entry in an item of the table."""
    return unpack(Experiment, read_facts(item))


def read_attachment(item: Any) -> Attachment:
    """The attachment in an item of the table."""
    return unpack(Attachment, read_facts(item))


def read_shard(item: Any) -> Shard:
    """The shard in an item of the table."""
    return unpack(Shard, read_facts(item))


def read_loops(item: Any) -> LoopVersion:
    """The version of an experiment's windows in an item of the table. Older versions kept the moving windows alone."""
    version, state = int(item.version), json.loads(item.facts or "[]")
    if isinstance(state, list):
        return LoopVersion(version, tuple(state))
    touched = tuple(unpack(JobKey, each) for each in state["touched"])
    return LoopVersion(version, tuple(state["moving"]), state["step"], touched)


def read_facts(item: Any) -> Any:
    """The facts in an item of the table, in today's format."""
    return unpacked_facts(item.item, item.facts, item.packed_facts, item.format)


def unpacked_facts(kind: str, text: str | None, content: bytes | None, written_in: Any) -> Any:
    """Facts as they are stored, as text or compressed, in today's format."""
    if content is not None:
        text = unpacked(content)
    return upgraded(kind, json.loads(text or "{}"), written_in)


def item_of(data: Mapping[str, Any]) -> Any:
    """An item of the table from DynamoDB's JSON."""
    found = Item()
    found.from_dynamodb_dict(dict(data))
    return found
