"""Learning curves as a picture."""

from typing import Any

from trialbook.core.analysis.curve_model import Learning, Points
from trialbook.core.analysis.model import Analysis
from trialbook.core.analysis.wording import plural
from trialbook.core.charts import words
from trialbook.core.charts.chart import HEIGHT, WIDTH, Chart, Spec, Theme, colours, framed, value_axis
from trialbook.core.curves.series import Axis

_MOST_LINES = 60  # beside the best trial's


def learning_curves(analysis: Analysis, theme: Theme = Theme.LIGHT, group: int = 0) -> Chart:
    """All curves, their median, and the best one with its training curve. Only if the group has curves."""
    of_group = analysis.groups[group]
    found = of_group.learning
    assert found is not None
    c = colours(theme)
    said = words.learning(of_group)
    best, others = found.curves[0], [each for each in found.curves[1:] if each.x][:_MOST_LINES]
    x: Spec = {"field": "x", "type": "quantitative", "title": _x_title(found), "axis": {"grid": False}}
    scale = {"type": "log" if found.is_log else "linear", "domain": [found.axis_low, found.axis_high], "clamp": True}
    y: Spec = {
        "field": "y",
        "type": "quantitative",
        "title": value_axis(of_group) + (" (log scale)" if found.is_log else ""),
        "scale": {**scale, "zero": False, "nice": False},
    }
    data = [each for place, curve in enumerate(others) for each in _points(curve.x, curve.y, place)]
    layers = [_line(data, x, y, color=c.point, opacity=0.3, strokeWidth=1)]
    if found.median_x:
        layers.append(_line(_points(found.median_x, found.median_y), x, y, color=c.text, strokeDash=[6, 4]))
    if best.train_x:
        layers.append(_line(_points(best.train_x, best.train_y), x, y, color=c.best, strokeDash=[2, 3]))
    layers.append(_line(_points(best.x, best.y), x, y, color=c.best, strokeWidth=2.5))
    lines = ["thick: best"]
    lines += ["dotted: its training data"] if best.train_x else []
    lines += ["dashed: median"] if found.median_x else []
    shown = 1 + len(others)
    trials = plural(found.trials, "trial")
    subtitle = f"{trials if shown == found.trials else f'{shown:,} of {trials}'}; {'; '.join(lines)}"
    body: Spec = {"width": WIDTH, "height": HEIGHT, "layer": [each for each in layers if each["data"]["values"]]}
    return Chart("learning curves", said.title, said.alt, framed(said.title, subtitle, body, theme))


def _x_title(found: Learning) -> str:
    return "iteration" if found.axis == Axis.ITERATION else "seconds since the first point"


def _points(xs: Points, ys: Points, line: int = 0) -> list[dict[str, Any]]:
    return [{"x": x, "y": y, "line": line} for x, y in zip(xs, ys, strict=True)]


def _line(data: list[dict[str, Any]], x: Spec, y: Spec, **mark: Any) -> Spec:
    detail = {"field": "line", "type": "nominal"}
    return {
        "data": {"values": data},
        "mark": {"type": "line", "clip": True, **mark},
        "encoding": {"x": x, "y": y, "detail": detail},
    }
