"""Least privilege: what each function's role grants is what the function calls when everything happens, no less, no more.

The calls are those that the functions make in replays, as the clients are asked for them; grants are the template's.
What each call asks for is held against botocore's models here: the ledger's client leaves that check out, which takes a
sixth of a job event's time.
"""

import dataclasses
import json
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from itertools import count
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.validate import ParamValidator

import cut_models
from tests.conftest import FOLLOWS_THE_LEDGER, ROOT
from tests.faults.wire import answer
from tests.integration.test_pipeline_messages import ROUTES, of_four_steps
from tests.integration.test_replay import TUNING, few
from tests.launching import at, batch_name, customization, launched, of_category, queued, training, trial
from tests.measuring import one_job
from tests.mlflow.stand_in import Refusal, StandIn, serving
from tests.relocated import HERE, recording
from trialbook.core.report_links import link
from trialbook.core.times import iso
from trialbook_cli import replaying
from trialbook_cli.laptop_cloud import LaptopCloud, Recording
from trialbook_cli.laptop_cloud.template import Stack, load_template
from trialbook_cli.sagemaker_stand_in import ApiError, SageMaker
from trialbook_cli.slack_stand_in import HttpAnswer

pytestmark = pytest.mark.long  # once for all functions, forty seconds
Grant = tuple[str, str]  # action, and what of it: a table, an index, a kind of SageMaker's things
OTHER_ACCOUNT = "210987654321"
OPTIONS = {
    "ReportLinks": "on",
    "MemberAccounts": OTHER_ACCOUNT,
    "ModelCustomization": "on",
    "JobsApi": "on",
    "MlflowMetrics": "on",
    "MlflowTrackingServerArn": "arn:aws:sagemaker:us-east-1:123456789012:mlflow-tracking-server/one",
    **replaying.LAPTOP,
}
STACK = Stack(load_template(ROOT / "template.yaml"), OPTIONS)
IN_TRANSACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
PREFIXES = {"sesv2": "ses", "sagemaker-metrics": "sagemaker"}
NAMES = {
    "s3:HeadObject": "s3:GetObject",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
# What IAM calls MLflow's requests to a tracking server; an App has one action for all.
IN_MLFLOW = {
    ("GET", "experiments/get-by-name"): "GetExperimentByName",
    ("POST", "experiments/create"): "CreateExperiment",
    ("POST", "runs/create"): "CreateRun",
    ("GET", "runs/get"): "GetRun",
    ("POST", "runs/search"): "SearchRuns",
    ("POST", "runs/log-batch"): "LogBatch",
    ("POST", "runs/log-inputs"): "LogInputs",
    ("POST", "runs/update"): "UpdateRun",
    ("POST", "runs/delete"): "DeleteRun",
    ("POST", "logged-models"): "CreateLoggedModel",
    ("POST", "logged-models/search"): "SearchLoggedModels",
    ("PATCH", "logged-models"): "FinalizeLoggedModel",
}
# Not calls of the function's own: what Lambda, DynamoDB and SageMaker do with its role's rights.
IMPLIED = {
    "ses:SendRawEmail": "SendEmail asks for it where the mail is given as it is",
    "sagemaker:AddTags": "CreateExperiment and CreateTrial with tags ask for it",
    "kms:Decrypt": "the services decrypt with the caller's right to the key",
    "kms:GenerateDataKey": "the services encrypt with the caller's right to the key",
    **dict.fromkeys(
        (
            *("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"),
            *("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"),
        ),
        "Lambda polls queue and stream, and gives up changes, with the function's rights; which, another test says",
    ),
}
SAM_PYTHON = ROOT / ".venv-sam" / "bin" / "python"
# SAM's own translation of the template: what the roles are in the end.
TRANSLATE = """
import json, sys
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

template = yaml_parse(open(sys.argv[1]).read())
for each in template["Resources"].values():
    for field in {"CodeUri", "ContentUri"} & each.get("Properties", {}).keys():
        each["Properties"][field] = "s3://bucket/key"
translated = Translator({}, Parser()).translate(template, {})
print(json.dumps([each for each in translated["Resources"].values() if each["Type"] == "AWS::IAM::Role"]))
"""
# What AWS keeps in these names no resource of the stack: they write logs and traces, and read nothing.
MANAGED = {"service-role/AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess"}


# Requests to MLflow go through no client of AWS: tests/integration/test_serverless_jobs.py sees them.
READ_RUNS: set[Grant] = {("sagemaker:CallMlflowAppApi", ""), ("sagemaker-mlflow:GetRun", "")}


def actions(service: str, operation: str, request: Mapping[str, Any]) -> Iterator[Grant]:
    """What a call asks for, as IAM names it."""
    prefix = PREFIXES.get(service, service)
    if operation == "TransactWriteItems":
        for item in request["TransactItems"]:
            yield from ((f"dynamodb:{IN_TRANSACTIONS[kind]}", "table") for kind in item)
    elif operation == "BatchGetItem" or service == "dynamodb":
        yield f"{prefix}:{operation}", f"index/{request['IndexName']}" if "IndexName" in request else "table"
    else:
        yield NAMES.get(f"{prefix}:{operation}", f"{prefix}:{operation}"), ""


class Used:
    """Collects what the functions of a cloud ask for."""

    def __init__(self) -> None:
        self.by_function: dict[str, set[Grant]] = defaultdict(set)
        self.invalid: dict[str, str] = {}
        self.calls: set[tuple[str, str]] = set()

    def watch(self, cloud: LaptopCloud, sagemaker: SageMaker) -> None:
        cloud.before_call = self._note

    def _note(self, function: str, service: str, operation: str, request: Mapping[str, Any]) -> None:
        self.calls.add((service, operation))
        self.by_function[function].update(actions(service, operation, request))
        if found := problems(service, operation, request):
            self.invalid[f"{function}: {service}.{operation}"] = found


@cache
def _input_of(service: str, operation: str) -> Any:
    return botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape


def problems(service: str, operation: str, request: Mapping[str, Any]) -> str:
    """What botocore's models have against a request; nothing where it fits."""
    return str(ParamValidator().validate(dict(request), _input_of(service, operation)).generate_report())


def is_end(event: Mapping[str, Any]) -> bool:
    return event["detail"].get("TrainingJobStatus") in ("Completed", "Failed", "Stopped")


def of_other_kinds(*, begin_only: bool = False) -> Recording:
    """A processing job and a transform job that begin and end, from the samples."""
    names = ["processing-in-progress", "processing-completed", "transform-in-progress", "transform-completed"]
    events = [json.loads((ROOT / "events" / f"{name}.json").read_text()) for name in names]
    answers = [
        _describe(kind, event["detail"]) for kind, event in zip(("Processing", "Transform"), events[1::2], strict=True)
    ]
    return Recording("other kinds", events[:1] if begin_only else events, answers)


def _describe(kind: str, detail: Mapping[str, Any]) -> dict[str, Any]:
    """What SageMaker would answer of the job that an event tells of."""
    response = {key: value for key, value in detail.items() if value and key not in ("Tags", "ExperimentConfig")}
    request = {f"{kind}JobName": detail[f"{kind}JobName"]}
    times = {key: _iso(value) for key, value in response.items() if key.endswith("Time")}
    return {"operation": f"Describe{kind}Job", "request": request, "response": {**response, **times}}


def _iso(milliseconds: int) -> str:
    return iso(datetime.fromtimestamp(milliseconds / 1000, UTC))


def that_bridges_two_windows(*, with_events: int) -> Recording:
    """Three jobs a quarter of an hour apart from the first to the last; the one between them is seen last, if at all."""
    ends = {event["detail"]["TrainingJobName"]: event for event in few(3).events if is_end(event)}
    events = [_later(event, minutes) for event, minutes in zip(ends.values(), (0, 15, 8), strict=True)]
    if with_events == len(events):
        return Recording("bridged", events, ())
    return Recording("bridged", events[:with_events], [_describe("Training", event["detail"]) for event in events])


def of_two_loops() -> Recording:
    """Four jobs, two of them an hour later: two sweeps of one experiment."""
    ends = {event["detail"]["TrainingJobName"]: event for event in few(4).events if is_end(event)}
    events = [_later(event, minutes) for event, minutes in zip(ends.values(), (0, 0, 60, 60), strict=True)]
    return Recording("two loops", events, ())


def _later(event: Mapping[str, Any], minutes: int) -> dict[str, Any]:
    times = {key: value + minutes * 60_000 for key, value in event["detail"].items() if key.endswith("Time") and value}
    return {**event, "detail": {**event["detail"], **times, "SecondaryStatusTransitions": []}}


def first_only(whole: Recording) -> Recording:
    """All is lost but the first event: reconcile has to find the rest."""
    return dataclasses.replace(whole, events=list(whole.events)[:1])


def without_ends(whole: Recording) -> Recording:
    return dataclasses.replace(whole, events=[event for event in whole.events if not is_end(event)])


def of_half_the_children(whole: Recording) -> Recording:
    """No event comes of the tuning job itself, nor of every second child."""
    children = [each for each in whole.events if "TrainingJobName" in each["detail"]]
    names = sorted({each["detail"]["TrainingJobName"] for each in children})[::2]
    return dataclasses.replace(whole, events=[each for each in children if each["detail"]["TrainingJobName"] in names])


@cache
def used() -> Used:
    """All that happens in these replays together. Without reconcile, close_sweeps has to find out by itself."""
    found = Used()
    quick = partial(replaying.replay, prepare=found.watch, without=FOLLOWS_THE_LEDGER)
    alone = partial(replaying.replay, prepare=found.watch, without=(*FOLLOWS_THE_LEDGER, "Reconcile"))
    replaying.replay(of_two_loops(), prepare=partial(_with_a_lagging_index, found))
    replaying.replay(few(1), prepare=partial(_with_troubles, found), without=FOLLOWS_THE_LEDGER)
    quick(first_only(few(2)), prepare=partial(_with_a_foreign_trial, found))
    quick(that_bridges_two_windows(with_events=3))
    quick(that_bridges_two_windows(with_events=2))
    quick(of_other_kinds())
    quick(of_other_kinds(begin_only=True))
    quick(
        launched([trial("depth-18", "backbones"), training("resnet", 0, 5, ExperimentConfig={"TrialName": "depth-18"})])
    )
    quick(first_only(launched([training("first", 0, 5), training("long", 1, 240)])))  # reconcile finds a running job
    quick(launched([training(batch_name("churn"), 1, 10)], [queued("churn", [batch_name("churn")], 0, 2)]))
    _with_model_customization(found)
    _with_polled_jobs(found)
    for recorded in (few(1), of_other_kinds()):  # where no job is recorded, attach_job asks by itself
        replaying.replay(recorded, prepare=found.watch, without=(*FOLLOWS_THE_LEDGER, "RecordJob", "Reconcile"))
    quick(first_only(recording(TUNING)))
    alone(without_ends(few(2)))
    alone(of_half_the_children(recording(TUNING)))
    _of_another_account(found, few(1))
    _of_another_account(found, without_ends(few(1)), "Reconcile")
    _in_a_book_without_places(found, first_only(few(2)), "RecordJob")
    _in_a_book_without_places(found, of_half_the_children(recording(TUNING)), "Reconcile")
    _with_a_link(found)
    _with_expiry(found)
    _with_windows_left_behind(found)
    _with_a_weekly_report(found)
    _with_runs_in_mlflow(found)
    _with_a_job_reported_by(found, "PostSlack")
    _with_a_job_reported_by(found, "PostEmail")
    replaying.replay(of_four_steps(), prepare=found.watch, rules=ROUTES, without=("BuildReport",))
    _with_measurements(found)
    for function in ("CloseSweeps", "PollJobs", "RecordJob", "Reconcile"):  # each records ends of jobs
        found.by_function[function] |= READ_RUNS
    return found


def _with_model_customization(found: Used) -> None:
    """Of one job Bedrock reports the beginning, of another nothing."""
    recorded = first_only(launched([customization("seen", 0, 30), customization("unseen", 1, 40)]))
    parameters = {"ModelCustomization": "on"}
    with replaying.running(recorded, parameters=parameters, without=FOLLOWS_THE_LEDGER) as (cloud, sagemaker):
        found.watch(cloud, sagemaker)
        for event in recorded.events:
            cloud.deliver(event)
        cloud.finish()


def _with_polled_jobs(found: Used) -> None:
    """Three jobs of which no events tell, seen late: the third one bridges the windows of the others. In a book with a
    member, and in one of an older version."""
    spans = ((0, 5), (20, 25), (2, 30))
    names = [f"support-agent-26112009{number}0" for number in range(len(spans))]
    recorded = launched(
        [of_category("AgentRFT", name, *span, {"rate": span[0]}) for name, span in zip(names, spans, strict=True)]
    )
    of_member = [{**event, "account": OTHER_ACCOUNT} for event in few(1).events]
    with_member = dataclasses.replace(recorded, events=of_member)
    with replaying.running(with_member, here=HERE, without=FOLLOWS_THE_LEDGER) as (cloud, sagemaker):
        found.watch(cloud, sagemaker)

        def busy(operation: str, request: Mapping[str, Any]) -> None:
            if operation == "ListJobs" and cloud.now < at(40):
                raise ApiError("ThrottlingException", "for a test")

        sagemaker.faults = busy
        cloud.finish()
    _in_a_book_without_places(found, launched(recorded.answers[:1]), "RecordJob")


def _with_measurements(found: Used) -> None:
    """A job that ends well is captured; then one that failed, whose log has the book's first secret; and one of another
    account."""
    quick = ("BuildReport", "PostSlack", "PostEmail", "PostBestTrials")
    of_member = one_job()
    events = [{**event, "account": OTHER_ACCOUNT} for event in of_member.events]
    failed = one_job("Failed", ["token hf_abcdefghijklmnopqrstuvwx"], FailureReason="AlgorithmError: no")
    for recorded in (one_job(), failed, dataclasses.replace(of_member, events=events)):
        with replaying.running(recorded, here=HERE, without=quick) as (cloud, sagemaker):
            found.watch(cloud, sagemaker)
            for event in recorded.events:
                cloud.deliver(event)
            cloud.finish()


def _of_another_account(found: Used, recorded: Recording, *without: str) -> None:
    """A member's job: SageMaker is asked by a role there. Without reconcile, close_sweeps has to find out by itself."""
    events = [{**event, "account": OTHER_ACCOUNT} for event in recorded.events]
    moved = dataclasses.replace(recorded, events=events)
    with replaying.running(moved, here=HERE, without=(*FOLLOWS_THE_LEDGER, *without)) as (cloud, sagemaker):
        found.watch(cloud, sagemaker)
        for event in events:
            cloud.deliver(event)
        cloud.finish()


def _in_a_book_without_places(found: Used, recorded: Recording, *without: str) -> None:
    """A book of an older version has no note of its accounts and regions: whoever enters a job first looks for its first
    sweep."""
    with replaying.running(recorded, without=(*FOLLOWS_THE_LEDGER, *without)) as (cloud, sagemaker):
        found.watch(cloud, sagemaker)
        for event in recorded.events:
            cloud.deliver(event)
        table = boto3.resource("dynamodb", region_name=cloud.stack.account.region).Table(
            cloud.stack.references["Ledger"]
        )
        table.delete_item(Key={"pk": "NOTE", "sk": "places"})
        cloud.finish()


def _with_a_job_reported_by(found: Used, name: str) -> None:
    """A single job, in Slack by a token from Secrets Manager; Slack is busy at first. Who asks for a price first, asks
    for all."""
    parameters = {"ReportLinks": "on", "SlackTokenSecretArn": "slack-token", "SlackTokenParameter": ""}
    with replaying.running(few(1), parameters=parameters, without=("BuildReport",)) as (cloud, sagemaker):
        found.watch(cloud, sagemaker)
        cloud.functions[name].environment["LOOK_UP_PRICES"] = "true"
        cloud.fault = lambda by, service, operation: answer(200, b'{"PriceList": []}') if service == "pricing" else None
        left = count(1, -1)

        def busy(method: str, request: Mapping[str, Any]) -> None:
            if next(left) > 0:
                raise HttpAnswer.rate_limited(5)

        cloud.slack.before = busy
        for event in few(1).events:
            cloud.deliver(event)
        cloud.finish()


def _with_runs_in_mlflow(found: Used) -> None:
    """A sweep whose report goes to MLflow's own bucket, a parent that has merged, and a run of which nobody knows
    whether it was made. A token is read, and the server is busy at first."""
    stand_in, left = StandIn("s3://mlflow-bucket/artifacts"), count(1, -1)

    def twice(path: str, body: Any) -> None:
        """The server is slow: the run is there, and later a second one."""
        if path == "runs/create" and next(left) > 0:
            (run,) = stand_in.runs.values()
            stand_in.runs["f" * 32] = {**run, "info": {**run["info"], "run_id": "f" * 32}}
            raise Refusal(500, "INTERNAL_ERROR")

    def busy(path: str, body: Any) -> None:
        if path == "runs/log-batch" and body["params"] and next(refused) > 0:
            raise Refusal(400, "INVALID_PARAMETER_VALUE")
        if path.startswith("logged-models/m-") and next(unfinished) > 0:
            raise Refusal(500, "INTERNAL_ERROR")

    refused, unfinished, stand_in.before, stand_in.after = count(1, -1), count(1, -1), busy, twice
    recorded = that_bridges_two_windows(with_events=3)
    with serving(stand_in):
        parameters = {
            **OPTIONS,
            "MlflowTrackingServerArn": "",
            "MlflowUrl": stand_in.url,
            "MlflowArtifactStore": "mlflow-bucket/artifacts",
            "MlflowTokenSecretArn": "mlflow-token",
        }
        with replaying.running(recorded, parameters=parameters, without=("PostSlack", "PostEmail")) as (
            cloud,
            sagemaker,
        ):
            found.watch(cloud, sagemaker)
            region = {"region_name": cloud.account.region}
            place = {} if region["region_name"] == "us-east-1" else {"LocationConstraint": region["region_name"]}
            boto3.client("s3", **region).create_bucket(
                Bucket="mlflow-bucket", **({"CreateBucketConfiguration": place} if place else {})
            )
            boto3.client("secretsmanager", **region).create_secret(Name="mlflow-token", SecretString="token")
            for event in recorded.events:
                cloud.deliver(event)
            cloud.finish()
    for method, path, _ in stand_in.requests:
        name = path if (method, path) in IN_MLFLOW else path.partition("/")[0]
        found.by_function["WriteMlflow"].add((f"sagemaker-mlflow:{IN_MLFLOW[method, name]}", ""))
    found.by_function["WriteMlflow"] |= {("sagemaker:CallMlflowAppApi", "")}


def _with_a_weekly_report(found: Used) -> None:
    """A single job ended, whose price is looked up, and a sweep, whose report says what it cost. Both are reported by mail
    with links, SES being busy at first."""
    events, left = of_a_loop_and_a_job().events, count(1, -1)

    def fault(function: str, service: str, operation: str) -> AWSResponse | None:
        if service == "pricing":
            return answer(200, b'{"PriceList": []}')
        return answer(429, b"{}") if service == "sesv2" and next(left) > 0 else None

    with replaying.running(of_a_loop_and_a_job(), parameters={"ReportLinks": "on"}) as (cloud, sagemaker):
        found.watch(cloud, sagemaker)
        cloud.fault = fault
        cloud.functions["PostBestTrials"].environment["LOOK_UP_PRICES"] = "true"
        for event in events:
            cloud.deliver(event)
        cloud.finish()
        cloud.invoke("PostBestTrials", {"id": "week", "time": "2026-11-23T08:00:00Z"})


def of_a_loop_and_a_job() -> Recording:
    """Two jobs, and an hour later one by itself."""
    ends = {event["detail"]["TrainingJobName"]: event for event in few(3).events if is_end(event)}
    events = [_later(event, minutes) for event, minutes in zip(ends.values(), (0, 0, 60), strict=True)]
    return Recording("a loop and a job", events, [_describe("Training", event["detail"]) for event in events])


def _with_expiry(found: Used) -> None:
    """A sweep that was over a month ago leaves the ledger."""
    with replaying.running(few(2), parameters={"ExpireDays": "7"}, without=FOLLOWS_THE_LEDGER) as (cloud, sagemaker):
        found.watch(cloud, sagemaker)
        for event in few(2).events:
            cloud.deliver(event)
        cloud.finish()
        cloud.invoke("CloseSweeps", {"id": "a month later", "time": "2026-12-21T08:00:00Z"})
        assert list(cloud.ledger.jobs()) == []


def _with_windows_left_behind(found: Used) -> None:
    """A process died while it moved the jobs of a loop, and no message of the loop came after it."""
    with replaying.running(few(2), without=FOLLOWS_THE_LEDGER) as (cloud, sagemaker):
        found.watch(cloud, sagemaker)
        for event in few(2).events:
            cloud.deliver(event)
        (window,) = cloud.ledger.sweeps()
        cloud.ledger.write(loops={window.loop: cloud.ledger.loop_version(window.loop).moved([window.id])})
        cloud.invoke("CloseSweeps", {"id": "a day later", "time": "2026-11-21T10:00:00Z"})
        assert cloud.ledger.loop_version(window.loop).moving == ()


def _with_a_link(found: Used) -> None:
    """A report is opened by its link. What that presigns, S3 checks against the rights of who signed it."""
    with replaying.running(few(1), parameters=OPTIONS) as (cloud, sagemaker):
        found.watch(cloud, sagemaker)
        keys = boto3.client("secretsmanager", region_name=HERE.region)
        signing = keys.get_secret_value(SecretId=cloud.stack.references["ReportLinkKey"])
        address = link(
            "https://x", "reports/a", signing["VersionId"], signing["SecretString"], datetime(2099, 1, 1, tzinfo=UTC)
        )
        path, _, query = address.removeprefix("https://x").partition("?")
        request = {"rawPath": path, "rawQueryString": query, "requestContext": {"http": {"method": "GET"}}}
        answer = cloud.invoke("OpenReport", request)
    if "X-Amz-Signature" in answer["headers"]["Location"]:
        found.by_function["OpenReport"].add(("s3:GetObject", ""))


def _with_troubles(found: Used, cloud: LaptopCloud, sagemaker: SageMaker) -> None:
    """Throttled associations, which put the message back, and a trial name that another experiment has taken."""
    _with_a_foreign_trial(found, cloud, sagemaker)
    left = count(5, -1)

    def faults(operation: str, request: Mapping[str, Any]) -> None:
        if operation == "AssociateTrialComponent" and next(left) > 0:
            raise ApiError("ThrottlingException", "for a test")

    sagemaker.faults = faults


def _with_a_foreign_trial(found: Used, cloud: LaptopCloud, sagemaker: SageMaker) -> None:
    found.watch(cloud, sagemaker)
    sagemaker.experiments.create_experiment({"ExperimentName": "foreign"})
    for event in few(2).events:
        name = event["detail"]["TrainingJobName"]
        if name not in sagemaker.experiments.trials:
            sagemaker.experiments.create_trial({"TrialName": name, "ExperimentName": "foreign"})


def _with_a_lagging_index(found: Used, cloud: LaptopCloud, sagemaker: SageMaker) -> None:
    """The first time that build_report asks, the index does not show the sweep's jobs yet; prices are looked up."""
    found.watch(cloud, sagemaker)
    cloud.functions["BuildReport"].environment["LOOK_UP_PRICES"] = "true"
    left = count(1, -1)

    def fault(function: str, service: str, operation: str) -> AWSResponse | None:
        if service == "pricing":
            return answer(200, b'{"PriceList": []}')
        if (function, operation) == ("BuildReport", "Query") and next(left) > 0:
            return answer(200, b'{"Items": [], "Count": 0, "ScannedCount": 0}')
        return None

    cloud.fault = fault


def granted(function: str) -> set[Grant]:
    """What the function's statements grant, SageMaker's resources left aside."""
    return {grant for each in statements(function) for grant in _grants(each)}


def statements(function: str) -> list[Mapping[str, Any]]:
    return [
        statement
        for policy in dict(STACK.resources("AWS::Serverless::Function"))[function]["Policies"]
        for each in policy["Statement"]
        for statement in (each["Fn::If"][1] if "Fn::If" in each else each,)  # optional parts are all switched on
    ]


def _grants(statement: Mapping[str, Any]) -> Iterator[Grant]:
    assert statement["Effect"] == "Allow"
    listed = statement["Action"]
    resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
    for action in listed if isinstance(listed, list) else [listed]:
        for resource in resources:
            yield action, _what(action, resource)


def _what(action: str, resource: Any) -> str:
    if not action.startswith("dynamodb:"):
        return ""
    text = resource.get("Fn::Sub", "") if isinstance(resource, dict) else ""
    return f"index/{text.rpartition('/')[2]}" if "/index/" in text else "table"


FUNCTIONS = [name for name, _ in STACK.resources("AWS::Serverless::Function")]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_grants_what_its_function_uses_and_nothing_else(function: str) -> None:
    needed = used().by_function[function]
    given = {grant for grant in granted(function) if grant[0] not in IMPLIED}
    print(f"{function}: {', '.join(sorted(' '.join(each).strip() for each in needed))}")

    assert needed - given == set(), "the template grants less than the function uses"
    assert given - needed == set(), "the template grants more than the function uses"


def test_roles_have_no_managed_policy_but_those_for_logs_and_traces() -> None:
    if not SAM_PYTHON.exists():
        pytest.skip("the AWS SAM command line is not there: make .venv-sam/.ready installs it")
    command = [str(SAM_PYTHON), "-c", TRANSLATE, str(ROOT / "template.yaml")]
    translated = subprocess.run(
        command, check=True, capture_output=True, text=True, env={"AWS_DEFAULT_REGION": "us-east-1"}
    )
    roles = json.loads(translated.stdout)

    assert len(roles) == len(FUNCTIONS)
    for role in roles:
        managed = role["Properties"]["ManagedPolicyArns"]
        assert {each.partition(":policy/")[2] for each in managed} == MANAGED, role


def test_lambda_may_poll_for_a_function_what_is_mapped_to_it_and_nothing_else() -> None:
    sources: dict[str, list[Any]] = defaultdict(list)
    for _, mapping in STACK.resources("AWS::Lambda::EventSourceMapping"):
        sources[mapping["FunctionName"]["Ref"]].append(mapping["EventSourceArn"])
    polled = {
        function: [each["Resource"] for each in statements(function) if each["Sid"] in ("Poll", "ReadStream")]
        for function in FUNCTIONS
    }

    assert {function: found for function, found in polled.items() if found} == sources
    given_up = [each["Resource"] for each in statements("AnnounceChanges") if each["Action"] == "sqs:SendMessage"]
    assert given_up == [{"Fn::GetAtt": "StreamDeadLetters.Arn"}]


def test_every_request_fits_botocores_model() -> None:
    assert used().invalid == {}


def test_the_layer_keeps_the_model_of_every_operation_that_a_function_calls() -> None:
    kept = {(service, each) for service, names in cut_models.operations().items() for each in names}

    assert ("sagemaker", "DescribeTrainingJob") in used().calls
    assert used().calls <= kept
    assert "Missing required parameter" in problems("dynamodb", "GetItem", {"TableName": "t"})
