"""`trialbook sweeps`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialbook_cli.command_classes import BookCommand
from trialbook_cli.exit_codes import OK
from trialbook_cli.options import After, AsJson, Limit, complete_experiments, source_of
from trialbook_cli.panels import ASK

if TYPE_CHECKING:
    from trialbook.core.sweeps import Sweep

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=BookCommand, rich_help_panel=ASK)
def sweeps(
    context: typer.Context,
    experiment: Annotated[
        str | None,
        typer.Argument(
            metavar="EXPERIMENT", help="Only the sweeps of this experiment.", autocompletion=complete_experiments
        ),
    ] = None,
    limit: Limit = 50,
    after: After = 0,
    as_json: AsJson = False,
) -> int:
    """Lists sweeps, latest first, with counts and best value.

    Example: trialbook sweeps churn-xgb --book demo-out/churn-min-child-weight
    """
    from trialbook_book.names import find_experiment
    from trialbook_cli.outputs import sweep_line
    from trialbook_cli.plain_output import print_json
    from trialbook_cli.rich_output import console, safe
    from trialbook_cli.tables import say_how_to_see_more, table_of

    book = source_of(context).open()
    page = book.ledger.sweeps_page(experiment, limit, after)
    if experiment is not None and not page.entries:
        experiment = find_experiment(book, experiment)
        page = book.ledger.sweeps_page(experiment, limit, after)
    if as_json:
        print_json([sweep_line(sweep) for sweep in page.entries])
    elif page.entries:
        headers = ("started (UTC)", "sweep", "state", "finished", "failed", "best")
        console.print(table_of(headers, [_row(each) for each in page.entries], right=headers[3:]))
    elif experiment is not None and not after:
        console.print(safe(f"Experiment {experiment} has no sweeps.", 200))
    else:
        console.print("No more sweeps." if after else "No sweeps yet.")
    say_how_to_see_more(None if page.cursor else 0, after + len(page.entries))
    return OK


def _row(sweep: "Sweep") -> list[Any]:
    from trialbook.core.numbers import shown
    from trialbook.core.times import iso_or_none
    from trialbook_cli.rich_output import safe
    from trialbook_cli.tables import minute

    counts = sweep.counts
    value = "–" if sweep.best is None else shown(sweep.best.value)
    finished = f"{counts.ended}/{max(counts.jobs, sweep.max_jobs or 0)}"
    began = minute(iso_or_none(sweep.began_at))
    return [began, safe(sweep.id, 120), sweep.state.value, finished, str(counts.failed), value]
