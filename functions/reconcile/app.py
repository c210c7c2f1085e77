"""Once an hour: repairs what events missed."""

from dataclasses import asdict
from typing import Any

from trialbook.observability import logger, metrics
from trialbook.reconcile import reconcile
from trialbook.schedules import enough_time, moment_of
from trialbook.services import open_services
from trialbook.settings import Settings

services = open_services(Settings.from_environment())


@logger.inject_lambda_context(clear_state=True, correlation_id_path="id")
@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A scheduled event; its account and region are those whose jobs are looked at."""
    done = reconcile(moment_of(event), event["account"], event["region"], services, enough_time(context))
    return asdict(done)
