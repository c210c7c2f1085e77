"""The objective over two hyperparameters."""

from math import exp
from typing import Any

from trialbook.core.analysis.arithmetic import onto
from trialbook.core.analysis.model import Analysis, Group, Parameter, Scale, TrialRow
from trialbook.core.analysis.wording import cut
from trialbook.core.charts import words
from trialbook.core.charts.chart import (
    HEIGHT,
    WIDTH,
    Chart,
    Colours,
    Spec,
    Theme,
    better,
    colours,
    framed,
    is_minimised,
    stronger,
)
from trialbook.core.charts.data import MOST_POINTS, drawable, point, ranked, thinned
from trialbook.core.charts.marks import star
from trialbook.core.charts.scatter import parameter_of, x_of
from trialbook.core.numbers import DRAWN, within

_CELLS = 24
_SUMMED = 1e290  # so that the sum of all trials, each with its weight, is no larger than what is drawn


def contour(analysis: Analysis, one: str, other: str, theme: Theme = Theme.LIGHT, group: int = 0) -> Chart:
    """The objective over two numbers: trials as points, between them an estimate from those nearby."""
    found = analysis.groups[group]
    c = colours(theme)
    a, b = parameter_of(analysis, one), parameter_of(analysis, other)
    rows = [
        row for row in ranked(analysis, group) if None not in (row.hyper_parameters[one], row.hyper_parameters[other])
    ]
    shown = thinned(rows, MOST_POINTS)
    x, y = {**x_of(a), "field": "x"}, {**x_of(b), "field": "y"}
    data = [point(row, x=drawable(row.hyper_parameters[one]), y=drawable(row.hyper_parameters[other])) for row in shown]
    spread = found.spread
    is_least = is_minimised(found)
    ends = [drawable(spread.axis_low), drawable(spread.axis_high)]
    domain = ends if is_least else ends[::-1]
    ramp = {"range": list(c.ramp), "domain": domain, "clamp": True}
    colour: Spec = {"field": "value", "type": "quantitative", "scale": ramp, "title": cut(found.ranking.metric, 26)}
    said = words.contour(found, one, other)
    layers = [_surface(found, a, b, shown, x, y, colour), *_points(data, x, y, colour, c)]
    subtitle = f"colour: {better(found)}, {stronger(theme)} is better; star: best; between trials an estimate"
    body: Spec = {"width": WIDTH - 80, "height": HEIGHT + 60, "layer": layers}
    return Chart("contour", said.title, said.alt, framed(said.title, subtitle, body, theme))


def _points(data: list[dict[str, Any]], x: Spec, y: Spec, colour: Spec, c: Colours) -> list[Spec]:
    mark = {"type": "point", "filled": True, "size": 70, "stroke": c.text, "strokeWidth": 0.8, "opacity": 1}
    rest = [each for each in data if each["mark"] != "best"]
    best = [each for each in data if each["mark"] == "best"]
    return [
        {"data": {"values": rest}, "mark": mark, "encoding": {"x": x, "y": y, "color": colour}},
        *star(best, x, y, c),
    ]


def _surface(group: Group, a: Parameter, b: Parameter, rows: list[TrialRow], x: Spec, y: Spec, colour: Spec) -> Spec:
    """A grid of cells, each with the mean of the trials weighted by nearness."""
    spots = [(_unit(a, row), _unit(b, row), within(row.value or 0.0, _SUMMED)) for row in rows[:400]]
    cells = []
    for i in range(_CELLS):
        for j in range(_CELLS):
            u, v = (i + 0.5) / _CELLS, (j + 0.5) / _CELLS
            weights = [1 / ((u - p) ** 2 + (v - q) ** 2 + 0.002) ** 2 for p, q, _ in spots]
            mean = sum(w * value for w, (_, _, value) in zip(weights, spots, strict=True)) / sum(weights)
            cells.append({**_edges("x", a, i), **_edges("y", b, j), "value": mean})
    encoding = {"x": x, "x2": {"field": "x2"}, "y": y, "y2": {"field": "y2"}, "color": colour}
    return {"data": {"values": cells}, "mark": {"type": "rect", "opacity": 0.45, "tooltip": None}, "encoding": encoding}


def _bounds(parameter: Parameter) -> tuple[float, float]:
    to = onto(parameter.scale)
    low, high = (to(within(float(end or 0.0), DRAWN)) for end in (parameter.lowest, parameter.highest))
    room = max(0.5, abs(low) * 0.05)
    return (low, high) if high - low > 1 / DRAWN else (low - room, low + room)


def _unit(parameter: Parameter, row: TrialRow) -> float:
    low, high = _bounds(parameter)
    value = within(float(row.hyper_parameters[parameter.name] or 0), DRAWN)
    return (onto(parameter.scale)(value) - low) / (high - low)


def _edges(axis: str, parameter: Parameter, place: int) -> dict[str, float]:
    low, high = _bounds(parameter)
    back = exp if parameter.scale is Scale.LOG else float
    return {
        axis: back(low + (high - low) * place / _CELLS),
        f"{axis}2": back(low + (high - low) * (place + 1) / _CELLS),
    }
