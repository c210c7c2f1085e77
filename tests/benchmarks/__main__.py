"""Measures what the documents quote. `make bench`; single ones: python -m tests.benchmarks replay 1000 10000.

Every figure says what it was measured on; compare ratios, not seconds.
"""

import json
import os
import random
import resource
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import boto3
from botocore.session import Session

from tests.benchmarks.report import bench_importance, bench_report
from tests.conftest import RECORDINGS
from tests.integration.conftest import opened, running_dynamodb_local
from tests.unit.making import job, record
from trialbook.adapters.sagemaker import SageMaker
from trialbook.bookkeeping import due
from trialbook.close_sweeps import close_sweeps
from trialbook.core.describe import job_from_detail
from trialbook.core.jobs import JobKind
from trialbook.core.rules import Rules
from trialbook.core.sweeps import put
from trialbook.core.times import iso
from trialbook.record_job import record_job
from trialbook.services import Services
from trialbook_cli.laptop_cloud import Recording, read_recording
from trialbook_cli.laptop_cloud.functions import Function
from trialbook_cli.replaying import replay
from trialbook_cli.sagemaker_stand_in import Account, from_recording, serve

TUNING_JOB = "bench-261121-0900"


def many_children(count: int) -> Recording:
    """A tuning job with as many children, each like one of the recorded ones, six a minute."""
    recorded = read_recording(RECORDINGS / "tuning-random-60")
    describes = [a["response"] for a in recorded.answers if a["operation"] == "DescribeTrainingJob"]
    tuning = next(a["response"] for a in recorded.answers if a["operation"] == "DescribeHyperParameterTuningJob")
    completed = next(each for each in describes if each["TrainingJobStatus"] == "Completed")
    event = next(e for e in recorded.events if e["detail"].get("SecondaryStatus") == "Completed")
    envelope = {key: value for key, value in event.items() if key != "detail"}
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:hyper-parameter-tuning-job/{TUNING_JOB}"
    noise = random.Random(1)
    start = datetime(2026, 11, 21, 9, tzinfo=UTC)
    told: list[tuple[datetime, dict[str, Any]]] = []
    answers: list[dict[str, Any]] = []
    for number in range(count):
        created = start + timedelta(seconds=10 * number)
        ended = created + timedelta(seconds=60)
        name = f"{TUNING_JOB}-{number:05d}-{number:08x}"
        metrics = [{**each, "Value": noise.random()} for each in completed["FinalMetricDataList"]]
        times = {
            "CreationTime": iso(created),
            "TrainingStartTime": iso(created),
            "TrainingEndTime": iso(ended),
            "LastModifiedTime": iso(ended),
        }
        own = {
            "TrainingJobName": name,
            "TrainingJobArn": f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{name}",
            "TuningJobArn": arn,
        }
        final = {**completed, **own, **times, "FinalMetricDataList": metrics, "SecondaryStatusTransitions": []}
        answers.append({"operation": "DescribeTrainingJob", "request": {"TrainingJobName": name}, "response": final})
        detail = {**event["detail"], **own, **times, "SecondaryStatusTransitions": []}
        begin = {
            **detail,
            "TrainingJobStatus": "InProgress",
            "SecondaryStatus": "Starting",
            "TrainingEndTime": None,
            "LastModifiedTime": iso(created),
        }
        told += [
            (created, {**envelope, "time": iso(created), "detail": begin}),
            (ended, {**envelope, "time": iso(ended), "detail": detail}),
        ]
    end = start + timedelta(seconds=10 * count + 120)
    own = {
        "HyperParameterTuningJobName": TUNING_JOB,
        "HyperParameterTuningJobArn": arn,
        "CreationTime": iso(start),
        "LastModifiedTime": iso(end),
        "HyperParameterTuningEndTime": iso(end),
    }
    answers.append(
        {
            "operation": "DescribeHyperParameterTuningJob",
            "request": {"HyperParameterTuningJobName": TUNING_JOB},
            "response": {**tuning, **own},
        }
    )
    pattern = next(e for e in recorded.events if "HyperParameter Tuning" in e["detail-type"])
    for status, moment in (("InProgress", start), ("Completed", end)):
        changed: dict[str, Any] = {
            "LastModifiedTime": iso(moment),
            "HyperParameterTuningEndTime": None if status == "InProgress" else iso(end),
        }
        detail = {**pattern["detail"], **own, **changed, "HyperParameterTuningJobStatus": status}
        told.append((moment, {**pattern, "time": iso(moment), "detail": detail}))
    return Recording(f"{count} children", [event for _, event in sorted(told, key=lambda each: each[0])], answers)


