"""A sweep's page in a real browser."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests import synthetic
from tests.browser.conftest import Open, files_of, pages_of, report_of, serious
from tests.unit.analysing import analysed, one_number, trial
from tests.unit.recorded import TUNING, sweep_at
from trialbook.core.jobs import Metric
from trialbook.core.numbers import aligned, shown
from trialbook.core.sweeps import Record
from trialbook.report import files


def figures(trials: int) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(report_of(trials)["report.json"])
    return loaded


def drag(page: Page, chart: str, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drags over a chart, from one place to another in shares of its size."""
    canvas = page.locator(f"{chart} canvas").nth(1)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=4)
    page.mouse.up()
    page.wait_for_function("() => document.getElementById('selected').textContent.includes('selected')")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def cells(page: Page, column: int) -> list[str]:
    return page.locator(f"#rows tbody tr[data-trial] td:nth-child({column})").all_inner_texts()


def test_the_page_opens_from_disk_with_the_answer_first(open_page: Open) -> None:
    """Without an error in the console and without a request beyond itself: the fixture watches."""
    page = open_page(report_of(60)["report.html"])

    assert page.locator("h1").inner_text() == figures(60)["headline"]
    assert page.title() == figures(60)["headline"]
    assert page.locator("#selected").inner_text() == "60 trials"


def test_numbers_read_the_same_in_python_and_in_the_page(open_page: Open) -> None:
    """The page's table shows what Python's shown() writes, of numbers of every size."""
    values = [0.1, 1 / 3, 2 / 3e5, 123456.789, 1e-7, 3.5e12, -0.25, 16777217.0, 0.039592083543539047]
    given = analysed([trial(n, {"a": n}, None, metrics={"m": value}) for n, value in enumerate(values)])
    page = open_page(files(given)["report.html"])
    column = page.locator("#rows thead th").all_inner_texts().index("m") + 1

    assert cells(page, column) == [shown(value) for value in values]


