"""Where a job is in the AWS console."""

from urllib.parse import quote

from trialbook.core.jobs import JobKey

_DOMAINS = {"cn-": "console.amazonaws.cn", "us-gov-": "console.amazonaws-us-gov.com"}


def _console(region: str) -> str:
    domain = next((each for prefix, each in _DOMAINS.items() if region.startswith(prefix)), "console.aws.amazon.com")
    return f"https://{quote(region, safe='')}.{domain}"


def console_url(key: JobKey) -> str:
    """The job's page."""
    page = key.kind.facts.page.format(region=quote(key.region, safe=""), name=quote(key.name, safe=""))
    return f"{_console(key.region)}/{page}"


def logs_url(key: JobKey) -> str:
    """The job's log streams; its page if its kind writes none."""
    group_name = key.kind.facts.log_group
    if group_name is None:
        return console_url(key)
    region, of_kind = quote(key.region, safe=""), group_name.replace("/", "$252F")
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
