"""Services that take a connection and never answer, on real sockets: what that costs, and whom."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from botocore.session import get_session

from tests.conftest import ROOT
from tests.integration.conftest import opened
from tests.queues import RememberingQueue
from trialbook.adapters.batch import Batch
from trialbook.adapters.captured import all_captured_curves
from trialbook.adapters.cloudwatch import CloudWatch
from trialbook.adapters.cloudwatch_logs import Logs
from trialbook.adapters.eventbridge import EventBus
from trialbook.adapters.mlflow import Mlflow
from trialbook.adapters.pricing import PriceList
from trialbook.adapters.s3 import Bucket, artifact_store
from trialbook.adapters.sagemaker import SageMaker
from trialbook.adapters.sagemaker_metrics import SageMakerMetrics
from trialbook.adapters.secret_parameters import SecretParameters
from trialbook.adapters.secrets_manager import LinkKeys
from trialbook.adapters.ses import Ses
from trialbook.adapters.slack import Slack, Webhook
from trialbook.adapters.sqs import Queue
from trialbook.adapters.ssm import Parameter
from trialbook.adapters.sts import session_as
from trialbook.core.announcements import SWEEP_STARTED, Announcement
from trialbook.core.jobs import JobKey, JobKind
from trialbook.core.messages.delivery import Sent
from trialbook.core.mlflow_server import Server
from trialbook.ledger.ledger import Ledger
from trialbook.messages.slack import SlackText
from trialbook.runtime import deadline
from trialbook.runtime.aws_clients import prepared
from trialbook.runtime.sqs_batch import process
from trialbook_book.folder import open_folder
from trialbook_cli.laptop_cloud.functions import Context, Function
from trialbook_cli.laptop_cloud.template import load_template
from trialbook_cli.sagemaker_stand_in import Account

pytestmark = pytest.mark.long
HERE = Account()
ACCOUNT, REGION = HERE.id, HERE.region


class Running(Context):
    """An invocation whose time runs out, as Lambda's does."""

    def __init__(self, seconds: float) -> None:
        super().__init__("function", int(seconds), 1024, HERE)
        object.__setattr__(self, "ends_at", time.monotonic() + seconds)

    def get_remaining_time_in_millis(self) -> int:
        ends_at: float = object.__getattribute__(self, "ends_at")
        return int((ends_at - time.monotonic()) * 1000)


class Silent:
    """A server that takes every connection and answers none. If it trickles, it begins answers, sends a byte of them
    ten times a second, and never comes to the end."""

    def __init__(self, *, trickles: bool = False) -> None:
        self._trickles = trickles
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.taken: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            try:
                taken = self._listener.accept()[0]
            except OSError:
                return
            self.taken.append(taken)
            if self._trickles:
                threading.Thread(target=self._trickle, args=(taken,), daemon=True).start()

    def _trickle(self, to: socket.socket) -> None:
        with suppress(OSError):
            to.recv(65_536)
            to.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{")
            while True:
                time.sleep(0.1)
                to.sendall(b" ")

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for each in (self._listener, *self.taken):
            each.close()


@pytest.fixture
def silent() -> Iterator[Silent]:
    server = Silent()
    yield server
    server.close()


def message(number: int, body: Mapping[str, Any]) -> dict[str, Any]:
    attributes = {"ApproximateReceiveCount": "1"}
    return {
        "messageId": f"m{number}",
        "receiptHandle": f"r{number}",
        "body": json.dumps(body),
        "attributes": attributes,
    }


def event_of(name: str, sample: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "events" / f"{sample}.json").read_text())
    event["detail"] |= {"TrainingJobName": name, "TrainingJobArn": f"{event['detail']['TrainingJobArn']}-{name}"}
    return event


def begun(execution: str) -> dict[str, Any]:
    """The event of a pipeline's execution that begins."""
    text = (ROOT / "events" / "pipeline-execution-executing.json").read_text()
    event: dict[str, Any] = json.loads(text)
    former = event["detail"]["pipelineExecutionArn"].rpartition("/")[2]
    found: dict[str, Any] = json.loads(text.replace(former, execution))
    return found


def in_record_job(events: Sequence[Mapping[str, Any]], seconds: float, environment: Mapping[str, str]) -> Any:
    """What the function answers to a batch, given so many seconds."""
    properties = load_template(ROOT / "template.yaml")["Resources"]["RecordJob"]["Properties"]
    properties["Environment"] = {"Variables": {}}
    with patch.dict(os.environ, environment):
        handler = Function("RecordJob", properties, ROOT, HERE)._load().handler
        batch = {"Records": [message(number, each) for number, each in enumerate(events)]}
        return handler(batch, Running(seconds))


