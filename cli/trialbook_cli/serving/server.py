"""An HTTP server that only reads, for this machine's browser."""

import ipaddress
import re
import sys
import traceback
from concurrent.futures import Executor
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from trialbook.core import report_keys
from trialbook_cli.http_serving import Handler
from trialbook_cli.serving.pages import Pages

_TYPES = {"html": "text/html; charset=utf-8", "json": "application/json", "png": "image/png"}
_POLICY = re.compile(rb'<meta http-equiv="Content-Security-Policy" content="([^"]+)">')
_NO_PAGE = "default-src 'none'; sandbox"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


class Server(ThreadingHTTPServer):
    """The server. `thread` makes the pages, one at a time: a ledger's session belongs to the thread that opened it."""

    daemon_threads = True

    def __init__(self, pages: Pages, thread: Executor, host: str, port: int) -> None:
        super().__init__((host, port), PageHandler)
        self.pages, self.thread = pages, thread

    @property
    def url(self) -> str:
        """Where the index is."""
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}/"


class PageHandler(Handler):
    """Answers GET and HEAD."""

    server: Server

    def do_GET(self) -> None:  # noqa: N802 the base class's name
        """Sends a page."""
        self._answer()

    def do_HEAD(self) -> None:  # noqa: N802 the base class's name
        """Sends a page's headers."""
        self._answer()

    def version_string(self) -> str:
        """Nothing about what answers."""
        return "trialbook"

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Sends what the base class finds wrong with a request, other methods among it."""
        is_method = code == HTTPStatus.NOT_IMPLEMENTED
        status = HTTPStatus.METHOD_NOT_ALLOWED if is_method else HTTPStatus(code)
        self.close_connection = True  # a body may follow that nobody reads
        self._send(status, status.phrase.encode(), "text/plain", {"Allow": "GET, HEAD"} if is_method else {})

    def _answer(self) -> None:
        if not self._is_for_this_machine():
            self._send(HTTPStatus.FORBIDDEN, b"Ask by the address that trialbook serve printed.", "text/plain")
            return
        path = unquote(urlsplit(self.path).path).removeprefix("/")
        if path in ("", report_keys.ROOT, f"{report_keys.ROOT}/"):
            self._send(HTTPStatus.FOUND, b"", "text/plain", {"Location": f"/{report_keys.INDEX}"})
            return
        try:
            content = self.server.thread.submit(self.server.pages.file, path).result()
        except Exception:  # noqa: BLE001 other pages may be well
            traceback.print_exc(file=sys.stderr)
            self._send(
                HTTPStatus.INTERNAL_SERVER_ERROR, b"This page can't be made; the terminal has why.", "text/plain"
            )
            return
        kind = _TYPES.get(path.rpartition(".")[2])
        if content is None or kind is None:
            self._send(HTTPStatus.NOT_FOUND, b"The book has no such page.", "text/plain")
        else:
            self._send(HTTPStatus.OK, content, kind)

    def _is_for_this_machine(self) -> bool:
        """Whether the browser was given this server's address, and not a name that somebody else points at it: pages
        of other sites could read the book otherwise."""
        host = urlsplit(f"//{self.headers.get('Host', '')}").hostname or ""
        if host == "localhost" or host == self.server.server_address[0]:
            return True
        try:
            return bool(ipaddress.ip_address(host))
        except ValueError:
            return False

    def _send(self, status: HTTPStatus, content: bytes, kind: str, more: dict[str, str] | None = None) -> None:
        found = _POLICY.search(content[:5_000]) if kind == _TYPES["html"] else None
        policy = found[1].decode().replace("&#39;", "'") if found else _NO_PAGE
        headers: dict[str, Any] = {
            **_HEADERS,
            "Content-Security-Policy": f"{policy}; frame-ancestors 'none'",
            "Content-Type": kind,
            "Content-Length": len(content),
            **(more or {}),
        }
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
