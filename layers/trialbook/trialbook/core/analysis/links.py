"""Where a job stands in the AWS console."""

from urllib.parse import quote

from trialbook.core.jobs import JobKey

_DOMAINS = {"cn-": "console.amazonaws.cn", "us-gov-": "console.amazonaws-us-gov.com"}


def _console(region: str) -> str:
    domain = next((each for prefix, each in _DOMAINS.items() if region.startswith(prefix)), "console.aws.amazon.com")
    return f"https://{quote(region, safe='')}.{domain}"


def console_url(key: JobKey) -> str:
    """The training job's page."""
    region = quote(key.region, safe="")
    return f"{_console(key.region)}/sagemaker/home?region={region}#/jobs/{quote(key.name, safe='')}"


def logs_url(key: JobKey) -> str:
    """The training job's log streams."""
    region = quote(key.region, safe="")
    group = "log-groups/log-group/$252Faws$252Fsagemaker$252FTrainingJobs/log-events"
    stream = quote(quote(key.name, safe=""), safe="").replace("%", "$")
    return f"{_console(key.region)}/cloudwatch/home?region={region}#logsV2:{group}$3FlogStreamNameFilter$3D{stream}"
