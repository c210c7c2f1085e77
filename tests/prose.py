"""The linter of Trialbook's texts: proselint's rules and the vocabulary in .prose.yaml.

`python -m tests.prose FILE …` checks Markdown files, the project's own if none is named. `problems` checks any text,
such as a command's help or a message.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from proselint.checks import __register__ as PROSELINTS_OWN  # noqa: N812 a list, named as if it were a magic method
from proselint.config import DEFAULT
from proselint.registry import CheckRegistry
from proselint.registry.checks import Check, CheckFlags
from proselint.registry.checks.engine import Fancy, RegexOptions
from proselint.registry.checks.types import ExistenceSimple
from proselint.tools import LintFile

from tests.conftest import ROOT

GENERATED = "<!-- what follows is made by docs/make.py -->"  # from here on the words are those of docstrings and help
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "events").rglob("*.md")),
]


@dataclass(frozen=True)
class Problem:
    """A place in a text, and what to write there instead."""

    source: str
    line: int
    found: str
    instead: str

    def __str__(self) -> str:
        return f"{self.source}:{self.line}: {self.found!r}: {self.instead}"


def problems(text: str, source: str) -> list[Problem]:
    """What a plain text holds that it should not, in order.

    Paragraph by paragraph: proselint takes what follows an apostrophe for a quotation, up to the next one.
    """
    found: dict[tuple[int, str], Problem] = {}  # several rules may find the same words
    for paragraph in re.finditer(r"(?:^.*\S.*\n?)+", text, re.MULTILINE):
        file = LintFile(source=source, content=paragraph[0])
        before = text.count("\n", 0, paragraph.start())
        for each in file.lint(_config()):
            words = " ".join(file.content[slice(*each.check_result.span)].split())
            line = before + each.pos[0]
            found.setdefault((line, words), Problem(source, line, words, each.check_result.message))
    return list(found.values())


def problems_of_page(path: Path) -> list[Problem]:
    """What the prose of a Markdown page holds that it should not: no code, no addresses, nothing generated."""
    return problems(prose_of(path.read_text(encoding="utf-8")), str(path.relative_to(ROOT)))


_CODE = re.compile(r"^( *)```.*?^\1```$|^(?:    \S[^\n]*\n)+|<!--.*?-->", re.MULTILINE | re.DOTALL)
_TARGET = re.compile(r"(?<=\])\([^)\n]*\)|<?https?://[^\s>)]+>?")
_HEADING = re.compile(r"^(#+) (.*)$", re.MULTILINE)


def prose_of(markdown: str) -> str:
    """The prose of Markdown, on the lines where it is: what is no prose becomes blank, code in a line a word of x."""
    text = markdown.partition(GENERATED)[0]
    text = _CODE.sub(lambda found: "\n" * found[0].count("\n"), text)
    text = _TARGET.sub("", text)
    text = re.sub(r"`[^`\n]+`", lambda found: "x" * len(found[0]), text)
    return _HEADING.sub(r"\2", text)


@cache
def _config() -> Any:
    """Proselint's settings with the project's vocabulary; registers the rules of both."""
    vocabulary: dict[str, dict[str, str]] = yaml.safe_load((ROOT / ".prose.yaml").read_text(encoding="utf-8"))
    CheckRegistry().register_many((*PROSELINTS_OWN, *_checks(vocabulary)))
    checks = {**dict.fromkeys(vocabulary["skip"], False), **DEFAULT["checks"], "trialbook": True}
    return {"max_errors": 1000, "checks": checks}


def _checks(vocabulary: dict[str, dict[str, str]]) -> Iterator[Check]:
    words = {rf"\b(?:{pattern})\b": instead for pattern, instead in vocabulary["words"].items()}
    for pattern, instead in (words | vocabulary["signs"]).items():
        yield Check(
            check_type=ExistenceSimple(pattern.replace(" ", r"\s+")),
            engine=Fancy(RegexOptions(case_insensitive=pattern in words, multi_line=True)),
            path="trialbook",
            message=instead,
            flags=CheckFlags(allow_quotes=True),
        )


def main(names: Iterable[str]) -> int:
    """Prints each problem and their number."""
    pages = [Path(name).resolve() for name in names] or PAGES
    found = [each for page in pages if page.exists() for each in problems_of_page(page)]
    print(*found, f"{len(found)} problems", sep="\n")
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