def test_a_script_that_is_not_the_pages_own_does_not_run(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "altered.html"
    path.write_text(
        report_of(60)["report.html"].decode().replace("</main>", "<script>document.title = 'x'</script></main>")
    )
    page = browser.new_page()
    page.goto(path.as_uri())

    assert page.title() == figures(60)["headline"]
    page.close()


def test_brushing_in_one_chart_selects_in_the_table_and_in_all_charts(open_page: Open) -> None:
    page = open_page(report_of(60)["report.html"])
    page.locator("figure.slices").scroll_into_view_if_needed()
    page.wait_for_timeout(100)
    other = page.locator("figure.slices canvas").first
    before = other.evaluate("canvas => canvas.toDataURL()")
    drag(page, "figure.history", (0.15, 0.1), (0.5, 0.9))
    output = page.locator("#selected").inner_text()
    shown = page.locator("#rows tbody tr[data-trial]")
    finished = figures(60)["trials"]["finished"]
    places = [finished[int(row.get_attribute("data-trial") or "")] for row in shown.all()]

    assert output == f"{shown.count()} of 60 trials selected"
    assert 3 < shown.count() < 40
    assert max(places) - min(places) + 1 - len(places) <= 4  # a range of ends, but for failed ones in the lane above
    other.scroll_into_view_if_needed()
    page.wait_for_timeout(200)
    assert other.evaluate("canvas => canvas.toDataURL()") != before
    page.locator("#clear").click()
    page.wait_for_function("() => document.getElementById('selected').textContent === '60 trials'")


def test_the_charts_zoom_in_on_a_selection_and_out_again(open_page: Open) -> None:
    """The axes fit to what was selected, the rest is out of the way, and the table follows."""
    page = open_page(report_of(60)["report.html"])
    history = page.locator("figure.history canvas").first
    before = history.evaluate("canvas => canvas.toDataURL()")
    drag(page, "figure.history", (0.15, 0.1), (0.5, 0.9))
    count = page.locator("#rows tbody tr[data-trial]").count()
    page.get_by_role("button", name="Zoom in").click()
    page.wait_for_function("() => document.getElementById('unzoom').offsetWidth > 0")

    assert page.locator("#rows tbody tr[data-trial]").count() == count
    assert page.locator("#selection span").inner_text() == f"{count} of 60"
    page.get_by_role("button", name="Zoom out").click()
    page.wait_for_function("() => document.getElementById('selected').textContent === '60 trials'")
    page.wait_for_function(f"before => {HISTORY}.toDataURL() === before", arg=before)
    assert page.locator("#selection").is_hidden()


HISTORY = "document.querySelector('figure.history canvas')"


def test_an_axis_of_the_parallel_coordinates_has_a_brush_of_its_own(open_page: Open) -> None:
    page = open_page(report_of(60)["report.html"])
    drag(page, "figure.parallel-coordinates", (0.04, 0.1), (0.04, 0.5))
    rows = page.locator("#rows tbody tr[data-trial]").all()
    axis = figures(60)["groups"][0]["importance"]["effects"][0]["parameter"]
    values = figures(60)["trials"]["hyper_parameters"][axis]
    selected = {values[int(row.get_attribute("data-trial") or "")] for row in rows}

    assert 0 < len(rows) < 57
    assert all(min(selected) <= value <= max(selected) for value in selected)
    assert not any(
        min(selected) < value < max(selected)
        for at, value in enumerate(values)
        if value not in selected and figures(60)["trials"]["rank"][at]
    )


# A copy is read: Chromium warns on the console of canvases that are themselves read again and again.
IS_DRAWN = """canvas => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  return copy.getImageData(0, 0, canvas.width, canvas.height).data.some(each => each);
}"""


def test_charts_out_of_view_are_drawn_too(open_page: Open) -> None:
    """For a picture of the whole page, whenever it is taken and however slow the machine."""
    page = open_page(report_of(60)["report.html"])
    page.wait_for_function(
        f"() => [...document.querySelectorAll('.plot canvas:first-child')].every({IS_DRAWN})", polling=200
    )

    assert page.evaluate("scrollY") == 0


def test_a_heading_sorts_and_says_so(open_page: Open) -> None:
    page = open_page(report_of(60)["report.html"])
    headings = page.locator("#rows thead th")
    place = headings.all_inner_texts().index("learning_rate") + 1
    for state, is_down in (("ascending", False), ("descending", True)):
        page.locator(f"#rows thead th:nth-child({place}) button").click()
        values = [float(text) for text in cells(page, place)]

        assert values == sorted(values, reverse=is_down)
        assert page.locator(f"#rows thead th:nth-child({place})").get_attribute("aria-sort") == state


def test_the_search_finds_trials_by_any_of_their_texts(open_page: Open) -> None:
    page = open_page(report_of(60)["report.html"])
    page.locator("#search").fill("failed sgd")
    page.wait_for_function("() => document.getElementById('selected').textContent.includes('selected')")
    trials = figures(60)["trials"]
    expected = {
        name
        for name, status, optimizer in zip(
            trials["job_name"], trials["status"], trials["hyper_parameters"]["optimizer"], strict=True
        )
        if status == "Failed" and optimizer == "sgd"
    }

    assert set(page.locator("#rows tbody a.job").all_inner_texts()) == expected


def test_columns_can_be_chosen(open_page: Open) -> None:
    page = open_page(report_of(60)["report.html"])
    page.locator("#columns summary").click()
    page.get_by_label("dropout", exact=True).uncheck()
    page.get_by_label("Ended", exact=True).check()
    headings = page.locator("#rows thead th").all_inner_texts()

    assert headings[0] == "Job"
    assert "dropout" not in headings
    assert "Ended" in headings


def test_the_table_shows_what_report_json_holds(open_page: Open) -> None:
    page = open_page(report_of(60)["report.html"])
    trials = figures(60)["trials"]
    headings = page.locator("#rows thead th").all_inner_texts()
    ranked = sorted((at for at in range(60) if trials["rank"][at]), key=lambda at: trials["rank"][at])

    assert cells(page, headings.index("validation:loss") + 1)[: len(ranked)] == [
        shown(trials["value"][at]) for at in ranked
    ]
    for name in ("learning_rate", "dropout", "weight_decay"):
        found = cells(page, headings.index(name) + 1)[: len(ranked)]
        assert found == [shown(trials["hyper_parameters"][name][at]) for at in ranked]


MARK = "\ufeff"  # by which Excel knows UTF-8


def downloaded(page: Page, button: str) -> str:
    with page.expect_download() as waiting:
        page.locator(button).click()
    return waiting.value.path().read_bytes().decode()


def test_the_csv_holds_every_trial_with_every_hyperparameter_and_metric(open_page: Open) -> None:
    page = open_page(report_of(60)["report.html"])
    rows = list(csv.DictReader(io.StringIO(downloaded(page, "#csv").removeprefix(MARK))))
    trials = figures(60)["trials"]
    by_name = {row["Job"]: row for row in rows}

    assert len(rows) == 60
    for at, name in enumerate(trials["job_name"]):
        for parameter, values in trials["hyper_parameters"].items():
            text = by_name[name][parameter]
            assert (text if isinstance(values[at], str) else float(text)) == values[at]
        for metric in ("train:loss", "validation:auc"):
            value = trials["metrics"][metric][at]
            assert by_name[name][metric] == ("" if value is None else by_name[name][metric])
            assert value is None or float(by_name[name][metric]) == value


def test_whole_numbers_keep_all_their_digits_everywhere_in_the_page(open_page: Open) -> None:
    """JavaScript's own numbers would round them, and make one of two."""
    seeds = ["9007199254740993", "9007199254740992", "-1234567890123456789", "123456789012345678901234567890"]
    given = [trial(n, {"seed": seed}, 0.1 * (n + 1)) for n, seed in enumerate(seeds)]
    made = files(analysed(given))
    page = open_page(made["report.html"])
    column = page.locator("#rows thead th").all_inner_texts().index("seed") + 1
    rows = list(csv.DictReader(io.StringIO(downloaded(page, "#csv").removeprefix(MARK))))

    assert cells(page, column) == seeds
    assert [row["seed"] for row in rows] == seeds
    assert json.loads(downloaded(page, "#json"))["trials"]["hyper_parameters"]["seed"] == [int(each) for each in seeds]
    page.locator("#rows thead th button", has_text="seed").click()
    assert cells(page, column) == sorted(seeds, key=int)


def test_a_number_that_is_cut_shows_all_its_digits_on_hover_and_points_lie_below_each_other(open_page: Open) -> None:
    values = [0.5, 0.123456789, 12.25]
    given = analysed([trial(n, {"a": n}, None, metrics={"m": value}) for n, value in enumerate(values)])
    page = open_page(files(given)["report.html"])
    column = page.locator("#rows thead th").all_inner_texts().index("m") + 1
    found = page.locator(f"#rows tbody tr[data-trial] td:nth-child({column})")
    behind = [found.nth(at).evaluate("cell => cell.dataset.behind") for at in range(3)]

    assert cells(page, column) == ["0.5", "0.1235", "12.25"]
    assert found.nth(1).get_attribute("title") == "0.123456789"
    assert [text + blanks for text, blanks in zip(cells(page, column), behind, strict=True)] == aligned(
        cells(page, column)
    )


def test_a_csv_keeps_negative_numbers_runs_no_formula_and_opens_as_utf_8(open_page: Open) -> None:
    texts = ["-1", "größer", "=1+1", "+49 30 1", "-0.5", "-1+1"]
    given = analysed([trial(n, {"thr": text}, 0.1 * (n + 1)) for n, text in enumerate(texts)])
    text = downloaded(open_page(files(given)["report.html"]), "#csv")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix(MARK))))

    assert text.startswith(MARK)
    assert [row["thr"] for row in rows] == ["-1", "größer", "'=1+1", "'+49 30 1", "-0.5", "'-1+1"]


