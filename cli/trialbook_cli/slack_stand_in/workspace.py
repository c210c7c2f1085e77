"""A workspace: channels, messages, files, and the calls that change them."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from threading import RLock
from typing import Any

from trialbook_cli.slack_stand_in.blocks import problems
from trialbook_cli.slack_stand_in.errors import HttpAnswer, SlackError

Request = Mapping[str, Any]
SCOPES = frozenset({"chat:write", "files:write", "channels:history", "channels:read"})
_LONGEST_TEXT = 40_000
_ID = re.compile(r"[CGDUW][A-Z0-9]{6,20}")
_NEEDS = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "conversations.history": "channels:history",
    "conversations.replies": "channels:history",
    "conversations.info": "channels:read",
    "conversations.list": "channels:read",
    "files.getUploadURLExternal": "files:write",
    "files.completeUploadExternal": "files:write",
}


@dataclass
class SlackChannel:
    """A channel. Without `has_app`, the app was not invited; a private one is known by its id alone."""

    id: str
    name: str
    has_app: bool = True
    is_archived: bool = False
    is_private: bool = False


@dataclass
class Posted:
    """A message that is in a channel. `texts` are those of its former states, oldest first."""

    channel: str
    ts: str
    text: str
    blocks: list[Any]
    metadata: Any = None
    thread_ts: str | None = None
    files: list[str] = field(default_factory=list)
    edits: int = 0
    edited_at: list[datetime] = field(default_factory=list)
    by_webhook: bool = False


@dataclass
class File:
    """An uploaded file; seen once its upload is complete, to be shown in blocks once it is processed."""

    id: str
    name: str
    length: int
    alt_text: str | None = None
    title: str | None = None
    content: bytes | None = None
    completed_at: datetime | None = None


@dataclass
class Workspace:
    """A workspace with one app in it. `calls` are all requests as sent, without token, in order.

    Hooks for tests: `before` may raise an answer in Slack's stead, before anything changes; `after` once it has, so
    that an answer is lost. `native` tells whether the workspace knows tables and charts. `processing` is how long a
    picture can't be shown after its upload. With `makes_channels`, a channel is there, with the app in it, as soon as
    somebody names it.
    """

    token: str = "xoxb-made-up"  # noqa: S105 nobody's
    channels: list[SlackChannel] = field(default_factory=lambda: [SlackChannel("C0000000001", "training")])
    webhooks: dict[str, str] = field(default_factory=lambda: {"/services/T1/B1/made-up": "C0000000001"})
    scopes: frozenset[str] = SCOPES
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    native: bool = True
    processing: timedelta = timedelta()
    makes_channels: bool = False
    before: Callable[[str, Request], None] = lambda method, request: None
    after: Callable[[str, Request], None] = lambda method, request: None
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    messages: list[Posted] = field(default_factory=list)
    files: dict[str, File] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    url: str = ""
    _lock: RLock = field(default_factory=RLock)

    def call(self, method: str, request: dict[str, Any], token: str | None) -> dict[str, Any]:
        """Answers a call of the Web API. Raises SlackError, and what hooks raise."""
        with self._lock:
            self.calls.append((method, request))
            self.before(method, request)
            if token != self.token:
                raise SlackError("invalid_auth" if token else "not_authed")
            needed = _NEEDS.get(method)
            if needed is not None and needed not in self.scopes:
                raise SlackError("missing_scope", needed=needed)
            answer = _METHODS[method](self, request) if method in _METHODS else _unknown()
            self.after(method, request)
            return {"ok": True, **answer}

    # -- messages -----------------------------------------------------------------------------------------------

    def _post(self, request: Request) -> dict[str, Any]:
        channel = self._channel(request)
        thread = request.get("thread_ts")
        if thread is not None and self._find(channel.id, thread) is None:
            raise SlackError("thread_not_found")
        posted = Posted(channel.id, self._next_ts(), **self._content(request), thread_ts=thread)
        posted.metadata = request.get("metadata")
        self.messages.append(posted)
        return {"channel": channel.id, "ts": posted.ts, "message": {"text": posted.text}}

    def _update(self, request: Request) -> dict[str, Any]:
        channel = self._channel(request, by_id=True)
        posted = self._find(channel.id, str(request.get("ts")))
        if posted is None:
            raise SlackError("message_not_found")
        content = self._content(request)
        posted.text, posted.blocks = content["text"], content["blocks"]
        posted.metadata = request.get("metadata", posted.metadata)
        posted.edits += 1
        posted.edited_at.append(self.now())
        return {"channel": channel.id, "ts": posted.ts, "text": posted.text}

    def _permalink(self, request: Request) -> dict[str, Any]:
        channel = self._channel(request, by_id=True)
        posted = self._find(channel.id, str(request.get("message_ts")))
        if posted is None:
            raise SlackError("message_not_found")
        address = f"https://made-up.slack.com/archives/{channel.id}/p{posted.ts.replace('.', '')}"
        return {"channel": channel.id, "permalink": address}

    def _content(self, request: Request) -> dict[str, Any]:
        text, blocks = request.get("text") or "", request.get("blocks") or []
        if not text and not blocks:
            raise SlackError("no_text")
        if len(text) > _LONGEST_TEXT:
            raise SlackError("msg_too_long")
        found = problems(blocks, native=self.native) + self._pictures(blocks)
        if found:
            self.refused += found
            raise SlackError("invalid_blocks")
        return {"text": text, "blocks": list(blocks)}

    def _pictures(self, blocks: list[Any]) -> list[str]:
        ids = [each["slack_file"].get("id") for each in blocks if each.get("slack_file")]
        return [f"slack_file {each}: not there, or not yet processed" for each in ids if not self._is_shown(each)]

    def _is_shown(self, file_id: str) -> bool:
        file = self.files.get(file_id)
        return file is not None and file.completed_at is not None and self.now() >= file.completed_at + self.processing

    def _channel(self, request: Request, *, by_id: bool = False) -> SlackChannel:
        asked = str(request.get("channel") or request.get("channel_id"))
        for each in self.channels:
            by_name = not by_id and not each.is_private and asked.removeprefix("#") == each.name
            if asked == each.id or by_name:
                if each.is_archived:
                    raise SlackError("is_archived")
                if not each.has_app:
                    raise SlackError("channel_not_found" if each.is_private else "not_in_channel")
                return each
        if not self.makes_channels or by_id:
            raise SlackError("channel_not_found")
        made = SlackChannel(
            asked if _ID.fullmatch(asked) else f"C{len(self.channels) + 1:010}", asked.removeprefix("#")
        )
        self.channels.append(made)
        return made

    def _find(self, channel: str, ts: str) -> Posted | None:
        return next((each for each in self.messages if (each.channel, each.ts) == (channel, ts)), None)

    def _next_ts(self) -> str:
        return f"{int(self.now().timestamp())}.{len(self.messages) + 1:06d}"

    # -- looking ------------------------------------------------------------------------------------------------

    def _history(self, request: Request) -> dict[str, Any]:
        channel = self._channel(request, by_id=True)
        return self._page(request, [each for each in self.messages if each.thread_ts is None], channel)

    def _replies(self, request: Request) -> dict[str, Any]:
        channel = self._channel(request, by_id=True)
        ts = request.get("ts")
        if self._find(channel.id, str(ts)) is None:
            raise SlackError("thread_not_found")
        return self._page(request, [each for each in self.messages if ts in (each.ts, each.thread_ts)], channel)

    def _page(self, request: Request, among: list[Posted], channel: SlackChannel) -> dict[str, Any]:
        oldest = float(request.get("oldest") or 0)
        found = [each for each in among if each.channel == channel.id and float(each.ts) >= oldest]
        with_metadata = str(request.get("include_all_metadata")).lower() in ("1", "true")
        start, limit = int(request.get("cursor") or 0), int(request.get("limit") or 100)
        shown = [self._shown(each, with_metadata) for each in reversed(found)][start : start + limit]
        more = start + limit < len(found)
        return {"messages": shown, "response_metadata": {"next_cursor": str(start + limit) if more else ""}}

    def _shown(self, posted: Posted, with_metadata: bool) -> dict[str, Any]:
        message: dict[str, Any] = {"ts": posted.ts, "text": posted.text, "blocks": posted.blocks}
        if with_metadata and posted.metadata is not None:
            message["metadata"] = posted.metadata
        if posted.files:
            message["files"] = [{"id": each, "name": self.files[each].name} for each in posted.files]
        return message

    def _list(self, request: Request) -> dict[str, Any]:
        public = [each for each in self.channels if not each.is_private]
        return {"channels": [{"id": each.id, "name": each.name} for each in public]}

    def _info(self, request: Request) -> dict[str, Any]:
        asked = str(request.get("channel"))
        found = next((each for each in self.channels if each.id == asked), None)
        if found is None or (found.is_private and not found.has_app):
            raise SlackError("channel_not_found")
        channel = {"id": found.id, "name": found.name, "is_member": found.has_app, "is_archived": found.is_archived}
        return {"channel": channel}

    def _test(self, request: Request) -> dict[str, Any]:
        return {"user": "trialbook", "team": "Made up", "url": "https://made-up.slack.com/"}

    # -- files --------------------------------------------------------------------------------------------------

    def _upload_url(self, request: Request) -> dict[str, Any]:
        if not request.get("filename") or int(request.get("length") or 0) <= 0:
            raise SlackError("invalid_arguments")
        file = File(f"F{len(self.files) + 1:010d}", request["filename"], int(request["length"]), request.get("alt_txt"))
        self.files[file.id] = file
        return {"file_id": file.id, "upload_url": f"{self.url}/upload/{file.id}"}

    def upload(self, file_id: str, content: bytes) -> str:
        """Takes the bytes of a file, the second step."""
        with self._lock:
            what = {"file": file_id, "bytes": len(content), "sha256": sha256(content).hexdigest()}
            self.calls.append(("upload", what))
            self.before("upload", what)
            file = self.files.get(file_id)
            if file is None or len(content) != file.length:
                raise HttpAnswer(400, "the file is not of the length that was announced")
            file.content = content
            self.after("upload", what)
            return f"OK - {len(content)}"

    def _complete(self, request: Request) -> dict[str, Any]:
        files = request["files"]
        if any(each["id"] not in self.files or self.files[each["id"]].content is None for each in files):
            raise SlackError("file_not_found")
        channel = self._channel(request) if request.get("channel_id") else None
        if channel is not None and not str(request["channel_id"]).startswith("C"):
            raise SlackError("channel_not_found")
        thread = request.get("thread_ts")
        if channel is not None and thread is not None and self._find(channel.id, thread) is None:
            raise SlackError("invalid_thread_ts")
        for each in files:
            self.files[each["id"]].title = each.get("title")
            self.files[each["id"]].completed_at = self.now()
        if channel is not None:
            text = request.get("initial_comment") or ""
            ids = [each["id"] for each in files]
            self.messages.append(Posted(channel.id, self._next_ts(), text, [], thread_ts=thread, files=ids))
        return {"files": [{"id": each["id"], "title": each.get("title")} for each in files]}

    # -- webhooks -----------------------------------------------------------------------------------------------

    def webhook(self, path: str, request: dict[str, Any]) -> str:
        """Takes what is posted to an incoming webhook."""
        with self._lock:
            self.calls.append(("webhook", request))
            self.before("webhook", request)
            if path not in self.webhooks:
                raise HttpAnswer(404, "no_service")
            try:
                content = self._content(request)
            except SlackError as error:
                raise HttpAnswer(400, error.code) from None
            self.messages.append(Posted(self.webhooks[path], self._next_ts(), **content, by_webhook=True))
            self.after("webhook", request)
            return "ok"

    # -- for tests ----------------------------------------------------------------------------------------------

    def top_level(self) -> list[Posted]:
        """The messages that are no replies, in order."""
        return [each for each in self.messages if each.thread_ts is None]

    def thread(self, ts: str) -> Iterator[Posted]:
        """The replies to a message."""
        return (each for each in self.messages if each.thread_ts == ts)


def _unknown() -> dict[str, Any]:
    raise SlackError("unknown_method")


_METHODS: Mapping[str, Callable[[Workspace, Request], dict[str, Any]]] = {
    "auth.test": Workspace._test,  # noqa: SLF001
    "chat.getPermalink": Workspace._permalink,  # noqa: SLF001
    "chat.postMessage": Workspace._post,  # noqa: SLF001
    "chat.update": Workspace._update,  # noqa: SLF001
    "conversations.info": Workspace._info,  # noqa: SLF001
    "conversations.history": Workspace._history,  # noqa: SLF001
    "conversations.list": Workspace._list,  # noqa: SLF001
    "conversations.replies": Workspace._replies,  # noqa: SLF001
    "files.getUploadURLExternal": Workspace._upload_url,  # noqa: SLF001
    "files.completeUploadExternal": Workspace._complete,  # noqa: SLF001
}
