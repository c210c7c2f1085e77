"""An analysis becomes the files of a report: figures, picture and page."""

import json
from collections.abc import Mapping

from trialbook.core import report_keys
from trialbook.core.analysis.model import Analysis
from trialbook.core.analysis.serialised import to_dict
from trialbook.core.charts.choice import picture


def files(analysis: Analysis, links: Mapping[str, str] | None = None) -> Mapping[str, bytes]:
    """A sweep's report by file name; the same analysis gives the same bytes."""
    from trialbook.report.png import png  # what draws is needed by few, and slow to load
    from trialbook.report.sweep_page import sweep_page

    data = json.dumps(to_dict(analysis), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    chart = picture(analysis)
    drawn = png(chart)
    return {
        report_keys.PAGE: sweep_page(analysis, data, chart, drawn, links or {}).encode("utf-8", "replace"),
        report_keys.PICTURE: drawn,
        report_keys.DATA: data.encode("utf-8", "surrogatepass"),
    }
