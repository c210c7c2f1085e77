"""Services that take a connection and never answer, on real sockets: what that costs, and whom."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from botocore.session import get_session

from tests.conftest import ROOT
from tests.integration.conftest import opened
from tests.queues import RememberingQueue
from trialbook.adapters.eventbridge import EventBus
from trialbook.adapters.pricing import PriceList
from trialbook.adapters.s3 import Bucket
from trialbook.adapters.sagemaker import SageMaker
from trialbook.adapters.secret_parameters import SecretParameters
from trialbook.adapters.secrets_manager import LinkKeys
from trialbook.adapters.ses import Ses
from trialbook.adapters.slack import Slack, Webhook
from trialbook.adapters.sqs import Queue
from trialbook.adapters.ssm import Parameter
from trialbook.adapters.sts import session_as
from trialbook.core.announcements import SWEEP_STARTED, Announcement
from trialbook.core.jobs import JobKey, JobKind
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
    """A server that takes every connection and answers none."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.taken: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            try:
                self.taken.append(self._listener.accept()[0])
            except OSError:
                return

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
    """A call of each client. The session's clients lead to the server that never answers."""
    session = prepared(get_session())
    ledger = Ledger("ledger", region=REGION, host=silent.url)
    assert ledger.table.connection.client  # made in this thread, as a function's: pynamodb has a session for each
    in_a_folder = open_folder(folder / "book", create=True)
    key = JobKey(ACCOUNT, REGION, JobKind.TRAINING, "a")
    mail = EmailMessage()
    mail["To"] = "a@example.com"
    other = SageMaker(session_as(session, f"arn:aws:iam::{ACCOUNT}:role/member"), REGION)
    return {
        "dynamodb": lambda: ledger.record(key),
        "events": lambda: EventBus(session, "bus").publish([Announcement("a", SWEEP_STARTED, {})]),
        "pricing": lambda: PriceList(session, in_a_folder.notes).of(["ml.m5.large"], REGION),
        "s3": lambda: Bucket(session, "reports").get("reports/a"),
        "sagemaker": lambda: SageMaker(session, REGION).describe(key),
        "secrets of links": lambda: LinkKeys(session, "secret").current(),
        "secrets of Slack": lambda: SecretParameters(session).parameter("/a"),
        "ses": lambda: Ses(session).send(mail),
        "slack": lambda: Slack(lambda: "token", f"{silent.url}/api/").post("C0123456", SlackText("a", ()), {}),
        "slack, a file": lambda: Slack(lambda: "token", f"{silent.url}/api/").upload("a", b"a", "a"),
        "sqs": lambda: Queue(session, f"{silent.url}/dead", f"{silent.url}/queue").postpone("receipt", 5),
        "ssm": lambda: Parameter(session, "/a", timedelta(0))(),
        "sts": lambda: other.describe(key),
        "webhook": lambda: Webhook(lambda name: silent.url).post("/a", SlackText("a", ())),
    }  # fmt: skip


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
    assert [name for name, (_, raised) in found.items() if raised == "an answer"] == ["pricing"]  # unknown for now
    assert len(silent.taken) >= len(found)


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
    limited = deadline.kept(lambda event, context: process(event, context, handle, queue))
    answer = limited(batch, Running(17))

    assert handled == ["m0"]
    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == ["m1", "m2", "m3"]
    assert queue.postponed == [("r1", 20), ("r2", 20), ("r3", 20)]
