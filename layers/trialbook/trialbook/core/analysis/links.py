"""Where a job stands in the AWS console."""

from urllib.parse import quote

from trialbook.core.jobs import JobKey, JobKind

_DOMAINS = {"cn-": "console.amazonaws.cn", "us-gov-": "console.amazonaws-us-gov.com"}
_PAGES = {
    JobKind.TRAINING: "jobs",
    JobKind.PROCESSING: "processing-jobs",
    JobKind.TRANSFORM: "transform-jobs",
    JobKind.TUNING: "hyper-tuning-jobs",
}
_LOG_GROUPS = {JobKind.PROCESSING: "ProcessingJobs", JobKind.TRANSFORM: "TransformJobs"}


def _console(region: str) -> str:
    domain = next((each for prefix, each in _DOMAINS.items() if region.startswith(prefix)), "console.aws.amazon.com")
    return f"https://{quote(region, safe='')}.{domain}"


def console_url(key: JobKey) -> str:
    """The job's page."""
    region, page = quote(key.region, safe=""), _PAGES.get(key.kind, "jobs")
    return f"{_console(key.region)}/sagemaker/home?region={region}#/{page}/{quote(key.name, safe='')}"


def logs_url(key: JobKey) -> str:
    """The job's log streams."""
    region = quote(key.region, safe="")
    of_kind = _LOG_GROUPS.get(key.kind, "TrainingJobs")
    group = f"log-groups/log-group/$252Faws$252Fsagemaker$252F{of_kind}/log-events"
    stream = quote(quote(key.name, safe=""), safe="").replace("%", "$")
    return f"{_console(key.region)}/cloudwatch/home?region={region}#logsV2:{group}$3FlogStreamNameFilter$3D{stream}"


def stored_url(address: str | None, region: str) -> str | None:
    """The page of an object of S3 (`s3://bucket/key`); None where the address is none."""
    bucket, _, key = (address or "").removeprefix("s3://").partition("/")
    if not (address or "").startswith("s3://") or not bucket or not key:
        return None
    where = f"{quote(bucket, safe='')}?region={quote(region, safe='')}&prefix={quote(key)}"
    return f"{_console(region)}/s3/object/{where}"
