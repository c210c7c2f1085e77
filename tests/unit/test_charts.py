"""Charts as data: each shows what it must, and says its finding in words."""

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from tests import synthetic
from tests.unit.analysing import analysed, one_number, trial
from trialbook.core.analysis.model import Analysis
from trialbook.core.charts.chart import Chart, Theme
from trialbook.core.charts.choice import charts, outlines, picture

NAMES = ["a.b", "x[0]", "it's", 'say "hi"', "line\nbreak", "datum", "__proto__", "n" * 500, "<script>", "ünï"]


def hostile() -> Analysis:
    """Hyperparameters with names that are code to something, forty trials."""
    records = [
        trial(n, {name: (n * (place + 3)) % 17 / 10 for place, name in enumerate(NAMES)}, ((n * 7) % 40) / 10)
        for n in range(40)
    ]
    return analysed(records)


def several() -> Analysis:
    made = synthetic.records(120)
    return analysed(made, sweep=synthetic.sweep(made))


MADE: dict[str, Callable[[], Analysis]] = {
    "one number": lambda: analysed(one_number({1: 0.3, 2: 0.2, 4: 0.1, 8: 0.4, 10: 0.5})),
    "one category": lambda: analysed([trial(n, {"o": name}, n / 10) for n, name in enumerate("abc")]),
    "two numbers": lambda: analysed([trial(n, {"eta": n % 5, "depth": n % 3}, 1 / (n + 1)) for n in range(15)]),
    "several": several,
    "two models": lambda: analysed(
        [trial(n, {"depth": n} if n % 2 else {"units": 2**n}, 1 / (n + 1)) for n in range(8)]
    ),
    "two models, one rate": lambda: analysed(
        [trial(n, {"rate": n % 5, "depth" if n % 2 else "units": n}, 1 / (n + 1)) for n in range(8)]
    ),
    "one trial": lambda: analysed([trial(0, {"eta": 1}, 0.5)]),
    "nothing varied": lambda: analysed([trial(n, {"eta": 1}, n / 10) for n in range(3)]),
    "ties": lambda: analysed(one_number({1: 0.1, 2: 0.1, 3: 0.1})),
    "all failed": lambda: analysed(
        [trial(n, {"eta": n}, None, status="Failed", failure_reason="boom") for n in range(3)]
    ),
    "negative and huge": lambda: analysed(one_number({1: -1e12, 2: 3e11, 3: 0.0}, metric="accuracy")),
    "hostile names": hostile,
    "nothing": lambda: analysed([]),
}


@cache
def analysis(name: str) -> Analysis:
    return MADE[name]()


def all_charts(name: str, theme: Theme = Theme.LIGHT) -> list[Chart]:
    return [*charts(analysis(name), theme), picture(analysis(name), theme)]


@pytest.mark.parametrize("name", [name for name in MADE if name != "nothing"])
def test_each_chart_says_its_finding_in_words(name: str) -> None:
    for chart in all_charts(name):
        assert chart.title
        assert any(character.isdigit() for character in chart.alt), chart.kind


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("one number", ["value by parameter", "history", "timeline"]),
        ("one category", ["value by parameter", "history", "timeline"]),
        ("two numbers", ["contour", "history", "slices", "parallel coordinates", "timeline"]),
        ("several", ["history", "importance", "slices", "parallel coordinates", "contour", "timeline"]),
        ("two models", ["history", "slices", "parallel coordinates", "timeline"]),
        ("two models, one rate", ["history", "slices", "parallel coordinates", "contour", "timeline"]),
        ("one trial", ["timeline"]),
        ("nothing varied", ["history", "timeline"]),
        ("all failed", ["timeline"]),
    ],
)
def test_the_shape_of_the_search_chooses_the_charts(name: str, kinds: list[str]) -> None:
    assert [each.kind for each in outlines(analysis(name))] == kinds


def rows(spec: Any) -> Iterator[dict[str, Any]]:
    """Every row of data anywhere in a spec."""
    if isinstance(spec, dict):
        values = spec.get("data", {}).get("values") if isinstance(spec.get("data"), dict) else None
        yield from values or []
        for each in spec.values():
            yield from rows(each)
    elif isinstance(spec, list):
        for each in spec:
            yield from rows(each)


