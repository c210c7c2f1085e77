"""Records the job state changes of the record queue in the ledger."""

from collections.abc import Mapping
from typing import Any

from trialbook.record_job import record_job
from trialbook.runtime import deadline
from trialbook.runtime.observability import count, logger, metrics
from trialbook.runtime.settings import QueueSettings, ServiceSettings
from trialbook.runtime.sqs_batch import SqsMessage, envelope_of, process
from trialbook.services import open_queue, open_services

services = open_services(ServiceSettings.from_environment())
queue = open_queue(services.session(), QueueSettings.from_environment())


def record(message: SqsMessage) -> None:
    """One message."""
    outcome = record_job(envelope_of(message), services, message.delivery)
    count(f"Events{outcome.title().replace(' ', '')}")


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@deadline.kept
def handler(event: dict[str, Any], context: Any) -> Mapping[str, Any]:
    """A batch of the record queue."""
    return process(event, record, queue)
