"""An analysis as plain data for JSON: every field, unknown ones as null; trials as columns, which are smaller and what
pandas takes: `pandas.DataFrame(report["trials"]["hyper_parameters"])`."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from trialbook.core.analysis.model import Analysis, TrialRow
from trialbook.core.codec import unpack
from trialbook.core.errors import InvalidInput
from trialbook.core.times import iso

FORMAT = 1
NESTED = ("hyper_parameters", "metrics", "machine_use")


def to_dict(analysis: Analysis) -> dict[str, Any]:
    """report.json, as data."""
    plain = {field.name: _plain(getattr(analysis, field.name)) for field in fields(analysis) if field.name != "trials"}
    return {"format": FORMAT, **plain, "trials": _columns(analysis)}


def from_dict(data: Mapping[str, Any]) -> Analysis:
    """Back from `to_dict`. Raises InvalidInput where the format is another one."""
    if data.get("format") != FORMAT:
        raise InvalidInput("format", data.get("format"), str(FORMAT))
    return unpack(Analysis, {**data, "trials": _rows(data["trials"])})


def _rows(columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The trials as rows again."""
    plain = {name: values for name, values in columns.items() if name not in NESTED}
    return [
        {name: values[at] for name, values in plain.items()}
        | {name: _known({key: values[at] for key, values in columns.get(name, {}).items()}) for name in NESTED}
        for at in range(len(columns["job_name"]))
    ]


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _columns(analysis: Analysis) -> dict[str, Any]:
    rows = analysis.trials
    measures = [each.measure for each in analysis.machine_use]
    keys = ([each.name for each in analysis.parameters], list(analysis.metrics), measures)
    nested = dict(zip(NESTED, keys, strict=True))
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
