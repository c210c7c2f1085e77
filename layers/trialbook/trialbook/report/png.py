"""Pictures of charts. The one place that needs vl-convert, which only build_report's layer carries."""

import json

from trialbook.core.charts.chart import Chart

_SCALE = 2.0  # for sharp text in messages and on phones


def png(chart: Chart, scale: float = _SCALE) -> bytes:
    """The chart as a PNG. Needs no network: fonts and Vega are inside vl-convert."""
    import vl_convert

    return bytes(vl_convert.vegalite_to_png(json.dumps(chart.spec), scale=scale, vl_version="5.20"))
