"""Requests to MLflow: signed as AWS's plugin signs them, with a token for others, and what each answer means."""

import hmac
import json
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.credentials import Credentials
from botocore.session import Session

from tests.certificates import certificate_of_localhost
from trialbook.adapters.mlflow import Mlflow
from trialbook.check_mlflow import check_mlflow
from trialbook.core.errors import InvalidInput
from trialbook.core.messages.delivery import NotSent
from trialbook.core.mlflow_runs import Batch
from trialbook.core.mlflow_server import run_page, server_of

APP = "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-app/app-1"
SERVER = "arn:aws-us-gov:sagemaker:us-gov-west-1:123456789012:mlflow-tracking-server/one"


def asked(name: str, token: str | None = None) -> AWSPreparedRequest:
    """The request by which tags are written to a server."""
    sent: list[AWSPreparedRequest] = []

    def send(request: AWSPreparedRequest) -> Any:
        sent.append(request)
        return SimpleNamespace(status_code=200, content=b"{}", headers={})

    session = Session()
    session.get_credentials = lambda: Credentials("AKID", "secret", "session")  # type: ignore[method-assign]
    Mlflow(server_of(name), session, lambda fresh: token, send).log("r", Batch(tags=(("a", "b"),)))
    return sent[0]


def header(request: AWSPreparedRequest, name: str) -> str:
    value = request.headers[name]
    return value.decode() if isinstance(value, bytes) else str(value)


