"""The objective against hyperparameters, one by one."""

import json
from collections.abc import Iterable

from trialbook.core.analysis.axes import least_beside_zero
from trialbook.core.analysis.model import Analysis, Group, Kind, Parameter, Scale, TrialRow, Value
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
    parameter_axis,
    parameter_scale,
    strip,
    ticks,
    value_axis,
    value_scale,
    value_ticks,
    zero_ticks,
)
from trialbook.core.charts.data import (
    MOST_POINTS,
    category,
    drawable,
    failed,
    point,
    ranked,
    thinned,
    thinning,
    where,
)
from trialbook.core.charts.labels import by_name, labels
from trialbook.core.charts.marks import failures, marks_in_words, trials
from trialbook.core.jobs import STOPPED
from trialbook.core.numbers import shown

_MOST_LABELS = 16
_SMALL = 190  # pixels of a slice
_LONGEST_LABEL = 28  # characters


def parameter_of(analysis: Analysis, name: str) -> Parameter:
    """The varying hyperparameter of that name."""
    return next(each for each in analysis.parameters if each.name == name)


def y_of(group: Group, height: float = HEIGHT) -> Spec:
    """The objective's axis, from the field `value`."""
    scale, ticks_of = value_scale(group, height), value_ticks(group)
    found: Spec = {"field": "value", "type": "quantitative", "title": value_axis(group), "scale": scale}
    if ticks_of is not None:
        found["axis"] = {
            "values": ticks_of,
            "labelExpr": label_expression((json.dumps(each), shown(each)) for each in ticks_of),
        }
    return found


def subtitle_of(analysis: Analysis, group: Group, shown: int, of: int) -> str:
    """The meaning of the marks, and of values that are drawn elsewhere."""
    stopped = sum(1 for row in analysis.trials if row.status == STOPPED)
    beyond = f"; {group.spread.beyond} far off, at the edge" if group.spread.beyond else ""
    if group.spread.bend is not None:
        beyond += "; grey strip: outliers, with their own scale"
    return marks_in_words(stopped=stopped, failed=analysis.counts.failed) + beyond + thinning(shown, of)


def by_importance(group: Group) -> list[str]:
    """The hyperparameters that vary in the group: by importance if that is known, else by name."""
    if group.importance is None:
        return [each.parameter for each in group.slices]
    known = [effect.parameter for effect in group.importance.effects]
    return [*known, *(each.parameter for each in group.slices if each.parameter not in known)]


def value_by_parameter(analysis: Analysis, name: str, theme: Theme = Theme.LIGHT, group: int = 0) -> Chart:
    """The objective against one hyperparameter; if it has few values, a line joins the best of each."""
    found = analysis.groups[group]
    parameter = parameter_of(analysis, name)
    rows = ranked(analysis, group)
    drawn = thinned(rows, MOST_POINTS)
    layers = _by_parameter(analysis, found, parameter, drawn, HEIGHT, colours(theme))
    said = words.value_by_parameter(found, name)
    body: Spec = {"width": WIDTH, "height": HEIGHT, "layer": layers}
    spec = framed(said.title, subtitle_of(analysis, found, len(drawn), len(rows)), body, theme)
    return Chart("value by parameter", said.title, said.alt, spec)


def _by_parameter(
    analysis: Analysis, group: Group, parameter: Parameter, rows: list[TrialRow], height: float, c: Colours
) -> list[Spec]:
    least = least_beside_zero(parameter, (value for _, value in where(rows, parameter.name)))
    x, y = x_of(parameter, group.best.varied.get(parameter.name), least), y_of(group, height)
    data = [point(row, x=_place(parameter, value)) for row, value in where(rows, parameter.name)]
    lost = [{"x": _place(parameter, value)} for _, value in where(failed(analysis), parameter.name)]
    if parameter.kind is Kind.NUMBER:
        data = [each for each in data if each["x"] is not None]
        lost = [each for each in lost if each["x"] is not None]
    line = _line_of_best(group, parameter, x, y, c)
    marks = [*trials(data, x, y, c), *failures(lost, x, c, at_top=is_minimised(group))]
    return [*strip(group, height, c), *line, *marks]


