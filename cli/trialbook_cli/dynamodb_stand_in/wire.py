"""The stand-in on the wire: what botocore sends to DynamoDB, and the answers that it parses."""

import json
from collections.abc import Iterator
from typing import Any

from botocore.awsrequest import AWSResponse

from trialbook_cli.dynamodb_stand_in.database import Database
from trialbook_cli.dynamodb_stand_in.refusals import Refused

_SHAPES = "com.amazonaws.dynamodb.v20120810#"
_HEADERS: Any = {"Content-Type": "application/x-amz-json-1.0"}


def answered(database: Database, operation: str, request: Any) -> AWSResponse:
    """The answer to a prepared request, as DynamoDB sends it."""
    try:
        answer = database.call(operation, json.loads(request.body))
        return _response(request.url, 200, answer)
    except Refused as refused:
        told = {"__type": f"{_SHAPES}{refused.code}", "message": refused.message, **refused.more}
        return _response(request.url, 400, told)


def _response(url: str, status: int, body: dict[str, Any]) -> AWSResponse:
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return AWSResponse(url, status, _HEADERS, _Body(content))


class _Body:
    """A body as botocore reads it off a connection."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: object) -> Iterator[bytes]:
        """All of it at once."""
        yield self._content
