"""Dollars, estimated: the requests of whole replays (the ledger in AWS's DynamoDB Local) at AWS's list prices,
us-east-1, without free tiers, as articles of 2025 and 2026 quote most of them (tests/benchmarks/prices.py says which).
Trialbook is compared with a poller: a Lambda of 1 GB that each minute describes the tuning job, lists its children, describes
each that has not ended, and writes the changes; and with an MLflow tracking server on a t3.micro with a disk of 8 GB, the
smallest that holds it, without load balancer, database or maintenance. Both need code: the poller to know what to poll,
MLflow in each training script. The poller costs a few cents less, but has no indexes, counts of sweeps or alarms; Trialbook's
cents are mostly for writing each job to the table and two indexes at once.

An invocation is taken to last as long as its requests (SageMaker 50 ms, all else 8 ms) and its own work (4 ms of processor for
each message, 0.58 of a processor at 1 GB), a cold start of 0.8 s for each function and sweep added; reports 6 s of 3 GB."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.benchmarks import prices
from tests.benchmarks.many_children import TUNING_JOB, many_children
from tests.benchmarks.page import table
from tests.conftest import RECORDINGS, ROOT
from tests.integration.conftest import running_dynamodb_local
from trialbook_cli.laptop_cloud import LaptopCloud, Recording, read_recording
from trialbook_cli.laptop_cloud.template import Stack, load_template
from trialbook_cli.replaying import replay
from trialbook_cli.sagemaker_stand_in import Account, SageMaker, from_recording

TITLE = "What it costs"
CHILDREN = 750
_READS = {"GetItem", "Query", "BatchGetItem"}
_SECONDS = {"sagemaker": 0.050}
_OTHER_SECONDS, _WORK_SECONDS, _COLD_SECONDS = 0.008, 0.004 / 0.58, 0.8
_REPORT_GB_SECONDS = 6 * 3008 / 1024
_PLATFORM_BYTES = 700  # START, END and REPORT of an invocation, and what CloudWatch adds
_POLLS_A_MONTH = 5 * 3 * 60 * 24 * 30  # Lambda's five pollers of a queue, each asking every 20 seconds


@dataclass
class Counted:
    """What a replay used."""

    jobs: int
    calls: Counter[tuple[str, str]]  # by service and operation
    units: dict[str, float]  # DynamoDB's, read and write
    invocations: Counter[str] = field(default_factory=Counter)
    messages: int = 0
    log_bytes: int = 0

    def dollars(self) -> dict[str, float]:
        """By service."""
        by_service: Counter[str] = Counter()
        for (service, _), number in self.calls.items():
            by_service[service] += number
        lasting = sum(_SECONDS.get(service, _OTHER_SECONDS) * number for service, number in by_service.items())
        lasting += _WORK_SECONDS * self.messages + _COLD_SECONDS * len(self.invocations)
        reports = _REPORT_GB_SECONDS * self.invocations["BuildReport"]
        started = self.invocations.total()
        return {
            "Lambda": (lasting + reports) * prices.LAMBDA_GB_SECOND + started * prices.LAMBDA_REQUEST,
            "DynamoDB": self.units["write"] * prices.DYNAMODB_WRITE_UNIT
            + self.units["read"] * prices.DYNAMODB_READ_UNIT,
            "SQS": 3 * self.messages * prices.SQS_REQUEST,  # sent, received, deleted
            "EventBridge": self.calls["events", "PutEvents"] * prices.EVENT,
            "S3": self.calls["s3", "PutObject"] * prices.S3_PUT + self.calls["s3", "GetObject"] * prices.S3_GET,
            "Logs, X-Ray": self.log_bytes / 1e9 * prices.LOGS_GB + started * prices.TRACE,
        }


def measure() -> str:
    """What is counted, what it costs, and what the others cost."""
    with running_dynamodb_local() as url:
        loop = counted(read_recording(RECORDINGS / "churn-min-child-weight"), url)
        large = counted(many_children(CHILDREN), url)
    of_loop, of_large = loop.dollars(), large.dollars()
    rows: list[list[object]] = [
        [
            name,
            f"{1000 * of_loop[name] / loop.jobs:.4f}",
            f"{1000 * of_large[name] / large.jobs:.4f}",
            f"{of_large[name]:.4f}",
        ]
        for name in of_loop
    ]
    a_thousand = 1000 * sum(of_loop.values()) / loop.jobs, 1000 * sum(of_large.values()) / large.jobs
    rows.append(["together", f"{a_thousand[0]:.3f}", f"{a_thousand[1]:.3f}", f"{sum(of_large.values()):.3f}"])
    heads = ["dollars", "1,000 jobs in loops of five", "1,000 children of a tuning job", f"a tuning job of {CHILDREN}"]
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
    invoked = ", ".join(f"{name} {number / large.jobs:.2f}" for name, number in sorted(large.invocations.items()))
    return f"{table(heads, rows)}\n\nInvocations a child: {invoked}.\n\n{standing}\n\n{compared}"


def counted(recording: Recording, url: str | None = None) -> Counted:
    """Replays and counts."""
    seen: dict[str, Any] = {"printed": 0, "messages": 0}

    def prepare(cloud: LaptopCloud, sagemaker: SageMaker) -> None:
        seen["cloud"], put = cloud, cloud.put_message

        def put_message(queue: str, body: Any) -> None:
            seen["messages"] += 1
            put(queue, body)

        cloud.put_message = put_message  # type: ignore[method-assign]
        for function in cloud.functions.values():
            function.printed = lambda text: seen.update(printed=seen["printed"] + len(text))

    found = replay(recording, dynamodb_url=url, prepare=prepare)
    cloud: LaptopCloud = seen["cloud"]
    calls: Counter[tuple[str, str]] = Counter()
    for (_, service, operation), number in found.calls.items():
        calls[service, operation] += number
    units: dict[str, float] = {"read": 0.0, "write": 0.0}
    for (_, operation), used in found.capacity.items():
        units["read" if operation in _READS else "write"] += used
    invocations = Counter({name: each.invocations for name, each in cloud.functions.items() if each.invocations})
    messages = int(seen["messages"]) + invocations["BuildReport"]
    printed = int(seen["printed"]) + _PLATFORM_BYTES * invocations.total()
    return Counted(len(found.records), calls, units, invocations, messages, printed)


def _sagemaker_calls(found: Counted) -> int:
    return sum(number for (service, _), number in found.calls.items() if service == "sagemaker")


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
        "their traces, by X-Ray": ticks * prices.TRACE,
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
