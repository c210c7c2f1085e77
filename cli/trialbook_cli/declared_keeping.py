"""The commands that fill, keep and leave the book, declared."""

from pathlib import Path
from typing import Annotated

import typer

from trialbook_cli.frame import AsJson, Source, asks, complete_names

Rules = Annotated[Path, typer.Argument(help="The rules document, a YAML file.")]


@asks
def export(
    source: Source,
    out: Annotated[Path, typer.Option(help="The folder for the files.")],
    name: Annotated[
        str | None,
        typer.Argument(help="Only this sweep or experiment; otherwise everything.", autocompletion=complete_names),
    ] = None,
    form: Annotated[str, typer.Option("--format", help="csv, jsonl or parquet.")] = "jsonl",
    as_json: AsJson = False,
) -> int:
    """Writes jobs and sweeps as files, and the book itself, which --book reads with the same answers.

    Parquet needs the extra: pip install 'trialbook[parquet]'.

    Example: trialbook export --format csv --out build/export --book build/churn
    """
    from trialbook_cli.commands.export import Format, run
    from trialbook_cli.problems import chosen

    return run(source.open(), name, out, chosen("--format", form, Format), as_json=as_json)


@asks
def backfill(
    source: Source,
    since: Annotated[str, typer.Option(help="From when on: a date (2026-01-01) or a time back from now (30d, 12h).")],
    name_contains: Annotated[str, typer.Option(help="Only jobs whose name contains this.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what is missing; change nothing.")] = False,
) -> int:
    """Records the jobs that ran before, with your credentials, in the deployed ledger or in a folder.

    With --book nothing need be deployed: the account is only read, and sweeps, best and report answer from the folder.
    Closed sweeps are marked as history: nothing is announced or posted for them. Can be interrupted: called again with
    the same --since and --name-contains, it goes on where it stopped.

    Example: trialbook backfill --since 30d --book ./book
    """
    from trialbook_cli.commands.backfill import run

    return run(source, since, name_contains, dry_run=dry_run)


@asks
def rerank(
    source: Source,
    experiment: Annotated[str, typer.Argument(help="The experiment whose jobs are ranked anew.")],
    rules: Annotated[Path | None, typer.Option(help="A rules document, instead of the deployed one.")] = None,
) -> int:
    """Ranks an experiment's jobs anew, after its objective was changed in the rules document.

    Can be interrupted and repeated: jobs that are ranked right are left alone. Closed sweeps whose ranking changes are
    told as revised.

    Example: trialbook rerank churn-xgb --rules rules.yaml --book build/churn
    """
    from trialbook_cli.commands.rerank import run

    return run(source.open(), experiment, rules)
