"""`trialbook best`: the most frequent question. Loads no more than it needs."""

from typing import Annotated

import typer

from trialbook_cli.command_classes import BookCommand
from trialbook_cli.exit_codes import FAILED, OK
from trialbook_cli.options import AsJson, Name, source_of
from trialbook_cli.panels import ASK

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=BookCommand, rich_help_panel=ASK)
def best(
    context: typer.Context,
    name: Name,
    front: Annotated[
        bool, typer.Option("--front", help="Show the jobs that no other beats in both objective and cost.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Shows the best job of a sweep or experiment.

    Prints its value, hyperparameters and model location. Makes one request, however many jobs there are; with --json a
    second one for all facts of the job. With --front
    it reads all jobs of the sweep, of an experiment its latest sweep, and shows what better values cost: in dollars,
    else in time, or in the second objective of the rules document.

    Example: trialbook best churn-xgb --book demo-out/churn-min-child-weight
    """
    from trialbook.core.hyper_parameters import is_internal
    from trialbook.core.numbers import shown
    from trialbook_cli.plain_output import facts, print_json, say
    from trialbook_cli.visible_text import visible

    jobs = source_of(context).open().find(name)
    if front:
        from trialbook_cli.front import show_front

        return show_front(jobs, as_json=as_json)
    (record,) = jobs.first.entries or (None,)
    if record is None:
        return _fail(f"{jobs.name}: no job is recorded yet.")
    if as_json:
        from trialbook_cli.outputs import job_line

        print_json(job_line(jobs.whole(record)))
        return OK
    if record.value is None or record.objective is None:
        reason = record.without_objective or f"{record.job.name} is {record.job.status}"
        return _fail(f"{jobs.name}: no job is ranked: {reason}.")
    objective = record.objective
    say(visible(f"{objective.metric} {shown(record.value)} ({objective.type.value.lower()})", 200), "bold green")
    facts([("job", record.job.name), ("experiment", record.experiment), ("trial", record.trial)])
    for key, value in sorted(record.job.hyper_parameters.items()):
        if not is_internal(key):
            say(visible(f"  {key} = {value}", 200))
    facts([("model", record.job.model_artifact)])
    return OK


def _fail(message: str) -> int:
    from trialbook_cli.rich_output import fail

    return fail(message, FAILED)
