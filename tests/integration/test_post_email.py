"""Mails, through the deployed wiring: each once, whatever dies, fails, repeats or comes late."""

import email
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default
from functools import cache
from itertools import count
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from botocore.awsrequest import AWSResponse

from tests.faults.wire import answer
from tests.integration.conftest import free_port
from tests.integration.test_build_report import outcome
from tests.integration.test_replay import CHURN, TUNING, few
from tests.unit.sample_messages import HOSTILE
from trialbook.core.errors import InvalidInput
from trialbook.ledger.deliveries import Deliveries
from trialbook.runtime import observability
from trialbook_cli.laptop_cloud import LaptopCloud, ProcessDied, Recording
from trialbook_cli.replaying import replay, running
from trialbook_cli.smtp import send_on

OTHERS = ("AttachJob", "Reconcile", "PostSlack", "PostBestTrials")
NAME = "PostEmail"


def parsed(mail: bytes) -> EmailMessage:
    made = email.message_from_bytes(mail, policy=default)
    assert isinstance(made, EmailMessage)
    return made


def recipients(cloud: LaptopCloud) -> Counter[str]:
    return Counter(str(parsed(mail)["To"]) for mail in cloud.mails())


@contextmanager
def with_a_report(to: str = "team@example.com") -> Iterator[tuple[LaptopCloud, Mapping[str, Any]]]:
    """A cloud in which a report stands and no mail was sent, and the event that tells of it."""
    with running(few(2), without=OTHERS, parameters={"EmailTo": ""}) as (cloud, _):
        for event in few(2).events:
            cloud.deliver(event)
        cloud.finish()
        (ready,) = [each for each in cloud.announced() if each["detail-type"] == "Report Ready"]
        assert cloud.mails() == []
        address(cloud, to)
        yield cloud, ready


def address(cloud: LaptopCloud, to: str) -> None:
    """Mails go there from now on."""
    cloud.functions[NAME].environment["EMAIL_TO"] = to
    cloud.functions[NAME].forget()


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        (CHURN, "5 of 5 finished, best validation:error"),
        (TUNING, "60 of 60 finished, 3 failed, best validation:logloss"),
    ],
)
def test_a_sweep_costs_one_mail_however_many_jobs_it_has(name: str, subject: str) -> None:
    (mail,) = map(parsed, outcome(name).mails)

    assert mail["Subject"].startswith(f"churn-xgb: {subject}")
    assert [each.get_filename() for each in mail.iter_attachments()] == ["churn-xgb-report.html"]
    assert sum(part.get_content_type() == "image/png" for part in mail.walk()) == 1


def test_the_same_recording_gives_the_same_mails_and_records() -> None:
    one, other = (replay(few(2), without=OTHERS) for _ in range(2))

    assert one.mails == other.mails
    assert [each for each in one.items if "DELIVERY" in str(each)] == [
        each for each in other.items if "DELIVERY" in str(each)
    ]


def test_events_that_come_twice_or_late_send_nothing_more() -> None:
    with with_a_report() as (cloud, ready):
        for event in (ready, {**ready, "detail-type": "Sweep Finished"}, ready):
            cloud.put_message("EmailQueue", event)
        cloud.finish()

        assert recipients(cloud) == {"team@example.com": 1}


def test_a_death_after_any_call_loses_no_mail_and_doubles_it_in_one_window_alone() -> None:
    doubled = []
    with with_a_report() as (cloud, ready):
        for dies_at in count(1):
            address(cloud, to := f"to-{dies_at}@example.com")
            made, last = count(1), list[str]()

            def after_call(
                by: str, service: str, operation: str, made: Any = made, last: Any = last, dies_at: int = dies_at
            ) -> None:
                if by == NAME and next(made) == dies_at:
                    last.append(operation)
                    raise ProcessDied

            cloud.after_call = after_call
            cloud.put_message("EmailQueue", ready)
            cloud.finish()
            cloud.after_call = None
            if not last:
                break
            sent = [parsed(mail) for mail in cloud.mails() if parsed(mail)["To"] == to]
            assert len({mail["Message-ID"] for mail in sent}) == 1, dies_at
            doubled += last * (len(sent) - 1)

        assert dies_at > 8
        assert doubled == ["SendEmail"]


def for_a_while(cloud: LaptopCloud) -> None:
    """Long enough for what failed once to be tried again."""
    for _ in range(3):
        cloud.advance(cloud.now + timedelta(minutes=10))


def ses_answers(cloud: LaptopCloud, faults: Iterator[tuple[int, str] | None]) -> None:
    """SES answers with these errors in order, None for its own answer."""

    def fault(function: str, service: str, operation: str) -> AWSResponse | None:
        found = next(faults, None) if service == "sesv2" else None
        if found is None:
            return None
        status, code = found
        said = answer(status, json.dumps({"message": "not verified: team@example.com"}).encode())
        said.headers["x-amzn-errortype"] = code
        return said

    cloud.fault = fault


@pytest.mark.parametrize(
    ("status", "code", "waits"),
    [
        (429, "TooManyRequestsException", 10 + 20 + 40),
        (500, "InternalFailure", 10 + 20 + 40),
        (400, "MessageRejected", 3 * 900),
    ],
)
def test_a_mail_that_ses_rejects_is_sent_later(status: int, code: str, waits: int) -> None:
    with with_a_report() as (cloud, ready):
        began = cloud.now
        ses_answers(cloud, iter([(status, code)] * 3))
        cloud.put_message("EmailQueue", ready)
        cloud.finish()
        (record,) = Deliveries(cloud.ledger.table).of(f"sweep/{ready['detail']['sweep']['sweep']}")

        assert recipients(cloud) == {"team@example.com": 1}
        assert record.sent_at is not None
        assert waits <= (record.sent_at - began).total_seconds() <= waits + 10


