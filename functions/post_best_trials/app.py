"""Announces once a week what became of each experiment."""

from typing import Any

from trialbook.adapters.eventbridge import EventBus
from trialbook.adapters.s3 import Bucket
from trialbook.post_best_trials import post_best_trials
from trialbook.runtime import deadline
from trialbook.runtime.observability import logger, metrics
from trialbook.runtime.schedule import moment_of
from trialbook.runtime.settings import Settings
from trialbook.services import open_services

settings = Settings.from_environment()
services = open_services(settings)
bucket = Bucket(services.session(), settings.reports_bucket or "")
bus = EventBus(services.session(), settings.event_bus)


@logger.inject_lambda_context(clear_state=True, correlation_id_path="id")
@metrics.log_metrics
@deadline.kept
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A scheduled event; the report's period ends at the moment it was scheduled for."""
    return {"announced": post_best_trials(moment_of(event), services, bucket, bus)}
