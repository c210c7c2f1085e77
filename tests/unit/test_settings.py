"""What template.yaml gives the functions by their environment."""

from collections.abc import Callable, Mapping

import pytest

from trialbook.core.errors import InvalidInput
from trialbook.runtime.settings import (
    DestinationSettings,
    EmailSettings,
    QueueSettings,
    ServiceSettings,
    event_bus,
    reports_bucket,
)


@pytest.mark.parametrize(
    ("read", "given", "named"),
    [
        (ServiceSettings.from_environment, {}, "LEDGER_TABLE"),
        (ServiceSettings.from_environment, {"LEDGER_TABLE": "ledger", "EXPIRE_DAYS": "soon"}, "EXPIRE_DAYS"),
        (QueueSettings.from_environment, {"QUEUE_URL": "https://queue"}, "DEAD_LETTERS_URL"),
        (event_bus, {"EVENT_BUS": ""}, "EVENT_BUS"),
        (reports_bucket, {}, "REPORTS_BUCKET"),
    ],
)
def test_a_variable_that_is_missing_or_wrong_is_named(
    read: Callable[[Mapping[str, str]], object], given: Mapping[str, str], named: str
) -> None:
    with pytest.raises(InvalidInput, match=named):
        read(given)


def test_variables_that_a_template_leaves_empty_are_not_set() -> None:
    empty = {"SLACK_CHANNEL": "", "EMAIL_TO": "", "MLFLOW_PAGES": "", "SLACK_API": "", "EMAIL_REPLY_TO": ""}

    assert DestinationSettings.from_environment(empty) == DestinationSettings()


def test_addresses_are_listed_with_commas() -> None:
    assert EmailSettings.from_environment({"EMAIL_TO": "a@example.com, b@example.com,"}).to == (
        "a@example.com",
        "b@example.com",
    )


@pytest.mark.parametrize(("text", "days"), [("", None), ("0", None), ("90", 90)])
def test_items_never_expire_unless_days_are_given(text: str, days: int | None) -> None:
    assert ServiceSettings.from_environment({"LEDGER_TABLE": "ledger", "EXPIRE_DAYS": text}).expire_days == days
