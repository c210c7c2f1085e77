"""Sends the events of Trialbook's bus as mails."""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from trialbook.adapters.s3 import Bucket
from trialbook.adapters.ses import Ses
from trialbook.adapters.sqs import giving_up, postponing
from trialbook.delivery.email_channel import ToEmail
from trialbook.delivery.events_to_messages import addresses, messages_with_destinations
from trialbook.ledger.deliveries import Deliveries
from trialbook.messages.email import Letterhead
from trialbook.post_email import post_email
from trialbook.runtime import deadline
from trialbook.runtime.observability import logger, metrics
from trialbook.runtime.settings import Settings
from trialbook.runtime.sqs_batch import delivery_of, envelope_of, process
from trialbook.services import open_services

settings = Settings.from_environment()
services = open_services(settings)
postpone = postponing(services.session(), settings.queue_url)
give_up = giving_up(services.session(), settings.dead_letters_url)
bucket = Bucket(services.session(), settings.reports_bucket or "")
where = addresses(settings, services)
head = Letterhead(settings.email_from, settings.email_reply_to, settings.email_unsubscribe)
to_email = ToEmail(Ses(services.session()), head, Deliveries(services.ledger.table), bucket)


def post(message: SQSRecord) -> None:
    """One message."""
    post_email(
        messages_with_destinations(envelope_of(message), services, bucket, where), to_email, delivery_of(message)
    )


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@deadline.kept
def handler(event: dict[str, Any], context: Any) -> Mapping[str, Any]:
    """A batch of the mail queue."""
    return process(event, context, post, postpone, give_up)