def test_the_json_is_report_json(open_page: Open) -> None:
    page = open_page(report_of(60)["report.html"])

    assert json.loads(downloaded(page, "#json")) == figures(60)


def test_a_trials_anchor_leads_to_its_row(open_page: Open) -> None:
    page = open_page(report_of(60)["report.html"], anchor="#trial=net-00042")
    page.wait_for_selector("#rows tr.focus")

    assert page.locator("#rows tr.focus a.job").inner_text() == "net-00042"
    assert page.locator("p[role=status].hidden").inner_text().count("net-00042") == 1


def test_arrow_keys_walk_through_a_chart_and_say_what_they_reach(open_page: Open) -> None:
    page = open_page(report_of(60)["report.html"])
    page.locator("figure.history canvas").nth(1).focus()
    page.keyboard.press("ArrowRight")
    first = page.locator("p[role=status].hidden").inner_text()
    page.keyboard.press("ArrowRight")
    second = page.locator("p[role=status].hidden").inner_text()

    assert first.split(", ")[0].split(" ")[-1].startswith("net-")
    assert first != second


def test_shift_and_an_arrow_key_select_what_lies_between(open_page: Open) -> None:
    """A brush without a mouse: the charts and the table follow, and the count is said."""
    page = open_page(report_of(60)["report.html"])
    page.locator("figure.history canvas").nth(1).focus()
    page.keyboard.press("ArrowRight")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowRight")
    # Each key is drawn with the next frame: the last of them is waited for, not the first.
    page.wait_for_function("() => document.querySelectorAll('#rows tbody tr[data-trial]').length === 5")
    page.wait_for_function("() => document.querySelector('p[role=status].hidden').innerText.endsWith('5 selected')")

    page.keyboard.press("Escape")
    page.wait_for_function("() => document.getElementById('selected').textContent === '60 trials'")


