"""An analysis becomes the files of a report: figures, picture and page."""

import json
from collections.abc import Mapping

from trialbook.core import report_keys
from trialbook.core.analysis.model import Analysis
from trialbook.core.analysis.serialised import to_dict
from trialbook.core.charts.choice import picture
from trialbook.report.png import png


def files(analysis: Analysis) -> Mapping[str, bytes]:
    """A sweep's report by file name; the same analysis gives the same bytes."""
    data = json.dumps(to_dict(analysis), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return {
        report_keys.PICTURE: png(picture(analysis)),
        report_keys.DATA: data.encode("utf-8", "surrogatepass"),
    }
