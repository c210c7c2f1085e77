"""`trialbook compare`."""

from typing import Annotated

import typer

from trialbook_cli.command_classes import BookCommand
from trialbook_cli.exit_codes import OK
from trialbook_cli.options import AsJson, complete_anything, source_of
from trialbook_cli.panels import ASK

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=BookCommand, rich_help_panel=ASK)
def compare(
    context: typer.Context,
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME",
            help="Two or more jobs, sweeps or experiments, or unambiguous prefixes; NAME#2 is the second best job.",
            autocompletion=complete_anything,
        ),
    ],
    as_json: AsJson = False,
) -> int:
    """Compares jobs, sweeps or experiments side by side.

    Shows the hyperparameters that differ, and the metrics. The best job represents a sweep or experiment. Sweeps of
    different sizes are compared by the expected best of equally many jobs. If each has several ranked jobs, a rank
    test says whether their values differ by more than chance, unless a search chose its trials, as Bayesian search
    does. Learning curves that were kept are drawn over one another.

    Example: trialbook compare churn-xgb#1 churn-xgb#2 --book demo-out/churn-min-child-weight
    """
    from dataclasses import asdict

    from trialbook.core.curves.stored import to_data
    from trialbook_book.names import find_jobs_or_job
    from trialbook_cli.comparison import rank_tests, show_comparison, side_of
    from trialbook_cli.curve_facts import chosen_metric
    from trialbook_cli.curves_view import kept_curves, show_curves
    from trialbook_cli.outputs import job_line
    from trialbook_cli.plain_output import print_json
    from trialbook_cli.usage_error import UsageError

    if len(names) < 2:
        raise UsageError("compare needs at least two names of jobs, sweeps or experiments.")
    book = source_of(context).open()
    sides = [side_of(find_jobs_or_job(book, name)) for name in names]
    tests = rank_tests(sides)
    curves = kept_curves(book, [side.record for side in sides])
    if as_json:
        lines = [{"name": side.name, "ranked_jobs": len(side.values), "job": job_line(side.record)} for side in sides]
        compared = {"compared": lines, "tests": [asdict(test) for test in tests]}
        print_json({**compared, "curves": [to_data(each) for each in curves]} if curves else compared)
    else:
        show_comparison(sides, tests)
        if curves:
            records = [side.record for side in sides]
            show_curves(curves, records, chosen_metric(curves, records, None))
    return OK
