"""The stand-in over HTTP: each service by the protocol in which boto3 speaks to it."""

from collections.abc import Iterator
from contextlib import contextmanager

from trialbook_cli.http_serving import serving
from trialbook_cli.sagemaker_stand_in.aws_json import AwsJsonHandler
from trialbook_cli.telemetry_stand_in.telemetry import Telemetry

# The targets of the services that speak JSON; SageMaker Metrics has its operation in the path.
_SERVICES = {"GraniteServiceVersion20100801": "cloudwatch", "Logs_20140328": "logs"}


def _handler(telemetry: Telemetry) -> type[AwsJsonHandler]:
    class Answers(AwsJsonHandler):
        def do_POST(self) -> None:  # noqa: N802 the base class's name
            target, operation = self.target()
            service = _SERVICES.get(target, "sagemaker-metrics")
            request = self.parameters()
            self.answer(lambda: telemetry.call(service, operation or self.path.strip("/"), request))

    return Answers


@contextmanager
def serve_telemetry(telemetry: Telemetry, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serves it within the block; gives the URL at which all three services answer."""
    with serving(_handler(telemetry), host, port) as url:
        yield url
