"""MLflow's REST API, as far as runs are written. botocore's own HTTP client sends the requests, and its signer signs
them for AWS's servers, so that neither the package mlflow nor another library is needed.

A refusal is a NotSent with MLflow's own error code as its reason. Nothing is tried again here: the message comes again.
"""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, HTTPClientError, SSLError
from botocore.exceptions import ConnectionError as NoConnection
from botocore.httpsession import URLLib3Session
from botocore.session import Session
from botocore.utils import get_environ_proxies

from trialbook.core.jobs import Metric
from trialbook.core.messages.delivery import NotSent
from trialbook.core.mlflow_names import LONGEST_NAME
from trialbook.core.mlflow_runs import Batch, Dataset, RunStatus, storable
from trialbook.core.mlflow_server import Server
from trialbook.runtime import deadline

API = "/api/2.0/mlflow/"
# Where a server keeps artifacts itself. Whatever host is named, its own pages look for the path.
_KEPT = re.compile(r"(?:mlflow-artifacts:(?://[^/]*)?|https?://.*?/mlflow-artifacts/artifacts)/+(.*)")
_SECONDS = 10  # for one request
_TO_RECORD = 8  # seconds: what became of a run is written down after it
_MOST_DIGITS = 9  # of seconds to wait: decades
_MOST_METRICS = 1_000  # of a run that are kept
_CODE = re.compile(r"[A-Z_]{1,60}")
_MOST_FOUND = 20  # runs of one key: more than one is a fault that is repaired
EXTERNAL_MODEL = "mlflow.model.isExternal"
_READY = "LOGGED_MODEL_READY"
_HOST_REFUSED = b"Invalid Host header"  # since 3.5, to names that its administrator did not list
_KEEPS_NONE = b"`--serve-artifacts`"  # says a server that was started without, with the status of one that is down
KEEPS_NO_ARTIFACTS = "keeps_no_artifacts"
HOST_NOT_ALLOWED = "host_not_allowed"
CERTIFICATE_NOT_TRUSTED = "certificate_not_trusted"
NO_CREDENTIALS = "no_credentials"
TOO_LARGE = f"http_{HTTPStatus.REQUEST_ENTITY_TOO_LARGE}"
_OF_A_TOKEN = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})

Send = Callable[[AWSPreparedRequest], Any]
ReadToken = Callable[[bool], str | None]  # True asks for the token as it is now, though it was read a moment ago


@dataclass(frozen=True, slots=True)
class Tls:
    """Which servers are trusted: those that a file of `authorities` vouches for, if `is_checked`; `certificate` is the
    file of the client's own, for servers that ask for one."""

    authorities: str | None = None
    certificate: str | None = None
    is_checked: bool = True


