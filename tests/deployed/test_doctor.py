"""What doctor says when something is taken away from a deployed stack."""

import json
from collections.abc import Callable

import pytest

from tests.deployed.cloud import Cloud, until

pytestmark = pytest.mark.long
STACK, TOKEN_PARAMETER = "broken", "/broken/slack-token"


def remove_rule(cloud: Cloud, name: str) -> None:
    events = cloud.client("events")
    targets = events.list_targets_by_rule(Rule=name)["Targets"]
    events.remove_targets(Rule=name, Ids=[each["Id"] for each in targets])
    events.delete_rule(Name=name)


def remove_targets(cloud: Cloud, name: str) -> None:
    events = cloud.client("events")
    events.remove_targets(Rule=name, Ids=[each["Id"] for each in events.list_targets_by_rule(Rule=name)["Targets"]])


def remove_table(cloud: Cloud, name: str) -> None:
    dynamodb = cloud.client("dynamodb")
    dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
    dynamodb.delete_table(TableName=name)


# What is taken away from which resource, and what doctor says then.
TAKEN: list[tuple[str, Callable[[Cloud, str], object], str]] = [
    ("TrainingJobChanged", remove_rule, "rule TrainingJobChanged is missing"),
    ("ProcessingJobChanged", remove_targets, "rule ProcessingJobChanged has no targets"),
    (
        "TransformJobChanged",
        lambda cloud, name: cloud.client("events").disable_rule(Name=name),
        "rule TransformJobChanged is disabled",
    ),
    (
        "PostBestTrials",
        lambda cloud, name: cloud.client("lambda").delete_function(FunctionName=name),
        "function PostBestTrials is missing",
    ),
    (
        "RecordDeadLetters",
        lambda cloud, url: cloud.client("sqs").delete_queue(QueueUrl=url),
        "queue RecordDeadLetters is missing",
    ),
    (
        "RecordJobRecordQueue",
        lambda cloud, uuid: cloud.client("lambda").update_event_source_mapping(UUID=uuid, Enabled=False),
        "event source mapping RecordJobRecordQueue is disabled",
    ),
    (
        "Reports",
        lambda cloud, name: cloud.client("s3").delete_bucket(Bucket=name),
        "is missing: somebody deleted it",
    ),
    (
        "RulesParameter",
        lambda cloud, name: cloud.client("ssm").delete_parameter(Name=TOKEN_PARAMETER),
        f"the Slack token is missing: nothing is stored at {TOKEN_PARAMETER}",
    ),
    ("Ledger", remove_table, "is missing: somebody deleted it"),
]


def test_doctor_names_all_that_is_missing_with_what_to_do(cloud: Cloud) -> None:
    cloud.client("ssm").put_parameter(Name=TOKEN_PARAMETER, Type="SecureString", Value=cloud.workspace.token)
    cloud.deploy(STACK, SlackTokenParameter=TOKEN_PARAMETER, SlackChannel="#training", LookUpPrices="false")
    whole = problems(cloud)
    resources = cloud.resources(STACK)
    for logical_id, take_away, _ in TAKEN:
        take_away(cloud, resources.get(logical_id, ""))
    found = problems(cloud)

    assert whole == []
    assert len(found) == len(TAKEN), found
    for logical_id, _, said in TAKEN:
        physical_id = resources.get(logical_id, "")
        wanted = [what for what, todo in found if said in what and (logical_id in what or physical_id in what or todo)]
        assert wanted, (logical_id, found)
    assert all(todo for _, todo in found)


def problems(cloud: Cloud) -> list[tuple[str, str]]:
    done = cloud.trialbook("doctor", "--stack", STACK, "--slack-url", cloud.slack_url, "--json")
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert not [each for each in found if "not checked" in each["what"]], found
    return [(each["what"], each["todo"] or "") for each in found if each["level"] == "problem"]


def test_a_stack_whose_creation_failed_is_a_problem(cloud: Cloud) -> None:
    elsewhere = {
        "CreateBucketConfiguration": {"LocationConstraint": cloud.region}
    }  # S3 refuses it in this region alone
    cloud.client("s3").create_bucket(Bucket="taken-by-others", **({} if cloud.region == "us-east-1" else elsewhere))
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "taken-by-others"}}
    client = cloud.client("cloudformation")
    client.create_stack(StackName="failed", TemplateBody=json.dumps({"Resources": {"Bucket": bucket}}))

    def has_failed() -> bool:
        state = client.describe_stacks(StackName="failed")["Stacks"][0]["StackStatus"]
        return state in ("ROLLBACK_COMPLETE", "CREATE_FAILED", "ROLLBACK_FAILED")

    until(has_failed, 60, "the creation fails")
    done = cloud.trialbook("doctor", "--stack", "failed")

    assert done.returncode == 1, done.stdout + done.stderr
    assert "ROLLBACK_COMPLETE" in done.stdout or "FAILED" in done.stdout
    assert "delete it, deploy again" in done.stdout
