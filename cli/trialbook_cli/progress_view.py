"""A sweep's progress and best jobs, as `trialbook watch` shows them."""

from datetime import UTC, datetime

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from trialbook.core.analysis.parameters import with_settings
from trialbook.core.hyper_parameters import searched
from trialbook.core.sweeps import SweepState
from trialbook_book.jobs import Jobs
from trialbook_cli.rich_output import console
from trialbook_cli.trials_table import trials_table, verdict
from trialbook_cli.usage_error import UsageError

_ROWS = 10


def progress_view(jobs: Jobs) -> tuple[SweepState, Group]:
    """The sweep's state, and what to print. Raises UsageError if the sweep has been deleted."""
    sweep = jobs.book.ledger.sweep(jobs.name)
    if sweep is None:
        raise UsageError(f"Sweep {jobs.name} has been deleted.")
    found = with_settings(jobs.page(_ROWS).entries)
    names = searched(record.job for record in found)
    total = max(sweep.counts.jobs, sweep.max_jobs or 0, sweep.expected_size or 0)
    # A bar repeats the numbers beside it: useful in a terminal, noise in a pipe.
    bar = [ProgressBar(total=total, completed=sweep.counts.ended, width=40)] if console.is_terminal else []
    state = Table.grid(padding=(0, 1))
    state.add_row(*bar, Text(f"{sweep.counts.ended} of {total} finished; sweep {sweep.state.value}", "bold"))
    updated = Text(f"updated {datetime.now(UTC):%H:%M:%S} UTC; Ctrl-C stops watching, not the sweep", "dim")
    table = trials_table(jobs.name, found, names, named=jobs.name)
    return sweep.state, Group(
        state, verdict(sweep, names, found), table, *([] if sweep.state is SweepState.CLOSED else [updated])
    )