@dataclass(frozen=True, slots=True)
class Created:
    """A run in MLflow: its id, the experiment's, where its artifacts lie, and its tags as far as they came along."""

    run_id: str
    experiment_id: str
    artifacts: str = ""
    status: str = RunStatus.RUNNING
    is_deleted: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment in MLflow. A deleted one keeps its name, and takes no runs."""

    id: str
    is_deleted: bool = False


_AS_USUAL = Tls()


class Mlflow:
    """A server. `token` gives a bearer token or `user:password` if it asks for one; `session` has the credentials for
    AWS's own. A certificate of a private authority is trusted if AWS_CA_BUNDLE or `tls` names it."""

    def __init__(
        self,
        server: Server,
        session: Session,
        token: ReadToken = lambda fresh: None,
        send: Send | None = None,
        tls: Tls = _AS_USUAL,
    ) -> None:
        self.server = server
        self._session, self._token, self._tls = session, token, tls
        self._given_send = send

    # -- experiments --------------------------------------------------------------------------------------------

    def experiment(self, name: str) -> Experiment | None:
        """The experiment of a name; None if there is none. Raises NotSent."""
        try:
            answer = self._call("GET", f"experiments/get-by-name?experiment_name={quote(name, safe='')}")
        except NotSent as error:
            if error.reason == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
        found = _part(answer, "experiment")
        return Experiment(_text(found, "experiment_id"), found.get("lifecycle_stage") == "deleted")

    def create_experiment(self, name: str) -> Experiment | None:
        """A new experiment; None where another was faster. Raises NotSent."""
        try:
            return Experiment(_text(self._call("POST", "experiments/create", {"name": name}), "experiment_id"))
        except NotSent as error:
            if error.reason == "RESOURCE_ALREADY_EXISTS":
                return None
            raise

    # -- runs ---------------------------------------------------------------------------------------------------

    def create_run(
        self, experiment_id: str, name: str, started: int, tags: Mapping[str, str], user: str = ""
    ) -> Created:
        """A new run. Not safe to repeat: MLflow makes another one each time. Raises NotSent."""
        body = {"experiment_id": experiment_id, "run_name": name, "start_time": started, "tags": _pairs(tags)}
        return _run(self._call("POST", "runs/create", body | ({"user_id": user} if user else {})))

    def run(self, run_id: str) -> Created | None:
        """A run by its id; None if there is none. Raises NotSent."""
        try:
            return _run(self._call("GET", f"runs/get?run_id={quote(run_id, safe='')}"))
        except NotSent as error:
            if error.reason == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise

    def final_metrics(self, run_id: str) -> tuple[Metric, ...]:
        """The last value of each metric of a run. Raises NotSent."""
        run = _part(self._call("GET", f"runs/get?run_id={quote(run_id, safe='')}"), "run")
        found = _entries(_part(run, "data"), "metrics") if run.get("data") else ()
        named = [(each["key"], each.get("value")) for each in found if isinstance(each, Mapping) and _is_name(each)]
        return tuple(Metric.of(storable(name)[:LONGEST_NAME], value) for name, value in named[:_MOST_METRICS])

    def find_runs(self, experiment_id: str, tag: str, value: str) -> Sequence[Created]:
        """The runs of an experiment with a tag of that value. Raises NotSent."""
        body = {
            "experiment_ids": [experiment_id],
            "filter": f"tags.`{tag}` = '{value}'",
            "max_results": _MOST_FOUND,
        }
        answer = self._call("POST", "runs/search", body)
        return [_run({"run": each}) for each in _list(answer, "runs")]

    def log(self, run_id: str, batch: Batch) -> None:
        """Parameters, metrics and tags. Safe to repeat. Raises NotSent."""
        metrics = [
            {"key": each.name, "value": each.value, "timestamp": each.at, "step": each.step} for each in batch.metrics
        ]
        body = {"run_id": run_id, "params": _pairs(dict(batch.params)), "tags": _pairs(dict(batch.tags))}
        self._call("POST", "runs/log-batch", {**body, "metrics": metrics})

    def update(self, run_id: str, status: RunStatus, ended: int | None, name: str | None = None) -> None:
        """The run's status, its end, and its name if it has another one now. Safe to repeat. Raises NotSent."""
        body: dict[str, Any] = {"run_id": run_id, "status": status.value}
        body |= {} if ended is None else {"end_time": ended}
        self._call("POST", "runs/update", body if name is None else {**body, "run_name": name})

    def delete(self, run_id: str) -> None:
        """Moves a run to where MLflow keeps deleted ones. Raises NotSent."""
        self._call("POST", "runs/delete", {"run_id": run_id})

    def log_inputs(self, run_id: str, inputs: Sequence[Dataset]) -> None:
        """The datasets that a run reads. Safe to repeat. Raises NotSent."""
        datasets = [
            {
                "dataset": {"name": each.name, "digest": each.digest, "source_type": "s3", "source": each.source},
                "tags": _pairs({"mlflow.data.context": each.context}),
            }
            for each in inputs
        ]
        self._call("POST", "runs/log-inputs", {"run_id": run_id, "datasets": datasets})

    def model_of(self, run: Created) -> str | None:
        """The id of a run's model; None if it has none. Raises NotSent."""
        body = {"experiment_ids": [run.experiment_id], "filter": f"source_run_id = '{run.run_id}'"}
        found = _list(self._call("POST", "logged-models/search", body), "models")
        return _text(_part(found[0], "info"), "model_id") if found else None

    def create_model(self, run: Created, name: str, address: str) -> str:
        """The id of a new model of a run, which lies elsewhere. Raises NotSent."""
        tags = _pairs({EXTERNAL_MODEL: "true", "mlflow.model.source": address})
        body = {"experiment_id": run.experiment_id, "name": name, "source_run_id": run.run_id, "tags": tags}
        return _text(_part(_part(self._call("POST", "logged-models", body), "model"), "info"), "model_id")

    def finish_model(self, model_id: str) -> None:
        """Marks a model as complete. Safe to repeat. Raises NotSent."""
        body = {"model_id": model_id, "status": _READY}
        self._call("PATCH", f"logged-models/{quote(model_id, safe='')}", body)

    def put_artifact(self, artifacts: str, path: str, content: bytes) -> bool:
        """A file among a run's artifacts, through the server; whether it keeps them: otherwise they are elsewhere.
        Safe to repeat. Raises NotSent."""
        kept = _KEPT.fullmatch(artifacts)
        if kept is None:
            return False
        url = f"{self.server.url}/api/2.0/mlflow-artifacts/artifacts/{quote(f'{kept[1]}/{path}')}"
        try:
            _answer(self._request("PUT", url, content, "application/octet-stream"))
        except NotSent as error:
            if error.reason != KEEPS_NO_ARTIFACTS:
                raise
            return False
        return True

    # -- requests -----------------------------------------------------------------------------------------------

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        content = None if body is None else json.dumps(body, allow_nan=False).encode()
        return _answer(self._request(method, f"{self.server.url}{API}{path}", content, "application/json"))

    def _request(self, method: str, url: str, content: bytes | None, kind: str) -> bytes:
        token = None if self.server.service else self._token(False)
        status, found, headers = self._asked(method, url, content, kind, token)
        if status in _OF_A_TOKEN and token and (new := self._token(True)) != token:  # it was changed a moment ago
            status, found, headers = self._asked(method, url, content, kind, new)
        if status != HTTPStatus.OK:
            raise _refused(status, found, headers)
        return found

    def _asked(
        self, method: str, url: str, content: bytes | None, kind: str, token: str | None
    ) -> tuple[int, bytes, Mapping[str, Any]]:
        if deadline.left() < _SECONDS + _TO_RECORD:
            raise NotSent("out_of_time", passes=True)
        headers = {"Accept": "application/json", "User-Agent": "trialbook"}
        headers |= {"Content-Type": kind} if content is not None else {}
        request = AWSRequest(method=method, url=url, data=content, headers=headers)
        if token:
            request.headers["Authorization"] = _authorization(token)
        self._sign(request)
        try:
            with deadline.within(_SECONDS):
                answer = self._send(request.prepare())
                return answer.status_code, bytes(answer.content), answer.headers
        except (HTTPClientError, NoConnection, OSError) as error:
            raise _unanswered(error) from None

    def _sign(self, request: AWSRequest) -> None:
        if self.server.header is not None:
            request.headers[self.server.header[0]] = self.server.header[1]
        if self.server.service is None:
            return
        signer = self._signer
        request.headers["X-Amz-Content-SHA256"] = signer.payload(request)
        signer.add_auth(request)

    @cached_property
    def _send(self) -> Send:
        if self._given_send is not None:
            return self._given_send
        tls = self._tls
        bundle: Any = tls.authorities or self._session.get_config_variable("ca_bundle")
        return URLLib3Session(  # follows no redirect
            timeout=_SECONDS,
            max_pool_connections=4,
            verify=tls.is_checked and (bundle or True),
            client_cert=tls.certificate,
            proxies=get_environ_proxies(self.server.url),
        ).send

    @cached_property
    def _signer(self) -> SigV4Auth:
        try:
            credentials = self._session.get_credentials()
        except (BotoCoreError, ClientError) as error:
            raise NotSent(type(error).__name__, passes=True) from None
        if credentials is None:
            raise NotSent(NO_CREDENTIALS, passes=False)
        return SigV4Auth(credentials, self.server.service or "", self.server.region)


