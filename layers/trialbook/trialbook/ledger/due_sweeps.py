"""The sweeps that are due for close_sweeps, from a sparse index: to be checked, or to leave the ledger."""

from collections.abc import Iterator
from datetime import datetime

from trialbook.core.sweeps import Sweep
from trialbook.core.times import iso
from trialbook.ledger.items import read_sweep
from trialbook.ledger.table import LedgerTable


class DueSweeps:
    """The sweeps of one list of the index, by the moment when they are due."""

    def __init__(self, table: LedgerTable, due_list: str) -> None:
        self._table, self._list = table, due_list

    def keys(self, until: datetime) -> Iterator[tuple[str, str]]:
        """The keys of the sweeps that are due by then, longest overdue first."""
        for item in self._table.item.due.query(self._list, self._table.item.due_at <= iso(until)):
            yield item.pk, item.sk

    def get(self, key: tuple[str, str]) -> Sweep | None:
        """The sweep of such a key, read consistently; None if it has left the list."""
        item = self._table.get(*key)
        return read_sweep(item) if item is not None and item.due_list == self._list else None

    def until(self, moment: datetime) -> Iterator[Sweep]:
        """The sweeps that are due by then, longest overdue first."""
        yield from (sweep for each in self.keys(moment) if (sweep := self.get(each)) is not None)

    def next_at(self) -> datetime | None:
        """When the next sweep is due; None if the list is empty."""
        item = next(iter(self._table.item.due.query(self._list, limit=1)), None)
        return None if item is None else datetime.fromisoformat(item.due_at)
