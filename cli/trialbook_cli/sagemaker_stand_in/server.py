"""The stand-in over HTTP: the protocols that boto3 speaks to SageMaker, and to Bedrock and AWS Batch."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from trialbook_cli.http_serving import serving
from trialbook_cli.sagemaker_stand_in.account import Account
from trialbook_cli.sagemaker_stand_in.aws_json import AwsJsonHandler
from trialbook_cli.sagemaker_stand_in.rest import operation_of
from trialbook_cli.sagemaker_stand_in.state import SageMaker


class Hang(Exception):
    """A fault: the answer comes after so many seconds, or the connection breaks, or garbage comes."""

    def __init__(self, *, seconds: float = 0, garbage: bool = False) -> None:
        super().__init__("fault")
        self.seconds = seconds
        self.garbage = garbage


def _nobody(access_key: str) -> str | None:
    """Where all calls come from one account."""
    return None


def _handler(sagemaker: SageMaker, account_of: Callable[[str], str | None]) -> type[AwsJsonHandler]:
    class Answers(AwsJsonHandler):
        def do_POST(self) -> None:  # noqa: N802 the base class's name
            _, operation = self.target()
            request = self.parameters()
            if not operation:
                operation, request = operation_of(self.command, self.path, request)
            try:
                self.answer(lambda: self._asked().call(operation, request))
            except Hang as hang:
                time.sleep(hang.seconds)
                self.send_json(200, b"<html>no JSON</html>" if hang.garbage else b"{}")

        do_GET = do_POST  # noqa: N815 the base class's name

        def _asked(self) -> SageMaker:
            """The SageMaker of the account whose credentials signed the request, in the region that they are for."""
            signed = self.signed_by()
            if signed is None:
                return sagemaker
            key, region = signed
            return sagemaker.there(Account(account_of(key) or sagemaker.account.id, region))

    return Answers


@contextmanager
def serve(
    sagemaker: SageMaker,
    host: str = "127.0.0.1",
    port: int = 0,
    account_of: Callable[[str], str | None] = _nobody,
) -> Iterator[str]:
    """Serves it within the block; gives the endpoint's URL. `account_of` tells whose an access key is, if it is not
    the stand-in's own account's."""
    with serving(_handler(sagemaker, account_of), host, port) as url:
        yield url
