"""Once a minute: finds the jobs that no event reports."""

from dataclasses import asdict
from typing import Any

from botocore.config import Config

from trialbook.poll_jobs import poll_jobs
from trialbook.reconcile import Reconciled
from trialbook.runtime import deadline
from trialbook.runtime.observability import logger, metrics
from trialbook.runtime.schedule import enough_time, moment_of
from trialbook.runtime.settings import ServiceSettings
from trialbook.services import open_services

# A call that is throttled is made again in a minute: retries would be calls beyond those that a minute may have.
ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1})
settings = ServiceSettings.from_environment()
services = open_services(settings, ONCE)


@logger.inject_lambda_context(clear_state=True, correlation_id_path="id")
@metrics.log_metrics
@deadline.kept
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A scheduled event; the jobs of its own account and region are looked at, and those of the members."""
    done = Reconciled()
    for account, region in ((event["account"], event["region"]), *settings.accounts.members):
        done += poll_jobs(moment_of(event), account, region, services, enough_time(context))
    return asdict(done)
