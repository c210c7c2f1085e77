"""The stand-in on the wire: what botocore sends to DynamoDB, and the answers that it parses."""

import json
from collections.abc import Iterator
from typing import Any

from botocore.awsrequest import AWSResponse

from trialbook_cli.dynamodb_stand_in.database import Database
from trialbook_cli.dynamodb_stand_in.refusals import Refused

_SHAPES = "com.amazonaws.dynamodb.v20120810#"
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_HEADERS: Any = {"Content-Type": "application/x-amz-json-1.0"}


def answer_to(database: Database, operation: str, body: bytes) -> tuple[int, bytes]:
    """Status and body of the answer to a request's body."""
    try:
        return 200, _json(database.call(operation, json.loads(body)))
    except Refused as refused:
        return 400, _json({"__type": f"{_SHAPES}{refused.code}", "message": refused.message, **refused.more})


def response(url: str, status: int, body: bytes) -> AWSResponse:
    """An answer as botocore takes it from a connection."""
    return AWSResponse(url, status, _HEADERS, _Body(body))


def _json(body: dict[str, Any]) -> bytes:
    return _ENCODER.encode(body).encode("utf-8", "surrogatepass")


class _Body:
    """A body as botocore reads it off a connection."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: object) -> Iterator[bytes]:
        """All of it at once."""
        yield self._content
