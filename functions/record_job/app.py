"""Job state changes from the record queue go into the ledger."""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from trialbook.batches import envelope_of, process
from trialbook.observability import count, logger, metrics
from trialbook.record_job import record_job
from trialbook.services import open_services
from trialbook.settings import Settings

services = open_services(Settings.from_environment())


def record(message: SQSRecord) -> None:
    """One message."""
    outcome = record_job(envelope_of(message), services)
    count(f"Events{outcome.title().replace(' ', '')}")


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> Mapping[str, Any]:
    """A batch of the record queue."""
    return process(event, context, record)
