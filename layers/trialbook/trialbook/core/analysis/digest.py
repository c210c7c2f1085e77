"""An analysis without its many trials: what messages and comparisons need, in a few kilobytes whatever the sweep's
size."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from trialbook.core.analysis.model import Analysis, FailureGroup, Group
from trialbook.core.codec import pack, unpack

ALT_TEXT = "alt_text"
BEST_KEPT = 10  # trials of each objective
_JOBS_KEPT = 20  # names of failed jobs with the same reason
_LOGS_KEPT = 1  # ends of logs, of the largest groups of failures that have one
_STEPS_KEPT = 200  # improvements of the best so far


def digest(analysis: Analysis) -> Analysis:
    """The analysis with its best trials alone, without slices, curves and recipe."""
    with_log = [group for group in analysis.failures if group.log][:_LOGS_KEPT]
    best = [row for row in analysis.trials if row.rank is not None and row.rank <= BEST_KEPT]
    return replace(
        analysis,
        trials=tuple(sorted(best, key=lambda row: (row.group or 0, row.rank or 0))),
        groups=tuple(map(_group, analysis.groups)),
        failures=tuple(_failures(group, has_log=group in with_log) for group in analysis.failures),
        recipe=None,
    )


def _group(group: Group) -> Group:
    return replace(group, slices=(), improvements=group.improvements[-_STEPS_KEPT:], learning=None)


def _failures(group: FailureGroup, *, has_log: bool) -> FailureGroup:
    kept = replace(group, job_names=group.job_names[:_JOBS_KEPT], shared=())
    return kept if has_log else replace(kept, log="", log_of=None)


def to_data(kept: Analysis, alt_text: str) -> dict[str, Any]:
    """As plain data for JSON; `alt_text` is what the report's picture shows, for messages."""
    return {**pack(kept), ALT_TEXT: alt_text}


def from_data(data: Mapping[str, Any]) -> Analysis:
    """Back from `to_data`. Raises TypeError where a field is missing."""
    return unpack(Analysis, data)
