"""Second accounts and regions: member.yaml forwards their events, and the book's functions ask there by a role."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session
from moto.events.models import EventPattern

from tests.conftest import FOLLOWS_THE_LEDGER, ROOT
from tests.faults.wire import answer
from tests.integration.test_privileges import STACK, granted
from tests.integration.test_replay import few
from tests.launching import at
from tests.measuring import one_job
from tests.relocated import HERE, relocated
from trialbook.adapters.sts import session_as
from trialbook.core import report_keys
from trialbook.core.curves.stored import from_bytes
from trialbook.core.jobs import JobKey, JobKind
from trialbook.runtime.settings import AccountSettings
from trialbook_cli.laptop_cloud import Recording
from trialbook_cli.laptop_cloud.template import Stack, load_template
from trialbook_cli.places import homes
from trialbook_cli.replaying import running
from trialbook_cli.sagemaker_stand_in import Account
from trialbook_cli.telemetry_stand_in import Telemetry

OTHER = "210987654321"
BUS = "arn:aws:events:us-east-1:123456789012:event-bus/default"
MEMBER = Stack(
    load_template(ROOT / "member.yaml"),
    {"BookBusArn": BUS, "ModelCustomization": "on", "JobsApi": "on", "MlflowMetrics": "on"},
)
BESIDE_CAPTURES = tuple(each for each in FOLLOWS_THE_LEDGER if each != "CaptureJob")
ASKING = ("AttachJob", "CaptureJob", "CloseSweeps", "PollJobs", "RecordJob", "Reconcile")
OF_MEMBERS = ("sagemaker:", "sagemaker-mlflow:", "batch:", "bedrock:", "cloudwatch:", "logs:")


def elsewhere(recorded: Recording, account: str = OTHER) -> Recording:
    """The recording as forwarded from another account: envelopes keep the account that they come from."""
    return replace(recorded, events=[{**event, "account": account} for event in recorded.events])


def test_a_job_of_another_account_is_recorded_and_attached_by_the_role_there() -> None:
    with running(elsewhere(few(1)), here=HERE, without=FOLLOWS_THE_LEDGER) as (cloud, sagemaker):
        for event in elsewhere(few(1)).events:
            cloud.deliver(event)
        cloud.finish()
        (record,) = cloud.ledger.jobs()
        asked = {function for (function, service, _), number in cloud.calls.items() if service == "sts" and number}
        standing = sagemaker.elsewhere[replace(HERE, id=OTHER)].experiments.standing()
        dead = cloud.dead_letters()

    assert (record.key.account, record.job.status) == (OTHER, "Completed")
    assert record.job.final_metrics
    assert asked >= {"RecordJob", "AttachJob", "Reconcile"}
    assert standing == {"churn-xgb": {record.job.name: [f"{record.job.name}-aws-training-job"]}}
    assert not any(dead.values())


def test_a_role_that_refuses_costs_what_describe_knows_and_nothing_else() -> None:
    """The member's role is not there yet: the event itself is recorded."""

    def refuses(function: str, service: str, operation: str) -> Any:
        return answer(403, REFUSED, "text/xml") if service == "sts" else None

    with running(elsewhere(few(1)), here=HERE, without=FOLLOWS_THE_LEDGER) as (cloud, _):
        cloud.fault = refuses
        for event in elsewhere(few(1)).events:
            cloud.deliver(event)
        cloud.finish()
        (record,) = cloud.ledger.jobs()
        dead = cloud.dead_letters()

    assert (record.job.status, record.job.described) == ("Completed", False)
    assert "SageMaker refused to tell its metrics" in str(record.without_objective)
    assert not any(dead.values())


REFUSED = (
    b"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
)


def test_a_session_has_the_rights_of_the_role_that_it_took(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto_url)
    session = Session()

    other = session_as(session, f"arn:aws:iam::{OTHER}:role/trialbook-member")

    client: Any = other.create_client("sts", region_name="us-east-1")
    who = client.get_caller_identity()
    assert who["Arn"] == f"arn:aws:sts::{OTHER}:assumed-role/trialbook-member/trialbook"


