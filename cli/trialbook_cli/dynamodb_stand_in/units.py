"""The capacity units that DynamoDB counts for requests."""

from collections import defaultdict
from collections.abc import Mapping
from math import ceil
from typing import Any

from trialbook_book.table import Item
from trialbook_cli.dynamodb_stand_in.schema import Schema
from trialbook_cli.dynamodb_stand_in.values import size_of_item

_WRITE, _READ = 1024, 4096  # bytes of a unit


def read(size: int, *, consistent: bool) -> float:
    """Units for reading so many bytes at once; an item that is not there costs as much as the smallest."""
    return max(1, ceil(size / _READ)) * (1.0 if consistent else 0.5)


class Used:
    """The units of a request, by table and index; the table's own under None."""

    def __init__(self) -> None:
        self._units: defaultdict[str, defaultdict[str | None, float]] = defaultdict(lambda: defaultdict(float))

    def add(self, table: str, index: str | None, units: float) -> None:
        """Adds units."""
        self._units[table][index] += units

    def write(self, table: str, schema: Schema, old: Item | None, new: Item | None, times: int = 1) -> None:
        """Adds what it costs to put an item in the place of another one: in the table, and in each index that shows
        another thing afterwards. Where its place in an index changes, it is deleted there and put again."""
        sizes = [size_of_item(each) for each in (old, new) if each is not None]
        self.add(table, None, times * _written(max(sizes, default=0)))
        for name, index in schema.indexes.items():
            before, after = index.projected(old), index.projected(new)
            if before == after:
                continue
            shown = [each for each in (before, after) if each is not None]
            if len(shown) == 2 and all(before[key] == after[key] for key in index.keys):  # type: ignore[index]
                shown = [max(shown, key=size_of_item)]
            self.add(table, name, times * sum(_written(size_of_item(each)) for each in shown))

    def consumed(self, wanted: str | None) -> list[dict[str, Any]]:
        """As an answer says them, by table; nothing if nothing is wanted."""
        return [] if wanted in (None, "NONE") else [_consumed(name, used, wanted) for name, used in self._units.items()]


def _consumed(table: str, used: Mapping[str | None, float], wanted: str | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"TableName": table, "CapacityUnits": sum(used.values())}
    if wanted == "INDEXES":
        entry["Table"] = {"CapacityUnits": used.get(None, 0.0)}
        indexes = {name: {"CapacityUnits": units} for name, units in used.items() if name is not None}
        if indexes:
            entry["GlobalSecondaryIndexes"] = indexes
    return entry


def _written(size: int) -> float:
    return float(max(1, ceil(size / _WRITE)))
