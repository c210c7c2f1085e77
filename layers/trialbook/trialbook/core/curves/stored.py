"""A job's series and the end of its log as compressed files beside the reports."""

import gzip
import json
from collections.abc import Mapping
from typing import Any

from trialbook.core.curves.series import Axis, JobCurves, Series
from trialbook.core.errors import InvalidInput

FORMAT = 1


def to_bytes(curves: JobCurves) -> bytes:
    """The file of a job's series; the same series give the same bytes."""
    return _compressed({"format": FORMAT, **to_data(curves)})


def to_data(curves: JobCurves) -> dict[str, Any]:
    """A job's series as plain data."""
    return {
        "job_name": curves.job_name,
        "metrics": {name: _data(each) for name, each in sorted(curves.metrics.items())},
        "hosts": {
            host: {name: _data(each) for name, each in sorted(used.items())}
            for host, used in sorted(curves.hosts.items())
        },
    }


def from_bytes(content: bytes) -> JobCurves:
    """The series in a file. Raises InvalidInput if it is none, or of a newer format."""
    try:
        data = _uncompressed(content)
        return JobCurves(
            data["job_name"],
            {name: _series(each) for name, each in data["metrics"].items()},
            {host: {name: _series(each) for name, each in used.items()} for host, used in data["hosts"].items()},
        )
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, OSError, EOFError) as error:
        raise InvalidInput("curves", repr(error), "a file with the series of a job") from error


def log_to_bytes(job_name: str, text: str) -> bytes:
    """The file with the end of a job's log."""
    return _compressed({"format": FORMAT, "job_name": job_name, "log": text})


def log_from_bytes(content: bytes) -> str:
    """The end of the log in a file. Raises InvalidInput if it is none."""
    try:
        return str(_uncompressed(content)["log"])
    except (KeyError, TypeError, ValueError, OSError, EOFError) as error:
        raise InvalidInput("log", repr(error), "a file with the end of a log") from error


def _data(series: Series) -> dict[str, Any]:
    return {
        "axis": series.axis.value,
        "x": [int(x) if x.is_integer() else x for x in series.xs],
        "y": list(series.values),
        "measured": series.measured,
    }


def _series(data: Mapping[str, Any]) -> Series:
    xs, values = data["x"], data["y"]
    if len(xs) != len(values):
        raise ValueError(f"{len(xs)} x for {len(values)} y")
    return Series(
        Axis(data["axis"]),
        tuple(map(float, xs)),
        tuple(map(float, values)) if None not in values else tuple(None if y is None else float(y) for y in values),
        int(data["measured"]),
    )


def _compressed(data: Mapping[str, Any]) -> bytes:
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return gzip.compress(text.encode("utf-8", "replace"), mtime=0)


def _uncompressed(content: bytes) -> Any:
    data = json.loads(gzip.decompress(content))
    if data["format"] > FORMAT:
        raise ValueError(f"format {data['format']} is newer than this version knows")
    return data
