"""Which messages a recording would cause, and where each would go: computed at each event of a replay, never sent."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from trialbook.adapters.rules_document import read_rules
from trialbook.adapters.s3 import Bucket
from trialbook.core.message import Message
from trialbook.core.messages.routing import Defaults, Destination
from trialbook.delivery.events_to_messages import Addresses, MessagesWithDestinations, messages_with_destinations
from trialbook.services import Services
from trialbook_cli.laptop_cloud import LaptopCloud, Recording
from trialbook_cli.replaying import ReplayOutcome, replay
from trialbook_cli.sagemaker_stand_in import SageMaker

# Made up, so that people see what they would get.
DEFAULTS = Defaults("#training", None, ("team@example.com",))
_SENDERS = ("PostSlack", "PostEmail")


@dataclass(frozen=True, slots=True)
class Sent:
    """A message to a destination as it is said last, and how often it is edited until then."""

    message: Message
    to: Destination
    edits: int


def messages_of_recording(
    recording: Recording, rules: str | None, defaults: Defaults = DEFAULTS
) -> tuple[ReplayOutcome, tuple[Sent, ...]]:
    """Replays the recording and computes the messages of each event at the moment at which it is announced; in order of
    their first being sent. What waits for the end of quiet hours, and edits that come too soon, are not left out."""
    made: list[MessagesWithDestinations] = []
    known = read_rules(rules or "")

    def prepare(cloud: LaptopCloud, sagemaker: SageMaker) -> None:
        services = Services(cloud.ledger, lambda account, region: None, lambda: known)  # type: ignore[arg-type,return-value]
        where = Addresses(defaults)

        def before_call(by: str, service: str, operation: str, request: Mapping[str, Any]) -> None:
            if (service, operation) != ("events", "PutEvents"):
                return
            bucket = Bucket(cloud.ledger.session, cloud.stack.references["Reports"])
            for entry in request["Entries"]:
                envelope = {"detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])}
                made.append(messages_with_destinations(envelope, services, bucket, where))

        cloud.before_call = before_call

    outcome = replay(recording, prepare=prepare, rules=rules, without=_SENDERS)
    return outcome, _sent([pair for each in made for pair in each])


def _sent(pairs: list[tuple[Message, tuple[Destination, ...]]]) -> tuple[Sent, ...]:
    """One entry for each message and destination: what comes again with a greater version is an edit."""
    found: dict[tuple[str, str, str], Sent] = {}
    for message, destinations in pairs:
        for each in destinations:
            key = (message.about, each.channel, each.address)
            before = found.get(key)
            if before is None:
                found[key] = Sent(message, each, 0)
            elif message.version > before.message.version:
                found[key] = replace(before, message=message, edits=before.edits + 1)
    return tuple(found.values())
