"""Keeps the curves, machine use and logs of the training jobs of the capture queue."""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from trialbook.adapters.s3 import Bucket
from trialbook.adapters.sqs import giving_up, postponing
from trialbook.capture_job import capture_job, sources_of
from trialbook.runtime import deadline
from trialbook.runtime.observability import logger, metrics
from trialbook.runtime.settings import Settings
from trialbook.runtime.sqs_batch import delivery_of, envelope_of, process
from trialbook.services import open_services

settings = Settings.from_environment()
services = open_services(settings)
postpone = postponing(services.session(), settings.queue_url)
give_up = giving_up(services.session(), settings.dead_letters_url)
bucket = Bucket(services.session(), settings.reports_bucket or "")
sources = sources_of(settings, services.session())


def capture(message: SQSRecord) -> None:
    """One message."""
    capture_job(envelope_of(message), services, bucket, sources, delivery_of(message))


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@deadline.kept
def handler(event: dict[str, Any], context: Any) -> Mapping[str, Any]:
    """A batch of the capture queue."""
    return process(event, context, capture, postpone, give_up)
