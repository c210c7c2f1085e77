"""The laptop cloud: what template.yaml describes, run in one process on a clock that is turned.

A stand-in of its own answers for DynamoDB, moto for SQS and the rest, all in process and where botocore would send its
requests. moto's SQS is given the time of the turned clock, so that delays and visibility timeouts pass when the clock
does. EventBridge's matching is moto's; Lambda's polling, batches and partial failures, and the schedules are here,
because moto has none of them without Docker.
"""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast
from unittest.mock import patch
from uuid import uuid4

import boto3
import jsonpath_ng.ext
from botocore import UNSIGNED, handlers, useragent
from botocore.awsrequest import AWSResponse
from botocore.client import BaseClient
from botocore.config import Config
from botocore.hooks import EventAliaser
from botocore.loaders import create_loader
from moto import mock_aws
from moto.core.config import default_user_config
from moto.events.models import EventPattern

from trialbook.core.errors import InvalidInput
from trialbook.core.times import parse_time
from trialbook.ledger.ledger import Ledger
from trialbook.runtime import clock, observability
from trialbook_cli import dynamodb_stand_in
from trialbook_cli.laptop_cloud import moto_services, short_calls
from trialbook_cli.laptop_cloud.answers import remembered_spellings
from trialbook_cli.laptop_cloud.functions import Function
from trialbook_cli.laptop_cloud.parameters import Parameters
from trialbook_cli.laptop_cloud.patterns import matches
from trialbook_cli.laptop_cloud.queues import Queues
from trialbook_cli.laptop_cloud.schedules import next_week
from trialbook_cli.laptop_cloud.streams import Stream
from trialbook_cli.laptop_cloud.template import Stack, as_json, load_template
from trialbook_cli.project import ROOT
from trialbook_cli.sagemaker_stand_in import Account, SageMaker, serve
from trialbook_cli.sagemaker_stand_in.aws_json import answer_of
from trialbook_cli.slack_stand_in import Workspace, serve_slack
from trialbook_cli.telemetry_stand_in import Telemetry, serve_telemetry

_METERED = frozenset({"GetItem", "PutItem", "Query", "BatchGetItem", "TransactWriteItems"})
_WRITES_SWEEPS = frozenset({"TransactWriteItems", "UpdateItem", "DeleteItem", "BatchWriteItem"})
_WRITES = _WRITES_SWEEPS | {"PutItem"}
_NOT_NAMED = "us-east-1"  # S3's first region: it takes buckets that say where they lie for all others alone
_NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})
_WINDOW = timedelta(seconds=15)  # the stream's batching window
_MINUTE = timedelta(minutes=1)
_MOMENT = timedelta(microseconds=1)
_ASKED = ("AWS_ENDPOINT_URL_SAGEMAKER", "AWS_ENDPOINT_URL_BEDROCK", "AWS_ENDPOINT_URL_BATCH")
_MEASURING = ("AWS_ENDPOINT_URL_SAGEMAKER_METRICS", "AWS_ENDPOINT_URL_CLOUDWATCH", "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS")
_FOREVER = timedelta(hours=48)  # how long the clock is turned on after the last event, for what hangs
_ENVIRONMENT = {
    # moto knows the regions of its day, and each service's own; a recording may be of any.
    "MOTO_ALLOW_NONEXISTENT_REGION": "true",
    "AWS_ACCESS_KEY_ID": "laptop",
    "AWS_SECRET_ACCESS_KEY": "laptop",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "POWERTOOLS_TRACE_DISABLED": "true",
}


_Send = Callable[..., AWSResponse | None]
_Local = Callable[[str, bytes], tuple[int, bytes]]  # from an operation and a body to a status and a body


class ProcessDied(BaseException):
    """Raised by a test's hook: the function's process dies at this point, like a Lambda that is killed."""


# The one place through which every call of every client goes.
_MAKE_API_CALL = cast("Any", BaseClient)._make_api_call  # noqa: SLF001


