"""Each service down, throttling, slow or answering nonsense for forty minutes in the middle of a sweep: what waits for
it, which alarms go off, and that in the end everything stands as if nothing had been (`-s` prints it)."""

import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default
from functools import cache
from itertools import cycle
from random import Random
from typing import NoReturn

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from tests.conftest import FOLLOWS_THE_LEDGER
from tests.faults.wire import answer
from tests.integration.test_replay import bytes_left, few
from trialbook_cli.laptop_cloud import LaptopCloud
from trialbook_cli.replaying import ReplayOutcome, outcome_of, running
from trialbook_cli.slack_stand_in.errors import Hang, HttpAnswer
from trialbook_cli.slack_stand_in.workspace import Request

URL = "https://in.its.stead"
MINUTE = timedelta(minutes=1)
LENGTH = 40 * MINUTE
RULES = "experiments: {churn-xgb: {quiet_minutes: 5}}"
Fault = Callable[[str], AWSResponse]
LASTING = ("Sweep Started", "Sweep Finished", "Report Ready")
# template.yaml's alarms on the age of a queue's oldest message.
AGES = {
    "RecordQueue": (15 * MINUTE, "RecordQueueAgeAlarm"),
    "AttachQueue": (240 * MINUTE, "AttachQueueAgeAlarm"),
    "ReportQueue": (60 * MINUTE, "ReportQueueAgeAlarm"),
    "SlackQueue": (1440 * MINUTE, "SlackQueueAgeAlarm"),
    "EmailQueue": (1440 * MINUTE, "EmailQueueAgeAlarm"),
}


def down(service: str) -> NoReturn:
    raise EndpointConnectionError(endpoint_url=URL)


def slow(service: str) -> NoReturn:
    raise ReadTimeoutError(endpoint_url=URL)


def throttling(service: str) -> AWSResponse:
    if service == "s3":
        return answer(503, b"<Error><Code>SlowDown</Code></Error>", "application/xml")
    code = b"ProvisionedThroughputExceededException" if service == "dynamodb" else b"ThrottlingException"
    return answer(400, b'{"__type": "' + code + b'", "message": "Rate exceeded"}')


def nonsense(service: str) -> AWSResponse:
    """A page of some proxy. DynamoDB's answers carry a checksum."""
    made = answer(500 if service == "s3" else 200, b"<html>we will be back soon</html>", "text/html")
    made.headers["x-amz-crc32"] = "1"
    return made


class Watch:
    """Looks at the queues each minute, and learns of functions that fail as a whole."""

    def __init__(self) -> None:
        self.alarms: set[str] = set()
        self.waiting: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()

    def failed(self, function: str, error: Exception) -> None:
        self.errors[function] += 1
        self.alarms.add("ErrorsAlarm")

    def look(self, cloud: LaptopCloud) -> None:
        now = cloud.now.timestamp() * 1000
        for queue, (limit, alarm) in AGES.items():
            if queue not in cloud._sources:
                continue  # its function is not deployed
            ages = [timedelta(milliseconds=now - each.sent_timestamp) for each in cloud.queues.messages(queue)]
            self.waiting[queue] = max(self.waiting[queue], sum(age > MINUTE for age in ages))
            if any(age > limit for age in ages):
                self.alarms.add(alarm)
        if any(cloud.now - since > 15 * MINUTE for stream in cloud._streams for since in stream.stuck.values()):
            self.alarms.add("StreamAgeAlarm")


def play(
    without: tuple[str, ...], begins: timedelta = timedelta(), fault: Fault | None = None, service: str = ""
) -> tuple[ReplayOutcome, Watch]:
    """Two jobs of a loop; the service is out for a while that begins so long after the first event. Slack, which is not
    AWS's, is asked in its own way and has a kind of trouble for each call."""
    watch = Watch()
    events = list(few(2).events)
    out_from = datetime.fromisoformat(events[0]["time"]) + begins
    with running(few(2), without=without, rules=RULES) as (cloud, sagemaker):
        cloud.on_error = watch.failed

        def in_its_stead(function: str, called: str, operation: str) -> AWSResponse | None:
            is_out = out_from <= cloud.now < out_from + LENGTH
            return fault(called) if fault is not None and called == service and is_out else None

        slacks = cycle(
            [Hang(), HttpAnswer.rate_limited(30), HttpAnswer(503), HttpAnswer(200, "<html>back soon</html>")]
        )

        def before(method: str, request: Request) -> None:
            if service == "slack" and out_from <= cloud.now < out_from + LENGTH:
                raise next(slacks)

        cloud.fault, cloud.slack.before = in_its_stead, before
        for event in events:
            cloud.deliver(event)
        while cloud.now < out_from + LENGTH + 10 * MINUTE:
            cloud.advance(cloud.now + MINUTE)
            watch.look(cloud)
        cloud.finish()
        return outcome_of(cloud, sagemaker), watch


