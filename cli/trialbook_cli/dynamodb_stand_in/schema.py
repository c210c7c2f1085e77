"""A table's keys and indexes, and which items DynamoDB takes by them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from trialbook_book.table import Item
from trialbook_cli.dynamodb_stand_in.refusals import invalid, invalid_value
from trialbook_cli.dynamodb_stand_in.values import LARGEST_ITEM, size_of, size_of_item

_LONGEST = {"HASH": 2048, "RANGE": 1024}  # bytes of a key


@dataclass(frozen=True, slots=True)
class Index:
    """The names of its keys, and of the attributes that it shows; None shows all."""

    keys: tuple[str, ...]
    shown: frozenset[str] | None

    def projected(self, item: Item | None) -> Item | None:
        """The item as the index projects it; None if the index does not hold it."""
        if item is None or not all(name in item for name in self.keys):
            return None
        return item if self.shown is None else {name: value for name, value in item.items() if name in self.shown}


@dataclass(frozen=True, slots=True)
class Schema:
    """The names of the table's keys, the types of all keys, and the indexes."""

    keys: tuple[str, ...]
    types: Mapping[str, str]
    indexes: Mapping[str, Index]

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> "Schema":
        """The request of CreateTable."""
        keys = _names(request["KeySchema"])
        indexes = {
            each["IndexName"]: Index(_names(each["KeySchema"]), _shown(keys, each))
            for each in request.get("GlobalSecondaryIndexes", ())
        }
        types = {each["AttributeName"]: each["AttributeType"] for each in request["AttributeDefinitions"]}
        return cls(keys, MappingProxyType(types), MappingProxyType(indexes))

    def names(self) -> dict[str | None, tuple[str, ...]]:
        """The names of the keys by index, the table's own under None."""
        return {None: self.keys, **{name: index.keys for name, index in self.indexes.items()}}

    def check(self, item: Item) -> None:
        """Raises Refused for an item that DynamoDB does not take."""
        for kind, name in zip(_LONGEST, self.keys, strict=False):
            if name not in item:
                raise invalid_value(f"Missing the key {name} in the item")
            self._check_key(kind, name, item)
        for index_name, index in self.indexes.items():
            for kind, name in zip(_LONGEST, index.keys, strict=False):
                if name in item:
                    self._check_index_key(kind, name, item, index_name)
        if size_of_item(item) > LARGEST_ITEM:
            raise invalid("Item size has exceeded the maximum allowed size")

    def check_key(self, key: Mapping[str, Mapping[str, Any]]) -> None:
        """Raises Refused for what is no key of the table."""
        if set(key) != set(self.keys):
            raise invalid("The provided key element does not match the schema")
        for kind, name in zip(_LONGEST, self.keys, strict=False):
            self._check_key(kind, name, key)

    def _check_key(self, kind: str, name: str, item: Mapping[str, Mapping[str, Any]]) -> None:
        ((given, inner),) = item[name].items()
        if given != self.types[name]:
            named = f"Type mismatch for key {name} expected: {self.types[name]} actual: {given}"
            raise invalid_value(named, cancels="Type mismatch for attribute to update")
        if not inner:
            named = "an empty string" if given == "S" else "an empty binary"
            raise invalid(
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain "
                f"{named} value. Key: {name}"
            )
        if size_of(item[name]) > _LONGEST[kind]:
            raise invalid_value(_TOO_LONG[kind], cancels=_ONE_IS_TOO_LONG)

    def _check_index_key(self, kind: str, name: str, item: Item, index: str) -> None:
        ((given, inner),) = item[name].items()
        if given != self.types[name]:
            expected = f"expected: {self.types[name]} actual: {given} IndexName: {index}"
            raise invalid_value(f"Type mismatch for Index Key {name} {expected}", cancels="Type mismatch for Index Key")
        if not inner:
            named = "an empty string" if given == "S" else "an empty binary"
            raise invalid(
                "One or more parameter values are not valid. A value specified for a secondary index key is not "
                f"supported. The AttributeValue for a key attribute cannot contain {named} value. "
                f"IndexName: {index}, IndexKey: {name}"
            )
        if size_of(item[name]) > _LONGEST[kind]:
            raise invalid_value(f"{_TOO_LONG[kind]} IndexName: {index}, IndexKey: {name}")


_ONE_IS_TOO_LONG = (
    "Hash primary key values must be under 2048 bytes, and range primary key values must be under 1024 bytes"
)
_TOO_LONG = {
    "HASH": "Size of hashkey has exceeded the maximum size limit of2048 bytes",
    "RANGE": "Aggregated size of all range keys has exceeded the size limit of 1024 bytes",
}


def _names(schema: list[dict[str, str]]) -> tuple[str, ...]:
    """Partition key first."""
    return tuple(each["AttributeName"] for each in sorted(schema, key=lambda each: each["KeyType"]))


def _shown(keys: tuple[str, ...], index: Mapping[str, Any]) -> frozenset[str] | None:
    projection = index["Projection"]
    if projection["ProjectionType"] == "ALL":
        return None
    return frozenset({*keys, *_names(index["KeySchema"]), *projection.get("NonKeyAttributes", ())})
