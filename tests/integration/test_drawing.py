"""The specs of charts, compiled and drawn by the library that the report draws with."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import vl_convert

from tests.unit.analysing import analysed, swept
from tests.unit.test_charts import MADE, all_charts, analysis
from trialbook.core.charts.chart import Theme
from trialbook.core.charts.choice import picture
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

    assert found.headline == "exp: ended before a job was started"
    assert made["chart.png"].startswith(b"\x89PNG")
    assert b"ResourceLimitExceeded" in made["report.html"]
