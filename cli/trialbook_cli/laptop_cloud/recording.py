"""A recording: a folder with what EventBridge sent and what SageMaker would answer."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trialbook.core.errors import InvalidInput
from trialbook_cli.telemetry_stand_in import Measured, measured

MEASURED = "metrics.jsonl"


class UnreadableRecording(Exception):
    """A file of the recording can't be used: names file, line and problem."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Events in order of arrival, answers in the jobs' final state, and what was measured of each job."""

    name: str
    events: Sequence[dict[str, Any]]
    answers: Sequence[dict[str, Any]]
    measured: Sequence[Measured] = ()


def read_recording(folder: Path) -> Recording:
    """Reads a recording folder. Raises UnreadableRecording."""
    if not folder.is_dir():
        raise UnreadableRecording(f"{folder}: no such folder; a recording is a folder with events.jsonl")
    answers = folder / "sagemaker.jsonl"
    return Recording(
        name=folder.resolve().name,
        events=_lines(folder / "events.jsonl"),
        answers=_lines(answers) if answers.exists() else (),
        measured=_measured(folder / MEASURED),
    )


def _measured(path: Path) -> tuple[Measured, ...]:
    """The telemetry of each job in metrics.jsonl; empty if there is none."""
    if not path.exists():
        return ()
    found = []
    for number, line in _numbered(path):
        try:
            found.append(measured(line))
        except InvalidInput as error:
            raise UnreadableRecording(f"{path}:{number}: {error}") from None
    return tuple(found)


def _lines(path: Path) -> list[dict[str, Any]]:
    return [line for _, line in _numbered(path)]


def _numbered(path: Path) -> list[tuple[int, dict[str, Any]]]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UnreadableRecording(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise UnreadableRecording(f"{path}:{line}: no UTF-8 text") from None
    return [(number, _object(path, number, line)) for number, line in enumerate(text.split("\n"), 1) if line.strip()]


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise UnreadableRecording(f"{path}:{number}: no valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise UnreadableRecording(f"{path}:{number}: expected a JSON object, found {type(value).__name__}")
    return value