def _categories(parameter: Parameter, best: Value) -> Spec:
    """Categories in the order of their names, which is no trend, each with its place; if there are more than have
    room for their labels, some have one, the best trial's among them."""
    lacking = {"none"} if parameter.missing else set()
    names = sorted({category(each) for each in parameter.categories} | lacking, key=by_name)
    values = dict(zip(names, labels(names, _LONGEST_LABEL), strict=True))
    labelled = _some(names, category(best))
    title = parameter_axis(parameter)
    axis: Spec = {
        "labelAngle": 0 if len(labelled) <= 6 else -40,
        "labelLimit": 160,
        "values": labelled,
        "labelExpr": label_expression((json.dumps(name), values[name]) for name in labelled),
    }
    if len(labelled) < len(names):
        title += f" ({len(names):,} values, by name)"
    return {"field": "x", "type": "nominal", "title": title, "sort": names, "axis": axis, "scale": {"domain": names}}


def _some(names: list[str], best: str) -> list[str]:
    """All, or an even choice of them with the best's, and none so near to it that their labels would touch."""
    if len(names) <= _MOST_LABELS:
        return names
    step = len(names) / _MOST_LABELS
    at = names.index(best) if best in names else None
    chosen = {int(place * step) for place in range(_MOST_LABELS)}
    if at is not None:
        chosen = {place for place in chosen if abs(place - at) >= step * 0.75} | {at}
    return [names[place] for place in sorted(chosen)]


def label_expression(pairs: Iterable[tuple[str, str]]) -> str:
    """A Vega expression that gives each value, written as in JSON, its label."""
    tests = [f"datum.value === {value} ? {json.dumps(label)} : " for value, label in pairs]
    return f"{''.join(tests)}datum.label"


def x_of(parameter: Parameter, best: Value = None, least: float | None = None) -> Spec:
    """The axis of a hyperparameter, from the field `x`; `best` is the best trial's value, `least` the least positive
    one of a hyperparameter that has 0 beside decades."""
    if parameter.kind is Kind.CATEGORY:
        return _categories(parameter, best)
    few: Spec = {"tickCount": 6, "labelOverlap": True}
    if parameter.values or parameter.scale is Scale.LOG or least is not None:
        few["values"] = [drawable(each) for each in parameter.values] or _ticks(parameter, least)
        few["labelExpr"] = label_expression((json.dumps(each), shown(each)) for each in few["values"])
    scale, title = parameter_scale(parameter, least), parameter_axis(parameter, is_log=least is not None)
    return {"field": "x", "type": "quantitative", "title": title, "scale": scale, "axis": few}


def _ticks(parameter: Parameter, least: float | None) -> list[float]:
    return ticks(parameter) if least is None else zero_ticks(parameter, least)


def _place(parameter: Parameter, value: Value) -> Value:
    return category(value) if parameter.kind is Kind.CATEGORY else drawable(value)


def _line_of_best(group: Group, parameter: Parameter, x: Spec, y: Spec, c: Colours) -> list[Spec]:
    found = next((each for each in group.slices if each.parameter == parameter.name), None)
    if found is None or parameter.kind is Kind.CATEGORY or parameter.distinct > 8:
        return []
    data = [{"x": drawable(each.low), "value": drawable(each.best)} for each in found.bins if each.low is not None]
    mark = {"type": "line", "color": c.point, "strokeWidth": 1.5, "opacity": 0.6}
    return [{"data": {"values": data}, "mark": mark, "encoding": {"x": x, "y": y}}]


def slices(analysis: Analysis, theme: Theme = Theme.LIGHT, group: int = 0, most: int = 6) -> Chart:
    """The objective against each hyperparameter, those that matter most first."""
    found = analysis.groups[group]
    names = by_importance(found)[:most]
    drawn = thinned(ranked(analysis, group), MOST_POINTS // 2)
    views = [
        {
            "width": 250,
            "height": _SMALL,
            "layer": _by_parameter(analysis, found, parameter_of(analysis, name), drawn, _SMALL, colours(theme)),
        }
        for name in names
    ]
    said = words.slices(found)
    subtitle = subtitle_of(analysis, found, len(drawn), found.ranked)
    spec = framed(said.title, subtitle, {"concat": views, "columns": 3 if len(views) > 4 else 2, "spacing": 28}, theme)
    return Chart("slices", said.title, said.alt, spec)
