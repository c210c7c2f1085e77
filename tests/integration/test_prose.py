"""The project's texts use plain words: proselint and the vocabulary in .prose.yaml find nothing in them."""

from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.prose import PAGES, problems, problems_of_page, prose_of


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_uses_plain_words(page: Path) -> None:
    assert problems_of_page(page) == []


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
