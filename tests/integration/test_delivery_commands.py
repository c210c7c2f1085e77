"""The commands that look after delivery: redrive, test-message, and what show tells of messages."""

import json
from collections.abc import Iterator
from email import message_from_string
from email.policy import default
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.session import Session
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from tests.integration.move_tasks import MoveTasks, move_tasks
from tests.integration.test_build_report import outcome
from tests.integration.test_record_commands import TEMPLATE, Ask, Aws, deploy
from tests.integration.test_record_commands import ask as ask
from tests.integration.test_record_commands import aws as aws
from tests.integration.test_replay import CHURN
from trialbook.adapters.sqs import Queue
from trialbook.core.events import parse_event
from trialbook.runtime.sqs_batch import SqsMessage, envelope_of, process
from trialbook_cli.replaying import write_outcome
from trialbook_cli.slack_stand_in import SlackChannel, SlackError, Workspace, serve_slack

GIVEN = {
    "SlackChannel": "#training",
    "SlackTokenParameter": "/t/token",
    "SlackWebhookParameter": "/t/hook",
    "EmailFrom": "trialbook@example.com",
}
QUEUES: dict[str, Any] = {
    **{name: {"Type": "AWS::SQS::Queue", "Properties": {}} for name in ("SlackDeadLetters", "StreamDeadLetters")},
    **{
        f"{name}Queue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "RedrivePolicy": {
                    "deadLetterTargetArn": {"Fn::GetAtt": [f"{name}DeadLetters", "Arn"]},
                    "maxReceiveCount": 8,
                }
            },
        }
        for name in ("Slack", "Record")
    },
}


@pytest.fixture
def tasks(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[MoveTasks]:
    monkeypatch.setattr("trialbook_cli.dead_letters._BETWEEN_LOOKS", 0)
    with move_tasks() as made:
        yield made


@pytest.fixture
def workspace(tasks: MoveTasks) -> Iterator[Workspace]:
    """A stack with queues, and a workspace whose token and webhook lie where the stack's parameters say."""
    template = {**TEMPLATE, "Resources": {**TEMPLATE["Resources"], **QUEUES}}
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in GIVEN.items()]
    boto3.client("cloudformation").create_stack(
        StackName="trialbook", TemplateBody=json.dumps(template), Parameters=given
    )
    made = Workspace()
    with serve_slack(made) as url:
        ssm = boto3.client("ssm")
        ssm.put_parameter(Name="/t/token", Type="SecureString", Value=made.token)
        ssm.put_parameter(Name="/t/hook", Type="SecureString", Value=f"{url}/services/T1/B1/made-up")
        yield made


def queue(name: str) -> str:
    found = boto3.client("cloudformation").list_stack_resources(StackName="trialbook")["StackResourceSummaries"]
    return next(str(each["PhysicalResourceId"]) for each in found if each["LogicalResourceId"] == name)


def bodies(name: str) -> list[str]:
    found: list[str] = []
    while messages := boto3.client("sqs").receive_message(QueueUrl=queue(name), MaxNumberOfMessages=10).get("Messages"):
        found += [each["Body"] for each in messages]
    return sorted(found)


def fill(name: str, number: int) -> None:
    for at in range(number):
        boto3.client("sqs").send_message(QueueUrl=queue(name), MessageBody=f"{name} {at:02}")


def test_waiting_messages_go_back_to_their_queues(workspace: Workspace, tasks: MoveTasks, ask: Ask) -> None:
    sent = {"SlackDeadLetters": 23, "RecordDeadLetters": 2, "StreamDeadLetters": 1}
    for name, number in sent.items():
        fill(name, number)
    counted, done = ask("redrive", "--dry-run"), ask("redrive")
    again = ask("redrive", "--queue", "slack")

    assert (counted.exit_code, done.exit_code) == (0, 0), done.output
    assert "SlackDeadLetters: 23 would be moved back" in counted.stdout
    assert "SlackDeadLetters: 23 moved back" in done.stdout
    assert "StreamDeadLetters: 1 would be announced again from the ledger" in counted.stdout
    assert "StreamDeadLetters: 1 kept; it names no range of a stream" in done.stdout
    assert again.stdout == "SlackDeadLetters: empty\n"
    assert bodies("SlackQueue") == [f"SlackDeadLetters {at:02}" for at in range(23)]
    assert bodies("RecordQueue") == ["RecordDeadLetters 00", "RecordDeadLetters 01"]
    assert bodies("SlackDeadLetters") == []
    assert sorted(len(each) for each in tasks.of.values()) == [1, 1], "a task of SQS's for each queue"