def bench_replay(counts: list[int]) -> None:
    """Time and memory per job of a whole replay, the ledger in DynamoDB Local; each size in a process of its own."""
    for count in counts:
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks", "one-replay", str(count)],
            check=True,
            capture_output=True,
            text=True,
        )
        print(done.stdout.strip(), flush=True)


def _timed(slowest: dict[str, float]) -> Callable[..., Any]:
    original = Function.__call__

    def call(function: Function, event: Any) -> Any:
        began = time.perf_counter()
        try:
            return original(function, event)
        finally:
            slowest[function.name] = max(slowest[function.name], time.perf_counter() - began)

    return call


def one_replay(count: int) -> None:
    """One size."""
    recording = many_children(count)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with running_dynamodb_local() as url:
        slowest: dict[str, float] = defaultdict(float)
        began = time.perf_counter()
        with patch.object(Function, "__call__", _timed(slowest)):
            found = replay(recording, dynamodb_url=url)
        seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    (sweep,) = found.sweep_lines()
    best = min(each["FinalMetricDataList"][3]["Value"] for each in (a["response"] for a in recording.answers[:-1]))
    calls: Counter[str] = Counter()
    for (function, service, _), number in found.calls.items():
        calls[f"{function} {service}"] += number
    figures = {
        "children": count,
        "seconds": round(seconds, 1),
        "ms_per_job": round(1000 * seconds / count, 2),
        "peak_mb": round(peak),
        "kb_per_job_above_the_recording": round((peak - before) * 1024 / count, 2),
        "slowest_invocation_seconds": {name: round(length, 2) for name, length in sorted(slowest.items())},
        "state": sweep["status"],
        "counts": sweep["counts"],
        "best_is_true_best": sweep["best"]["value"] == best,
        "calls_per_job": {name: round(number / count, 3) for name, number in sorted(calls.items())},
    }
    print(json.dumps(figures))


def bench_leaderboard(sizes: list[int]) -> None:
    """Consumed capacity of the best trial and the top ten, in sweeps of these sizes, as DynamoDB Local reports it."""
    with running_dynamodb_local() as url:
        client = boto3.client("dynamodb", endpoint_url=url, region_name="us-east-1")
        for size in sizes:
            with opened(url) as ledger:
                for start in range(0, size, 9):
                    ledger.write(
                        replace(record(job(f"c-{n}", n / 60, metrics={"validation:error": n})), sweep="x")
                        for n in range(start, min(start + 9, size))
                    )
                for limit in (1, 10):
                    answer = client.query(
                        TableName=ledger._item.Meta.table_name,
                        IndexName="by_sweep",
                        KeyConditionExpression="sweep_id = :s",
                        ExpressionAttributeValues={":s": {"S": "x"}},
                        Limit=limit,
                        ReturnConsumedCapacity="TOTAL",
                    )
                    first = next(ledger.ranking("x", 1)).job.name
                    print(
                        json.dumps(
                            {
                                "jobs": size,
                                "top": limit,
                                "items_read": answer["ScannedCount"],
                                "capacity_units": answer["ConsumedCapacity"]["CapacityUnits"],
                                "best": first,
                            }
                        ),
                        flush=True,
                    )


