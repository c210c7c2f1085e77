"""The commands that ask the book, declared."""

from pathlib import Path
from typing import Annotated

import typer

from trialbook_cli.frame import After, AsJson, Limit, Source, asks, complete_experiments, complete_names
from trialbook_cli.writing_to import a_folder

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="A sweep or an experiment, or how one alone begins.", autocompletion=complete_names
    ),
]

SweepName = Annotated[
    str,
    typer.Argument(metavar="SWEEP", help="A sweep, or how its name alone begins.", autocompletion=complete_names),
]


@asks
def experiments(source: Source, limit: Limit = 50, after: After = None, as_json: AsJson = False) -> int:
    """Lists experiments, each with its counts and best value.

    Example: trialbook experiments --book build/churn
    """
    from trialbook_cli.commands import listings

    return listings.experiments(source.open(), limit, after, as_json=as_json)


@asks
def sweeps(
    source: Source,
    experiment: Annotated[
        str | None,
        typer.Argument(
            metavar="EXPERIMENT", help="Only the sweeps of this experiment.", autocompletion=complete_experiments
        ),
    ] = None,
    limit: Limit = 50,
    after: After = None,
    as_json: AsJson = False,
) -> int:
    """Lists sweeps, latest first, with counts and best value.

    Example: trialbook sweeps churn-xgb --book build/churn
    """
    from trialbook_cli.commands import listings

    return listings.sweeps(source.open(), experiment, limit, after, as_json=as_json)


@asks
def trials(
    source: Source,
    name: Name,
    limit: Limit = 20,
    after: After = None,
    where: Annotated[
        str | None,
        typer.Option(
            metavar="CONDITIONS",
            help="Only jobs that meet all of 'eta<0.1 and status=Failed': on hyperparameters, metrics, status, value, "
            "kind, experiment, trial, sweep, job, minutes, started, ended, failure.",
        ),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            metavar="[-]COLUMN", help="Sort by a hyperparameter, metric or fact; with - before it, largest first."
        ),
    ] = None,
    columns: Annotated[
        str | None, typer.Option(metavar="A,B,C", help="The columns to show, with commas between them.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Lists the jobs of a sweep or an experiment, best first.

    Shows the hyperparameters that vary; --columns chooses others.

    Example: trialbook trials churn-xgb --where "min_child_weight<9 and status=Completed" --book build/churn
    """
    from trialbook_cli.commands import listings

    return listings.trials(source.open(), name, limit, after, where=where, sort=sort, columns=columns, as_json=as_json)


@asks
def best(source: Source, name: Name, as_json: AsJson = False) -> int:
    """Tells the best job of a sweep or an experiment.

    Its value, its hyperparameters and where its model lies: one request, whatever the number of jobs.

    Example: trialbook best churn-xgb --book build/churn
    """
    from trialbook_cli.commands.best import run

    return run(source.open(), name, as_json=as_json)


@asks
def show(
    source: Source,
    job: Annotated[str, typer.Argument(metavar="JOB", help="A job's name or ARN, or a sweep's whole name.")],
    as_json: AsJson = False,
) -> int:
    """Tells everything about one job.

    What it was given, how it ended, which rule placed it, what became of attaching it, and where messages about it and
    its sweep were sent.

    Example: trialbook show churn-xgb-2026-11-20-10-15-04-760 --book build/churn
    """
    from trialbook_cli.commands.show import run

    return run(source.open(), job, as_json=as_json)


@asks
def compare(
    source: Source,
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME", help="Two or more jobs, or sweeps, or experiments.", autocompletion=complete_names
        ),
    ],
    as_json: AsJson = False,
) -> int:
    """Sets jobs, sweeps or experiments side by side.

    Shows the hyperparameters that differ, and the metrics. Sweeps and experiments stand for their best jobs; where each
    has several ranked jobs, a rank test says whether their values differ by more than chance.

    Example: trialbook compare churn-xgb-2026-11-20-10-15-00-123 churn-xgb-2026-11-20-10-15-04-760 --book build/churn
    """
    from trialbook_cli.commands.compare import run

    return run(source.open(), names, as_json=as_json)


@asks
def report(
    source: Source,
    sweep: SweepName,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", callback=a_folder, help="The folder for the files; reports/SWEEP otherwise."),
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    as_json: AsJson = False,
) -> int:
    """Writes a sweep's report: a page, a picture, all figures.

    Example: trialbook report churn-xgb@ --out build/report --book build/churn
    """
    from trialbook_cli.commands.report import run

    return run(source.open(), sweep, out, open_page=open_page, as_json=as_json)


@asks
def watch(
    source: Source,
    sweep: SweepName,
    every: Annotated[float, typer.Option(metavar="SECONDS", min=0.2, help="Seconds between looks.")] = 15.0,
    once: Annotated[bool, typer.Option("--once", help="Look once; also what happens into a pipe.")] = False,
) -> int:
    """Shows a sweep's progress and best jobs until it is closed.

    Ends by itself, or with Ctrl-C, which ends the watching alone.

    Example: trialbook watch churn-xgb@ --once --book build/churn
    """
    from trialbook_cli.commands.watch import run

    return run(source.open(), sweep, every, once=once)
