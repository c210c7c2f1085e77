"""Whether write_mlflow reaches its server and may write there: it is asked itself, because its rights count."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from trialbook.adapters.mlflow import CERTIFICATE_NOT_TRUSTED, HOST_NOT_ALLOWED
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
_TODO = {
    HOST_NOT_ALLOWED: "add the name in its address to --allowed-hosts of the server",
    CERTIFICATE_NOT_TRUSTED: "give the server a certificate of a public authority",
    "http_404": "MLflow is not at this address: name it without the path of a page, but with the prefix it may have",
}


def findings(found: Mapping[str, Any]) -> Iterator[Finding]:
    """The findings from the function's answer."""
    server = str(found["server"])
    if found.get("trouble"):
        todo = _TODO.get(str(found["trouble"]), "check the address and the network of the function")
        todo += "; what it was to write waits in its queue"
        yield Finding(Level.PROBLEM, f"MLflow does not answer at {server}: {found['trouble']}", todo)
        return
    refused, allowed = (tuple(map(str, found.get(name) or ())) for name in ("refused", "allowed"))
    if refused:
        which = "everything" if not allowed else ", ".join(refused)
        yield Finding(Level.PROBLEM, f"MLflow at {server} refuses write_mlflow {which}", _remedy(server, refused))
    else:
        yield Finding(Level.OK, f"MLflow at {server} lets write_mlflow write")
    yield from _artifacts(server, str(found.get("artifacts", "not configured")))


def _remedy(server: str, refused: tuple[str, ...]) -> str:
    """The template grants the rights: something else takes them away, or the server is another account's."""
    if ":mlflow-app/" in server:
        actions = "sagemaker:CallMlflowAppApi"
    elif server.startswith("arn:"):
        actions = ", ".join(f"sagemaker-mlflow:{each}" for each in refused)
    else:
        return "store a valid token where the stack's parameter says: docs/mlflow.md tells how"
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