def bench_close(children: int) -> None:
    """close_sweeps on a tuning job whose children are all in the ledger: the run that lists, compares and closes."""
    recording = many_children(children)
    end = datetime.fromisoformat(recording.events[-1]["time"]) + timedelta(minutes=5)
    sagemaker = from_recording(recording.answers, Account(), lambda: end)
    with running_dynamodb_local() as url, opened(url) as ledger, serve(sagemaker) as endpoint:
        os.environ["AWS_ENDPOINT_URL_SAGEMAKER"] = endpoint
        client = SageMaker(Session(), "us-east-1")
        services = Services(ledger, lambda region: client)
        record_job(recording.events[-1], services)
        sweep = ledger.sweep(TUNING_JOB)
        assert sweep is not None
        describes = [answer["response"] for answer in recording.answers[:-1]]
        for start in range(0, children, 8):
            jobs = [
                job_from_detail(JobKind.TRAINING, each, "123456789012", "us-east-1", described=True)
                for each in describes[start : start + 8]
            ]
            records = [replace(record(each, definitions=sweep.definitions), sweep=TUNING_JOB) for each in jobs]
            for each in records:
                sweep = put(sweep, None, each)
            sweep = replace(sweep, version=sweep.version + 1)
            ledger.write(records, [due(sweep, Rules())])
        began = time.perf_counter()
        done = close_sweeps(end, services)
        seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {
                "children": children,
                "closed": done.closed,
                "seconds": round(seconds, 1),
                "peak_mb_with_the_recording": round(peak),
            }
        ),
        flush=True,
    )


def bench_requests() -> None:
    """Requests and capacity units per job of the recordings, and what a tracker without a ledger of its own would need:
    one that describes the whole tuning job, all of its children, on each event that reaches record_job."""
    for name in ("churn-min-child-weight", "tuning-random-60"):
        with running_dynamodb_local() as url:
            found = replay(read_recording(RECORDINGS / name), dynamodb_url=url)
        jobs = len(found.records)
        calls: Counter[str] = Counter()
        for (function, service, operation), number in found.calls.items():
            calls[f"{function} {service} {operation}"] += number
        units = {
            f"{function} {operation}": number for (function, operation), number in found.capacity.items() if number
        }
        print(
            json.dumps(
                {
                    "recording": name,
                    "jobs": jobs,
                    "requests_per_job": {key: round(value / jobs, 2) for key, value in sorted(calls.items())},
                    "capacity_units_per_job": {key: round(value / jobs, 2) for key, value in sorted(units.items())},
                }
            ),
            flush=True,
        )
    for children in (60, 750):
        print(
            json.dumps(
                {
                    "children": children,
                    "naive_sagemaker_calls": naive_calls(children),
                    "trialbook_sagemaker_calls": 3 * children + 5,
                }
            ),
            flush=True,
        )


def naive_calls(children: int) -> int:
    """Counted against the stand-in: for each first and last event, describe the tuning job, list its children, and
    describe each."""
    recording = many_children(children)
    moment = [datetime(2026, 11, 21, 9, tzinfo=UTC)]
    sagemaker = from_recording(recording.answers, Account(), lambda: moment[0])
    for event in recording.events:
        moment[0] = max(moment[0], datetime.fromisoformat(event["time"]))
        sagemaker.call("DescribeHyperParameterTuningJob", {"HyperParameterTuningJobName": TUNING_JOB})
        token: dict[str, str] = {}
        while True:
            request = {"HyperParameterTuningJobName": TUNING_JOB, "MaxResults": 100, **token}
            listed = sagemaker.call("ListTrainingJobsForHyperParameterTuningJob", request)
            for child in listed["TrainingJobSummaries"]:
                sagemaker.calls["DescribeTrainingJob"] += 1  # the answer is of no interest, and 750 x 1,500 take hours
                assert child["TrainingJobName"]
            if "NextToken" not in listed:
                break
            token = {"NextToken": listed["NextToken"]}
    return sum(sagemaker.calls.values())


def main() -> None:
    """All of them, or the one that is named."""
    match sys.argv[1:]:
        case ["one-replay", count]:
            one_replay(int(count))
        case ["replay", *counts]:
            bench_replay([int(count) for count in counts] or [1000, 10_000])
        case ["close", *counts]:
            for size in [int(count) for count in counts] or [1000, 10_000]:
                bench_close(size)
        case ["requests"]:
            bench_requests()
        case ["report", *sizes]:
            bench_report([int(size) for size in sizes] or [1000, 10_000])
        case ["importance"]:
            bench_importance()
        case ["leaderboard", *sizes]:
            bench_leaderboard([int(size) for size in sizes] or [10, 1000, 10_000])
        case _:
            bench_leaderboard([10, 1000, 10_000])
            bench_requests()
            bench_close(1000)
            bench_close(10_000)
            bench_replay([1000, 10_000])
            bench_report([1000, 10_000])
            bench_importance()


if __name__ == "__main__":
    main()
