"""`trialbook doctor` asks write_mlflow itself whether MLflow may be written to: the person who asks may have other rights."""

import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.session import Session

from tests.integration.test_record_commands import TEMPLATE, Ask, Aws
from tests.integration.test_record_commands import ask as ask
from tests.integration.test_record_commands import aws as aws
from tests.integration.test_replay import few
from tests.mlflow.stand_in import Refusal, StandIn, serving
from tests.mlflow.test_write_mlflow import OTHERS
from trialbook.adapters.mlflow import Mlflow
from trialbook.adapters.s3 import may_put
from trialbook.check_mlflow import check_mlflow
from trialbook.core.messages.delivery import NotSent
from trialbook.core.mlflow_server import server_of
from trialbook_cli.checkup.deployment import Level
from trialbook_cli.checkup.mlflow_checks import findings
from trialbook_cli.replaying import running

APP = "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-app/app-1"
SERVER = "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-tracking-server/one"


def checked(mlflow: StandIn, name: str | None = None, artifacts: str | None = "not asked") -> Mapping[str, Any]:
    """What write_mlflow answers; `name` is what the server is named by."""
    server = replace(server_of(mlflow.url), name=name or mlflow.url)
    asks = None if artifacts == "not asked" else lambda: artifacts
    return check_mlflow(Mlflow(server, Session()), asks)


def texts(found: Mapping[str, Any]) -> list[tuple[Level, str, str]]:
    return [(each.level, each.what, each.todo) for each in findings(found)]


def test_a_server_that_may_be_written_to_is_left_as_it_is() -> None:
    with serving(StandIn()) as mlflow:
        found = checked(mlflow)
        assert (mlflow.experiments, mlflow.runs, mlflow.models) == ({}, {}, {})
        assert texts(found) == [(Level.OK, f"MLflow at {mlflow.url} lets write_mlflow write", "")]


def test_no_call_is_left_out() -> None:
    """Those of the tracking server's policy, which a test compares with what is used."""
    with serving(StandIn()) as mlflow:
        assert len(checked(mlflow)["allowed"]) == 12


@pytest.mark.parametrize(
    ("name", "path", "says", "needs"),
    [
        (APP, "", "refuses every request of write_mlflow", "sagemaker:CallMlflowAppApi"),
        (SERVER, "runs/log-batch", "refuses LogBatch to write_mlflow", "sagemaker-mlflow:LogBatch"),
        (None, "", "refuses every request of write_mlflow", "store a valid token in what MlflowTokenParameter or"),
        (None, "runs/create", "refuses CreateRun to write_mlflow", "let the user of the token create and edit"),
    ],
)
def test_a_refused_call_is_named_with_the_right_that_it_needs(
    name: str | None, path: str, says: str, needs: str
) -> None:
    def refuse(asked: str, body: Any) -> None:
        if asked.startswith(path):
            raise Refusal(403, "PERMISSION_DENIED")

    with serving(StandIn()) as mlflow:
        mlflow.before = refuse
        (level, what, todo), *_ = texts(checked(mlflow, name))

    assert level is Level.PROBLEM
    assert says in what
    assert needs in todo


def test_a_server_that_does_not_answer_is_a_problem() -> None:
    def hang(path: str, body: Any) -> None:
        raise TimeoutError

    with serving(StandIn()) as mlflow:
        mlflow.before = hang
        ((level, what, _),) = texts(checked(mlflow))

    assert level is Level.PROBLEM
    assert "does not answer (ConnectionClosedError)" in what


def test_a_workspace_that_does_not_exist_is_named() -> None:
    def unknown(path: str, body: Any) -> None:
        raise Refusal(404, "RESOURCE_DOES_NOT_EXIST")

    with serving(StandIn()) as mlflow:
        mlflow.before = unknown
        server = server_of(f"{mlflow.url}?workspace=team-a")
        ((level, what, todo),) = texts(check_mlflow(Mlflow(server, Session()), None))

    assert (level, "has no workspace of that name" in what, "create it" in todo) == (Level.PROBLEM, True, True)


