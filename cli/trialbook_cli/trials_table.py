"""A sweep in a terminal: the answer in a line, and its trials as a table, best first."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from trialbook.core.analysis.parameters import shown_values, with_settings
from trialbook.core.charts.labels import labels, middle_cut
from trialbook.core.hyper_parameters import searched
from trialbook.core.jobs import COMPLETED, FAILED
from trialbook.core.numbers import shown, shown_text
from trialbook.core.seeds import without_seeds
from trialbook.core.sweeps import Counts, Record, Sweep
from trialbook_book.where import fact
from trialbook_cli.rich_output import console, safe
from trialbook_cli.selection import Ranked, check_columns, sort_key
from trialbook_cli.tables import STYLE, table_of
from trialbook_cli.visible_text import visible

_WIDE = 120  # columns
_LONGEST_CELL = 24
_LONGEST_VALUE = 60
_LONGEST_SEEN = 2_500
_JOINT = re.compile(r"([_:])(?=.)")
_MARKS = {COMPLETED: "", FAILED: "✗ "}


def verdict(sweep: Sweep, names: Iterable[str], records: Sequence[Record]) -> Text:
    """The answer in a line: counts, best value, and its hyperparameters. `records` hold the best job."""
    text = Text.assemble((visible(sweep.experiment, 120), "bold"), f": {_counted(sweep.counts)}")
    if sweep.best is None:
        all_failed = sweep.counts.jobs and sweep.counts.failed == sweep.counts.jobs
        return text if all_failed or not sweep.counts.ended else text.append("; no job has a value to rank by")
    best = next((record for record in records if record.job.name == sweep.best.job_name), None)
    given = shown_values(best.job.hyper_parameters if best else sweep.best.hyper_parameters)
    at = ", ".join(
        f"{visible(name)}={visible(middle_cut(shown_text(given[name]), _LONGEST_VALUE))}"
        for name in without_seeds(names)
        if name in given
    )
    by = sweep.objective or (best and best.objective)  # a tuning job with several definitions has none of its own
    text.append(f"; best {visible(by.metric)} " if by else "; best ").append(shown(sweep.best.value), "bold green")
    return text.append(f" ({by.type.value.lower()})" if by else "").append(f" at {at}" if at else "")


def _counted(counts: Counts) -> str:
    counted = {"failed": counts.failed, "stopped": counts.stopped, "running": counts.in_progress}
    others = [f"{number} {status}" for status, number in counted.items() if number]
    return ", ".join([f"{counts.completed} of {counts.jobs} completed", *others])


def searched_table(name: str, ranked: Sequence[Ranked]) -> RenderableType:
    """The jobs with the hyperparameters that vary among them."""
    records = [record for _, record in ranked]
    places = [place for place, _ in ranked]
    records = with_settings(records)
    return trials_table(name, records, searched(record.job for record in records), places, named=name)


def columns_table(ranked: Sequence[Ranked], columns: str) -> RenderableType:
    """The jobs with the chosen columns. Raises UsageError for an unknown column."""
    found = [record for _, record in ranked]
    names = [each.strip() for each in columns.split(",") if each.strip()]
    check_columns("--columns", names, found)
    rows = [[_cell(each, fact(record, each)) for each in names] for record in found]
    numeric = [each for each in names if all(sort_key(fact(record, each) or 0)[0] == 0 for record in found)]
    return table_of(names, rows, right=numeric)


def _cell(name: str, value: str | float | None) -> Text:
    if value is None:
        return Text("–")
    if isinstance(value, float):
        return Text(f"{value:.1f}" if name == "minutes" else shown(value))
    return safe(shown_text(value), 80)


def trials_table(
    title: str,
    records: Sequence[Record],
    names: Sequence[str],
    places: Sequence[int] | None = None,
    *,
    named: str | None = None,
    is_ranking: bool = True,
) -> RenderableType:
    """Rank, value, the hyperparameters that fit, status; minutes and job name if there is room for all of them.

    `places` are the ranks of the records if they are not the first ones. `named` is the sweep or experiment by which
    a line below says how to name a job whose name the table has no room for. Without `is_ranking`, the jobs have
    nothing to do with each other, so none is the best.
    """
    records = _with_labels(records, names)
    ranked = list(zip(places or range(1, len(records) + 1), records, strict=True))
    objectives = {record.objective.metric for record in records if record.objective}
    value = objectives.pop() if len(objectives) == 1 else "objective"
    header, shows_jobs, kept = _layout(value, ranked, names)
    table = Table(**STYLE)
    if is_ranking:
        table.add_column("#", justify="right", no_wrap=True)
    for name in (value, *kept):
        table.add_column(header(name), justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    if shows_jobs:
        table.add_column("minutes", justify="right", no_wrap=True)
        table.add_column("job", overflow="fold")
    for place, record in ranked:
        cells = _row(place, record, kept)
        cells = cells if is_ranking else [str(cells[1]), *cells[2:]]
        table.add_row(*cells if shows_jobs else cells[:-2])
    left = ", ".join(visible(name, 40) for name in names if name not in kept)
    rest = [Text(f"No room for {left}: widen the terminal or use --columns.", "dim")] if left else []
    if named is not None and not shows_jobs:
        rest.append(Text(f"Details: trialbook show {visible(named, 120)}#{ranked[0][0]}", "dim"))
    return Group(Text(visible(title, 100), "dim"), table, *rest)


def _with_labels(records: Sequence[Record], names: Sequence[str]) -> list[Record]:
    """The records with their values as cells show them: without quotes, short, and long ones told apart."""
    shown_of = [shown_values(record.job.hyper_parameters) for record in records]
    cells = {}
    for name in names:
        texts = list(dict.fromkeys(shown_text(given[name]) for given in shown_of if name in given))
        seen = [visible(text, _LONGEST_SEEN) for text in texts]
        is_long = any(len(text) > _LONGEST_CELL for text in seen)
        cells[name] = dict(zip(texts, labels(seen, _LONGEST_CELL) if is_long else seen, strict=True))
    return [
        replace(record, job=replace(record.job, hyper_parameters=_labelled(cells, given)))
        for record, given in zip(records, shown_of, strict=True)
    ]


def _labelled(cells: Mapping[str, Mapping[str, str]], given: Mapping[str, str]) -> dict[str, str]:
    return {name: of[shown_text(given[name])] for name, of in cells.items() if name in given}


Header = Callable[[str], Text]


def _layout(value: str, ranked: Sequence[Ranked], names: Sequence[str]) -> tuple[Header, bool, list[str]]:
    """How headers are written, whether jobs are named, and which hyperparameters are shown: names of jobs go before
    hyperparameters go, except on wide terminals."""
    is_wide = console.width >= _WIDE
    for header, shows_jobs in ((_whole, True), (_broken, True), (_whole, is_wide), (_broken, is_wide)):
        kept = _fitting(value, ranked, names, header, shows_jobs=shows_jobs)
        if kept == list(names):
            return header, shows_jobs, kept
    return _broken, is_wide, kept or []


def _fitting(
    value: str, ranked: Sequence[Ranked], names: Sequence[str], header: Header, *, shows_jobs: bool
) -> list[str] | None:
    """The first hyperparameters that fit beside the other columns: a cut column would show nothing. None if the other
    columns do not fit themselves."""
    rows = [[Text(""), *_row(place, record, names)[1:]] for place, record in ranked]
    widths = [max((len(str(row[at])) for row in rows), default=0) for at in range(len(names) + 5)]
    head = [max((3, *(len(str(place)) for place, _ in ranked))), max(widths[1], _width(header(value)))]
    tail = [widths[-3], *([max(widths[-2], 7), widths[-1]] if shows_jobs else [])]
    room = console.width - sum(head) - sum(tail) - len(head) - len(tail)
    if room < 0:
        return None
    kept = []
    for name, width in zip(names, widths[2:], strict=False):
        room -= max(width, _width(header(name))) + 1
        if room < 0:
            break
        kept.append(name)
    return kept


def _width(header: Text) -> int:
    return max(map(len, str(header).splitlines()), default=0)


def _whole(name: str) -> Text:
    return Text(visible(name, 40))


def _broken(name: str) -> Text:
    """A name that breaks after _ and :, so that narrow columns stay readable."""
    return Text(_JOINT.sub(r"\1\n", visible(name, 40)))


def _row(place: int, record: Record, names: Sequence[str]) -> list[str | Text]:
    given = record.job.hyper_parameters
    ranks = record.value is not None
    best = Text("★ 1", "bold green") if place == 1 and ranks else Text(str(place) if ranks else "–")
    value = Text(shown(record.value) if record.value is not None else "–", "bold green" if best.plain == "★ 1" else "")
    seconds = record.job.duration_seconds
    status = _MARKS.get(record.job.status, "◦ ") + record.job.status
    minutes = "–" if seconds is None else f"{seconds / 60:.1f}"
    cells = [safe(given.get(name, "–")) for name in names]
    return [best, value, *cells, safe(status), minutes, safe(record.job.name, 63)]