def test_one_call_that_hangs_fails_one_message_and_not_its_neighbours(silent: Silent, moto_url: str) -> None:
    """Its neighbours need no answer of SageMaker's: the executions of nine pipelines."""
    executions = [f"execution{at:03}" for at in range(9)]
    events = [event_of("search-20261120-101500", "training-completed"), *map(begun, executions)]
    with opened(moto_url) as ledger:
        began = time.monotonic()
        answer = in_record_job(
            events,
            60,
            {
                "LEDGER_TABLE": ledger.table.name,
                "DEAD_LETTERS_URL": f"{moto_url}/dead-letters",
                "AWS_ENDPOINT_URL": moto_url,
                "AWS_ENDPOINT_URL_SAGEMAKER": silent.url,
            },
        )
        took = time.monotonic() - began
        place = events[0]["account"], events[0]["region"]
        hanging = ledger.record(JobKey(*place, JobKind.TRAINING, "search-20261120-101500"))
        keys = [JobKey(*place, JobKind.PIPELINE_EXECUTION, f"churn-pipeline/{each}") for each in executions]
        recorded = [ledger.record(key) for key in keys]

    assert took < 30
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert hanging is None
    assert all(recorded)


def calls(silent: Silent, folder: Path) -> dict[str, Callable[[], object]]:
    """Calls of each client, by the module that makes it. All lead to the server that never answers."""
    session = prepared(get_session())
    ledger = Ledger("ledger", region=REGION, host=silent.url)
    assert ledger.table.connection.client  # made in this thread, as a function's: pynamodb has a session for each
    in_a_folder = open_folder(folder / "book", create=True)
    key = JobKey(ACCOUNT, REGION, JobKind.TRAINING, "a")
    mail = EmailMessage()
    mail["To"] = "a@example.com"
    other = SageMaker(session_as(session, f"arn:aws:iam::{ACCOUNT}:role/member"), REGION)
    begin, end = datetime(2026, 11, 20, 10, tzinfo=UTC), datetime(2026, 11, 20, 11, tzinfo=UTC)
    slack, mlflow = Slack(lambda: "token", f"{silent.url}/api/"), Mlflow(Server("one", silent.url), session)
    sent = Sent("1.2", "C0123456")
    return {
        "batch: a service job": lambda: Batch(session, REGION).describe("a", ACCOUNT, REGION),
        "cloudwatch: use of machines": lambda: CloudWatch(session, REGION).measured("a", 1, [], begin, end, end),
        "cloudwatch_logs: a log": lambda: Logs(session, REGION).last_lines("a"),
        "eventbridge: an event": lambda: EventBus(session, "bus").publish([Announcement("a", SWEEP_STARTED, {})]),
        "mlflow: a run": lambda: mlflow.run("a"),
        "mlflow: an artifact": lambda: mlflow.put_artifact("mlflow-artifacts:/1", "a.html", b"a"),
        "pricing: a price": lambda: PriceList(session, in_a_folder.notes).of(["ml.m5.large"], REGION),
        "s3: curves of several jobs": lambda: all_captured_curves(
            [key, replace(key, name="b")], Bucket(session, "reports")
        ),
        "s3: a report": lambda: Bucket(session, "reports").get("reports/a"),
        "s3: an artifact of MLflow": lambda: artifact_store(session, "a/b")("s3://a/b", "a.html", b"a"),
        "sagemaker: a job": lambda: SageMaker(session, REGION).describe(key),
        "sagemaker_metrics: a curve": lambda: SageMakerMetrics(session, REGION).curves("a", ["b"]),
        "secret_parameters: a parameter": lambda: SecretParameters(session).parameter("/a"),
        "secret_parameters: a secret": lambda: SecretParameters(session).secret("a"),
        "secrets_manager: keys of links": lambda: LinkKeys(session, "secret").current(),
        "ses: a mail": lambda: Ses(session).send(mail),
        "slack: a message": lambda: slack.post("C0123456", SlackText("a", ()), {}),
        "slack: a file": lambda: slack.upload("a", b"a", "a"),
        "slack: a search": lambda: slack.find_file(sent, "a", begin),
        "slack: a webhook": lambda: Webhook(lambda name: silent.url).post("/a", SlackText("a", ())),
        "sqs: a message that waits": lambda: Queue(session, silent.url, f"{silent.url}/queue").postpone("receipt", 5),
        "sqs: a batch": lambda: Queue(session, silent.url, f"{silent.url}/queue").hide({"receipt": 20}),
        "sqs: a dead letter": lambda: Queue(session, f"{silent.url}/dead", silent.url).give_up("a"),
        "ssm: rules": lambda: Parameter(session, "/a", timedelta(0))(),
        "sts: a role elsewhere": lambda: other.describe(key),
        "table: a job": lambda: ledger.record(key),
    }


