"""`trialbook curve`."""

from typing import Annotated

import typer

from trialbook_cli.command_classes import BookCommand
from trialbook_cli.exit_codes import FAILED, OK
from trialbook_cli.options import AsJson, complete_anything, source_of
from trialbook_cli.panels import ASK

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=BookCommand, rich_help_panel=ASK)
def curve(
    context: typer.Context,
    jobs: Annotated[
        list[str],
        typer.Argument(
            metavar="JOB",
            help="One or more jobs, or unambiguous prefixes; NAME#2 is the second best job of a sweep or experiment, "
            "whose name alone means its best job.",
            autocompletion=complete_anything,
        ),
    ],
    metric: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The metric to draw; the first job's objective by default."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Draws how jobs learned.

    Curves are kept when a job ends, in the stack's bucket or in a replay's folder. The text below the plot says where
    each job was best, whether it diverged, and how busy its machines were.

    Example: trialbook curve churn-xgb#1 churn-xgb#2
    """
    from trialbook.core.curves.stored import to_data
    from trialbook_book.names import find_jobs_or_job
    from trialbook_cli.comparison import best_record
    from trialbook_cli.curve_facts import NOTHING_KEPT, chosen_metric
    from trialbook_cli.curves_view import show_curves
    from trialbook_cli.plain_output import print_json
    from trialbook_cli.rich_output import fail

    book = source_of(context).open()
    records = [best_record(find_jobs_or_job(book, name)) for name in jobs]
    kept = [found for record in records if (found := book.curves(record)) is not None]
    if as_json:
        print_json([{**to_data(each), "log": each.log} for each in kept])
        return OK
    if not any(each.metrics for each in kept):
        return fail(NOTHING_KEPT, FAILED)
    show_curves(kept, records, chosen_metric(kept, records, metric))
    return OK
