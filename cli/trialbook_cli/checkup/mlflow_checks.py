"""Whether write_mlflow reaches its server and may write there: it is asked itself, because its rights count."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from trialbook.adapters.mlflow import CERTIFICATE_NOT_TRUSTED, HOST_NOT_ALLOWED, NO_CREDENTIALS
from trialbook.check_mlflow import NO_WORKSPACE
from trialbook_cli.checkup.deployment import Deployment, Finding, Level

_ASKED = json.dumps({"check": "mlflow"}).encode()


def mlflow(deployment: Deployment) -> Iterator[Finding]:
    """The server and the place for artifacts, by calls that change nothing."""
    function = next((each for each in deployment.resources(_FUNCTION) if each.logical_id == "WriteMlflow"), None)
    if function is None:
        return
    answer = deployment.client("lambda").invoke(FunctionName=function.physical_id, Payload=_ASKED)
    found = json.loads(answer["Payload"].read() or b"null")
    if answer.get("FunctionError") or not isinstance(found, Mapping) or "server" not in found:
        reason = found.get("errorMessage") if isinstance(found, Mapping) else None
        what = f"write_mlflow could not look at MLflow: {reason or 'it gave no answer'}"
        yield Finding(Level.PROBLEM, what, "its log has the reason; a stack of an older version needs sam deploy")
        return
    yield from findings(found)


_FUNCTION = "AWS::Lambda::Function"
_STORED = "what MlflowTokenParameter or MlflowTokenSecretArn names"
_WAITS = "what is to be written waits in MlflowQueue for a week"
# By reason, what is wrong with a server, and what to do.
_TROUBLES = {
    HOST_NOT_ALLOWED: (
        "refuses the name in its address",
        "start the server with that name among its --allowed-hosts",
    ),
    CERTIFICATE_NOT_TRUSTED: (
        "has a certificate that write_mlflow does not trust",
        "give the server a certificate of a public authority, for example of AWS Certificate Manager",
    ),
    NO_CREDENTIALS: ("was not asked: write_mlflow has no AWS credentials", "look at the function's role"),
    "secret_not_found": (
        "was not asked: its token does not exist",
        f"create {_STORED}, or deploy with the right name",
    ),
    "secret_not_readable": (
        "was not asked: write_mlflow may not read its token",
        f"allow the function's role to read {_STORED}, and to decrypt it with its key",
    ),
    "EndpointConnectionError": (
        "is not reached: nothing listens there, or no network leads there",
        "start the server, correct MlflowUrl, or let the function's network reach it",
    ),
    "ConnectTimeoutError": (
        "is not reached: its network does not answer",
        "open the server's firewall or security group for the function, or correct MlflowUrl",
    ),
    "ReadTimeoutError": ("does not answer within ten seconds", "look at the server's load and its database"),
    "no_answer_of_mlflow": (
        "answers with a page that is none of MLflow's",
        "correct MlflowUrl, or let requests with a token pass the login page in front of the server",
    ),
    "http_404": (
        "does not answer: MLflow is not at this address",
        "name it without the path of a page, but with the prefix that it may have",
    ),
    NO_WORKSPACE: ("has no workspace of that name", "create it on the server, or deploy with another MlflowUrl"),
    "FEATURE_DISABLED": (
        "has no workspaces",
        "deploy with MlflowUrl without ?workspace=, or start the server with --enable-workspaces",
    ),
}
_ANY_TROUBLE = "check the server, its address and the function's network"


def findings(found: Mapping[str, Any]) -> Iterator[Finding]:
    """The findings from the function's answer."""
    server = str(found["server"])
    if found.get("trouble"):
        reason = str(found["trouble"])
        what, todo = _TROUBLES.get(reason, ("does not answer", _ANY_TROUBLE))
        yield Finding(Level.PROBLEM, f"MLflow at {server} {what} ({reason})", f"{todo}; {_WAITS}")
        return
    refused, allowed = (tuple(map(str, found.get(name) or ())) for name in ("refused", "allowed"))
    if refused:
        which = "every request of" if not allowed else f"{', '.join(refused)} to"
        what = f"MLflow at {server} refuses {which} write_mlflow"
        yield Finding(Level.PROBLEM, what, f"{_remedy(server, refused, is_known=bool(allowed))}; {_WAITS}")
    else:
        yield Finding(Level.OK, f"MLflow at {server} lets write_mlflow write")
    yield from _artifacts(server, str(found.get("artifacts", "not configured")))


def _remedy(server: str, refused: tuple[str, ...], *, is_known: bool) -> str:
    """The template grants the rights on AWS: something else takes them away, or the server is another account's.
    Another server has taken the token if it allows anything (`is_known`)."""
    if ":mlflow-app/" in server:
        actions = "sagemaker:CallMlflowAppApi"
    elif server.startswith("arn:"):
        actions = ", ".join(f"sagemaker-mlflow:{each}" for each in refused)
    elif is_known:
        return "let the user of the token create and edit experiments and runs on the server"
    else:
        return f"store a valid token in {_STORED}: docs/mlflow.md describes it"
    return f"the function's role has {actions}: look for a policy that denies it, in the organization or on the server"


def _artifacts(server: str, outcome: str) -> Iterator[Finding]:
    if outcome == "allowed":
        yield Finding(Level.OK, "write_mlflow may put reports into MLflow's bucket")
    elif outcome != "not configured":
        todo = (
            "allow the function's role s3:PutObject there, in the bucket's policy and for its key: MlflowArtifactStore"
        )
        yield Finding(Level.PROBLEM, f"write_mlflow can put no report into MLflow's bucket: {outcome}", todo)
    elif server.startswith("arn:"):
        todo = "name the server's artifact store as MlflowArtifactStore: docs/mlflow.md"
        yield Finding(Level.NOTE, "reports are not among the artifacts in MLflow", todo)
