"""A change of the stream whose image is none costs none of its neighbours."""

from typing import Any, cast

import pytest

from trialbook.adapters.eventbridge import EventBus
from trialbook.announce_changes import announce_changes
from trialbook.ledger.ledger import Ledger


class Silent:
    def publish(self, announcements: list[Any]) -> None:
        assert announcements == []


@pytest.mark.parametrize("image", [{"item": {"S": "job"}, "pk": 7}, {"item": {"S": "job"}, "pk": "a", "sk": None}, 3])
def test_an_image_with_odd_keys_is_left_out_as_others_are(image: Any) -> None:
    changes = [(None, image), (None, None)]

    assert announce_changes(changes, cast(Ledger, None), cast(EventBus, Silent())) == 2
