"""The most memory that each built function had on a sweep of 10,000 jobs, beside what it is given: a tuning job with 10,000
children in the ledger (AWS's DynamoDB Local), SageMaker's and Slack's stand-ins and moto beside them. record_job gets ten more
children and the tuning job's end, attach_job ten children, announce_changes a batch of 1,000 changes; reconcile, close_sweeps
and build_report go through all jobs; post_slack and post_email send the report, open_report redirects to its page,
post_best_trials reports the week. capture_job, poll_jobs and write_mlflow are not measured. Lambda's own runtime client comes on top, about 15 MB."""

import json
import os
import subprocess
import tempfile
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.session import Session
from moto.server import ThreadedMotoServer

from tests.benchmarks.built import Built, built, logical_id
from tests.benchmarks.close import fill
from tests.benchmarks.many_children import TUNING_JOB, many_children
from tests.benchmarks.page import table
from tests.benchmarks.warm_cost import messages
from tests.conftest import ROOT
from tests.integration.conftest import opened, running_dynamodb_local
from tests.integration.test_build import FUNCTIONS
from trialbook.adapters.sagemaker import SageMaker
from trialbook.core.report_links import link
from trialbook.ledger.ledger import Ledger
from trialbook.record_job import record_job
from trialbook.services import Services
from trialbook_book.folder import FolderLedger, Table
from trialbook_cli.laptop_cloud import Recording
from trialbook_cli.laptop_cloud.template import load_template
from trialbook_cli.sagemaker_stand_in import Account, from_recording, serve
from trialbook_cli.slack_stand_in import Workspace, serve_slack

TITLE = "Memory on a large sweep"
CHILDREN, MORE = 10_000, 10
CHILD = ROOT / "tests" / "benchmarks" / "child.py"
DELIVERY = {
    "SLACK_CHANNEL": "#training",
    "SLACK_TOKEN_PARAMETER": "/trialbook/slack-token",
    "EMAIL_FROM": "trialbook@example.com",
    "EMAIL_TO": "team@example.com",
}
_NOT_MEASURED = {"capture_job", "poll_jobs", "write_mlflow"}
KEY = "a key for links of this machine"


def measure() -> str:
    """The functions one after the other, as the sweep goes on."""
    recording = many_children(CHILDREN + MORE)
    end = datetime.fromisoformat(recording.events[-1]["time"]) + timedelta(minutes=5)
    rows = []
    with built() as made, _world(recording, end) as (ledger, endpoints):
        for name, events in _scenarios(recording, ledger, end, endpoints["AWS_ENDPOINT_URL"]):
            found = _run(made, name, events, {**DELIVERY, **endpoints, "LEDGER_TABLE": ledger.table.name})
            given = _memory_size(name)
            assert found["peak"] < 1024 * given, (name, found)
            # What goes into a thread waits until the message that it hangs from is old enough.
            assert found["again"] == 0 or name == "post_slack", (name, found)
            rows.append([name, round(found["started"] / 1024), round(found["peak"] / 1024), given])
        sweep = ledger.sweep(TUNING_JOB)
        assert sweep is not None
        assert (sweep.counts.completed, sweep.state.value) == (CHILDREN + MORE, "closed")
    assert {name for name, *_ in rows} == set(FUNCTIONS) - _NOT_MEASURED
    return table(["function", "MB, started", "MB, at most", "MB, given"], rows)


@contextmanager
def _world(recording: Recording, end: datetime) -> Iterator[tuple[Ledger, dict[str, str]]]:
    sagemaker = from_recording(recording.answers, Account(), lambda: end)
    slack = Workspace()
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    try:
        with (
            running_dynamodb_local() as dynamodb,
            opened(dynamodb) as ledger,
            serve(sagemaker) as endpoint,
            serve_slack(slack) as slack_url,
        ):
            host, port = moto.get_host_and_port()
            url = f"http://{host}:{port}"
            _make(url, slack.token)
            client = SageMaker(_session(endpoint), "us-east-1")
            written = Table()
            book = FolderLedger(written)
            services = Services(book, lambda account, region: client)
            begins = next(each for each in recording.events if "HyperParameterTuningJobName" in each["detail"])
            record_job(begins, services)
            fill(book, recording, CHILDREN)
            _copy(written, ledger)
            yield (
                ledger,
                {
                    "AWS_ENDPOINT_URL": url,
                    "AWS_ENDPOINT_URL_DYNAMODB": dynamodb,
                    "AWS_ENDPOINT_URL_SAGEMAKER": endpoint,
                    "SLACK_API": f"{slack_url}/api/",
                    "QUEUE_URL": f"{url}/123456789012/queue",
                },
            )
            assert [each.text.partition(" ")[0] for each in slack.top_level()] == ["✅"]
    finally:
        moto.stop()


def _client(service: str, url: str) -> Any:
    return boto3.client(service, endpoint_url=url, region_name="us-east-1")


