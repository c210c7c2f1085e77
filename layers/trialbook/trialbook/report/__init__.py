"""Analyses become files: figures, pictures and pages."""

import json
from collections.abc import Mapping, Sequence

from trialbook.core import report_keys
from trialbook.core.analysis.digest import digest, to_data
from trialbook.core.analysis.experiment import ExperimentReport
from trialbook.core.analysis.model import Analysis
from trialbook.core.analysis.serialised import to_dict
from trialbook.core.charts.choice import picture
from trialbook.core.codec import pack
from trialbook.core.experiments import Experiment


def files(analysis: Analysis, links: Mapping[str, str] | None = None) -> Mapping[str, bytes]:
    """A sweep's report by file name; the same analysis gives the same bytes."""
    from trialbook.report.png import png  # what draws is needed by few, and slow to load
    from trialbook.report.sweep_page import sweep_page

    data = json.dumps(to_dict(analysis), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    chart = picture(analysis)
    drawn = png(chart)
    kept = json.dumps(
        to_data(digest(analysis), alt_text=chart.alt), ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )
    return {
        report_keys.PAGE: sweep_page(analysis, data, chart, drawn, links or {}).encode("utf-8", "replace"),
        report_keys.PICTURE: drawn,
        report_keys.DATA: data.encode("utf-8", "replace"),
        report_keys.DIGEST: kept.encode("utf-8", "replace"),
    }


def experiment_files(report: ExperimentReport) -> Mapping[str, bytes]:
    """The best-trial report of an experiment by file name."""
    from trialbook.report.experiment_page import experiment_page

    page = experiment_page(report, report_keys.sweep_from_experiment, report_keys.INDEX_FROM_EXPERIMENT)
    data = json.dumps(pack(report), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return {report_keys.PAGE: page.encode("utf-8", "replace"), report_keys.DATA: data.encode("utf-8", "replace")}


def index_file(experiments: Sequence[Experiment]) -> bytes:
    """The page of all experiments."""
    from trialbook.report.experiment_page import index_page

    return index_page(experiments, report_keys.experiment_from_index).encode("utf-8", "replace")
