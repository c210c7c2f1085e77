"""An answer with status 200 that is none of AWS's: a captive portal's or a proxy's page is an outage, and never taken for
"there is nothing" or "it is done"."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from botocore.session import Session

from trialbook.adapters.sagemaker import SageMaker, Unavailable, Unread, Unreadable
from trialbook.core.jobs import JobKey, JobKind
from trialbook.runtime.aws_clients import NotAnAnswer, prepared

MOMENT = datetime(2026, 11, 20, tzinfo=UTC)
ARN = "arn:aws:sagemaker:us-east-1:123456789012:training-job/churn-1"
PAGES = {
    "a page": b"<html><body>Sign in to the guest network</body></html>",
    "another service's JSON": b'{"error": "upstream is down"}',
    "a JSON list": b"[]",
    "a JSON text": b'"ok"',
    "half an answer": b'{"Tags": [{"Key": "a"',
    "nothing": b"",
}


class Portal(BaseHTTPRequestHandler):
    """Answers everything with one body and status 200."""

    body = b""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(type(self).body)))
        self.end_headers()
        self.wfile.write(type(self).body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Portal)
    Thread(target=server.serve_forever, daemon=True).start()
    made = prepared(Session())
    made.set_credentials("key", "secret")
    made.set_config_variable("region", "us-east-1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_address[1]}")
        yield made
    server.shutdown()
    server.server_close()


@contextmanager
def answering(body: bytes) -> Iterator[None]:
    Portal.body = body
    yield
    Portal.body = b""


def key(kind: JobKind) -> JobKey:
    return JobKey("123456789012", "us-east-1", kind, "churn-1")


CALLS: dict[str, Callable[[SageMaker], object]] = {
    "describe": lambda client: client.describe(key(JobKind.TRAINING)),
    "describe_tuning_job": lambda client: client.describe_tuning_job(key(JobKind.TUNING)),
    "tags": lambda client: client.tags(ARN),
    "children": lambda client: list(client.children(key(JobKind.TUNING))),
    "search": lambda client: list(client.jobs_modified(JobKind.TRAINING, "1", "us-east-1", MOMENT, MOMENT)),
    "list": lambda client: list(client.jobs_modified(JobKind.PROCESSING, "1", "us-east-1", MOMENT, MOMENT)),
    "with_statistics": lambda client: client.with_statistics((), "churn-1-aws-training-job"),
    "ensure_experiment": lambda client: client.ensure_experiment("churn"),
    "ensure_trial": lambda client: client.ensure_trial("churn-1", "churn"),
    "experiment_of": lambda client: client.experiment_of("churn-1"),
    "associate": lambda client: client.associate("churn-1-aws-training-job", "churn-1"),
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("call", CALLS)
def test_an_answer_that_is_not_sagemakers_is_an_outage(call: str, page: str, session: Session) -> None:
    client = SageMaker(session, "us-east-1")
    with answering(PAGES[page]), pytest.raises(Unavailable):
        CALLS[call](client)


@pytest.mark.parametrize(
    ("service", "operation", "request_"),
    [
        ("events", "put_events", {"Entries": [{"Source": "a", "DetailType": "b", "Detail": "{}"}]}),
        ("sqs", "send_message", {"QueueUrl": "http://127.0.0.1/1/q", "MessageBody": "a"}),
        ("sesv2", "send_email", {"Content": {}}),
        ("dynamodb", "get_item", {"TableName": "t", "Key": {"pk": {"S": "a"}}}),
        ("dynamodb", "transact_write_items", {"TransactItems": []}),
        ("ssm", "get_parameter", {"Name": "a"}),
        ("secretsmanager", "get_secret_value", {"SecretId": "a"}),
    ],
)
def test_an_answer_that_is_not_another_services_is_an_error(
    service: str, operation: str, request_: dict[str, Any], session: Session
) -> None:
    client = session.create_client(service)
    with answering(PAGES["a page"]), pytest.raises(NotAnAnswer):
        getattr(client, operation)(**request_)


def test_an_answer_without_entries_is_one(session: Session) -> None:
    client = SageMaker(session, "us-east-1")
    with answering(b"{}"):
        assert client.tags(ARN) == {}
    with answering(b'{"Tags": []}'):
        assert client.tags(ARN) == {}


@pytest.mark.parametrize(
    "body",
    [
        b'{"TrainingJobName": "churn-1", "TrainingJobStatus": "Completed", "CreationTime": "yesterday"}',
        b'{"TrainingJobName": "churn-1", "TrainingJobStatus": "Completed", "ModelArtifacts": "none"}',
        b'{"TrainingJobName": "churn-1", "TrainingJobStatus": [], "CreationTime": 1}',
    ],
)
def test_an_answer_about_the_job_that_makes_no_sense_is_unreadable(body: bytes, session: Session) -> None:
    with answering(body), pytest.raises(Unreadable):
        SageMaker(session, "us-east-1").describe(key(JobKind.TRAINING))


@pytest.mark.parametrize("body", [b'{"Tags": [{}]}', b'{"Tags": [null]}', b'{"Tags": "none"}', b'{"Tags": [1]}'])
def test_tags_that_make_no_sense_are_asked_for_again(body: bytes, session: Session) -> None:
    with answering(body), pytest.raises(Unavailable):
        SageMaker(session, "us-east-1").tags(ARN)


@pytest.mark.parametrize(
    ("kind", "member"), [(JobKind.TRAINING, "Results"), (JobKind.PROCESSING, "ProcessingJobSummaries")]
)
def test_an_entry_that_is_null_goes_to_what_can_not_be_read(kind: JobKind, member: str, session: Session) -> None:
    unread: list[Unread] = []
    with answering(f'{{"{member}": [null]}}'.encode()):
        jobs = SageMaker(session, "us-east-1").jobs_modified(
            kind, "1", "us-east-1", MOMENT, MOMENT, unread=unread.append
        )
        assert list(jobs) == []

    assert [entry.name for entry in unread] == [""]


def test_a_moment_that_is_none_costs_no_other_entry_of_a_list(session: Session) -> None:
    body = (
        b'{"ProcessingJobSummaries": ['
        b'{"ProcessingJobName": "a", "ProcessingJobStatus": "Completed", "CreationTime": "soon", "LastModifiedTime": 9},'
        b'{"ProcessingJobName": "b", "ProcessingJobStatus": "Completed", "CreationTime": 1, "LastModifiedTime": 2}]}'
    )
    unread: list[Unread] = []
    with answering(body):
        jobs = SageMaker(session, "us-east-1").jobs_modified(
            JobKind.PROCESSING, "1", "us-east-1", MOMENT, MOMENT, unread=unread.append
        )
        names = [job.name for job in jobs]

    assert names == ["b"]
    assert [(entry.name, entry.changed_at) for entry in unread] == [("a", datetime.fromtimestamp(9, UTC))]
