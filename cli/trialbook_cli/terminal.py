"""What the commands share in talking to a person: consoles, untrusted text, numbers."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from trialbook_cli.plain import BAD_INPUT, visible

if TYPE_CHECKING:
    from rich.progress import Progress

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def progress() -> "Progress":
    """A bar on a terminal, nothing into a pipe."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal)


def safe(text: str, longest: int = 60) -> Text:
    """Other people's text for a terminal: made visible, no markup, cut."""
    return Text(visible(text, longest))


def fail(message: str, code: int = BAD_INPUT) -> int:
    """Says on stderr what is wrong and gives the exit code."""
    errors.print(Text.assemble(("error: ", "bold red"), safe(message, 2000)), soft_wrap=True)
    return code
