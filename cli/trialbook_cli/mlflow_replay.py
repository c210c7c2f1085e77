"""A replay that writes to an MLflow server: its stack is given the server, and what the server asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.session import Session

from trialbook.core.errors import InvalidInput
from trialbook.core.messages.delivery import NotSent
from trialbook.core.mlflow_server import Server
from trialbook_cli.laptop_cloud import LaptopCloud
from trialbook_cli.mlflow_access import Access, why_not

_TOKEN = "/trialbook/mlflow-token"  # noqa: S105 the parameter's name


class MlflowRefuses(Exception):
    """The server does not answer, or not with what MLflow answers. Its text says what to do."""


@dataclass(frozen=True, slots=True)
class ReplayedMlflow:
    """A server that answers."""

    server: Server
    access: Access

    @staticmethod
    def opened(uri: str, access: Access) -> "ReplayedMlflow":
        """The server at an address, asked once. Raises InvalidInput and MlflowRefuses."""
        server = access.server(uri)
        if server.service:
            raise InvalidInput("--mlflow", uri, "an address; for an ARN, `trialbook mlflow push` the replay's book")
        try:
            access.mlflow(server, Session()).experiment("trialbook")
        except NotSent as error:
            raise MlflowRefuses(why_not(server, error)) from None
        return ReplayedMlflow(server, access)

    @property
    def parameters(self) -> Mapping[str, str]:
        """Those of a stack that writes to it."""
        return {"MlflowUrl": self.server.name, **({"MlflowTokenParameter": _TOKEN} if self.access.token else {})}

    def let_write(self, cloud: LaptopCloud) -> None:
        """Gives the function what the server asks for."""
        cloud.functions["WriteMlflow"].environment |= self.access.variables()
        if self.access.token:
            ssm: Any = boto3.client("ssm", region_name=cloud.account.region)
            ssm.put_parameter(Name=_TOKEN, Type="SecureString", Value=self.access.token, Overwrite=True)
