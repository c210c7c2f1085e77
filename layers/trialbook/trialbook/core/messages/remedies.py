"""Remedies for channels that refuse messages."""

import re
from collections.abc import Mapping

_ID = re.compile(r"[CGDUW][A-Z0-9]{5,}")
_INVITED = "/invite @Trialbook"
_BY_REASON: Mapping[str, str] = {
    "invalid_auth": "the token is not valid: docs/slack.md says how to get one",
    "token_revoked": "the token was revoked: install the app again and store its new token",
    "missing_scope": "add chat:write in the app's OAuth & Permissions, then install it again",
    "no_service": "the webhook was removed: create a new one and store its address",
    "unknown_webhook": "store its address in an SSM SecureString whose name begins with SlackWebhookParameter's",
    "MessageRejected": "verify EmailFrom, and in the sandbox the recipient too: docs/email.md",
    "MailFromDomainNotVerifiedException": "verify the domain of EmailFrom: docs/email.md",
    "AccountSuspendedException": "SES has suspended the account: see its console",
    "SendingPausedException": "sending is paused: see the SES console",
}


def remedy(reason: str, address: str) -> str | None:
    """What to do about a refusal, by the channel's word for it; None if nothing is known to help. An email address
    is not in the answer."""
    match reason:
        case "channel_not_found" if _ID.fullmatch(address):
            return f"check the id {address}; if the channel is private, invite the app first: {_INVITED}"
        case "channel_not_found":
            return (
                f"no public channel is named {address}: check the name. Name a private channel by its id (at the "
                f"end of its details) and invite the app: {_INVITED}"
            )
        case "not_in_channel":
            return f"invite the app in {address}: {_INVITED}"
        case "is_archived" | "channel_is_archived":
            return f"{address} is archived: name another channel"
    return _BY_REASON.get(reason)
