"""Slack: the Web API with a bot's token, and incoming webhooks, by way of slack_sdk.

slack_sdk is imported for the first message: it takes a twentieth of a start, and not every event has a message.

Slack's Retry-After is not slept through here: the message goes back to its queue for as long, so that others continue.
"""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cached_property
from http import HTTPStatus
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, cast

from trialbook.core.messages.delivery import NotSent, Sent
from trialbook.messages.slack import SlackText
from trialbook.runtime import deadline

if TYPE_CHECKING:
    from slack_sdk import WebClient

API = "https://slack.com/api/"
EVENT_TYPE = "trialbook"  # of the metadata by which messages are found again
_SECONDS = 10  # for one request
_TO_RECORD = 8  # seconds: what became of a message is written down after it
_REQUESTS_OF_AN_UPLOAD = 3
_PAGES, _PAGE = 10, 200  # looked through for a message of our own
_CLOCKS_DIFFER = timedelta(minutes=2)
_SILENT = logging.getLogger("trialbook.webhook")  # slack_sdk's own tells the secret address where all is logged
_SILENT.setLevel(logging.WARNING)
_ID = re.compile(r"[CGD][A-Z0-9]{5,}")
# What no later try changes unless somebody does something about it.
_PERMANENT = frozenset(
    {
        *("account_inactive", "invalid_auth", "invalid_token", "not_allowed_token_type", "not_authed"),
        *("token_expired", "token_revoked", "missing_scope", "no_permission", "org_login_required"),
        *("channel_is_archived", "channel_not_found", "is_archived", "not_in_channel", "restricted_action"),
        *("cant_update_message", "edit_window_closed"),
        *("action_prohibited", "posting_to_general_channel_denied", "team_access_not_granted", "team_not_found"),
        *("invalid_blocks", "invalid_payload", "msg_blocks_too_long", "msg_too_long"),
        *("no_service", "no_service_id", "no_team", "unknown_webhook"),
    }
)
# After these, Slack says, some of the operation may have succeeded.
_HALF_DONE = frozenset({"fatal_error", "internal_error"})


class Slack:
    """The Web API. `token` gives the bot's token when it is first needed."""

    def __init__(self, token: Callable[[], str], api: str = API) -> None:
        self._token, self._api = token, api

    @cached_property
    def _client(self) -> "WebClient":
        from slack_sdk import WebClient

        return WebClient(base_url=self._api, timeout=_SECONDS, retry_handlers=[])

    def post(self, channel: str, said: SlackText, mark: Mapping[str, str], thread: str | None = None) -> Sent:
        """Posts a message, in a thread if one is given. Raises NotSent."""
        with _as_not_sent():
            answer = self._client.chat_postMessage(
                token=self._token(),
                channel=channel,
                thread_ts=thread,
                metadata={"event_type": EVENT_TYPE, "event_payload": dict(mark)},
                unfurl_links=False,
                unfurl_media=False,
                mrkdwn=False,
                **_content(said),
            )
            return Sent(answer["ts"], answer["channel"])

    def update(self, sent: Sent, said: SlackText, mark: Mapping[str, str]) -> None:
        """Edits a message. Raises NotSent; its reason is message_not_found if somebody deleted it."""
        with _as_not_sent():
            self._client.chat_update(
                token=self._token(),
                channel=cast("str", sent.place),
                ts=sent.id,
                metadata={"event_type": EVENT_TYPE, "event_payload": dict(mark)},
                **_content(said),
            )

    def permalink(self, sent: Sent) -> str | None:
        """A message's address; None where Slack gives none. Raises NotSent only where it may do so later."""
        try:
            with _as_not_sent():
                answer = self._client.chat_getPermalink(
                    token=self._token(), channel=cast("str", sent.place), message_ts=sent.id
                )
        except NotSent as error:
            if error.is_unsure or error.after is not None:
                raise
            return None
        return cast("str", answer.get("permalink"))

    def upload(self, name: str, content: bytes, title: str, alt_text: str = "", to: Sent | None = None) -> str:
        """Uploads a file, into a message's thread if one is given, otherwise to be shown by its id, which it gives.
        Raises NotSent."""
        with _as_not_sent(_REQUESTS_OF_AN_UPLOAD):
            answer = self._client.files_upload_v2(
                token=self._token(),
                filename=name,
                content=content,
                title=title,
                alt_txt=alt_text or None,
                channel=to.place if to else None,
                thread_ts=to.id if to else None,
            )
            return cast("str", answer["files"][0]["id"])

    def find(self, channel: str, mark: Mapping[str, str], since: datetime, thread: str | None = None) -> Sent | None:
        """Our own message with that mark since a moment; None if there is none, or where the app may not look."""
        with _as_not_sent():
            for place, message in self._messages(channel, since, thread):
                payload = (message.get("metadata") or {}).get("event_payload") or {}
                if all(payload.get(name) == value for name, value in mark.items()):
                    return Sent(message["ts"], place)
        return None

    def find_file(self, to: Sent, name: str, since: datetime) -> str | None:
        """The id of our own file of that name in a thread."""
        with _as_not_sent():
            for _, message in self._messages(cast("str", to.place), since, to.id):
                for file in message.get("files") or ():
                    if file.get("name") == name:
                        return cast("str", file["id"])
        return None

    def trouble(self, channel: str) -> str | None:
        """What keeps messages from a channel, by Slack's word for it; None if nothing does, or where the app lacks
        the scope for looking."""
        try:
            with _as_not_sent():
                place = channel if _ID.fullmatch(channel) else self._id_of(channel)
                if place is None:
                    return "channel_not_found"
                found = self._client.conversations_info(token=self._token(), channel=place)["channel"]
                if found.get("is_archived"):
                    return "is_archived"
                return None if found.get("is_member", True) else "not_in_channel"
        except NotSent as error:
            return None if error.reason == "missing_scope" else error.reason

    def _messages(self, channel: str, since: datetime, thread: str | None) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Channel's id and message, newest first; nothing where the app lacks the scope for looking."""
        try:
            with _errors_as_not_sent():
                place = channel if _ID.fullmatch(channel) else self._id_of(channel)
                if place is not None:
                    yield from ((place, each) for each in self._pages(place, since, thread))
        except NotSent as error:
            if error.reason != "missing_scope":
                raise

    def _pages(self, place: str, since: datetime, thread: str | None) -> Iterator[Mapping[str, Any]]:
        asked: dict[str, Any] = {"channel": place, "oldest": f"{(since - _CLOCKS_DIFFER).timestamp():.6f}"}
        asked |= {"include_all_metadata": True, "limit": _PAGE, "token": self._token()}
        for _ in range(_PAGES):
            if thread is None:
                answer = self._client.conversations_history(**asked)
            else:
                answer = self._client.conversations_replies(ts=thread, **asked)
            yield from cast("list[Mapping[str, Any]]", answer["messages"])
            asked["cursor"] = (answer.get("response_metadata") or {}).get("next_cursor")
            if not asked["cursor"]:
                return

    def _id_of(self, name: str) -> str | None:
        cursor = None
        for _ in range(_PAGES):
            answer = self._client.conversations_list(
                token=self._token(), limit=1000, cursor=cursor, exclude_archived=True, types="public_channel"
            )
            for each in cast("list[Mapping[str, Any]]", answer["channels"]):
                if each["name"] == name.removeprefix("#"):
                    return cast("str", each["id"])
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return None
        return None


