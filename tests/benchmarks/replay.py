"""Whole replays of a tuning job with 100, 1,000 and 10,000 children, as `trialbook replay` does it, each in its own process:
the cost of a job must not depend on their number. It includes the laptop cloud, its servers and the ledger. Some 1.6 s of each
replay do not depend on the number: starts of functions and clients, and the engine that draws the picture (0.4 s)."""

import json
import resource
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from tests.benchmarks.many_children import many_children
from tests.benchmarks.page import table
from trialbook_cli.laptop_cloud.functions import Function
from trialbook_cli.replaying import replay

TITLE = "The cost of a large sweep is linear"
SIZES = (100, 1000, 10_000)


def measure() -> str:
    """Each size in a process of its own."""
    rows = []
    for size in SIZES:
        command = [sys.executable, "-m", "tests.benchmarks.replay", str(size)]
        answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        rows.append(list(answer.values()))
    return table(list(answer), rows)


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
    """Prints the figures of one size, and fails where what is left is not right."""
    recording = many_children(count)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    slowest: dict[str, float] = defaultdict(float)
    began, worked = time.perf_counter(), time.process_time()
    with patch.object(Function, "__call__", _timed(slowest)):
        found = replay(recording)
    seconds, work = time.perf_counter() - began, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    (sweep,) = found.sweep_lines()
    best = min(each["FinalMetricDataList"][3]["Value"] for each in (a["response"] for a in recording.answers[:-1]))
    calls: Counter[str] = Counter()
    for (function, service, _), number in found.calls.items():
        calls[f"{function} {service}"] += number
    assert (sweep["status"], sweep["counts"]["completed"]) == ("closed", count), sweep
    assert sweep["best"]["value"] == best
    print(
        json.dumps(
            {
                "children": count,
                "ms of processor a job": round(1000 * work / count, 1),
                "ms a job": round(1000 * seconds / count, 1),
                "peak MB, recording included": round(peak),
                "KB a job above the recording": round((peak - before) * 1024 / count, 1),
                "slowest invocation, s": round(max(slowest.values()), 1),
                "DynamoDB requests a job, record": round(calls["RecordJob dynamodb"] / count, 2),
                "SageMaker calls a job, record": round(calls["RecordJob sagemaker"] / count, 2),
                "SageMaker calls a job, attach": round(calls["AttachJob sagemaker"] / count, 2),
            }
        )
    )


if __name__ == "__main__":
    one_replay(int(sys.argv[1]))
