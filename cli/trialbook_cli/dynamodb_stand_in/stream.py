"""A table's stream, in one shard, as DynamoDB's streams tell it."""

from collections.abc import Mapping
from typing import Any

from trialbook_book.table import Item
from trialbook_cli.dynamodb_stand_in.refusals import Refused
from trialbook_cli.dynamodb_stand_in.schema import Schema
from trialbook_cli.dynamodb_stand_in.values import size_of_item

_SHARD = "shardId-00000000000000000000-00000001"
_FIRST = 100_000_000_000_000_000_001  # numbers have as many digits as DynamoDB's
_MOST = 1000  # records of an answer
_VIEWS: Mapping[str, tuple[str, ...]] = {
    "NEW_AND_OLD_IMAGES": ("NewImage", "OldImage"),
    "NEW_IMAGE": ("NewImage",),
    "OLD_IMAGE": ("OldImage",),
    "KEYS_ONLY": (),
}


class Stream:
    """Each change of the table. A write that changes nothing is none."""

    label = "2000-01-01T00:00:00.000"

    def __init__(self, arn: str, region: str, view: str, schema: Schema) -> None:
        self.arn = f"{arn}/stream/{self.label}"
        self._region, self._view, self._schema = region, view, schema
        self._records: list[dict[str, Any]] = []

    @classmethod
    def of(cls, request: Mapping[str, Any], arn: str, schema: Schema) -> "Stream | None":
        """The stream that CreateTable asks for."""
        wanted = request.get("StreamSpecification", {})
        if not wanted.get("StreamEnabled"):
            return None
        return cls(arn, arn.split(":")[3], wanted["StreamViewType"], schema)

    def add(self, old: Item | None, new: Item | None) -> None:
        """A change: what stood there before, and what does now."""
        changed = new if new is not None else old or {}
        keys = {name: changed[name] for name in self._schema.keys}
        images = {"NewImage": new, "OldImage": old}
        shown = {name: each for name in _VIEWS[self._view] if (each := images[name]) is not None}
        number = str(_FIRST + len(self._records))
        described: dict[str, Any] = {
            "Keys": keys,
            **shown,
            "SequenceNumber": number,
            "SizeBytes": sum(map(size_of_item, (keys, *shown.values()))),
            "StreamViewType": self._view,
        }
        self._records.append(
            {
                "eventID": f"{int(number):032x}",
                "eventName": "INSERT" if old is None else "REMOVE" if new is None else "MODIFY",
                "eventVersion": "1.1",
                "eventSource": "aws:dynamodb",
                "awsRegion": self._region,
                "dynamodb": described,
            }
        )

    def describe_stream(self, *, StreamArn: str) -> dict[str, Any]:  # noqa: N803 as botocore's client names it
        """Its one shard, which never ends."""
        shard = {"ShardId": _SHARD, "SequenceNumberRange": {"StartingSequenceNumber": str(_FIRST)}}
        described = {"StreamArn": StreamArn, "StreamStatus": "ENABLED", "StreamViewType": self._view, "Shards": [shard]}
        return {"StreamDescription": described}

    def get_shard_iterator(self, **request: str) -> dict[str, str]:
        """A place in the shard: how many changes are before it."""
        number = int(request.get("SequenceNumber", _FIRST)) - _FIRST
        match request["ShardIteratorType"]:
            case "TRIM_HORIZON":
                return {"ShardIterator": "0"}
            case "LATEST":
                return {"ShardIterator": str(len(self._records))}
            case "AT_SEQUENCE_NUMBER":
                return {"ShardIterator": str(number)}
            case "AFTER_SEQUENCE_NUMBER":
                return {"ShardIterator": str(number + 1)}
        raise Refused("ValidationException", f"there is no {request['ShardIteratorType']}")

    def get_records(self, *, ShardIterator: str, Limit: int = _MOST) -> dict[str, Any]:  # noqa: N803 as botocore's client
        """The changes from a place on."""
        start = int(ShardIterator)
        found = self._records[start : start + Limit]
        return {"Records": found, "NextShardIterator": str(start + len(found))}
