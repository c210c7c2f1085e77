"""moto's DynamoDB transactions, without a copy of every item of the table for each of them.

moto copies the table before a transaction, to put it back if a condition fails: a replay spends a third of its time
there, and more the longer it is. Puts and deletes replace items and never change one, so that a copy may share them.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.dynamodb import models
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table


class _SharingItems:
    """Python's module `copy`, as far as moto's tables use it."""

    @staticmethod
    def deepcopy(value: Any) -> Any:
        return _snapshot(value) if isinstance(value, Table) else copy.deepcopy(value)


def _snapshot(table: Table) -> Table:
    """The table as it stands, with dictionaries and a stream of its own, and the same items."""
    kept = copy.copy(table)
    kept.items = copy.copy(table.items)
    if table.has_range_key:
        kept.items.update({key: dict(items) for key, items in table.items.items()})
    if table.stream_shard is not None:
        kept.stream_shard = copy.copy(table.stream_shard)
        kept.stream_shard.items = list(table.stream_shard.items)
    return kept


@contextmanager
def sharing_items() -> Iterator[None]:
    """For the block, transactions of moto's DynamoDB share items with what they may have to put back."""
    original = DynamoDBBackend.transact_write_items

    def transact(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
        if any("Update" in each for each in transact_items):
            raise NotImplementedError("Update in a transaction changes an item in place: only Put and Delete can share")
        original(backend, transact_items)

    with patch.object(models, "copy", _SharingItems), patch.object(DynamoDBBackend, "transact_write_items", transact):
        yield