@pytest.mark.parametrize("refusal", ["UnsupportedOperation", "AccessDenied", "InvalidAction"])
def test_messages_move_one_by_one_if_sqs_starts_no_task(
    refusal: str, workspace: Workspace, tasks: MoveTasks, ask: Ask
) -> None:
    fill("SlackDeadLetters", 23)
    tasks.refusal = refusal

    done = ask("redrive", "--queue", "slack")

    assert done.stdout == "SlackDeadLetters: 23 moved back\n"
    assert len(bodies("SlackQueue")) == 23


def test_a_task_that_runs_already_is_followed(workspace: Workspace, tasks: MoveTasks, ask: Ask) -> None:
    """Someone stopped the command, or started the task in the console."""
    fill("SlackDeadLetters", 23)
    arns = {
        name: boto3.client("sqs").get_queue_attributes(QueueUrl=queue(name), AttributeNames=["QueueArn"])
        for name in ("SlackDeadLetters", "SlackQueue")
    }
    source, to = (each["Attributes"]["QueueArn"] for each in arns.values())
    boto3.client("sqs").start_message_move_task(SourceArn=source, DestinationArn=to)

    done = ask("redrive", "--queue", "slack")

    assert done.stdout == "SlackDeadLetters: 23 moved back\n"
    assert len(tasks.of[source]) == 1
    assert len(bodies("SlackQueue")) == 23


def test_a_task_that_fails_is_reported_with_the_reason(workspace: Workspace, tasks: MoveTasks, ask: Ask) -> None:
    fill("SlackDeadLetters", 5)
    tasks.stuck = 2

    done = ask("redrive", "--queue", "slack")

    assert done.exit_code == 1
    assert done.stdout == "SlackDeadLetters: 3 moved back, 2 could not be moved (AccessDenied)\n"


def test_a_malformed_event_that_was_given_up_goes_back_once_for_each_redrive(workspace: Workspace, ask: Ask) -> None:
    """Functions put malformed events into the dead letters themselves: without SQS's note of where they came from."""
    records = Queue(Session(), queue("RecordDeadLetters"))
    body = json.dumps({"detail-type": "Not One Of Ours"})
    records.give_up(body)

    first, again = ask("redrive"), ask("redrive")
    back = bodies("RecordQueue")
    message = {"messageId": "1", "receiptHandle": "1", "body": body, "attributes": {"ApproximateReceiveCount": "1"}}

    def handle(record: SqsMessage) -> None:
        parse_event(envelope_of(record))

    answer = process({"Records": [message]}, handle, records)

    assert "RecordDeadLetters: 1 moved back" in first.stdout
    assert "RecordDeadLetters: empty" in again.stdout
    assert back == [body]
    assert answer == {"batchItemFailures": []}
    assert bodies("RecordDeadLetters") == [body]


def test_an_unknown_queue_is_refused_with_a_list_of_known_ones(workspace: Workspace, ask: Ask) -> None:
    done = ask("redrive", "--queue", "teams")

    assert done.exit_code == 2
    assert "SlackDeadLetters" in done.stderr


def test_a_message_is_sent_for_real(workspace: Workspace, ask: Ask) -> None:
    api = f"{workspace.url}/api/"
    slack = ask("test-message", "--channel", "slack", "--slack-url", api)
    webhook = ask("test-message", "--channel", "webhook")

    assert (slack.exit_code, webhook.exit_code) == (0, 0), slack.output + webhook.output
    assert slack.stdout == "Test message sent to slack #training.\n"
    assert [each.by_webhook for each in workspace.messages] == [False, True]
    assert workspace.refused == []


def test_a_mail_is_really_sent_and_a_refused_one_says_what_to_do(aws: Aws, ask: Ask) -> None:
    deploy(EmailFrom="trialbook@example.com", EmailTo="first@example.com, second@example.com")
    refused = ask("test-message", "--channel", "email")
    boto3.client("sesv2").create_email_identity(EmailIdentity="trialbook@example.com")
    done = ask("test-message", "--channel", "email")
    sent = ses_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].sent_messages

    assert refused.exit_code == 1
    assert "MessageRejected; verify EmailFrom" in refused.stderr
    assert done.stdout == "Test message sent to email first@example.com.\n"
    assert [set(each.destinations) for each in sent] == [{"first@example.com"}]  # moto adds those of the header
    assert "this channel takes them" in message_from_string(sent[0].raw_data, policy=default)["Subject"]


