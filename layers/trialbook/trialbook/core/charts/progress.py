"""How the search went, and what its outcome depends on."""

from trialbook.core.analysis.importance import NO_EFFECT
from trialbook.core.analysis.model import Analysis, Group, TrialRow
from trialbook.core.analysis.shapes import NO_DIRECTION
from trialbook.core.analysis.wording import cut, plural
from trialbook.core.charts import words
from trialbook.core.charts.chart import HEIGHT, WIDTH, Chart, Colours, Spec, Theme, colours, framed, is_minimised, strip
from trialbook.core.charts.data import MOST_POINTS, drawable, failed, point, ranked, thinned
from trialbook.core.charts.marks import failures, trials
from trialbook.core.charts.scatter import subtitle_of, y_of
from trialbook.core.numbers import whole_percent


def history(analysis: Analysis, theme: Theme = Theme.LIGHT, group: int = 0) -> Chart:
    """Each trial in the order in which jobs ended, and the best so far as a staircase."""
    found = analysis.groups[group]
    rows = ranked(analysis, group)
    shown = thinned(rows, MOST_POINTS)
    said = words.history(found)
    subtitle = subtitle_of(analysis, found, len(shown), len(rows)) + "; stairs: best so far"
    body: Spec = {"width": WIDTH, "height": HEIGHT, "layer": _history(analysis, found, shown, HEIGHT, colours(theme))}
    spec = framed(said.title, subtitle, body, theme)
    return Chart("history", said.title, said.alt, spec)


def _history(analysis: Analysis, group: Group, rows: list[TrialRow], height: float, c: Colours) -> list[Spec]:
    last = max((row.finished or 0 for row in analysis.trials), default=1)
    x: Spec = {
        "field": "x",
        "type": "quantitative",
        "title": "jobs in the order in which they ended",
        "scale": {"domain": [0.5, last + 0.5], "nice": False},
        "axis": {"tickMinStep": 1, "format": "d", "grid": False},
    }
    y = y_of(group, height)
    steps = [{"x": each.finished, "value": drawable(each.value)} for each in group.improvements]
    steps.append({"x": last, "value": steps[-1]["value"]})
    mark = {"type": "line", "interpolate": "step-after", "color": c.best, "strokeWidth": 2, "opacity": 0.85}
    staircase: Spec = {"data": {"values": steps}, "mark": mark, "encoding": {"x": x, "y": y}}
    lost = [{"x": row.finished} for row in failed(analysis) if row.finished]
    data = [point(row, x=row.finished) for row in rows]
    marks = [*trials(data, x, y, c), *failures(lost, x, c, at_top=is_minimised(group))]
    return [*strip(group, height, c), staircase, *marks]


def importance(analysis: Analysis, theme: Theme = Theme.LIGHT, group: int = 0) -> Chart:
    """How much each hyperparameter accounts for. Only where the group has an importance."""
    found = analysis.groups[group]
    assert found.importance is not None
    said = words.importance(found)
    about = "indicative: " if found.importance.is_indicative else ""
    subtitle = f"{about}{plural(found.importance.trials, 'trial')}, share of the explained variation"
    body: Spec = {"width": WIDTH - 140, **_importance(found, colours(theme))}
    return Chart("importance", said.title, said.alt, framed(said.title, subtitle, body, theme))


def _importance(group: Group, c: Colours, most: int = 10) -> Spec:
    assert group.importance is not None
    data = [
        {
            "parameter": cut(each.parameter, 30),
            "share": each.share,
            "label": whole_percent(each.share)
            + ("" if each.direction in (NO_DIRECTION, NO_EFFECT) else f", {each.direction}"),
        }
        for each in group.importance.effects[:most]
    ]
    y: Spec = {"field": "parameter", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 200}}
    top = max(each.share for each in group.importance.effects)
    scale = {"domain": [0, min(top * 1.6, 1.6)], "nice": False}
    x: Spec = {"field": "share", "type": "quantitative", "title": "share", "scale": scale, "axis": None}
    text: Spec = {"type": "text", "align": "left", "dx": 5, "color": c.text, "fontSize": 12}
    return {
        "height": {"step": 28},
        "data": {"values": data},
        "layer": [
            {"mark": {"type": "bar", "color": c.point, "height": {"band": 0.6}}, "encoding": {"x": x, "y": y}},
            {"mark": text, "encoding": {"x": x, "y": y, "text": {"field": "label"}}},
        ],
    }


def overview(analysis: Analysis, theme: Theme = Theme.LIGHT, group: int = 0) -> Chart:
    """The history, and below it what the objective depends on. Only where the group has an importance."""
    found = analysis.groups[group]
    first, second = history(analysis, theme, group), importance(analysis, theme, group)
    c = colours(theme)
    rows = thinned(ranked(analysis, group), MOST_POINTS)
    height = HEIGHT - 40
    above: Spec = {"width": WIDTH, "height": height, "layer": _history(analysis, found, rows, height, c)}
    title = {**second.spec["title"], "fontSize": 14}
    below: Spec = {"width": WIDTH - 140, "title": title, **_importance(found, c, most=6)}
    body: Spec = {"vconcat": [above, below], "spacing": 24, "resolve": {"scale": {"y": "independent"}}}
    spec = framed(first.title, first.spec["title"]["subtitle"], body, theme)
    return Chart("overview", first.title, f"{first.alt} {second.alt}", spec)
