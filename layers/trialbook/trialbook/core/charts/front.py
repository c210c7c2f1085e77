"""The cost of better values."""

from trialbook.core.analysis.model import Analysis, Front, TrialRow, Value
from trialbook.core.charts import words
from trialbook.core.charts.chart import HEIGHT, WIDTH, Chart, Spec, Theme, colours, framed, strip
from trialbook.core.charts.data import MOST_POINTS, drawable, point, ranked, thinned
from trialbook.core.charts.marks import trials
from trialbook.core.charts.scatter import subtitle_of, y_of
from trialbook.core.objectives import ObjectiveType


def front_chart(analysis: Analysis, theme: Theme = Theme.LIGHT, group: int = 0) -> Chart:
    """Each trial by the objective and the second quantity; a line joins those that no other one beats in both. Only
    where the group has a front."""
    found = analysis.groups[group]
    assert found.front is not None
    front, c = found.front, colours(theme)
    rows = [row for row in ranked(analysis, group) if isinstance(second(front, row), int | float)]
    shown = thinned(rows, MOST_POINTS)
    is_less = front.type == ObjectiveType.MINIMIZE
    title = f"{words.quantity(front.other)} ({'lower' if is_less else 'higher'} is better)"
    scale = {"zero": False, "nice": False, "padding": 14}
    x: Spec = {"field": "x", "type": "quantitative", "title": title, "scale": scale}
    y = y_of(found)
    steps = [{"x": drawable(each.other), "value": drawable(each.value)} for each in front.trials]
    stairs = "step-after" if is_less else "step-before"
    mark = {"type": "line", "color": c.best, "strokeWidth": 2, "interpolate": stairs}
    line: Spec = {"data": {"values": steps}, "mark": mark, "encoding": {"x": x, "y": y}}
    data = [point(row, x=drawable(second(front, row))) for row in shown]
    body: Spec = {"width": WIDTH, "height": HEIGHT, "layer": [*strip(found, HEIGHT, c), line, *trials(data, x, y, c)]}
    said = words.front(found)
    subtitle = subtitle_of(analysis, found, len(shown), len(rows)) + "; line: beaten by no other in both"
    return Chart("front", said.title, said.alt, framed(said.title, subtitle, body, theme))


def second(front: Front, row: TrialRow) -> Value:
    """A trial's value of the second quantity."""
    own: dict[str, Value] = {
        "cost_usd": row.cost_usd,
        "billable_seconds": row.billable_seconds,
        "duration_seconds": row.duration_seconds,
    }
    return own[front.other] if front.other in own else row.metrics.get(front.other)
