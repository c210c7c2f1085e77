"""`trialbook rules`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialbook_cli.command_classes import Command, LaptopCommand, StackCommand
from trialbook_cli.exit_codes import FAILED, OK
from trialbook_cli.help_format import Group
from trialbook_cli.options import AsJson, Recording, RulesFile, source_of
from trialbook_cli.output_paths import output_file
from trialbook_cli.panels import OPERATE

if TYPE_CHECKING:
    from trialbook_book.book import Book


class RulesGroup(Group):
    """The group in its panel of `trialbook --help`, which Typer sets for commands alone."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**{**given, "rich_help_panel": OPERATE})


app = typer.Typer(
    name="rules",
    cls=RulesGroup,
    help="Checks, tries, stores and prints the rules document.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.command(cls=Command)
def check(document: RulesFile) -> int:
    """Checks a rules document and names each problem with its line.

    Example: trialbook rules check rules.yaml
    """
    from trialbook.core.analysis.wording import plural
    from trialbook_cli.rich_output import console, safe
    from trialbook_cli.rules_files import read_rules_file

    found = read_rules_file(document)
    parts = (
        (found.placements, "rule", "rules"),
        (found.experiments, "section of experiments", "sections of experiments"),
        (found.routes, "route", "routes"),
        (found.alerts, "alert", "alerts"),
        (found.quiet_hours, "window of quiet hours", "windows of quiet hours"),
        (found.owners, "owner", "owners"),
    )
    counted = ", ".join(plural(len(part), word, words) for part, word, words in parts if part)
    console.print(safe(f"{document}: valid; {counted or 'it is empty'}", 2000), soft_wrap=True)
    return OK


@app.command("test", cls=LaptopCommand)
def try_on_recording(
    recording: Recording,
    document: Annotated[Path, typer.Option("--rules", metavar="FILE", help="The rules document, a YAML file.")],
    as_json: AsJson = False,
) -> int:
    """Shows the effect of a rules document on a recording's jobs.

    For each job: the rule that places it, its experiment, and its objective. For all: the events on Trialbook's bus,
    and which messages go where. Needs no AWS account and sends nothing.

    Example: trialbook rules test events/recordings/churn-min-child-weight --rules rules.yaml
    """
    from trialbook_cli.plain_output import print_json
    from trialbook_cli.recordings import recording_in
    from trialbook_cli.rules_files import read_rules_text
    from trialbook_cli.rules_trial import show_trial, trial_line, try_rules

    read_rules_text(document)  # before the recording, whose errors matter less
    trial = try_rules(recording_in(recording), document)
    if as_json:
        print_json(trial_line(trial))
    else:
        show_trial(trial)
    return OK


_LONGEST_DOCUMENT = 8192  # bytes; a parameter of SSM's advanced tier


@app.command(cls=StackCommand)
def push(context: typer.Context, document: RulesFile) -> int:
    """Checks a rules document and stores it for the functions.

    Stores it in the stack's SSM parameter. The functions apply it within a minute.

    Example: trialbook rules push rules.yaml --stack trialbook
    """
    from trialbook_cli.rich_output import console, safe
    from trialbook_cli.rules_files import read_rules_text
    from trialbook_cli.usage_error import UsageError

    text = read_rules_text(document)
    if (size := len(text.encode())) > _LONGEST_DOCUMENT:
        raise UsageError(
            f"{document} has {size:,} bytes, expected at most {_LONGEST_DOCUMENT:,}: the limit of an SSM parameter."
        )
    name, client = _parameter(source_of(context).open_to_write())
    answer = client.put_parameter(Name=name, Value=text, Type="String", Tier="Intelligent-Tiering", Overwrite=True)
    line = f"{document} is version {answer['Version']} of {name}; the functions apply it within a minute"
    console.print(safe(line, 2000), soft_wrap=True)
    return OK


@app.command(cls=StackCommand)
def pull(
    context: typer.Context,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", callback=output_file, help="Write to this file instead of printing.")
    ] = None,
) -> int:
    """Prints the stored rules document.

    Reads it from the stack's SSM parameter.

    Example: trialbook rules pull --out rules.yaml --stack trialbook
    """
    from trialbook_cli.rich_output import console, fail, safe

    name, client = _parameter(source_of(context).open())
    try:
        text = client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    except client.exceptions.ParameterNotFound:
        return fail(f"{name} does not exist, so all defaults apply. trialbook rules push FILE creates it.", FAILED)
    if out is None:
        print(text)  # noqa: T201 byte for byte
    else:
        out.write_text(text, encoding="utf-8")
        console.print(safe(f"{name} written to {out}", 2000), soft_wrap=True)
    return OK


def _parameter(book: "Book") -> tuple[str, Any]:
    """The name of the parameter that holds the rules document, and a client for it."""
    from trialbook_cli.usage_error import UsageError

    name = book.stack.outputs.get("RulesParameter") if book.stack else None
    if name is None:
        raise UsageError("The stack has no output RulesParameter: deploy it from Trialbook's template.")
    return name, book.ledger.session.create_client("ssm")
