"""`trialbook trials`."""

from typing import Annotated

import typer

from trialbook_cli.command_classes import BookCommand
from trialbook_cli.exit_codes import OK
from trialbook_cli.options import After, AsJson, Limit, Name, source_of
from trialbook_cli.panels import ASK

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=BookCommand, rich_help_panel=ASK)
def trials(
    context: typer.Context,
    name: Name,
    limit: Limit = 20,
    after: After = 0,
    where: Annotated[
        str | None,
        typer.Option(
            metavar="CONDITIONS",
            help="Only jobs that meet all conditions, such as 'eta<0.1 and status=Failed'. Columns: hyperparameters, "
            "metrics, status, value, kind, experiment, trial, sweep, job, minutes, started, ended, failure.",
        ),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(metavar="[-]COLUMN", help="Sort by a column; with a leading -, largest first."),
    ] = None,
    columns: Annotated[str | None, typer.Option(metavar="A,B,C", help="Columns to show, separated by commas.")] = None,
    as_json: AsJson = False,
) -> int:
    """Lists the jobs of a sweep or experiment, best first.

    Shows the hyperparameters that vary; --columns chooses others. The number in column # names a job in other commands:
    trialbook show NAME#2.

    Example: trialbook trials churn-xgb --where "min_child_weight<9" --book demo-out/churn-min-child-weight
    """
    from trialbook_book.where import parse_where
    from trialbook_cli.outputs import job_line
    from trialbook_cli.plain_output import print_json
    from trialbook_cli.rich_output import console
    from trialbook_cli.selection import meant, part_of, ranking_page, selected
    from trialbook_cli.tables import say_how_to_see_more
    from trialbook_cli.trials_table import columns_table, searched_table

    terms = parse_where(where) if where else ()
    jobs = source_of(context).open().find(name)
    is_page = sort is None and not terms
    found = ranking_page(jobs, limit, after) if is_page else part_of(selected(jobs, terms, sort), limit, after)
    if as_json:
        print_json([job_line(record) for _, record in found.jobs])
    elif found.jobs:
        console.print(columns_table(found.jobs, columns) if columns else searched_table(jobs.name, found.jobs))
    else:
        console.print(f"No job meets the conditions.{meant(jobs, terms)}" if terms and not after else "No more jobs.")
    say_how_to_see_more(found.left, after + len(found.jobs))
    return OK
