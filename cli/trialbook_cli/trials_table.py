"""A sweep on the terminal: the answer in a line, and its trials as a table, best first."""

import re
from collections.abc import Callable, Iterable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from trialbook.core.jobs import COMPLETED, FAILED
from trialbook.core.numbers import shown, shown_text
from trialbook.core.sweeps import Counts, Record, Sweep
from trialbook_cli.listing import LOOK
from trialbook_cli.plain import visible
from trialbook_cli.terminal import console, safe

_WIDE = 120  # columns
_JOINT = re.compile(r"([_:])(?=.)")
_MARKS = {COMPLETED: "", FAILED: "✗ "}


def verdict(sweep: Sweep, names: Iterable[str]) -> Text:
    """The answer in a line: counts, best value, and the hyperparameters that made it."""
    text = Text.assemble((visible(sweep.experiment, 120), "bold"), f": {_counted(sweep.counts)}")
    if sweep.best is None:
        return text.append("; nothing is ranked: no job has the objective")
    given = sweep.best.hyper_parameters
    at = ", ".join(f"{visible(name)}={visible(shown_text(given[name]), 24)}" for name in names if name in given)
    by = sweep.objective  # an older version left it out where the tuning job did not say
    text.append(f"; best {visible(by.metric)} " if by else "; best ").append(shown(sweep.best.value), "bold green")
    return text.append(f" ({by.type.value.lower()})" if by else "").append(f" at {at}" if at else "")


def _counted(counts: Counts) -> str:
    told = {"failed": counts.failed, "stopped": counts.stopped, "in progress": counts.in_progress}
    others = [f"{number} {status}" for status, number in told.items() if number]
    return ", ".join([f"{counts.completed} of {counts.jobs} completed", *others])


def trials_table(
    title: str, records: Sequence[Record], names: Sequence[str], places: Sequence[int] | None = None
) -> RenderableType:
    """Rank, value and what varies, as far as the width allows; how it ended; and on wide terminals which job it was.

    `places` are the records' ranks where they are not the first ones, best first.
    """
    is_wide = console.width >= _WIDE
    ranked = list(zip(places or range(1, len(records) + 1), records, strict=True))
    objectives = {record.objective.metric for record in records if record.objective}
    value = objectives.pop() if len(objectives) == 1 else "objective"
    header = _whole
    kept = _fitting(value, ranked, names, header, is_wide=is_wide)
    if len(kept) < len(names):
        header = _broken
        kept = _fitting(value, ranked, names, header, is_wide=is_wide)
    table = Table(**LOOK)
    table.add_column("#", justify="right", no_wrap=True)
    for name in (value, *kept):
        table.add_column(header(name), justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    if is_wide:
        table.add_column("minutes", justify="right", no_wrap=True)
        table.add_column("job", overflow="fold")
    for place, record in ranked:
        cells = _row(place, record, kept)
        table.add_row(*cells if is_wide else cells[:-2])
    left = ", ".join(visible(name, 40) for name in names if name not in kept)
    rest = [Text(f"not shown for want of width: {left}", "dim")] if left else []
    return Group(Text(visible(title, 100), "dim"), table, *rest)


def _fitting(
    value: str,
    ranked: Sequence[tuple[int, Record]],
    names: Sequence[str],
    header: Callable[[str], Text],
    *,
    is_wide: bool,
) -> list[str]:
    """The first hyperparameters that fit beside what is always shown: a column that is cut tells nothing."""
    rows = [[Text(""), *_row(place, record, names)[1:]] for place, record in ranked]
    widths = [max((len(str(row[at])) for row in rows), default=0) for at in range(len(names) + 5)]
    head = [max((3, *(len(str(place)) for place, _ in ranked))), max(widths[1], _width(header(value)))]
    tail = [widths[-3], *([max(widths[-2], 7), widths[-1]] if is_wide else [])]
    room = console.width - sum(head) - sum(tail) - len(head) - len(tail)
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
    """A name that breaks behind its joints, so that narrow columns stay readable."""
    return Text(_JOINT.sub(r"\1\n", visible(name, 40)))


def _row(place: int, record: Record, names: Sequence[str]) -> list[str | Text]:
    given = record.job.hyper_parameters
    ranks = record.value is not None
    best = Text("★ 1", "bold green") if place == 1 and ranks else Text(str(place) if ranks else "–")
    value = Text(shown(record.value) if record.value is not None else "–", "bold green" if best.plain == "★ 1" else "")
    seconds = record.job.duration_seconds
    status = _MARKS.get(record.job.status, "◦ ") + record.job.status
    minutes = "–" if seconds is None else f"{seconds / 60:.1f}"
    cells = [safe(shown_text(given.get(name, "–")), 24) for name in names]
    return [best, value, *cells, safe(status), minutes, safe(record.job.name, 63)]