class Webhook:
    """Incoming webhooks. `url` gives the secret address of a name, None if there is no such."""

    def __init__(self, url: Callable[[str], str | None]) -> None:
        self._url = url

    def post(self, name: str, said: SlackText) -> None:
        """Posts a message. Raises NotSent."""
        url = self._url(name)
        if url is None:
            raise NotSent("unknown_webhook", passes=False)
        with _as_not_sent():
            from slack_sdk.webhook import WebhookClient

            client = WebhookClient(url, timeout=_SECONDS, retry_handlers=[], logger=_SILENT)
            answer = client.send_dict({"text": said.text, "blocks": list(said.blocks)})
        if answer.status_code != 200:
            raise _refused(answer.status_code, answer.body.strip()[:80], answer.headers)
        if answer.body.lstrip().startswith("<"):  # a page of a proxy, which asks people to sign in
            raise NotSent("no_answer_of_slack", passes=True)


def _content(said: SlackText) -> dict[str, Any]:
    """Text without mark-up: what is in it was escaped, and nothing is made a link or a mention of."""
    return {"text": said.text, "blocks": list(said.blocks), "parse": "none"}


@contextmanager
def _as_not_sent(requests: int = 1) -> Iterator[None]:
    """Errors of slack_sdk as NotSent; without the original, whose text has the whole request or answer.
    Nothing is begun for whose requests the invocation has no time left, and nothing takes longer than they may."""
    left = deadline.left() - _TO_RECORD
    if left < requests * _SECONDS:
        raise NotSent("out_of_time", passes=True)
    with _errors_as_not_sent(), deadline.within(min(left, 2 * requests * _SECONDS)):
        yield


@contextmanager
def _errors_as_not_sent() -> Iterator[None]:
    from slack_sdk.errors import SlackApiError, SlackClientError

    try:
        yield
    except SlackApiError as error:
        data = error.response.data if isinstance(error.response.data, Mapping) else {}
        raise _refused(error.response.status_code, str(data.get("error") or ""), error.response.headers) from None
    except SlackClientError:
        raise NotSent("no_upload", passes=True) from None
    except (AttributeError, LookupError, TypeError):  # an answer that is JSON, and not what Slack answers
        raise NotSent("no_answer_of_slack", passes=True, is_unsure=True) from None
    except (OSError, HTTPException, ValueError) as error:  # no connection, no answer in time, half an answer, no JSON
        raise NotSent(type(error).__name__, passes=True, is_unsure=True) from None


def _refused(status: int, code: str, headers: Mapping[str, Any]) -> NotSent:
    if status == 429 or code == "ratelimited":
        return NotSent("ratelimited", passes=True, after=_retry_after(headers))
    # Slack may have posted before it failed, before it gave up reading a slow request, or with an answer that got lost.
    has_code = re.fullmatch(r"[a-z_]{1,60}", code) is not None
    is_answer_lost = status < HTTPStatus.MULTIPLE_CHOICES and not has_code
    if status >= 500 or status == HTTPStatus.REQUEST_TIMEOUT or is_answer_lost:
        return NotSent(f"http_{status}", passes=True, is_unsure=True)
    if not has_code:
        return NotSent(f"http_{status}", passes=True)
    return NotSent(code, passes=code not in _PERMANENT, is_unsure=code in _HALF_DONE)


def _retry_after(headers: Mapping[str, Any]) -> int | None:
    header = headers.get("Retry-After") or headers.get("retry-after")
    text = str(header[0] if isinstance(header, list) and header else header)
    return int(text) if text.isdecimal() else None
