"""When the jobs ran."""

from datetime import UTC, datetime

from trialbook.core.analysis.model import Analysis, TrialRow
from trialbook.core.analysis.wording import duration, plural
from trialbook.core.charts import words
from trialbook.core.charts.chart import WIDTH, Chart, Colours, Spec, Theme, colours, framed
from trialbook.core.charts.data import MOST_LINES, thinned, thinning
from trialbook.core.charts.marks import STAR
from trialbook.core.jobs import COMPLETED, FAILED, IN_PROGRESS, STOPPED


def timeline(analysis: Analysis, theme: Theme = Theme.LIGHT) -> Chart:
    """When each job ran and how it ended."""
    rows = [row for row in analysis.trials if row.started_at or row.created_at]
    shown = sorted(thinned(rows, MOST_LINES), key=lambda row: (_start(row), row.job_name))
    begin = min(map(_start, rows), default=analysis.as_of)
    data: list[Spec] = [
        {
            "job": place,
            "from": (_start(row) - begin).total_seconds() / 60,
            "to": (max(row.ended_at or analysis.as_of, _start(row)) - begin).total_seconds() / 60,
            "status": row.status if row.rank != 1 else "Best",
        }
        for place, row in enumerate(shown)
    ]
    said = words.timeline(analysis)
    wall = analysis.cost.wall_seconds
    within = "" if wall is None else f" in {duration(wall)}"
    subtitle = f"{plural(len(rows), 'job')}{within}{thinning(len(shown), len(rows))}"
    height = max(80, min(14 * len(shown), 420))
    layers = _layers(data, colours(theme)) if data else [_nothing(colours(theme))]
    body: Spec = {"width": WIDTH, "height": height, "layer": layers}
    return Chart("timeline", said.title, said.alt, framed(said.title, subtitle, body, theme))


def _nothing(c: Colours) -> Spec:
    """A mark for the case without a bar: Vega draws no picture of empty scales."""
    mark: Spec = {"type": "text", "text": "no job started", "fontSize": 14, "color": c.quiet}
    return {"data": {"values": [{}]}, "mark": mark}


def _start(row: TrialRow) -> datetime:
    """When it started, or was created where SageMaker gives no start."""
    return row.started_at or row.created_at or datetime.min.replace(tzinfo=UTC)


def _layers(data: list[Spec], c: Colours) -> list[Spec]:
    named = {"Best": c.best, COMPLETED: c.point, STOPPED: c.stopped, FAILED: c.failed, IN_PROGRESS: c.running}
    statuses = sorted({each["status"] for each in data}, key=lambda status: [*named, status].index(status))
    scale = {"domain": statuses, "range": [named.get(status, c.running) for status in statuses]}
    legend = {"orient": "bottom", "title": None, "symbolType": "square"}
    y: Spec = {"field": "job", "type": "ordinal", "axis": None}
    x: Spec = {"field": "from", "type": "quantitative", "title": "minutes since the first job started"}
    colour: Spec = {"field": "status", "type": "nominal", "scale": scale, "legend": legend}
    bars: Spec = {
        "data": {"values": data},
        "mark": {"type": "bar", "height": {"band": 0.75}},
        "encoding": {"x": x, "x2": {"field": "to"}, "y": y, "color": colour},
    }
    return [bars, *_endings(data, y, c)]


def _endings(data: list[Spec], y: Spec, c: Colours) -> list[Spec]:
    """A mark behind each bar that did not just complete, so that colour is not all that tells."""
    marks: dict[str, Spec] = {
        "Best": {"shape": STAR, "color": c.best, "size": 110},
        STOPPED: {"shape": "triangle-up", "color": c.stopped, "filled": False, "size": 40},
        FAILED: {"shape": "cross", "angle": 45, "color": c.failed, "size": 50},
    }
    x: Spec = {"field": "to", "type": "quantitative"}
    return [
        {
            "data": {"values": [each for each in data if each["status"] == status]},
            "mark": {"type": "point", "filled": True, "xOffset": 9, **mark},
            "encoding": {"x": x, "y": y},
        }
        for status, mark in marks.items()
        if any(each["status"] == status for each in data)
    ]
