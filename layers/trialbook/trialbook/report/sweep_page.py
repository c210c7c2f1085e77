"""The page of one sweep: verdict, best trial, charts and table linked by selection, failures, cost, reproduction."""

import base64
import json
from collections.abc import Mapping

from trialbook.core.analysis.importance import NO_EFFECT
from trialbook.core.analysis.model import Analysis
from trialbook.core.analysis.shapes import BY_VALUE
from trialbook.core.analysis.wording import plural
from trialbook.core.charts.chart import Chart
from trialbook.core.charts.choice import outlines
from trialbook.report.rendering import embedded, render

_TOP = 10
_NO_LINKS: Mapping[str, str] = {}


def sweep_page(
    analysis: Analysis, data: str, picture: Chart, drawn: bytes, links: Mapping[str, str] = _NO_LINKS
) -> str:
    """The whole page as HTML. `data` is report.json's text, `drawn` the picture as PNG, for viewers without scripts;
    `links["experiment"]` leads to the experiment's own report, `links["mlflow"]` to the sweep's run, if known."""
    recipe, cost = analysis.recipe, analysis.cost
    best = analysis.groups[0].best if analysis.groups else None
    values = {
        "a": analysis,
        "NO_EFFECT": NO_EFFECT,
        "BY_VALUE": BY_VALUE,
        "links": {name: links.get(name) for name in ("experiment", "mlflow")},
        "charts": [chart for at in range(max(1, len(analysis.groups))) for chart in _outlines(analysis, at)],
        "top": sorted((row for row in analysis.trials if row.rank), key=lambda row: row.rank or 0)[:_TOP],
        "picture": base64.b64encode(drawn).decode(),
        "alt": picture.alt,
        "instances": ", ".join(f"{plural(jobs, 'job')} on {kind}" for kind, jobs in cost.instances.items()) or None,
        "channels": [(f"Channel {name}", uri) for name, uri in recipe.channels.items()] if recipe else [],
        "tags": best.tags if best else {},
        "request": json.dumps(recipe.request, indent=2, ensure_ascii=False, default=dict) if recipe else "",
        "placed": ", ".join(f"{rule} ({plural(jobs, 'job')})" for rule, jobs in analysis.provenance.placed_by.items()),
        "data": embedded(data),
    }
    return render("sweep.html.j2", values, scripted=True)


def _outlines(analysis: Analysis, group: int) -> list[object]:
    """A group's charts; the timeline, which is about all jobs, comes once."""
    last = group >= len(analysis.groups) - 1
    return [each for each in outlines(analysis, group) if last or each.kind != "timeline"]
