"""Writes JSON Schemas from the dataclasses that the data is the serialised form of: report.json's, and the one of Best
Trials into announcements.json, whose others are written by hand.

`python events/schemas/make.py`, with the project's environment; a test tells when it has to be run again.
"""

import json
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from trialbook.core.analysis.model import Analysis, TrialRow
from trialbook.core.analysis.serialised import FORMAT, NESTED
from trialbook.core.messages.best_trials import BestTrials

PATH = Path(__file__).with_name("report.json")
ANNOUNCEMENTS = Path(__file__).with_name("announcements.json")
_PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    float: {"type": "number"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    object: {},
    datetime: {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$"},
}


def schema() -> dict[str, Any]:
    """The whole schema; `trials` are columns of equal length, which no schema can say."""
    defs: dict[str, Any] = {}
    top = _object(Analysis, defs, {"trials": _columns(defs)})
    top["properties"] = {"format": {"const": FORMAT}, **top["properties"]}
    top["required"] = ["format", *top["required"]]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "report.json: every figure that a sweep's report shows",
        **top,
        "$defs": dict(sorted(defs.items())),
    }


def _columns(defs: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(TrialRow)
    cell = _type(hints["metrics"], defs)["additionalProperties"]
    nested = {"type": "object", "additionalProperties": {"type": "array", "items": _or_null(cell)}}
    columns = {
        name: nested if name in NESTED else {"type": "array", "items": _type(hint, defs)}
        for name, hint in hints.items()
    }
    return {"type": "object", "additionalProperties": False, "required": list(columns), "properties": columns}


def _or_null(found: dict[str, Any]) -> dict[str, Any]:
    return found if {"type": "null"} in found.get("anyOf", ()) else {"anyOf": [found, {"type": "null"}]}


def _object(cls: type, defs: dict[str, Any], instead: Mapping[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(cls)
    names = [field.name for field in fields(cls)]
    properties = {name: instead.get(name) or _type(hints[name], defs) for name in names}
    told = " ".join((cls.__doc__ or "").split())
    described = {"type": "object", "description": told, "additionalProperties": False}
    return {**described, "required": names, "properties": properties}


def _type(hint: Any, defs: dict[str, Any]) -> dict[str, Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is type(None):
        return {"type": "null"}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_type(each, defs) for each in arguments]}
    if origin is tuple:
        return {"type": "array", "items": _type(arguments[0], defs)}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _type(arguments[1], defs)}
    if is_dataclass(hint) and isinstance(hint, type):
        if hint.__name__ not in defs:
            defs[hint.__name__] = {}  # before its fields are looked at: none of ours refers to itself
            defs[hint.__name__] = _object(hint, defs, {})
        return {"$ref": f"#/$defs/{hint.__name__}"}
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return {"enum": [each.value for each in hint]}
    return dict(_PLAIN[hint])


def announcements(written: dict[str, Any]) -> dict[str, Any]:
    """The schema of announcements with Best Trials as the dataclasses have it now."""
    defs: dict[str, Any] = {}
    made = _object(BestTrials, defs, {})
    failed = written["$defs"]["Job Failed"]["properties"]
    properties = {"id": failed["id"], **made["properties"], "correlation_id": failed["correlation_id"]}
    told = {"title": "Best Trials", **made, "required": ["id", *made["required"]], "properties": properties}
    return {**written, "$defs": {**written["$defs"], **defs, "Best Trials": told}}


def text() -> str:
    """The schema as the file holds it."""
    return _text(schema())


def announcements_text() -> str:
    """The schema of announcements as the file holds it."""
    return _text(announcements(json.loads(ANNOUNCEMENTS.read_text(encoding="utf-8"))))


def _text(made: dict[str, Any]) -> str:
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
    ANNOUNCEMENTS.write_text(announcements_text(), encoding="utf-8")
