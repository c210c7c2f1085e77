"""The jobs that `trialbook trials` lists: a page of the ranking, or the jobs that meet conditions, sorted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from math import isnan

from trialbook.core.jobs import JobKind
from trialbook.core.sweeps import Record
from trialbook_book.jobs import Jobs
from trialbook_book.where import Term, fact, facts
from trialbook_cli.usage_error import UsageError
from trialbook_cli.visible_text import visible

Ranked = tuple[int, Record]  # a job and its place in the ranking


@dataclass(frozen=True, slots=True)
class Selection:
    """Jobs with their places, and the number of those that follow: None if there are some that nobody counted."""

    jobs: Sequence[Ranked]
    left: int | None = 0


def ranking_page(jobs: Jobs, limit: int, after: int) -> Selection:
    """A page of the ranking, best first."""
    page = jobs.page(limit, after)
    return Selection(list(enumerate(page.entries, after + 1)), 0 if page.cursor is None else None)


def selected(jobs: Jobs, terms: Sequence[Term], sort: str | None) -> Sequence[Ranked]:
    """The jobs that meet all terms, sorted; reads all jobs: a Query for each megabyte. Raises UsageError for an
    unknown column."""
    ranked: list[Ranked] = list(enumerate(jobs.records(), 1))
    records = [record for _, record in ranked]
    check_columns("--where", [term.name for term in terms], records)
    check_columns("--sort", [sort.removeprefix("-")] if sort else [], records)
    found = [each for each in ranked if all(term.holds(each[1]) for term in terms)]
    if sort is not None:
        found = _sorted(found, sort)
    return found


def part_of(chosen: Sequence[Ranked], limit: int, after: int) -> Selection:
    """A page of selected jobs."""
    return Selection(chosen[after : after + limit], max(0, len(chosen) - after - limit))


def meant(jobs: Jobs, terms: Sequence[Term]) -> str:
    """What conditions that no job meets may have meant: a value that is nearly that of a job."""
    near = []
    for term in terms:
        known = {str(fact(record, term.name)) for record in jobs.records()} if term.compare in ("=", "==") else set()
        by_folded = {each.casefold(): each for each in known}
        if term.value.casefold() not in by_folded:
            found = get_close_matches(term.value.casefold(), by_folded, 1)
            near += [f"{term.name}={by_folded[each]}" for each in found]
    return f" Did you mean {visible(' and '.join(near), 200)}?" if near else ""


def check_columns(option: str, names: Iterable[str], records: Sequence[Record]) -> None:
    """Raises UsageError for a name that no job has, which is likely a typo."""
    known = {*facts(), *(metric.name for record in records for metric in record.job.final_metrics)}
    known |= {name for record in records for name in record.job.hyper_parameters}
    for name in names:
        if records and name not in known:
            near = get_close_matches(name, known, 3)
            others = f"Columns are hyperparameters, metrics, and {', '.join(facts())}."
            hint = f"Did you mean {' or '.join(near)}?" if near else others
            problem = f"{option}: there is no column {name!a}. {hint}"
            raise UsageError(problem, f"There is no such column. {others}", near)


def sort_key(value: str | float | None) -> tuple[int, float, str]:
    """Numbers before texts."""
    try:
        return 0, float(value), ""  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return 1, 0.0, str(value)


def _sorted(found: Sequence[Ranked], sort: str) -> list[Ranked]:
    """By the column; jobs without a value or with NaN come after the others, and the tuning job after its children."""
    name = sort.removeprefix("-")
    children = [each for each in found if each[1].key.kind is not JobKind.TUNING]
    keys = [None if (value := fact(record, name)) is None else sort_key(value) for _, record in children]
    known = [(key, each) for key, each in zip(keys, children, strict=True) if key is not None and not isnan(key[1])]
    known.sort(key=lambda pair: pair[0], reverse=sort.startswith("-"))
    return [
        *(each for _, each in known),
        *(each for key, each in zip(keys, children, strict=True) if key is None or isnan(key[1])),
        *(each for each in found if each[1].key.kind is JobKind.TUNING),
    ]
