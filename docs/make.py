"""Writes the parts of cli.md and python.md that the code itself tells: `make docs`; a test tells when it has to be run.

Everything above the mark in a page is written by hand and stays.
"""

import inspect
import re
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

import typer

from trialbook import Book, Experiment, Jobs, Record, Sweep, errors
from trialbook.core.curves.series import Axis, Series
from trialbook.core.experiments import Experiment as ExperimentFacts
from trialbook.core.jobs import (
    ExperimentConfig,
    InputChannel,
    InstanceGroup,
    Job,
    JobKey,
    JobKind,
    Metric,
    ParameterRange,
    TuningDefinition,
)
from trialbook.core.objectives import Objective, ObjectiveSource, ObjectiveType, Statistic
from trialbook.core.sweeps import Best, Counts, SweepKind, SweepState
from trialbook.core.sweeps import Sweep as SweepFacts
from trialbook_book.curves import Curves, CurvesOfJobs
from trialbook_book.jobs import Experiments, Sweeps
from trialbook_book.paged import Page
from trialbook_book.plots import Plot
from trialbook_book.records import Records
from trialbook_book.reports import Report
from trialbook_cli.help_format import example_of, records_of, text_of
from trialbook_cli.main import app

FOLDER = Path(__file__).parent
MARK = "<!-- what follows is made by docs/make.py -->"
RUNS_ON = "<!-- needs Ctrl-C to end -->"
ACCOUNT = "<!-- needs an AWS account -->"
_RUN_ON = ("trialbook serve", "trialbook mcp")
_WHICH = "Which book"
_LOCAL = ("--book demo-out/", "events/recordings/", "trialbook demo", "trialbook rules check")


def cli_reference() -> str:
    """Every command with its arguments, options and example."""
    group: Any = typer.main.get_command(app)
    context = typer.Context(group, info_name="trialbook")
    commands = list(_commands(group, context))
    return "\n\n".join(
        [
            "## Which book",
            _which_book(group, context),
            "## For every command",
            _table(_rows(group, context)),
            *(_command(path, *each) for path, *each in commands),
        ]
    )


