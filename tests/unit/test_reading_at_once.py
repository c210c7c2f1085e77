"""An export reads parts of a table at once, and waits for DynamoDB."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from pynamodb.exceptions import ScanError

from trialbook_book.paged import PagedLedger
from trialbook_cli.reading_at_once import all_items, items_of


def refusal(code: str) -> ScanError:
    """What pynamodb raises if DynamoDB refuses a page."""
    return ScanError("refused", ClientError({"Error": {"Code": code, "Message": ""}}, "Scan"))


class Pages:
    """A part of a table, in which errors come before some items; after an error it goes on."""

    def __init__(self, found: Sequence[int | Exception]) -> None:
        self._found = iter(found)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self

    def __next__(self) -> dict[str, Any]:
        found = next(self._found)
        if isinstance(found, Exception):
            raise found
        return {"pk": found}


class Table:
    """A book whose table has these parts."""

    def __init__(self, *parts: Sequence[int | Exception]) -> None:
        self._parts = parts
        self.refusals: list[Exception] = []

    def segments(self, count: int) -> list[Iterator[dict[str, Any]]]:
        return [Pages(each) for each in self._parts]

    def items(self, keys: Sequence[Any]) -> Iterator[dict[str, Any]]:
        if self.refusals:
            raise self.refusals.pop()
        return iter([{"pk": each} for each in keys])


def ledger(*parts: Sequence[int | Exception]) -> PagedLedger:
    """The table in a ledger's place."""
    return cast("PagedLedger", Table(*parts))


@given(st.lists(st.lists(st.integers(), max_size=230), max_size=6))
def test_all_items_of_all_parts_are_always_read_and_counted(parts: list[list[int]]) -> None:
    counted: list[int] = []

    found = all_items(ledger(*parts), counted.append)

    assert [each["pk"] for each in found] == [each for part in parts for each in part]
    assert sum(counted) == len(found)


@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "ThrottlingException"])
def test_a_throttled_part_waits_longer_each_time_and_goes_on_where_it_was(code: str) -> None:
    pauses: list[float] = []
    part: list[int | Exception] = [1, refusal(code), refusal(code), refusal(code), 2, refusal(code), 3]

    found = all_items(ledger(part), lambda items: None, pauses.append)

    assert [each["pk"] for each in found] == [1, 2, 3]
    assert pauses == [1, 2, 4, 1]


def test_any_other_error_ends_the_export() -> None:
    with pytest.raises(ScanError):
        all_items(ledger([1, refusal("AccessDeniedException"), 2], [3]), lambda items: None)


def test_the_items_of_keys_are_asked_for_again_after_throttling() -> None:
    table, keys = Table(), [(str(number), "JOB") for number in range(230)]
    table.refusals = [refusal("ThrottlingException")]
    pauses: list[float] = []

    found = items_of(cast("PagedLedger", table), keys, lambda items: None, pauses.append)

    assert [each["pk"] for each in found] == keys
    assert pauses == [1]
