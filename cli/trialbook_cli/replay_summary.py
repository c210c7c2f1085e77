"""A replay in the terminal: each sweep's answer and trials, what could not be handled, and the files."""

import os
import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.text import Text

from trialbook.core import report_keys
from trialbook.core.analysis.analyse import analyse
from trialbook.core.analysis.learning import worth_reading
from trialbook.core.analysis.parameters import with_settings
from trialbook.core.analysis.wording import plural
from trialbook.core.curves.series import JobCurves
from trialbook.core.hyper_parameters import searched
from trialbook.core.sweeps import Record, Sweep
from trialbook_book.curves import curves_of
from trialbook_cli.laptop_cloud import Recording
from trialbook_cli.replaying import ReplayOutcome, replay
from trialbook_cli.rich_output import console, progress, safe
from trialbook_cli.trials_table import trials_table, verdict

_ROWS = 10


def replay_with_progress(
    recording: Recording, dynamodb_url: str | None = None, rules: str | None = None, mlflow: str | None = None
) -> ReplayOutcome:
    """The outcome of a replay, with a progress bar while it runs."""
    with progress() as bar:
        task = bar.add_task(recording.name, total=len(recording.events))

        def delivered(events: int) -> None:
            bar.update(task, completed=events)

        return replay(recording, dynamodb_url=dynamodb_url, progress=delivered, rules=rules, mlflow=mlflow)


def show_replay(name: str, outcome: ReplayOutcome, out: Path) -> None:
    """Prints each sweep with verdict and table, single jobs, what could not be handled, and where the files are."""
    sweeps = [sweep for sweep in outcome.sweeps if not sweep.is_single]
    for sweep in sweeps:
        records = [record for record in outcome.records if record.sweep == sweep.id]
        _show_sweep(sweep, records, _curves(records, outcome))
    ids = {sweep.id for sweep in sweeps}
    singles = [record for record in outcome.records if record.sweep not in ids and record.job.final_metrics]
    if singles:
        console.print(trials_table("Single jobs", singles, (), is_ranking=False))
    _show_rest(name, outcome, out)


def say_what_is_next(out: Path, outcome: ReplayOutcome) -> None:
    """Prints a question to ask the replay's book, and a link to its first report."""
    experiment = next(iter(sorted(record.experiment for record in outcome.records)), None)
    if experiment is not None:
        command = f"{shlex.quote(_program())} best {shlex.quote(experiment)} --book {shlex.quote(str(out))}"
        console.print(Text.assemble(("Next: ", "bold"), safe(command, 1000)), soft_wrap=True)
    for path in _pages(outcome)[:1]:
        link = (out / path).resolve().as_uri()
        console.print(Text.assemble(("Open: ", "bold"), safe(link, 4000)), soft_wrap=True)


def _program() -> str:
    """How to call the command from this folder: by its path if the shell would not find it."""
    called = Path(sys.argv[0])
    if called.name != "trialbook" or shutil.which("trialbook") is not None:
        return "trialbook"
    return os.path.relpath(called)


def _curves(records: Sequence[Record], outcome: ReplayOutcome) -> Mapping[str, JobCurves]:
    """The curves that the replay kept, as far as the report reads them."""
    read = worth_reading(records)
    return {each.job.name: kept for each in read if (kept := curves_of(each.key, outcome.reports.get)) is not None}


def _show_sweep(sweep: Sweep, records: Sequence[Record], curves: Mapping[str, JobCurves]) -> None:
    ranked = sorted(with_settings(records), key=lambda record: record.sweep_rank)
    names = searched(record.job for record in ranked)
    console.print(verdict(sweep, names, ranked))
    if sweep.last_at is not None:
        analysis = analyse(sweep, records, as_of=sweep.closed_at or sweep.last_at, curves=curves)
        console.print(safe(" ".join(analysis.sentences), 1000))
        for failed in analysis.failures:
            console.print(Text(f"✗ {failed.count} × ").append(safe(failed.reason, 1000)))
        of_groups = (each for group in analysis.groups for each in group.advice)
        for text in dict.fromkeys(each.text for each in (*analysis.advice, *of_groups, *analysis.savings)):
            console.print(Text("→ ").append(safe(text, 1000)))
    console.print()
    console.print(trials_table(f"{sweep.id} ({sweep.kind.value})", ranked[:_ROWS], names))
    if len(ranked) > _ROWS:
        console.print(f"… and {plural(len(ranked) - _ROWS, 'more trial')} in jobs.jsonl", style="dim")
    console.print()


def _not_attached(outcome: ReplayOutcome) -> Counter[str]:
    """The number of jobs that could not be attached, by reason; the ledger has recorded them."""
    return Counter(each.problem for each in outcome.attachments if each.problem is not None)


def _show_rest(name: str, outcome: ReplayOutcome, out: Path) -> None:
    for queue, messages in outcome.dead_letters.items():
        if messages:
            console.print(f"{queue} holds {plural(len(messages), 'message')} that could not be handled.", style="red")
    for problem, jobs in _not_attached(outcome).items():
        console.print(Text.assemble((f"{jobs} not attached", "red"), ": ", safe(problem, 200)))
    left = plural(outcome.passed_by, "event ignored (no rule matches it)", "events ignored (no rule matches them)")
    ignored = f", {left}" if outcome.passed_by else ""
    console.print(safe(f"{name}: {plural(len(outcome.records), 'job')}{ignored}.", 300))
    files = f"{out}: jobs.jsonl, sweeps.jsonl, experiments.json, ledger.jsonl, reports/, slack/, email/"
    console.print(Text.assemble(("Files: ", "bold"), safe(files, 1000)), soft_wrap=True)
    for path in _pages(outcome):
        console.print(Text.assemble(("Report: ", "bold"), safe(f"{out}/{path}", 1000)), soft_wrap=True)


def _pages(outcome: ReplayOutcome) -> list[str]:
    """The report pages of the sweeps, in order."""
    paths = [f"{report_keys.latest(sweep.id)}/{report_keys.PAGE}" for sweep in outcome.sweeps]
    return [path for path in paths if path in outcome.reports]
