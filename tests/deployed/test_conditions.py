"""Each condition of the template, on and off: what it makes is there or not, and goes with the stack."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.deployed.cloud import TOKEN_PARAMETER, Cloud
from trialbook_cli.laptop_cloud.template import load_template

pytestmark = pytest.mark.long
TEMPLATE = load_template(ROOT / "template.yaml")

# Parameters, and the conditions that hold with them: those that hold without any are given by `{}`.
PLAIN = frozenset({"LooksUpPrices", "ReportsBestTrials", "CapturesJobs"})


def topic(cloud: Cloud) -> str:
    return str(cloud.client("sns").create_topic(Name="alarms")["TopicArn"])


def key(cloud: Cloud) -> str:
    return str(cloud.client("kms").create_key()["KeyMetadata"]["Arn"])


def boundary(cloud: Cloud) -> str:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    made = cloud.client("iam").create_policy(PolicyName="boundary", PolicyDocument=json.dumps(document))
    return str(made["Policy"]["Arn"])


def secret(cloud: Cloud) -> str:
    made = cloud.client("secretsmanager").create_secret(Name="slack-token", SecretString=cloud.workspace.token)
    return str(made["ARN"])


def secret_of_mlflow(cloud: Cloud) -> str:
    return str(cloud.client("secretsmanager").create_secret(Name="mlflow-token", SecretString="token")["ARN"])


MLFLOW_APP = "arn:aws:sagemaker:us-east-1:123456789012:mlflow-app/app-1"
MLFLOW_SERVER = "arn:aws:sagemaker:us-east-1:123456789012:mlflow-tracking-server/one"
IN_MLFLOW = PLAIN | {"WritesMlflow"}
CASES: list[tuple[Mapping[str, str | Callable[[Cloud], str]], frozenset[str]]] = [
    ({}, PLAIN),
    ({"LookUpPrices": "false", "BestTrialsSchedule": "", "CaptureJobs": "off"}, frozenset()),
    ({"AlarmTopicArn": topic}, PLAIN | {"HasAlarmTopic"}),
    ({"KeyArn": key}, PLAIN | {"HasKey"}),
    ({"PermissionsBoundary": boundary}, PLAIN | {"HasPermissionsBoundary"}),
    ({"QuietDaysAlarm": "2"}, PLAIN | {"AlarmsOnSilence"}),
    ({"ReportLinks": "on"}, PLAIN | {"HasReportLinks"}),
    ({"ReportLinks": "on", "OpenReportConcurrency": "5"}, PLAIN | {"HasReportLinks", "CapsOpenReport"}),
    ({"EmailFrom": "a@example.com", "EmailTo": "b@example.com"}, PLAIN | {"SendsMail"}),
    ({"SlackTokenParameter": TOKEN_PARAMETER}, PLAIN | {"HasSlackTokenParameter", "HasSlackToken", "PostsToSlack"}),
    ({"SlackTokenSecretArn": secret}, PLAIN | {"HasSlackTokenSecret", "HasSlackToken", "PostsToSlack"}),
    ({"SlackWebhookParameter": "/trialbook/hook"}, PLAIN | {"HasSlackWebhook", "PostsToSlack"}),
    (
        {"MlflowAppArn": MLFLOW_APP, "MlflowArtifactStore": "bucket/mlflow"},
        IN_MLFLOW | {"HasMlflowApp", "HasMlflowArtifactStore"},
    ),
    ({"MlflowTrackingServerArn": MLFLOW_SERVER}, IN_MLFLOW | {"HasMlflowTrackingServer"}),
    (
        {"MlflowUrl": "https://mlflow.example.com", "MlflowTokenParameter": "/trialbook/mlflow-token"},
        IN_MLFLOW | {"HasMlflowUrl", "HasMlflowTokenParameter"},
    ),
    (
        {"MlflowUrl": "https://mlflow.example.com", "MlflowTokenSecretArn": secret_of_mlflow},
        IN_MLFLOW | {"HasMlflowUrl", "HasMlflowTokenSecret"},
    ),
    ({"ModelCustomization": "on"}, PLAIN | {"RecordsModelCustomization"}),
    ({"JobsApi": "on"}, PLAIN | {"PollsJobs"}),
    (
        {"MlflowMetrics": "on", "MlflowTrackingServerArn": MLFLOW_SERVER},
        IN_MLFLOW | {"HasMlflowTrackingServer", "ReadsMlflowMetrics"},
    ),
    ({"Architecture": "arm64"}, PLAIN | {"IsArm"}),
    ({"MemberAccounts": "210987654321"}, PLAIN | {"HasMembers"}),
]


@pytest.fixture(scope="module")
def packaged(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the packaged template: CloudFormation takes templates of up to 51,200 bytes in a request, larger
    ones from S3."""
    path: Path = tmp_path_factory.mktemp("packaged") / "packaged.yaml"
    template = ("--template-file", str(cloud.built / "template.yaml"), "--output-template-file", str(path))
    done = cloud.sam("package", *template, "--resolve-s3", "--no-progressbar")
    assert done.returncode == 0, done.stdout + done.stderr
    s3 = cloud.client("s3")
    bucket = next(each["Name"] for each in s3.list_buckets()["Buckets"] if each["Name"].startswith("aws-sam-cli"))
    s3.upload_file(str(path), bucket, "packaged.yaml")
    return f"{cloud.url}/{bucket}/packaged.yaml"


def test_every_condition_is_tried_both_ways() -> None:
    tried = {name: {name in holding for _, holding in CASES} for name in TEMPLATE["Conditions"]}

    assert {name: ways for name, ways in tried.items() if ways != {True, False}} == {}


@pytest.mark.parametrize(("given", "holding"), CASES, ids=[" ".join(given) or "defaults" for given, _ in CASES])
def test_a_condition_makes_its_resources_and_no_others(
    given: Mapping[str, Any], holding: frozenset[str], cloud: Cloud, packaged: str
) -> None:
    name = "conditions"
    parameters = {key: value(cloud) if callable(value) else value for key, value in given.items()}
    client = cloud.client("cloudformation")
    client.create_stack(
        StackName=name,
        TemplateURL=packaged,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    made = cloud.resources(name).keys()
    kept = cloud.outputs(name)["LedgerTable"]
    client.delete_stack(StackName=name)
    client.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})

    resources = TEMPLATE["Resources"]
    wanted = {each for each, what in resources.items() if what.get("Condition") in {None, *holding}}
    layers = {each for each in resources if resources[each]["Type"] == "AWS::Serverless::LayerVersion"}  # get a hash
    assert wanted - layers <= made
    assert not {each for each, what in resources.items() if what.get("Condition") not in {None, *holding}} & made
    assert kept in cloud.client("dynamodb").list_tables()["TableNames"]