def _make(url: str, token: str) -> None:
    """What the stack has besides its ledger, and a queue that keeps the bus's events."""
    sqs, events = _client("sqs", url), _client("events", url)
    for queue in ("queue", "announced"):
        sqs.create_queue(QueueName=queue)
    events.create_event_bus(Name="trialbook")
    events.put_rule(Name="announced", EventBusName="trialbook", EventPattern='{"detail-type": ["Report Ready"]}')
    target = {"Id": "announced", "Arn": "arn:aws:sqs:us-east-1:123456789012:announced"}
    events.put_targets(Rule="announced", EventBusName="trialbook", Targets=[target])
    _client("s3", url).create_bucket(Bucket="reports")
    _client("ssm", url).put_parameter(Name=DELIVERY["SLACK_TOKEN_PARAMETER"], Type="SecureString", Value=token)
    _client("sesv2", url).create_email_identity(EmailIdentity=DELIVERY["EMAIL_FROM"])
    _client("secretsmanager", url).create_secret(Name="report-links", SecretString=KEY)


def _copy(written: Table, ledger: Ledger) -> None:
    """A ledger that was written in memory, 25 items a request."""
    client: Any = ledger.table.connection.client
    puts = [{"PutRequest": {"Item": item}} for item in written.items.values()]
    for start in range(0, len(puts), 25):
        answer = client.batch_write_item(RequestItems={ledger.table.name: puts[start : start + 25]})
        assert not answer["UnprocessedItems"]


def _session(endpoint: str) -> Session:
    os.environ["AWS_ENDPOINT_URL_SAGEMAKER"] = endpoint
    return Session()


def _scenarios(
    recording: Recording, ledger: Ledger, end: datetime, url: str
) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    """Each function's events; made when its turn comes, from what the ones before left."""
    ends = [each for each in recording.events if each["detail"].get("TrainingJobStatus") == "Completed"]
    yield "attach_job", [messages(ends[-MORE:])]
    yield "record_job", [messages(ends[-MORE:]), messages([recording.events[-1]])]
    yield "announce_changes", [{"Records": _changes(ledger)}]
    tick = {"id": "tick", "time": end.strftime("%Y-%m-%dT%H:%M:%SZ"), "account": "123456789012", "region": "us-east-1"}
    yield "reconcile", [tick]
    yield "close_sweeps", [tick]
    finished = {"id": "x", "detail-type": "Sweep Finished", "source": "trialbook", "time": tick["time"]}
    yield "build_report", [messages([{**finished, "detail": {"sweep": {"sweep": TUNING_JOB}}}])]
    ready = messages([_ready(url)])
    yield "post_slack", [ready]
    yield "post_email", [ready]
    key = _client("secretsmanager", url).get_secret_value(SecretId="report-links")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    good = urlsplit(link("https://x", f"reports/{TUNING_JOB}/report.html", key["VersionId"], KEY, tomorrow))
    request = json.loads((ROOT / "events" / "invoke" / "open_report.json").read_text())
    yield "open_report", [{**request, "rawPath": good.path, "rawQueryString": good.query}]
    closed = ledger.sweep(TUNING_JOB)
    assert closed is not None
    assert closed.closed_at is not None
    monday = (closed.closed_at + timedelta(days=2)).strftime("%Y-%m-%dT08:00:00Z")
    yield "post_best_trials", [{**tick, "time": monday}]


def _ready(url: str) -> dict[str, Any]:
    """The event that build_report put on the bus."""
    (found,) = _client("sqs", url).receive_message(QueueUrl=f"{url}/123456789012/announced")["Messages"]
    event: dict[str, Any] = json.loads(found["Body"])
    return event


def _changes(ledger: Ledger) -> list[dict[str, Any]]:
    client: Any = ledger.table.connection.client
    found: list[dict[str, Any]] = []
    start: dict[str, Any] = {}
    while len(found) < 1000:
        answer = client.scan(TableName=ledger.table.name, **start)
        jobs = (item for item in answer["Items"] if item["item"]["S"] == "job")
        found += [{**item, "packed_facts": {"B": b64encode(item["packed_facts"]["B"]).decode()}} for item in jobs]
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
    return [
        {"eventID": str(at), "dynamodb": {"SequenceNumber": str(at), "NewImage": item}}
        for at, item in enumerate(found[:1000])
    ]


def _run(made: Built, name: str, events: list[Mapping[str, Any]], more: Mapping[str, str]) -> dict[str, int]:
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.write("".join(f"{json.dumps(each)}\n" for each in events))
        file.flush()
        done = subprocess.run(
            [str(made.python), "-S", "-P", str(CHILD), "memory", file.name],
            capture_output=True,
            text=True,
            env={**made.environment(name), **more},
            check=False,
        )
    assert done.returncode == 0, done.stderr
    answer: dict[str, int] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def _memory_size(name: str) -> int:
    template = load_template(ROOT / "template.yaml")
    own = template["Resources"][logical_id(name)]["Properties"]
    return int(own.get("MemorySize", template["Globals"]["Function"]["MemorySize"]))