# Each cold start makes a session of its own, and each session looks for botocore's models and parses them anew: 100 ms
# a client. Each client then finds out anew which names of events are other names, and each request which characters
# the name of the program that makes it may have. moto parses the same two paths in an event for each target of each
# event.
_LOADER_OF = cache(create_loader)
_ALIAS_OF = cache(cast("Any", EventAliaser)(None)._alias_event_name)  # noqa: SLF001 it has no public one
_IN_USER_AGENT = cache(useragent.sanitize_user_agent_string_component)
_PARSED_PATH = cache(cast("Any", jsonpath_ng.ext).parse)


class LaptopCloud:
    """A running stack. Made by `LaptopCloud.start`.

    `calls` counts the functions' API calls by function, service and operation, `capacity` DynamoDB's units by function
    and operation (as DynamoDB Local tells them; moto's are rough).

    Hooks for tests, None where not set: `before_call` and `after_call` are given the functions' calls by function,
    service and operation, the first with the request too; the second, once they are answered, may raise ProcessDied.
    `fault` may answer in AWS's stead, on the wire: each attempt of a call goes through it. `on_error` is given a
    function that fails as a whole, which then counts as in AWS: what it was to handle comes again. Without it, the
    error is raised. `schedules` are the functions that run by themselves, for as long as they are in it.
    """

    def __init__(
        self,
        stack: Stack,
        root: Path,
        start: datetime,
        until_end: ExitStack,
        dynamodb: dynamodb_stand_in.Database | None,
        without: Collection[str] = (),
    ) -> None:
        self.now = start
        self._read_at, self._read = start, start.timestamp() * 1000
        self._account_of: dict[str, str] = {}
        self._until_end = until_end
        self.stack, self.account = stack, stack.account
        self.functions: dict[str, Function] = {}
        self.slack = Workspace()
        self.died = 0
        self.calls: Counter[tuple[str, str, str]] = Counter()
        self.capacity: defaultdict[tuple[str, str], float] = defaultdict(float)
        self.before_call: Callable[[str, str, str, Mapping[str, Any]], None] | None = None
        self.after_call: Callable[[str, str, str], None] | None = None
        self.fault: Callable[[str, str, str], AWSResponse | None] | None = None
        self.on_error: Callable[[str, Exception], None] | None = None
        self._running: str | None = None
        self._rules: list[tuple[EventPattern, list[str]]] = []
        self._sources: dict[str, tuple[Function, int]] = {}
        self.schedules: dict[str, Function] = {}
        self._streams: list[Stream] = []
        self._announced: dict[str, list[str]] = {}  # by bus
        self._dynamodb = dynamodb
        self._active_since_reconcile = False
        self._changed = False
        self._stream_due: datetime | None = None
        self._closed_at = self._polled_at = datetime.min.replace(tzinfo=UTC)
        self._polls_again = self._is_reading = False
        self.next_polled_change: Callable[[datetime], datetime | None] = lambda after: None
        self._due: tuple[datetime | None] | None = None  # of the next sweep, as long as no sweep is written
        self._make_queues()
        self._make_tables()
        self._make_buckets()
        self._make_buses()
        self._make_rules()
        self._make_secrets()
        self._make_identities()
        self._make_functions(root, without)
        self.ledger = Ledger(stack.references["Ledger"], region=self.account.region)

    @classmethod
    @contextmanager
    def start(
        cls,
        sagemaker: SageMaker,
        start: datetime,
        *,
        root: Path = ROOT,
        dynamodb_url: str | None = None,
        without: Collection[str] = (),
        rules: str | None = None,
        parameters: Mapping[str, str] = _NO_PARAMETERS,
        slack: Workspace | None = None,
        telemetry: Telemetry | None = None,
    ) -> Iterator["LaptopCloud"]:
        """A cloud for the block, with the SageMaker stand-in behind HTTP. The stand-in's clock is the cloud's, the
        cloud's account and region are the stand-in's.

        With `dynamodb_url`, the ledger is in the DynamoDB that answers there, such as DynamoDB Local or moto's
        server. The functions in `without` are not deployed. `rules` is the rules document, `parameters` are the
        stack's. `slack` is the workspace that stands in for Slack, whose token and webhook are in the parameters that
        the stack names. `telemetry` is what was measured of the jobs.
        """
        # Prices would be asked of AWS itself: nothing leaves the laptop.
        here = sagemaker.account
        given = {**parameters, "LookUpPrices": "false"}
        stack = Stack(load_template(root / "template.yaml"), given, account=here)
        own = {"AWS_DEFAULT_REGION": here.region, "AWS_REGION": here.region, "MOTO_ACCOUNT_ID": here.id}
        account_of: dict[str, str] = {}  # by access key
        with ExitStack() as until_end:
            until_end.enter_context(patch.dict(os.environ, _ENVIRONMENT | own))
            # Until the end of the block: whatever a person's shell and settings name, a replay writes to its own cloud.
            for name in [each for each in os.environ if each.startswith(("AWS_ENDPOINT_URL", "AWS_PROFILE"))]:
                del os.environ[name]
            passed = {"core": {**default_user_config["core"], "mock_credentials": False}}
            until_end.enter_context(patch("botocore.session.create_loader", _LOADER_OF))
            until_end.enter_context(patch.object(EventAliaser, "_alias_event_name", staticmethod(_ALIAS_OF)))
            until_end.enter_context(patch("botocore.useragent.sanitize_user_agent_string_component", _IN_USER_AGENT))
            until_end.enter_context(patch("jsonpath_ng.ext.parse", _PARSED_PATH))
            until_end.enter_context(patch.object(EventPattern, "matches_event", matches))
            until_end.enter_context(mock_aws(config=cast("Any", passed)))
            until_end.enter_context(remembered_spellings())
            dynamodb = None if dynamodb_url else dynamodb_stand_in.Database(here.arn("dynamodb", "table/"))
            local: dict[str, _Local] = {"ssm": Parameters(here, clock.now).answer}
            if dynamodb is not None:
                local["dynamodb"] = partial(dynamodb_stand_in.answer_to, dynamodb)
            until_end.enter_context(_sending(partial(_in_this_process, local)))
            until_end.enter_context(_unsigned(local))
            endpoint = until_end.enter_context(serve(sagemaker, account_of=account_of.get))
            os.environ.update(dict.fromkeys(_ASKED, endpoint))
            short = {name: _of_any_client(answer) for name, answer in local.items()}
            short |= {
                "sagemaker": _sagemaker_at(endpoint, sagemaker, account_of.get),
                "eventbridge": moto_services.put_events,
            }
            short["sesv2"] = moto_services.send_email
            until_end.enter_context(short_calls.answering(short))
            telemetry = telemetry or Telemetry((), sagemaker.now)
            place_of = partial(_place_of, here, account_of)
            measuring = until_end.enter_context(serve_telemetry(telemetry, place_of=place_of))
            os.environ.update(dict.fromkeys(_MEASURING, measuring))
            if dynamodb_url:
                os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = dynamodb_url
            if rules is not None:
                name = stack.parameters["RulesParameter"]
                boto3.client("ssm", region_name=here.region).put_parameter(Name=name, Type="String", Value=rules)
            slack = slack or Workspace()
            os.environ["SLACK_API"] = f"{until_end.enter_context(serve_slack(slack))}/api/"
            _store_secrets_of(slack, stack)
            cloud = cls(stack, root, start, until_end, dynamodb, without)
            cloud.slack, cloud._account_of = slack, account_of
            cloud.next_polled_change = sagemaker.next_polled_change
            sagemaker.now = slack.now = telemetry.now = lambda: cloud.now
            until_end.enter_context(clock.use(lambda: cloud.now))
            until_end.enter_context(patch.object(BaseClient, "_make_api_call", cloud._watched(_MAKE_API_CALL)))
            until_end.enter_context(_sending(cloud._or_in_its_stead))
            numbers = count(1)  # moto's ids of mails are made up anew each time, and stand in the ledger afterwards
            until_end.enter_context(patch("moto.ses.models.get_random_message_id", lambda: f"mail-{next(numbers):06}"))
            until_end.enter_context(patch("moto.sqs.models.unix_time_millis", cloud._milliseconds))
            until_end.enter_context(patch("moto.sqs.models.unix_time", lambda: cloud._milliseconds() / 1000))
            level = observability.logger.log_level
            observability.logger.setLevel("CRITICAL")
            until_end.callback(observability.logger.setLevel, level)
            yield cloud

    def _milliseconds(self) -> float:
        """Epoch milliseconds of the turned clock. moto asks for each message of a queue."""
        if self._read_at is not self.now:
            self._read_at, self._read = self.now, self.now.timestamp() * 1000
        return self._read

    # -- making what the template describes ---------------------------------------------------------------------

    def _make_queues(self) -> None:
        sqs: Any = boto3.client("sqs", region_name=self.account.region)
        self.queues = Queues(self.account, sqs.meta.endpoint_url)
        queues = sorted(self.stack.resources("AWS::SQS::Queue"), key=lambda each: "RedrivePolicy" in each[1])
        for name, _ in queues:
            self.stack.attributes[name, "Arn"] = self.account.arn("sqs", name)
            self.stack.attributes[name, "QueueName"] = name
        for name, unresolved in queues:  # those that dead letters go to are there first
            properties = self.stack.resolve(unresolved)
            wanted = ("DelaySeconds", "VisibilityTimeout", "MessageRetentionPeriod", "RedrivePolicy")
            attributes = {key: properties[key] for key in wanted if key in properties}
            texts = {key: as_json(each) if isinstance(each, dict) else str(each) for key, each in attributes.items()}
            self.stack.references[name] = self.queues.create(name, **texts)

    def _make_tables(self) -> None:
        dynamodb: Any = boto3.client("dynamodb", region_name=self.account.region)
        for name, _ in self.stack.resources("AWS::DynamoDB::Table"):
            table = f"{name}-{uuid4().hex[:8]}"  # a DynamoDB that outlives this cloud may hold others' tables
            made = create_table(dynamodb, self.stack, name, table)
            self.stack.references[name] = table
            self.stack.attributes[name, "Arn"] = made["TableArn"]
            self.stack.attributes[name, "StreamArn"] = made["LatestStreamArn"]
            self._until_end.callback(dynamodb.delete_table, TableName=table)

    def _make_buses(self) -> None:
        """Each bus, with a queue that keeps what was announced."""
        events: Any = boto3.client("events", region_name=self.account.region)
        for name, _ in self.stack.resources("AWS::Events::EventBus"):
            events.create_event_bus(Name=name)
            self.stack.references[name] = name
            self.stack.attributes[name, "Arn"] = self.account.arn("events", f"event-bus/{name}")
            self.queues.create(f"{name}-kept")
            self._announced[name] = []
            pattern = as_json({"source": ["trialbook"]})
            events.put_rule(Name=f"{name}-kept", EventBusName=name, EventPattern=pattern, State="ENABLED")
            target = {"Id": "kept", "Arn": self.account.arn("sqs", f"{name}-kept")}
            events.put_targets(Rule=f"{name}-kept", EventBusName=name, Targets=[target])

    def _make_rules(self) -> None:
        """The rules of the default bus are matched here, so that `deliver` can tell whether any did; those of
        Trialbook's own bus by moto."""
        by_arn = {arn: name for (name, attribute), arn in self.stack.attributes.items() if attribute == "Arn"}
        events: Any = boto3.client("events", region_name=self.account.region)
        for name, unresolved in self.stack.resources("AWS::Events::Rule"):
            properties = self.stack.resolve(unresolved)
            pattern = as_json(properties["EventPattern"])
            bus = properties.get("EventBusName")
            if bus is None:
                queues = [by_arn[target["Arn"]] for target in properties["Targets"]]
                self._rules.append((EventPattern.load(pattern), queues))
                continue
            events.put_rule(Name=name, EventBusName=bus, EventPattern=pattern, State="ENABLED")
            targets = [{"Id": target["Id"], "Arn": target["Arn"]} for target in properties["Targets"]]
            events.put_targets(Rule=name, EventBusName=bus, Targets=targets)

    def _make_buckets(self) -> None:
        s3: Any = boto3.client("s3", region_name=self.account.region)
        region = self.account.region
        for name, _ in self.stack.resources("AWS::S3::Bucket"):
            self.stack.references[name] = f"trialbook-{name.lower()}"
            self.stack.attributes[name, "Arn"] = f"arn:{self.account.partition}:s3:::{self.stack.references[name]}"
            lies = {} if region == _NOT_NAMED else {"CreateBucketConfiguration": {"LocationConstraint": region}}
            s3.create_bucket(Bucket=self.stack.references[name], **lies)

    def _make_secrets(self) -> None:
        """Each secret, with a value that is made up."""
        for name, _ in self.stack.resources("AWS::SecretsManager::Secret"):
            secrets: Any = boto3.client("secretsmanager", region_name=self.account.region)
            made = secrets.create_secret(Name=name, SecretString=uuid4().hex)
            self.stack.references[name] = made["ARN"]

    def _make_identities(self) -> None:
        """Who sends mail is verified."""
        sender = self.stack.parameters.get("EmailFrom")
        if sender:
            moto_services.verify_sender(sender, self.account)

    def _make_functions(self, root: Path, without: Collection[str]) -> None:
        common = self.stack.template.get("Globals", {}).get("Function", {})
        by_arn = {arn: name for (name, attribute), arn in self.stack.attributes.items() if attribute == "Arn"}
        for name, own in self.stack.resources("AWS::Serverless::Function"):
            if name in without:
                continue
            variables = {**common["Environment"]["Variables"], **own.get("Environment", {}).get("Variables", {})}
            properties = {**common, **own, "Environment": {"Variables": variables}}
            function = Function(name, self.stack.resolve(properties), root, self.account)
            self.functions[name] = function
            for event in function.events.values():
                if event["Type"] == "Schedule":
                    self.schedules[name] = function
        for _, unresolved in self.stack.resources("AWS::Lambda::EventSourceMapping"):
            mapping = self.stack.resolve(unresolved)
            polls = self.functions.get(mapping["FunctionName"])
            if polls is None:
                continue
            source = by_arn.get(mapping["EventSourceArn"])
            if source is None:
                self._streams.append(Stream(polls, mapping, self._reading(mapping["EventSourceArn"])))
            else:
                self._sources[source] = (polls, int(mapping.get("BatchSize", 10)))

    def _reading(self, stream: str) -> Any:
        """The reader of a table's stream."""
        if self._dynamodb is not None:
            return self._dynamodb.stream(stream)
        # DynamoDB Local serves the streams at the table's own endpoint; moto does not know endpoints with account ids.
        return boto3.client(
            "dynamodbstreams",
            region_name=self.account.region,
            endpoint_url=os.environ["AWS_ENDPOINT_URL_DYNAMODB"],
            config=Config(account_id_endpoint_mode="disabled"),
        )

    # -- running ------------------------------------------------------------------------------------------------

    def deliver(self, event: Mapping[str, Any]) -> bool:
        """An event arrives on the default bus, when the clock is at its time or later; whether a rule matches."""
        self.advance(max(self.now, _time_of(event, self.now)))
        matched = [
            queue for pattern, queues in self._rules if pattern.matches_event(cast("Any", event)) for queue in queues
        ]
        for queue in matched:
            self.put_message(queue, event)
        self._active_since_reconcile = self._active_since_reconcile or bool(matched)
        self._drain()
        return bool(matched)

    def put_message(self, queue: str, body: Mapping[str, Any]) -> None:
        """A message arrives in a queue of the stack."""
        self.queues.send(queue, json.dumps(body))

    def advance(self, until: datetime) -> None:
        """Turns the clock on, stopping at each moment at which something is due."""
        while True:
            self._drain()
            due = min((each for each in (self._next_due(), self._next_week()) if each is not None), default=None)
            if due is None or due > until:
                break
            self._turn(due)
        self._turn(until)

    def finish(self) -> None:
        """Turns the clock on until queues are empty, sweeps closed and nothing left for reconcile; at most two days."""
        end = self.now + _FOREVER
        self._active_since_reconcile = True
        while (due := self._next_due()) is not None and due <= end:
            self._turn(min(due, self._next_week() or due))
            self._drain()

    def _turn(self, to: datetime) -> None:
        before, self.now = self.now, max(self.now, to)
        if "CloseSweeps" in self.schedules and self._sweep_is_due():
            self._closed_at = self.now
            self._run("CloseSweeps")
        poll = self._next_poll()
        if poll is not None and poll <= self.now:
            self._polled_at, was_reading, done = self.now, self._is_reading, self._run("PollJobs")
            self._is_reading = bool(done is None or done["unfinished"])
            self._polls_again = self._is_reading or was_reading  # jobs may change while a list is read page by page
        if "Reconcile" in self.schedules and self._active_since_reconcile and _hour(before) != _hour(self.now):
            done = self._run("Reconcile")
            self._active_since_reconcile = not done or bool(done["failed"]) or done["unfinished"]
        week = self._next_week(before)
        if week is not None and week <= self.now:
            self._run("PostBestTrials")

    def _next_week(self, after: datetime | None = None) -> datetime | None:
        """When the weekly report comes next: as events continue, or `advance` says so; nothing waits for it."""
        function = self.schedules.get("PostBestTrials")
        if function is None:
            return None
        (expression,) = (
            each["Properties"]["Schedule"] for each in function.events.values() if each["Type"] == "Schedule"
        )
        return next_week(expression, after or self.now)

    def _sweep_is_due(self) -> bool:
        due = self._next_sweep()
        return due is not None and max(_next_minute(due), self._closed_at + _MINUTE) <= self.now

    def _next_sweep(self) -> datetime | None:
        """When the next sweep is due. Asked for again only when a sweep was written: half of all requests otherwise."""
        if self._due is None:
            self._due = (self.ledger.due_sweeps.next_at(),)
        return self._due[0]

    def _next_due(self) -> datetime | None:
        """The next moment at which anything happens: a message comes up, a sweep is looked at, reconcile runs.

        A schedule's tick that would find nothing is left out: it changes nothing, and a long pause has thousands.
        """
        moments = [self._next_message(), self._stream_due, self._next_poll()]
        sweep = self._next_sweep() if "CloseSweeps" in self.schedules else None
        if sweep is not None:
            moments.append(max(_next_minute(sweep), _next_minute(self.now), self._closed_at + _MINUTE))
        if "Reconcile" in self.schedules and self._active_since_reconcile:
            moments.append(_hour(self.now) + timedelta(hours=1))
        return min((moment for moment in moments if moment is not None), default=None)

    def _next_poll(self) -> datetime | None:
        """The next minute in which polling finds a change."""
        if "PollJobs" not in self.schedules:
            return None
        if self._polls_again:
            return self._polled_at + _MINUTE
        change = self.next_polled_change(self._polled_at)
        return None if change is None else max(_next_minute(change), _next_minute(self._polled_at + _MOMENT))

    def _next_message(self) -> datetime | None:
        ups = [up for name in self._sources for up in self.queues.come_up(name)]
        # moto shows a message when the time is past its moment, not at it
        return datetime.fromtimestamp((min(ups) + 1) / 1000, UTC) if ups else None

    def _run(self, name: str) -> Any:
        time = self.now.strftime("%Y-%m-%dT%H:%M:%SZ")
        event = {
            "id": f"{name}/{time}",
            "time": time,
            "account": self.account.id,
            "region": self.account.region,
            "detail": {},
        }
        return self._invoke(self.schedules[name], event)

    def _drain(self) -> None:
        """Polls queues and streams until nothing is there for now. A stream's window opens with a write."""
        while sum(self._poll(name) for name in self._sources):
            continue
        if self._changed and self._streams:
            self._stream_due = self._stream_due or self.now + _WINDOW
        self._changed = False
        if self._stream_due is not None and self._stream_due <= self.now:
            self._stream_due = None
            for stream in self._streams:
                if stream.poll(self._invoke):
                    self._stream_due = self.now + _WINDOW
            self._take_announced()

    def _poll(self, name: str) -> bool:
        if not any(up < self._milliseconds() for up in self.queues.come_up(name)):
            return False
        function, size = self._sources[name]
        records = self.queues.receive(name, size)
        if not records:
            return False
        answer = self._invoke(function, {"Records": records})
        if answer is None:
            return True
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        for record in records:
            if record["messageId"] not in failed:
                self.queues.delete(name, record)
        return True

    def _invoke(self, function: Function, event: Mapping[str, Any]) -> Any:
        self._running = function.name
        try:
            return function(event)
        except ProcessDied:
            self.died += 1
            function.forget()
            return None
        except Exception as error:
            if self.on_error is None:
                raise
            self.on_error(function.name, error)
            return None
        finally:
            self._running = None

    def _watched(self, make: Callable[..., Any]) -> Callable[..., Any]:
        def make_api_call(client: Any, operation: str, request: Any) -> Any:
            service = client.meta.service_model.service_name
            if self._running is not None and self.before_call is not None:
                self.before_call(self._running, service, operation, request)
            if operation in _METERED:
                request = {**request, "ReturnConsumedCapacity": "TOTAL"}
            answer = short_calls.answered(client, operation, request) if self.fault is None else None
            if answer is None:
                answer = make(client, operation, request)
            if operation == "AssumeRole":
                self._account_of[answer["Credentials"]["AccessKeyId"]] = request["RoleArn"].split(":")[4]
            if operation in _WRITES_SWEEPS:
                self._due = None
            self._changed = self._changed or operation in _WRITES
            if self._running is not None:
                call = (self._running, service, operation)
                self.calls[call] += 1
                self.capacity[self._running, operation] += _units(answer)
                if self.after_call is not None:
                    self.after_call(*call)
            return answer

        return make_api_call

    def _or_in_its_stead(self, send: _Send) -> _Send:
        """A sender of requests, except those that `fault` answers."""

        def answer(event_name: str, **given: Any) -> AWSResponse | None:
            if self._running is not None and self.fault is not None:
                service, operation = event_name.split(".")[1:]
                answered = self.fault(self._running, service, operation)
                if answered is not None:
                    return answered
            return send(event_name=event_name, **given)

        return answer

    def invoke(self, name: str, event: Mapping[str, Any]) -> Any:
        """Invokes a function as whoever asks for it, rather than a queue or a schedule."""
        return self._invoke(self.functions[name], event)

    # -- looking ------------------------------------------------------------------------------------------------

    def announced(self) -> list[dict[str, Any]]:
        """The events on Trialbook's own buses, in order."""
        self._take_announced()
        return [json.loads(body) for bodies in self._announced.values() for body in bodies]

    def _take_announced(self) -> None:
        for name, bodies in self._announced.items():
            bodies += self.queues.taken(f"{name}-kept")

    def stored(self) -> Iterator[tuple[str, bytes]]:
        """Key and content of each object in the stack's buckets."""
        for name, _ in self.stack.resources("AWS::S3::Bucket"):
            yield from moto_services.objects(self.stack.references[name], self.account)

    def mails(self) -> list[bytes]:
        """The mails that SES took, in order, as they were sent."""
        return moto_services.sent_mails(self.account)

    def dead_letters(self) -> dict[str, list[str]]:
        """The bodies of the messages that ended in a dead-letter queue."""
        queues = (name for name, _ in self.stack.resources("AWS::SQS::Queue") if "DeadLetters" in name)
        return {name: self.queues.bodies(name) for name in queues}


