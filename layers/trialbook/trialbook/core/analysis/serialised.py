"""An analysis as plain data for JSON: every field, unknown ones as null; trials as columns, which are smaller and what
pandas takes: `pandas.DataFrame(report["trials"]["hyper_parameters"])`."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from trialbook.core.analysis.model import Analysis, TrialRow
from trialbook.core.times import iso

FORMAT = 1


def to_dict(analysis: Analysis) -> dict[str, Any]:
    """report.json, as data."""
    plain = {field.name: _plain(getattr(analysis, field.name)) for field in fields(analysis) if field.name != "trials"}
    return {"format": FORMAT, **plain, "trials": _columns(analysis)}


def _columns(analysis: Analysis) -> dict[str, Any]:
    rows = analysis.trials
    nested = {"hyper_parameters": [each.name for each in analysis.parameters], "metrics": list(analysis.metrics)}
    plain = [field.name for field in fields(TrialRow) if field.name not in nested]
    return {
        **{name: [_plain(getattr(row, name)) for row in rows] for name in plain},
        **{name: _by_key(rows, name, keys) for name, keys in nested.items()},
    }


def _by_key(rows: Sequence[TrialRow], name: str, keys: Sequence[str]) -> dict[str, list[Any]]:
    return {key: [getattr(row, name).get(key) for row in rows] for key in keys}


def _plain(value: Any) -> Any:
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return value
