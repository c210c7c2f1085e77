"""Keeps the curves, machine use and logs of the training jobs of the capture queue."""

from collections.abc import Mapping
from typing import Any

from trialbook.adapters.s3 import Bucket
from trialbook.capture_job import capture_job, sources_of
from trialbook.runtime import deadline
from trialbook.runtime.observability import logger, metrics
from trialbook.runtime.settings import QueueSettings, ServiceSettings, reports_bucket
from trialbook.runtime.sqs_batch import SqsMessage, envelope_of, process
from trialbook.services import open_queue, open_services

settings = ServiceSettings.from_environment()
services = open_services(settings)
queue = open_queue(services.session(), QueueSettings.from_environment())
bucket = Bucket(services.session(), reports_bucket())
sources = sources_of(settings.accounts, services.session())


def capture(message: SqsMessage) -> None:
    """One message."""
    capture_job(envelope_of(message), services, bucket, sources, message.delivery)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@deadline.kept
def handler(event: dict[str, Any], context: Any) -> Mapping[str, Any]:
    """A batch of the capture queue."""
    return process(event, capture, queue)
