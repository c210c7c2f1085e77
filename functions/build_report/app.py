"""Sweeps that are over get their report."""

from collections.abc import Mapping
from typing import Any

from trialbook.adapters.eventbridge import EventBus
from trialbook.adapters.s3 import Bucket
from trialbook.build_report import build_report
from trialbook.delivery.run_pages import run_pages
from trialbook.runtime import deadline
from trialbook.runtime.observability import logger, metrics
from trialbook.runtime.settings import (
    MlflowSettings,
    QueueSettings,
    ServiceSettings,
    captures_jobs,
    event_bus,
    reports_bucket,
)
from trialbook.runtime.sqs_batch import SqsMessage, envelope_of, process
from trialbook.services import open_queue, open_services

services = open_services(ServiceSettings.from_environment())
queue = open_queue(services.session(), QueueSettings.from_environment())
bucket = Bucket(services.session(), reports_bucket())
bus = EventBus(services.session(), event_bus())
has_curves = captures_jobs()
run_page = run_pages(MlflowSettings.from_environment(), services.ledger.table)


def build(message: SqsMessage) -> None:
    """One message."""
    build_report(envelope_of(message), services, bucket, bus, has_curves=has_curves, run_page=run_page)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@deadline.kept
def handler(event: dict[str, Any], context: Any) -> Mapping[str, Any]:
    """A batch of the report queue."""
    return process(event, build, queue)
