"""A stack's life on the emulated cloud: deployed by `sam`, driven by SageMaker's events, updated, deleted, deployed again."""

import json
import re
from collections import Counter
from collections.abc import Sequence

import pytest
from botocore.exceptions import ClientError

from tests.deployed.cloud import CHURN, TOKEN_PARAMETER, Cloud, Decision, until
from tests.deployed.conftest import Step
from trialbook.runtime.settings import EmailSettings

pytestmark = pytest.mark.long
LINK = re.compile(r"https://[a-z0-9]+\.lambda-url\.[a-z0-9-]+\.on\.aws/[^\"'|> \\]+")


def links(cloud: Cloud) -> list[str]:
    """The links to reports that Slack got, in order."""
    return list(dict.fromkeys(LINK.findall(json.dumps([call for _, call in cloud.workspace.calls], default=str))))


def test_a_stack_reports_a_sweep_is_updated_deleted_and_deployed_beside_its_former_table(
    cloud: Cloud, step: Step
) -> None:
    with step("created with Slack and links") as notes:
        cloud.deploy(
            "trialbook",
            SlackTokenParameter=TOKEN_PARAMETER,
            SlackChannel="#training",
            ReportLinks="on",
            LookUpPrices="false",
        )
        notes.append(f"{len(cloud.resources('trialbook'))} resources")
    with step("from the first event to the report's link in Slack") as notes:
        notes.append(f"{cloud.put(CHURN)} events")
        link = until(lambda: links(cloud), 150, "Slack has the report's link")[0]
        notes.append("{} MB for the emulator, {} MB for the functions' processes".format(*cloud.memory()))
    with step("the link opened"):
        page = cloud.open(link)

    assert page.status_code == 200, page.text[:500]
    assert "churn-xgb" in page.text
    assert "min_child_weight" in page.text
    assert [each.text.count("5 of 5") for each in cloud.workspace.top_level()] == [1]
    assert cloud.workspace.refused == []

    with step("asked by trialbook best and trialbook doctor") as notes:
        best = cloud.trialbook("best", "churn-xgb")
        doctor = cloud.trialbook("doctor", "--slack-url", cloud.slack_url)
        notes.append(best.stdout.splitlines()[0] if best.stdout else best.stderr)
    assert best.stdout.startswith("validation:error 0.03959 "), best.stdout + best.stderr
    assert "min_child_weight = 4" in best.stdout
    assert "✗" not in doctor.stdout, doctor.stdout + doctor.stderr

    assert [each for each in cloud.decisions() if not each.allowed] == []

    table = cloud.outputs("trialbook")["LedgerTable"]
    with step("updated: no channels, no links, logs for 7 days") as notes:
        cloud.deploy("trialbook", SlackTokenParameter="", SlackChannel="", ReportLinks="off", LogDays="7")
        updated = cloud.resources("trialbook")
        notes.append(f"{len(updated)} resources")
    assert not {"OpenReport", "OpenReportUrl", "PostSlack", "SlackQueue"} & updated.keys()
    assert cloud.outputs("trialbook")["LedgerTable"] == table

    with step("deleted, the table retained"):
        deleted = cloud.sam("delete", "--no-prompts", "--stack-name", "trialbook", "--region", cloud.region)
    assert deleted.returncode == 0, deleted.stdout[-2000:] + deleted.stderr[-2000:]
    assert table in cloud.client("dynamodb").list_tables()["TableNames"]

    with step("deployed again beside the former table"):
        cloud.deploy(
            "trialbook",
            LookUpPrices="false",
            EmailFrom="a@example.com",
            EmailTo="b@example.com, c@example.com",  # `sam deploy` was known to cut values at their first blank
            BestTrialsSchedule="cron(0 8 ? * TUE *)",
        )
    assert cloud.outputs("trialbook")["LedgerTable"] != table
    name = cloud.resources("trialbook")["PostEmail"]
    given = cloud.client("lambda").get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    assert EmailSettings.from_environment(given).to == ("b@example.com", "c@example.com")
    with step("backfilled and asked") as notes:
        filled = cloud.trialbook("backfill", "--since", "2026-01-01", "--name-contains", "churn-xgb-2026")
        again = cloud.trialbook("best", "churn-xgb")
        notes += [line for line in filled.stdout.splitlines() if line.startswith("TrainingJob:")]
    assert filled.returncode == 0, filled.stdout + filled.stderr
    assert again.stdout.startswith("validation:error 0.03959 "), again.stdout + again.stderr

    with step("calls by IAM's decision") as notes:
        denied_to_a_stranger = stranger_scans(cloud, cloud.outputs("trialbook")["LedgerTable"])
        decisions = cloud.decisions()
        notes += summary(decisions)
    assert denied_to_a_stranger == "AccessDeniedException"
    denied = {each.function for each in decisions if not each.allowed}
    assert denied - {"PostSlack"} == {"stranger"}  # the update may take the role from a PostSlack that still runs
    assert {each.function for each in decisions} >= {"AttachJob", "RecordJob", "BuildReport", "PostSlack", "OpenReport"}


def stranger_scans(cloud: Cloud, table: str) -> str:
    """How a user of the account without any rights is refused: that shows that IAM is enforced."""
    iam = cloud.client("iam")
    iam.create_user(UserName="stranger")
    key = iam.create_access_key(UserName="stranger")["AccessKey"]
    client = cloud.client("dynamodb", (key["AccessKeyId"], key["SecretAccessKey"]))
    with pytest.raises(ClientError) as refused:
        client.scan(TableName=table)
    return str(refused.value.response["Error"]["Code"])


def summary(decisions: Sequence[Decision]) -> list[str]:
    """Calls allowed and denied, and the actions of each function."""
    counted = Counter(each.allowed for each in decisions)
    actions: dict[str, Counter[str]] = {}
    for each in decisions:
        actions.setdefault(each.function, Counter())[f"{'' if each.allowed else 'DENIED '}{each.action}"] += 1
    lines = [
        f"{name}: {', '.join(f'{number} {action}' for action, number in found.most_common())}"
        for name, found in sorted(actions.items())
    ]
    return [f"{counted[True]} allowed, {counted[False]} denied", *lines]


def test_guided_deployment_takes_enter_at_every_prompt(cloud: Cloud, step: Step) -> None:
    template = str(cloud.built / "template.yaml")
    with step("sam deploy --guided with Enter at every prompt") as notes:
        done = cloud.sam("deploy", "--guided", "--template-file", template, "--stack-name", "guided", answers="\n" * 80)
        prompts = re.findall(r"\[[^]]*\]:", done.stdout)
        notes.append(f"{len(prompts)} prompts")

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "Successfully created/updated stack - guided" in done.stdout
    assert "has no authentication" not in done.stdout
