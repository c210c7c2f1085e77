"""The best-trial report of an experiment and the index of all, in a real browser, lying on disk as in the bucket."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests import synthetic
from tests.browser.conftest import Open, pages_of, serious
from trialbook.core import report_keys
from trialbook.core.analysis.analyse import analyse
from trialbook.core.analysis.digest import digest
from trialbook.core.analysis.experiment import experiment_report
from trialbook.core.experiments import summed_up
from trialbook.core.numbers import shown
from trialbook.report import experiment_files, files, index_file

SIZES = {"first": 30, "second": 12, "third": 40}
HOSTILE = "<img src=x onerror=alert(1)>\"'</script>"


@cache
def reports(name: str = "net") -> Mapping[str, bytes]:
    """What stands in the bucket after three sweeps of an experiment."""
    made = {sweep: synthetic.records(n, seed=n, sweep=sweep, start=n * 60) for sweep, n in SIZES.items()}
    sweeps = [synthetic.sweep(found) for found in made.values()]
    analyses = [analyse(s, made[s.id], as_of=s.closed_at, prices={}) for s in sweeps if s.closed_at is not None]
    best = sorted((each for found in made.values() for each in found if each.ranks), key=lambda each: each.sweep_rank)
    report = experiment_report(
        name, sweeps[0].objective, sweeps, best[:2], list(map(digest, analyses)), analyses[0].as_of
    )
    stored = {f"{report_keys.of_experiment(name)}/{file}": c for file, c in experiment_files(report).items()}
    stored[report_keys.INDEX] = index_file([summed_up(name, sweeps, best[0]), summed_up("empty", [], None)])
    links = {"experiment": report_keys.experiment_from_sweep(name)}
    page = files(analyses[1], links)[report_keys.PAGE]
    return stored | {f"{report_keys.latest(each.sweep.id)}/{report_keys.PAGE}": page for each in analyses}


def page_of(kind: str, name: str = "net") -> bytes:
    return reports(name)[report_keys.INDEX if kind == "index" else f"{report_keys.of_experiment(name)}/report.html"]


def figures() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(reports()[f"{report_keys.of_experiment('net')}/report.json"])
    return loaded


def cells(page: Page, row: str) -> list[str]:
    return page.locator(f"table.compared tr:has(th:text-is('{row}')) td").all_inner_texts()


def test_the_first_line_is_the_champion_and_the_page_runs_nothing_but_what_takes_links_away(open_page: Open) -> None:
    page = open_page(page_of("experiment"), ready="#champion")

    assert page.locator("h1").inner_text() == figures()["headline"]
    assert page.locator("script").count() == 1
    assert "X-Amz-Signature" in page.locator("script").inner_text()
    assert page.locator("#champion .figure b").inner_text() == shown(figures()["champion"]["value"])


def test_sweeps_compared_are_those_of_report_json(open_page: Open) -> None:
    page = open_page(page_of("experiment"), ready="table.compared")
    compared = figures()["compared"]
    values = [text.removeprefix("★ ") for text in cells(page, "Best validation:loss")]

    assert values == [shown(each["value"]) for each in compared]
    assert cells(page, "Trials ranked") == [f"{each['ranked']} of {each['jobs']}" for each in compared]
    assert cells(page, "validation:auc of the best") == [shown(each["metrics"]["validation:auc"]) for each in compared]
    assert cells(page, "learning_rate: best at") == [shown(each["best_at"]["learning_rate"]) for each in compared]
    assert page.locator("#records tbody tr").count() == len(figures()["records"])
    assert page.locator("#sweeps tbody tr").count() == len(SIZES)


def test_a_sweep_is_taken_out_with_the_keyboard_its_line_and_its_column_go(open_page: Open) -> None:
    page = open_page(page_of("experiment"), ready="table.compared")
    page.get_by_label("second").focus()
    page.keyboard.press("Space")

    assert page.locator("svg.wide g.s1").is_hidden()
    assert page.locator("svg.wide g.s0").is_visible()
    assert page.locator("table.compared th.s1").is_hidden()
    assert page.locator("table.compared th.s2").is_visible()


def test_links_lead_from_the_index_over_the_experiment_to_a_sweep_and_back(open_page: Open, tmp_path: Path) -> None:
    for key, content in reports().items():
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    page = open_page(reports()[report_keys.INDEX], name=report_keys.INDEX, ready="table")
    page.get_by_role("link", name="net").click()
    page.wait_for_selector("#champion")
    page.locator("#sweeps a", has_text="second").click()
    page.wait_for_selector("#rows table")
    page.locator(".where a").click()
    page.wait_for_selector("#champion")
    page.get_by_role("link", name="All experiments").click()

    assert page.locator("h1").inner_text() == "2 experiments"
    assert "1 sweep" not in page.locator(".lead").inner_text()


@pytest.mark.parametrize("kind", ["experiment", "index"])
@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (1200, "dark"), (375, "light")])
def test_axe_finds_nothing_serious_and_nothing_lies_beyond_the_edge(
    open_page: Open, kind: str, width: int, scheme: str
) -> None:
    page = open_page(page_of(kind), width=width, scheme=scheme, ready="table")

    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_phone_gets_charts_whose_texts_it_can_show(open_page: Open) -> None:
    page = open_page(page_of("experiment"), width=375, ready="svg.narrow")
    height = page.locator("svg.narrow text").first.bounding_box()

    assert page.locator("svg.wide").first.is_hidden()
    assert height is not None
    assert height["height"] > 9


@pytest.mark.parametrize("kind", ["experiment", "index"])
def test_paper_takes_them_on_a_few_sheets(open_page: Open, kind: str) -> None:
    page = open_page(page_of(kind), ready="table")

    assert pages_of(page.pdf(format="A4")) <= 4


@pytest.mark.parametrize("kind", ["experiment", "index"])
def test_hostile_names_do_nothing_but_show(open_page: Open, kind: str) -> None:
    """The fixture fails on any dialog, error and request."""
    page = open_page(page_of(kind, HOSTILE), ready="table")

    assert HOSTILE in page.locator("body").inner_text()
    assert page.locator("img, main script").count() == 0


@pytest.mark.parametrize("kind", ["index", "experiment", "sweep"])
def test_opened_by_a_signed_link_a_page_has_no_link_that_would_lead_nowhere(browser: Browser, kind: str) -> None:
    content = reports()[f"{report_keys.latest('first')}/{report_keys.PAGE}"] if kind == "sweep" else page_of(kind)
    counts = []
    for query in ("", "?X-Amz-Signature=abc&X-Amz-Expires=300"):
        page = browser.new_page()
        page.route("https://bucket.example/**", lambda route: route.fulfill(body=content, content_type="text/html"))
        page.goto(f"https://bucket.example/reports/page.html{query}")
        hrefs = [each.get_attribute("href") or "" for each in page.locator("a[href]").all()]
        counts.append(sum(not each.startswith("#") and ":" not in each for each in hrefs))
        page.close()

    assert counts[0] > 0
    assert counts[1] == 0