def signature(request: AWSPreparedRequest, secret: str) -> str:
    """Signature version 4, worked out here from what AWS documents."""
    scheme, *parts = header(request, "Authorization").replace(",", "").split()
    given = dict(part.split("=", 1) for part in parts)
    names = given["SignedHeaders"].split(";")
    host, _, path = request.url.removeprefix("https://").partition("/")
    found = {name: host if name == "host" else header(request, name) for name in names}
    body = request.body if isinstance(request.body, bytes) else str(request.body).encode()
    lines = ["POST", f"/{path}", "", *(f"{name}:{found[name].strip()}" for name in names), "", ";".join(names)]
    canonical = "\n".join([*lines, sha256(body).hexdigest()])
    _, day, region, service, end = given["Credential"].split("/")
    scope = f"{day}/{region}/{service}/{end}"
    text = "\n".join([scheme, found["x-amz-date"], scope, sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for each in (day, region, service, end):
        key = hmac.new(key, each.encode(), sha256).digest()
    assert hmac.new(key, text.encode(), sha256).hexdigest() == given["Signature"]
    assert datetime.strptime(found["x-amz-date"], "%Y%m%dT%H%M%SZ")  # noqa: DTZ007
    return f"{region}/{service}"


@pytest.mark.parametrize(
    ("arn", "host", "routed_by", "signed_for"),
    [
        (APP, "https://mlflow.sagemaker.eu-west-1.app.aws/", "x-sm-mlflow-app-arn", "eu-west-1/sagemaker"),
        (
            SERVER,
            "https://us-gov-west-1.experiments.sagemaker.aws/",
            "x-mlflow-sm-tracking-server-arn",
            "us-gov-west-1/sagemaker-mlflow",
        ),
    ],
)
def test_requests_to_sagemaker_are_signed_and_routed_as_by_its_plugin(
    arn: str, host: str, routed_by: str, signed_for: str
) -> None:
    request = asked(arn)

    assert request.url == f"{host}api/2.0/mlflow/runs/log-batch"
    assert header(request, routed_by) == arn
    assert header(request, "X-Amz-Security-Token") == "session"
    assert header(request, "X-Amz-Content-SHA256") == sha256(request.body).hexdigest()  # type: ignore[arg-type]
    assert signature(request, "secret") == signed_for


def test_other_servers_get_a_token_and_no_signature() -> None:
    assert header(asked("https://mlflow.example.com/base/", "t0ken"), "Authorization") == "Bearer t0ken"
    assert "Authorization" not in asked("https://mlflow.example.com").headers
    assert (
        asked("https://mlflow.example.com/base/").url == "https://mlflow.example.com/base/api/2.0/mlflow/runs/log-batch"
    )


@pytest.mark.parametrize(
    "name",
    [
        "",
        "mlflow.example.com",
        "http://mlflow.example.com",
        "https://user:secret@mlflow.example.com",
        "https://mlflow.example.com?token=x",
        "https://mlflow.example.com?workspace=",
        "https://mlflow.example.com?workspace=a&token=x",
        "https://mlflow.example.com?workspace=a%0d%0aX: y",
        "arn:aws-cn:sagemaker:cn-north-1:123456789012:mlflow-app/app-1",
        "arn:aws:sagemaker:eu-west-1:123456789012:training-job/x",
    ],
)
def test_an_address_that_is_no_server_is_refused_without_its_secrets(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        server_of(name)

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("status", "body", "reason", "passes", "after", "is_unsure"),
    [
        (429, b"", "throttled", True, 7, False),
        (400, b'{"error_code": "REQUEST_LIMIT_EXCEEDED"}', "throttled", True, 7, False),
        (503, b"<html>", "http_503", True, 7, True),
        (408, b"", "http_408", True, 7, True),
        (403, b'{"error_code": "PERMISSION_DENIED", "message": "secret"}', "PERMISSION_DENIED", False, None, False),
        (403, b'{"message": "Request is not authorized"}', "http_403", False, None, False),
        (302, b"", "http_302", False, None, False),
        (403, b"Invalid Host header - possible DNS rebinding attack", "host_not_allowed", False, None, False),
        (200, b"<html>log in</html>", "no_answer_of_mlflow", True, None, True),
        (200, b"[]", "no_answer_of_mlflow", True, None, True),
        (200, b"{}", "no_answer_of_mlflow", True, None, True),
    ],
)
def test_an_answer_says_whether_it_passes_and_whether_the_run_may_be_there(
    status: int, body: bytes, reason: str, passes: bool, after: int | None, is_unsure: bool
) -> None:
    def send(request: AWSPreparedRequest) -> Any:
        return SimpleNamespace(status_code=status, content=body, headers={"Retry-After": "7"})

    with pytest.raises(NotSent) as refused:
        Mlflow(server_of("https://mlflow.example.com"), Session(), send=send).create_run("1", "n", 1, {})

    error = refused.value
    assert (error.reason, error.passes, error.after, error.is_unsure) == (reason, passes, after, is_unsure)


def answering(body: bytes) -> Mlflow:
    def send(request: AWSPreparedRequest) -> Any:
        return SimpleNamespace(status_code=200, content=body, headers={})

    return Mlflow(server_of("https://mlflow.example.com"), Session(), send=send)


def test_an_entry_that_is_no_metric_costs_no_other() -> None:
    odd: list[Any] = [
        "x",
        None,
        3,
        [],
        {},
        {"key": None},
        {"key": ["a"], "value": 1},
        {"value": 1},
        {"key": "", "value": 1},
    ]
    values = [0.5, "NaN", "Infinity", -1e400, 10**400, None, {"a": 1}, [1], "abc", True]
    metrics = [*odd, *({"key": f"m{number}", "value": value} for number, value in enumerate(values))]
    found = answering(json.dumps({"run": {"data": {"metrics": metrics}}}).encode()).final_metrics("r")

    assert [each.name for each in found] == [f"m{number}" for number in range(len(values))]
    assert [each.value for each in found if each.value is not None] == [0.5]
    assert [each.text for each in found[1:4]] == ["NaN", "Infinity", "-Infinity"]


def test_names_that_no_mlflow_gives_fit_the_ledger() -> None:
    metrics = [{"key": "a" * 100_000, "value": 1}, {"key": "half \ud800", "value": 2}, {"key": "null \0", "value": 3}]
    many = [{"key": f"m{number}", "value": number} for number in range(5_000)]
    found = answering(json.dumps({"run": {"data": {"metrics": metrics + many}}}).encode()).final_metrics("r")

    assert [each.name for each in found[:3]] == ["a" * 250, "half ?", "null "]
    assert len(found) == 1_000


@pytest.mark.parametrize("data", [{}, {"data": {}}, {"data": None}, {"data": {"metrics": None}}])
def test_a_run_without_metrics_has_none(data: dict[str, Any]) -> None:
    assert answering(json.dumps({"run": {"info": {}, **data}}).encode()).final_metrics("r") == ()


@pytest.mark.parametrize(
    "body",
    [
        b'{"run": "x"}',
        b'{"run": {"data": "x"}}',
        b'{"run": {"data": {"metrics": "x"}}}',
        b'{"run": {"data": {"metrics": {"a": 1}}}}',
        b"[" * 200_000,
        b'{"run": ' + b"9" * 5_000 + b"}",
        b"\xff\xfe",
    ],
)
def test_an_answer_without_a_run_is_no_answer(body: bytes) -> None:
    for call in (lambda: answering(body).final_metrics("r"), lambda: answering(body).run("r")):
        with pytest.raises(NotSent) as refused:
            call()
        assert (refused.value.reason, refused.value.passes) == ("no_answer_of_mlflow", True)


def test_a_refusal_that_is_nonsense_is_named_by_its_status() -> None:
    def send(request: AWSPreparedRequest) -> Any:
        return SimpleNamespace(status_code=500, content=b"[" * 200_000, headers={"Retry-After": "9" * 5_000})

    with pytest.raises(NotSent) as refused:
        Mlflow(server_of("https://mlflow.example.com"), Session(), send=send).run("r")

    assert refused.value.reason == "http_500"


def test_the_page_of_a_run_is_no_presigned_link() -> None:
    assert server_of("https://m.example.com/").run_url("1", "r") == "https://m.example.com/#/experiments/1/runs/r"
    assert server_of(APP).run_url("1", "r") is None
    assert run_page("https://m/ui", "a/b", "r") == "https://m/ui/#/experiments/a%2Fb/runs/r"


# -- servers as people have them ------------------------------------------------------------------------------------

Handle = Callable[[BaseHTTPRequestHandler], tuple[int, Mapping[str, str], bytes]]


@contextmanager
def listening(handle: Handle, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The address of a server that answers each request so."""

    class Handler(BaseHTTPRequestHandler):
        def _answered(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, content = handle(self)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = _answered  # noqa: N815 as http.server names them

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=lambda: server.serve_forever(0.05), daemon=True).start()
    try:
        yield f"http{'' if tls is None else 's'}://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def refusal_of(url: str, token: str | None = None) -> NotSent:
    with pytest.raises(NotSent) as refused:
        Mlflow(server_of(url), Session(), lambda fresh: token).create_run("1", "n", 1, {})
    return refused.value


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_that_is_not_there_got_nothing_so_nothing_needs_to_be_looked_for(host: str) -> None:
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = refusal_of(f"http://{host}:{port}")

    assert (error.reason, error.passes, error.is_unsure) == ("EndpointConnectionError", True, False)


def test_a_token_that_was_changed_is_read_again_and_one_that_was_not_costs_no_second_request() -> None:
    tokens, seen = {False: "old", True: "new"}, list[str | None]()

    def answer(request: BaseHTTPRequestHandler) -> tuple[int, Mapping[str, str], bytes]:
        seen.append(request.headers["Authorization"])
        return (200 if seen[-1] == "Bearer new" else 401), {}, b"{}"

    with listening(answer) as url:
        Mlflow(server_of(url), Session(), tokens.get).delete("r")
        assert seen == ["Bearer old", "Bearer new"]
        tokens[True] = "old"
        with pytest.raises(NotSent) as refused:
            Mlflow(server_of(url), Session(), tokens.get).delete("r")
    assert (refused.value.reason, len(seen)) == ("http_401", 3)


def test_a_workspace_is_a_header_and_a_part_of_the_page() -> None:
    name = "https://mlflow.example.com/base?workspace=team-a"
    request = asked(name, "t0ken")

    assert request.url == "https://mlflow.example.com/base/api/2.0/mlflow/runs/log-batch"
    assert (header(request, "X-MLFLOW-WORKSPACE"), header(request, "Authorization")) == ("team-a", "Bearer t0ken")
    assert server_of(name).name == name  # what was written to another workspace is not there
    assert server_of(name).run_url("1", "r") == (
        "https://mlflow.example.com/base/#/experiments/1/runs/r?workspace=team-a"
    )


def test_a_name_that_leads_nowhere_is_no_server() -> None:
    error = refusal_of("https://mlflow.invalid")

    assert (error.reason, error.passes, error.is_unsure) == ("EndpointConnectionError", True, False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate_of_localhost(tmp_path_factory.mktemp("tls"))


def test_a_certificate_of_unknown_gets_no_token_and_is_named(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    seen: list[str | None] = []

    def answer(request: BaseHTTPRequestHandler) -> tuple[int, Mapping[str, str], bytes]:
        seen.append(request.headers["Authorization"])
        return 200, {}, b"{}"

    with listening(answer, tls) as url:
        error = refusal_of(url, "t0ken")
        assert (error.reason, error.passes, error.is_unsure) == ("certificate_not_trusted", False, False)
        assert seen == []
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
        Mlflow(server_of(url), Session(), lambda fresh: "t0ken").delete("r")
        assert seen == ["Bearer t0ken"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_so_the_token_goes_nowhere_else(status: int) -> None:
    seen: list[str] = []

    def elsewhere(request: BaseHTTPRequestHandler) -> tuple[int, Mapping[str, str], bytes]:
        seen.append(request.path)
        return 200, {}, b"{}"

    with (
        listening(elsewhere) as other,
        listening(lambda request: (status, {"Location": f"{other}/login"}, b"")) as url,
    ):
        error = refusal_of(url, "t0ken")

    assert (error.reason, error.passes, seen) == (f"http_{status}", False, [])


@pytest.mark.parametrize(
    ("token", "sent"),
    [
        ("t0ken", "Bearer t0ken"),
        ("eyJh.eyJz-_~+/=.c2ln", "Bearer eyJh.eyJz-_~+/=.c2ln"),
        ("admin:passw:ord", f"Basic {b64encode(b'admin:passw:ord').decode()}"),
        ("josé:contraseña", f"Basic {b64encode('josé:contraseña'.encode()).decode()}"),
    ],
)
def test_a_name_and_a_password_are_sent_as_basic_authentication(token: str, sent: str) -> None:
    assert header(asked("https://mlflow.example.com", token), "Authorization") == sent


@pytest.mark.parametrize("page", [b"<html>log in</html>", b"", b"\x1f\x8b\x08nonsense"])
def test_a_page_instead_of_an_answer_is_no_file_among_the_artifacts(page: bytes) -> None:
    def put() -> bool:
        return answering(page).put_artifact("mlflow-artifacts:/1/r/artifacts", "report.html", b"<html>")

    if not page:
        assert put()
        return
    with pytest.raises(NotSent) as refused:
        put()
    assert refused.value.reason == "no_answer_of_mlflow"


@pytest.mark.parametrize("status", [200, 301, 308, 400, 404, 405, 410])
def test_doctor_takes_no_other_web_server_for_mlflow(status: int) -> None:
    """The address of a page, or without the prefix behind which MLflow is."""
    page = (status, {"Location": "/elsewhere"}, b"<html><h1>nginx</h1></html>")
    with listening(lambda request: page) as url:
        found = check_mlflow(Mlflow(server_of(f"{url}/ui"), Session()), None)

    assert found["trouble"] == ("no_answer_of_mlflow" if status == 200 else f"http_{status}")


def test_doctor_takes_no_credentials_and_no_certificate_for_a_right(certificate: Path) -> None:
    session = Session()
    session.get_credentials = lambda: None  # type: ignore[method-assign]
    assert check_mlflow(Mlflow(server_of(APP), session), None)["trouble"] == "no_credentials"
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with listening(lambda request: (200, {}, b"{}"), tls) as url:
        assert check_mlflow(Mlflow(server_of(url), Session()), None)["trouble"] == "certificate_not_trusted"
