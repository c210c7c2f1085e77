"""The learning curves of a page, in a real browser."""

import math

from tests import synthetic
from tests.browser.conftest import Open, serious
from trialbook.core.analysis.analyse import analyse
from trialbook.core.curves.series import Axis, JobCurves, Series
from trialbook.report import files


def page_of(trials: int) -> bytes:
    """A page whose trials have curves; the last one diverges."""
    records = synthetic.records(trials)
    curves = {}
    for each in records:
        end = each.value or 0.5
        loss: list[float | None] = [end + (2 - end) * math.exp(-step / 8) for step in range(40)]
        if each is records[-1]:
            loss[20:] = [None] * 20
        else:
            loss[-1] = end
        names = {name: Series.of(Axis.ITERATION, enumerate(loss)) for name in ("validation:loss", "train:loss")}
        curves[each.job.name] = JobCurves(each.job.name, names)
    sweep = synthetic.sweep(records)
    assert sweep.closed_at is not None
    return files(analyse(sweep, records, as_of=sweep.closed_at, curves=curves))["report.html"]


def test_curves_are_drawn_select_trials_and_go_along_time(open_page: Open) -> None:
    page = open_page(page_of(20))
    plot = page.locator("figure.learning-curves canvas").last
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    right, bottom = box["x"] + box["width"] - 80, box["y"] + box["height"] - 48
    page.mouse.move(right - 60, bottom - 60)
    page.mouse.down()
    page.mouse.move(right, bottom, steps=4)
    page.mouse.up()
    page.wait_for_function("() => document.getElementById('selected').textContent.includes('of 20')")
    page.locator("figure.learning-curves select").select_option(index=1)
    page.wait_for_function("() => !document.getElementById('selected').textContent.includes(' of ')")
    plot.focus()
    page.keyboard.press("ArrowRight")

    assert "as good as the best’s value: iteration" in page.locator(".tip").inner_text()
    assert serious(page) == []
