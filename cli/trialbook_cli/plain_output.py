"""Output of short answers: lines, facts, JSON. Loads Rich only if a terminal shows styles."""

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from trialbook_cli.visible_text import visible


def say(text: str, style: str = "", label: str = "") -> None:
    """Prints a line, which no terminal's width breaks; the label before it is dim.

    Rich takes a tenth of a short answer's time, and a pipe shows no styles.
    """
    if sys.stdout.isatty() or "FORCE_COLOR" in os.environ:
        from rich.text import Text

        from trialbook_cli.rich_output import console

        console.print(Text.assemble((label, "dim"), (text, style)), soft_wrap=True)
    else:
        print(label + text)  # noqa: T201 the one place


def facts(pairs: Sequence[tuple[str, str | None]]) -> None:
    """Prints names and values, one a line; leaves out unknown values."""
    width = max((len(name) for name, value in pairs if value is not None), default=0)
    for name, value in pairs:
        if value is not None:
            say(visible(value, 2000), label=f"{name:<{width}}  ")


def print_json(value: Any) -> None:
    """Prints JSON on one line, which no terminal's width breaks."""
    print(json.dumps(value, ensure_ascii=True, allow_nan=False))  # noqa: T201 not for people
