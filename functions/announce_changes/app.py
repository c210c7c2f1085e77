"""Changes of the ledger, from its stream, go to Trialbook's own bus as domain events."""

from typing import Any

from trialbook.adapters.eventbridge import EventBus
from trialbook.announce_changes import announce_changes
from trialbook.runtime import deadline
from trialbook.runtime.observability import logger, metrics
from trialbook.runtime.settings import ServiceSettings, announces_each_job, event_bus
from trialbook.services import open_services

services = open_services(ServiceSettings.from_environment())
bus = EventBus(services.session(), event_bus())
each_job = announces_each_job()


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@deadline.kept
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A batch of the ledger's stream; the answer names the first change that has to come again."""
    records = event["Records"]
    changes = [(each["dynamodb"].get("OldImage"), each["dynamodb"].get("NewImage")) for each in records]
    done = announce_changes(changes, services.ledger, bus, each_job=each_job)
    failed = [{"itemIdentifier": each["dynamodb"]["SequenceNumber"]} for each in records[done : done + 1]]
    return {"batchItemFailures": failed}
