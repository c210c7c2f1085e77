"""The commands that fill and keep the book: history into a folder, recordings, the rules document, the checkup."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer
from typer.testing import CliRunner, Result

from tests.conftest import RECORDINGS, ROOT
from tests.integration.test_replay import CHURN, TUNING
from tests.relocated import HERE, recording
from trialbook.adapters.sagemaker import Unread
from trialbook.core.codec import pack
from trialbook.core.curves.stored import log_from_bytes
from trialbook.core.jobs import JobKey, JobKind
from trialbook.core.times import iso, parse_time
from trialbook.ledger.ledger import Ledger
from trialbook_cli.laptop_cloud import Recording, read_recording
from trialbook_cli.laptop_cloud.template import load_template
from trialbook_cli.main import app
from trialbook_cli.sagemaker_stand_in import SageMaker, from_recording, serve
from trialbook_cli.telemetry_stand_in import Telemetry, measured, serve_telemetry

NOW = datetime(2026, 11, 24, tzinfo=UTC)
SINCE = ["--since", "2026-01-01"]
Ask = Callable[..., Result]


@dataclass
class Aws:
    """moto for all but SageMaker and what is measured of its jobs; the stand-ins for those."""

    sagemaker: SageMaker
    url: str
    telemetry: Telemetry


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Aws]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    answers = [*recording(CHURN).answers, *recording(TUNING).answers]
    sagemaker = from_recording(Recording("both", (), answers).answers, HERE, lambda: NOW)
    telemetry = Telemetry((), lambda: NOW)
    with serve(sagemaker) as url, serve_telemetry(telemetry) as measurements:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", url)
        for service in ("SAGEMAKER_METRICS", "CLOUDWATCH", "CLOUDWATCH_LOGS"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", measurements)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.setenv("COLUMNS", "120")
        yield Aws(sagemaker, f"http://{host}:{port}", telemetry)
    requests.post(f"http://{host}:{port}/moto-api/reset", timeout=10)
    server.stop()


@pytest.fixture
def ask() -> Ask:
    return lambda *arguments, **more: CliRunner().invoke(app, [str(each) for each in arguments], **more)


TEMPLATE: dict[str, Any] = {
    "Parameters": {
        **{
            name: {"Type": "String", "Default": ""}
            for name in ("SlackChannel", "SlackTokenParameter", "SlackTokenSecretArn", "SlackWebhookParameter")
        },
        "EmailFrom": {"Type": "String", "Default": ""},
        "EmailTo": {"Type": "String", "Default": ""},
    },
    "Resources": {
        "Ledger": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                key: value
                for key, value in load_template(ROOT / "template.yaml")["Resources"]["Ledger"]["Properties"].items()
                if key in ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
            },
        },
        "RecordDeadLetters": {"Type": "AWS::SQS::Queue", "Properties": {}},
        "TrainingJobChanged": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {"source": ["aws.sagemaker"]},
                "State": "ENABLED",
                "Targets": [{"Id": "RecordQueue", "Arn": {"Fn::GetAtt": ["RecordDeadLetters", "Arn"]}}],
            },
        },
    },
    "Outputs": {
        "LedgerTable": {"Value": {"Ref": "Ledger"}},
        "RulesParameter": {"Value": "/trialbook/rules"},
        "ReportsBucket": {"Value": "reports"},
    },
}


def deploy(**parameters: str) -> None:
    """A stack with what the checkup looks at."""
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    client = boto3.client("cloudformation")
    client.create_stack(StackName="trialbook", TemplateBody=json.dumps(TEMPLATE), Parameters=given)


def test_an_account_is_read_into_a_folder_that_answers(aws: Aws, ask: Ask, tmp_path: Path) -> None:
    """Nothing is deployed, and nothing in the account changes."""
    book = tmp_path / "book"
    done = ask("backfill", *SINCE, "--book", book)
    again = ask("backfill", *SINCE, "--book", book)
    sweeps = json.loads(ask("sweeps", "--json", "--book", book).stdout)
    best = ask("best", "churn-xgb-261121-0900", "--book", book)
    report = ask("report", "churn-xgb@2026", "--out", tmp_path / "r", "--book", book)
    experiments = json.loads(ask("experiments", "--json", "--book", book).stdout)

    assert done.exit_code == 0, done.output
    assert "TrainingJob: 65 found, 65 recorded" in done.stdout
    assert "TrainingJob: 0 found, 0 recorded" in again.stdout or "recorded" in again.stdout
    assert [each["counts"]["completed"] for each in sweeps] == [46, 5]
    assert best.stdout.startswith("validation:logloss 0.1457 ")
    assert report.stdout.startswith("churn-xgb: best validation:error 0.03959 at min_child_weight = 4")
    assert [(each["experiment"], each["sweeps"]) for each in experiments] == [("churn-xgb", 2)]
    assert not [name for name in aws.sagemaker.calls if name.startswith(("Create", "Add", "Associate", "Update"))]


def test_a_recording_of_the_account_replays_to_the_same_sweeps(aws: Aws, ask: Ask, tmp_path: Path) -> None:
    made = ask("record", *SINCE, "--name-contains", "2026-11-20", "--mask", "--out", tmp_path / "rec")
    replayed = ask("replay", tmp_path / "rec", "--out", tmp_path / "a", "--json")
    original = ask("replay", RECORDINGS / "churn-min-child-weight", "--out", tmp_path / "b", "--json")
    one, other = (json.loads(each.stdout)["sweeps"][0] for each in (replayed, original))

    assert made.exit_code == 0, made.output
    assert one == other
    assert not [name for name in aws.sagemaker.calls if name.startswith(("Create", "Add", "Associate", "Update"))]


def test_rules_are_tried_out_on_a_recording(ask: Ask, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "rules:\n  - {name: growth, match: {job: 'churn-*-123'}, experiment: first}\n"
        "  - {name: none, match: {job: 'churn-*-760'}, ignore: true}\n"
        "experiments: {churn-xgb: {objective: maximize validation:auc}}\n"
    )
    valid = ask("rules", "check", rules)
    done = ask("rules", "test", RECORDINGS / "churn-min-child-weight", "--rules", rules, "--json")
    shown = ask("rules", "test", RECORDINGS / "churn-min-child-weight", "--rules", rules)
    answer = json.loads(done.stdout)
    placed = {each["job_name"]: each["placed_by"] for each in answer["jobs"]}

    assert valid.stdout.endswith("valid; 2 rules, 1 section of experiments\n")
    assert placed["churn-xgb-2026-11-20-10-15-00-123"] == "experiment by rules document, growth, trial by default"
    assert answer["left_out"] == {"churn-xgb-2026-11-20-10-15-04-760": "rules document, none"}
    assert {each["ranked_by"] for each in answer["jobs"] if each["experiment"] == "churn-xgb"} == {
        "maximize validation:auc, by rules document"
    }
    assert answer["announced"]["Sweep Finished"] == 1
    assert "left out: churn-xgb-2026-11-20-10-15-04-760" in shown.stdout


def test_the_messages_of_a_recording_are_listed_with_their_destinations(ask: Ask, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "owner_tag: team\nowners: {growth: {slack: S0GROWTH1, email: growth@example.com}}\n"
        "quiet_hours: {from: '08:00', to: '10:00', zone: UTC, except: alert}\n"
        "alerts: [{name: many failures, failed: 4 %}]\n"
        "routes: [{match: {experiment: 'churn*'}, to: [{slack: '#growth'}, {email: owner}]}]\n"
    )
    valid = ask("rules", "check", rules)
    done = ask("rules", "test", RECORDINGS / "tuning-random-60", "--rules", rules, "--json")
    found = [(each["kind"], each["address"], each["mention"], each["not_before"]) for each in messages(done)]
    edits = [each["edits"] for each in messages(done) if each["kind"] == "sweep"]
    ten = "2026-11-21T10:00:00.000Z"

    assert valid.stdout.endswith("valid; 1 route, 1 alert, 1 window of quiet hours, 1 owner\n")
    assert found == [
        ("sweep", "#growth", None, ten),
        *[("new best", "#growth", None, ten)] * 3,
        ("alert", "#growth", "S0GROWTH1", None),
        ("alert", "growth@example.com", None, None),
        ("sweep", "growth@example.com", None, ten),
        ("thread", "#growth", None, ten),
        ("thread", "#growth", "S0GROWTH1", ten),
    ]
    assert edits == [43, 0]


def messages(done: Result) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(done.stdout)["messages"]
    return found


def test_a_wrong_rule_is_named_by_file_and_line(ask: Ask, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules:\n  - {name: x, match: {jobs: a}, experiment: b}\n")
    done = ask("rules", "check", rules)

    assert done.exit_code == 2
    assert "rules.yaml: line 2" in done.stderr.replace("\n", "")


def test_rules_are_pushed_checked_and_pulled(aws: Aws, ask: Ask, tmp_path: Path) -> None:
    deploy()
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("quiet_minutes: 20\n")
    bad.write_text("quiet_minutes: never\n")
    missing, refused = ask("rules", "pull"), ask("rules", "push", bad)
    pushed, pulled = ask("rules", "push", good), ask("rules", "pull")

    assert (missing.exit_code, refused.exit_code, pushed.exit_code) == (1, 2, 0), pushed.output
    assert "version 1 of /trialbook/rules" in pushed.stdout
    assert pulled.stdout.rstrip("\n") == good.read_text().rstrip("\n")


def test_a_document_that_ssm_does_not_keep_is_refused_before_it_is_sent(aws: Aws, ask: Ask, tmp_path: Path) -> None:
    deploy()
    long = tmp_path / "long.yaml"
    long.write_text("quiet_minutes: 20\n" + "# a comment\n" * 700)
    refused, missing = ask("rules", "push", long), ask("rules", "pull")

    assert refused.exit_code == 2
    assert "expected at most 8,192" in " ".join(refused.stderr.split())
    assert missing.exit_code == 1


def test_a_healthy_deployment_has_no_problem(aws: Aws, ask: Ask) -> None:
    deploy()
    done = ask("doctor", "--json")
    levels = {each["what"]: each["level"] for each in json.loads(done.stdout)}

    assert done.exit_code == 0, done.output
    assert levels["1 rule of EventBridge is enabled"] == "ok"
    assert levels["no dead letters; 0 messages wait"] == "ok"
    assert "problem" not in levels.values()


def test_jobs_that_reconcile_can_not_read_are_named(aws: Aws, ask: Ask) -> None:
    deploy()
    stack = boto3.client("cloudformation").list_stack_resources(StackName="trialbook")["StackResourceSummaries"]
    (table,) = [each["PhysicalResourceId"] for each in stack if each["LogicalResourceId"] == "Ledger"]
    key = JobKey("123456789012", "us-east-1", JobKind.PROCESSING, "clean-07")
    note = {"reached": "2026-11-20T10:00:00.000Z", "unread": [pack(Unread(key, None, "no status"))]}
    notes = Ledger(table, region="us-east-1", host=os.environ["AWS_ENDPOINT_URL"]).notes
    notes.put("reconcile/123456789012/us-east-1/ProcessingJob/failed", json.dumps(note))
    done = ask("doctor")

    assert done.exit_code == 1
    output = " ".join(done.stdout.split())
    assert "1 job can't be read from SageMaker: 123456789012/us-east-1/ProcessingJob/clean-07" in output


@pytest.mark.parametrize("where", ["SlackTokenSecretArn", "SlackTokenParameter"])
def test_a_problem_says_what_to_do(where: str, aws: Aws, ask: Ask, slack: str) -> None:
    if where == "SlackTokenSecretArn":
        place = boto3.client("secretsmanager").create_secret(Name="slack", SecretString="xoxb-1")["ARN"]
    else:
        place = "/trialbook/slack-token"
        boto3.client("ssm").put_parameter(Name=place, Value="xoxb-1", Type="SecureString")
    deploy(**{where: place}, EmailFrom="book@example.com")
    stack = boto3.client("cloudformation").list_stack_resources(StackName="trialbook")["StackResourceSummaries"]
    physical = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in stack}
    boto3.client("sqs").send_message(QueueUrl=physical["RecordDeadLetters"], MessageBody="{}")
    boto3.client("events").disable_rule(Name=physical["TrainingJobChanged"])
    boto3.client("ssm").put_parameter(Name="/trialbook/rules", Value="rules: 7", Type="String")
    done = ask("doctor", "--slack-url", slack)
    output = done.stdout

    assert done.exit_code == 1, done.output
    assert "rule TrainingJobChanged is disabled" in output
    assert "1 message in RecordDeadLetters could not be handled" in output
    assert "trialbook redrive" in output
    assert "/trialbook/rules is invalid" in output
    assert "the Slack token lacks files:write" in output
    assert "SES has not verified book@example.com" in output
    assert "xoxb-1" not in output


@pytest.fixture
def slack() -> Iterator[str]:
    """Answers auth.test for a token that may write but upload nothing."""

    class Slack(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.send_header("x-oauth-scopes", "chat:write,channels:read")
            self.end_headers()
            self.wfile.write(json.dumps({"ok": True, "user": "trialbook", "team": "growth"}).encode())

        def log_message(self, *arguments: object) -> None:
            """Keeps the output clean."""

    server = HTTPServer(("127.0.0.1", 0), Slack)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/api/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_stack_is_asked_for_once_and_then_remembered(aws: Aws, ask: Ask, tmp_path: Path) -> None:
    deploy()
    first = ask("sweeps")
    remembered = json.loads((tmp_path / "cache" / "trialbook" / "stacks.json").read_text())
    unknown = ask("sweeps", "--stack", "nowhere")

    assert first.stdout == "No sweeps yet.\n"
    assert [each["account"] for each in remembered.values()] == ["123456789012"]
    assert unknown.exit_code == 2
    assert "--stack is 'nowhere'" in unknown.stderr
    assert "trialbook backfill --since 30d --book" in unknown.stderr


def test_a_stack_deployed_anew_is_asked_itself_and_not_the_table_of_the_former_one(
    aws: Aws, ask: Ask, tmp_path: Path
) -> None:
    """The former table stays behind with its jobs, as it does on AWS: deleting a stack retains it."""
    deploy()
    ask("sweeps")
    cloudformation = boto3.client("cloudformation")
    former = cloudformation.describe_stacks(StackName="trialbook")["Stacks"][0]["Outputs"][0]["OutputValue"]
    cloudformation.delete_stack(StackName="trialbook")
    deploy()
    filled = ask("backfill", *SINCE, "--name-contains", "churn-xgb-2026")
    later(tmp_path)
    asked = ask("sweeps", "--json")

    assert "TrainingJob: 5 found, 5 recorded" in filled.stdout
    assert len(json.loads(asked.stdout)) == 1
    found = cloudformation.describe_stacks(StackName="trialbook")["Stacks"][0]["Outputs"][0]["OutputValue"]
    assert found != former
    remembered = json.loads((tmp_path / "cache" / "trialbook" / "stacks.json").read_text())
    assert [each["outputs"]["LedgerTable"] for each in remembered.values()] == [found]


def later(folder: Path) -> None:
    """Makes what is remembered of stacks two minutes older."""
    file = folder / "cache" / "trialbook" / "stacks.json"
    file.write_text(
        json.dumps({key: {**each, "at": each["at"] - 120} for key, each in json.loads(file.read_text()).items()})
    )


def test_other_credentials_ask_for_their_own_stack(
    aws: Aws, ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    deploy()
    ask("sweeps")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-another-account")
    boto3.client("cloudformation").delete_stack(StackName="trialbook")
    other = ask("sweeps")

    assert other.exit_code == 2
    assert "--stack is 'trialbook'" in other.stderr


def test_a_table_that_is_gone_is_forgotten(aws: Aws, ask: Ask, tmp_path: Path) -> None:
    deploy()
    ask("sweeps")
    (remembered,) = json.loads((tmp_path / "cache" / "trialbook" / "stacks.json").read_text()).values()
    boto3.client("dynamodb").delete_table(TableName=remembered["outputs"]["LedgerTable"])
    gone = ask("sweeps")

    assert gone.exit_code == 1
    assert "The table does not exist" in gone.stderr
    assert not (tmp_path / "cache" / "trialbook" / "stacks.json").exists()


# -- what AWS still keeps of how jobs learned -------------------------------------------------------------------------

SECRET = "hf_" + "abcdefghijklmnopqrstuvwxyz"


def measure(aws: Aws) -> str:
    """Gives the stand-in a curve of a completed job, and the log of a failed one; the completed one's name."""
    jobs = aws.sagemaker.jobs[JobKind.TRAINING]
    learned = next(name for name, job in jobs.items() if job["TrainingJobStatus"] == "Completed")
    failed = next(name for name, job in jobs.items() if job["TrainingJobStatus"] == "Failed")
    begin = parse_time(jobs[learned]["TrainingStartTime"], "start") or NOW
    curve = [[iso(begin + timedelta(seconds=step)), step, 1 / (step + 1)] for step in range(9)]
    lines: list[dict[str, Any]] = [
        {"job_name": learned, "metrics": {"validation:logloss": curve}},
        {"job_name": failed, "log": ["epoch 1", f"token {SECRET}", "ValueError: depth"]},
    ]
    aws.telemetry.jobs.update({each.job_name: each for each in map(measured, lines)})
    return learned