@pytest.mark.parametrize(
    ("account", "region", "role"),
    [
        ("123456789012", "us-east-1", None),
        ("123456789012", "eu-west-1", "arn:aws:iam::123456789012:role/trialbook-member"),
        (OTHER, "us-east-1", f"arn:aws:iam::{OTHER}:role/trialbook-member"),
    ],
)
def test_only_its_own_account_and_region_are_asked_with_the_functions_own_rights(
    account: str, region: str, role: str | None
) -> None:
    with_members = Stack(
        STACK.template, {"MemberAccounts": f"123456789012,{OTHER}", "MemberRegions": "us-east-1,eu-west-1"}
    )
    variables = with_members.resolve(STACK.template["Globals"]["Function"]["Environment"]["Variables"])
    settings = AccountSettings.from_environment({**variables, "AWS_REGION": "us-east-1"})

    assert settings.role_for(account, region) == role
    assert settings.members == (("123456789012", "eu-west-1"), (OTHER, "us-east-1"), (OTHER, "eu-west-1"))


def test_without_members_nobody_else_may_send_and_no_role_is_assumed() -> None:
    alone = Stack(STACK.template, {})
    variables = alone.resolve(STACK.template["Globals"]["Function"]["Environment"]["Variables"])

    assert not dict(alone.resources("AWS::Events::EventBusPolicy")).get("MembersMayPutEvents")
    assert AccountSettings.from_environment(variables).role_for(OTHER, "us-east-1") is None
    assert AccountSettings.from_environment(variables).members == ()


def test_members_may_put_sagemakers_events_on_the_default_bus() -> None:
    stack = Stack(STACK.template, {"MemberAccounts": f"{OTHER},333344445555"})
    policy = stack.resolve(dict(stack.resources("AWS::Events::EventBusPolicy"))["MembersMayPutEvents"])

    assert "EventBusName" not in policy  # the default one
    assert policy["Statement"]["Principal"] == {"AWS": [OTHER, "333344445555"]}
    assert policy["Statement"]["Resource"] == BUS
    assert policy["Statement"]["Condition"] == {
        "ForAllValues:StringEquals": {"events:source": ["aws.sagemaker", "aws.batch", "aws.bedrock"]}
    }


@pytest.mark.parametrize("path", sorted((ROOT / "events").glob("*-*.json")), ids=lambda path: str(path.stem))
def test_a_member_forwards_every_event_that_the_book_knows(path: Path) -> None:
    (rule,) = (each for _, each in MEMBER.resources("AWS::Events::Rule"))
    pattern = EventPattern.load(json.dumps(rule["EventPattern"]))

    assert pattern.matches_event(json.loads(path.read_text()))


def test_an_event_that_cannot_be_forwarded_waits_and_raises_an_alarm() -> None:
    (rule,) = (each for _, each in MEMBER.resources("AWS::Events::Rule"))
    (target,) = rule["Targets"]
    (alarm,) = (each for _, each in MEMBER.resources("AWS::CloudWatch::Alarm"))

    assert target["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": "ForwardDeadLetters.Arn"}
    assert alarm["Dimensions"][0]["Value"] == {"Fn::GetAtt": "ForwardDeadLetters.QueueName"}
    assert MEMBER.resolve(target["Arn"]) == BUS


def member_actions() -> Counter[str]:
    role = MEMBER.resolve(dict(MEMBER.resources("AWS::IAM::Role"))["BookRole"])
    return Counter(
        action
        for policy in role["Policies"]
        for each in policy["PolicyDocument"]["Statement"]
        for action in each["Action"]
    )


def test_the_members_role_grants_what_the_functions_have_at_home() -> None:
    at_home = {action for name in ASKING for action, _ in granted(name) if action.startswith(OF_MEMBERS)}

    assert set(member_actions()) == at_home
    assert set(member_actions().values()) == {1}


def test_just_the_functions_that_ask_may_take_the_members_role() -> None:
    role = MEMBER.resolve(dict(MEMBER.resources("AWS::IAM::Role"))["BookRole"])
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    allowed = statement["Condition"]["ArnLike"]["aws:PrincipalArn"]
    takers = [
        name for name, _ in STACK.resources("AWS::Serverless::Function") if ("sts:AssumeRole", "") in granted(name)
    ]

    assert sorted(takers) == sorted(ASKING)
    assert allowed == [f"arn:aws:iam::123456789012:role/trialbook-{name}Role-*" for name in ASKING]
    assert role["RoleName"] == STACK.template["Parameters"]["MemberRole"]["Default"]


