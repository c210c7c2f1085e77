"""`trialbook experiments`, `sweeps` and `trials`."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from rich.text import Text

from trialbook.core.errors import InvalidInput
from trialbook.core.experiments import Experiment
from trialbook.core.hyper_parameters import searched
from trialbook.core.names import same_name
from trialbook.core.numbers import shown, shown_text
from trialbook.core.sweeps import Record, Sweep
from trialbook.core.times import iso_or_none
from trialbook_book.book import Book
from trialbook_book.where import Term, fact, parse_where
from trialbook_book.where import facts as job_facts
from trialbook_cli.listing import table_of, told_more
from trialbook_cli.outputs import job_line, sweep_line
from trialbook_cli.plain import OK, print_json
from trialbook_cli.terminal import console, safe
from trialbook_cli.trials_table import trials_table

_NUMBER = re.compile("[0-9]{1,9}")
Ranked = tuple[int, Record]  # a job and its place in the ranking
_EMPTY = "the book is empty: no job has been recorded yet. trialbook backfill --since 30d records what ran before"


def experiments(book: Book, limit: int, after: str | None, *, as_json: bool) -> int:
    """Experiments by name."""
    page = book.ledger.experiments_page(limit, after)
    if as_json:
        print_json([_experiment_line(each) for each in page.entries])
    elif not page.entries:
        console.print(_EMPTY if after is None else "no more experiments")
    else:
        headers = ("experiment", "sweeps", "jobs", "failed", "best", "metric", "last job (UTC)")
        rows = [_experiment_row(each) for each in page.entries]
        console.print(table_of(headers, rows, right=("sweeps", "jobs", "failed", "best")))
    told_more(page.cursor)
    return OK


def _experiment_row(each: Experiment) -> list[str | Text]:
    best = "–" if each.best_value is None else shown(each.best_value)
    metric = "–" if each.objective is None else f"{each.objective.metric} ({each.objective.type.value.lower()})"
    counts = (str(each.sweeps), str(each.counts.jobs), str(each.counts.failed))
    return [safe(each.name, 120), *counts, best, safe(metric), minute(iso_or_none(each.last_at))]


def _experiment_line(each: Experiment) -> dict[str, object]:
    objective = each.objective
    return {
        "experiment": each.name,
        "sweeps": each.sweeps,
        "counts": {name: getattr(each.counts, name) for name in type(each.counts).__slots__},
        "objective": None if objective is None else {"metric": objective.metric, "type": objective.type.value},
        "best": None
        if each.best_job is None
        else {
            "job_name": each.best_job,
            "value": each.best_value,
            "hyper_parameters": dict(sorted(each.hyper_parameters.items())),
        },
        "last_at": iso_or_none(each.last_at),
    }


def sweeps(book: Book, experiment: str | None, limit: int, after: str | None, *, as_json: bool) -> int:
    """Sweeps, latest first."""
    page = book.ledger.sweeps_page(experiment, limit, after)
    if experiment is not None and not page.entries and after is None:
        experiment = _experiment_named(book, experiment)
        page = book.ledger.sweeps_page(experiment, limit)
    if as_json:
        print_json([sweep_line(sweep) for sweep in page.entries])
    elif page.entries:
        headers = ("started (UTC)", "sweep", "state", "done", "failed", "best")
        console.print(table_of(headers, [_sweep_row(each) for each in page.entries], right=headers[3:]))
    elif experiment is not None:
        console.print(safe(f"experiment {experiment}: no sweeps", 200))
    else:
        console.print("no sweeps yet" if after is None else "no more sweeps")
    told_more(page.cursor)
    return OK


def _experiment_named(book: Book, name: str) -> str:
    """The experiment of that name, or the one that alone begins so. Raises InvalidInput, naming what is near."""
    near = [each.name for each in book.ledger.experiments_like(name)]
    found = [each for each in near if same_name(each) == same_name(name)] or near
    if len(found) != 1:
        fits = f"; it fits {', '.join(found[:5])}{' …' if len(found) > 5 else ''}" if found else ""
        raise InvalidInput("EXPERIMENT", name, f"the name of an experiment{fits}: trialbook experiments lists them")
    return found[0]


def _sweep_row(sweep: Sweep) -> list[str | Text]:
    counts = sweep.counts
    value = "–" if sweep.best is None else shown(sweep.best.value)
    done = f"{counts.ended}/{max(counts.jobs, sweep.max_jobs or 0)}"
    began = minute(iso_or_none(sweep.began_at))
    return [began, safe(sweep.id, 120), sweep.state.value, done, str(counts.failed), value]


def minute(time: str | None) -> str:
    """A time for a listing, to the minute."""
    return "unknown" if time is None else time[:16].replace("T", " ")


def trials(
    book: Book,
    name: str,
    limit: int,
    after: str | None,
    *,
    where: str | None,
    sort: str | None,
    columns: str | None,
    as_json: bool,
) -> int:
    """Jobs of a sweep or an experiment, best first or sorted, those that meet a condition; each with its rank."""
    terms = parse_where(where) if where else ()
    if after is not None and (sort or terms):
        raise InvalidInput(
            "--after", after, "no cursor beside --where or --sort: all is one page, --limit says how long"
        )
    jobs = book.find(name)
    left = 0
    if sort is None and not terms:
        before, cursor = _before(after)
        page = jobs.page(limit, cursor)
        found = list(enumerate(page.entries, before + 1))
        cursor = page.cursor and f"{before + len(found)}.{page.cursor}"
    else:  # needs all of them: a Query for each megabyte
        ranked = list(enumerate(jobs.records(), 1))
        records = [record for _, record in ranked]
        _check("--where", [term.name for term in terms], records)
        _check("--sort", [sort.removeprefix("-")] if sort else [], records)
        chosen, cursor = _chosen(ranked, terms, sort), None
        found, left = chosen[:limit], len(chosen[limit:])
    if as_json:
        print_json([job_line(record) for _, record in found])
    elif found:
        console.print(_trials_table(jobs.name, found, columns))
    else:
        console.print("no job meets the condition" if terms else "no more jobs")
    told_more(cursor, left)
    return OK


def _before(after: str | None) -> tuple[int, str | None]:
    """How many jobs come before those of a page, as its cursor tells, and the ledger's own cursor."""
    number, _, cursor = (after or "0.").partition(".")
    if not _NUMBER.fullmatch(number) or bool(cursor) != bool(after):
        raise InvalidInput("--after", after, "a cursor as the page before ended with")
    return int(number), cursor or None


