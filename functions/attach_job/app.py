"""Attaches the jobs of the attach queue to their Experiment and Trial."""

from collections.abc import Mapping
from typing import Any

from trialbook.attach_job import attach_job
from trialbook.runtime import deadline
from trialbook.runtime.observability import logger, metrics
from trialbook.runtime.settings import QueueSettings, ServiceSettings
from trialbook.runtime.sqs_batch import SqsMessage, envelope_of, process
from trialbook.services import open_queue, open_services

services = open_services(ServiceSettings.from_environment())
queue = open_queue(services.session(), QueueSettings.from_environment())


def attach(message: SqsMessage) -> None:
    """One message."""
    attach_job(envelope_of(message), services, message.delivery)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@deadline.kept
def handler(event: dict[str, Any], context: Any) -> Mapping[str, Any]:
    """A batch of the attach queue."""
    return process(event, attach, queue)
