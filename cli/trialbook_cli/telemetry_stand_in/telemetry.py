"""The answers of the three services about the jobs of a recording, as of a clock."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from math import inf, isnan
from statistics import fmean, pstdev
from types import MappingProxyType
from typing import Any

from trialbook.core.errors import InvalidInput
from trialbook.core.times import parse_time
from trialbook_cli.sagemaker_stand_in.account import Account
from trialbook_cli.sagemaker_stand_in.errors import ApiError, validation_error
from trialbook_cli.sagemaker_stand_in.request_validation import check_request
from trialbook_cli.telemetry_stand_in.measured import Measured, Point

Request = Mapping[str, Any]
Answer = dict[str, Any]
NAMESPACE = LOG_GROUP = "/aws/sagemaker/TrainingJobs"
MOST_QUERIES = 100  # of one BatchGetMetrics
MOST_METRIC_QUERIES = 500  # of one GetMetricData
_MOST_DATAPOINTS = 100_800
_MOST_EVENTS = 10_000
_PERIODS = {"OneMinute": 60, "FiveMinute": 300, "OneHour": 3_600}
_STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Min": min,
    "Max": max,
    "Avg": fmean,
    "Count": len,
    "StdDev": pstdev,
    "Last": lambda values: values[-1],
    "Average": fmean,
    "Minimum": min,
    "Maximum": max,
    "Sum": sum,
    "SampleCount": len,
}


class Telemetry:
    """The services of all accounts and regions. `homes` are the places of the jobs by name: those who ask elsewhere
    get no answer about them."""

    def __init__(
        self,
        jobs: Iterable[Measured],
        now: Callable[[], datetime],
        homes: Mapping[str, Collection[Account]] = MappingProxyType({}),
    ) -> None:
        self.jobs = {each.job_name: each for each in jobs}
        self.now = now
        self.homes = homes
        self.calls: list[tuple[str, Request]] = []

    def call(self, service: str, operation: str, request: Request, place: Account | None = None) -> Answer:
        """One API call from a place, if that is known. Raises ApiError."""
        self.calls.append((operation, request))
        return _Answers(self._known_at(place), self.now).call(service, operation, request)

    def _known_at(self, place: Account | None) -> Mapping[str, Measured]:
        return {
            name: each for name, each in self.jobs.items() if place is None or place in self.homes.get(name, (place,))
        }


class _Answers:
    """The answers about some jobs."""

    def __init__(self, jobs: Mapping[str, Measured], now: Callable[[], datetime]) -> None:
        self.jobs = jobs
        self.now = now

    def call(self, service: str, operation: str, request: Request) -> Answer:
        """One API call. Raises ApiError."""
        answering = {
            "BatchGetMetrics": self._batch_get_metrics,
            "GetMetricData": self._get_metric_data,
            "DescribeLogStreams": self._describe_log_streams,
            "GetLogEvents": self._get_log_events,
        }.get(operation)
        if answering is None:
            raise ApiError("UnknownOperationException", f"The stand-in does not know {operation}")
        check_request(operation, request, service)
        return answering(request)

    def _until_now(self, points: Iterable[Point]) -> list[Point]:
        now = self.now()
        return [each for each in points if each.time <= now]

    # -- SageMaker Metrics --------------------------------------------------------------------------------------

    def _batch_get_metrics(self, request: Request) -> Answer:
        queries = request["MetricQueries"]
        if not 0 < len(queries) <= MOST_QUERIES:
            raise validation_error(f"MetricQueries must have 1 to {MOST_QUERIES} members")
        return {"MetricQueryResults": [self._metric(each) for each in queries]}

    def _metric(self, query: Request) -> Answer:
        name = query["ResourceArn"].rpartition("/")[2].removesuffix("-aws-training-job")
        job = next((each for each in self.jobs.values() if each.job_name.lower() == name.lower()), None)
        points = self._until_now(job.metrics.get(query["MetricName"], ()) if job else ())
        by_iteration = query["XAxisType"] == "IterationNumber"
        if by_iteration != (query["Period"] == "IterationNumber"):
            return {"Status": "ValidationError", "Message": "XAxisType and Period do not fit", **_axes({})}
        grouped: defaultdict[int, list[float]] = defaultdict(list)
        for place, point in enumerate(points):
            iteration = place if point.iteration is None else point.iteration
            length = _PERIODS.get(query["Period"], 1)
            seconds = int(point.time.timestamp()) // length * length
            grouped[iteration if by_iteration else seconds].append(point.value)
        wanted = (query.get("Start", -inf), query.get("End", inf))
        statistic = _STATISTICS[query["MetricStat"]]
        chosen = {x: float(statistic(values)) for x, values in grouped.items() if wanted[0] <= x <= wanted[1]}
        return {"Status": "Complete", **_axes(chosen)}

    # -- CloudWatch ---------------------------------------------------------------------------------------------

    def _get_metric_data(self, request: Request) -> Answer:
        queries = request["MetricDataQueries"]
        if not 0 < len(queries) <= MOST_METRIC_QUERIES:
            raise validation_error(f"MetricDataQueries must have 1 to {MOST_METRIC_QUERIES} members")
        begin, end = (_moment(request[each], each) for each in ("StartTime", "EndTime"))
        if begin >= end:
            raise validation_error("StartTime must be before EndTime")
        left = request.get("MaxDatapoints", _MOST_DATAPOINTS)
        results = []
        for query in queries:
            found = self._datapoints(query["MetricStat"], begin, end)
            if request.get("ScanBy") != "TimestampAscending":
                found.reverse()
            results.append(
                {
                    "Id": query["Id"],
                    "Label": query.get("Label", query["MetricStat"]["Metric"]["MetricName"]),
                    "Timestamps": [at for at, _ in found[:left]],
                    "Values": [value for _, value in found[:left]],
                    "StatusCode": "Complete" if len(found) <= left else "PartialData",
                }
            )
            left = max(left - len(found), 0)
        more = {"NextToken": "more"} if any(each["StatusCode"] == "PartialData" for each in results) else {}
        return {"MetricDataResults": results, "Messages": [], **more}

    def _datapoints(self, wanted: Request, begin: datetime, end: datetime) -> list[tuple[datetime, float]]:
        metric, period = wanted["Metric"], wanted["Period"]
        dimensions = {each["Name"]: each["Value"] for each in metric.get("Dimensions", ())}
        grouped: defaultdict[int, list[float]] = defaultdict(list)
        for point in self._until_now(self._series(metric, dimensions)):
            if begin <= point.time < end and not isnan(point.value):  # CloudWatch takes no value that is no number
                grouped[int(point.time.timestamp()) // period * period].append(point.value)
        statistic = _STATISTICS[wanted["Stat"]]
        return [
            (datetime.fromtimestamp(seconds, UTC), float(statistic(values)))
            for seconds, values in sorted(grouped.items())
        ]

    def _series(self, metric: Request, dimensions: Mapping[str, str]) -> Sequence[Point]:
        if metric["Namespace"] != NAMESPACE or len(dimensions) != 1:
            return ()
        name, _, host = dimensions.get("Host", "").rpartition("/")
        job = self.jobs.get(name or dimensions.get("TrainingJobName", ""))
        if job is None:
            return ()
        return (job.hosts.get(host, {}) if host else job.metrics).get(metric["MetricName"], ())

    # -- CloudWatch Logs ----------------------------------------------------------------------------------------

    def _describe_log_streams(self, request: Request) -> Answer:
        self._check_group(request)
        named = [name for name in self._streams() if name.startswith(request.get("logStreamNamePrefix", ""))]
        named.sort(reverse=request.get("descending", False))
        return {"logStreams": [{"logStreamName": each} for each in named[: request.get("limit", 50)]]}

    def _get_log_events(self, request: Request) -> Answer:
        self._check_group(request)
        job = self._streams().get(request["logStreamName"])
        if job is None:
            raise ApiError("ResourceNotFoundException", "The specified log stream does not exist.")
        limit = min(request.get("limit", _MOST_EVENTS), _MOST_EVENTS)
        lines = job.log[:limit] if request.get("startFromHead") else job.log[-limit:]
        at = int(self.now().timestamp() * 1000)
        events = [{"timestamp": at, "message": line, "ingestionTime": at} for line in lines]
        return {"events": events, "nextForwardToken": "f/0", "nextBackwardToken": "b/0"}

    def _check_group(self, request: Request) -> None:
        if request.get("logGroupName") != LOG_GROUP:
            raise ApiError("ResourceNotFoundException", "The specified log group does not exist.")

    def _streams(self) -> dict[str, Measured]:
        """A job's log by the name of its stream, which ends with a number that nobody can know before."""
        return {f"{name}/algo-1-{_begin(job)}": job for name, job in self.jobs.items() if job.log}


def _begin(job: Measured) -> int:
    times = [point.time for points in job.metrics.values() for point in points]
    return int(min(times).timestamp()) if times else 0


def _axes(values: Mapping[int, float]) -> Answer:
    xs = sorted(values)
    return {"XAxisValues": xs, "MetricValues": [values[each] for each in xs]}


def _moment(value: Any, field: str) -> datetime:
    try:
        moment = parse_time(value, field)
    except InvalidInput as error:
        raise validation_error(str(error)) from error
    if moment is None:
        raise validation_error(f"{field} must not be null")
    return moment
