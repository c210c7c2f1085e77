"""The commands that fill, keep and leave the book, declared."""

from pathlib import Path
from typing import Annotated

import typer

from trialbook_cli.declared_trying import Recording
from trialbook_cli.frame import (
    AsJson,
    Source,
    asks,
    asks_account,
    asks_stack,
    complete_experiments,
    complete_names,
    guarded,
)
from trialbook_cli.helping import Command, Group
from trialbook_cli.writing_to import a_file, a_folder

Rules = Annotated[Path, typer.Argument(metavar="FILE", help="The rules document, a YAML file.")]


@asks
def export(
    source: Source,
    out: Annotated[Path, typer.Option(metavar="DIR", callback=a_folder, help="The folder for the files.")],
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="Only this sweep or experiment; otherwise everything.", autocompletion=complete_names
        ),
    ] = None,
    form: Annotated[str, typer.Option("--format", metavar="FORMAT", help="csv, jsonl or parquet.")] = "jsonl",
    as_json: AsJson = False,
) -> int:
    """Writes jobs and sweeps as files, and the book itself.

    What it writes, --book reads with the same answers. Parquet needs the extra: pip install 'trialbook[parquet]'.

    Example: trialbook export --format csv --out build/export --book build/churn
    """
    from trialbook_cli.commands.export import Format, run
    from trialbook_cli.problems import chosen

    return run(source.open(), name, out, chosen("--format", form, Format), as_json=as_json)


@asks
def backfill(
    source: Source,
    since: Annotated[
        str, typer.Option(metavar="WHEN", help="From when on: a date (2026-01-01) or a time back from now (30d, 12h).")
    ],
    name_contains: Annotated[str, typer.Option(metavar="TEXT", help="Only jobs whose name contains this.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what is missing; change nothing.")] = False,
) -> int:
    """Records the jobs that ran before Trialbook was there.

    With your credentials, in the deployed ledger or in a folder. With --book nothing need be deployed: the account is
    only read, and sweeps, best and report answer from the folder. Closed sweeps are marked as history: nothing is
    announced or posted for them. Can be interrupted: called again with the same --since and --name-contains, it goes on
    where it stopped.

    Example: trialbook backfill --since 30d --book ./book
    """
    from trialbook_cli.commands.backfill import run

    return run(source, since, name_contains, dry_run=dry_run)


@asks
def rerank(
    source: Source,
    experiment: Annotated[
        str,
        typer.Argument(
            metavar="EXPERIMENT",
            help="The experiment whose jobs are ranked anew.",
            autocompletion=complete_experiments,
        ),
    ],
    rules: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A rules document, instead of the deployed one.")
    ] = None,
) -> int:
    """Ranks an experiment's jobs anew, by today's objective.

    For use after its objective was changed in the rules document. Can be interrupted and repeated: jobs that are ranked
    right are left alone. Closed sweeps whose ranking changes are told as revised.

    Example: trialbook rerank churn-xgb --rules rules.yaml --book build/churn
    """
    from trialbook_cli.commands.rerank import run

    return run(source.open_to_write(), experiment, rules)


@asks_account
def record(
    source: Source,
    since: Annotated[
        str, typer.Option(metavar="WHEN", help="From when on: a date (2026-01-01) or a time back from now (7d, 12h).")
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", callback=a_folder, help="The folder for events.jsonl and sagemaker.jsonl.")
    ],
    name_contains: Annotated[str, typer.Option(metavar="TEXT", help="Only jobs whose name contains this.")] = "",
    mask: Annotated[bool, typer.Option("--mask", help="Hide the account's number, environments and secrets.")] = False,
) -> int:
    """Writes jobs of your account as a recording.

    For replay, for rules test and for reports of errors. Calls that only read. Events are made from what SageMaker
    tells of the jobs: EventBridge keeps none.

    Example: trialbook record --since 7d --name-contains churn --mask --out recording
    """
    from trialbook_cli.commands.record import run

    return run(source, since, name_contains, out, mask=mask)