@cache
def undisturbed(without: tuple[str, ...]) -> ReplayOutcome:
    found, watch = play(without)
    assert (watch.alarms, watch.errors.total()) == (set(), 0)
    return found


def delivered(found: ReplayOutcome) -> tuple[list[str], list[str]]:
    """What people have in the end: Slack's messages with their threads and files, and the subjects of mails."""
    messages = [
        f"{each.text} {sorted(found.slack.files[at].name for at in each.files)}" for each in found.slack.messages
    ]
    parsed = [message_from_bytes(each, policy=default) for each in found.mails]
    return sorted(messages), sorted(str(each["Subject"]) for each in parsed)


def lasting(found: ReplayOutcome) -> set[str]:
    """The ids of what was announced, but for progress, of which an outage leaves the last."""
    return {event["detail"]["id"] for event in found.announced if event["detail-type"] in LASTING}


START, RUNNING, CLOSING = timedelta(), MINUTE, 6 * MINUTE  # the last job ends after five minutes
KINDS = (down, throttling, slow, nonsense)


def in_turn() -> Fault:
    """Every kind of trouble, one attempt after the other."""
    turns = cycle(KINDS)
    return lambda service: next(turns)(service)


OUTAGES: dict[str, tuple[str, timedelta, Fault, set[str]]] = {
    **{f"SageMaker {kind.__name__}": ("sagemaker", RUNNING, kind, {"RecordQueueAgeAlarm"}) for kind in KINDS},
    **{f"DynamoDB {kind.__name__}": ("dynamodb", RUNNING, kind, {"RecordQueueAgeAlarm"}) for kind in KINDS},
    "DynamoDB, while the sweep is to be closed": ("dynamodb", CLOSING, in_turn(), {"ErrorsAlarm"}),
    "S3, while the report is to be built": ("s3", CLOSING, in_turn(), set()),
    "SSM, before any document was read": ("ssm", START, in_turn(), {"RecordQueueAgeAlarm"}),
    "SSM, while functions run that have read it": ("ssm", RUNNING, in_turn(), set()),
    "EventBridge": ("eventbridge", RUNNING, in_turn(), {"StreamAgeAlarm"}),
    "SES": ("sesv2", RUNNING, in_turn(), set()),
    "Slack": ("slack", RUNNING, in_turn(), set()),
    "Slack, while the sweep's end is reported": ("slack", CLOSING, in_turn(), set()),
}
DELIVERS = ("s3", "sesv2", "slack")


@pytest.mark.parametrize("case", OUTAGES)
def test_an_outage_of_forty_minutes_changes_nothing_in_the_end(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # pauses between the attempts of a call
    service, begins, fault, alarms = OUTAGES[case]
    without = () if service in DELIVERS else FOLLOWS_THE_LEDGER
    expected = undisturbed(without)

    found, watch = play(without, begins, fault, service)
    waited = {queue: number for queue, number in watch.waiting.items() if number}
    sys.stdout.write(f"{case}: waiting {waited}, failed {dict(watch.errors)}, alarms {sorted(watch.alarms)}\n")

    assert bytes_left(found) == bytes_left(expected)
    assert lasting(found) == lasting(expected)
    assert delivered(found) == delivered(expected)
    assert not any(found.dead_letters.values())
    assert watch.alarms == alarms


@pytest.mark.parametrize(("service", "share"), [("sagemaker", 1 / 8), ("dynamodb", 1 / 8), ("events", 1 / 2)])
def test_answers_that_are_lost_though_the_call_was_done_change_nothing_in_the_end(service: str, share: float) -> None:
    chance = Random(2)
    lost = 0

    def after_call(function: str, called: str, operation: str) -> None:
        nonlocal lost
        if called == service and chance.random() < share:
            lost += 1
            raise ReadTimeoutError(endpoint_url=URL)

    with running(few(2), without=FOLLOWS_THE_LEDGER, rules=RULES) as (cloud, sagemaker):
        cloud.after_call, cloud.on_error = after_call, lambda function, error: None
        for event in few(2).events:
            cloud.deliver(event)
        cloud.finish()
        found = outcome_of(cloud, sagemaker)

    assert lost > 1
    assert bytes_left(found) == bytes_left(undisturbed(FOLLOWS_THE_LEDGER))
    assert lasting(found) == lasting(undisturbed(FOLLOWS_THE_LEDGER))
    assert not any(found.dead_letters.values())
