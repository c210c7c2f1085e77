"""Items with a version, for parts of the ledger whose writers compete: the slower of two writers gets a Conflict."""

from collections.abc import Iterator
from typing import Any

from trialbook.ledger.items import facts, read_facts
from trialbook.ledger.table import Conflict, LedgerTable


def read(table: LedgerTable, pk: str, sk: str) -> tuple[Any, int]:
    """An item's facts and version, read consistently; None and 0 if it does not exist."""
    item = table.get(pk, sk)
    return (None, 0) if item is None else (read_facts(item), int(item.version))


def read_all(table: LedgerTable, pk: str) -> Iterator[Any]:
    """The facts of a partition's items, read consistently."""
    yield from map(read_facts, table.item.query(pk, consistent_read=True))


def write(
    table: LedgerTable, pk: str, sk: str, data: dict[str, Any], *, item: str, version: int, **attributes: Any
) -> None:
    """Writes an item. Raises Conflict if the table does not have the version before."""
    made = table.item(pk, sk, item=item, version=version, **facts(data), **attributes)
    if not table.save_if(made, table.is_at(version - 1)):
        raise Conflict(f"{item}: another process wrote it")
