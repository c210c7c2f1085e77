"""A table's stream, read as Lambda's event source mapping reads it: in batches, filtered, going on behind failures."""

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from moto.events.models import EventPattern

from trialbook.runtime import clock
from trialbook_cli.laptop_cloud.functions import Function

_Invoke = Callable[[Function, Mapping[str, Any]], Any]


class Stream:
    """Where a function is in its stream. A change that fails comes again, until it is too old for the mapping."""

    def __init__(self, function: Function, properties: Mapping[str, Any], client: Any) -> None:
        self.function = function
        self.given_up: list[str] = []
        self.stuck: dict[str, datetime] = {}  # shards whose next change fails, and since when
        self._arn = properties["EventSourceArn"]
        self._size = int(properties.get("BatchSize", 100))
        self._oldest = timedelta(seconds=int(properties["MaximumRecordAgeInSeconds"]))
        filters = properties.get("FilterCriteria", {}).get("Filters", [])
        self._patterns = [EventPattern.load(each["Pattern"]) for each in filters]
        self._client = client
        self._shards: list[str] = []
        self._one_has_ended = True  # another then goes on in its stead
        self._after: dict[str, str] = {}
        self._failed: dict[str, datetime] = {}  # since when

    def poll(self, invoke: _Invoke) -> bool:
        """Hands what is new to the function; whether something has to come again."""
        if self._one_has_ended or not self._shards:
            described = self._client.describe_stream(StreamArn=self._arn)["StreamDescription"]
            self._shards, self._one_has_ended = [each["ShardId"] for each in described["Shards"]], False
        return sum(self._poll_shard(shard, invoke) for shard in self._shards) > 0

    def _poll_shard(self, shard: str, invoke: _Invoke) -> bool:
        for batch in self._batches(shard):
            wanted = [each for each in batch if self._wants(each)]
            failed = self._handle(wanted, invoke) if wanted else None
            done = [each for each in batch if failed is None or _number(each) < failed]
            if done:
                self._after[shard] = done[-1]["dynamodb"]["SequenceNumber"]
            if failed is not None:
                self.stuck.setdefault(shard, clock.now())
                return True
            self.stuck.pop(shard, None)
        return False

    def _batches(self, shard: str) -> Iterator[list[dict[str, Any]]]:
        position: dict[str, str] = {"ShardIteratorType": "TRIM_HORIZON"}
        if shard in self._after:
            position = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self._after[shard]}
        iterator = self._client.get_shard_iterator(StreamArn=self._arn, ShardId=shard, **position)["ShardIterator"]
        while iterator:
            answer = self._client.get_records(ShardIterator=iterator, Limit=self._size)
            iterator = answer.get("NextShardIterator")
            self._one_has_ended = self._one_has_ended or iterator is None
            if not answer["Records"]:
                return
            yield [_wire(each) for each in answer["Records"]]

    def _wants(self, record: dict[str, Any]) -> bool:
        event: Any = record
        return not self._patterns or any(each.matches_event(event) for each in self._patterns)

    def _handle(self, records: list[dict[str, Any]], invoke: _Invoke) -> int | None:
        """The sequence number from which on changes have to come again; None if all are done with."""
        answer = invoke(self.function, {"Records": records})
        failures = answer["batchItemFailures"] if answer is not None else [{"itemIdentifier": ""}]
        if not failures:
            return None
        name = failures[0]["itemIdentifier"] or records[0]["dynamodb"]["SequenceNumber"]
        since = self._failed.setdefault(name, clock.now())
        if clock.now() - since >= self._oldest:
            self.given_up.append(name)
            rest = [each for each in records if _number(each) > int(name)]
            return self._handle(rest, invoke) if rest else None
        return int(name)


def _number(record: Mapping[str, Any]) -> int:
    return int(record["dynamodb"]["SequenceNumber"])


def _wire(record: Mapping[str, Any]) -> dict[str, Any]:
    """A change as Lambda delivers it: JSON, without times that botocore has parsed, and with base64 for bytes."""
    changed = {key: value for key, value in record["dynamodb"].items() if key != "ApproximateCreationDateTime"}
    for name in ("NewImage", "OldImage"):
        if name in changed:
            changed[name] = {key: _as_text(value) for key, value in changed[name].items()}
    return {**record, "dynamodb": changed}


def _as_text(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"B": b64encode(value["B"]).decode()} if isinstance(value.get("B"), bytes) else value
