"""Once a minute: closes the sweeps that are over."""

from typing import Any

from trialbook.close_sweeps import close_sweeps
from trialbook.runtime import deadline
from trialbook.runtime.observability import logger, metrics
from trialbook.runtime.schedule import enough_time, moment_of
from trialbook.runtime.settings import ServiceSettings
from trialbook.services import open_services

services = open_services(ServiceSettings.from_environment())


@logger.inject_lambda_context(clear_state=True, correlation_id_path="id")
@metrics.log_metrics
@deadline.kept
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A scheduled event."""
    done = close_sweeps(moment_of(event), services, enough_time(context))
    return {"closed": done.closed, "waiting": done.waiting, "unfinished": done.unfinished}
