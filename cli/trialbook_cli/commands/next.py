"""`trialbook next`."""

from typing import Annotated

import typer

from trialbook_cli.command_classes import BookCommand
from trialbook_cli.options import AsJson, SweepName, source_of
from trialbook_cli.panels import FOLLOW

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("next", cls=BookCommand, rich_help_panel=FOLLOW)
def next_search(
    context: typer.Context,
    sweep: SweepName,
    points: Annotated[int, typer.Option(min=1, max=100, metavar="N", help="Number of points.")] = 10,
    ranges: Annotated[bool, typer.Option("--ranges", help="Suggest ranges instead of points.")] = False,
    form: Annotated[
        str, typer.Option("--as", metavar="FORM", help="text, boto3, sdk or loop (code that runs), or json.")
    ] = "text",
    as_json: AsJson = False,
) -> int:
    """Suggests where a sweep should search next.

    A surrogate of the objective, fitted to the ranked trials, chooses points likely to beat the best, away from
    where jobs fail. Fails with fewer than ten ranked trials, or if repeats differ as much as all trials do.

    Example: trialbook next churn-xgb-261121-0900 --points 5 --as boto3 --book demo-out/tuning-random-60
    """
    from trialbook_book.names import find_sweep
    from trialbook_cli.suggestion import NextForm, show
    from trialbook_cli.usage_error import UsageError

    if form not in set(NextForm):
        raise UsageError(f"--as is {form!a}: expected {', '.join(NextForm)}.")
    analysis = find_sweep(source_of(context).open(), sweep).analysis()
    return show(analysis, points, NextForm.JSON if as_json else NextForm(form), ranges=ranges)
