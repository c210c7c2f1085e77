"""Writes the jobs and sweeps of Trialbook's bus to MLflow as runs."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from trialbook.delivery.send_once import LONGEST_PAUSE
from trialbook.ledger.deliveries import Deliveries
from trialbook.runtime import deadline
from trialbook.runtime.observability import logger, metrics
from trialbook.runtime.settings import (
    DestinationSettings,
    QueueSettings,
    ServiceSettings,
    captures_jobs,
    reports_bucket,
)
from trialbook.runtime.sqs_batch import SqsMessage, envelope_of, process
from trialbook.services import open_queue, open_services
from trialbook.write_mlflow import CHECK, OpenedLater, Writer, check, mlflow_of, write_mlflow

if TYPE_CHECKING:
    from trialbook.delivery.events_to_messages import Addresses

services = open_services(ServiceSettings.from_environment())
queue = open_queue(services.session(), QueueSettings.from_environment())
settings = DestinationSettings.from_environment()
bucket = OpenedLater(services.session(), reports_bucket())


@cache
def where() -> "Addresses":
    """The addresses of reports. Where its own runs are seen is of no use to it, and costs a request for each event."""
    from trialbook.delivery.events_to_messages import addresses
    from trialbook.delivery.run_pages import no_page

    return replace(addresses(settings, services), run_page=no_page)


to_mlflow = mlflow_of(settings.mlflow, services.session(), Deliveries(services.ledger.table))
writer = Writer(services, bucket, where, to_mlflow, captures=captures_jobs())


def write(message: SqsMessage) -> None:
    """One message."""
    write_mlflow(envelope_of(message), writer, message.delivery)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@deadline.kept
def handler(event: dict[str, Any], context: Any) -> Mapping[str, Any]:
    """A batch of the MLflow queue; or the question of `trialbook doctor` whether MLflow may be written to."""
    if CHECK in event:
        return check(settings.mlflow, services.session(), to_mlflow)
    writer.forget()
    return process(event, write, queue, longest_pause=LONGEST_PAUSE)
