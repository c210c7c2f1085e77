"""CloudWatch's metrics: how busy a job's machines were, and the job's own metrics by time."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from botocore.session import Session

from trialbook.adapters.sagemaker import answer_of, entries_of
from trialbook.core.curves.series import Axis, JobCurves, Series

NAMESPACE = "/aws/sagemaker/TrainingJobs"
# Of memory the highest value counts, of all else the average.
MEASURES = {
    "CPUUtilization": "Average",
    "MemoryUtilization": "Maximum",
    "GPUUtilization": "Average",
    "GPUMemoryUtilization": "Maximum",
    "DiskUtilization": "Maximum",
}
_OF_GPUS = frozenset({"GPUUtilization", "GPUMemoryUtilization"})
_MOST_HOSTS, _MOST_METRICS = 8, 30
# An answer holds 100,800 points: as many as 70 series of 1,440.
_MOST_POINTS = 1_440
_PERIODS = (60, 300, 900, 3_600, 21_600)  # seconds
# CloudWatch keeps minutes for 15 days, five minutes for 63, hours for 15 months.
_KEPT = ((timedelta(days=14), 60), (timedelta(days=62), 300))
_MARGIN = timedelta(minutes=2)

Wanted = tuple[str, str]  # host, or nothing for the job's own metrics; and the metric's name


class CloudWatch:
    """Calls of one region."""

    def __init__(self, session: Session, region: str) -> None:
        self._client: Any = session.create_client("cloudwatch", region_name=region)

    def measured(
        self,
        job_name: str,
        hosts: int,
        metrics: Sequence[str],
        begin: datetime,
        end: datetime,
        now: datetime,
        *,
        has_gpus: bool = True,
    ) -> JobCurves:
        """The series of the metrics by time, and those of the first hosts, by one call, as exactly as CloudWatch still
        keeps them. What it does not know is left out. Each series that it is asked for costs, so GPUs are left out if
        the hosts have none. Raises Refused and Throttled."""
        names = [f"algo-{number}" for number in range(1, min(hosts, _MOST_HOSTS) + 1)]
        wanted: list[Wanted] = [("", name) for name in metrics[:_MOST_METRICS]]
        wanted += [(host, measure) for host in names for measure in MEASURES if has_gpus or measure not in _OF_GPUS]
        if not wanted:
            return JobCurves(job_name)
        period = _period((end - begin).total_seconds(), now - begin)
        queries = [_query(f"m{place}", job_name, each, period) for place, each in enumerate(wanted)]
        answer = answer_of(
            self._client.get_metric_data,
            MetricDataQueries=queries,
            StartTime=begin - _MARGIN,
            EndTime=end + _MARGIN,
            ScanBy="TimestampAscending",
        )
        found = {str(each.get("Id")): _series(each) for each in entries_of(answer, "MetricDataResults")}
        series = {each: one for place, each in enumerate(wanted) if (one := found.get(f"m{place}")) and one.xs}
        by_host: dict[str, dict[str, Series]] = {}
        for (host, name), one in series.items():
            by_host.setdefault(host, {})[name] = one
        return JobCurves(job_name, by_host.pop("", {}), by_host)


def _period(seconds: float, age: timedelta) -> int:
    least = next((period for kept, period in _KEPT if age <= kept), _PERIODS[3])
    return next((each for each in _PERIODS if each >= least and seconds / each <= _MOST_POINTS), _PERIODS[-1])


def _query(number: str, job_name: str, wanted: Wanted, period: int) -> dict[str, Any]:
    host, name = wanted
    of_host, of_job = {"Name": "Host", "Value": f"{job_name}/{host}"}, {"Name": "TrainingJobName", "Value": job_name}
    return {
        "Id": number,
        "MetricStat": {
            "Metric": {"Namespace": NAMESPACE, "MetricName": name, "Dimensions": [of_host if host else of_job]},
            "Period": period,
            "Stat": MEASURES[name] if host else "Average",
        },
    }


def _series(result: Mapping[str, Any]) -> Series:
    times, values = result.get("Timestamps"), result.get("Values")
    if not isinstance(times, list) or not isinstance(values, list):
        return Series.of(Axis.TIME, ())
    points = zip(times, values, strict=False)
    return Series.of(Axis.TIME, ((x.timestamp(), value) for x, value in points if isinstance(x, datetime)))