def texts(spec: Any) -> Iterator[str]:
    if isinstance(spec, dict):
        for key, each in spec.items():
            if key != "data":
                yield from texts(each)
    elif isinstance(spec, list):
        for each in spec:
            yield from texts(each)
    elif isinstance(spec, str):
        yield spec


def test_the_axis_names_the_metric_and_which_way_is_better() -> None:
    chart = charts(analysis("one number"))[0]

    assert any("loss" in text and "lower is better" in text for text in texts(chart.spec))
    assert any(
        "accuracy" in text and "higher is better" in text
        for text in texts(charts(analysis("negative and huge"))[0].spec)
    )


def test_the_best_trial_is_marked_with_its_value() -> None:
    chart = charts(analysis("one number"))[0]
    shown = json.dumps(list(rows(chart.spec)))

    assert "0.1" in shown
    assert any("star" in text.lower() or text.startswith("M") for text in texts(chart.spec))


def test_failed_trials_are_shown_where_the_history_goes() -> None:
    history = next(chart for chart in charts(analysis("several")) if chart.kind == "history")
    crosses = sorted(row["x"] for row in rows(history.spec) if row.keys() == {"x"})
    failed = [row.finished for row in analysis("several").trials if row.status == "Failed"]

    assert crosses == sorted(place for place in failed if place is not None)
    assert len(crosses) == 6


def specs(kind: str, analysis: Analysis) -> dict[str, Any]:
    return dict(next(each for each in charts(analysis) if each.kind == kind).spec)


def test_outliers_have_a_strip_of_the_axis_at_the_end_where_values_are_worse() -> None:
    """The same in all charts of the objective; the higher the pixel, the lower it is drawn."""
    values = {n: 0.15 + (n * 7 % 40) / 1000 for n in range(40)} | {100 + n: 0.25 + n / 200 for n in range(12)}
    least = specs("history", analysed(one_number(values)))["layer"]
    most = specs("history", analysed(one_number({n: -value for n, value in values.items()}, metric="accuracy")))
    scale = least[1]["encoding"]["y"]["scale"]

    assert scale["domain"][1] == pytest.approx(0.189)
    assert scale["range"] == [300, pytest.approx(51), 0]
    assert least[0]["encoding"]["y2"]["value"] == pytest.approx(51)
    assert most["layer"][1]["encoding"]["y"]["scale"]["range"] == [300, pytest.approx(249), 0]
    assert most["layer"][0]["encoding"]["y"]["value"] == pytest.approx(249)


def test_zero_beside_decades_is_distinct_from_the_small_values() -> None:
    """On a linear axis of weight decays from 0 to 1 all but the largest are one."""
    decays = [0.0, *(10.0 ** (-5 + n / 4) for n in range(20))]
    found = analysed([trial(n, {"decay": decay, "x": n % 7}, 1 + n % 5) for n, decay in enumerate(decays)])
    axis = specs("slices", found)["concat"][0]["layer"][-1]["encoding"]["x"]
    lines = specs("parallel coordinates", found)["layer"][0]["data"]["values"]
    places = sorted({each["place"] for each in lines if each["axis"] == "decay"})

    assert axis["scale"]["type"] == "symlog"
    assert axis["axis"]["values"][:3] == [0.0, 1e-05, 0.0001]
    assert "log scale" in axis["title"]
    assert sum(1 for place in places if place > 0.2) >= 14


def test_a_map_has_the_same_colour_all_around_a_whole_number() -> None:
    """Between 3 and 4 layers there is nothing that could have been tried."""
    found = analysed([trial(n, {"layers": n % 3, "rate": n / 30}, (n % 3) + n / 300) for n in range(30)])
    spec = specs("contour", found)
    side = "y" if spec["layer"][0]["encoding"]["y"]["title"] == "layers" else "x"
    other = "x" if side == "y" else "y"
    cells = spec["layer"][0]["data"]["values"]
    row = [each for each in cells if each[other] == cells[0][other]]

    assert len({round(each["value"], 9) for each in row}) == 3
