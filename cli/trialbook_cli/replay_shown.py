"""A replay on the terminal: each sweep's answer first, then its trials, what could not be handled, and the files."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from trialbook.core import report_keys
from trialbook.core.analysis.analyse import analyse
from trialbook.core.hyper_parameters import searched
from trialbook.core.sweeps import Record, Sweep
from trialbook_cli.replaying import Outcome
from trialbook_cli.terminal import console, safe
from trialbook_cli.trials_table import trials_table, verdict

_ROWS = 10


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
    names = searched(record.job for record in records)
    console.print(verdict(sweep, names))
    if sweep.last_at is not None:
        told = analyse(sweep, records, as_of=sweep.closed_at or sweep.last_at)
        console.print(safe(" ".join(told.sentences), 1000))
        for advice in (*told.advice, *(each for group in told.groups for each in group.advice)):
            console.print(Text("→ ").append(safe(advice.text, 1000)))
    console.print()
    console.print(trials_table(f"{sweep.id} ({sweep.kind.value})", ranked[:_ROWS], names))
    if len(ranked) > _ROWS:
        console.print(f"… and {len(ranked) - _ROWS} more trials in jobs.jsonl", style="dim")
    console.print()


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
