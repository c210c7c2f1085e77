"""A replay's sweeps on the terminal: the answer first, then the trials, best first."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from trialbook.core import report_keys
from trialbook.core.analysis.analyse import analyse
from trialbook.core.analysis.wording import brief
from trialbook.core.hyper_parameters import varied
from trialbook.core.jobs import COMPLETED, FAILED
from trialbook.core.sweeps import Counts, Record, Sweep
from trialbook_cli.replaying import Outcome
from trialbook_cli.terminal import console, safe, short

_ROWS = 10
_WIDE = 120  # columns
_JOINT = re.compile(r"([_:])(?=.)")
_MARKS = {COMPLETED: "", FAILED: "✗ "}


def show(name: str, outcome: Outcome, out: Path) -> None:
    """Each sweep with its verdict and its table, single jobs, what could not be handled, and where the files lie."""
    sweeps = [sweep for sweep in outcome.sweeps if not sweep.is_single]
    for sweep in sweeps:
        _show_sweep(sweep, [record for record in outcome.records if record.sweep == sweep.id])
    ids = {sweep.id for sweep in sweeps}
    singles = [record for record in outcome.records if record.sweep not in ids and record.job.final_metrics]
    if singles:
        console.print(trials_table("Single jobs", singles, ()))
    _show_rest(name, outcome, out)


def _show_sweep(sweep: Sweep, records: Sequence[Record]) -> None:
    ranked = sorted(records, key=lambda record: record.sweep_rank)
    names = varied([record.job.hyper_parameters for record in records])
    console.print(verdict(sweep, names))
    if sweep.last_at is not None:
        told = analyse(sweep, records, as_of=sweep.closed_at or sweep.last_at)
        console.print(safe(" ".join(told.sentences), 1000))
        for advice in (*told.advice, *(each for group in told.groups for each in group.advice)):
            console.print(Text("→ ").append(safe(advice.text, 1000)))
    console.print(trials_table(f"{sweep.id} ({sweep.kind.value})", ranked[:_ROWS], names))
    if len(ranked) > _ROWS:
        console.print(f"  … and {len(ranked) - _ROWS} more trials in jobs.jsonl\n", style="dim")


def verdict(sweep: Sweep, names: Iterable[str]) -> Text:
    """The answer in a line: counts, best value, and the hyperparameters that made it."""
    text = Text.assemble((sweep.experiment, "bold"), f": {_counted(sweep.counts)}")
    if sweep.best is None or sweep.objective is None:
        return text.append("; nothing is ranked: no job has the objective")
    given = sweep.best.hyper_parameters
    at = ", ".join(f"{name}={safe(given[name], 24)}" for name in names if name in given)
    text.append(f"; best {sweep.objective.metric} ").append(brief(sweep.best.value), "bold green")
    return text.append(f" ({sweep.objective.type.value.lower()})").append(f" at {at}" if at else "")


def _counted(counts: Counts) -> str:
    told = {"failed": counts.failed, "stopped": counts.stopped, "in progress": counts.in_progress}
    others = [f"{number} {status}" for status, number in told.items() if number]
    return ", ".join([f"{counts.completed} of {counts.jobs} completed", *others])


def trials_table(title: str, records: Sequence[Record], names: Sequence[str]) -> Table:
    """Rank, value and what varies always; how it ended and which job it was where the width allows."""
    is_wide = console.width >= _WIDE
    table = Table(
        title=safe(title, 100),
        title_justify="left",
        title_style="dim",
        header_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=0,
    )
    table.add_column("#", justify="right", no_wrap=True)
    objectives = {record.objective.metric for record in records if record.objective}
    table.add_column(_header(objectives.pop() if len(objectives) == 1 else "objective"), justify="right", no_wrap=True)
    for name in names:
        table.add_column(_header(name), justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    if is_wide:
        table.add_column("minutes", justify="right", no_wrap=True)
        table.add_column("job", overflow="fold")
    for place, record in enumerate(records, 1):
        cells = _row(place, record, names)
        table.add_row(*cells if is_wide else cells[:-2])
    return table


def _header(name: str) -> Text:
    """A name that may break behind its joints, so that narrow columns stay readable."""
    return Text(_JOINT.sub(r"\1\n", str(safe(name, 40))))


def _row(place: int, record: Record, names: Sequence[str]) -> list[str | Text]:
    given = record.job.hyper_parameters
    ranks = record.value is not None
    best = Text("★ 1", "bold green") if place == 1 and ranks else Text(str(place) if ranks else "–")
    value = Text(brief(record.value) if record.value is not None else "–", "bold green" if best.plain == "★ 1" else "")
    seconds = record.job.duration_seconds
    status = _MARKS.get(record.job.status, "◦ ") + record.job.status
    minutes = "–" if seconds is None else f"{seconds / 60:.1f}"
    cells = [safe(short(given.get(name, "–")), 24) for name in names]
    return [best, value, *cells, safe(status), minutes, safe(record.job.name, 63)]


def _not_attached(outcome: Outcome) -> Counter[str]:
    """How many jobs could not be attached, by reason; the ledger has them all the same."""
    return Counter(each.problem for each in outcome.attachments if each.problem is not None)


def _show_rest(name: str, outcome: Outcome, out: Path) -> None:
    for queue, messages in outcome.dead_letters.items():
        if messages:
            console.print(f"{len(messages)} messages ended in {queue}: they could not be handled", style="red")
    for problem, jobs in _not_attached(outcome).items():
        console.print(Text.assemble((f"{jobs} not attached", "red"), ", because ", safe(problem, 200)))
    ignored = f", {outcome.passed_by} events passed by (no rule matches them)" if outcome.passed_by else ""
    console.print(
        f"{name}: {len(outcome.records)} jobs{ignored}. Files: {out}/jobs.jsonl, sweeps.jsonl, experiments.json"
    )
    for path in _pages(outcome):
        console.print(Text.assemble(("Report: ", "bold"), safe(f"{out}/{path}", 1000)), soft_wrap=True)


def _pages(outcome: Outcome) -> list[str]:
    """The reports of the sweeps, in their order."""
    paths = [f"{report_keys.latest(sweep.id)}/{report_keys.PAGE}" for sweep in outcome.sweeps]
    return [path for path in paths if path in outcome.reports]
