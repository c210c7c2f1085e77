"""template.yaml: what must hold of every deployment."""

import json
from pathlib import Path
from typing import Any

import pytest
from moto.events.models import EventPattern

from tests.conftest import ROOT
from trialbook_cli.laptop_cloud.template import Stack, load_template

SLACK = {
    "SlackChannel": "#training",
    "SlackTokenParameter": "/t/token",
    "SlackTokenSecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:t",
    "SlackWebhookParameter": "/t/webhook",
}
MLFLOW = {
    "MlflowAppArn": "arn:aws:sagemaker:us-east-1:123456789012:mlflow-app/app-1",
    "MlflowTokenParameter": "/t/mlflow",
    "MlflowArtifactStore": "bucket/mlflow",
}
OPTIONS = {
    "ReportLinks": "on",
    "QuietDaysAlarm": "3",
    "ModelCustomization": "on",
    "JobsApi": "on",
    "MlflowMetrics": "on",
    "EmailFrom": "trialbook@example.com",
    **SLACK,
    **MLFLOW,
}  # every optional part
STACK = Stack(load_template(ROOT / "template.yaml"), OPTIONS)
RESOURCES: dict[str, dict[str, Any]] = STACK.template["Resources"]


def of(*types: str) -> dict[str, dict[str, Any]]:
    return dict(STACK.resources(*types))


QUEUES, FUNCTIONS, RULES = of("AWS::SQS::Queue"), of("AWS::Serverless::Function"), of("AWS::Events::Rule")
MAPPINGS = of("AWS::Lambda::EventSourceMapping")
ALONE = {"CaptureJob", "PollJobs", "WriteMlflow"}  # functions with alarms of their own
FOLDERS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))


def snake(logical_id: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in logical_id).strip("_")


