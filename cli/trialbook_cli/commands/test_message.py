"""`trialbook test-message`."""

from enum import StrEnum
from typing import Annotated

import typer

from trialbook_cli.command_classes import StackCommand
from trialbook_cli.exit_codes import FAILED, OK
from trialbook_cli.options import SlackUrl, source_of
from trialbook_cli.panels import OPERATE

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class ChannelType(StrEnum):
    """The types of channels."""

    SLACK = "slack"
    WEBHOOK = "webhook"
    EMAIL = "email"


@app.command("test-message", cls=StackCommand, rich_help_panel=OPERATE)
def send_test_message(
    context: typer.Context,
    channel: Annotated[ChannelType, typer.Option(metavar="CHANNEL", help="slack, webhook or email.")],
    to: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Recipient, instead of the stack's own: a Slack channel's id or name, an email address.",
        ),
    ] = "",
    slack_url: SlackUrl = None,
) -> int:
    """Sends one message to a channel.

    Uses the stack's token or address and your credentials. Says whether the channel takes messages, and if not, why.

    Example: trialbook test-message --channel slack --stack trialbook
    """
    from trialbook.core.destination import Channel
    from trialbook_cli.channel_test import Refused, send_test
    from trialbook_cli.plain_output import say
    from trialbook_cli.rich_output import fail

    try:
        recipient = send_test(source_of(context), Channel(channel.value), to, slack_url)
    except Refused as error:
        return fail(str(error), FAILED)
    say(f"Test message sent to {channel} {recipient}.")
    return OK
