"""How MLflow is reached from a terminal: by the variables and the file that MLflow's own client reads."""

import os
from collections.abc import Mapping
from configparser import ConfigParser, Error
from dataclasses import dataclass, field
from pathlib import Path

from botocore.session import Session

from trialbook.adapters.mlflow import CERTIFICATE_NOT_TRUSTED, HOST_NOT_ALLOWED, NO_CREDENTIALS, Mlflow, Tls
from trialbook.core.errors import InvalidInput
from trialbook.core.messages.delivery import NotSent
from trialbook.core.mlflow_server import Server, in_workspace, server_of
from trialbook.delivery.mlflow_channel import EXPERIMENT_REFUSED

TOKEN, USER, PASSWORD = "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
AUTHORITIES, INSECURE = "MLFLOW_TRACKING_SERVER_CERT_PATH", "MLFLOW_TRACKING_INSECURE_TLS"
CERTIFICATE, WORKSPACE = "MLFLOW_TRACKING_CLIENT_CERT_PATH", "MLFLOW_WORKSPACE"
_YES = frozenset({"true", "1"})
_FILE = Path(".mlflow") / "credentials"  # at home


@dataclass(frozen=True, slots=True)
class Access:
    """What a server asks for: a token, or `user:password`; whose certificates are trusted; and its workspace."""

    token: str | None = None
    tls: Tls = field(default_factory=Tls)
    workspace: str | None = None

    def server(self, uri: str) -> Server:
        """The server that an ARN or an address names, in its workspace. Raises InvalidInput."""
        found = server_of(uri)
        return found if found.header or not self.workspace else server_of(in_workspace(found.name, self.workspace))

    def mlflow(self, server: Server, session: Session) -> Mlflow:
        """The server, reached so."""
        return Mlflow(server, session, lambda fresh: self.token, tls=self.tls)

    def variables(self) -> Mapping[str, str]:
        """The same for a function that runs on this machine."""
        found = {"MLFLOW_AUTHORITIES": self.tls.authorities, "MLFLOW_CERTIFICATE": self.tls.certificate}
        found |= {"MLFLOW_TRUSTS_ANYBODY": None if self.tls.is_checked else "true"}
        return {name: value for name, value in found.items() if value is not None}


def access(environment: Mapping[str, str] = os.environ, home: Path | None = None) -> Access:
    """What the environment says, and for a user's name and password the file. Raises InvalidInput."""
    file = _of_file((home or Path.home()) / _FILE)
    user, password = (environment.get(name) or file.get(name.lower()) for name in (USER, PASSWORD))
    token = f"{user}:{password}" if user and password else (environment.get(TOKEN) or "").strip() or None
    is_insecure = environment.get(INSECURE, "").lower() in _YES
    if is_insecure and environment.get(AUTHORITIES):
        raise InvalidInput(INSECURE, "true", f"one of it and {AUTHORITIES}")
    authorities, certificate = (_existing(environment, name) for name in (AUTHORITIES, CERTIFICATE))
    return Access(
        token, Tls(authorities, certificate, is_checked=not is_insecure), environment.get(WORKSPACE, "").strip() or None
    )


def why_not(server: Server, error: NotSent) -> str:
    """A sentence why a server took nothing, and what to do about it."""
    todo = _TODO.get(error.reason)
    if error.reason in _MAY_NOT:
        todo = _AWS_RIGHTS if server.service else f"whoever {TOKEN} or {USER} names may not do this there"
    elif error.reason in _UNKNOWN:
        todo = _AWS_RIGHTS if server.service else f"set {TOKEN}, or {USER} and {PASSWORD}, to what the server accepts"
    return f"MLflow at {server.name} took nothing: {error.reason}{f'; {todo}' if todo else ''}"


_MAY_NOT = frozenset({"http_403", "PERMISSION_DENIED"})
_UNKNOWN = frozenset({"http_401", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"})
_AWS_RIGHTS = "your AWS credentials lack the right: docs/mlflow.md names it"
_TODO = {
    CERTIFICATE_NOT_TRUSTED: f"name the file of its authority in {AUTHORITIES}",
    HOST_NOT_ALLOWED: "add the name in its address to --allowed-hosts of the server",
    NO_CREDENTIALS: "sign in to AWS first",
    EXPERIMENT_REFUSED: "give experiments a prefix that it takes, in the rules document: on Databricks a folder",
    "EndpointConnectionError": "is it running, and is the address right?",
    "http_404": "it is not at this address: name it without the path of a page, but with the prefix it may have",
    "no_answer_of_mlflow": "something else is at this address, or asks people to log in first",
}


def _of_file(path: Path) -> Mapping[str, str]:
    found = ConfigParser(interpolation=None)
    try:
        found.read(path, encoding="utf-8")
    except (Error, OSError, UnicodeDecodeError):
        return {}
    return dict(found["mlflow"]) if "mlflow" in found else {}


def _existing(environment: Mapping[str, str], name: str) -> str | None:
    path = environment.get(name) or None
    if path is not None and not Path(path).exists():
        raise InvalidInput(name, path, "a file that exists")
    return path
