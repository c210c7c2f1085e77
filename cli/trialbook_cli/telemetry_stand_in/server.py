"""The stand-in over HTTP: each service by the protocol in which boto3 speaks to it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from trialbook_cli.http_serving import Handler, serving
from trialbook_cli.sagemaker_stand_in.errors import ApiError
from trialbook_cli.telemetry_stand_in.telemetry import Telemetry

# The targets of the services that speak JSON; SageMaker Metrics has its operation in the path.
_SERVICES = {"GraniteServiceVersion20100801": "cloudwatch", "Logs_20140328": "logs"}


def _handler(telemetry: Telemetry) -> type[Handler]:
    class Answers(Handler):
        def do_POST(self) -> None:  # noqa: N802 the base class's name
            target, _, operation = self.headers.get("X-Amz-Target", "").partition(".")
            service = _SERVICES.get(target, "sagemaker-metrics")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                answer = telemetry.call(service, operation or self.path.strip("/"), json.loads(body or b"{}"))
                self._answer(200, json.dumps(answer, default=_wire).encode())
            except ApiError as error:
                self._answer(error.status, json.dumps({"__type": error.code, "message": error.message}).encode())

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Answers


def _wire(value: object) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{value!r} has no place in an answer")


@contextmanager
def serve_telemetry(telemetry: Telemetry, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serves it within the block; gives the URL at which all three services answer."""
    with serving(_handler(telemetry), host, port) as url:
        yield url
