"""docs/benchmarks.md: a section for each benchmark, each replaced when its benchmark runs again."""

import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks import ORDER
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"
_HEAD = """# Benchmarks

`make bench` writes this page; the command under a section writes that section. Each section names what it compares, when and
on which machine. The machines are shared and noisy: compare ratios, not seconds.
"""
_LIBRARIES = ("boto3", "botocore", "pynamodb", "aws-lambda-powertools", "moto")


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; whatever is no text stands right-aligned."""
    numbers = [not any(isinstance(row[at], str) for row in rows) for at in range(len(head))]
    lines = [head, ["--:" if right else "---" for right in numbers], *([_shown(each) for each in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _shown(value: object) -> str:
    if value is None:
        return ""
    return (
        f"{value:,.4g}"
        if isinstance(value, float) and abs(value) < 1000
        else f"{value:,}"
        if isinstance(value, int | float)
        else str(value)
    )


def machine() -> str:
    """Where it was measured, and with what."""
    named = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return f"{_processor()}, {os.cpu_count()} cores, {platform.system()}; CPython {platform.python_version()}, {named}"


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.+)", information.read_text()) if information.exists() else None
    return found[1].replace("(R)", "") if found else platform.processor() or platform.machine()


def write(name: str, title: str, compares: str, figures: str) -> None:
    """Puts a section in its place on the page."""
    sections = {**_sections(PAGE.read_text() if PAGE.exists() else ""), name: _section(name, title, compares, figures)}
    others = [each for each in sections if each not in ORDER]  # too long for `make bench`: written by hand
    ordered = [sections[each] for each in (*ORDER, *others) if each in sections]
    PAGE.write_text("\n".join([_HEAD, *ordered]))


def _section(name: str, title: str, compares: str, figures: str) -> str:
    found = f"`python -m tests.benchmarks {name}`, {datetime.now(UTC):%Y-%m-%d}, commit {_commit()}. {machine()}."
    return f"<!-- {name} -->\n## {title}\n\n{compares.strip()}\n\n{figures.strip()}\n\n<sub>{found}</sub>\n"


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


def _sections(text: str) -> Mapping[str, str]:
    parts = re.split(r"^<!-- (\w+) -->\n", text, flags=re.MULTILINE)
    return {name: f"<!-- {name} -->\n{body.rstrip()}\n" for name, body in zip(parts[1::2], parts[2::2], strict=True)}