def _authorization(token: str) -> str:
    """No bearer token has a colon: what has one is a user's name and password, as MLflow's own authentication asks."""
    if ":" in token:
        return f"Basic {b64encode(token.encode('utf-8', 'surrogatepass')).decode()}"
    return f"Bearer {token}"


def _unanswered(error: Exception) -> NotSent:
    """No connection, no answer in time, half an answer. What was not sent is surely not there."""
    if isinstance(error, SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return NotSent(CERTIFICATE_NOT_TRUSTED, passes=False)
    return NotSent(type(error).__name__, passes=True, is_unsure=not isinstance(error, EndpointConnectionError))


def _answer(content: bytes) -> Mapping[str, Any]:
    """An answer of MLflow's: a proxy may show its own page with status 200."""
    try:
        answer = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        raise NotSent("no_answer_of_mlflow", passes=True, is_unsure=True) from None
    if not isinstance(answer, Mapping):
        raise NotSent("no_answer_of_mlflow", passes=True, is_unsure=True)
    return answer


def _pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": name, "value": value} for name, value in values.items()]


def _run(answer: Mapping[str, Any]) -> Created:
    run = _part(answer, "run")
    info = _part(run, "info")
    tags = _list(_part(run, "data"), "tags") if run.get("data") else ()
    return Created(
        _text(info, "run_id"),
        _text(info, "experiment_id"),
        str(info.get("artifact_uri") or ""),
        str(info.get("status") or RunStatus.RUNNING),
        info.get("lifecycle_stage") == "deleted",
        {str(each.get("key")): str(each.get("value")) for each in tags},
    )


def _part(answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = answer.get(name)
    if not isinstance(found, Mapping):
        raise NotSent("no_answer_of_mlflow", passes=True, is_unsure=True)
    return found


def _entries(answer: Mapping[str, Any], name: str) -> Sequence[Any]:
    """A list of an answer, whatever is in it; a server may leave an empty one out."""
    found = answer.get(name) or []
    if not isinstance(found, list):
        raise NotSent("no_answer_of_mlflow", passes=True, is_unsure=True)
    return found


def _is_name(entry: Mapping[str, Any]) -> bool:
    return isinstance(entry.get("key"), str) and bool(entry["key"])


def _list(answer: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    """A list of objects of an answer."""
    found = _entries(answer, name)
    if not all(isinstance(each, Mapping) for each in found):
        raise NotSent("no_answer_of_mlflow", passes=True, is_unsure=True)
    return found


def _text(answer: Mapping[str, Any], name: str) -> str:
    found = answer.get(name)
    if not isinstance(found, str) or not found:
        raise NotSent("no_answer_of_mlflow", passes=True, is_unsure=True)
    return found


def _refused(status: int, content: bytes, headers: Mapping[str, Any]) -> NotSent:
    """The kind of MLflow's error, without its text, which holds parts of the request."""
    try:
        answer = json.loads(content)
        code = str(answer.get("error_code") or "") if isinstance(answer, Mapping) else ""
    except (ValueError, RecursionError):
        code = ""
    reason = code if _CODE.fullmatch(code) else f"http_{status}"
    if status == HTTPStatus.FORBIDDEN and content.startswith(_HOST_REFUSED):
        reason = HOST_NOT_ALLOWED
    if status == HTTPStatus.SERVICE_UNAVAILABLE and _KEEPS_NONE in content:
        return NotSent(KEEPS_NO_ARTIFACTS, passes=False)
    if status == 429 or code in ("REQUEST_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED"):
        return NotSent("throttled", passes=True, after=_retry_after(headers))
    if status >= 500 or status == HTTPStatus.REQUEST_TIMEOUT:
        return NotSent(reason, passes=True, after=_retry_after(headers), is_unsure=True)
    return NotSent(reason, passes=code == "TEMPORARILY_UNAVAILABLE")


def _retry_after(headers: Mapping[str, Any]) -> int | None:
    header = str(headers.get("Retry-After") or "")
    return int(header) if header.isdecimal() and len(header) <= _MOST_DIGITS else None
