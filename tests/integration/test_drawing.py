"""The specs of charts, compiled and drawn by the library that the report draws with."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import vl_convert

from tests.unit.analysing import analysed, swept, trial
from tests.unit.test_charts import MADE, all_charts, analysis
from trialbook.core.charts.chart import Theme
from trialbook.core.charts.choice import charts, picture
from trialbook.report import files
from trialbook.report.png import png


def cases() -> Iterator[Any]:
    for name in MADE:
        for theme in Theme:
            yield pytest.param(name, theme, id=f"{name}, {theme.value}")


@pytest.mark.parametrize(("name", "theme"), list(cases()))
def test_each_spec_is_one_that_vega_lite_compiles(name: str, theme: Theme) -> None:
    for chart in all_charts(name, theme):
        compiled = vl_convert.vegalite_to_vega(json.dumps(chart.spec), vl_version="5.20")

        assert compiled["$schema"].startswith("https://vega.github.io/schema/vega/")
        assert compiled["background"] == chart.spec["background"]


def test_every_chart_of_hostile_names_is_drawn() -> None:
    for chart in all_charts("hostile names"):
        assert vl_convert.vegalite_to_svg(json.dumps(chart.spec), vl_version="5.20").startswith("<svg")


@pytest.mark.parametrize("name", ["one number", "several", "hostile names", "all failed"])
def test_pictures_are_drawn_without_a_network(name: str) -> None:
    drawn = png(picture(analysis(name)))

    assert drawn.startswith(b"\x89PNG")
    assert 10_000 < len(drawn) < 1_500_000


def test_a_sweep_without_a_job_has_a_report_with_a_picture() -> None:
    """A tuning job can fail before it starts one."""
    found = analysed([], sweep=swept([], tuning_failure="ResourceLimitExceeded"))
    made = files(found)

    assert found.headline == "exp: finished before any job started"
    assert made["chart.png"].startswith(b"\x89PNG")
    assert b"ResourceLimitExceeded" in made["report.html"]


def test_texts_with_what_can_not_be_drawn_are_drawn_spelled_out() -> None:
    text = "".join(map(chr, [*range(32), 0x7F, 0x9B])) + "\ud800\ufffe\uffff\u2028\u202e"
    found = analysed(
        [trial(n, {"o": f"{text}{n % 3}", f"p{text}": n % 4, "q": n % 5}, n / 10, metrics={text: 1}) for n in range(9)]
    )

    for chart in (picture(found), *charts(found)):
        assert png(chart, scale=0.2).startswith(b"\x89PNG")


@pytest.mark.parametrize("values", [[1.7e308, -1.7e308, 0.0], [5e-324, 1e-310, 0.0], [1e308, 1e308, 1.7e308]])
def test_numbers_at_the_ends_of_what_a_float_holds_are_drawn(values: list[float]) -> None:
    found = analysed(
        [trial(n, {"eta": values[n % 3], "depth": values[n % 2]}, values[(n + 1) % 3], metrics={}) for n in range(8)]
    )

    for chart in (picture(found), *charts(found)):
        assert png(chart, scale=0.2).startswith(b"\x89PNG")
