"""Trialbook's own event bus."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from trialbook.core.announcements import Announcement
from trialbook.core.shortening import Shortening, as_far_as_needed
from trialbook.runtime import clock
from trialbook.runtime.observability import count, logger

SOURCE = "trialbook"
_AT_ONCE = 10  # entries that a PutEvents call takes
# Bytes of an entry. AWS has taken 1 MB in most regions since 2026; 256 KB are what all regions take, and all targets.
_LONGEST_ENTRY = 240_000
_LONGEST_REQUEST = 900_000  # bytes on the wire; PutEvents takes about 1 MB
_AROUND_DETAIL = 400  # bytes on the wire that an entry has beside its detail, at the most
# Error codes of entries or requests that PutEvents will never accept.
_NEVER_TAKEN = frozenset({"InvalidArgument", "MalformedDetail", "SerializationException", "ValidationException"})
_TOO_LARGE = 413  # HTTP


class NotPublished(Exception):
    """EventBridge did not accept an event for now. `published` is how many before it are done."""

    def __init__(self, published: int, reason: str) -> None:
        super().__init__(f"event {published + 1} was not taken: {reason}")
        self.published = published


@dataclass(frozen=True, slots=True)
class _Entry:
    """An announcement as an entry of PutEvents: its place in the order, its detail as JSON, and how far it is
    shortened."""

    place: int
    announcement: Announcement
    detail: str
    shortening: Shortening

    @property
    def wire_bytes(self) -> int:
        """The bytes that it adds to a request. The detail is a JSON string, so each quotation mark takes two bytes."""
        return len(json.dumps(self.detail)) + _AROUND_DETAIL


class EventBus:
    """Publishes announcements."""

    def __init__(self, session: Session, name: str) -> None:
        self._session, self._name = session, name

    @cached_property
    def _client(self) -> Any:
        """Created when first needed: most batches of the stream have nothing to announce."""
        return self._session.create_client("events")

    def publish(self, announcements: Sequence[Announcement]) -> None:
        """Publishes them in order. Raises NotPublished if one was not accepted but may be later.

        One that is too long, or that EventBridge refuses for good, is shortened. One that can't be sent even then is
        left out, counted and logged, so that it never holds up the others.
        """
        entries = (self._entry(place, each) for place, each in enumerate(announcements))
        for group in _groups(each for each in entries if each is not None):
            self._put(group)

    def _entry(self, place: int, announcement: Announcement, least: Shortening = Shortening.NONE) -> _Entry | None:
        """The entry, shortened as far as needed and at least by `least`; None, with a log line, if it can't be sent."""
        whole = {"id": announcement.id, **announcement.detail}
        if announcement.cause is not None:
            whole["correlation_id"] = announcement.cause
        try:
            detail, shortening = as_far_as_needed(whole, _LONGEST_ENTRY, least)
        except (TypeError, ValueError, RecursionError) as error:
            _left_out(announcement, repr(error))
            return None
        if shortening is not Shortening.NONE:
            logger.warning("an announcement is shortened", id=announcement.id, to=shortening.name.lower())
            count("AnnouncementsShortened")
        return _Entry(place, announcement, detail, shortening)

    def _put(self, group: Sequence[_Entry]) -> None:
        """Sends a request. If it is refused as a whole for good, sends each entry in a request of its own."""
        try:
            answer = self._client.put_events(Entries=[self._as_aws_takes_it(each) for each in group])
        except ClientError as error:
            if not _is_for_good(error):
                raise NotPublished(group[0].place, str(error)) from error
            self._put_apart(group, str(error))
            return
        except BotoCoreError as error:
            raise NotPublished(group[0].place, str(error)) from error
        results = answer.get("Entries", ())
        for entry, result in zip(group, results, strict=False):
            code = result.get("ErrorCode")
            if code in _NEVER_TAKEN:
                self._put_shorter(entry, f"{code}: {result.get('ErrorMessage', '')}")
            elif code:
                raise NotPublished(entry.place, code)
        if len(results) < len(group):
            raise NotPublished(group[len(results)].place, "the answer says nothing of the event")

    def _put_apart(self, group: Sequence[_Entry], reason: str) -> None:
        if len(group) == 1:
            self._put_shorter(group[0], reason)
            return
        for each in group:
            self._put([each])

    def _put_shorter(self, entry: _Entry, reason: str) -> None:
        further = entry.shortening.further
        if further is None:
            _left_out(entry.announcement, reason)
            return
        shorter = self._entry(entry.place, entry.announcement, further)
        if shorter is not None:
            self._put([shorter])

    def _as_aws_takes_it(self, entry: _Entry) -> dict[str, Any]:
        return {
            "Time": clock.now(),
            "EventBusName": self._name,
            "Source": SOURCE,
            "DetailType": entry.announcement.type,
            "Detail": entry.detail,
        }


def _groups(entries: Iterator[_Entry]) -> Iterator[list[_Entry]]:
    """The entries in groups that fit into a request, by number and by bytes."""
    group: list[_Entry] = []
    size = 0
    for each in entries:
        if group and (len(group) == _AT_ONCE or size + each.wire_bytes > _LONGEST_REQUEST):
            yield group
            group, size = [], 0
        group.append(each)
        size += each.wire_bytes
    if group:
        yield group


def _is_for_good(error: ClientError) -> bool:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return error.response["Error"]["Code"] in _NEVER_TAKEN or status == _TOO_LARGE


def _left_out(announcement: Announcement, reason: str) -> None:
    logger.error("an announcement can't be sent and is left out", id=announcement.id, reason=reason[:1000])
    count("AnnouncementsLeftOut")
