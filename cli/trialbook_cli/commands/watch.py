"""`trialbook watch`: a sweep while it runs."""

import time
from datetime import UTC, datetime

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from trialbook.core.errors import InvalidInput
from trialbook.core.hyper_parameters import searched
from trialbook.core.sweeps import Sweep, SweepState
from trialbook_book.book import Book, Jobs
from trialbook_cli.plain import OK
from trialbook_cli.terminal import console
from trialbook_cli.trials_table import trials_table, verdict

_ROWS = 10


def run(book: Book, name: str, every: float, *, once: bool) -> int:
    """Looks again and again until the sweep is closed; a look is a GetItem and a Query of ten jobs."""
    jobs = book.sweep(name)
    sweep, view = _look(jobs)
    if once or not console.is_terminal or sweep.state is SweepState.CLOSED:
        console.print(view)
        return OK
    _watch(jobs, every)
    return OK


def _watch(jobs: Jobs, every: float) -> None:
    with Live(console=console, auto_refresh=False) as live:
        while True:
            sweep, view = _look(jobs)
            live.update(view, refresh=True)
            if sweep.state is SweepState.CLOSED:
                return
            time.sleep(every)


def _look(jobs: Jobs) -> tuple[Sweep, Group]:
    sweep = jobs.book.ledger.sweep(jobs.name)
    if sweep is None:
        raise InvalidInput("sweep", jobs.name, "a sweep that the ledger has")
    found = jobs.page(_ROWS).entries
    names = searched(record.job for record in found)
    total = max(sweep.counts.jobs, sweep.max_jobs or 0, sweep.expected_size or 0)
    # A bar says nothing that the numbers beside it do not; into a pipe it would be noise.
    bar = [ProgressBar(total=total, completed=sweep.counts.ended, width=40)] if console.is_terminal else []
    state = Table.grid(padding=(0, 1))
    state.add_row(*bar, Text(f"{sweep.counts.ended} of {total} ended, {sweep.state.value}", "bold"))
    seen = Text(f"looked at {datetime.now(UTC):%H:%M:%S} UTC; Ctrl-C ends watching, not the sweep", "dim")
    open_lines = [] if sweep.state is SweepState.CLOSED else [seen]
    return sweep, Group(state, verdict(sweep, names), trials_table(jobs.name, found, names), *open_lines)
