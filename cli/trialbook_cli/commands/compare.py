"""`trialbook compare`: jobs, sweeps or experiments side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from rich.text import Text

from trialbook.core.analysis.parameters import constants
from trialbook.core.analysis.wording import plural
from trialbook.core.errors import InvalidInput
from trialbook.core.hyper_parameters import is_internal, searched
from trialbook.core.jobs import JobKind
from trialbook.core.numbers import shown
from trialbook.core.significance import FEWEST, rank_test
from trialbook.core.sweeps import Record
from trialbook_book.book import Book
from trialbook_cli.listing import table_of
from trialbook_cli.outputs import job_line
from trialbook_cli.plain import BAD_INPUT, OK, print_json
from trialbook_cli.terminal import console, fail, safe


@dataclass(frozen=True, slots=True)
class Side:
    """One of what is compared: its best job, and the values of all its ranked jobs (of a job, its own)."""

    name: str
    record: Record
    values: tuple[float, ...]


def run(book: Book, names: Sequence[str], *, as_json: bool) -> int:
    """A column for each, a row for each thing in which they differ."""
    if len(names) < 2:
        return fail("compare needs at least two names: jobs, sweeps or experiments", BAD_INPUT)
    sides = [_side(book, name) for name in names]
    tests = _tests(sides)
    if as_json:
        lines = [{"name": side.name, "ranked_jobs": len(side.values), "job": job_line(side.record)} for side in sides]
        print_json({"compared": lines, "tests": [{"a": a, "b": b, "p": p} for a, b, p in tests]})
        return OK
    _show(sides, tests)
    return OK


def _side(book: Book, name: str) -> Side:
    """A tuning job's name is that of its sweep: it has no value itself."""
    try:
        record = book.job(name)
        if record.key.kind is JobKind.TUNING:
            raise InvalidInput("JOB", name, "a job that is compared by itself")
        return Side(record.job.name, record, (record.value,) if record.value is not None else ())
    except InvalidInput:
        jobs = book.find(name)
    best, *others = list(jobs.records())
    by = best.objective
    same = [each for each in (best, *others) if each.ranks and by is not None and by.is_like(each.objective)]
    return Side(jobs.name, best, tuple(each.value for each in same if each.value is not None))


def _tests(sides: Sequence[Side]) -> list[tuple[str, str, float | None]]:
    """The rank test of each pair that is ranked by the same metric."""
    return [
        (one.name, other.name, rank_test(one.values, other.values))
        for one, other in combinations(sides, 2)
        if one.record.objective and other.record.objective and len(one.values) > 1 and len(other.values) > 1
        if one.record.objective.is_like(other.record.objective)
    ]


def _show(sides: Sequence[Side], tests: Sequence[tuple[str, str, float | None]]) -> None:
    jobs = [side.record.job for side in sides]
    names = searched(jobs)
    rows = [
        *_rows(sides, _facts),
        *_rows(sides, lambda side: {name: text for name, text in _given(side.record).items() if name in names}),
        *_rows(sides, lambda side: _metrics(side.record)),
    ]
    headers = ["", *(str(safe(side.name, 63)) for side in sides)]
    console.print(table_of(headers, rows, right=headers[1:]))
    same = len(constants(jobs))
    if same:
        console.print(Text(f"{plural(same, 'hyperparameter')} {'is' if same == 1 else 'are'} the same in all", "dim"))
    for one, other, p in tests:
        console.print(safe(_said(one, other, p), 400))


def _rows(sides: Sequence[Side], read: Callable[[Side], dict[str, str]]) -> list[list[str | Text]]:
    columns = [read(side) for side in sides]
    names = list(dict.fromkeys(name for column in columns for name in column))
    return [[safe(name, 80), *(safe(column.get(name, "–"), 60) for column in columns)] for name in names]


def _facts(side: Side) -> dict[str, str]:
    record, objective = side.record, side.record.objective
    seconds = record.job.duration_seconds
    told: dict[str, Any] = {
        **({"best job": record.job.name} if record.job.name != side.name else {}),
        "objective": "none" if objective is None else f"{objective.metric} ({objective.type.value.lower()})",
        "value": "–" if record.value is None else shown(record.value),
        "ranked jobs": str(len(side.values)),
        "status": record.job.status,
        "minutes": "–" if seconds is None else f"{seconds / 60:.1f}",
    }
    return told


def _given(record: Record) -> dict[str, str]:
    given = record.job.hyper_parameters
    return {name: value for name, value in sorted(given.items()) if not is_internal(name)}


def _metrics(record: Record) -> dict[str, str]:
    metrics = record.job.final_metrics
    return {each.name: (each.text or "–") if each.value is None else shown(each.value) for each in metrics}


def _said(one: str, other: str, p: float | None) -> str:
    if p is None:
        return f"{one} and {other}: fewer than {FEWEST} ranked jobs in one of them, too few to say whether they differ"
    chance = "less than 0.001" if p < 0.001 else f"{p:.3f}"
    verdict = "differ by more than chance" if p < 0.05 else "do not differ by more than chance"
    return f"the values of {one} and {other} {verdict} (rank test over all ranked jobs, p = {chance})"
