"""Mails of a replay, sent on to a mail server: into the mail program of whoever wants to see them there."""

import email
import smtplib
from collections.abc import Iterable
from email.policy import SMTP

from trialbook.core.errors import InvalidInput

_TIMEOUT = 30  # seconds


def send_on(address: str, mails: Iterable[bytes]) -> int:
    """Sends the mails as they are, to whom they say, by the server at HOST:PORT; gives how many. Raises InvalidInput
    where the address is none or no server answers there."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise InvalidInput("--smtp", address, "HOST:PORT, such as localhost:2525")
    sent = 0
    try:
        with smtplib.SMTP(host, int(port), timeout=_TIMEOUT) as server:
            for mail in mails:
                server.sendmail(*_envelope(mail), mail)
                sent += 1
    except (OSError, smtplib.SMTPException) as error:
        raise InvalidInput("--smtp", address, f"a mail server that takes mails; mail {sent + 1}: {error}") from error
    return sent


def _envelope(mail: bytes) -> tuple[str, list[str]]:
    """From whom and to whom."""
    head = email.message_from_bytes(mail, policy=SMTP)
    sender, to = ([each.addr_spec for each in head[name].addresses] for name in ("From", "To"))
    return sender[0], to