def _place_of(here: Account, account_of: Mapping[str, str], access_key: str, region: str) -> Account:
    """Where those who sign with the access key for the region ask."""
    return Account(account_of.get(access_key, here.id), region)


def _unsigned(services: Iterable[str]) -> AbstractContextManager[Any]:
    """For the block, nobody signs what never leaves this process."""
    unsigned = [(f"choose-signer.{service}", lambda **_: UNSIGNED) for service in services]
    return patch.object(handlers, "BUILTIN_HANDLERS", [*handlers.BUILTIN_HANDLERS, *unsigned])


def _sending(instead: Callable[[_Send], _Send]) -> AbstractContextManager[Any]:
    """For the block, what sends the requests of the sessions that are made in it, moto's or the network's, is what
    `instead` makes of it: botocore asks all handlers, so that one beside moto's would not keep a request from it."""
    sending = [
        (name, instead(handler), *more) if name == "before-send" else (name, handler, *more)
        for name, handler, *more in handlers.BUILTIN_HANDLERS
    ]
    return patch.object(handlers, "BUILTIN_HANDLERS", sending)


def _in_this_process(services: Mapping[str, _Local], send: _Send) -> _Send:
    """What sends a request, but for those to services that are answered here."""

    def answer(event_name: str, **given: Any) -> AWSResponse | None:
        _, service, operation = event_name.split(".")
        if service in services:
            request = given["request"]
            return dynamodb_stand_in.response(request.url, *services[service](operation, request.body))
        return send(event_name=event_name, **given)

    return answer