@pytest.mark.parametrize(
    ("reason", "says"), [("secret_not_found", "does not exist"), ("secret_not_readable", "may not read its token")]
)
def test_a_token_that_can_not_be_read_is_no_right(reason: str, says: str) -> None:
    def token(fresh: bool) -> str:
        raise NotSent(reason, passes=False)

    with serving(StandIn()) as mlflow:
        found = check_mlflow(Mlflow(server_of(mlflow.url), Session(), token), None)
        ((level, what, todo),) = texts(found)

    assert (level, says in what, "MlflowTokenSecretArn" in todo) == (Level.PROBLEM, True, True)


@pytest.mark.parametrize(
    ("answer", "level", "says"),
    [
        (None, Level.OK, "may put reports"),
        ("AccessDenied", Level.PROBLEM, "no report into MLflow's bucket: AccessDenied"),
        ("not asked", Level.NOTE, "not among the artifacts"),
    ],
)
def test_the_place_for_artifacts_is_tried(answer: str | None, level: Level, says: str) -> None:
    with serving(StandIn()) as mlflow:
        found = texts(checked(mlflow, APP, answer))[-1]

    assert found[0] is level
    assert says in found[1]


@pytest.mark.parametrize(
    ("refusal", "says"), [(None, None), ("AccessDenied", "AccessDenied"), ("NoSuchBucket", "NoSuchBucket")]
)
def test_trying_the_bucket_puts_nothing_into_it(
    refusal: str | None, says: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 compares the digest, as AWS documents it; moto does not."""
    stored = []

    def put(path: str, headers: Mapping[str, str], content: bytes) -> tuple[int, bytes]:
        code = refusal or ("BadDigest" if b64encode(md5(content).digest()).decode() != headers["Content-MD5"] else None)  # noqa: S324 the digest that S3 takes
        if code is None:
            stored.append(path)
            return 200, b""
        return 400 if code == "BadDigest" else 403, f"<Error><Code>{code}</Code></Error>".encode()

    with answering(put) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
        assert may_put(Session(), "mlflow-bucket/artifacts") == says
    assert stored == []


@contextmanager
def answering(answer: Callable[[str, Mapping[str, str], bytes], tuple[int, bytes]]) -> Iterator[str]:
    """The address of a service that answers PUT and POST so, and GET with 404."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, found = answer(self.path, dict(self.headers.items()), content)
            self.send_response(status)
            self.send_header("Content-Length", str(len(found)))
            self.end_headers()
            self.wfile.write(found)

        do_PUT = do_POST = _answer  # noqa: N815 as http.server names them

        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=lambda: server.serve_forever(0.05), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_the_deployed_handler_answers() -> None:
    with (
        serving(StandIn()) as mlflow,
        running(few(1), without=OTHERS, parameters={"MlflowUrl": mlflow.url}) as (cloud, _),
    ):
        answer = cloud.functions["WriteMlflow"]({"check": "mlflow"})

    assert (answer["server"], answer["trouble"], answer["refused"]) == (mlflow.url, None, [])
    assert answer["artifacts"] == "not configured"


FUNCTION = {
    "Type": "AWS::Lambda::Function",
    "Properties": {
        "Code": {"ZipFile": "def handler(event, context): pass"},
        "Handler": "index.handler",
        "Runtime": "python3.13",
        "Role": "arn:aws:iam::123456789012:role/r",
    },
}


@pytest.mark.parametrize(
    ("answers", "level", "says"),
    [
        (
            {"server": "https://m", "trouble": None, "refused": [], "allowed": ["GetRun"]},
            "ok",
            "lets write_mlflow write",
        ),
        ({"errorMessage": "no module"}, "problem", "write_mlflow could not look at MLflow: no module"),
        (None, "problem", "write_mlflow could not look at MLflow: it gave no answer"),
    ],
)
def test_doctor_asks_the_function(
    answers: Any, level: str, says: str, aws: Aws, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = {**TEMPLATE, "Resources": {**TEMPLATE["Resources"], "WriteMlflow": FUNCTION}}
    boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    boto3.client("cloudformation").create_stack(StackName="trialbook", TemplateBody=json.dumps(template))
    asked: list[bytes] = []

    def answer(path: str, headers: Mapping[str, str], content: bytes) -> tuple[int, bytes]:
        asked.append(content)
        return 200, json.dumps(answers).encode()

    with answering(answer) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", url)
        done = ask("doctor", "--json")

    (found,) = [each for each in json.loads(done.stdout) if "MLflow" in each["what"]]
    assert (found["level"], says in found["what"]) == (level, True)
    assert [json.loads(each) for each in asked] == [{"check": "mlflow"}]
