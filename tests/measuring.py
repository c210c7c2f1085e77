"""What was measured of jobs, built in a test, as lines of metrics.jsonl."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tests.launching import at, launched, training
from trialbook.core.times import iso
from trialbook_cli.laptop_cloud import Recording
from trialbook_cli.telemetry_stand_in import measured

Line = dict[str, Any]


def curve(values: Sequence[float], start: float, end: float) -> list[list[Any]]:
    """Points of a metric, spread over the minutes from start to end; their iterations count from 0."""
    step = (end - start) / max(len(values), 1)
    return [[iso(at(start + number * step)), number, value] for number, value in enumerate(values)]


def minutes(value: float, start: float, end: float) -> list[list[Any]]:
    """The use of a machine, the same each minute."""
    return [[iso(at(start + number)), value] for number in range(int(end - start))]


def line(name: str, metrics: dict[str, Any], *, log: Sequence[str] = (), **hosts: Any) -> Line:
    """A line of metrics.jsonl; `hosts` are given as algo_1."""
    by_name = {host.replace("_", "-"): used for host, used in hosts.items()}
    return {"job_name": name, "metrics": metrics, "hosts": by_name, "log": list(log)}


def with_measurements(recording: Recording, *lines: Line) -> Recording:
    """The recording as if its metrics.jsonl had these lines."""
    return replace(recording, measured=tuple(measured(each) for each in lines))


def one_job(status: str = "Completed", log: Sequence[str] = (), **fields: Any) -> Recording:
    """A job of forty minutes, whose accuracy rises; its machine is half idle."""
    described = training("resnet", 0, 40, {"lr": "0.1"}, value=0.9, status=status, **fields)
    values = [0.5, 0.7, 0.8, 0.85, 0.9]
    found = line(
        "resnet",
        {"validation:accuracy": curve(values, 10, 40)},
        log=log,
        algo_1={"CPUUtilization": minutes(50, 10, 40), "MemoryUtilization": minutes(30, 10, 40)},
    )
    return with_measurements(launched([described]), found)