# Without an answer a price is unknown, and the queue's own timeout decides when a batch comes again.
DO_WITHOUT = {"pricing: a price", "sqs: a batch"}
MAKES_A_CLIENT = re.compile(
    r"create_client|URLLib3Session\(|WebClient\(|WebhookClient\(|urlopen|http\.client import HTTPC"
)


def test_the_calls_of_these_tests_are_those_of_all_clients_that_functions_have(silent: Silent, tmp_path: Path) -> None:
    """PynamoDB makes the client of the table."""
    folders = (ROOT / "layers" / "trialbook" / "trialbook", ROOT / "functions")
    files = [each for folder in folders for each in folder.rglob("*.py")]
    makers = {each.stem for each in files if MAKES_A_CLIENT.search(each.read_text(encoding="utf-8"))}

    assert {name.partition(":")[0] for name in calls(silent, tmp_path)} == {*makers, "table"}


def with_seconds_left(seconds: float, call: Callable[[], object]) -> tuple[float, str]:
    """How long a call took in an invocation that had so long, and what it raised."""

    @deadline.kept
    def handler(event: Any, context: Any) -> str:
        try:
            call()
        except Exception as error:  # noqa: BLE001 whatever it is, it is no hanging
            return repr(error)
        return "an answer"

    began = time.monotonic()
    raised = handler({}, Running(seconds))
    return time.monotonic() - began, raised


def in_the_same_time(
    seconds: float, silent: Silent, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, tuple[float, str]]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", silent.url)
    made = calls(silent, folder)
    with ThreadPoolExecutor(len(made)) as pool:
        running = {name: pool.submit(with_seconds_left, seconds, call) for name, call in made.items()}
        return {name: each.result() for name, each in running.items()}


def test_no_call_of_any_client_outlives_its_invocation(
    silent: Silent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = in_the_same_time(29, silent, tmp_path, monkeypatch)

    assert {name: took for name, (took, _) in found.items() if took > 29} == {}
    assert {name for name, (_, raised) in found.items() if raised == "an answer"} == DO_WITHOUT
    assert len(silent.taken) >= len(found)


def trickling(seconds: float) -> None:
    """Prints how long each client takes with a server that trickles, in a process of its own with so many seconds left:
    only a main thread can be interrupted."""
    server = Silent(trickles=True)
    os.environ["AWS_ENDPOINT_URL"] = server.url
    with TemporaryDirectory() as folder:
        made = calls(server, Path(folder))
        running = {}
        for name, call in made.items():
            reading, writing = os.pipe()
            if os.fork() == 0:
                os.write(writing, json.dumps(with_seconds_left(seconds, call)).encode())
                os._exit(0)
            os.close(writing)
            running[name] = reading
        found = {name: json.loads(os.read(each, 65_536)) for name, each in running.items()}
    print(json.dumps(found))


def test_no_answer_that_trickles_in_outlives_its_invocation() -> None:
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-c",
        "from tests.integration.test_deadlines import trickling; trickling(29)",
    ]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=120)
    found = json.loads(done.stdout.splitlines()[-1])  # the others are logs

    assert len(found) > 20
    assert {name: took for name, (took, _) in found.items() if took > 29} == {}
    assert {name for name, (_, raised) in found.items() if raised == "an answer"} == DO_WITHOUT


def test_no_call_is_begun_that_may_outlive_its_invocation(
    silent: Silent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = in_the_same_time(9, silent, tmp_path, monkeypatch)

    assert max(took for took, _ in found.values()) < 5
    assert silent.taken == []


def test_a_batch_takes_no_new_message_that_may_not_fit_and_postpones_the_rest() -> None:
    queue = RememberingQueue()
    handled: list[str] = []

    def handle(record: Any) -> None:
        handled.append(record.message_id)
        time.sleep(1.2)

    batch = {"Records": [message(number, {}) for number in range(4)]}
    limited = deadline.kept(lambda event, context: process(event, handle, queue))
    answer = limited(batch, Running(17))

    assert handled == ["m0"]
    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == ["m1", "m2", "m3"]
    assert queue.postponed == [("r1", 20), ("r2", 20), ("r3", 20)]
    assert queue.hidden == []


def test_a_batch_may_ask_to_come_again_soon_if_its_process_dies_but_not_forever() -> None:
    """The queue hides its messages for minutes."""
    queue = RememberingQueue()
    records = [message(number, {}) for number in range(8)]
    for number, record in enumerate(records):
        record["attributes"]["ApproximateReceiveCount"] = str(number + 1)

    def fails(record: Any) -> None:
        raise ValueError(record.message_id)

    process({"Records": records}, fails, queue, longest_pause=360)

    pauses = [20, 20, 20, 40, 80, 160, 320, 360]
    assert queue.hidden == [(f"r{number}", pause) for number, pause in enumerate(pauses)]
    assert queue.postponed == queue.hidden
