"""`trialbook rerank`."""

from pathlib import Path
from typing import Annotated

import typer

from trialbook_cli.command_classes import BookCommand
from trialbook_cli.exit_codes import BAD_INPUT, OK
from trialbook_cli.options import complete_experiments, source_of
from trialbook_cli.panels import MAINTAIN

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=BookCommand, rich_help_panel=MAINTAIN)
def rerank(
    context: typer.Context,
    experiment: Annotated[
        str,
        typer.Argument(
            metavar="EXPERIMENT", help="The experiment whose jobs to rank again.", autocompletion=complete_experiments
        ),
    ],
    rules: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Rules document to apply, instead of the deployed one.")
    ] = None,
) -> int:
    """Ranks an experiment's jobs again, by its current objective.

    Use it after changing the experiment's objective in the rules document. Can be interrupted and repeated: jobs that
    are ranked correctly stay unchanged. Closed sweeps whose ranking changes are reported as revised.

    Example: trialbook rerank churn-xgb --rules rules.yaml --book demo-out/churn-min-child-weight
    """
    from trialbook.core.analysis.wording import plural
    from trialbook.ledger.bookkeeper import Bookkeeper
    from trialbook.ledger.leading import list_experiment
    from trialbook.runtime.observability import quiet
    from trialbook_book.names import find_experiment
    from trialbook_cli.rich_output import console, fail, safe
    from trialbook_cli.rules_files import read_rules_file

    book = source_of(context).open_to_write()
    document = read_rules_file(rules) if rules else book.rules()
    name = find_experiment(book, experiment)
    keeper = Bookkeeper(book.ledger, document, lambda key, name: None)
    sweeps = changed = 0
    with quiet():
        for sweep, jobs in keeper.rerank_experiment(name):
            sweeps, changed = sweeps + 1, changed + jobs
            if jobs:
                console.print(safe(f"{sweep}: {plural(jobs, 'job')} ranked again", 200))
    if not sweeps:
        return fail(f"Experiment {name} has no ranked jobs.", BAD_INPUT)
    list_experiment(name, book.ledger, document)
    console.print(f"{plural(changed, 'job')} of {plural(sweeps, 'sweep')} and single jobs ranked again")
    return OK