def test_a_further_region_of_an_account_makes_no_second_role() -> None:
    further = Stack(MEMBER.template, {"BookBusArn": BUS, "MakeRole": "false"})

    assert "BookRole" not in dict(further.resources("AWS::IAM::Role"))
    assert "ForwardRole" in dict(further.resources("AWS::IAM::Role"))


def test_every_role_has_the_boundary_that_an_account_demands() -> None:
    boundary = f"arn:aws:iam::{OTHER}:policy/boundary"
    member = Stack(MEMBER.template, {"BookBusArn": BUS, "PermissionsBoundary": boundary})
    roles = [member.resolve(properties) for _, properties in member.resources("AWS::IAM::Role")]
    book = Stack(STACK.template, {"PermissionsBoundary": boundary})

    assert [role.get("PermissionsBoundary") for role in roles] == [boundary] * 2
    assert book.resolve(book.template["Globals"]["Function"])["PermissionsBoundary"] == boundary
    assert not list(book.resources("AWS::IAM::Role"))  # all others are made for functions
    assert all("Role" not in properties for _, properties in book.resources("AWS::Serverless::Function"))


ELSEWHERE = Account(OTHER, "eu-west-1")


def measured_elsewhere(status: str) -> Recording:
    """A job of another account and region, with its curve, its machine's use and its log."""
    return relocated(one_job(status, ["the end"], FailureReason="AlgorithmError: no column"), ELSEWHERE)


@pytest.mark.parametrize(("status", "kept"), [("Completed", {"CURVES"}), ("Failed", {"CURVES", "LOG"})])
def test_a_job_of_another_account_and_region_is_captured_by_the_role_there(status: str, kept: set[str]) -> None:
    recorded = measured_elsewhere(status)
    with running(recorded, here=HERE, without=BESIDE_CAPTURES) as (cloud, _):
        for event in recorded.events:
            cloud.deliver(event)
        cloud.finish()
        stored, dead = dict(cloud.stored()), cloud.dead_letters()
        took_the_role = cloud.calls["CaptureJob", "sts", "AssumeRole"]
    folder = report_keys.of_job(JobKey(ELSEWHERE.id, ELSEWHERE.region, JobKind.TRAINING, "resnet"))

    assert set(stored) == {f"{folder}/{getattr(report_keys, each)}" for each in kept}
    curves = from_bytes(stored[f"{folder}/{report_keys.CURVES}"])
    assert set(curves.metrics) == {"validation:accuracy"}
    assert set(curves.hosts) == {"algo-1"}
    assert took_the_role >= 1
    assert not any(dead.values())


def test_a_role_that_refuses_costs_the_curves_and_no_dead_letter() -> None:
    def refuses(function: str, service: str, operation: str) -> Any:
        return answer(403, REFUSED, "text/xml") if service == "sts" else None

    recorded = measured_elsewhere("Failed")
    with running(recorded, here=HERE, without=BESIDE_CAPTURES) as (cloud, _):
        cloud.fault = refuses
        for event in recorded.events:
            cloud.deliver(event)
        cloud.finish()

        assert dict(cloud.stored()) == {}
        assert not any(cloud.dead_letters().values())


def test_the_stand_in_describes_a_job_only_in_its_account_and_region() -> None:
    recorded = measured_elsewhere("Completed")
    telemetry = Telemetry(recorded.measured, lambda: at(300), homes(recorded))
    query = {"MetricName": "validation:accuracy", "ResourceArn": ELSEWHERE.arn("sagemaker", "training-job/resnet")}
    request = {"MetricQueries": [{**query, "XAxisType": "Timestamp", "Period": "OneMinute", "MetricStat": "Last"}]}
    found = {
        place: len(
            telemetry.call("sagemaker-metrics", "BatchGetMetrics", request, place)["MetricQueryResults"][0][
                "MetricValues"
            ]
        )
        for place in (ELSEWHERE, HERE, Account(OTHER, "eu-central-1"), None)
    }

    assert found == {ELSEWHERE: 5, HERE: 0, Account(OTHER, "eu-central-1"): 0, None: 5}
