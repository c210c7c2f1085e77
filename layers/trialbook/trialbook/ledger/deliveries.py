"""Delivery records in the ledger's table: what was sent where, so that nothing is lost and nothing is sent twice.

Each write is conditional on the version that was read: if two processes are about to send the same message, one gets a
Conflict before it sends anything.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

from trialbook.core.codec import pack, unpack
from trialbook.core.messages.delivery import MESSAGE, Delivery
from trialbook.ledger import versioned
from trialbook.ledger.items import read_facts
from trialbook.ledger.table import Conflict, LedgerTable

_LONGEST_KEY = 500  # characters of an about; DynamoDB takes 2,048 bytes
_KEPT_FOR = timedelta(days=400)  # a sweep may be revised for as long as a job of its can come late


class Deliveries:
    """The delivery records of a ledger."""

    def __init__(self, table: LedgerTable) -> None:
        self._table = table

    def get(self, about: str, channel: str, address: str, part: str = MESSAGE) -> Delivery:
        """A record, read consistently; a new one with version 0 if there is none."""
        found, _ = versioned.read(self._table, pk_of(about), _sk(channel, address, part))
        return Delivery(about, channel, address, part) if found is None else unpack(Delivery, found)

    def get_all(self, abouts: Iterable[str], channel: str, address: str) -> Iterator[Delivery]:
        """The records of messages that there are, read consistently, a request for each hundred."""
        keys = [(pk_of(each), _sk(channel, address, MESSAGE)) for each in dict.fromkeys(abouts)]
        for item in self._table.item.batch_get(keys, consistent_read=True):
            yield unpack(Delivery, read_facts(item))

    def put(self, delivery: Delivery, now: datetime) -> Delivery:
        """Writes the next version of a record. Raises Conflict if another process was faster."""
        versioned.write(
            self._table,
            pk_of(delivery.about),
            _sk(delivery.channel, delivery.address, delivery.part),
            pack(delivery),
            item="delivery",
            version=delivery.version,
            status=delivery.state.value,
            expires_at=int((now + _KEPT_FOR).timestamp()),
        )
        return delivery

    def adopt(self, other: Delivery, own: Delivery, now: datetime) -> Delivery:
        """Takes over the message of another `about` as our own; its content will be replaced."""
        fresh = replace(other, about=own.about, shown_version=-1, held_until=None, version=own.version + 1)
        return self.put(fresh, now)

    def of(self, about: str) -> Iterator[Delivery]:
        """All records with the same `about`, by one Query."""
        for found in versioned.read_all(self._table, pk_of(about)):
            yield unpack(Delivery, found)


class ReadOnce:
    """Delivery records that are read once each until `forget`: what a batch of messages is about is often the same. A
    record that another process has changed since fails its next write with a Conflict, so none is overwritten."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries
        self._known: dict[tuple[str, str, str], Delivery] = {}

    def forget(self) -> None:
        """Reads everything again."""
        self._known.clear()

    def get(self, about: str, channel: str, address: str) -> Delivery:
        """As of Deliveries."""
        key = about, channel, address
        if key not in self._known:
            self._known[key] = self._deliveries.get(*key)
        return self._known[key]

    def read_ahead(self, abouts: Iterable[str], channel: str, address: str) -> None:
        """Reads many records by few requests."""
        wanted = [each for each in dict.fromkeys(abouts) if (each, channel, address) not in self._known]
        if len(wanted) < 2:
            return
        self._known |= {(each, channel, address): Delivery(each, channel, address) for each in wanted}
        for found in self._deliveries.get_all(wanted, channel, address):
            self._known[found.about, channel, address] = found

    def put(self, delivery: Delivery, now: datetime) -> Delivery:
        """As of Deliveries."""
        key = delivery.about, delivery.channel, delivery.address
        try:
            self._known[key] = self._deliveries.put(delivery, now)
        except Conflict:
            self._known.pop(key, None)
            raise
        return delivery

    def adopt(self, other: Delivery, own: Delivery, now: datetime) -> Delivery:
        """As of Deliveries."""
        key = own.about, own.channel, own.address
        self._known.pop(key, None)
        self._known[key] = self._deliveries.adopt(other, own, now)
        return self._known[key]


def pk_of(about: str) -> str:
    """The partition of what was sent about something."""
    if len(about) <= _LONGEST_KEY:
        return f"DELIVERY#{about}"
    return f"DELIVERY#{about[:_LONGEST_KEY]}~{sha256(about.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _sk(channel: str, address: str, part: str) -> str:
    return f"{channel}#{address}#{part}"
