"""The charts of a report's page as Vega-Lite, which notebooks draw themselves."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trialbook.core.analysis.model import Analysis
from trialbook.core.charts.chart import Chart
from trialbook.core.charts.choice import charts, picture
from trialbook.errors import InvalidArgument, MissingPart

IN_NOTEBOOKS = 1.5  # scale of pictures: a notebook keeps each one in its file
VEGA_LITE = "application/vnd.vegalite.v5+json"


@dataclass(frozen=True, slots=True)
class Plot:
    """A chart: its Vega-Lite specification with data (`spec`), and its finding in words (`alt`). Altair takes it with
    `altair.Chart.from_dict(plot.spec)`."""

    kind: str
    title: str
    alt: str
    spec: Mapping[str, Any]

    def png(self, scale: float = 2) -> bytes:
        """The chart as a picture. Raises MissingPart if what draws is not installed."""
        try:
            from trialbook.report.png import png

            return png(Chart(self.kind, self.title, self.alt, self.spec), scale)
        except ModuleNotFoundError as error:
            raise MissingPart("report", "A picture of a chart") from error

    def save(self, path: str | Path) -> Path:
        """Writes the picture, or the specification if the name ends with .json."""
        file = Path(path)
        is_json = file.suffix == ".json"
        if not is_json and file.suffix != ".png":
            raise InvalidArgument("path", str(path), "a name that ends with .png or .json")
        file.write_bytes(json.dumps(self.spec, ensure_ascii=False).encode() if is_json else self.png())
        return file

    def __repr__(self) -> str:
        return f"<Plot {self.kind}: {self.alt}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """A notebook's output: the specification, and a picture for viewers that draw none."""
        bundle: dict[str, Any] = {"text/plain": self.alt, VEGA_LITE: dict(self.spec)}
        try:
            return {**bundle, "image/png": self.png(IN_NOTEBOOKS)}
        except MissingPart:
            return bundle


def plot_of(analysis: Analysis, kind: str | None) -> Plot:
    """The chart of that kind, by default the one that tells most. Raises InvalidArgument."""
    if kind is None:
        return _plot(picture(analysis))
    found = plots_of(analysis)
    if kind not in found:
        raise InvalidArgument("kind", kind, f"one of {', '.join(found)}")
    return found[kind]


def plots_of(analysis: Analysis) -> dict[str, Plot]:
    """The charts of the leading objective, by kind."""
    return {chart.kind: _plot(chart) for chart in charts(analysis)}


def _plot(chart: Chart) -> Plot:
    return Plot(chart.kind, chart.title, chart.alt, chart.spec)