def test_a_mail_needs_a_sender(aws: Aws, ask: Ask) -> None:
    deploy()
    done = ask("test-message", "--channel", "email")

    assert done.exit_code == 2
    assert "EmailFrom" in done.stderr


def test_doctor_names_unreachable_channels_and_says_what_to_do(workspace: Workspace, ask: Ask) -> None:
    workspace.channels += [
        SlackChannel("C0000000002", "secret", is_private=True),
        SlackChannel("C0000000003", "foreign", has_app=False),
        SlackChannel("C0000000004", "closed", is_private=True, has_app=False),
        SlackChannel("C0000000005", "old", is_archived=True),
    ]
    named = "'#training', '#secret', C0000000002, '#foreign', C0000000004, '#old', owner"
    boto3.client("ssm").put_parameter(
        Name="/trialbook/rules", Value=f"routes: [{{to: [{{slack: [{named}]}}]}}]", Type="String"
    )
    done = ask("doctor", "--slack-url", f"{workspace.url}/api/", "--json")
    answer = {each["what"]: each["todo"] for each in json.loads(done.stdout) if "reaches" in each["what"]}
    no = "no message reaches the Slack channel"

    assert done.exit_code == 1
    assert answer.keys() == {
        f"{no} #secret: channel_not_found",
        f"{no} #foreign: not_in_channel",
        f"{no} C0000000004: channel_not_found",
        f"{no} #old: is_archived",
    }
    assert "Name a private channel by its id" in answer[f"{no} #secret: channel_not_found"]
    assert answer[f"{no} #foreign: not_in_channel"] == "invite the app in #foreign: /invite @Trialbook"
    assert "check the id C0000000004" in answer[f"{no} C0000000004: channel_not_found"]


def test_a_channels_refusal_says_what_to_do_without_the_token(workspace: Workspace, ask: Ask) -> None:
    api = f"{workspace.url}/api/"
    missing = ask("test-message", "--channel", "slack", "--to", "#nowhere", "--slack-url", api)
    workspace.before = lambda method, request: refuse()
    void = ask("test-message", "--channel", "slack", "--slack-url", api)
    unknown = ask("test-message", "--channel", "pigeon")

    assert (missing.exit_code, void.exit_code, unknown.exit_code) == (1, 1, 2)
    assert (
        "channel_not_found; no public channel is named #nowhere: check the name. Name a private channel"
        in missing.stderr
    )
    assert "by its id" in " ".join(missing.stderr.split())
    assert "token_revoked; the token was revoked" in void.stderr
    assert "'slack', 'webhook', 'email'" in unknown.stderr
    assert workspace.token not in missing.output + void.output


def refuse() -> None:
    raise SlackError("token_revoked")


def test_the_checkup_knows_the_token_and_its_scopes(workspace: Workspace, ask: Ask) -> None:
    done = ask("doctor", "--slack-url", f"{workspace.url}/api/")
    workspace.scopes = frozenset({"chat:write", "files:write"})
    without = ask("doctor", "--slack-url", f"{workspace.url}/api/")

    assert "Slack knows the token as trialbook of Made up" in done.stdout
    assert "without a scope for history, a crash may post a message twice" in without.stdout


def test_show_lists_what_was_sent_where(ask: Ask, tmp_path: Path) -> None:
    found = outcome(CHURN)
    write_outcome(found, tmp_path / "book")
    job, sweep = found.records[0].job.name, found.sweeps[0].id
    of_job = ask("show", job, "--book", tmp_path / "book").stdout
    of_sweep = ask("show", sweep, "--book", tmp_path / "book")
    as_json = json.loads(ask("show", sweep, "--json", "--book", tmp_path / "book").stdout)

    assert "messages" in of_job
    assert "sweep to slack #training: 2026-11-20T10:15:15.123Z, edited 2026-11-20T10:29:30.001Z" in of_job
    assert "sweep picture to slack #training" in of_sweep.stdout
    assert of_sweep.stdout.startswith(f"{sweep}\nstatus")
    assert {(each["part"], each["state"]) for each in as_json["messages"] if each["channel"] == "slack"} == {
        ("message", "sent"),
        ("picture", "sent"),
    }
