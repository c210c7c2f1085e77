"""Sends the events of Trialbook's bus as mails."""

from collections.abc import Mapping
from typing import Any

from trialbook.adapters.s3 import Bucket
from trialbook.adapters.ses import Ses
from trialbook.delivery.email_channel import ToEmail
from trialbook.delivery.events_to_messages import addresses, messages_with_destinations
from trialbook.ledger.deliveries import Deliveries
from trialbook.messages.email import Letterhead
from trialbook.post_email import post_email
from trialbook.runtime import deadline
from trialbook.runtime.observability import logger, metrics
from trialbook.runtime.settings import DestinationSettings, QueueSettings, ServiceSettings, reports_bucket
from trialbook.runtime.sqs_batch import SqsMessage, envelope_of, process
from trialbook.services import open_queue, open_services

services = open_services(ServiceSettings.from_environment())
queue = open_queue(services.session(), QueueSettings.from_environment())
settings = DestinationSettings.from_environment()
bucket = Bucket(services.session(), reports_bucket())
where = addresses(settings, services)
head = Letterhead(settings.email.sender, settings.email.reply_to, settings.email.unsubscribe)
to_email = ToEmail(Ses(services.session()), head, Deliveries(services.ledger.table), bucket)


def post(message: SqsMessage) -> None:
    """One message."""
    post_email(messages_with_destinations(envelope_of(message), services, bucket, where), to_email, message.delivery)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@deadline.kept
def handler(event: dict[str, Any], context: Any) -> Mapping[str, Any]:
    """A batch of the mail queue."""
    return process(event, post, queue)
