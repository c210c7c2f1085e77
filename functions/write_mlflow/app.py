"""Writes the jobs and sweeps of Trialbook's bus to MLflow as runs."""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from trialbook.adapters.s3 import Bucket
from trialbook.adapters.sqs import giving_up, postponing
from trialbook.delivery.events_to_messages import addresses
from trialbook.ledger.deliveries import Deliveries
from trialbook.runtime import deadline
from trialbook.runtime.observability import logger, metrics
from trialbook.runtime.settings import Settings
from trialbook.runtime.sqs_batch import delivery_of, envelope_of, process
from trialbook.services import open_services
from trialbook.write_mlflow import mlflow_of, write_mlflow

settings = Settings.from_environment()
services = open_services(settings)
postpone = postponing(services.session(), settings.queue_url)
give_up = giving_up(services.session(), settings.dead_letters_url)
bucket = Bucket(services.session(), settings.reports_bucket or "")
where = addresses(settings, services)
to_mlflow = mlflow_of(settings, services.session(), Deliveries(services.ledger.table))


def write(message: SQSRecord) -> None:
    """One message."""
    write_mlflow(envelope_of(message), services, bucket, where, to_mlflow, delivery_of(message))


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@deadline.kept
def handler(event: dict[str, Any], context: Any) -> Mapping[str, Any]:
    """A batch of the MLflow queue."""
    return process(event, context, write, postpone, give_up)
