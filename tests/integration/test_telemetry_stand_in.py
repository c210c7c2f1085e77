"""The stand-in for metrics and logs, asked by real boto3 clients over HTTP; and the adapters against it."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.launching import at
from tests.measuring import curve, line, minutes
from trialbook.adapters.cloudwatch import CloudWatch
from trialbook.adapters.cloudwatch_logs import Logs
from trialbook.adapters.sagemaker_metrics import SageMakerMetrics
from trialbook.core.curves.series import Axis
from trialbook.core.times import iso
from trialbook_cli.laptop_cloud import UnreadableRecording, read_recording
from trialbook_cli.sagemaker_stand_in.request_validation import answer_problems
from trialbook_cli.telemetry_stand_in import Telemetry, measured, serve_telemetry

ARN = "arn:aws:sagemaker:us-east-1:123456789012:training-job/resnet-1"
LONG = 3_000
LINES = [
    line(
        "ResNet-1",
        {
            "loss": curve([1.0, 0.5, 0.25, 0.125], 10, 14),
            "accuracy": [[iso(at(10)), None, 0.1], [iso(at(10.5)), None, 0.3], [iso(at(11)), None, 0.5]],
            "wild": [[iso(at(10)), 0, 1.0], [iso(at(11)), 1, "NaN"]],
        },
        log=[f"line {number}" for number in range(300)],
        algo_1={"CPUUtilization": minutes(50, 10, 14), "MemoryUtilization": minutes(30, 10, 14)},
        algo_2={"CPUUtilization": minutes(70, 10, 14)},
    ),
    line("long", {}, algo_1={"CPUUtilization": minutes(50, 0, LONG)}),
    line("ResNet-11", {"loss": curve([9.0], 10, 14)}, log=["of another job"]),
]


class Clock:
    def __init__(self) -> None:
        self.moment = at(LONG)

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry([measured(each) for each in LINES], Clock())


@pytest.fixture
def session(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with serve_telemetry(telemetry) as url:
        for name in ("SAGEMAKER_METRICS", "CLOUDWATCH", "CLOUDWATCH_LOGS"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{name}", url)
        yield botocore.session.Session()


def client(session: Any, service: str) -> Any:
    config = Config(retries={"total_max_attempts": 1})
    return session.create_client(service, region_name="us-east-1", config=config)


def query(name: str, axis: str = "IterationNumber", period: str = "IterationNumber", stat: str = "Last") -> Any:
    return {"MetricName": name, "ResourceArn": ARN, "MetricStat": stat, "Period": period, "XAxisType": axis}


def stat(name: str, dimension: tuple[str, str], stat: str = "Average", period: int = 60) -> Any:
    metric = {
        "Namespace": "/aws/sagemaker/TrainingJobs",
        "MetricName": name,
        "Dimensions": [{"Name": dimension[0], "Value": dimension[1]}],
    }
    return {"Id": "q", "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}}


def test_every_answer_fits_botocores_shapes(telemetry: Telemetry, session: Any) -> None:
    host = stat("CPUUtilization", ("Host", "ResNet-1/algo-1"))
    data = {"MetricDataQueries": [host], "StartTime": at(0).timestamp(), "EndTime": at(60).timestamp()}
    group = {"logGroupName": "/aws/sagemaker/TrainingJobs"}
    stream = telemetry.call("logs", "DescribeLogStreams", {**group, "logStreamNamePrefix": "ResNet-1/algo-1-"})
    named = {**group, "logStreamName": stream["logStreams"][0]["logStreamName"]}
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("sagemaker-metrics", "BatchGetMetrics", {"MetricQueries": [query("loss"), query("none")]}),
        ("sagemaker-metrics", "BatchGetMetrics", {"MetricQueries": [query("loss", "Timestamp")]}),
        ("cloudwatch", "GetMetricData", data),
        ("cloudwatch", "GetMetricData", {**data, "MaxDatapoints": 1}),
        ("logs", "DescribeLogStreams", group),
        ("logs", "GetLogEvents", named),
    ]

    for service, operation, request in asked:
        assert answer_problems(operation, telemetry.call(service, operation, request), service) == [], operation


def test_metrics_by_iteration_and_by_minute(session: Any) -> None:
    batch = client(session, "sagemaker-metrics").batch_get_metrics
    by_iteration, averages = batch(MetricQueries=[query("loss"), query("accuracy", "Timestamp", "OneMinute", "Avg")])[
        "MetricQueryResults"
    ]

    assert (by_iteration["XAxisValues"], by_iteration["MetricValues"]) == ([0, 1, 2, 3], [1.0, 0.5, 0.25, 0.125])
    assert averages["XAxisValues"] == [int(at(10).timestamp()), int(at(11).timestamp())]
    assert averages["MetricValues"] == [pytest.approx(0.2), 0.5]


def test_more_than_a_hundred_queries_and_unknown_operations_are_refused(session: Any) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        client(session, "sagemaker-metrics").batch_get_metrics(MetricQueries=[query("loss")] * 101)
    with pytest.raises(ClientError, match="UnknownOperationException"):
        client(session, "cloudwatch").list_metrics()


def test_nothing_measured_after_now_is_returned(telemetry: Telemetry, session: Any) -> None:
    telemetry.now.moment = at(11.5)  # type: ignore[attr-defined]
    (found,) = client(session, "sagemaker-metrics").batch_get_metrics(MetricQueries=[query("loss")])[
        "MetricQueryResults"
    ]

    assert found["XAxisValues"] == [0, 1]


def test_a_page_of_datapoints_says_that_there_are_more(session: Any) -> None:
    given = {"StartTime": at(0), "EndTime": at(60), "ScanBy": "TimestampAscending"}
    ask = client(session, "cloudwatch").get_metric_data
    queries = [stat("CPUUtilization", ("Host", "ResNet-1/algo-1"))]
    whole, page = ask(MetricDataQueries=queries, **given), ask(MetricDataQueries=queries, MaxDatapoints=3, **given)

    assert len(whole["MetricDataResults"][0]["Values"]) == 4
    assert "NextToken" not in whole
    assert (page["MetricDataResults"][0]["StatusCode"], len(page["MetricDataResults"][0]["Values"])) == (
        "PartialData",
        3,
    )
    assert page["NextToken"]


def test_the_adapter_takes_iterations_where_they_are_known_by_one_call(telemetry: Telemetry, session: Any) -> None:
    found = SageMakerMetrics(session, "us-east-1").curves(ARN, ["loss", "accuracy", "wild", "unknown"])

    assert set(found) == {"loss", "accuracy", "wild"}
    assert (found["loss"].axis, found["loss"].values) == (Axis.ITERATION, (1.0, 0.5, 0.25, 0.125))
    assert found["accuracy"].values == (0.1, 0.3, 0.5)
    assert found["wild"].values == (1.0, None)
    assert [operation for operation, _ in telemetry.calls] == ["BatchGetMetrics"]


def test_the_adapter_asks_for_no_more_metrics_than_a_call_takes(telemetry: Telemetry, session: Any) -> None:
    SageMakerMetrics(session, "us-east-1").curves(ARN, [f"metric-{number}" for number in range(200)])
    (_, request) = telemetry.calls[0]

    assert len(telemetry.calls) == 1
    assert len(request["MetricQueries"]) == 100


def test_the_adapter_reads_machines_and_metrics_by_one_call(telemetry: Telemetry, session: Any) -> None:
    found = CloudWatch(session, "us-east-1").measured("ResNet-1", 3, ["loss", "unknown"], at(10), at(14), at(15))

    assert set(found.metrics) == {"loss"}
    assert {host: set(used) for host, used in found.hosts.items()} == {
        "algo-1": {"CPUUtilization", "MemoryUtilization"},
        "algo-2": {"CPUUtilization"},
    }
    assert found.hosts["algo-2"]["CPUUtilization"].values == (70.0,) * 4
    assert len(telemetry.calls) == 1


def test_the_machines_of_a_long_job_come_in_one_answer(telemetry: Telemetry, session: Any) -> None:
    """CloudWatch answers 100,800 points at most, 1,440 of each of 70 series."""
    found = CloudWatch(session, "us-east-1").measured(
        "long", 100, [f"m{n}" for n in range(99)], at(0), at(LONG), at(LONG)
    )
    (_, request) = telemetry.calls[0]

    assert {each["MetricStat"]["Period"] for each in request["MetricDataQueries"]} == {300}
    assert len(request["MetricDataQueries"]) == 70
    assert len(found.hosts["algo-1"]["CPUUtilization"].xs) == LONG // 5


class Sparse(Telemetry):
    """CloudWatch where pages are empty: each is a span of time, also one in which nothing was written."""

    empty_pages = 0

    def call(self, service: str, operation: str, request: Any, place: Any = None) -> Any:
        answer = super().call(service, operation, request, place)
        if operation == "GetLogEvents" and (page := int(request.get("nextToken", "0"))) < self.empty_pages:
            return {**answer, "events": [], "nextBackwardToken": str(page + 1)}
        return answer


@pytest.mark.parametrize(("empty", "lines", "calls"), [(0, 200, 1), (1, 200, 2), (4, 200, 5), (99, 0, 5)])
def test_the_adapter_goes_back_over_empty_pages_of_a_log(
    session: Any, monkeypatch: pytest.MonkeyPatch, empty: int, lines: int, calls: int
) -> None:
    telemetry = Sparse([measured(each) for each in LINES], Clock())
    telemetry.empty_pages = empty
    with serve_telemetry(telemetry) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", url)

        assert len(Logs(session, "us-east-1").last_lines("ResNet-1")) == lines
    assert [operation for operation, _ in telemetry.calls].count("GetLogEvents") == calls


class Streams(Telemetry):
    """A job whose log is in the stream `own`, beside streams of other hosts and attempts, which are empty."""

    own = ""
    others: Sequence[str] = ()

    def call(self, service: str, operation: str, request: Any, place: Any = None) -> Any:
        if operation == "DescribeLogStreams":
            super().call(service, operation, request, place)
            names = sorted((self.own, *self.others), reverse=request.get("descending", False))
            found = [each for each in names if each.startswith(request["logStreamNamePrefix"])]
            return {"logStreams": [{"logStreamName": each} for each in found[: request.get("limit", 50)]]}
        if request["logStreamName"] != self.own:
            return {"events": [], "nextForwardToken": "f/0", "nextBackwardToken": "b/0"}
        own = f"ResNet-1/algo-1-{int(at(10).timestamp())}"  # the only one that the stand-in has
        return super().call(service, operation, {**request, "logStreamName": own}, place)


def last_line(session: Any, monkeypatch: pytest.MonkeyPatch, own: str, *others: str) -> str | None:
    telemetry = Streams([measured(each) for each in LINES], Clock())
    telemetry.own, *telemetry.others = (f"ResNet-1/{each}" for each in (own, *others))
    with serve_telemetry(telemetry) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", url)
        lines = Logs(session, "us-east-1").last_lines("ResNet-1")
    assert [operation for operation, _ in telemetry.calls if operation == "DescribeLogStreams"] == [
        "DescribeLogStreams"
    ]
    return lines[-1] if lines else None


def test_of_a_job_that_was_restarted_the_adapter_reads_the_last_attempts_log(
    session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    other_host = "algo-2-1700000900"
    last = last_line(session, monkeypatch, "algo-1-1700000500", "algo-1-1600000000", "algo-1-1650000000", other_host)

    assert last == "line 299"


def test_of_many_hosts_the_adapter_reads_the_first_ones_log(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    others = [f"algo-{number}-1700000000" for number in range(2, 120)]

    assert last_line(session, monkeypatch, "algo-1-1700000000", *others) == "line 299"


def test_if_the_first_host_never_started_the_adapter_reads_another_ones_log(
    session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert last_line(session, monkeypatch, "algo-2-1700000000") == "line 299"


def test_the_adapter_reads_the_last_lines_of_the_right_log(telemetry: Telemetry, session: Any) -> None:
    logs = Logs(session, "us-east-1")

    assert logs.last_lines("ResNet-1") == [f"line {number}" for number in range(100, 300)]
    assert logs.last_lines("ResNet") == []
    assert [operation for operation, _ in telemetry.calls] == [
        "DescribeLogStreams",
        "GetLogEvents",
        "DescribeLogStreams",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"metrics": {}}', "metrics.jsonl:1: job_name is None"),
        ('{"job_name": "a"}\n{"job_name": "b", "metrics": []}', "metrics.jsonl:2: metrics is []"),
        ('{"job_name": "a", "metrics": {"loss": [[1, 2]]}}', "metrics.loss[0] is [1, 2]"),
        ('{"job_name": "a", "metrics": {"loss": [["soon", 1, 2]]}}', "metrics.loss[0] is 'soon'"),
        ('{"job_name": "a", "metrics": {"loss": [[1, 1.5, 2]]}}', "a whole number or null as iteration"),
        ('{"job_name": "a", "metrics": {"loss": [[1, null, "low"]]}}', "as value"),
        ('{"job_name": "a", "hosts": {"algo-1": []}}', "hosts.algo-1 is []"),
        ('{"job_name": "a", "log": "text"}', "log is 'text'"),
        ('{"job_name": "a", "logs": []}', "logs is []"),
        ("{", "metrics.jsonl:1: no valid JSON"),
    ],
)
def test_a_line_that_can_not_be_read_is_named(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "events.jsonl").write_text("")
    (tmp_path / "metrics.jsonl").write_text(text)

    with pytest.raises(UnreadableRecording) as raised:
        read_recording(tmp_path)
    assert problem in str(raised.value)


def test_a_recording_is_read_with_its_measurements(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text("")
    assert read_recording(tmp_path).measured == ()

    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(each) + "\n" for each in LINES))
    names = [each.job_name for each in read_recording(tmp_path).measured]
    assert names == ["ResNet-1", "long", "ResNet-11"]


@pytest.mark.parametrize(("days", "period"), [(1, 60), (13, 60), (20, 300), (70, 3_600), (400, 3_600)])
def test_an_older_job_is_asked_for_as_exactly_as_cloudwatch_still_keeps_it(
    telemetry: Telemetry, session: Any, days: int, period: int
) -> None:
    CloudWatch(session, "us-east-1").measured("ResNet-1", 1, [], at(10), at(14), at(10 + days * 24 * 60))
    (_, request) = telemetry.calls[0]

    assert {each["MetricStat"]["Period"] for each in request["MetricDataQueries"]} == {period}
