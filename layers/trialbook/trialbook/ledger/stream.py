"""The stream of the ledger's table: an item's image before and after each change, in DynamoDB's JSON."""

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from pynamodb.exceptions import UpdateError

from trialbook.core.codec import unpack
from trialbook.core.executions import PipelineStep
from trialbook.core.sweeps import Record, Sweep
from trialbook.ledger.items import unpacked_facts
from trialbook.ledger.table import LedgerTable

_READ: Mapping[str, type[Record] | type[Sweep] | type[PipelineStep]] = {
    "job": Record,
    "sweep": Sweep,
    "step": PipelineStep,
}


def item_from_image(image: Mapping[str, Any]) -> Record | Sweep | PipelineStep | None:
    """The job, sweep or step of a pipeline in an image; None for other items."""
    kind = image.get("item", {}).get("S")
    if kind not in _READ:
        return None
    text, packed = image.get("facts", {}).get("S"), image.get("packed_facts", {}).get("B")
    if isinstance(packed, str):
        packed = b64decode(packed)
    found = unpacked_facts(kind, text, packed, image.get("format", {}).get("N"))
    return unpack(_READ[kind], found)


def cause_of_image(image: Mapping[str, Any] | None) -> str | None:
    """The id of the event behind the last change of a job or sweep."""
    cause: str | None = (image or {}).get("cause", {}).get("S")
    return cause


def is_announced_again(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> bool:
    """Whether a change of an item only asks to announce it once more, as if it were new."""
    mark = (new or {}).get("again")
    return mark is not None and mark != (old or {}).get("again")


def announce_again(table: LedgerTable, key: tuple[str, str], mark: str) -> bool:
    """Makes the stream show a job or sweep once more as if it were new; returns whether it exists. Each time needs a
    mark of its own; the item's next change removes it."""
    try:
        table.item(*key).update(actions=[table.item.again.set(mark)], condition=table.item.pk.exists())
    except UpdateError as error:
        if error.cause_response_code != "ConditionalCheckFailedException":
            raise
        return False
    return True
