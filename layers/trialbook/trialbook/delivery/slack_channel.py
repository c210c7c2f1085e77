"""A message in a Slack channel: posted once, edited as its sweep runs, with its picture and its thread."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from math import ceil

from trialbook.adapters.s3 import Bucket
from trialbook.adapters.slack import Slack
from trialbook.core.destination import Channel, Destination
from trialbook.core.message import Message
from trialbook.core.messages.delivery import EDITED_EVERY, MESSAGE, PICTURE, Delivery, NotSent, Sent
from trialbook.core.messages.merged import merged
from trialbook.core.report_keys import safe
from trialbook.delivery.send_once import WaitsForItsParent, claim, send_once, wait_for_quiet_hours
from trialbook.ledger.deliveries import Deliveries
from trialbook.messages.slack import RenderOptions, SlackText, slack_text
from trialbook.runtime import clock
from trialbook.runtime.observability import count, logger
from trialbook.runtime.sqs_batch import TryLater

_FOR_ITS_PARENT = 10  # seconds, if it is unknown what the parent waits for
_EDIT_INTERVAL = int(EDITED_EVERY.total_seconds())
_MOST_TRIES = 5  # to show a picture that Slack has not processed; as many edits


class ToSlack:
    """Delivers messages to channels of the workspace. Safe to repeat; raises NotSent and TryLater."""

    def __init__(self, slack: Slack, deliveries: Deliveries, bucket: Bucket) -> None:
        self._slack, self._deliveries, self._bucket = slack, deliveries, bucket
        self._no_tables: set[str] = set()  # channels of workspaces that refuse tables

    def deliver(self, message: Message, to: Destination, of_same_event: Collection[str]) -> None:
        """Posts the message, or updates the one that is there. `of_same_event` holds the `about` of each message that
        the same event brings to this destination."""
        delivery = self._living(message, to)
        if message.parent is not None:
            if not delivery.is_sent:
                self._reply(message, to, delivery, of_same_event)
            return
        picture = self._uploaded(message, to)
        shown = delivery.picture if picture is not None and picture.message_id == _key_of(message) else None
        if not delivery.is_sent:
            wait_for_quiet_hours(to)
            delivery = self._post(message, to, delivery, None)
        if message.version > delivery.shown_version:
            delivery = self._edit(message, to, delivery, shown)
        if picture is not None:
            self._show(message, to, delivery, picture)
        for about in message.continues:
            self._point_on(about, message, to, delivery)

    def standing(self, message: Message) -> list[Destination]:
        """The channels that hold the message already, or one that it continues. It is kept up to date there, also if
        routes lead elsewhere once they know how the sweep ended."""
        return [
            Destination(Channel.SLACK, each.address)
            for about in (message.about, *message.continues)
            for each in self._deliveries.of(about)
            if each.channel == Channel.SLACK and each.part == MESSAGE and each.is_sent
        ]

    # -- the message itself -------------------------------------------------------------------------------------

    def _living(self, message: Message, to: Destination) -> Delivery:
        """The record of the message, or of the one that it continues."""
        own = self._record(message.about, to)
        if own.is_sent or message.parent is not None:
            return own
        for about in message.continues:
            other = self._merged(about, to)
            if other.is_sent:
                return self._deliveries.adopt(other, own, clock.now())
        return own

    def _merged(self, about: str, to: Destination) -> Delivery:
        """The record of a sweep that merged into another. If it is unknown whether its message was posted, the message
        is looked for: no later event will do so."""
        other = self._record(about, to)
        if other.is_sent or other.claimed_at is None:
            return other
        if other.is_held(clock.now()):
            raise TryLater("another process is posting the sweep that merged into it", _EDIT_INTERVAL)
        found = self._slack.find(to.address, _mark(about), other.claimed_at)
        known = other.sent(clock.now(), found.id, found.place) if found else other.not_sent("its sweep merged")
        return self._deliveries.put(known, clock.now())

    def _point_on(self, about: str, message: Message, to: Destination, delivery: Delivery) -> None:
        """Links from the message of a sweep that merged to the message that continues it. Done once, by the record."""
        other = self._merged(about, to)
        if not other.is_sent or delivery.sent_id in (other.sent_id, other.goes_on_in):
            return
        wait = ceil(other.editable_in(clock.now()).total_seconds())
        if wait:
            raise TryLater("it was edited a moment ago", wait)
        said = merged(message, self._slack.permalink(Sent(delivery.sent_id or "", delivery.place)))
        held = claim(self._deliveries, other, for_edit=True)
        try:
            self._slack.update(Sent(held.sent_id or "", held.place), slack_text(said, self._options(to)), _mark(about))
        except NotSent as error:
            if error.reason != "message_not_found":  # a person deleted it: there is nothing to edit
                self._deliveries.put(held.not_sent(error.reason), clock.now())
                raise
        done = held.sent(clock.now(), held.sent_id or "", held.place)
        self._deliveries.put(replace(done, goes_on_in=delivery.sent_id), clock.now())

    def _record(self, about: str, to: Destination, part: str = "message") -> Delivery:
        return self._deliveries.get(about, Channel.SLACK, to.address, part)

    def _post(self, message: Message, to: Destination, delivery: Delivery, thread: Sent | None) -> Delivery:
        mark, parent = _mark(message.about), thread.id if thread else None

        def send() -> Sent:
            said = slack_text(message, self._options(to))
            try:
                return self._slack.post(to.address, said, mark, parent)
            except NotSent as error:
                return self._slack.post(to.address, self._without_tables(error, message, to), mark, parent)

        def find_sent(since: datetime) -> Sent | None:
            return self._slack.find(thread.place or to.address if thread else to.address, mark, since, parent)

        done = send_once(self._deliveries, delivery, send, find_sent, lambda it: _showing(it, message, None))
        count("MessagesSent", channel=Channel.SLACK)
        return done

    def _options(self, to: Destination, picture: str | None = None) -> RenderOptions:
        return RenderOptions(picture, to.mention, native=to.address not in self._no_tables)

    def _without_tables(self, error: NotSent, message: Message, to: Destination) -> SlackText:
        """The message without Slack's own tables, if Slack refused it because of them."""
        if error.reason != "invalid_blocks" or to.address in self._no_tables:
            raise error
        self._no_tables.add(to.address)
        return slack_text(message, self._options(to))

    def _edit(self, message: Message, to: Destination, delivery: Delivery, picture: str | None) -> Delivery:
        """Updates the message. An edit too soon after the last one raises TryLater."""
        wait = ceil(delivery.editable_in(clock.now()).total_seconds())
        if wait:
            raise TryLater("it was edited a moment ago", wait)
        held = claim(self._deliveries, delivery, for_edit=True)
        place = Sent(held.sent_id or "", held.place)
        try:
            self._slack.update(place, slack_text(message, self._options(to, picture)), _mark(message.about))
        except NotSent as error:
            if error.reason == "message_not_found":
                return self._after_deletion(message, held)
            self._deliveries.put(held.not_sent(error.reason), clock.now())
            if picture is None and error.reason == "invalid_blocks" and to.address not in self._no_tables:
                self._no_tables.add(to.address)
                raise TryLater(
                    "this workspace refuses tables", ceil(held.editable_in(clock.now()).total_seconds())
                ) from None
            raise
        count("MessagesEdited")
        done = held.sent(clock.now(), place.id, place.place)
        return self._deliveries.put(_showing(done, message, picture), clock.now())

    def _after_deletion(self, message: Message, held: Delivery) -> Delivery:
        """A person deleted the message. Only its final state is posted again."""
        if message.is_final:
            self._deliveries.put(held.lost(), clock.now())
            raise TryLater("a person deleted it", 1)
        gone = _showing(held, message, None)
        return self._deliveries.put(replace(gone, held_until=None, version=gone.version + 1), clock.now())

    # -- its picture --------------------------------------------------------------------------------------------

    def _uploaded(self, message: Message, to: Destination) -> Delivery | None:
        return self._record(message.about, to, PICTURE) if message.picture is not None else None

    def _show(self, message: Message, to: Destination, delivery: Delivery, picture: Delivery) -> None:
        """Uploads the picture and shows it. A picture is visible only in its message, so an upload whose outcome is
        unknown leaves nothing visible."""
        assert message.picture is not None
        key = message.picture.stored.key
        if picture.message_id != key or not picture.is_sent:
            content, alt_text = self._bucket.get(key), message.picture.alt_text[:1000]
            if content is None:
                logger.warning("the picture is not in the bucket", key=key)
                return
            name = f"{safe(message.experiment)[:60]}.png"
            picture = send_once(
                self._deliveries,
                picture,
                lambda: Sent(self._slack.upload(name, content, message.title[:200], alt_text)),
                lambda since: None,
                lambda it: replace(it, message_id=key, tries=0),
            )
        if delivery.picture == picture.sent_id or picture.tries >= _MOST_TRIES:
            return
        try:
            self._edit(message, to, delivery, picture.sent_id)
        except NotSent as error:
            if error.reason != "invalid_blocks":
                raise
            tries = picture.tries + 1
            self._deliveries.put(replace(picture, tries=tries, version=picture.version + 1), clock.now())
            if tries >= _MOST_TRIES:
                count("PicturesNotShown")
                return
            raise TryLater("Slack has not processed the picture", _EDIT_INTERVAL) from None

    # -- its thread ---------------------------------------------------------------------------------------------

    def _reply(self, message: Message, to: Destination, delivery: Delivery, of_same_event: Collection[str]) -> None:
        thread = self._thread(message, to)
        if thread is None and message.parent in of_same_event:
            raise WaitsForItsParent("its thread is not there yet", _FOR_ITS_PARENT)
        wait_for_quiet_hours(to)
        if message.report is not None and thread is not None:
            self._send_file(message, message.report.key, delivery, thread)
        else:
            self._post(message, to, delivery, thread)

    def _thread(self, message: Message, to: Destination) -> Sent | None:
        for about in (message.parent or "", *message.continues):
            found = self._record(about, to)
            if found.is_sent and found.sent_id is not None:
                return Sent(found.sent_id, found.place)
        return None

    def _send_file(self, message: Message, key: str, delivery: Delivery, thread: Sent) -> None:
        content = self._bucket.get(key)
        if content is None:
            logger.warning("the report is not in the bucket", key=key)
            return
        name = f"{safe(message.experiment)[:60]}-report-{message.revision}.html"

        def find_sent(since: datetime) -> Sent | None:
            found = self._slack.find_file(thread, name, since)
            return Sent(found, thread.place) if found else None

        send_once(
            self._deliveries,
            delivery,
            lambda: Sent(self._slack.upload(name, content, message.title[:200], to=thread), thread.place),
            find_sent,
            lambda it: _showing(it, message, None),
        )
        count("MessagesSent", channel=Channel.SLACK)


def _key_of(message: Message) -> str | None:
    return message.picture.stored.key if message.picture is not None else None


def _showing(delivery: Delivery, message: Message, picture: str | None) -> Delivery:
    return delivery.showing(message.id, message.version, message.revision, picture)


def _mark(about: str) -> Mapping[str, str]:
    """The metadata by which Trialbook finds its own message again: a hash of its `about`, short enough for Slack."""
    return {"about": sha256(about.encode("utf-8", "surrogatepass")).hexdigest()[:32]}
