"""`trialbook mcp`."""

import typer

from trialbook_cli.command_classes import BookCommand
from trialbook_cli.exit_codes import OK
from trialbook_cli.options import source_of
from trialbook_cli.panels import ASK

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=BookCommand, rich_help_panel=ASK)
def mcp(context: typer.Context) -> int:
    """Answers agents over the Model Context Protocol.

    Serves read-only tools on stdin and stdout; an agent starts it. Needs a part: pip install 'trialbook[mcp]'.

    Example: trialbook mcp --book demo-out/churn-min-child-weight
    """
    from trialbook_cli.agents.server import serve

    serve(source_of(context))
    return OK