def _commands(group: Any, context: typer.Context) -> Iterator[tuple[str, Any, typer.Context]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        inner = typer.Context(command, info_name=name, parent=context)
        if hasattr(command, "list_commands"):
            yield from _commands(command, inner)
        elif not command.hidden:
            yield inner.command_path, command, inner


def _command(path: str, command: Any, context: typer.Context) -> str:
    example = example_of(command)
    mark = "" if any(each in example for each in _LOCAL) else f"{ACCOUNT}\n\n"
    mark = f"{RUNS_ON}\n\n" if example.startswith(_RUN_ON) else mark
    which = ""
    for title, records in records_of(command, context):
        if title == _WHICH:
            which = "Besides: [which book](#which-book)."
        elif title.startswith("Which "):
            which = f"Besides: {', '.join(f'`{name}`' for name, _ in records)}, as [everywhere](#which-book)."
    own = _table([row for row in _rows(command, context) if not row[0].startswith("`--help")])
    paragraphs = [" ".join(each.split()) for each in text_of(command).split("\n\n")]
    return "\n\n".join(filter(None, [f"### {path}", *paragraphs, f"{mark}    {example}", own, which]))


def _rows(command: Any, context: typer.Context) -> list[Sequence[str]]:
    found = (
        record
        for title, records in records_of(command, context)
        if not title.startswith("Which ")
        for record in records
    )
    return [(f"`{name}`", re.sub(r"\s+", " ", text).replace("|", "\\|")) for name, text in found]


def _which_book(group: Any, context: typer.Context) -> str:
    """The options that all commands of the book share."""
    records = dict(records_of(group.commands["best"], context))[_WHICH]
    return _table([(f"`{name}`", text) for name, text in records])


def _table(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(["| | |", "| --- | --- |", *(f"| {name} | {text} |" for name, text in rows)]) if rows else ""


_OF_JOBS = (Record, Job, JobKey, Metric, InstanceGroup, InputChannel, ExperimentConfig)
_OF_SWEEPS = (SweepFacts, Counts, Best, TuningDefinition, ParameterRange, ExperimentFacts, Page)
_NAMED = {SweepFacts: "Sweep.facts", ExperimentFacts: "Experiment.facts"}
_ASKED = (Book, Jobs, Sweep, Experiment, Records, Sweeps, Experiments, Curves, CurvesOfJobs, Plot, Report)
_FACTS = (*_OF_JOBS, Objective, *_OF_SWEEPS, Series)
_WORDS = (JobKind, ObjectiveType, ObjectiveSource, Statistic, SweepKind, SweepState, Axis)


def python_reference() -> str:
    """What one asks, what it gives back, and the errors."""
    parts = [part for cls in _ASKED for part in (f"## {cls.__name__}", _said(cls), *_members(cls))]
    parts += ["## What they give back", "Frozen dataclasses; times are UTC with zone, durations seconds."]
    parts += [_dataclass(cls) for cls in _FACTS]
    parts += [_enum(cls) for cls in _WORDS]
    found = [(f"`{name}`", _said(getattr(errors, name))) for name in errors.__all__ if name != "Listing"]
    return "\n\n".join([*parts, "## Errors", "All are in `trialbook.errors`.", _table(found)])


def _members(cls: type) -> Iterator[str]:
    for name, member in vars(cls).items():
        if name.startswith("_"):
            continue
        value = member.__func__ if isinstance(member, staticmethod) else member
        if not hasattr(value, "__doc__") or not (callable(value) or _is_computed(value)):
            continue
        if inspect.isfunction(value):
            yield _member(f"{cls.__name__ if value is not member else cls.__name__.lower()}.{name}", value)
        else:
            yield f"### {cls.__name__.lower()}.{name}\n\n{_said(value)}"


def _is_computed(member: Any) -> bool:
    return isinstance(member, property | cached_property)


def _member(name: str, function: Any) -> str:
    signature = str(inspect.signature(function)).replace("(self, ", "(").replace("(self)", "()")
    return f"### {name}\n\n```text\n{name}{_plain(signature)}\n```\n\n{_said(function)}"


def _plain(annotation: str) -> str:
    """An annotation without the modules that its names come from, and without quotes around it."""
    unquoted = re.sub(r"(: |-> |^)['\"]([^'\"]*)['\"]", r"\1\2", annotation)
    return re.sub(r"\b(?:[a-z_]+\.)+(?=\w)", "", unquoted).replace("~", "")


def _said(thing: Any) -> str:
    return " ".join(inspect.cleandoc(getattr(thing, "__doc__", "") or "").replace("|", "\\|").split())


def _dataclass(cls: Any) -> str:
    assert is_dataclass(cls)
    named = [(f"`{each.name}`", f"`{_plain(_annotation(each.type))}`".replace("|", "\\|")) for each in fields(cls)]
    derived = [
        (f"`{name}`", _said(member))
        for base in cls.__mro__
        for name, member in vars(base).items()
        if isinstance(member, property) and not name.startswith("_")
    ]
    return f"### {_NAMED.get(cls, cls.__name__)}\n\n{_said(cls)}\n\n{_table([*named, *derived])}"


def _annotation(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind)


def _enum(cls: type[StrEnum]) -> str:
    return f"### {cls.__name__}\n\n{_said(cls)} {', '.join(f'`{each.value}`' for each in cls)}"


PAGES = {"cli.md": cli_reference, "python.md": python_reference}


def page(name: str, text: str) -> str:
    """The page with its second part written again."""
    by_hand, _, _ = text.partition(MARK)
    return f"{by_hand}{MARK}\n\n{PAGES[name]()}\n"


if __name__ == "__main__":
    for each in PAGES:
        path = FOLDER / each
        path.write_text(page(each, path.read_text(encoding="utf-8")), encoding="utf-8")
