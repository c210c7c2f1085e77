"""`trialbook doctor`."""

from typing import TYPE_CHECKING

import typer

from trialbook_cli.command_classes import StackCommand
from trialbook_cli.exit_codes import FAILED, OK
from trialbook_cli.options import AsJson, SlackUrl, source_of
from trialbook_cli.panels import OPERATE

if TYPE_CHECKING:
    from trialbook_cli.checkup.deployment import Finding

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=StackCommand, rich_help_panel=OPERATE)
def doctor(context: typer.Context, slack_url: SlackUrl = None, as_json: AsJson = False) -> int:
    """Checks a deployment with calls that change nothing and says what to fix.

    Checks rules, queues and dead letters, functions, table, newest sweep, SageMaker Experiments, rules document, Slack,
    SES and MLflow. Exit code 1 if there is a problem.

    Example: trialbook doctor --stack trialbook
    """
    import platform
    from importlib.metadata import version

    from rich.text import Text

    from trialbook_cli.checkup.deployment import Level
    from trialbook_cli.checkup.examine import examine
    from trialbook_cli.plain_output import print_json
    from trialbook_cli.rich_output import console

    findings = []
    for finding in examine(source_of(context), slack_url):
        findings.append(finding)
        if not as_json:
            _show(finding)
    if as_json:
        print_json([{"level": each.level.value, "what": each.what, "todo": each.todo or None} for each in findings])
    else:
        versions = f"trialbook {version('trialbook')}, boto3 {version('boto3')}, Python {platform.python_version()}"
        console.print(Text(versions, "dim"))
    return FAILED if any(finding.level is Level.PROBLEM for finding in findings) else OK


def _show(finding: "Finding") -> None:
    from rich.text import Text

    from trialbook_cli.checkup.deployment import Level
    from trialbook_cli.rich_output import console, safe

    word, style = {
        Level.OK: ("✓ ok", "green"),
        Level.NOTE: ("• note", "yellow"),
        Level.PROBLEM: ("✗ problem", "bold red"),
    }[finding.level]
    console.print(Text(f"{word:<10}", style).append(safe(finding.what, 1000)), soft_wrap=True)
    if finding.todo:
        console.print(Text(" " * 10 + "→ ").append(safe(finding.todo, 1000)), soft_wrap=True)
