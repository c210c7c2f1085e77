"""AWS in the same process, answering at once: DynamoDB by the folder's table, SageMaker by the stand-in, the rest by a word.

It stands where botocore would open a connection, so that requests are made, signed, serialised and parsed as always. What it
takes itself is counted, to be subtracted.
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

from tests.faults.wire import answer
from trialbook_book.folder import Table, TableClient
from trialbook_cli.sagemaker_stand_in import ApiError, SageMaker
from trialbook_cli.sagemaker_stand_in.aws_json import seconds_of

_PAGE = 1_000_000  # bytes; Query answers no more at once
_ENTRY = {"EventId": "1"}


class AtOnce:
    """`own_time` is the processor time, in seconds, that the answers took; `requests` counts them."""

    def __init__(self, sagemaker: SageMaker) -> None:
        self.table = Table()
        self._dynamodb, self._sagemaker = TableClient(self.table), sagemaker
        self.own_time, self.requests = 0.0, 0

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Within the block, no connection is opened."""
        with patch.object(URLLib3Session, "send", lambda session, request: self._send(request)):
            yield

    def _send(self, request: Any) -> AWSResponse:
        began = time.process_time()
        target = request.headers.get("X-Amz-Target", b"")
        service, _, operation = (target.decode() if isinstance(target, bytes) else str(target)).partition(".")
        status, parsed = self._answer(service, operation, json.loads(request.body or b"{}") if operation else {})
        made = answer(status, json.dumps(parsed, default=seconds_of).encode())
        self.own_time += time.process_time() - began
        self.requests += 1
        return made

    def _answer(self, service: str, operation: str, request: dict[str, Any]) -> tuple[int, Mapping[str, Any]]:
        if service.startswith("DynamoDB"):
            return self._answer_of_dynamodb(operation, request)
        if service == "SageMaker":
            try:
                return 200, self._sagemaker.call(operation, request)
            except ApiError as error:
                return error.status, {"__type": error.code, "message": error.message}
        if operation == "GetParameter":
            return 400, {"__type": "ParameterNotFound", "message": "there is none"}
        if operation == "PutEvents":
            return 200, {"FailedEntryCount": 0, "Entries": [_ENTRY] * len(request["Entries"])}
        return 200, {}

    def _answer_of_dynamodb(self, operation: str, request: dict[str, Any]) -> tuple[int, Mapping[str, Any]]:
        try:
            found = self._dynamodb._make_api_call(operation, request)
        except ClientError as error:
            response: dict[str, Any] = {**error.response}
            failed = response.pop("Error")
            return 400, {"__type": failed["Code"], "message": failed["Message"], **response}
        return 200, _first_page(found, request) if operation == "Query" else found


def _first_page(detail: Mapping[str, Any], request: Mapping[str, Any]) -> Mapping[str, Any]:
    """As much as DynamoDB answers at once."""
    size = 0
    for at, item in enumerate(detail["Items"]):
        size += len(json.dumps(item))
        if size > _PAGE:
            kept = detail["Items"][: at + 1]
            names = ["pk", "sk", *_keys(request.get("IndexName"))]
            return {"Items": kept, "Count": len(kept), "LastEvaluatedKey": {name: kept[-1][name] for name in names}}
    return detail


def _keys(index: str | None) -> tuple[str, ...]:
    from trialbook.ledger.table import indexed_by

    return indexed_by()[index]
