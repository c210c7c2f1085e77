"""Records the job state changes of the record queue in the ledger."""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from trialbook.adapters.sqs import giving_up
from trialbook.record_job import record_job
from trialbook.runtime import deadline
from trialbook.runtime.observability import count, logger, metrics
from trialbook.runtime.settings import Settings
from trialbook.runtime.sqs_batch import delivery_of, envelope_of, process
from trialbook.services import open_services

settings = Settings.from_environment()
services = open_services(settings)
give_up = giving_up(services.session(), settings.dead_letters_url)


def record(message: SQSRecord) -> None:
    """One message."""
    outcome = record_job(envelope_of(message), services, delivery_of(message))
    count(f"Events{outcome.title().replace(' ', '')}")


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@deadline.kept
def handler(event: dict[str, Any], context: Any) -> Mapping[str, Any]:
    """A batch of the record queue."""
    return process(event, context, record, give_up=give_up)
