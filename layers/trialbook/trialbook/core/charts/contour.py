"""The objective over two hyperparameters."""

from collections.abc import Mapping, Sequence
from typing import Any

from trialbook.core.analysis.axes import least_beside_zero, onto_axis
from trialbook.core.analysis.model import Analysis, Parameter, TrialRow, Value
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
_STEPS = 16  # whole numbers that are told apart
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
    sides = {each.name: _Side(each, [row.hyper_parameters[each.name] for row in rows]) for each in (a, b)}
    x, y = {**x_of(a, least=sides[one].least), "field": "x"}, {**x_of(b, least=sides[other].least), "field": "y"}
    data = [point(row, x=drawable(row.hyper_parameters[one]), y=drawable(row.hyper_parameters[other])) for row in shown]
    spread = found.spread
    is_least = is_minimised(found)
    low, high = spread.axis_low, spread.axis_high
    if spread.bend is not None:  # outliers have the colour of the worst of the others
        low, high = (low, spread.bend) if is_least else (spread.bend, high)
    ends = [drawable(low), drawable(high)]
    domain = ends if is_least else ends[::-1]
    ramp = {"range": list(c.ramp), "domain": domain, "clamp": True}
    colour: Spec = {"field": "value", "type": "quantitative", "scale": ramp, "title": cut(found.ranking.metric, 26)}
    said = words.contour(found, one, other)
    layers = [_surface(shown, sides, x, y, colour), *_points(data, x, y, colour, c)]
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


class _Side:
    """A hyperparameter along one side of the map: places between 0 and 1, and back to values."""

    def __init__(self, parameter: Parameter, values: Sequence[Value]) -> None:
        numbers = [within(float(value or 0), DRAWN) for value in values]
        self.least = least_beside_zero(parameter, values)
        self.to, self.back = onto_axis(parameter, self.least)
        low, high = (self.to(within(float(end or 0.0), DRAWN)) for end in (parameter.lowest, parameter.highest))
        room = max(0.5, abs(low) * 0.05)
        self.low, self.high = (low, high) if high - low > 1 / DRAWN else (low - room, low + room)
        tried = sorted(set(numbers))
        self.steps = [self.place(value) for value in tried] if parameter.is_integer and len(tried) <= _STEPS else []

    def place(self, value: float) -> float:
        return (self.to(value) - self.low) / (self.high - self.low)

    def estimated(self, place: float) -> float:
        """The place that stands for this one: the nearest value tried, where those are few whole numbers."""
        return min(self.steps, key=lambda each: abs(each - place), default=place)

    def edges(self, axis: str, cell: int) -> dict[str, float]:
        width = self.high - self.low
        return {
            axis: self.back(self.low + width * cell / _CELLS),
            f"{axis}2": self.back(self.low + width * (cell + 1) / _CELLS),
        }


def _surface(rows: list[TrialRow], sides: Mapping[str, _Side], x: Spec, y: Spec, colour: Spec) -> Spec:
    """A grid of cells, each with the mean of the trials weighted by nearness."""
    (one, a), (other, b) = sides.items()
    spots = [(_at(a, row, one), _at(b, row, other), within(row.value or 0.0, _SUMMED)) for row in rows[:400]]
    cells = []
    for i in range(_CELLS):
        for j in range(_CELLS):
            u, v = a.estimated((i + 0.5) / _CELLS), b.estimated((j + 0.5) / _CELLS)
            weights = [1 / ((u - p) ** 2 + (v - q) ** 2 + 0.002) ** 2 for p, q, _ in spots]
            mean = sum(w * value for w, (_, _, value) in zip(weights, spots, strict=True)) / sum(weights)
            cells.append({**a.edges("x", i), **b.edges("y", j), "value": mean})
    encoding = {"x": x, "x2": {"field": "x2"}, "y": y, "y2": {"field": "y2"}, "color": colour}
    return {"data": {"values": cells}, "mark": {"type": "rect", "opacity": 0.75, "tooltip": None}, "encoding": encoding}


def _at(side: _Side, row: TrialRow, name: str) -> float:
    return side.place(within(float(row.hyper_parameters[name] or 0), DRAWN))