def test_the_keyboard_reaches_everything_in_the_order_of_the_page(open_page: Open) -> None:
    page = open_page(report_of(60)["report.html"])
    reached: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('a[href], button, input, summary, [tabindex="0"]')]
          .filter(each => each.offsetParent !== null)
          .map(each => `${each.tabIndex}:${each.closest('section, header')?.id ?? ''}`)"""
    )
    page.keyboard.press("Tab")
    first = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Tab")

    assert {each.split(":")[0] for each in reached} == {"0"}  # nothing jumps the queue
    order = list(dict.fromkeys(each.split(":")[1] for each in reached if each.split(":")[1]))
    assert order == ["verdict", "next", "best", "gaps", "charts", "trials", "failures", "cost", "reproduce"]
    assert first == "To the content"
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#best"


def test_the_focus_stays_on_its_trial_while_rows_are_recreated(open_page: Open) -> None:
    """Tab goes from link to link through a table that holds a window of its rows."""
    page = open_page(report_of(1000)["report.html"])
    page.locator("#rows tbody a.job").first.focus()
    for _ in range(60):
        page.keyboard.press("Tab")
    page.wait_for_timeout(300)
    row = page.evaluate("document.activeElement.closest('tr')?.getAttribute('aria-rowindex')")

    assert row == "62"  # the heading is the first row
    assert page.evaluate("document.getElementById('rows').scrollTop") > 0


def test_the_table_says_what_it_is_to_a_screen_reader(open_page: Open) -> None:
    page = open_page(report_of(1000)["report.html"])
    table = page.get_by_role("table", name="Trials")
    indices = [int(row.get_attribute("aria-rowindex") or 0) for row in table.locator("tbody tr[data-trial]").all()]
    sorts = [head.get_attribute("aria-sort") for head in page.get_by_role("columnheader").all()]
    chart = page.locator("figure.history canvas").nth(1)

    assert table.get_attribute("aria-rowcount") == "1001"
    assert indices == list(range(2, 2 + len(indices)))
    assert sorted(filter(None, sorts)) == ["ascending", *["none"] * (len(sorts) - 4)][: len(list(filter(None, sorts)))]
    assert chart.get_attribute("role") == "application"
    assert "Best validation:loss" in (chart.get_attribute("aria-label") or "")
    assert page.locator(f"#{chart.get_attribute('aria-describedby')}").inner_text().startswith("Drag over a chart")


def test_the_table_and_the_download_hold_what_a_brush_selects(open_page: Open) -> None:
    page = open_page(report_of(60)["report.html"])
    drag(page, "figure.contour", (0.1, 0.1), (0.6, 0.7))
    in_table = {row.get_attribute("data-trial") for row in page.locator("#rows tbody tr[data-trial]").all()}
    names = {row["Job"] for row in csv.DictReader(io.StringIO(downloaded(page, "#csv").removeprefix(MARK)))}

    assert 0 < len(in_table) < 57
    assert names == {figures(60)["trials"]["job_name"][int(at or "")] for at in in_table}


def test_ten_thousand_trials_are_shown_a_window_at_a_time(open_page: Open) -> None:
    page = open_page(report_of(10_000)["report.html"])
    page.locator("#rows").evaluate("rows => { rows.scrollTop = rows.scrollHeight; }")
    page.wait_for_function("() => document.querySelector('#rows tbody tr[aria-rowindex=\"10001\"]')")

    assert page.locator("#rows tbody tr[data-trial]").count() < 150
    assert page.locator("#rows table").get_attribute("aria-rowcount") == "10001"


@pytest.mark.parametrize(("trials", "limit"), [(100, 1_600_000), (10_000, 6_000_000)])
def test_the_page_is_light_enough_to_be_mailed(trials: int, limit: int) -> None:
    assert len(report_of(trials)["report.html"]) <= limit


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (1200, "dark"), (375, "light")])
def test_axe_finds_nothing_serious(open_page: Open, width: int, scheme: str) -> None:
    page = open_page(report_of(60)["report.html"], width=width, scheme=scheme)

    assert serious(page) == []


@pytest.mark.parametrize("trials", [60, 200])
def test_a_phone_needs_no_sideways_scrolling(open_page: Open, trials: int) -> None:
    """Two hundred have an importance among the better half too."""
    page = open_page(report_of(trials)["report.html"], width=375)

    assert page.evaluate("document.documentElement.scrollWidth") == 375
    assert page.locator("#rows tbody .sign").first.is_visible()


def test_words_that_a_phone_hides_stay_within_the_table(open_page: Open) -> None:
    """The status is a sign there; its word is for screen readers, far to the right of long names."""
    sweep, records = sweep_at(TUNING)
    page = open_page(dict(files(analysed(records, sweep=sweep)))["report.html"], width=390)

    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_on_paper_all_rows_are_printed_and_the_controls_do_not(open_page: Open) -> None:
    page = open_page(report_of(200)["report.html"], scheme="dark")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    all_are_drawn = f"() => [...document.querySelectorAll('.plot canvas:first-child')].every({IS_DRAWN})"

    assert page.locator("#rows tbody tr[data-trial]").count() == 200
    assert not page.locator("#csv").is_visible()
    assert not page.locator("nav").is_visible()
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    assert page.evaluate(all_are_drawn)
    # An A4 sheet within its margins: no value is broken in two, and heads are what Chromium repeats on each sheet.
    page.set_viewport_size({"width": 703, "height": 1000})
    assert page.evaluate("document.documentElement.scrollWidth") <= 703
    assert page.evaluate(LINES) == [1]
    assert page.locator("#rows thead button").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("#rows thead button").count() > 0


# How many lines the numbers and the short texts of the table take.
LINES = """
[...new Set([...document.querySelectorAll('#rows td:not(.long):not([colspan])')].map(each => {
  const range = document.createRange();
  range.selectNodeContents(each);
  return new Set([...range.getClientRects()].map(box => Math.round(box.top))).size;
}))]
"""


def test_on_paper_legends_keep_their_colours(open_page: Open) -> None:
    """Printers leave out backgrounds unless a page asks for them."""
    page = open_page(report_of(60)["report.html"])
    page.emulate_media(media="print")

    kept = "[...document.querySelectorAll('.ramp i, .strip')].map(each => getComputedStyle(each).printColorAdjust)"
    assert set(page.evaluate(kept)) == {"exact"}


def test_a_printed_report_is_a_few_sheets_whatever_the_number_of_trials(open_page: Open) -> None:
    page = open_page(report_of(10_000)["report.html"])

    assert pages_of(page.pdf(format="A4")) <= 16
    assert page.locator("#rows tbody tr[data-trial]").count() < 150  # the page itself goes on as it was


SHAPES: dict[str, Callable[[], list[Record]]] = {
    "no trial": list,
    "one trial": lambda: one_number({0.1: 0.3}),
    "one number": lambda: one_number({1: 0.3, 2: 0.2, 4: 0.25}),
    "ties": lambda: one_number({1: 0.2, 2: 0.2, 4: 0.2}),
    "one category": lambda: [trial(n, {"a": "xyz"[n % 3]}, n / 10) for n in range(9)],
    "categories": lambda: [trial(n, {"a": "xyz"[n % 3], "b": "uv"[n % 2]}, n / 10) for n in range(9)],
    "two numbers": lambda: [trial(n, {"a": n, "b": n * 7 % 5}, n / 10) for n in range(9)],
    "nothing varied": lambda: [trial(n, {"a": 1}, n / 10) for n in range(4)],
    "nothing ranked": lambda: [trial(n, {"a": n}, None, metrics={"other": n}) for n in range(4)],
    "all failed": lambda: [trial(n, {"a": n}, None, status="Failed", failure_reason=f"boom {n}") for n in range(4)],
    "in progress": lambda: [*one_number({1: 0.3}), trial(5, {"eta": 3}, None, status="InProgress")],
    "two objectives": lambda: [trial(n, {"a": n}, n / 9, metric="loss" if n % 2 else "accuracy") for n in range(9)],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_a_search_has_a_page_in_order(open_page: Open, shape: str) -> None:
    """No error in the console, nothing beyond the edge, no serious violation; by turns in the dark and on a phone."""
    width, scheme = (1200, "dark") if list(SHAPES).index(shape) % 2 else (375, "light")
    made = dict(files(analysed(SHAPES[shape]())))
    page = open_page(made["report.html"], width=width, scheme=scheme)

    assert page.locator("h1").inner_text() == json.loads(made["report.json"])["headline"]
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert serious(page) == []


HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "<img src=x onerror=alert(3)>",
    "\"'><svg onload=alert(4)>",
    "=cmd|' /C calc'!A1",
    "\u202eevil\u202c",
    "{{ 7 * 7 }} ${7*7} <!-- --> ]]>",
    "line\nbreak\u2028separator",
    "__proto__",
]


def test_hostile_text_in_every_field_does_nothing_but_show(open_page: Open) -> None:
    """The fixture fails on any dialog, error and request."""
    found = synthetic.records(12)
    changed = [
        replace(
            record,
            job=replace(
                record.job,
                hyper_parameters={**record.job.hyper_parameters, text: text, "note": f"{text} {at}"},
                tags={text: text},
                failure_reason=text,
                image=text,
                model_artifact=text,
                role=text,
                final_metrics=(*record.job.final_metrics, Metric.of(text, 0.5)),
                status="Failed" if at == 11 else record.job.status,
            ),
            trial=text,
            placed_by=text,
        )
        for at, (record, text) in enumerate(zip(found, (HOSTILE * 2)[:12], strict=True))
    ]
    made = files_of(changed)
    page = open_page(made["report.html"])
    page.locator("#columns summary").click()
    table = list(csv.reader(io.StringIO(downloaded(page, "#csv"))))
    shown = page.locator("body").inner_text()

    assert json.loads(downloaded(page, "#json")) == json.loads(made["report.json"])
    assert not [cell for row in table for cell in row if cell.startswith(("=", "+", "@"))]
    assert (
        page.evaluate("document.querySelectorAll('main script, main iframe, main [onerror], main [onload]').length")
        == 0
    )
    for text in HOSTILE[:4]:
        assert text in shown
