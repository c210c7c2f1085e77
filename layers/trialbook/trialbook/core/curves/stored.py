"""A job's series and the end of its log as compressed files beside the reports."""

import gzip
import json
from collections.abc import Callable, Mapping
from typing import Any

from trialbook.core.curves.packing import packed_values, packed_xs, unpacked_values, unpacked_xs
from trialbook.core.curves.series import Axis, JobCurves, Series
from trialbook.core.errors import InvalidInput

_CURVES_FORMAT = 2  # files of format 1 have lists, however long
_LOG_FORMAT = 1


def to_bytes(curves: JobCurves) -> bytes:
    """The file of a job's series; the same series give the same bytes."""
    return _compressed({"format": _CURVES_FORMAT, **_by_name(curves, _packed)})


def to_data(curves: JobCurves) -> dict[str, Any]:
    """A job's series as plain data."""
    return _by_name(curves, _data)


def _by_name(curves: JobCurves, of_series: Callable[[Series], dict[str, Any]]) -> dict[str, Any]:
    return {
        "job_name": curves.job_name,
        "metrics": {name: of_series(each) for name, each in sorted(curves.metrics.items())},
        "hosts": {
            host: {name: of_series(each) for name, each in sorted(used.items())}
            for host, used in sorted(curves.hosts.items())
        },
    }


def from_bytes(content: bytes) -> JobCurves:
    """The series in a file. Raises InvalidInput if it is none, or of a newer format."""
    try:
        data = _uncompressed(content, _CURVES_FORMAT)
        return JobCurves(
            data["job_name"],
            {name: _series(each) for name, each in data["metrics"].items()},
            {host: {name: _series(each) for name, each in used.items()} for host, used in data["hosts"].items()},
        )
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, OSError, EOFError) as error:
        raise InvalidInput("curves", repr(error), "a file with the series of a job") from error


def log_to_bytes(job_name: str, text: str) -> bytes:
    """The file with the end of a job's log."""
    return _compressed({"format": _LOG_FORMAT, "job_name": job_name, "log": text})


def log_from_bytes(content: bytes) -> str:
    """The end of the log in a file. Raises InvalidInput if it is none."""
    try:
        return str(_uncompressed(content, _LOG_FORMAT)["log"])
    except (KeyError, TypeError, ValueError, OSError, EOFError) as error:
        raise InvalidInput("log", repr(error), "a file with the end of a log") from error


def _data(series: Series) -> dict[str, Any]:
    return {
        "axis": series.axis.value,
        "x": [int(x) if x.is_integer() else x for x in series.xs],
        "y": list(series.values),
        "measured": series.measured,
    }


def _packed(series: Series) -> dict[str, Any]:
    data = _data(series)
    return {**data, "x": packed_xs(data["x"]), "y": packed_values(data["y"])}


def _series(data: Mapping[str, Any]) -> Series:
    values = unpacked_values(data["y"])
    return Series(Axis(data["axis"]), unpacked_xs(data["x"], len(values)), values, int(data["measured"]))


def _compressed(data: Mapping[str, Any]) -> bytes:
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return gzip.compress(text.encode("utf-8", "replace"), mtime=0)


def _uncompressed(content: bytes, newest: int) -> Any:
    data = json.loads(gzip.decompress(content))
    if data["format"] > newest:
        raise ValueError(f"format {data['format']} is newer than this version knows")
    return data
