"""`trialbook preview`."""

from pathlib import Path
from typing import Annotated

import typer

from trialbook_cli.command_classes import LaptopCommand
from trialbook_cli.exit_codes import OK
from trialbook_cli.options import Out, Recording, RulesInForce
from trialbook_cli.panels import TRY

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=LaptopCommand, rich_help_panel=TRY)
def preview(
    recording: Recording,
    out: Out = Path("preview-out"),
    slack: Annotated[bool, typer.Option("--slack", help="Only the Slack messages.")] = False,
    email: Annotated[bool, typer.Option("--email", help="Only the emails.")] = False,
    dark: Annotated[bool, typer.Option("--dark", help="Take pictures in dark mode.")] = False,
    rules: RulesInForce = None,
) -> int:
    """Shows the Slack messages and emails that a recording causes, without sending them.

    Replays the recording up to the next weekly report and writes to the folder given by --out: slack.html, which looks
    like Slack, each email as HTML, a picture of each page if Chromium is installed, and every message as sent in slack/
    and email/.

    Example: trialbook preview events/recordings/churn-min-child-weight --out build/preview
    """
    from trialbook_cli.previewing.pages import pages_of, save_pages, with_weekly_report
    from trialbook_cli.recordings import recording_in
    from trialbook_cli.replaying import write_outcome
    from trialbook_cli.rules_files import read_rules_text

    document = None if rules is None else read_rules_text(rules)
    outcome = with_weekly_report(recording_in(recording), document)
    write_outcome(outcome, out)
    save_pages(pages_of(outcome, slack=slack or not email, email=email or not slack), out, dark=dark)
    return OK
