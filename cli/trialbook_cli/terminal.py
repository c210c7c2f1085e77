"""What the commands share in talking to a person: consoles, untrusted text, numbers."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from trialbook_cli.plain import BAD_INPUT, visible

if TYPE_CHECKING:
    from rich.progress import Progress, Task

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def progress() -> "Progress":
    """A bar with what is done, how fast, and the time left on a terminal; nothing into a pipe."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

    class Rate(ProgressColumn):
        def render(self, task: "Task") -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:.3g}/s" if speed < 10 else f"{speed:,.0f}/s")

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    return Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal)


def safe(text: str, longest: int = 60) -> Text:
    """Other people's text for a terminal: made visible, no markup, cut."""
    return Text(visible(text, longest))


def fail(message: str, code: int = BAD_INPUT) -> int:
    """Says on stderr what is wrong and gives the exit code."""
    errors.print(Text.assemble(("error: ", "bold red"), safe(message, 2000)), soft_wrap=True)
    return code
