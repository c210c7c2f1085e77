"""How Slack says no."""

from collections.abc import Mapping
from types import MappingProxyType

_NONE: Mapping[str, str] = MappingProxyType({})


class SlackError(Exception):
    """`{"ok": false, "error": code}`, with status 200."""

    def __init__(self, code: str, *, needed: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.needed = needed


class HttpAnswer(Exception):
    """An answer that is not the API's own: 429 with Retry-After, 5xx."""

    def __init__(self, status: int, body: str = "", headers: Mapping[str, str] = _NONE) -> None:
        super().__init__(f"{status} {body}")
        self.status, self.body, self.headers = status, body, headers

    @staticmethod
    def rate_limited(seconds: int) -> "HttpAnswer":
        """Slack's answer to too many calls."""
        body = '{"ok": false, "error": "ratelimited"}'
        return HttpAnswer(429, body, {"Retry-After": str(seconds)})


class Hang(Exception):
    """No answer: the connection breaks after so many seconds."""

    def __init__(self, seconds: float = 0) -> None:
        super().__init__("no answer")
        self.seconds = seconds
