"""capture_job alone, in whole replays of the recordings: its calls, what they cost at AWS's list prices
(tests/benchmarks/prices.py) as *What it costs* estimates them, and the bytes that it saves to S3. *Longest curves*: two metrics of 2,000 points, as many as
are kept, and an hour of a machine with a GPU; calls as for a loop. A month of S3 is not in the sum, because it depends on how
long reports are kept."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests import synthetic
from tests.benchmarks import prices
from tests.benchmarks.page import table
from tests.conftest import RECORDINGS
from trialbook.core import report_keys
from trialbook.core.curves.stored import to_bytes
from trialbook_cli.laptop_cloud import LaptopCloud, read_recording
from trialbook_cli.replaying import replay
from trialbook_cli.sagemaker_stand_in import SageMaker

TITLE = "What captures cost"
NAMES = ("churn-min-child-weight", "net-learning-rate", "tuning-random-60")
FUNCTION = "CaptureJob"
_BESIDE = ("BuildReport", "PostSlack", "PostEmail", "PostBestTrials", "AttachJob")
_CALL_SECONDS, _WORK_SECONDS = 0.050, 0.004 / 0.58
_QUEUE_REQUESTS = 5  # sent, received, put off, received, deleted
_LOG_BYTES = 700  # of an invocation
_SAMPLE = 20  # jobs with the longest curves


def measure() -> str:
    """Calls, dollars and bytes for 1,000 jobs."""
    found = {name: captured(name) for name in NAMES}
    operations = sorted({operation for calls, _, _ in found.values() for operation in calls})
    rows: list[list[object]] = [
        [operation, *(round(1000 * calls[operation] / jobs) for calls, _, jobs in found.values())]
        for operation in operations
    ]
    rows.append(["dollars", *(f"{1000 * dollars(calls) / jobs:.3f}" for calls, _, jobs in found.values())])
    rows.append(["KB saved", *(f"{kept / jobs:,.0f}" for _, kept, jobs in found.values())])
    longest = [len(to_bytes(synthetic.curves(each))) for each in synthetic.records(_SAMPLE)]
    more = f"Longest curves: {sum(longest) / len(longest):,.0f} KB for 1,000 jobs"
    cost = sum(longest) / len(longest) * 1000 / 1e9 * prices.S3_GB_MONTH
    return f"{table(['for 1,000 jobs', *NAMES], rows)}\n\n{more}, which cost {cost:.4f} dollars a month in S3."


def captured(name: str) -> tuple[Counter[str], int, int]:
    """The calls of captures, with the metrics that CloudWatch was asked for, the bytes that were saved, and the jobs."""
    asked: Counter[str] = Counter()

    def prepare(cloud: LaptopCloud, sagemaker: SageMaker) -> None:
        def before_call(by: str, service: str, operation: str, request: Mapping[str, Any]) -> None:
            if by == FUNCTION:
                asked[operation] += 1
                asked["metrics asked for"] += len(request.get("MetricDataQueries", ()))

        cloud.before_call = before_call

    outcome = replay(read_recording(RECORDINGS / name), prepare=prepare, without=_BESIDE)
    jobs = [each for each in outcome.records if each.job.metric_definitions]
    saved = sum(
        len(content) for key, content in outcome.reports.items() if key.endswith((report_keys.CURVES, report_keys.LOG))
    )
    return asked, saved, len(jobs)


def dollars(calls: Counter[str]) -> float:
    """The price of the calls: two invocations of a function with 1 GB for each job."""
    jobs = calls["GetMetricData"]
    requests = calls.total() - calls["metrics asked for"]
    lasting = _CALL_SECONDS * requests + 2 * _WORK_SECONDS * jobs
    return (
        lasting * prices.LAMBDA_GB_SECOND
        + 2 * jobs * (prices.LAMBDA_REQUEST + prices.TRACE + _LOG_BYTES / 1e9 * prices.LOGS_GB)
        + _QUEUE_REQUESTS * jobs * prices.SQS_REQUEST
        + calls["GetItem"] * prices.DYNAMODB_READ_UNIT
        + calls["PutObject"] * prices.S3_PUT
        + calls["GetObject"] * prices.S3_GET
        + calls["metrics asked for"] * prices.METRIC_REQUEST
    )