def test_each_folder_is_a_function_of_the_same_name_with_a_module_and_a_sample() -> None:
    assert sorted(map(snake, FUNCTIONS)) == FOLDERS
    for name, properties in FUNCTIONS.items():
        assert properties["CodeUri"] == f"functions/{snake(name)}"
        assert properties["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] == snake(name)
        assert (ROOT / f"layers/trialbook/trialbook/{snake(name)}.py").is_file()
        assert (ROOT / f"events/invoke/{snake(name)}.json").is_file()


def test_each_function_has_its_log_group_right_behind_it() -> None:
    names = list(RESOURCES)
    for name in FUNCTIONS:
        assert names[names.index(name) + 1] == f"{name}Logs"
        assert FUNCTIONS[name]["LoggingConfig"]["LogGroup"] == {"Ref": f"{name}Logs"}


def timeout_of(name: str) -> int:
    common: dict[str, Any] = STACK.template["Globals"]["Function"]
    return int(FUNCTIONS[name].get("Timeout", common["Timeout"]))


def test_a_message_stays_hidden_for_six_times_the_functions_timeout_and_failures_are_partial() -> None:
    polled = 0
    for mapping in MAPPINGS.values():
        queue = mapping["EventSourceArn"]["Fn::GetAtt"].removesuffix(".Arn")
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        if queue in QUEUES:
            assert QUEUES[queue]["VisibilityTimeout"] == 6 * timeout_of(mapping["FunctionName"]["Ref"])
            assert mapping["ScalingConfig"]["MaximumConcurrency"] >= 2
            polled += 1
    assert polled == 7


def test_attaching_is_held_to_two_at_a_time() -> None:
    assert MAPPINGS["AttachJobAttachQueue"]["ScalingConfig"] == {"MaximumConcurrency": 2}


def test_every_queue_has_a_dead_letter_queue_and_every_dead_letter_queue_an_alarm_and_two_weeks() -> None:
    alarms = watched("ApproximateNumberOfMessagesVisible")
    for name, properties in QUEUES.items():
        if name.endswith("DeadLetters"):
            assert f"{name}.QueueName" in alarms
            assert properties["MessageRetentionPeriod"] == 14 * 86_400
        else:
            assert properties["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"].startswith(
                name.removesuffix("Queue")
            )


def watched(metric: str) -> set[str]:
    """The attributes of which alarms watch this metric."""
    alarms = [each for each in of("AWS::CloudWatch::Alarm").values() if each.get("MetricName") == metric]
    return {each["Dimensions"][0]["Value"]["Fn::GetAtt"] for each in alarms}


def test_every_queue_that_feeds_a_function_has_an_alarm_on_its_oldest_message() -> None:
    feeding = {f"{name}.QueueName" for name in QUEUES if not name.endswith("DeadLetters")}

    assert watched("ApproximateAgeOfOldestMessage") == feeding


@pytest.mark.parametrize(("alarm", "metric"), [("ErrorsAlarm", "Errors"), ("ThrottlesAlarm", "Throttles")])
def test_one_alarm_watches_all_functions(alarm: str, metric: str) -> None:
    total, *summed = STACK.resolve(RESOURCES[alarm]["Properties"]["Metrics"])

    assert total["Expression"] == "SUM(METRICS())"
    assert {each["MetricStat"]["Metric"]["Dimensions"][0]["Value"] for each in summed} == set(FUNCTIONS) - ALONE
    assert {each["MetricStat"]["Metric"]["MetricName"] for each in summed} == {metric}
    assert len(summed) <= 10  # as many as an alarm's expression takes


@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
@pytest.mark.parametrize("function", sorted(ALONE))
def test_a_function_for_which_the_alarm_of_all_has_no_room_has_its_own(function: str, metric: str) -> None:
    alarm = of("AWS::CloudWatch::Alarm")[f"{function}{metric}Alarm"]

    assert (alarm["Namespace"], alarm["MetricName"], alarm["Threshold"]) == ("AWS/Lambda", metric, 0)
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": function}}]


def test_without_capturing_nothing_of_it_is_deployed() -> None:
    stack = Stack(STACK.template, {**OPTIONS, "CaptureJobs": "off"})
    left = [
        name
        for name, each in stack.template["Resources"].items()
        if "Capture" in name and dict(stack.resources(each["Type"])).get(name)
    ]

    assert left == []
    assert "TrainingJobEnded" not in dict(stack.resources("AWS::Events::Rule"))


@pytest.mark.parametrize(
    ("given", "granted"),
    [
        ({}, set()),
        ({"MlflowAppArn": "arn:aws:sagemaker:us-east-1:123456789012:mlflow-app/a"}, {"sagemaker:CallMlflowAppApi"}),
        ({"MlflowUrl": "https://mlflow.example.com"}, set()),
    ],
)
def test_mlflow_is_written_only_if_a_server_is_given_and_with_the_rights_that_it_needs(
    given: dict[str, str], granted: set[str]
) -> None:
    stack = Stack(STACK.template, given)
    functions = {name: stack.resolve(each) for name, each in stack.resources("AWS::Serverless::Function")}
    announced = functions["AnnounceChanges"]["Environment"]["Variables"]["ANNOUNCE_EACH_JOB"]

    assert ("WriteMlflow" in functions, announced) == (bool(given), "true" if given else "false")
    if given:
        statements = functions["WriteMlflow"]["Policies"][0]["Statement"]
        actions = {
            action
            for each in statements
            for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
        }
        assert {each for each in actions if "lflow" in each} == granted
        assert functions["WriteMlflow"]["Environment"]["Variables"]["MLFLOW_SERVER"] == next(iter(given.values()))


def test_every_alarm_goes_to_the_topic() -> None:
    for properties in of("AWS::CloudWatch::Alarm").values():
        topic, nothing = properties["AlarmActions"]["Fn::If"][1:]
        assert (topic, nothing) == ([{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"})


def test_the_dashboard_shows_every_function_and_every_dead_letter_queue() -> None:
    body, _ = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    shown = json.loads(STACK.resolve(RESOURCES["Dashboard"]["Properties"]["DashboardBody"]))
    titles = [each["properties"]["title"] for each in shown["widgets"]]

    assert len(titles) == len(set(titles)) > 5
    for name in (*FUNCTIONS, *QUEUES):
        assert name == "OpenReport" or f"${{{name}}}" in body or f"${{{name}.QueueName}}" in body, name


@pytest.mark.parametrize(
    ("kind", "property_name"),
    [
        ("AWS::Logs::LogGroup", "KmsKeyId"),
        ("AWS::SQS::Queue", "KmsMasterKeyId"),
        ("AWS::Events::EventBus", "KmsKeyIdentifier"),
        ("AWS::SecretsManager::Secret", "KmsKeyId"),
    ],
)
def test_the_key_encrypts_everything_that_holds_data(kind: str, property_name: str) -> None:
    with_key = Stack(STACK.template, {**OPTIONS, "KeyArn": "arn:aws:kms:us-east-1:123456789012:key/k"})

    assert of(kind)
    for _, properties in with_key.resources(kind):
        assert with_key.resolve(properties)[property_name] == with_key.parameters["KeyArn"]
    assert with_key.resolve(RESOURCES["Ledger"]["Properties"])["SSESpecification"]["SSEType"] == "KMS"
    assert "aws:kms" in json.dumps(with_key.resolve(RESOURCES["Reports"]["Properties"]["BucketEncryption"]))


def test_an_update_of_the_stack_never_replaces_the_ledger() -> None:
    """What CloudFormation replaces a table for is fixed, and depends on no parameter. A change here is a new table."""
    properties = RESOURCES["Ledger"]["Properties"]
    keys = [(each["AttributeName"], each["KeyType"]) for each in properties["KeySchema"]]

    assert RESOURCES["Ledger"]["Type"] == "AWS::DynamoDB::Table"
    assert keys == [("pk", "HASH"), ("sk", "RANGE")]
    assert not {"TableName", "LocalSecondaryIndexes", "ImportSourceSpecification"} & set(properties)
    types = {each["AttributeName"]: each["AttributeType"] for each in properties["AttributeDefinitions"]}
    assert set(types.values()) == {"S"}
    assert "Condition" not in RESOURCES["Ledger"]


def test_who_opens_reports_by_link_needs_the_link_and_only_if_links_are_on() -> None:
    off = Stack(STACK.template)

    assert "OpenReport" not in dict(off.resources("AWS::Serverless::Function"))
    assert not dict(off.resources("AWS::SecretsManager::Secret"))
    assert not dict(off.resources("AWS::Lambda::Url"))
    assert RESOURCES["OpenReportUrl"]["Properties"]["AuthType"] == "NONE"
    permissions = [each["Properties"] for each in RESOURCES.values() if each["Type"] == "AWS::Lambda::Permission"]
    assert {(each["Action"], each["Principal"]) for each in permissions} == {
        ("lambda:InvokeFunctionUrl", "*"),
        ("lambda:InvokeFunction", "*"),
    }
    assert all("FunctionUrlAuthType" in each or each["InvokedViaFunctionUrl"] for each in permissions)


def test_guided_deployment_is_not_asked_about_a_public_url() -> None:
    """`sam deploy --guided` asks of each FunctionUrlConfig without identity, whatever its condition, and takes no Enter."""
    assert not [name for name, each in FUNCTIONS.items() if "FunctionUrlConfig" in each]


def test_nobody_but_its_functions_may_speak_in_trialbooks_name() -> None:
    policy = of("AWS::Events::EventBusPolicy")["AnnouncementsPolicy"]
    statement = policy["Statement"]
    condition = statement["Condition"]
    own = {name for name, properties in FUNCTIONS.items() if "events:PutEvents" in json.dumps(properties["Policies"])}
    trusted = {
        (each["Fn::If"][1] if "Fn::If" in each else each)["Fn::GetAtt"]
        for each in condition["ArnNotEquals"]["aws:PrincipalArn"]
    }

    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "events:PutEvents")
    assert condition["ForAnyValue:StringEquals"] == {"events:source": ["trialbook"]}
    assert trusted == {f"{name}Role.Arn" for name in own}


def test_a_cap_for_links_is_reserved_only_where_one_is_given() -> None:
    def cap(**parameters: str) -> Any:
        stack = Stack(STACK.template, {"ReportLinks": "on", **parameters})
        return stack.resolve(dict(stack.resources("AWS::Serverless::Function"))["OpenReport"]).get(
            "ReservedConcurrentExecutions"
        )

    assert cap() is None  # an account with Lambda's quota of 10 can reserve none
    assert cap(OpenReportConcurrency="5") == "5"


def test_every_target_and_schedule_has_a_dead_letter_queue() -> None:
    for properties in RULES.values():
        assert all("Arn" in target["DeadLetterConfig"] for target in properties["Targets"])
    for properties in FUNCTIONS.values():
        for event in properties.get("Events", {}).values():
            if event["Type"] == "Schedule":
                assert "DeadLetterConfig" in event["Properties"]
                assert "DeadLetterQueue" in properties


def senders() -> dict[str, set[str]]:
    """The rules that send to each queue, as target or dead letter; SAM names a schedule's after function and event."""
    found: dict[str, set[str]] = {name: set() for name in QUEUES}
    for rule, properties in RULES.items():
        for target in properties["Targets"]:
            for each in (target, target["DeadLetterConfig"]):
                found[each["Arn"]["Fn::GetAtt"].removesuffix(".Arn")].add(rule)
    for function, properties in FUNCTIONS.items():
        for name, event in properties.get("Events", {}).items():
            if event["Type"] == "Schedule":
                queue = event["Properties"]["DeadLetterConfig"]["Arn"]["Fn::GetAtt"].removesuffix(".Arn")
                found[queue].add(f"{function}{name}")
    return found


def test_sqs_takes_each_queue_policy_because_it_is_about_one_queue_alone() -> None:
    for properties in of("AWS::SQS::QueuePolicy").values():
        (queue,) = properties["Queues"]
        for statement in properties["PolicyDocument"]["Statement"]:
            assert statement["Resource"] == {"Fn::GetAtt": f"{queue['Ref']}.Arn"}


def test_just_the_rules_that_send_to_a_queue_may_and_only_with_tls() -> None:
    policies = {
        each["Queues"][0]["Ref"]: each["PolicyDocument"]["Statement"] for each in of("AWS::SQS::QueuePolicy").values()
    }

    assert set(policies) == set(QUEUES)
    for queue, statements in policies.items():
        *allows, deny = statements
        arns = [arn for each in allows for arn in each["Condition"]["ArnEquals"]["aws:SourceArn"]]
        allowed = [(arn["Fn::If"][1] if "Fn::If" in arn else arn)["Fn::GetAtt"] for arn in arns]
        assert sorted(allowed) == sorted(f"{rule}.Arn" for rule in senders()[queue])
        assert all(each["Principal"] == {"Service": "events.amazonaws.com"} for each in allows)
        assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_the_ledger_outlives_the_stack_and_can_be_restored() -> None:
    table = RESOURCES["Ledger"]

    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    properties = table["Properties"]
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert properties["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert "TableName" not in properties  # a fixed name would make some updates replace the table


def test_the_runtime_is_pinned_and_the_architecture_a_parameter() -> None:
    common = STACK.template["Globals"]["Function"]

    assert common["Runtime"] == "python3.13"
    assert common["Architectures"] == [{"Ref": "Architecture"}]


def test_every_parameter_is_described_and_has_a_default() -> None:
    for name, parameter in STACK.template["Parameters"].items():
        assert parameter["Description"], name
        assert "Default" in parameter, name


def matching(event: dict[str, Any]) -> set[str]:
    patterns = {
        name: EventPattern.load(json.dumps(properties["EventPattern"]))
        for name, properties in RULES.items()
        if "EventBusName" not in properties
    }
    return {name for name, pattern in patterns.items() if pattern.matches_event(event)}  # type: ignore[arg-type]


@pytest.mark.parametrize("path", sorted((ROOT / "events").glob("*-*.json")), ids=lambda path: str(path.stem))
def test_each_sample_event_is_recorded_by_one_rule_a_start_attaches_and_a_training_jobs_end_is_captured(
    path: Path,
) -> None:
    ends = ("training-completed", "training-failed", "training-stopped", "training-child-completed")
    event = json.loads(path.read_text())
    has_component = event["detail-type"] in RULES["JobStarted"]["EventPattern"]["detail-type"]
    is_start = any(
        event["detail"].get(f"{kind}JobStatus") == "InProgress" for kind in ("Training", "Processing", "Transform")
    )
    further = {"TrainingJobEnded"} if path.stem in ends else {"JobStarted"} if has_component and is_start else set()

    assert matching(event) >= further
    assert len(matching(event) - further) == 1


@pytest.mark.parametrize("status", ["Downloading", "Training", "Uploading", "Interrupted"])
def test_changes_in_the_middle_of_a_job_are_ignored(status: str) -> None:
    event = json.loads((ROOT / "events/training-starting.json").read_text())

    assert matching({**event, "detail": {**event["detail"], "SecondaryStatus": status}}) == set()


def actions_on_everything() -> set[tuple[str, str]]:
    statements = [
        (name, STACK.resolve(statement))
        for name, properties in FUNCTIONS.items()
        for policy in properties["Policies"]
        for statement in policy["Statement"]
    ]
    found = [(name, each["Action"]) for name, each in statements if each and each["Resource"] == "*"]
    return {
        (name, action) for name, actions in found for action in ([actions] if isinstance(actions, str) else actions)
    }


def test_only_what_has_no_resource_to_name_is_granted_on_everything() -> None:
    assert actions_on_everything() == {
        ("BuildReport", "pricing:GetProducts"),
        ("CaptureJob", "cloudwatch:GetMetricData"),
        ("PostSlack", "pricing:GetProducts"),
        ("PostBestTrials", "pricing:GetProducts"),
        ("PostEmail", "pricing:GetProducts"),
        ("PollJobs", "sagemaker:ListJobs"),
        ("RecordJob", "batch:DescribeServiceJob"),
        ("Reconcile", "bedrock:ListModelCustomizationJobs"),
        ("Reconcile", "sagemaker:ListHyperParameterTuningJobs"),
        ("Reconcile", "sagemaker:ListProcessingJobs"),
        ("Reconcile", "sagemaker:ListTransformJobs"),
        ("Reconcile", "sagemaker:Search"),
    }


@pytest.mark.parametrize(
    ("kind", "property_name", "longest"),
    [
        ("AWS::Events::EventBus", "Name", 256),
        ("AWS::Events::EventBusPolicy", "StatementId", 64),
        ("AWS::CloudWatch::Dashboard", "DashboardName", 255),
    ],
)
def test_names_made_of_the_stacks_own_fit_for_the_longest_stack_name(
    kind: str, property_name: str, longest: int
) -> None:
    stack = Stack(STACK.template, {**OPTIONS, "MemberAccounts": "210987654321"}, name="s" * 128)
    made = [stack.resolve(each[property_name]) for _, each in stack.resources(kind)]

    assert made
    assert all(0 < len(each) <= longest for each in made), made
    assert not any("None" in each or "${" in each for each in made)


def test_nothing_but_those_names_is_chosen_by_the_template() -> None:
    """CloudFormation shortens the names that it makes itself; one that the template chooses could be too long."""
    named = {
        (each["Type"], key)
        for each in RESOURCES.values()
        if each["Type"] not in ("AWS::Lambda::EventSourceMapping", "AWS::Lambda::Permission")
        for key in each.get("Properties", {})
        if key
        in ("Name", "DashboardName", "RoleName", "FunctionName", "QueueName", "TableName", "BucketName", "AlarmName")
    }

    assert named == {("AWS::Events::EventBus", "Name"), ("AWS::CloudWatch::Dashboard", "DashboardName")}