def _of_any_client(answer: _Local) -> short_calls.Service:
    return lambda client, operation, body: answer(operation, body)


def _sagemaker_at(endpoint: str, sagemaker: SageMaker, account_of: Callable[[str], str | None]) -> short_calls.Service:
    """The stand-in without its server, for clients of its endpoint, as long as nothing is to go wrong."""

    def answer(client: Any, operation: str, body: bytes) -> tuple[int, bytes] | None:
        account = account_of(short_calls.access_key(client)) or sagemaker.account.id
        asked = sagemaker.there(Account(account, client.meta.region_name))
        if client.meta.endpoint_url != endpoint or not asked.answers_always:
            return None
        return answer_of(lambda: asked.call(operation, json.loads(body)))

    return answer


def _store_secrets_of(slack: Workspace, stack: Stack) -> None:
    """The token, and the address of a webhook, where the stack's parameters say that they lie."""
    ssm: Any = boto3.client("ssm", region_name=stack.account.region)
    address = f"{slack.url}{next(iter(slack.webhooks))}"
    for parameter, value in (("SlackTokenParameter", slack.token), ("SlackWebhookParameter", address)):
        name = stack.parameters.get(parameter)
        if name:
            ssm.put_parameter(Name=name, Type="SecureString", Value=value, Overwrite=True)
    secret = stack.parameters.get("SlackTokenSecretArn")
    if secret:
        boto3.client("secretsmanager", region_name=stack.account.region).create_secret(
            Name=secret, SecretString=slack.token
        )


