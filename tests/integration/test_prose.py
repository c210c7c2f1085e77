"""The project's texts use plain words: proselint and the vocabulary in .prose.yaml find nothing in them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.conftest import ROOT
from tests.prose import PAGES, problems, problems_of_page, prose_of
from trialbook_cli.main import app

GOLDEN = ROOT / "tests/unit/golden"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_uses_plain_words(page: Path) -> None:
    assert problems_of_page(page) == []


def test_the_help_of_every_command_uses_plain_words() -> None:
    texts = dict(helps(typer.main.get_command(app), "trialbook"))

    assert len(texts) >= 30
    assert [each for path, text in texts.items() for each in problems(text, path)] == []


def helps(command: Any, path: str) -> Iterator[tuple[str, str]]:
    """The help of a command, its options and its subcommands."""
    context = typer.Context(command, info_name=path)
    yield path, "\n\n".join([command.help or "", *(getattr(each, "help", None) or "" for each in command.params)])
    if hasattr(command, "list_commands"):
        for name in command.list_commands(context):
            yield from helps(command.get_command(context, name), f"{path} {name}")


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("messages_*.json")), ids=lambda file: file.stem)
def test_a_message_uses_plain_words(file: Path) -> None:
    sentences = [text for text in texts_of(json.loads(file.read_text(encoding="utf-8"))) if " " in text]

    assert sentences
    assert [each for text in sentences for each in problems(text, file.name)] == []


def texts_of(data: object) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, list):
        yield from (text for each in data for text in texts_of(each))
    elif isinstance(data, dict):
        yield from (text for each in data.values() for text in texts_of(each))


def test_the_descriptions_of_the_template_use_plain_words() -> None:
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    texts = re.findall(r"Description: (>-?\n(?: {6,}.*\n)+|[^>\n].*)", template)

    assert len(texts) > 60
    assert [each for text in texts for each in problems(text.lstrip(">- \n"), "template.yaml")] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Each sweep is told in Slack.", "told"),
        ("The answer goes\non in the next message.", "goes on"),
        ("That is 0.0006 (1.5 %) lower.", "1.5 %"),
        ("It doesn't matter. The report stands in a bucket, it's said.", "stands in"),
        ("It is sent once. What fails comes again.", "What fails comes again."),
        ("A window of its own.", "of its own"),
        ("The job — a child — and its parent — a tuning job.", "— a child — and its parent —"),
        ("At the end of the day, it works.", "At the end of the day"),
    ],
)
def test_a_word_to_avoid_is_found(text: str, found: str) -> None:
    assert [each.found for each in problems(text, "text")] == [found]


@pytest.mark.parametrize(
    "text",
    [
        "Trialbook reports each sweep. The SageMaker stand-in answers.",
        "Better than the runner-up (0.040192) by 0.0006 (1.5%).",
        "What does it cost? It costs 0.27 dollars.",
        "Each window has its own name, and each job its own end.",
        "A page without its own script.",
    ],
)
def test_plain_words_pass(text: str) -> None:
    assert problems(text, "text") == []


def test_a_problem_names_its_line() -> None:
    (problem,) = problems("# A page\n\nA line.\nEach is told.\n", "page.md")

    assert str(problem) == "page.md:4: 'told': report, show, say, send; \"distinguish\" for telling apart"


def test_code_addresses_and_generated_parts_are_no_prose() -> None:
    markdown = (
        "Use `told()`, or see [the page](https://example.com/told).\n\n"
        "    trialbook told\n\n"
        "```text\ntold\n```\n\n"
        "<!-- told -->\n"
        "<!-- what follows is made by docs/make.py -->\ntold\n"
    )

    assert "told" not in prose_of(markdown)
    assert prose_of(markdown).count("\n") < markdown.count("\n")
