"""`trialbook experiments`."""

from typing import TYPE_CHECKING, Any

import typer

from trialbook_cli.command_classes import BookCommand
from trialbook_cli.exit_codes import OK
from trialbook_cli.options import After, AsJson, Limit, source_of
from trialbook_cli.panels import ASK

if TYPE_CHECKING:
    from trialbook.core.experiments import Experiment

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=BookCommand, rich_help_panel=ASK)
def experiments(context: typer.Context, limit: Limit = 50, after: After = 0, as_json: AsJson = False) -> int:
    """Lists experiments with counts and best value.

    Example: trialbook experiments --book demo-out/churn-min-child-weight
    """
    from trialbook_cli.plain_output import print_json
    from trialbook_cli.rich_output import console
    from trialbook_cli.tables import say_how_to_see_more, table_of

    page = source_of(context).open().ledger.experiments_page(limit, after)
    if as_json:
        print_json([_line(each) for each in page.entries])
    elif page.entries:
        headers = ("experiment", "sweeps", "jobs", "failed", "best", "objective", "last job (UTC)")
        rows = [_row(each) for each in page.entries]
        console.print(table_of(headers, rows, right=("sweeps", "jobs", "failed", "best")))
    elif after:
        console.print("No more experiments.")
    else:
        console.print("The book is empty. Record the jobs of your account: trialbook backfill --since 30d")
    say_how_to_see_more(None if page.cursor else 0, after + len(page.entries))
    return OK


def _row(each: "Experiment") -> list[Any]:
    from trialbook.core.numbers import shown
    from trialbook.core.times import iso_or_none
    from trialbook_cli.rich_output import safe
    from trialbook_cli.tables import minute

    best = "–" if each.best_value is None else shown(each.best_value)
    objective = "–" if each.objective is None else f"{each.objective.metric} ({each.objective.type.value.lower()})"
    counts = (str(each.sweeps), str(each.counts.jobs), str(each.counts.failed))
    return [safe(each.name, 120), *counts, best, safe(objective), minute(iso_or_none(each.last_at))]


def _line(each: "Experiment") -> dict[str, object]:
    from trialbook.core.times import iso_or_none

    objective = each.objective
    return {
        "experiment": each.name,
        "sweeps": each.sweeps,
        "counts": {name: getattr(each.counts, name) for name in type(each.counts).__slots__},
        "objective": None if objective is None else {"metric": objective.metric, "type": objective.type.value},
        "best": None
        if each.best_job is None
        else {
            "job_name": each.best_job,
            "value": each.best_value,
            "hyper_parameters": dict(sorted(each.hyper_parameters.items())),
        },
        "last_at": iso_or_none(each.last_at),
    }
