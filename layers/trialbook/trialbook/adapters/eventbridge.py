"""Trialbook's own event bus."""

import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from trialbook.core.announcements import Announcement
from trialbook.runtime import clock

SOURCE = "trialbook"
_AT_ONCE = 10  # entries a PutEvents call takes
_LONGEST = 240_000  # bytes; PutEvents takes 256 KB an entry, type and source included


class NotPublished(Exception):
    """EventBridge did not take an event; `published` tells how many before it were taken."""

    def __init__(self, published: int, reason: str) -> None:
        super().__init__(f"event {published + 1} was not taken: {reason}")
        self.published = published


class EventBus:
    """Publishes announcements."""

    def __init__(self, session: Session, name: str) -> None:
        self._session, self._name = session, name

    @cached_property
    def _client(self) -> Any:
        """Made when first needed: most batches of the stream tell of nothing new."""
        return self._session.create_client("events")

    def publish(self, announcements: Sequence[Announcement]) -> None:
        """Publishes them in order. Raises NotPublished where one was not taken."""
        for start in range(0, len(announcements), _AT_ONCE):
            batch = announcements[start : start + _AT_ONCE]
            entries = [self._entry(each) for each in batch]
            try:
                answer = self._client.put_events(Entries=entries)
            except (ClientError, BotoCoreError) as error:
                raise NotPublished(start, str(error)) from error
            for place, entry in enumerate(answer.get("Entries", ())):
                if entry.get("ErrorCode"):
                    raise NotPublished(start + place, entry["ErrorCode"])
            if len(answer.get("Entries", ())) < len(batch):
                raise NotPublished(start, "the answer says nothing of the event")

    def _entry(self, announcement: Announcement) -> dict[str, Any]:
        told = {"id": announcement.id, **announcement.detail}
        if announcement.cause is not None:
            told["correlation_id"] = announcement.cause
        detail = json.dumps(told, allow_nan=False)
        if len(detail.encode()) > _LONGEST:
            detail = json.dumps(_without_long_texts(told), allow_nan=False)
        return {
            "Time": clock.now(),
            "EventBusName": self._name,
            "Source": SOURCE,
            "DetailType": announcement.type,
            "Detail": detail,
        }


def _without_long_texts(value: Any) -> Any:
    """The detail with long texts cut: a hundred hyperparameters of 2,500 characters do not fit into an event."""
    if isinstance(value, dict):
        return {key: _without_long_texts(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_long_texts(each) for each in value]
    return f"{value[:250]}…" if isinstance(value, str) and len(value) > 250 else value
