"""The page's script reads and shows numbers by the rule of core/numbers.py."""

import json
import random
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.conftest import ROOT
from trialbook.core.charts.labels import by_name

JS = ROOT / "layers/trialbook/trialbook/report/page/js"
CASES: dict[str, list[Any]] = json.loads((ROOT / "tests/numbers.json").read_text(encoding="utf-8"))
ALIGNED = """texts => {
    const behind = texts.map(behindPoint), most = Math.max(...behind.filter((each) => each !== null));
    return texts.map((text, at) => text + blanks(behind[at], most));
}"""


def answers(browser: Browser, function: str, given: list[Any], script: str = "0-numbers.js") -> list[Any]:
    """What a function of the script gives for each of them."""
    page = browser.new_page()
    source = (JS / script).read_text(encoding="utf-8")
    found: list[Any] = page.evaluate(f"given => {{ {source}\nreturn given.map({function}); }}", given)
    page.close()
    return found


@pytest.mark.parametrize("function", ["shown", "full"])
def test_the_script_shows_numbers_as_the_table_says(browser: Browser, function: str) -> None:
    given = [text for text, _ in CASES[function]]

    assert answers(browser, f"(text) => {function}(parse(`[${{text}}]`)[0])", given) == [
        found for _, found in CASES[function]
    ]


def test_the_script_puts_points_below_each_other_as_the_table_says(browser: Browser) -> None:
    given = [column for column, _ in CASES["aligned"]]

    assert answers(browser, ALIGNED, given) == [found for _, found in CASES["aligned"]]


def test_texts_that_look_like_the_scripts_marks_stay_texts(browser: Browser) -> None:
    """Long digits within a text are no number, whatever stands around them."""
    data = ['a "quoted", 12345678901234567890, text', "[12345678901234567890]", "\\\\"]
    given = [json.dumps([12345678901234567890, each, {each: each}]) for each in data]

    assert answers(browser, "(text) => parse(text).slice(1)", given) == [[each, {each: each}] for each in data]


def test_a_label_covers_no_mark_or_is_not_there(browser: Browser) -> None:
    """Of a star among more and more marks; where they leave no room there is no label."""
    box = {"left": 60, "right": 460, "top": 30, "bottom": 250}
    plot = {"box": box, "y": {}, "lane": None}
    source = random.Random(2)
    found = {}
    for count in (0, 30, 100, 300, 5000):
        spots = [(source.uniform(60, 460), source.uniform(30, 250)) for _ in range(count)]
        marks = [[x - 5, y - 5, x + 5, y + 5] for x, y in spots]
        shown = answers(browser, "(each) => freeSpot(...each)", [[[250, 140], [50, 14], marks, plot]], "4-plot.js")[0]
        found[count] = shown
        if shown is not None:
            left, top, right, bottom = shown[0] - 25, shown[1] - 7, shown[0] + 25, shown[1] + 7
            assert not [m for m in marks if left < m[2] and right > m[0] and top < m[3] and bottom > m[1]]
            assert box["left"] <= left
            assert right <= box["right"]

    assert found[0] is not None
    assert found[100] is not None
    assert found[5000] is None


def test_names_are_in_the_order_of_the_picture(browser: Browser) -> None:
    names = ["part-10", "part-9", "b", "a", "a1b2", "a1b10", "7", "x-2026-03-01", "x-2026-02-28", "A"]

    assert answers(browser, "(names) => names.sort(byName)", [names], "3-axes.js") == [sorted(names, key=by_name)]
