"""What the commands share in talking to a person: consoles, untrusted text, numbers."""

import unicodedata
from math import isfinite

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

OK, FAILED, BAD_INPUT = 0, 1, 2

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def progress() -> Progress:
    """A bar on a terminal, nothing into a pipe."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal)


def safe(text: str, longest: int = 60) -> Text:
    """Other people's text for a terminal: control and direction characters made visible, no markup, cut."""
    shown = "".join(_visible(character) for character in text)
    return Text(shown if len(shown) <= longest else shown[: longest - 1] + "…")


def _visible(character: str) -> str:
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return f"\\u{ord(character):04x}"
    return character


def short(text: str) -> str:
    """A hyperparameter's value for a table: numbers with four digits, texts as they are."""
    try:
        number = float(text)
    except ValueError:
        return text
    return text if len(text) <= 5 or not isfinite(number) else f"{number:.4g}"


def fail(message: str, code: int = BAD_INPUT) -> int:
    """Says on stderr what is wrong and gives the exit code."""
    errors.print(Text.assemble(("error: ", "bold red"), safe(message, 2000)), soft_wrap=True)
    return code


def quiet_log() -> None:
    """The package's log on errors only: a person reads this terminal."""
    from trialbook.observability import logger

    logger.setLevel("ERROR")