@asks_stack
def doctor(
    source: Source,
    slack_url: Annotated[
        str | None, typer.Option(help="Another address of Slack's API, for tests.", hidden=True)
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Checks a deployment by read-only calls and says what to do.

    Exit code 1 where there is a problem. Looks at rules, queues and dead letters, functions, table, the last job,
    Experiments, the rules document, Slack, SES.

    Example: trialbook doctor --stack trialbook
    """
    from trialbook_cli.commands.doctor import run

    return run(source, slack_url, as_json=as_json)


@asks
def prune(
    source: Source,
    older_than: Annotated[
        str, typer.Option(metavar="WHEN", help="What was last active longer ago: 400d, or before a date.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count; change nothing.")] = False,
    export_to: Annotated[
        Path | None, typer.Option("--export", metavar="DIR", callback=a_folder, help="Export everything there first.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before deleting.")] = False,
) -> int:
    """Deletes what was last active long ago.

    Closed sweeps with their jobs, and single jobs. Reports in the bucket stay. The stack's parameter ExpireDays does
    the same for jobs to come.

    Example: trialbook prune --older-than 400d --dry-run --book build/churn
    """
    from trialbook_cli.commands.prune import run

    return run(source.open_to_write(), older_than, export_to, dry_run=dry_run, yes=yes)


@asks_stack
def redrive(
    source: Source,
    queue: Annotated[
        str, typer.Option(metavar="TEXT", help="Only the dead-letter queues whose name in the template contains this.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count; move nothing.")] = False,
) -> int:
    """Sends what waits in the dead-letter queues back.

    Each message goes to the queue that it came from, where it is tried again. For use once its cause is gone: doctor
    and the alarms name it. Of what the ledger's stream gave up, the jobs and sweeps are announced again. Can be
    interrupted and repeated.

    Example: trialbook redrive --dry-run --stack trialbook
    """
    from trialbook_cli.commands.redrive import run

    return run(source, queue, dry_run=dry_run)


@asks_stack
def try_channel(
    source: Source,
    channel: Annotated[str, typer.Option(metavar="CHANNEL", help="slack, webhook or email.")],
    to: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS", help="Where to, instead of the stack's own: a Slack channel's id or name, an address."
        ),
    ] = "",
    slack_url: Annotated[
        str | None, typer.Option(help="Another address of Slack's API, for tests.", hidden=True)
    ] = None,
) -> int:
    """Sends one message to a channel, for real.

    With the stack's token or address and your credentials: it tells whether the channel takes messages, and if not,
    why.

    Example: trialbook test-message --channel slack --stack trialbook
    """
    from trialbook_cli.commands.test_message import run

    return run(source, channel, to, slack_url)


rules = typer.Typer(
    cls=Group,
    help="Checks, tries out, stores and reads the rules document.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@rules.command("check", cls=Command)
def rules_check(document: Rules) -> None:
    """Checks a rules document; names every problem with its line.

    Example: trialbook rules check rules.yaml
    """
    from trialbook_cli.commands import rules as commands

    raise typer.Exit(guarded(lambda: commands.check(document)))


@rules.command("test", cls=Command)
def rules_test(
    recording: Recording,
    document: Annotated[Path, typer.Option("--rules", metavar="FILE", help="The rules document, a YAML file.")],
    as_json: AsJson = False,
) -> None:
    """Tells what a rules document does to a recording's jobs.

    For each job: which rule places it where, and what ranks it; for all of them: what is told, and which messages go
    where. Without AWS, and nothing is sent.

    Example: trialbook rules test events/recordings/churn-min-child-weight --rules rules.yaml
    """
    from trialbook_cli.commands import rules as commands

    raise typer.Exit(guarded(lambda: commands.test(recording, document, as_json=as_json)))


@rules.command("push", cls=Command)
@asks_stack
def rules_push(source: Source, document: Rules) -> int:
    """Checks a rules document and stores it for the functions.

    In the stack's SSM parameter. The functions use it within a minute.

    Example: trialbook rules push rules.yaml --stack trialbook
    """
    from trialbook_cli.commands import rules as commands

    return commands.push(source, document)


@rules.command("pull", cls=Command)
@asks_stack
def rules_pull(
    source: Source,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", callback=a_file, help="A file for it, instead of printing it.")
    ] = None,
) -> int:
    """Prints the rules document that is in force.

    It is stored in the stack's SSM parameter.

    Example: trialbook rules pull --out rules.yaml --stack trialbook
    """
    from trialbook_cli.commands import rules as commands

    return commands.pull(source.open(), out)
