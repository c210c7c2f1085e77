"""`trialbook show`."""

from typing import Annotated

import typer

from trialbook_cli.command_classes import BookCommand
from trialbook_cli.exit_codes import OK
from trialbook_cli.options import AsJson, complete_anything, source_of
from trialbook_cli.panels import ASK

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=BookCommand, rich_help_panel=ASK)
def show(
    context: typer.Context,
    job: Annotated[
        str,
        typer.Argument(
            metavar="JOB",
            help="A job or sweep, or an unambiguous prefix; a job's ARN; NAME#2, the second best job of a sweep or "
            "experiment; or an experiment, for its latest sweep.",
            autocompletion=complete_anything,
        ),
    ],
    as_json: AsJson = False,
) -> int:
    """Shows everything about a job, or a summary of a sweep.

    Prints inputs, result and metrics, the rule that placed the job, whether it is attached to its experiment, the
    messages sent about it and its sweep, and the end of a failed job's log if it was kept.

    Example: trialbook show churn-xgb-2026-11-20-10-15-04-760 --book demo-out/churn-min-child-weight
    """
    from trialbook.core.sweeps import Sweep
    from trialbook_book.names import find_job_or_sweep
    from trialbook_cli import sent_messages
    from trialbook_cli.details import job_line_in_detail, log_end, show_job, show_sweep, sweep_line_in_detail
    from trialbook_cli.plain_output import print_json

    book = source_of(context).open()
    found = find_job_or_sweep(book, job)
    if isinstance(found, Sweep):
        messages = sent_messages.of_sweep(book.ledger, found.id)
        if as_json:
            print_json(sweep_line_in_detail(found, messages))
        else:
            show_sweep(found, messages)
        return OK
    attachment = book.ledger.attachments.get(found.key)
    messages = sent_messages.of_job(book.ledger, found.key, found.sweep)
    if as_json:
        print_json(job_line_in_detail(found, attachment, messages, log_end(book, found)))
    else:
        show_job(found, attachment, messages, log_end(book, found))
    return OK
