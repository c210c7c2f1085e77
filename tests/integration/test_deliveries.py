"""Delivery records, on each DynamoDB and in a folder."""

from datetime import UTC, datetime, timedelta

import pytest

from trialbook.core.messages.delivery import EDITED_EVERY, LEASE, Delivery
from trialbook.ledger.deliveries import Deliveries
from trialbook.ledger.ledger import Ledger
from trialbook.ledger.table import Conflict

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
ABOUT = "sweep/churn-xgb@20261120T101500.123Z"


def test_a_record_is_read_as_it_was_written(ledger: Ledger) -> None:
    deliveries = Deliveries(ledger.table)
    claimed = deliveries.put(deliveries.get(ABOUT, "slack", "#training").claimed(NOW), NOW)
    sent = deliveries.put(claimed.sent(NOW, "1763632800.000100", "C1").showing("e", 7, 1), NOW)
    deliveries.put(deliveries.get(ABOUT, "email", "a@example.com").claimed(NOW), NOW)

    assert deliveries.get(ABOUT, "slack", "#training") == sent
    assert [each.channel for each in deliveries.of(ABOUT)] == ["email", "slack"]
    assert deliveries.get("sweep/other", "slack", "#training").version == 0


def test_of_two_claims_on_one_message_one_is_refused_before_it_sends(ledger: Ledger) -> None:
    deliveries = Deliveries(ledger.table)
    both = deliveries.get(ABOUT, "slack", "#training").claimed(NOW)
    deliveries.put(both, NOW)

    with pytest.raises(Conflict):
        deliveries.put(both, NOW)


def test_a_claim_holds_for_its_lease_and_then_says_that_it_may_have_been_sent() -> None:
    claimed = Delivery(ABOUT, "slack", "#training").claimed(NOW)

    assert claimed.is_held(NOW + LEASE - timedelta(seconds=1))
    assert not claimed.is_held(NOW + LEASE)
    assert claimed.may_be_there()
    assert not claimed.not_sent("channel_not_found").may_be_there()
    assert claimed.unsure("timed out").may_be_there()


def test_the_time_of_the_first_claim_stays_so_that_a_look_goes_back_far_enough() -> None:
    again = Delivery(ABOUT, "slack", "#training").claimed(NOW).claimed(NOW + LEASE)

    assert again.claimed_at == NOW


def test_a_message_is_edited_once_in_fifteen_seconds_also_by_a_call_that_died() -> None:
    sent = Delivery(ABOUT, "slack", "#training").claimed(NOW).sent(NOW, "1", "C1")
    later = NOW + EDITED_EVERY

    assert sent.editable_in(NOW) == EDITED_EVERY
    assert sent.editable_in(later) == timedelta()
    assert sent.claimed_for_edit(later).editable_in(later + timedelta(seconds=5)) == timedelta(seconds=10)


def test_long_abouts_have_a_key_that_dynamodb_takes(ledger: Ledger) -> None:
    deliveries = Deliveries(ledger.table)
    long = deliveries.put(deliveries.get("alert/" + "x" * 3000, "slack", "#training").claimed(NOW), NOW)

    assert deliveries.get(long.about, "slack", "#training") == long
