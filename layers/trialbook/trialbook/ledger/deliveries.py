"""Delivery records in the ledger's table: what was sent where, so that nothing is lost and nothing is sent twice.

Each write is conditional on the version that was read: if two processes are about to send the same message, one gets a
Conflict before it sends anything.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

from trialbook.core.codec import pack, unpack
from trialbook.core.messages.delivery import MESSAGE, Delivery
from trialbook.ledger import versioned
from trialbook.ledger.table import LedgerTable

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


def pk_of(about: str) -> str:
    """The partition of what was sent about something."""
    if len(about) <= _LONGEST_KEY:
        return f"DELIVERY#{about}"
    return f"DELIVERY#{about[:_LONGEST_KEY]}~{sha256(about.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _sk(channel: str, address: str, part: str) -> str:
    return f"{channel}#{address}#{part}"