def _check(option: str, names: Iterable[str], records: Sequence[Record]) -> None:
    """Raises InvalidInput for a name that no job has, which is a slip of the pen as a rule."""
    known = {*job_facts(), *(metric.name for record in records for metric in record.job.final_metrics)}
    known |= {name for record in records for name in record.job.hyper_parameters}
    for name in names:
        if records and name not in known:
            near = get_close_matches(name, known, 3)
            expected = f"{' or '.join(near)}" if near else f"a hyperparameter, a metric, or {', '.join(job_facts())}"
            raise InvalidInput(option, name, expected)


def _chosen(ranked: Iterable[Ranked], terms: tuple[Term, ...], sort: str | None) -> list[Ranked]:
    found = [each for each in ranked if all(term.holds(each[1]) for term in terms)]
    if sort is None:
        return found
    name = sort.removeprefix("-")
    lacking = [each for each in found if fact(each[1], name) is None]
    known = [each for each in found if fact(each[1], name) is not None]
    known.sort(key=lambda each: _sort_key(fact(each[1], name)), reverse=sort.startswith("-"))
    return [*known, *lacking]


def _sort_key(value: str | float | None) -> tuple[int, float, str]:
    """Numbers before texts."""
    try:
        return 0, float(value), ""  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return 1, 0.0, str(value)


def _trials_table(name: str, ranked: list[Ranked], columns: str | None) -> object:
    found = [record for _, record in ranked]
    if columns is None:
        places = [place for place, _ in ranked]
        return trials_table(name, found, searched(record.job for record in found), places)
    names = [each.strip() for each in columns.split(",") if each.strip()]
    _check("--columns", names, found)
    rows = [[_cell(each, fact(record, each)) for each in names] for record in found]
    numeric = [each for each in names if all(_sort_key(fact(record, each) or 0)[0] == 0 for record in found)]
    return table_of(names, rows, right=numeric)


def _cell(name: str, value: str | float | None) -> Text:
    if value is None:
        return Text("–")
    if isinstance(value, float):
        return Text(f"{value:.1f}" if name == "minutes" else shown(value))
    return safe(shown_text(value), 80)
