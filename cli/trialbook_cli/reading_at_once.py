"""A whole book read in a few parts at once.

AWS reads a megabyte of a table in a tenth of a second, and several of them at once. The functions share the table's
capacity, so that an export takes only a few, and waits if DynamoDB throttles it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

from pynamodb.exceptions import PynamoDBConnectionError

from trialbook_book.paged import PagedLedger

AT_ONCE = 4
_KEYS = 100  # of a BatchGetItem
_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # seconds, after botocore's own attempts
_THROTTLED = frozenset({"ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"})

Item = dict[str, Any]
Key = tuple[str, str]
Read = Callable[[int], None]  # is given how many more items were read, by any thread
Pause = Callable[[float], object]


def all_items(ledger: PagedLedger, read: Read, pause: Pause | None = None) -> list[Item]:
    """The items of the whole book. Waits while DynamoDB throttles; each other error ends it."""
    return _at_once(ledger.segments(AT_ONCE), read, pause)


def items_of(ledger: PagedLedger, keys: Sequence[Key], read: Read, pause: Pause | None = None) -> list[Item]:
    """The items of these keys that exist, as `all_items`."""
    hundreds = (keys[start : start + _KEYS] for start in range(0, len(keys), _KEYS))
    return _at_once([_Hundred(ledger, each) for each in hundreds], read, pause)


class _Hundred:
    """The items of some keys, asked for again after an error."""

    def __init__(self, ledger: PagedLedger, keys: Sequence[Key]) -> None:
        self._ledger, self._keys = ledger, keys
        self._found: Iterator[Item] | None = None

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        if self._found is None:
            self._found = iter(list(self._ledger.items(self._keys)))
        return next(self._found)


def _at_once(parts: Iterable[Iterator[Item]], read: Read, pause: Pause | None) -> list[Item]:
    ended = Event()

    def whole(part: Iterator[Item]) -> list[Item]:
        found: list[Item] = []
        while not ended.is_set() and (item := _patiently(part, pause or ended.wait)) is not None:
            found.append(item)
            if len(found) % _KEYS == 0:
                read(_KEYS)
        read(len(found) % _KEYS)
        return found

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="export") as pool:
        try:
            return [item for found in pool.map(whole, parts) for item in found]
        finally:
            ended.set()


def _patiently(part: Iterator[Item], pause: Pause) -> Item | None:
    """The next item; None at the end."""
    seconds = _PAUSE
    while True:
        try:
            return next(part, None)
        except PynamoDBConnectionError as error:
            if error.cause_response_code not in _THROTTLED:
                raise
        pause(seconds)
        seconds = min(2 * seconds, _LONGEST_PAUSE)
