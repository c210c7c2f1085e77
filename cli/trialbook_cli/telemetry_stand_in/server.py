"""The stand-in over HTTP: each service by the protocol in which boto3 speaks to it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from trialbook_cli.http_serving import serving
from trialbook_cli.sagemaker_stand_in.account import Account
from trialbook_cli.sagemaker_stand_in.aws_json import AwsJsonHandler
from trialbook_cli.telemetry_stand_in.telemetry import Telemetry

# The targets of the services that speak JSON; SageMaker Metrics has its operation in the path.
_SERVICES = {"GraniteServiceVersion20100801": "cloudwatch", "Logs_20140328": "logs"}


def _of_any_place(access_key: str, region: str) -> Account | None:
    """Where it does not matter who asks."""
    return None


def _handler(telemetry: Telemetry, place_of: Callable[[str, str], Account | None]) -> type[AwsJsonHandler]:
    class Answers(AwsJsonHandler):
        def do_POST(self) -> None:  # noqa: N802 the base class's name
            target, operation = self.target()
            service = _SERVICES.get(target, "sagemaker-metrics")
            request = self.parameters()
            signed = self.signed_by()
            place = place_of(*signed) if signed else None
            self.answer(lambda: telemetry.call(service, operation or self.path.strip("/"), request, place))

    return Answers


@contextmanager
def serve_telemetry(
    telemetry: Telemetry,
    host: str = "127.0.0.1",
    port: int = 0,
    place_of: Callable[[str, str], Account | None] = _of_any_place,
) -> Iterator[str]:
    """Serves it within the block; gives the URL at which all three services answer. `place_of` tells the account and
    region of those who sign with an access key for a region."""
    with serving(_handler(telemetry, place_of), host, port) as url:
        yield url
