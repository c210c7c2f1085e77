"""Rich output: consoles, progress bars, errors, other people's text."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from trialbook_cli.exit_codes import BAD_INPUT
from trialbook_cli.visible_text import visible

if TYPE_CHECKING:
    from rich.progress import Progress, Task

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def progress() -> "Progress":
    """A progress bar with count, rate and time left; a pipe gets none."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

    class Rate(ProgressColumn):
        def render(self, task: "Task") -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:.3g}/s" if speed < 10 else f"{speed:,.0f}/s")

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    return Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal)


def share_of_time() -> "Progress":
    """A progress bar of a time that is gone through, with time left; a pipe gets none."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal)


def safe(text: str, longest: int = 60) -> Text:
    """Other people's text for a terminal: control characters escaped, no markup, cut."""
    return Text(visible(text, longest))


def fail(message: str, code: int = BAD_INPUT) -> int:
    """Prints the error on stderr and returns the exit code."""
    errors.print(Text.assemble(("error: ", "bold red"), safe(message, 2000)), soft_wrap=True)
    return code
