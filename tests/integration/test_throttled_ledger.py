"""DynamoDB throttles parts of what is asked of it: nothing is lost, and nothing is asked again at once."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pynamodb.exceptions import TransactWriteError

from tests.unit.samples import job
from trialbook.core.rules.document import Rules
from trialbook.core.sweeps import Record
from trialbook.ledger.bookkeeper import Bookkeeper
from trialbook.ledger.table import Conflict
from trialbook_book.folder import FolderLedger, Table, TableClient


class Throttling(TableClient):
    """Cancels transactions for the given reasons, one after the other, and leaves keys of a read for later."""

    def __init__(self, table: Table) -> None:
        super().__init__(table)
        self.cancelled: list[Sequence[str]] = []
        self.answered_at_once = 100
        self.calls: list[str] = []

    def _make_api_call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        self.calls.append(operation)
        if operation == "TransactWriteItems" and self.cancelled:
            reasons = [{"Code": code} for code in self.cancelled.pop(0)]
            error: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
            raise ClientError(error, operation)
        if operation == "BatchGetItem":
            ((name, wanted),) = request["RequestItems"].items()
            now, later = wanted["Keys"][: self.answered_at_once], wanted["Keys"][self.answered_at_once :]
            answer = super()._make_api_call(operation, {"RequestItems": {name: {**wanted, "Keys": now}}})
            return {**answer, "UnprocessedKeys": {name: {**wanted, "Keys": later}} if later else {}}
        return super()._make_api_call(operation, request)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr("time.sleep", found.append)
    return found


@pytest.fixture
def client() -> Throttling:
    return Throttling(Table())


@pytest.fixture
def ledger(client: Throttling) -> FolderLedger:
    made = FolderLedger(Table())
    made.table.connection._client = client  # type: ignore[assignment]
    return made


def enter(ledger: FolderLedger, name: str = "churn-1") -> Record | None:
    return Bookkeeper(ledger, Rules(), lambda key, name: None).enter(job(name), None)


@pytest.mark.parametrize(
    "reasons", [["ThrottlingError", "None", "None"], ["ProvisionedThroughputExceeded", "TransactionConflict", "None"]]
)
def test_a_transaction_that_an_index_throttles_is_repeated_after_growing_pauses(
    reasons: list[str], ledger: FolderLedger, client: Throttling, pauses: list[float]
) -> None:
    enter(ledger, "churn-0")
    client.calls.clear()
    client.cancelled = [reasons] * 3
    written = enter(ledger)

    assert written is not None
    assert ledger.record(written.key) == written
    assert client.calls.count("TransactWriteItems") == 4
    assert client.calls.count("Query") == 1  # nothing has changed, so that nothing is read again
    assert len(pauses) == 3
    assert all(0.5 * 0.05 * 2**number <= pause <= 0.05 * 2**number for number, pause in enumerate(pauses, 1))


def test_a_transaction_that_stays_throttled_fails_as_such(
    ledger: FolderLedger, client: Throttling, pauses: list[float]
) -> None:
    client.cancelled = [["ThrottlingError"]] * 100

    with pytest.raises(TransactWriteError, match="write transaction"):
        enter(ledger)
    assert client.calls.count("TransactWriteItems") == 6
    assert sum(pauses) < 4


def test_a_condition_that_fails_is_a_conflict_even_beside_what_was_throttled(
    ledger: FolderLedger, client: Throttling, pauses: list[float]
) -> None:
    client.cancelled = [["ThrottlingError", "ConditionalCheckFailed", "None"]]

    with pytest.raises(Conflict):
        ledger.write()
    assert pauses == []


def test_what_can_never_be_written_is_not_tried_again(
    ledger: FolderLedger, client: Throttling, pauses: list[float]
) -> None:
    client.cancelled = [["ValidationError", "ThrottlingError", "None"]]

    with pytest.raises(TransactWriteError):
        enter(ledger)
    assert client.calls.count("TransactWriteItems") == 1


def test_keys_that_a_throttled_read_leaves_are_read_after_a_pause(
    ledger: FolderLedger, client: Throttling, pauses: list[float]
) -> None:
    keys = [written.key for number in range(5) if (written := enter(ledger, f"churn-{number}")) is not None]
    client.calls.clear()
    client.answered_at_once = 2
    found = [each.key for each in ledger.records(keys)]

    assert sorted(found) == sorted(keys)
    assert client.calls == ["BatchGetItem"] * 3
    assert len(pauses) == 2
