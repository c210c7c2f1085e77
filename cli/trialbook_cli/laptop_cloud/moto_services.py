"""Services as moto keeps them, without the way through HTTP to it: what the functions call often, or what would load
much of moto for one call. Each answers as moto does; None leaves a call to it."""

import json
import os
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

from moto.core.exceptions import ServiceException
from moto.events.models import events_backends
from moto.s3.models import FakeKey, s3_backends
from moto.ses.models import ses_backends

from trialbook_cli.sagemaker_stand_in import Account


def put_events(client: Any, operation: str, body: bytes) -> tuple[int, bytes] | None:
    """EventBridge's PutEvents."""
    if operation != "PutEvents":
        return None
    backend = events_backends[os.environ["MOTO_ACCOUNT_ID"]][client.meta.region_name]
    entries = backend.put_events(json.loads(body)["Entries"])
    failed = sum("ErrorCode" in each for each in entries)
    return 200, json.dumps({"FailedEntryCount": failed, "Entries": entries}).encode()


def send_email(client: Any, operation: str, body: bytes) -> tuple[int, bytes] | None:
    """SES's SendEmail of a whole mail to some addresses, unless SES refuses it."""
    request = json.loads(body)
    content = request["Content"].get("Raw") if operation == "SendEmail" else None
    if content is None:
        return None
    backend = ses_backends[os.environ["MOTO_ACCOUNT_ID"]][client.meta.region_name]
    sender, raw = request.get("FromEmailAddress"), b64decode(content["Data"]).decode()
    addresses = request.get("Destination", {})
    to = [each for kind in ("ToAddresses", "CcAddresses", "BccAddresses") for each in addresses.get(kind, [])]
    try:
        sent = backend.send_raw_email(sender, to, raw)
    except ServiceException:
        return None
    return 200, json.dumps({"MessageId": sent.id}).encode()


def verify_sender(address: str, account: Account) -> None:
    """Makes an address, from which SES then sends."""
    ses_backends[account.id][account.region].create_email_identity_v2(address, None, None, None)


def sent_mails(account: Account) -> list[bytes]:
    """The mails that SES took, in order, as they were sent."""
    return [each.raw_data.encode() for each in ses_backends[account.id][account.region].sent_messages]


def objects(bucket: str, account: Account) -> Iterator[tuple[str, bytes]]:
    """Key and content of each object of a bucket, in order of keys."""
    kept: Any = s3_backends[account.id][account.partition].get_bucket(bucket).keys
    for key, found in sorted(kept.items()):
        if isinstance(found, FakeKey):
            yield key, found.value
