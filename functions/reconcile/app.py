"""Once an hour: repairs what events missed."""

from dataclasses import asdict, replace
from typing import Any

from trialbook.adapters.sqs import SendQueue
from trialbook.capture_job import request_for
from trialbook.reconcile import Reconciled, reconcile
from trialbook.runtime import deadline
from trialbook.runtime.observability import logger, metrics
from trialbook.runtime.schedule import enough_time, moment_of
from trialbook.runtime.settings import ServiceSettings, capture_queue_url
from trialbook.services import open_services

settings = ServiceSettings.from_environment()
services = open_services(settings)
queue_url = capture_queue_url()
if queue_url:
    queue = SendQueue(services.session(), queue_url)
    services = replace(services, capture=lambda job: queue.send(request_for(job)))


@logger.inject_lambda_context(clear_state=True, correlation_id_path="id")
@metrics.log_metrics
@deadline.kept
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A scheduled event; the jobs of its own account and region are looked at, and those of the members."""
    done = Reconciled()
    for account, region in ((event["account"], event["region"]), *settings.accounts.members):
        done += reconcile(moment_of(event), account, region, services, enough_time(context), settings.accounts.kinds)
    return asdict(done)
