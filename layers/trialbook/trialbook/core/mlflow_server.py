"""Which MLflow is meant, and how it is asked: an MLflow App or a tracking server of SageMaker, or any other server."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from trialbook.core.errors import InvalidInput

_ARN = re.compile(
    r"arn:(?P<partition>aws|aws-us-gov):sagemaker:(?P<region>[a-z0-9-]+):\d{12}:"
    r"(?P<kind>mlflow-app|mlflow-tracking-server)/[A-Za-z0-9_-]+"
)
_WORKSPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_EXPECTED = (
    "the ARN of an MLflow App or of a tracking server in a region of aws or aws-us-gov, or the address of a server, "
    "such as https://mlflow.example.com"
)
WORKSPACE = "X-MLFLOW-WORKSPACE"


@dataclass(frozen=True, slots=True)
class Server:
    """An MLflow server: `name` is what it was named by, `url` where it answers. AWS's own are asked with requests that
    are signed for a `service` in a `region`. A `header` says which of AWS's servers is meant, or which workspace of
    another one."""

    name: str
    url: str
    service: str | None = None
    region: str = ""
    header: tuple[str, str] | None = None

    @property
    def workspace(self) -> str | None:
        """The workspace; None for the server's own one, and on AWS."""
        return self.header[1] if self.header is not None and self.service is None else None

    def run_url(self, experiment_id: str, run_id: str) -> str | None:
        """Where people see a run; None for AWS's own, whose pages open by links of five minutes alone."""
        if self.service:
            return None
        page = run_page(self.url, experiment_id, run_id)
        return f"{page}?workspace={quote(self.workspace, safe='')}" if self.workspace else page


def run_page(url: str, experiment_id: str, run_id: str) -> str:
    """The page of a run in the web interface at an address."""
    return f"{url.rstrip('/')}/#/experiments/{quote(experiment_id, safe='')}/runs/{quote(run_id, safe='')}"


def in_workspace(name: str, workspace: str) -> str:
    """What names a workspace of a server."""
    return f"{name.rstrip('/')}?workspace={quote(workspace, safe='')}"


def server_of(name: str) -> Server:
    """The server that an ARN or an address names. Raises InvalidInput."""
    found = _ARN.fullmatch(name)
    if found is None:
        return _other(name)
    region = found["region"]
    if found["kind"] == "mlflow-app":
        url, service, header = f"https://mlflow.sagemaker.{region}.app.aws", "sagemaker", "x-sm-mlflow-app-arn"
    else:
        url = f"https://{region}.experiments.sagemaker.aws"
        service, header = "sagemaker-mlflow", "x-mlflow-sm-tracking-server-arn"
    return Server(name, url, service, region, (header, name))


def _other(name: str) -> Server:
    parts = urlsplit(name)
    is_here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or parts.scheme not in ("https", "http") or (parts.scheme == "http" and not is_here):
        raise InvalidInput("MLflow", name, _EXPECTED)
    given = parse_qsl(parts.query, keep_blank_values=True)
    has_workspace = len(given) == 1 and given[0][0] == "workspace" and bool(_WORKSPACE.fullmatch(given[0][1]))
    if parts.username or parts.password or parts.fragment or (parts.query and not has_workspace):
        raise InvalidInput("MLflow", "an address with more than a path", _EXPECTED)
    url = urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")).rstrip("/")
    return Server(name, url, header=(WORKSPACE, given[0][1]) if has_workspace else None)
