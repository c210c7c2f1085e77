"""Jobs, sweeps and experiments side by side: the bests of equally many jobs, and a rank test of all values.

A rank test asks whether two sets of values come from the same distribution. A search that learns chooses its values, so
the answer would only say that it searched differently: such a pair is compared by its bests alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import combinations

from rich.text import Text

from trialbook.core.analysis.going_on import expected_best, learns
from trialbook.core.analysis.parameters import constants, with_settings
from trialbook.core.analysis.wording import listed, plural
from trialbook.core.hyper_parameters import is_internal, searched
from trialbook.core.numbers import shown
from trialbook.core.objectives import Objective, ObjectiveType
from trialbook.core.significance import FEWEST, rank_test
from trialbook.core.sweeps import Record
from trialbook_book.jobs import Jobs
from trialbook_cli.rich_output import console, safe
from trialbook_cli.tables import table_of


@dataclass(frozen=True, slots=True)
class Side:
    """One of the things compared: its best job and the values of all its ranked jobs in the order in which they ended;
    of a job, its own value. `learns` says that the search chose later trials by earlier ones."""

    name: str
    record: Record
    values: tuple[float, ...]
    learns: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides: the p-value of the rank test, or why there is none; and the best that each has of `jobs` jobs, which
    are as many as the smaller one has."""

    a: str
    b: str
    p: float | None
    why_not: str | None
    jobs: int
    best_a: float
    best_b: float


def side_of(found: Jobs | Record) -> Side:
    """A job, or the best job of a sweep or experiment with the values of all jobs ranked by the same objective."""
    if isinstance(found, Record):
        return Side(found.job.name, found, (found.value,) if found.value is not None else ())
    best, *others = list(found.records())
    by = best.objective
    same = [each for each in (best, *others) if each.ranks and by is not None and by.is_like(each.objective)]
    values = tuple(each.value for each in sorted(same, key=_end) if each.value is not None)
    sweep = found.book.ledger.sweep(found.name) if found.is_sweep else None
    return Side(
        found.name, best, values, by is not None and learns(_costs(by, values), sweep.strategy if sweep else None)
    )


def _end(record: Record) -> tuple[datetime, str]:
    return record.job.ended_at or datetime.max.replace(tzinfo=UTC), record.job.name


def _costs(objective: Objective, values: Sequence[float]) -> list[float]:
    """The values turned so that less is better."""
    return list(values) if objective.type is ObjectiveType.MINIMIZE else [-value for value in values]


def best_record(found: Jobs | Record) -> Record:
    """The job itself, or the first job of a sweep or experiment."""
    return found if isinstance(found, Record) else found.whole(found.first.entries[0])


def rank_tests(sides: Sequence[Side]) -> list[Comparison]:
    """Each pair ranked by the same objective, compared."""
    return [
        _test(one, other, one.record.objective)
        for one, other in combinations(sides, 2)
        if one.record.objective and other.record.objective and len(one.values) > 1 and len(other.values) > 1
        if one.record.objective.is_like(other.record.objective)
    ]


def _test(one: Side, other: Side, objective: Objective) -> Comparison:
    jobs = min(len(one.values), len(other.values))
    why_not = None
    if jobs < FEWEST:
        why_not = f"one of them has fewer than {FEWEST} ranked jobs"
    elif one.learns or other.learns:
        searches = listed([side.name for side in (one, other) if side.learns])
        why_not = f"the search of {searches} chose its trials by earlier ones, so the values tell how it searched"
    p = rank_test(one.values, other.values) if why_not is None else None
    return Comparison(
        one.name, other.name, p, why_not, jobs, best_of(one, jobs, objective), best_of(other, jobs, objective)
    )


def best_of(side: Side, jobs: int, objective: Objective) -> float:
    """The best of so many jobs: of a search that learns its first ones, else the mean over all ways to choose them."""
    costs = _costs(objective, side.values)
    found = min(costs[:jobs]) if side.learns or jobs == len(costs) else expected_best(sorted(costs), jobs)
    return found if objective.type is ObjectiveType.MINIMIZE else -found


def sides_with_settings(sides: Sequence[Side]) -> list[Side]:
    """The sides with the settings in which their jobs differ, such as their data, among hyperparameters."""
    records = with_settings([side.record for side in sides])
    return [replace(side, record=record) for side, record in zip(sides, records, strict=True)]


def show_comparison(sides: Sequence[Side], tests: Sequence[Comparison]) -> None:
    """Prints a column for each side, a row for each difference, and the rank tests."""
    sides = sides_with_settings(sides)
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
    for test in tests:
        sizes = {len(side.values) for side in sides if side.name in (test.a, test.b)}
        for sentence in sentences(test, is_same_size=len(sizes) == 1):
            console.print(safe(sentence, 400))


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


def sentences(test: Comparison, *, is_same_size: bool) -> list[str]:
    """The bests of equally many jobs, where the sides have not as many; and what the rank test says."""
    found = []
    if not is_same_size:
        bests = f"{test.a} {shown(test.best_a)}, {test.b} {shown(test.best_b)}"
        found.append(f"Best of {test.jobs:,} jobs each, as many as the smaller has: {bests}.")
    if test.p is None:
        return [*found, f"{test.a} and {test.b}: no rank test, because {test.why_not}."]
    chance = "less than 0.001" if test.p < 0.001 else f"{test.p:.3f}"
    verdict = "differ by more than chance" if test.p < 0.05 else "do not differ by more than chance"
    return [*found, f"The values of {test.a} and {test.b} {verdict} (rank test over all ranked jobs, p = {chance})."]
