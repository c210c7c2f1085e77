"""Trials as lines across all hyperparameters."""

from trialbook.core.analysis.arithmetic import place_between
from trialbook.core.analysis.axes import least_beside_zero, onto_axis
from trialbook.core.analysis.model import Analysis, Group, Kind, Parameter, Scale, TrialRow, Value
from trialbook.core.analysis.wording import cut
from trialbook.core.charts import words
from trialbook.core.charts.chart import (
    HEIGHT,
    WIDTH,
    Chart,
    Colours,
    Spec,
    Theme,
    colours,
    framed,
    is_minimised,
    stronger,
    value_level,
)
from trialbook.core.charts.data import MOST_LINES, ranked, thinned, thinning, where
from trialbook.core.charts.labels import by_name, labels
from trialbook.core.charts.scatter import by_importance, parameter_of
from trialbook.core.numbers import shown


def parallel(analysis: Analysis, theme: Theme = Theme.LIGHT, group: int = 0, most: int = 9) -> Chart:
    """A line per trial across the hyperparameters to the objective, stronger the better it is."""
    found = analysis.groups[group]
    c = colours(theme)
    rows = ranked(analysis, group)
    drawn = thinned(rows, MOST_LINES)
    axes = [_axis(analysis, rows, name) for name in by_importance(found)[:most]]
    lines = [each for row in reversed(drawn) for each in _line(row, axes, found)]
    said = words.parallel(found)
    subtitle = f"{stronger(theme)}: better; thick: the best, {shown(found.best.value)}{thinning(len(drawn), len(rows))}"
    names = [axis.title for axis in axes] + [cut(found.ranking.metric, 24)]
    body: Spec = {"width": WIDTH, "height": HEIGHT, "layer": _parallel(lines, axes, names, found, c)}
    return Chart("parallel coordinates", said.title, said.alt, framed(said.title, subtitle, body, theme))


def _axis(analysis: Analysis, rows: list[TrialRow], name: str) -> "_Axis":
    parameter = parameter_of(analysis, name)
    return _Axis(parameter, least_beside_zero(parameter, (value for _, value in where(rows, name))))


class _Axis:
    """Puts a hyperparameter's values between 0 and 1."""

    def __init__(self, parameter: Parameter, least: float | None) -> None:
        self.parameter = parameter
        self.title = cut(parameter.name, 24)
        self.order = sorted(parameter.categories, key=by_name)
        self.to, _ = onto_axis(parameter, least)
        self.low, self.high = parameter.lowest or 0.0, parameter.highest or 0.0

    def place(self, value: Value) -> float | None:
        """Where the value lies; None for trials that lack it."""
        if value is None:
            return None
        if self.parameter.kind is Kind.CATEGORY:
            return self.order.index(str(value)) / max(len(self.order) - 1, 1)
        if self.parameter.scale is Scale.LOG and self.low <= 0:
            return None
        low, high = self.to(self.low), self.to(self.high)
        return 0.5 if low == high else place_between(low, high, self.to(float(value)))

    def ends(self) -> tuple[str, str]:
        """The labels at the lower and upper end."""
        if self.parameter.kind is Kind.CATEGORY:
            ends = labels(self.order, 14)
            return ends[0], ends[-1]
        return shown(self.low), shown(self.high)


def _line(row: TrialRow, axes: list[_Axis], group: Group) -> list[Spec]:
    assert row.value is not None
    level = value_level(group, row.value)
    badness = level if is_minimised(group) else 1 - level
    places = [(axis.title, axis.place(row.hyper_parameters.get(axis.parameter.name))) for axis in axes]
    values = [(name, place) for name, place in (*places, (cut(group.ranking.metric, 24), level)) if place is not None]
    return [{"trial": row.rank, "axis": name, "place": place, "worse": badness} for name, place in values]


def _parallel(lines: list[Spec], axes: list[_Axis], names: list[str], group: Group, c: Colours) -> list[Spec]:
    x: Spec = {"field": "axis", "type": "nominal", "sort": names, "title": None, "scale": {"padding": 0.4}}
    x["axis"] = {"labelAngle": 0, "domain": False, "ticks": False, "labelPadding": 22, "grid": True, "labelLimit": 110}
    y: Spec = {"field": "place", "type": "quantitative", "axis": None, "scale": {"domain": [0, 1]}}
    ramp = {
        "field": "worse",
        "type": "quantitative",
        "scale": {"range": list(c.ramp), "domain": [0, 1]},
        "legend": None,
    }
    mark = {"type": "line", "strokeWidth": 1.2, "strokeOpacity": 0.6}
    best = [each for each in lines if each["trial"] == 1]
    spread = group.spread
    ends = [axis.ends() for axis in axes] + [(shown(spread.axis_low), shown(spread.axis_high))]
    labels = [{"axis": name, "place": 0, "text": low} for name, (low, _) in zip(names, ends, strict=True)]
    tops = [{"axis": name, "place": 1, "text": high} for name, (_, high) in zip(names, ends, strict=True)]
    text = {"type": "text", "color": c.quiet, "fontSize": 11}
    return [
        {
            "data": {"values": [each for each in lines if each["trial"] != 1]},
            "mark": mark,
            "encoding": {"x": x, "y": y, "color": ramp, "detail": {"field": "trial"}},
        },
        {
            "data": {"values": best},
            "mark": {"type": "line", "color": c.best, "strokeWidth": 3, "point": {"color": c.best, "size": 50}},
            "encoding": {"x": x, "y": y},
        },
        {
            "data": {"values": labels},
            "mark": {**text, "dy": 12},
            "encoding": {"x": x, "y": y, "text": {"field": "text"}},
        },
        {"data": {"values": tops}, "mark": {**text, "dy": -9}, "encoding": {"x": x, "y": y, "text": {"field": "text"}}},
    ]