def test_an_address_that_fails_neither_holds_up_nor_repeats_the_others() -> None:
    with with_a_report("one@example.com,no address,two@example.com") as (cloud, ready):
        cloud.put_message("EmailQueue", ready)
        for_a_while(cloud)
        first = recipients(cloud)
        for_a_while(cloud)
        later = recipients(cloud)
        records = {
            each.address: each
            for each in Deliveries(cloud.ledger.table).of(f"sweep/{ready['detail']['sweep']['sweep']}")
        }

    assert first == later == {"one@example.com": 1, "two@example.com": 1}
    assert records["no address"].problem == "the address is no email address"


def test_two_hundred_events_a_fifth_of_whose_mails_ses_refuses_give_each_mail_once() -> None:
    with with_a_report() as (cloud, ready):
        turn = count()
        ses_answers(cloud, ((429, "TooManyRequestsException") if next(turn) % 5 == 0 else None for _ in count()))
        wanted = [f"to-{number}@example.com" for number in range(50)]
        address(cloud, ",".join(wanted))
        for _ in range(4):
            cloud.put_message("EmailQueue", ready)
        cloud.finish()

        assert recipients(cloud) == dict.fromkeys(wanted, 1)
        assert not cloud.dead_letters()["EmailDeadLetters"]


def of_a_failed_job(reason: str) -> Recording:
    """One job, by itself, that failed."""
    events = json.loads(json.dumps(list(few(1).events)))
    for event in events:
        if event["detail"]["TrainingJobStatus"] == "Completed":
            event["detail"] |= {"TrainingJobStatus": "Failed", "SecondaryStatus": "Failed", "FailureReason": reason}
    answers = json.loads(json.dumps(list(few(1).answers)))
    for each in answers:
        if each["operation"] == "DescribeTrainingJob":
            each["response"] |= {"TrainingJobStatus": "Failed", "SecondaryStatus": "Failed", "FailureReason": reason}
            each["response"].pop("FinalMetricDataList", None)
    return Recording("failed", events, answers)


def test_a_failed_single_job_is_reported_with_its_reason_as_text() -> None:
    found = replay(of_a_failed_job(HOSTILE), without=OTHERS)

    (mail,) = map(parsed, found.mails)
    plain = str(mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]
    page = str(mail.get_body(("html",)).get_content())  # type: ignore[union-attr]
    assert "training job failed" in mail["Subject"]
    assert "\n" not in mail["Subject"]
    assert mail["Bcc"] is None
    assert "<script>alert(1)</script>" in plain.replace("\n", " ")
    assert "<script>" not in page
    assert not {"\u202e", "\x00"} & set(plain + page)


def test_a_single_job_that_ends_well_is_worth_no_mail() -> None:
    assert replay(few(1), without=OTHERS).mails == ()


def test_no_log_line_contains_an_address_even_if_ses_names_it() -> None:
    written = io.StringIO()
    handler = observability.logger.registered_handler
    assert handler is not None
    with with_a_report("secret.person@example.com,not an address") as (cloud, ready):
        before, handler.stream = handler.stream, written  # type: ignore[attr-defined]
        observability.logger.setLevel("DEBUG")
        try:
            ses_answers(cloud, iter([(400, "MessageRejected")]))
            printed: list[str] = []
            cloud.functions[NAME].printed = printed.append
            cloud.put_message("EmailQueue", ready)
            for_a_while(cloud)
        finally:
            handler.stream = before  # type: ignore[attr-defined]
            observability.logger.setLevel("CRITICAL")

    output = written.getvalue() + "".join(printed)
    assert "MessageRejected" in output
    assert "a message was not taken" in output
    assert not [each for each in ("secret.person", "team@example", "not an address") if each in output]


def test_a_malformed_event_goes_to_the_dead_letter_queue_and_harms_no_other() -> None:
    with with_a_report() as (cloud, ready):
        cloud.put_message("EmailQueue", {"detail-type": "Sweep Exploded", "detail": {}})
        cloud.put_message("EmailQueue", ready)
        cloud.finish()

        assert recipients(cloud) == {"team@example.com": 1}


class Kept(Sink):
    """A mail server that keeps what it gets, whole."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], bytes]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 aiosmtpd's name
        self.mails.append((envelope.rcpt_tos, envelope.content))
        return "250 OK"


@cache
def churn_mails() -> tuple[bytes, ...]:
    return outcome(CHURN).mails


def test_a_real_mail_server_takes_the_mails_of_a_replay_as_they_are() -> None:
    server = Kept()
    port = free_port()
    controller = Controller(server, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        assert send_on(f"127.0.0.1:{port}", churn_mails()) == 1
    finally:
        controller.stop()

    ((to, content),) = server.mails
    assert to == ["team@example.com"]
    assert parsed(content)["Message-ID"] == parsed(churn_mails()[0])["Message-ID"]
    assert content.rstrip() == churn_mails()[0].rstrip()


@pytest.mark.parametrize("bad", ["localhost", ":25", "127.0.0.1:1"])
def test_a_server_that_does_not_exist_is_reported(bad: str) -> None:
    with pytest.raises(InvalidInput, match="--smtp"):
        send_on(bad, churn_mails())
