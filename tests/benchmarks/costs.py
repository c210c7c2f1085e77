"""Dollars, estimated: the requests of whole replays (the ledger in AWS's DynamoDB Local) at AWS's list prices,
us-east-1, without free tiers, as articles of 2025 and 2026 quote most of them (tests/benchmarks/prices.py says which).
Trialbook is compared with a poller: a Lambda of 1 GB that each minute describes the tuning job, lists its children, describes
each that has not ended, and writes the changes; and with an MLflow tracking server on a t3.micro with a disk of 8 GB, the
smallest that holds it, without load balancer, database or maintenance. Both need code: the poller to know what to poll,
MLflow in each training script. The poller costs a few cents less, but has no indexes, counts of sweeps or alarms; Trialbook's
cents are mostly for writing each job to the table and two indexes at once.

An invocation is taken to last as long as its requests (SageMaker 50 ms, all else 8 ms) and its own work (4 ms of processor for
each message, 0.58 of a processor at 1 GB), a cold start of 0.8 s for each function and sweep added. A report lasts 6 s, with
the memory of the template; a cold one of five jobs takes about 1.5 s of a processor here. Messages are those that functions
received. Keeping curves, which can be turned off, is priced apart, by a replay of a loop with curves. Until 30 November 2026
this page had reports of 3 GB, a trace of each invocation, and messages that no rule lets through."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

from tests.benchmarks import prices
from tests.benchmarks.many_children import TUNING_JOB, many_children
from tests.benchmarks.page import table
from tests.conftest import RECORDINGS, ROOT
from tests.integration.conftest import running_dynamodb_local
from trialbook_cli.laptop_cloud import LaptopCloud, Recording, read_recording
from trialbook_cli.laptop_cloud.functions import Function
from trialbook_cli.laptop_cloud.template import Stack, load_template
from trialbook_cli.replaying import replay
from trialbook_cli.sagemaker_stand_in import Account, SageMaker, from_recording

TITLE = "What it costs"
CHILDREN = 750
_READS = {"GetItem", "Query", "BatchGetItem"}
_SECONDS = {"sagemaker": 0.050, "sagemaker-metrics": 0.050, "monitoring": 0.050, "logs": 0.050}
_OTHER_SECONDS, _WORK_SECONDS, _COLD_SECONDS, _REPORT_SECONDS = 0.008, 0.004 / 0.58, 0.8, 6
_PLATFORM_BYTES = 700  # START, END and REPORT of an invocation, and what CloudWatch adds
_POLLS_A_MONTH = 5 * 3 * 60 * 24 * 30  # Lambda's five pollers of a queue, each asking every 20 seconds
_CURVES = "CaptureJob"


@dataclass
class Used:
    """What a function used."""

    memory_gb: float
    invocations: int = 0
    messages: int = 0  # received from queues
    log_bytes: int = 0
    metrics: int = 0  # that CloudWatch was asked for
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)  # by service and operation
    read_units: float = 0
    write_units: float = 0

    def dollars(self, *, is_report: bool) -> dict[str, float]:
        """By service. `is_report`: its own work is that of reports."""
        lasting = sum(_SECONDS.get(service, _OTHER_SECONDS) * number for (service, _), number in self.calls.items())
        lasting += _REPORT_SECONDS * self.invocations if is_report else _WORK_SECONDS * self.messages
        lasting += _COLD_SECONDS * bool(self.invocations)
        puts, gets = (self.calls["s3", each] for each in ("PutObject", "GetObject"))
        return {
            "Lambda": lasting * self.memory_gb * prices.LAMBDA_GB_SECOND + self.invocations * prices.LAMBDA_REQUEST,
            "DynamoDB": self.write_units * prices.DYNAMODB_WRITE_UNIT + self.read_units * prices.DYNAMODB_READ_UNIT,
            "SQS": 3 * self.messages * prices.SQS_REQUEST,  # sent, received, deleted
            "EventBridge": self.calls["events", "PutEvents"] * prices.EVENT,
            "S3": puts * prices.S3_PUT + gets * prices.S3_GET,
            "Logs": self.log_bytes / 1e9 * prices.LOGS_GB,
            "CloudWatch's metrics": self.metrics * prices.METRIC_READ,
        }


@dataclass
class Counted:
    """What a replay used, by function."""

    jobs: int
    used: dict[str, Used]

    def dollars(self, *functions: str) -> dict[str, float]:
        """By service, of these functions, or of all but the one that keeps curves."""
        found: Counter[str] = Counter()
        for name in functions or self.used.keys() - {_CURVES}:
            found.update(self.used[name].dollars(is_report=name == "BuildReport"))
        return dict(found)


def measure() -> str:
    """What is counted, what it costs, and what the others cost."""
    with running_dynamodb_local() as url:
        loop = counted(read_recording(RECORDINGS / "churn-min-child-weight"), url)
        curves = counted(read_recording(RECORDINGS / "net-learning-rate"), url)
        large = counted(many_children(CHILDREN), url)
    of_loop, of_large, of_curves = loop.dollars(), large.dollars(), curves.dollars(_CURVES)
    columns = [(of_loop, loop.jobs), (of_large, large.jobs), (of_curves, curves.jobs)]
    rows: list[list[object]] = [
        [name, *(f"{1000 * dollars[name] / jobs:.4f}" for dollars, jobs in columns), f"{of_large[name]:.4f}"]
        for name in of_loop
    ]
    sums = [f"{1000 * sum(dollars.values()) / jobs:.3f}" for dollars, jobs in columns]
    rows.append(["together", *sums, f"{sum(of_large.values()):.3f}"])
    heads = [
        "dollars",
        "1,000 jobs in loops of five",
        "1,000 children of a tuning job",
        "curves of 1,000 jobs in loops",
        f"a tuning job of {CHILDREN}",
    ]
    fixed = a_month()
    standing = table(["dollars a month, without any job", ""], [[name, f"{each:.2f}"] for name, each in fixed.items()])
    polled = polling(CHILDREN)
    mlflow = prices.T3_MICRO_HOUR * prices.HOURS_A_MONTH + 8 * prices.GP3_GB_MONTH
    idle = 43_200 * (0.1 * prices.LAMBDA_GB_SECOND + prices.LAMBDA_REQUEST)
    together = sum(fixed.values())
    compared = table(
        ["", f"a tuning job of {CHILDREN}", "SageMaker calls for it", "a month without jobs"],
        [
            ["Trialbook", f"{sum(of_large.values()):.3f}", _sagemaker_calls(large), f"{together:.2f}"],
            ["polling each minute", f"{polled[0]:.3f}", polled[1], f"{idle:.2f}"],
            ["MLflow on a t3.micro", "0", 0, f"{mlflow:.2f}"],
        ],
    )
    invoked = ", ".join(f"{name} {each.invocations / large.jobs:.2f}" for name, each in sorted(large.used.items()))
    traced = 1000 * prices.TRACE * sum(each.invocations for each in loop.used.values()) / loop.jobs
    return (
        f"{table(heads, rows)}\n\nInvocations a child: {invoked}.\n\nWith `Tracing=Active`, traces of 1,000 jobs in loops"
        f" cost up to {traced:.3f} dollars more.\n\n{standing}\n\n{compared}"
    )


def counted(recording: Recording, url: str | None = None) -> Counted:
    """Replays and counts."""
    used: dict[str, Used] = {}
    original = Function.__call__

    def call(function: Function, event: Any) -> Any:
        its = used[function.name]
        its.invocations += 1
        its.messages += sum(each.get("eventSource") == "aws:sqs" for each in event.get("Records", ()))
        return original(function, event)

    def before(function: str, service: str, operation: str, request: Any) -> None:
        used[function].metrics += len(request.get("MetricDataQueries", ()))

    def prepare(cloud: LaptopCloud, sagemaker: SageMaker) -> None:
        cloud.before_call = before
        for name, function in cloud.functions.items():
            used[name] = Used(function.memory / 1024)
            function.printed = partial(_printed, used[name])

    with patch.object(Function, "__call__", call):
        found = replay(recording, dynamodb_url=url, prepare=prepare)
    for (name, service, operation), number in found.calls.items():
        used[name].calls[service, operation] += number
    for (name, operation), units in found.capacity.items():
        if operation in _READS:
            used[name].read_units += units
        else:
            used[name].write_units += units
    for each in used.values():
        each.log_bytes += _PLATFORM_BYTES * each.invocations
    return Counted(len(found.records), {name: each for name, each in used.items() if each.invocations})


def _printed(used: Used, text: str) -> None:
    used.log_bytes += len(text)


def _sagemaker_calls(found: Counted) -> int:
    calls = [each.calls for each in found.used.values()]
    return sum(number for each in calls for (service, _), number in each.items() if service == "sagemaker")


def a_month() -> dict[str, float]:
    """What stands there costs, with the defaults."""
    stack = Stack(load_template(ROOT / "template.yaml"))
    watched = 0
    for _, alarm in stack.resources("AWS::CloudWatch::Alarm"):
        watched += max(1, sum("MetricStat" in each for each in stack.resolve(alarm).get("Metrics", [])))
    mappings = stack.resources("AWS::Lambda::EventSourceMapping")
    polled = sum("ScalingConfig" in each for _, each in mappings)  # queues have one, the stream has none
    ticks = 43_200 + 720
    return {
        f"alarms, on {watched} metrics": watched * prices.ALARM_METRIC_MONTH,
        f"Lambda's pollers of {polled} queues": polled * _POLLS_A_MONTH * prices.SQS_REQUEST,
        "close_sweeps each minute, reconcile each hour": ticks
        * (0.030 * prices.LAMBDA_GB_SECOND + prices.LAMBDA_REQUEST + 0.5 * prices.DYNAMODB_READ_UNIT),
        "their logs": ticks * (_PLATFORM_BYTES + 600) / 1e9 * prices.LOGS_GB,
    }


def polling(children: int) -> tuple[float, int]:
    """Dollars and SageMaker calls of the poller, counted against the stand-in's lists."""
    recording = many_children(children)
    now = [datetime.fromisoformat(recording.events[0]["time"])]
    end = datetime.fromisoformat(recording.events[-1]["time"])
    sagemaker = from_recording(recording.answers, Account(), lambda: now[0])
    calls = polls = writes = 0
    ended: set[str] = set()
    while now[0] <= end + timedelta(minutes=1):
        polls, calls = polls + 1, calls + 1
        token: dict[str, str] = {}
        while True:
            request = {"HyperParameterTuningJobName": TUNING_JOB, "MaxResults": 100, **token}
            listed = sagemaker.call("ListTrainingJobsForHyperParameterTuningJob", request)
            open_ones = [each for each in listed["TrainingJobSummaries"] if each["TrainingJobName"] not in ended]
            calls += 1 + len(open_ones)
            writes += len(open_ones)
            ended |= {each["TrainingJobName"] for each in open_ones if each["TrainingJobStatus"] != "InProgress"}
            if "NextToken" not in listed:
                break
            token = {"NextToken": listed["NextToken"]}
        now[0] = (now[0] + timedelta(minutes=1)).astimezone(UTC)
    lasting = calls * _SECONDS["sagemaker"] + writes * _OTHER_SECONDS
    units = 3 * writes  # items of 3 KB, without any index
    dollars = lasting * prices.LAMBDA_GB_SECOND + polls * prices.LAMBDA_REQUEST + units * prices.DYNAMODB_WRITE_UNIT
    return dollars, calls
