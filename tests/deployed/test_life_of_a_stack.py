"""A stack's life on the emulated cloud: deployed by `sam`, driven by SageMaker's events, updated, deleted, deployed again."""

import json
import re

import pytest

from tests.deployed.cloud import CHURN, TOKEN_PARAMETER, Cloud, until

pytestmark = pytest.mark.long
LINK = re.compile(r"https://[a-z0-9]+\.lambda-url\.[a-z0-9-]+\.on\.aws/[^\"'|> \\]+")


def links(cloud: Cloud) -> list[str]:
    """The links to reports that Slack got, in order."""
    return list(dict.fromkeys(LINK.findall(json.dumps([call for _, call in cloud.workspace.calls], default=str))))


def test_a_stack_reports_a_sweep_is_updated_deleted_and_deployed_beside_its_former_table(cloud: Cloud) -> None:
    cloud.deploy(
        "trialbook",
        SlackTokenParameter=TOKEN_PARAMETER,
        SlackChannel="#training",
        ReportLinks="on",
        LookUpPrices="false",
    )
    cloud.put(CHURN)
    link = until(lambda: links(cloud), 150, "Slack has the report's link")[0]
    page = cloud.open(link)

    assert page.status_code == 200, page.text[:500]
    assert "churn-xgb" in page.text
    assert "min_child_weight" in page.text
    assert [each.text.count("5 of 5") for each in cloud.workspace.top_level()] == [1]
    assert cloud.workspace.refused == []

    best = cloud.trialbook("best", "churn-xgb")
    doctor = cloud.trialbook("doctor", "--slack-url", cloud.slack_url)
    assert best.stdout.startswith("validation:error 0.03959 "), best.stdout + best.stderr
    assert "min_child_weight = 4" in best.stdout
    assert "✗" not in doctor.stdout, doctor.stdout + doctor.stderr

    table = cloud.outputs("trialbook")["LedgerTable"]
    cloud.deploy("trialbook", SlackTokenParameter="", SlackChannel="", ReportLinks="off", LogDays="7")
    updated = cloud.resources("trialbook")
    assert not {"OpenReport", "OpenReportUrl", "PostSlack", "SlackQueue"} & updated.keys()
    assert cloud.outputs("trialbook")["LedgerTable"] == table

    deleted = cloud.sam("delete", "--no-prompts", "--stack-name", "trialbook", "--region", cloud.region)
    assert deleted.returncode == 0, deleted.stdout[-2000:] + deleted.stderr[-2000:]
    assert table in cloud.client("dynamodb").list_tables()["TableNames"]

    cloud.deploy("trialbook", LookUpPrices="false")
    assert cloud.outputs("trialbook")["LedgerTable"] != table
    filled = cloud.trialbook("backfill", "--since", "2026-01-01", "--name-contains", "churn-xgb-2026")
    again = cloud.trialbook("best", "churn-xgb")
    assert filled.returncode == 0, filled.stdout + filled.stderr
    assert again.stdout.startswith("validation:error 0.03959 "), again.stdout + again.stderr


def test_guided_deployment_takes_enter_at_every_prompt(cloud: Cloud) -> None:
    template = str(cloud.built / "template.yaml")
    done = cloud.sam("deploy", "--guided", "--template-file", template, "--stack-name", "guided", answers="\n" * 80)

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "Successfully created/updated stack - guided" in done.stdout
    assert "has no authentication" not in done.stdout
