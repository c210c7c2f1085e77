"""Sweeps that are over get their report."""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from trialbook.adapters.eventbridge import EventBus
from trialbook.adapters.s3 import Bucket
from trialbook.adapters.sqs import giving_up, postponing
from trialbook.build_report import build_report
from trialbook.runtime import deadline
from trialbook.runtime.observability import logger, metrics
from trialbook.runtime.settings import Settings
from trialbook.runtime.sqs_batch import envelope_of, process
from trialbook.services import open_services

settings = Settings.from_environment()
services = open_services(settings)
postpone = postponing(services.session(), settings.queue_url)
give_up = giving_up(services.session(), settings.dead_letters_url)
bucket = Bucket(services.session(), settings.reports_bucket or "")
bus = EventBus(services.session(), settings.event_bus)


def build(message: SQSRecord) -> None:
    """One message."""
    build_report(envelope_of(message), services, bucket, bus)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@deadline.kept
def handler(event: dict[str, Any], context: Any) -> Mapping[str, Any]:
    """A batch of the report queue."""
    return process(event, context, build, postpone, give_up)
