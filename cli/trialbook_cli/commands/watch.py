"""`trialbook watch`."""

from typing import TYPE_CHECKING, Annotated

import typer

from trialbook_cli.command_classes import BookCommand
from trialbook_cli.exit_codes import OK
from trialbook_cli.options import SweepName, source_of
from trialbook_cli.panels import FOLLOW

if TYPE_CHECKING:
    from trialbook_book.jobs import Jobs

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=BookCommand, rich_help_panel=FOLLOW)
def watch(
    context: typer.Context,
    sweep: SweepName,
    every: Annotated[float, typer.Option(metavar="SECONDS", min=0.2, help="Seconds between updates.")] = 15.0,
    once: Annotated[bool, typer.Option("--once", help="Print the state once, as for a pipe, and exit.")] = False,
) -> int:
    """Shows a sweep's progress and best jobs until it closes.

    Ctrl-C stops watching; the sweep keeps running.

    Example: trialbook watch churn-xgb --once --book demo-out/churn-min-child-weight
    """
    from trialbook.core.sweeps import SweepState
    from trialbook_book.names import find_sweep
    from trialbook_cli.progress_view import progress_view
    from trialbook_cli.rich_output import console

    jobs = find_sweep(source_of(context).open(), sweep)
    state, view = progress_view(jobs)
    if once or not console.is_terminal or state is SweepState.CLOSED:
        console.print(view)
    else:
        _update(jobs, every)
    return OK


def _update(jobs: "Jobs", every: float) -> None:
    """Redraws until the sweep is closed; each time costs a GetItem and a Query of ten jobs."""
    import time

    from rich.live import Live

    from trialbook.core.sweeps import SweepState
    from trialbook_cli.progress_view import progress_view
    from trialbook_cli.rich_output import console

    with Live(console=console, auto_refresh=False) as live:
        while True:
            state, view = progress_view(jobs)
            live.update(view, refresh=True)
            if state is SweepState.CLOSED:
                return
            time.sleep(every)
