"""What a message says whose sweep merged into another that has a message of its own."""

from dataclasses import replace

from trialbook.core.message import Link, Message
from trialbook.core.messages import phrases


def merged(into: Message, url: str | None) -> Message:
    """That what stood here continues in the message of the sweep that it merged into; `url` leads there, if known."""
    return replace(
        into,
        title=f"{into.experiment}{phrases.SEPARATOR}continues in another message",
        subject=f"{into.experiment}: continues in another message",
        verdict="These jobs belong to a larger sweep.",
        is_final=True,
        sentences=(f"See the message “{into.title}”.",) if url is None else (),
        progress=None,
        facts=(),
        table=None,
        bars=(),
        bars_label="",
        constants="",
        failures=(),
        advice=(),
        picture=None,
        report=None,
        links=(Link("Message of the whole sweep", url),) if url is not None else (),
    )
