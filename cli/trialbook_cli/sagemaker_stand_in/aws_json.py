"""AWS's JSON protocols, as stand-ins answer them."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from trialbook_cli.http_serving import Handler
from trialbook_cli.sagemaker_stand_in.errors import ApiError

_SIGNED = re.compile(r"Credential=(?P<key>[^/]+)/[^/]+/(?P<region>[^/]+)/")


class AwsJsonHandler(Handler):
    """Reads requests and writes answers or errors as boto3 expects them."""

    def signed_by(self) -> tuple[str, str] | None:
        """The access key that signed the request, and the region that it is for; None if nobody signed it."""
        signed = _SIGNED.search(self.headers.get("Authorization", ""))
        return None if signed is None else (signed["key"], signed["region"])

    def target(self) -> tuple[str, str]:
        """The service's target prefix and the operation; empty if the operation is in the path."""
        prefix, _, operation = self.headers.get("X-Amz-Target", "").rpartition(".")
        return prefix, operation

    def parameters(self) -> dict[str, Any]:
        """The request's parameters."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        found: dict[str, Any] = json.loads(body or b"{}")
        return found

    def answer(self, call: Callable[[], Mapping[str, Any]]) -> None:
        """Sends what the call answers, or the error that it raises as ApiError."""
        self.send_json(*answer_of(call))

    def send_json(self, status: int, body: bytes) -> None:
        """Sends a body of AWS's content type."""
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def answer_of(call: Callable[[], Mapping[str, Any]]) -> tuple[int, bytes]:
    """Status and body of what the call answers, or of the error that it raises as ApiError."""
    try:
        return 200, json.dumps(call(), default=seconds_of).encode()
    except ApiError as error:
        return error.status, json.dumps({"__type": error.code, "message": error.message}).encode()


def seconds_of(value: object) -> float:
    """A time as AWS's JSON has it: seconds since 1970."""
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{value!r} has no place in an answer")
