"""What short answers are printed with: lines, facts, JSON, exit codes. Rich is loaded where a terminal shows styles."""

import json
import os
import sys
import unicodedata
from collections.abc import Sequence
from typing import Any

OK, FAILED, BAD_INPUT = 0, 1, 2


def say(text: str, style: str = "", label: str = "") -> None:
    """A line, which no terminal's width breaks; the label before it is dim.

    Rich takes a tenth of a short answer's time, and into a pipe it has nothing to do.
    """
    if sys.stdout.isatty() or "FORCE_COLOR" in os.environ:
        from rich.text import Text

        from trialbook_cli.terminal import console

        console.print(Text.assemble((label, "dim"), (text, style)), soft_wrap=True)
    else:
        print(label + text)  # noqa: T201 the one place


def facts(pairs: Sequence[tuple[str, str | None]]) -> None:
    """Names and values, one a line; what is not known is left out."""
    width = max((len(name) for name, value in pairs if value is not None), default=0)
    for name, value in pairs:
        if value is not None:
            say(visible(value, 2000), label=f"{name:<{width}}  ")


def print_json(value: Any) -> None:
    """JSON on one line, which no terminal's width breaks."""
    print(json.dumps(value, ensure_ascii=True, allow_nan=False))  # noqa: T201 not for people


def visible(text: str, longest: int = 60) -> str:
    """Other people's text for a terminal: control and direction characters made visible, cut."""
    shown = "".join(_visible(character) for character in text)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def _visible(character: str) -> str:
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return f"\\u{ord(character):04x}"
    return character
