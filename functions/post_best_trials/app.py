"""Announces once a week what became of each experiment."""

from typing import Any

from trialbook.adapters.eventbridge import EventBus
from trialbook.adapters.s3 import Bucket
from trialbook.post_best_trials import post_best_trials
from trialbook.runtime import deadline
from trialbook.runtime.observability import logger, metrics
from trialbook.runtime.schedule import moment_of
from trialbook.runtime.settings import ServiceSettings, event_bus, reports_bucket
from trialbook.services import open_services

services = open_services(ServiceSettings.from_environment())
bucket = Bucket(services.session(), reports_bucket())
bus = EventBus(services.session(), event_bus())


@logger.inject_lambda_context(clear_state=True, correlation_id_path="id")
@metrics.log_metrics
@deadline.kept
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A scheduled event; the report's period ends at the moment it was scheduled for."""
    return {"announced": post_best_trials(moment_of(event), services, bucket, bus)}
