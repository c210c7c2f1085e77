"""Notes: texts that are kept under a name, such as reconcile's watermark."""

from collections.abc import Iterator

from trialbook.ledger.table import NOTES, LedgerTable


class Notes:
    """The notes of a ledger."""

    def __init__(self, table: LedgerTable) -> None:
        self._table = table
        self._permanent: set[str] = set()  # names of notes that were found, and are never deleted

    def get(self, name: str) -> str | None:
        """The text under a name."""
        item = self._table.get(NOTES, name)
        return None if item is None else item.facts

    def put(self, name: str, text: str) -> None:
        """Keeps a text under a name."""
        self._table.item(NOTES, name, item="note", facts=text).save()

    def beginning(self, name: str) -> Iterator[tuple[str, str]]:
        """The notes whose names begin so: each with its text."""
        for item in self._table.item.query(NOTES, self._table.item.sk.startswith(name)):
            yield item.sk, item.facts or ""

    def has(self, name: str) -> bool:
        """Whether a note exists that is never deleted: once found, it is not asked for again."""
        if name not in self._permanent and self.get(name) is not None:
            self._permanent.add(name)
        return name in self._permanent
