"""The objective against hyperparameters, one by one."""

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
    ticks,
    value_axis,
    value_scale,
)
from trialbook.core.charts.data import MOST_POINTS, category, failed, point, ranked, thinned, thinning, where
from trialbook.core.charts.marks import failures, told, trials
from trialbook.core.jobs import STOPPED


def parameter_of(analysis: Analysis, name: str) -> Parameter:
    """The varying hyperparameter of that name."""
    return next(each for each in analysis.parameters if each.name == name)


def y_of(group: Group) -> Spec:
    """The objective's axis, from the field `value`."""
    return {"field": "value", "type": "quantitative", "title": value_axis(group), "scale": value_scale(group)}


def subtitle_of(analysis: Analysis, group: Group, shown: int, of: int) -> str:
    """What the marks mean, and what is not drawn as it is."""
    stopped = sum(1 for row in analysis.trials if row.status == STOPPED)
    beyond = f"; {group.spread.beyond} far off, at the edge" if group.spread.beyond else ""
    return told(stopped=stopped, failed=analysis.counts.failed) + beyond + thinning(shown, of)


def by_importance(group: Group) -> list[str]:
    """The hyperparameters that vary in the group: by importance where that is known, else by name."""
    if group.importance is None:
        return [each.parameter for each in group.slices]
    known = [effect.parameter for effect in group.importance.effects]
    return [*known, *(each.parameter for each in group.slices if each.parameter not in known)]


def value_by_parameter(analysis: Analysis, name: str, theme: Theme = Theme.LIGHT, group: int = 0) -> Chart:
    """The objective against one hyperparameter; where it has few values, a line joins the best of each."""
    found = analysis.groups[group]
    parameter = parameter_of(analysis, name)
    rows = ranked(analysis, group)
    shown = thinned(rows, MOST_POINTS)
    layers = _by_parameter(analysis, found, parameter, shown, colours(theme))
    said = words.value_by_parameter(found, name)
    body: Spec = {"width": WIDTH, "height": HEIGHT, "layer": layers}
    spec = framed(said.title, subtitle_of(analysis, found, len(shown), len(rows)), body, theme)
    return Chart("value by parameter", said.title, said.alt, spec)


def _by_parameter(
    analysis: Analysis, group: Group, parameter: Parameter, rows: list[TrialRow], c: Colours
) -> list[Spec]:
    x, y = x_of(parameter), y_of(group)
    data = [point(row, x=_place(parameter, value)) for row, value in where(rows, parameter.name)]
    lost = [{"x": _place(parameter, value)} for _, value in where(failed(analysis), parameter.name)]
    if parameter.kind is Kind.NUMBER:
        data = [each for each in data if each["x"] is not None]
        lost = [each for each in lost if each["x"] is not None]
    line = _line_of_best(group, parameter, x, y, c)
    return [*line, *trials(data, x, y, c), *failures(lost, x, c, at_top=is_minimised(group))]


def x_of(parameter: Parameter) -> Spec:
    """The axis of a hyperparameter, from the field `x`."""
    if parameter.kind is Kind.CATEGORY:
        order = [category(each) for each in parameter.categories]
        axis = {"labelAngle": 0 if len(order) <= 6 else -40, "labelLimit": 120}
        return {"field": "x", "type": "nominal", "title": parameter_axis(parameter), "sort": order, "axis": axis}
    few: Spec = {"tickCount": 6, "labelOverlap": True, "format": ".4~g"}
    if parameter.values:
        few["values"] = list(parameter.values)
    elif parameter.scale is Scale.LOG:
        few["values"] = ticks(parameter)
    scale = parameter_scale(parameter)
    return {"field": "x", "type": "quantitative", "title": parameter_axis(parameter), "scale": scale, "axis": few}


def _place(parameter: Parameter, value: Value) -> Value:
    return category(value) if parameter.kind is Kind.CATEGORY else value


def _line_of_best(group: Group, parameter: Parameter, x: Spec, y: Spec, c: Colours) -> list[Spec]:
    found = next((each for each in group.slices if each.parameter == parameter.name), None)
    if found is None or parameter.kind is Kind.CATEGORY or parameter.distinct > 8:
        return []
    data = [{"x": each.low, "value": each.best} for each in found.bins if each.low is not None]
    mark = {"type": "line", "color": c.point, "strokeWidth": 1.5, "opacity": 0.6}
    return [{"data": {"values": data}, "mark": mark, "encoding": {"x": x, "y": y}}]


def slices(analysis: Analysis, theme: Theme = Theme.LIGHT, group: int = 0, most: int = 6) -> Chart:
    """The objective against each hyperparameter, those that matter most first."""
    found = analysis.groups[group]
    names = by_importance(found)[:most]
    shown = thinned(ranked(analysis, group), MOST_POINTS // 2)
    views = [
        {
            "width": 250,
            "height": 190,
            "layer": _by_parameter(analysis, found, parameter_of(analysis, name), shown, colours(theme)),
        }
        for name in names
    ]
    said = words.slices(found)
    subtitle = subtitle_of(analysis, found, len(shown), found.ranked)
    spec = framed(said.title, subtitle, {"concat": views, "columns": 3 if len(views) > 4 else 2, "spacing": 28}, theme)
    return Chart("slices", said.title, said.alt, spec)