def test_record_writes_what_was_measured_and_a_replay_answers_it(aws: Aws, ask: Ask, tmp_path: Path) -> None:
    learned = measure(aws)
    done = ask("record", *SINCE, "--out", tmp_path / "made")
    text = (tmp_path / "made/metrics.jsonl").read_text()
    first, second = sorted(map(json.loads, text.splitlines()), key=lambda line: len(line["log"]))

    assert done.exit_code == 0, done.output
    assert first["job_name"] == learned
    assert [[x, y] for _, x, y in first["metrics"]["validation:logloss"]][:2] == [[0, 1.0], [1, 0.5]]
    assert (second["log"][0], second["log"][-1]) == ("epoch 1", "ValueError: depth")
    assert SECRET not in text
    assert len(read_recording(tmp_path / "made").measured) == 2


def test_backfill_keeps_what_was_measured_beside_the_book(aws: Aws, ask: Ask, tmp_path: Path) -> None:
    learned = measure(aws)
    done = ask("backfill", *SINCE, "--book", tmp_path / "book")
    drawn = ask("curve", learned, "--metric", "validation:logloss", "--book", tmp_path / "book")
    logs = [path.read_bytes() for path in (tmp_path / "book/jobs").rglob("log.json.gz")]

    assert done.exit_code == 0, done.output
    assert "9 points" in drawn.output
    assert [log_from_bytes(each).splitlines()[-1] for each in logs] == ["ValueError: depth"]


def test_backfill_without_curves_asks_for_none(aws: Aws, ask: Ask, tmp_path: Path) -> None:
    measure(aws)
    ask("backfill", *SINCE, "--no-curves", "--book", tmp_path / "book")

    assert aws.telemetry.calls == []
    assert not (tmp_path / "book/jobs").exists()