def create_table(dynamodb: Any, stack: Stack, logical_id: str, table: str) -> Mapping[str, Any]:
    """Makes a table as the template describes it, under another name; gives its description."""
    properties = stack.resolve(stack.template["Resources"][logical_id]["Properties"])
    same = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    stream = {"StreamEnabled": True, **properties["StreamSpecification"]}
    answer = dynamodb.create_table(
        TableName=table, StreamSpecification=stream, **{key: properties[key] for key in same}
    )
    description: Mapping[str, Any] = answer["TableDescription"]
    return description


def _units(answer: Mapping[str, Any]) -> float:
    """The capacity units that an answer of DynamoDB says were consumed, indexes included."""
    consumed = answer.get("ConsumedCapacity") or []
    return float(sum(each.get("CapacityUnits", 0) for each in (consumed if isinstance(consumed, list) else [consumed])))


def _time_of(event: Mapping[str, Any], otherwise: datetime) -> datetime:
    """When the event was sent; its detail is more exact than the envelope, which has whole seconds."""
    detail = event.get("detail")
    times = [event.get("time"), detail.get("LastModifiedTime") if isinstance(detail, Mapping) else None]
    return max((moment for each in times if (moment := _moment(each)) is not None), default=otherwise)


def _moment(value: object) -> datetime | None:
    try:
        return parse_time(value, "time")
    except InvalidInput:
        return None


def _next_minute(moment: datetime) -> datetime:
    floor = moment.replace(second=0, microsecond=0)
    return floor if floor == moment else floor + timedelta(minutes=1)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
