"""Jobs, sweeps and experiments side by side, with a rank test of their values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

from rich.text import Text

from trialbook.core.analysis.parameters import constants
from trialbook.core.analysis.wording import plural
from trialbook.core.hyper_parameters import is_internal, searched
from trialbook.core.numbers import shown
from trialbook.core.significance import FEWEST, rank_test
from trialbook.core.sweeps import Record
from trialbook_book.jobs import Jobs
from trialbook_cli.rich_output import console, safe
from trialbook_cli.tables import table_of


@dataclass(frozen=True, slots=True)
class Side:
    """One of the things compared: its best job and the values of all its ranked jobs; of a job, its own value."""

    name: str
    record: Record
    values: tuple[float, ...]


def side_of(found: Jobs | Record) -> Side:
    """A job, or the best job of a sweep or experiment with the values of all jobs ranked by the same objective."""
    if isinstance(found, Record):
        return Side(found.job.name, found, (found.value,) if found.value is not None else ())
    best, *others = list(found.records())
    by = best.objective
    same = [each for each in (best, *others) if each.ranks and by is not None and by.is_like(each.objective)]
    return Side(found.name, best, tuple(each.value for each in same if each.value is not None))


def rank_tests(sides: Sequence[Side]) -> list[tuple[str, str, float | None]]:
    """The rank test of each pair ranked by the same objective."""
    return [
        (one.name, other.name, rank_test(one.values, other.values))
        for one, other in combinations(sides, 2)
        if one.record.objective and other.record.objective and len(one.values) > 1 and len(other.values) > 1
        if one.record.objective.is_like(other.record.objective)
    ]


def show_comparison(sides: Sequence[Side], tests: Sequence[tuple[str, str, float | None]]) -> None:
    """Prints a column for each side, a row for each difference, and the rank tests."""
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
        console.print(Text(f"{plural(same, 'hyperparameter')} {'is' if same == 1 else 'are'} the same in all.", "dim"))
    for one, other, p in tests:
        console.print(safe(_sentence(one, other, p), 400))


def _rows(sides: Sequence[Side], read: Callable[[Side], dict[str, str]]) -> list[list[str | Text]]:
    columns = [read(side) for side in sides]
    names = list(dict.fromkeys(name for column in columns for name in column))
    return [[safe(name, 80), *(safe(column.get(name, "–"), 60) for column in columns)] for name in names]


def _facts(side: Side) -> dict[str, str]:
    record, objective = side.record, side.record.objective
    seconds = record.job.duration_seconds
    return {
        **({"best job": record.job.name} if record.job.name != side.name else {}),
        "objective": "none" if objective is None else f"{objective.metric} ({objective.type.value.lower()})",
        "value": "–" if record.value is None else shown(record.value),
        "ranked jobs": str(len(side.values)),
        "status": record.job.status,
        "minutes": "–" if seconds is None else f"{seconds / 60:.1f}",
    }


def _given(record: Record) -> dict[str, str]:
    given = record.job.hyper_parameters
    return {name: value for name, value in sorted(given.items()) if not is_internal(name)}


def _metrics(record: Record) -> dict[str, str]:
    metrics = record.job.final_metrics
    return {each.name: (each.text or "–") if each.value is None else shown(each.value) for each in metrics}


def _sentence(one: str, other: str, p: float | None) -> str:
    if p is None:
        return f"{one} and {other}: one of them has fewer than {FEWEST} ranked jobs, too few for a rank test."
    chance = "less than 0.001" if p < 0.001 else f"{p:.3f}"
    verdict = "differ by more than chance" if p < 0.05 else "do not differ by more than chance"
    return f"The values of {one} and {other} {verdict} (rank test over all ranked jobs, p = {chance})."
