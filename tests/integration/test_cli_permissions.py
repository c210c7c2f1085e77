"""What docs/cli.md says that a person's credentials must allow is what the commands ask AWS for: no less, no more."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
from botocore.client import BaseClient

from tests.conftest import ROOT
from tests.integration.move_tasks import MoveTasks
from tests.integration.test_delivery_commands import queue
from tests.integration.test_delivery_commands import tasks as tasks
from tests.integration.test_delivery_commands import workspace as workspace
from tests.integration.test_record_commands import SINCE, Ask, Aws, measure
from tests.integration.test_record_commands import ask as ask
from tests.integration.test_record_commands import aws as aws
from trialbook_cli.slack_stand_in import Workspace

SWEEP = "churn-xgb-261121-0900"
RULES = "quiet_minutes: 10\n"
# How IAM calls what botocore calls otherwise.
NAMES = {
    "dynamodb:TransactWriteItems": "dynamodb:PutItem",
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sesv2:SendEmail": "ses:SendEmail",
    "sagemaker-metrics:BatchGetMetrics": "sagemaker:BatchGetMetrics",
}
# What no command below needs: a token in the other place, what SES asks for beside SendEmail, and the stream of a table
# that still has what it gave up; an account that has jobs of Bedrock, and a stack that writes to MLflow.
OTHERWISE = {
    "lambda:InvokeFunction",
    *("secretsmanager:GetSecretValue", "ses:SendRawEmail", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
    *("bedrock:GetModelCustomizationJob", "bedrock:ListTagsForResource"),
}
# What Lambda leaves in the stream's dead letters, of a day that the stream no longer has.
STRETCH = {
    "shardId": "shardId-00000000000000000000-00000000",
    "startSequenceNumber": "1",
    "endSequenceNumber": "9",
    "approximateArrivalOfFirstRecord": "2026-11-20T00:00:00Z",
    "approximateArrivalOfLastRecord": "2026-11-21T00:00:00Z",
    "streamArn": "arn:aws:dynamodb:us-east-1:123456789012:table/gone/stream/2026-11-20T00:00:00.000",
}
CALL: Any = vars(BaseClient)["_make_api_call"]  # the one place through which every call goes


@dataclass
class Row:
    """The actions that a row names, and the rows that it builds upon."""

    own: set[str]
    upon: list[str]


def documented() -> dict[str, Row]:
    """The page's table."""
    found: dict[str, Row] = {}
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8").partition("the credentials must allow |")[2]
    for name, said in re.findall(r"^\| (.+?) \| (.+) \|$", text.partition("\n\n")[0], re.MULTILINE):
        upon = [["asking"] if "asking" in said else [], [*found][-1:] if "the row above" in said else []]
        found[name] = Row(set(re.findall(r"`([a-z0-9]+:[A-Za-z*]+)`", said)), [*upon[0], *upon[1]])
    return {name: row for name, row in found.items() if row.own}


@contextmanager
def watched() -> Iterator[set[str]]:
    """The actions that are asked for."""
    used: set[str] = set()

    def call(client: Any, operation: str, request: Any) -> Any:
        service = client.meta.service_model.service_name
        used.add(NAMES.get(f"{service}:{operation}", f"{service}:{operation}"))
        return CALL(client, operation, request)

    with patch.object(BaseClient, "_make_api_call", call):
        yield used


def test_each_command_asks_for_what_the_page_says(
    aws: Aws, workspace: Workspace, tasks: MoveTasks, ask: Ask, tmp_path: Path
) -> None:
    rules, out, api = tmp_path / "rules.yaml", tmp_path / "out", f"{workspace.url}/api/"
    rules.write_text(RULES, encoding="utf-8")
    measure(aws)
    changed = tmp_path / "changed.yaml"
    changed.write_text("experiments: {churn-xgb: {objective: maximize validation:auc}}", encoding="utf-8")
    mail = ["test-message", "--channel", "email", "--to", "a@example.com"]
    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="reports")
    boto3.client("sesv2").create_email_identity(EmailIdentity="trialbook@example.com")
    for name in ("SlackDeadLetters", "RecordDeadLetters"):
        boto3.client("sqs").send_message(QueueUrl=queue(name), MessageBody="waits")
    tasks.refusal, tasks.refused = "UnsupportedOperation", "RecordDeadLetters"
    gave_up = json.dumps({"DDBStreamBatchInfo": STRETCH})
    boto3.client("sqs").send_message(QueueUrl=queue("StreamDeadLetters"), MessageBody=gave_up)
    commands: list[tuple[str, list[list[Any]]]] = [
        ("`rules push`", [["rules", "push", rules]]),
        ("`backfill`, `record`", [["record", *SINCE, "--out", out / "r"], ["backfill", *SINCE, "--book", out / "b"]]),
        ("`backfill` into a stack", [["backfill", *SINCE]]),
        ("`rerank`", [["rerank", "churn-xgb", "--rules", changed], ["rerank", "churn-xgb"]]),
        ("asking", [["experiments"], ["sweeps"], ["trials", SWEEP], ["best", SWEEP]]),
        ("asking", [["watch", SWEEP, "--once"], ["show", "churn-xgb-2026-11-20-10-15-04-760"]]),
        (
            "`compare`, `curve`",
            [["compare", SWEEP, "churn-xgb@"], ["curve", "churn-xgb-2026-11-20-10-15-04-760", "--json"]],
        ),
        ("`report`", [["report", SWEEP, "--out", out / "page"]]),
        ("`rules pull`", [["rules", "pull"]]),
        ("`export`", [["export", "--out", out / "e"]]),
        ("`redrive`", [["redrive"]]),
        ("`test-message`", [["test-message", "--channel", "slack", "--slack-url", api], mail]),
        ("`prune`", [["prune", "--older-than", "0d", "--yes", "--export", out / "p"]]),
    ]
    found = documented()
    used: dict[str, set[str]] = {name: set() for name in found}
    for row, called in commands:
        for command in called:
            shutil.rmtree(tmp_path / "cache", ignore_errors=True)  # where the stack's outputs are remembered
            with watched() as asked:
                done = ask(*command)
            assert done.exit_code == 0, (command, done.output)
            assert "_aws" not in done.output, "metrics are for CloudWatch"
            used[row] |= asked
    for name, said in found.items():
        allowed = said.own.union(*(found[each].own for each in said.upon))

        assert [each for each in used[name] if not any(fnmatchcase(each, one) for one in allowed)] == [], name
        assert [each for each in said.own - OTHERWISE if not any(fnmatchcase(one, each) for one in used[name])] == [], (
            name
        )
