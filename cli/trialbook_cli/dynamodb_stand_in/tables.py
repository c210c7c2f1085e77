"""A table: its items, its description, and its stream."""

from collections.abc import Mapping
from typing import Any

from trialbook_book.table import Indexed, Item, Key
from trialbook_cli.dynamodb_stand_in.schema import Schema
from trialbook_cli.dynamodb_stand_in.stream import Stream
from trialbook_cli.dynamodb_stand_in.units import Used

_SAME = ("AttributeDefinitions", "TableName", "KeySchema")


class Table:
    """A table as CreateTable made it."""

    def __init__(self, request: Mapping[str, Any], arn: str) -> None:
        self.name: str = request["TableName"]
        self.schema = Schema.of(request)
        self.indexed = Indexed(self.schema.names())
        self.stream = Stream.of(request, arn, self.schema)
        self._request, self._arn = request, arn

    def change(self, old: Item | None, new: Item | None, key: Key, used: Used, times: int) -> None:
        """Puts an item, or deletes the one with the key; `old` is the one that is there."""
        if new is not None:
            self.indexed.put(new)
        else:
            self.indexed.delete(key)
        used.write(self.name, self.schema, old, new, times)
        if self.stream is not None and old != new:
            self.stream.add(old, new)

    def described(self) -> dict[str, Any]:
        """The answer of DescribeTable."""
        described: dict[str, Any] = {name: self._request[name] for name in _SAME}
        described |= {"TableStatus": "ACTIVE", "TableArn": self._arn, "ItemCount": len(self.indexed.items)}
        if self._request.get("BillingMode") == "PAY_PER_REQUEST":
            described["BillingModeSummary"] = {"BillingMode": "PAY_PER_REQUEST"}
        if self.schema.indexes:
            described["GlobalSecondaryIndexes"] = [
                {**each, "IndexStatus": "ACTIVE", "IndexArn": f"{self._arn}/index/{each['IndexName']}"}
                for each in self._request["GlobalSecondaryIndexes"]
            ]
        if self.stream is not None:
            described["StreamSpecification"] = self._request["StreamSpecification"]
            described["LatestStreamArn"], described["LatestStreamLabel"] = self.stream.arn, self.stream.label
        return described
