"""The telemetry of a job, as a line of metrics.jsonl has it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trialbook.core.errors import InvalidInput
from trialbook.core.times import parse_time

_KEYS = frozenset({"job_name", "metrics", "hosts", "log"})
_NOT_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


@dataclass(frozen=True, slots=True)
class Point:
    """A value at a time. `iteration` is None if the job did not report which one it was."""

    time: datetime
    iteration: int | None
    value: float


@dataclass(frozen=True, slots=True)
class Measured:
    """Metrics by name, use of the machines by host and measure, and the lines of the first host's log."""

    job_name: str
    metrics: Mapping[str, Sequence[Point]]
    hosts: Mapping[str, Mapping[str, Sequence[Point]]]
    log: Sequence[str]


def measured(line: Mapping[str, Any]) -> Measured:
    """A line of metrics.jsonl. Raises InvalidInput, naming the field."""
    unknown = sorted(line.keys() - _KEYS)
    if unknown:
        raise InvalidInput(unknown[0], line[unknown[0]], f"only the keys {', '.join(sorted(_KEYS))}")
    name, log = line.get("job_name"), line.get("log", [])
    if not isinstance(name, str) or not name:
        raise InvalidInput("job_name", name, "the name of a job")
    if not isinstance(log, list) or not all(isinstance(each, str) for each in log):
        raise InvalidInput("log", log, "a list of lines")
    metrics = _mapping(line.get("metrics", {}), "metrics")
    hosts = _mapping(line.get("hosts", {}), "hosts")
    return Measured(
        name,
        {metric: _points(points, f"metrics.{metric}", 3) for metric, points in metrics.items()},
        {
            host: {
                measure: _points(points, f"hosts.{host}.{measure}", 2)
                for measure, points in _mapping(used, f"hosts.{host}").items()
            }
            for host, used in hosts.items()
        },
        tuple(log),
    )


def _mapping(value: Any, field: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidInput(field, value, "an object")
    return value


def _points(value: Any, field: str, length: int) -> tuple[Point, ...]:
    if not isinstance(value, list):
        raise InvalidInput(field, value, "a list of points")
    return tuple(_point(each, f"{field}[{place}]", length) for place, each in enumerate(value))


def _point(value: Any, field: str, length: int) -> Point:
    if not isinstance(value, list) or len(value) != length:
        raise InvalidInput(field, value, "[time, iteration or null, value]" if length > 2 else "[time, value]")
    time = parse_time(value[0], field)
    iteration = value[1] if length > 2 else None
    number = _NOT_FINITE.get(value[-1], value[-1]) if isinstance(value[-1], str) else value[-1]
    if time is None or isinstance(iteration, bool) or not isinstance(iteration, int | None):
        raise InvalidInput(field, value, "a time, and a whole number or null as iteration")
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise InvalidInput(field, value, 'a number, "NaN", "Infinity" or "-Infinity" as value')
    return Point(time, iteration, float(number))
