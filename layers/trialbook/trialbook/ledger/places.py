"""The accounts and regions whose jobs a book holds: recorded with their first job, so that names never change."""

from trialbook.core.codec import pack, unpack
from trialbook.core.jobs import JobKey
from trialbook.core.places import Place, Places
from trialbook.ledger import versioned
from trialbook.ledger.items import read_sweep
from trialbook.ledger.table import NOTES, SWEEPS, Conflict, LedgerTable, sweep_keys

PLACES = "places"  # the note's name


class KnownPlaces:
    """The places of a ledger."""

    def __init__(self, table: LedgerTable) -> None:
        self._table = table
        self._last_read = Places()

    def get(self) -> Places:
        """The places whose jobs the book holds, its home first."""
        return self._read()[0]

    def including(self, place: Place) -> Places:
        """The places after `place` was added to them, if it is new. A process reads the note once, and again for a
        place that it has not met."""
        while place not in self._last_read.known:
            noted, version = self._read()
            self._last_read = noted.with_place(place)
            if version == 0 or self._last_read != noted:
                try:
                    versioned.write(self._table, NOTES, PLACES, pack(self._last_read), item="note", version=version + 1)
                except Conflict:  # another process added a place: read again
                    self._last_read = Places()
        return self._last_read

    def tuning_sweep(self, child: JobKey, name: str) -> str:
        """The id of a tuning job's sweep: the tuning job's name, as the book calls it in its child's place."""
        place = Place.of(child)
        places = self.including(place)
        sweep_id = places.name(name, place)
        if sweep_id != name and places.were_mixed and self._ran_at(name, place):
            return name
        return sweep_id

    def _ran_at(self, sweep_id: str, place: Place) -> bool:
        item = self._table.get(*sweep_keys(sweep_id))
        if item is None:
            return False
        sweep = read_sweep(item)
        return (sweep.account, sweep.region) == (place.account, place.region)

    def _read(self) -> tuple[Places, int]:
        """The places and the note's version. Without a note, the book's home is where its first sweep ran."""
        facts, version = versioned.read(self._table, NOTES, PLACES)
        if facts is not None:
            return unpack(Places, facts), version
        rows = self._table.item.in_time_order.query(SWEEPS, page_size=1)
        first = next(map(read_sweep, self._table.whole(rows, SWEEPS, 1)), None)
        if first is None:
            return Places(), 0
        return Places((Place(first.account, first.region),), were_mixed=True), 0
