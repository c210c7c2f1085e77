"""The workspace over HTTP: JSON and forms, as slack_sdk sends them."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

from trialbook_cli.http_serving import Handler, serving
from trialbook_cli.slack_stand_in.errors import Hang, HttpAnswer, SlackError
from trialbook_cli.slack_stand_in.workspace import Workspace

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_STRUCTURED = ("blocks", "metadata", "files", "attachments")  # JSON within a form


def _handler(workspace: Workspace) -> type[Handler]:  # noqa: C901 a class of small methods
    class Answers(Handler):
        def do_POST(self) -> None:  # noqa: N802 the base class's name
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                self._send(200, self._answer_to(body).encode())
            except SlackError as error:
                answer = {"ok": False, "error": error.code, **({"needed": error.needed} if error.needed else {})}
                self._send(200, json.dumps(answer).encode())
            except HttpAnswer as other:
                self._send(other.status, other.body.encode(), other.headers)
            except Hang as hang:
                time.sleep(hang.seconds)
                self.close_connection = True

        def do_GET(self) -> None:  # noqa: N802 the base class's name
            self.do_POST()

        def _answer_to(self, body: bytes) -> str:
            path = self.path.partition("?")[0]
            if path.startswith("/upload/"):
                return workspace.upload(path.rpartition("/")[2], body)
            if path.startswith("/services/"):
                return workspace.webhook(path, json.loads(body))
            request = _request(self.headers.get("Content-Type", ""), body)
            token = self.headers.get("Authorization", "").removeprefix("Bearer ") or None
            token = request.pop("token", None) or token
            return json.dumps(workspace.call(path.rpartition("/")[2], request, token))

        def _send(self, status: int, body: bytes, headers: Mapping[str, str] = _NO_HEADERS) -> None:
            self.send_response(status)
            if body.startswith(b"{"):
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("X-OAuth-Scopes", ",".join(sorted(workspace.scopes)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Answers


def _request(content_type: str, body: bytes) -> dict[str, Any]:
    if content_type.startswith("application/json"):
        loaded: dict[str, Any] = json.loads(body or b"{}")
        return loaded
    form = dict(parse_qsl(body.decode(), keep_blank_values=True))
    return {name: json.loads(text) if name in _STRUCTURED else text for name, text in form.items()}


@contextmanager
def serve_slack(workspace: Workspace, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serves the workspace within the block; gives the address where Slack's own is https://slack.com."""
    with serving(_handler(workspace), host, port) as url:
        workspace.url = url
        yield url
