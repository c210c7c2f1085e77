"""SageMaker Metrics: the metrics that jobs reported, iteration by iteration."""

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.session import Session

from trialbook.adapters.sagemaker import answer_of, entries_of
from trialbook.core.curves.series import Axis, Series

_MOST_METRICS = 50  # two queries each, of which a call takes a hundred
_SHOWN = frozenset({"Complete", "Truncated"})
_QUERIES = {
    Axis.ITERATION: {"XAxisType": "IterationNumber", "Period": "IterationNumber", "MetricStat": "Last"},
    Axis.TIME: {"XAxisType": "Timestamp", "Period": "OneMinute", "MetricStat": "Last"},
}


class SageMakerMetrics:
    """Calls of one region."""

    def __init__(self, session: Session, region: str) -> None:
        self._client: Any = session.create_client("sagemaker-metrics", region_name=region)

    def curves(self, arn: str, names: Sequence[str]) -> Mapping[str, Series]:
        """The series of a job's metrics by one call: by iteration if SageMaker knows iterations, else by time. Metrics
        of which it knows nothing are left out. Raises Refused and Throttled."""
        asked = [(name, axis) for name in names[:_MOST_METRICS] for axis in _QUERIES]
        if not asked:
            return {}
        queries = [{"MetricName": name, "ResourceArn": arn, **_QUERIES[axis]} for name, axis in asked]
        answer = answer_of(self._client.batch_get_metrics, MetricQueries=queries)
        found: dict[str, Series] = {}
        for (name, axis), result in zip(asked, entries_of(answer, "MetricQueryResults"), strict=False):
            series = _series(axis, result)
            if series.xs and (name not in found or len(series.xs) > len(found[name].xs)):
                found[name] = series
        return found


def _series(axis: Axis, result: Mapping[str, Any]) -> Series:
    xs, values = result.get("XAxisValues"), result.get("MetricValues")
    if str(result.get("Status")) not in _SHOWN or not isinstance(xs, list) or not isinstance(values, list):
        return Series.of(axis, ())
    return Series.of(axis, zip(xs, values, strict=False))
