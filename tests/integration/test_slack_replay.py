"""What the deployed wiring tells in Slack of recordings of real training, and that no secret gets into what it prints."""

import os
import re
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.integration.test_build_report import outcome
from tests.integration.test_replay import CHURN, TUNING, few
from tests.relocated import recording
from trialbook_cli.replaying import replay, running, write_outcome
from trialbook_cli.slack_stand_in import Posted, SlackChannel, Workspace

TOKEN = "xoxb-4711-known-secret"
HOOK = "https-known-secret-hook"


@pytest.mark.parametrize("name", [CHURN, TUNING])
def test_a_sweep_costs_one_message_edited_at_most_once_in_fifteen_seconds(name: str) -> None:
    found = outcome(name)
    (posted,) = found.slack.top_level()
    gaps = [later - earlier for earlier, later in zip(posted.edited_at, posted.edited_at[1:], strict=False)]
    calls = Counter(method for method, _ in found.slack.calls)
    print(f"{name}: {len(found.records)} jobs, {len(found.announced)} events, {dict(calls)}")

    assert min(gaps) >= timedelta(seconds=15)
    assert calls["chat.postMessage"] + 1 == len(found.slack.messages)  # and the file of the report
    assert found.slack.refused == []
    assert not any(found.dead_letters.values())


def test_the_tuning_jobs_summary_has_table_picture_failures_and_a_thread() -> None:
    workspace = outcome(TUNING).slack
    (posted,) = workspace.top_level()
    replies = [each.text or workspace.files[each.files[0]].name for each in workspace.thread(posted.ts)]

    assert posted.text.startswith("⚠️ churn-xgb: 60 of 60 finished, 3 failed, best validation:logloss 0.1457 at ")
    assert {"header", "table", "image"} <= {each["type"] for each in posted.blocks}
    assert "CUDA" in words(posted) or "AlgorithmError" in words(posted)
    assert [each for each in replies if "new best" in each]
    assert replies[-2:] == ["⚠️ churn-xgb: 3 jobs failed", "churn-xgb-report-1.html"]


def test_an_alert_of_failed_jobs_comes_early_and_has_the_last_numbers_in_the_end() -> None:
    found = replay(recording(TUNING), rules="alerts: [{name: failures, failed: 1 %}]")
    (posted,) = [each for each in found.slack.top_level() if each.text.startswith("🚨")]
    first = next(str(request) for _, request in found.slack.calls if "🚨" in str(request))
    mails = [str(mail) for mail in found.mails if b"X-Trialbook-Kind: alert" in mail]

    assert re.search(r"1 of 60 jobs failed when \d+ had finished \(1.7%\); 1% are allowed", first)
    assert "1 × AlgorithmError" in first
    assert "3 of 60 jobs failed (5%); 1% are allowed. All 3 with AlgorithmError" in words(posted)
    assert posted.edits == 1
    assert len(mails) == 1


def test_a_second_webhook_that_a_route_names_gets_its_own_and_waits_alone_while_it_is_down() -> None:
    """Through the deployed wiring: where its address lies is allowed by the prefix of the stack's own."""
    rules = "routes: [{to: [{webhook: default}, {webhook: /t/hook-night}]}]"
    workspace = Workspace(
        channels=[SlackChannel("C0000000001", "training"), SlackChannel("C0000000002", "night")],
        webhooks={"/services/T1/B1/first": "C0000000001"},
    )
    with running(few(2), rules=rules, parameters={"SlackWebhookParameter": "/t/hook"}, slack=workspace) as (cloud, _):
        ssm: Any = cloud.ledger.session.create_client("ssm")
        address = f"{workspace.url}/services/T1/B2/night"
        ssm.put_parameter(Name="/t/hook-night", Type="SecureString", Value=address)
        for event in few(2).events:
            cloud.deliver(event)
        cloud.advance(cloud.now + timedelta(minutes=30))
        during = [each.channel for each in workspace.messages if each.by_webhook]
        workspace.webhooks["/services/T1/B2/night"] = "C0000000002"
        cloud.finish()
        dead = cloud.dead_letters()

    assert during == ["C0000000001"]
    assert [each.channel for each in workspace.messages if each.by_webhook] == ["C0000000001", "C0000000002"]
    begun = workspace.top_level()[0]  # by default, as no webhook takes what goes on: it ends there too
    assert begun.text.startswith("✅ churn-xgb: 2 of 2")
    assert not begun.by_webhook
    assert not any(dead.values())


def words(posted: Posted) -> str:
    return str(posted.blocks)


def test_the_calls_are_files_in_order_as_sent_without_the_token(tmp_path: Path) -> None:
    found = outcome(CHURN)
    write_outcome(found, tmp_path / "out")
    files = sorted((tmp_path / "out" / "slack").iterdir())

    assert [each.name for each in files][:2] == ["0001-chat.postMessage.json", "0002-chat.update.json"]
    assert len(files) == len(found.slack.calls)
    assert all(found.slack.token not in each.read_text() for each in files)


_RUN = f"""
import logging
from tests.integration.test_replay import few
from trialbook.runtime import observability
from trialbook_cli.replaying import running
from trialbook_cli.slack_stand_in import Hang, HttpAnswer, SlackError, Workspace

logging.basicConfig(level=logging.INFO)
logging.getLogger("slack_sdk").setLevel(logging.DEBUG)
workspace = Workspace(token="{TOKEN}", webhooks={{"/services/{HOOK}": "C0000000001"}})
bad = [SlackError("invalid_auth"), HttpAnswer(500, "<html>"), Hang(), HttpAnswer.rate_limited(1), SlackError("odd")]

def fails(method, request):
    if bad:
        raise bad.pop()

workspace.before = fails
parameters = {{"SlackWebhookParameter": "/trialbook/hook"}}
with running(few(1), parameters=parameters, slack=workspace, without=("BuildReport",)) as (cloud, _):
    observability.logger.setLevel("DEBUG")
    cloud.functions["PostSlack"].printed = print
    for event in few(1).events:
        cloud.deliver(event)
    cloud.finish()
    assert not bad and len(workspace.messages) == 2, (bad, workspace.messages)
    workspace.token = "another"
    print("done", cloud.dead_letters())
"""


def test_no_secret_is_in_anything_that_a_run_prints() -> None:
    """All log lines, metrics and traces of a run in which Slack fails in every way, by a token that is known here."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN], cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ}
    )
    printed = done.stdout + done.stderr

    assert done.returncode == 0, printed[-3000:]
    assert "a message was not taken" in printed
    assert "invalid_auth" in printed
    assert "chat.postMessage" in printed  # slack_sdk's own lines are among them
    for secret in (TOKEN, HOOK):
        assert secret not in printed
