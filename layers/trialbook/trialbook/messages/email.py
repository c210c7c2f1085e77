"""A message as one MIME message: the same text as plain text and HTML, with the picture and the report."""

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import EmailMessage, MIMEPart
from email.utils import format_datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from trialbook.core.addresses import Mailbox, mailbox
from trialbook.core.analysis.wording import moment
from trialbook.core.errors import InvalidInput
from trialbook.core.message import Message, MessageKind, Mood
from trialbook.core.messages.texts import one_line
from trialbook.core.names import same_name
from trialbook.core.numbers import shown
from trialbook.core.report_keys import safe
from trialbook.markup import breakable, joints
from trialbook.messages.email_text import LOG_LABEL, constants_label, email_text, failures_label
from trialbook.messages.fitting import LIMITS, as_many_as_fit, fitted
from trialbook.messages.mail_headers import POLICY, as_text

LONGEST_HTML = 95_000  # bytes; Gmail shows the first 102 KB and hides the rest behind a link
LARGEST_MAIL = 10_000_000  # bytes as sent; SES takes 40 MB, but many mailboxes refuse mails from 10 MB on
_LONGEST_WORD = 14  # characters of a part of a name in a table's head
_LONGEST_SUBJECT = 180  # characters; the answer stands at its beginning
_WIDEST_PICTURE = 536  # pixels: the mail's 600 without its margins
_SIGNS = {Mood.BUSY: "…", Mood.GOOD: "✓", Mood.MIXED: "!", Mood.BAD: "✕"}
_KINDS = {
    MessageKind.SWEEP: "Sweep",
    MessageKind.NEW_BEST: "New best",
    MessageKind.THREAD: "Sweep",
    MessageKind.JOB: "Job",
    MessageKind.ALERT: "Alert",
    MessageKind.BEST_TRIALS: "Best trials",
    MessageKind.PIPELINE: "Pipeline",
}
_WITHOUT_MOOD = frozenset({MessageKind.NEW_BEST, MessageKind.ALERT, MessageKind.BEST_TRIALS})


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Sender, reply address, and where to unsubscribe: an address or an https link."""

    sender: str
    reply_to: str | None = None
    unsubscribe: str | None = None


@dataclass(frozen=True, slots=True)
class Enclosed:
    """The picture and the report of a message, as far as they exist."""

    picture: bytes | None = None
    report: bytes | None = None


def email_of(message: Message, to: str, head: Letterhead, enclosed: Enclosed | None = None) -> EmailMessage:
    """The mail. The same arguments give the same bytes. Raises InvalidInput for an invalid address."""
    enclosed = enclosed or Enclosed()
    mail = EmailMessage(POLICY)
    sender = address_of(head.sender, "EmailFrom", "Trialbook")
    _write_head(mail, message, sender, address_of(to, "the address"), head)
    room = LARGEST_MAIL - _encoded(enclosed.picture) - 2 * LONGEST_HTML
    attached = enclosed.report if _encoded(enclosed.report) <= room else None
    name = f"{safe(message.experiment)[:80]}-report.html"
    html, text = _bodies(
        message, _notes(message, enclosed.report, attached, name), enclosed.picture, mail["Message-ID"]
    )
    mail.set_content(text, cte="quoted-printable")
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    if enclosed.picture is not None and message.picture is not None:
        (page,) = (part for part in mail.iter_parts() if part.get_content_subtype() == "html")
        assert isinstance(page, MIMEPart)
        cid = f"<{_picture_id(mail['Message-ID'])}>"
        page.add_related(enclosed.picture, "image", "png", cid=cid, filename="chart.png", disposition="inline")
    if attached is not None:
        mail.add_attachment(attached, "text", "html", filename=name)
    _set_boundaries(mail, _mark(_identity(message)))
    return mail


def _write_head(mail: EmailMessage, message: Message, sender: Mailbox, to: Mailbox, head: Letterhead) -> None:
    mail["From"] = as_text(sender)
    mail["To"] = as_text(to)
    if head.reply_to:
        mail["Reply-To"] = as_text(address_of(head.reply_to, "EmailReplyTo"))
    mail["Subject"] = one_line(message.subject or message.title, _LONGEST_SUBJECT)
    mail["Date"] = format_datetime(message.at)
    mail["Message-ID"] = f"<{_mark(_identity(message))}@{sender.domain}>"
    # All mails of an experiment reply to one that was never sent. So they form one thread whichever came first, though
    # SES gives each an id of its own.
    thread = f"<{_mark(f'experiment/{same_name(message.experiment)}')}@{sender.domain}>"
    mail["In-Reply-To"] = thread
    mail["References"] = thread
    if head.unsubscribe:
        mail["List-Unsubscribe"] = f"<{_unsubscribe(head.unsubscribe)}>"
    mail["Auto-Submitted"] = "auto-generated"  # stops automatic replies
    mail["X-Auto-Response-Suppress"] = "All"  # the same for Exchange
    mail["X-Trialbook-Kind"] = message.kind.value
    mail["X-Trialbook-About"] = one_line(message.about, _LONGEST_SUBJECT).encode("ascii", "backslashreplace").decode()


def _identity(message: Message) -> str:
    """The same for each event that causes the mail, another for each revision, so that a mail that comes twice is
    known."""
    return f"{message.about}/{message.revision}/{message.is_final}"


def address_of(text: str, field: str, name: str = "") -> Mailbox:
    """The address, with its own display name or else `name`. Raises InvalidInput, naming the field, if it is invalid or
    not plain ASCII, which SES needs."""
    found = mailbox(text)
    if found is None:
        raise InvalidInput(field, text, "one email address, such as team@example.com or Team <team@example.com>")
    return Mailbox(found.address, one_line(found.name or name, 100))


def _unsubscribe(text: str) -> str:
    if text.startswith("https://") and re.fullmatch(r"[!-;=?-~]+", text):
        return text
    return f"mailto:{address_of(text.removeprefix('mailto:'), 'EmailUnsubscribe').address}?subject=unsubscribe"


def _notes(message: Message, report: bytes | None, attached: bytes | None, name: str) -> list[str]:
    if attached is not None:
        return [f"The whole report is attached as {name}: it opens in any browser, also offline."]
    if report is not None and message.report is not None:
        size = f"{len(report) / 1e6:,.1f} MB"
        where = f"s3://{message.report.bucket}/{message.report.key}"
        return [f"The whole report, {size}, is too large to be attached. It stands at {where}"]
    return []


def label_of(message: Message) -> str:
    """The message's kind and state: `✓ Sweep finished`."""
    kind = _KINDS[message.kind]
    if message.kind is MessageKind.ALERT:
        return f"⚠ {kind}"
    return f"★ {kind}" if message.kind in _WITHOUT_MOOD else f"{_SIGNS[message.mood]} {kind} {message.mood}"


def _bodies(message: Message, notes: Sequence[str], picture: bytes | None, message_id: str) -> tuple[str, str]:
    """HTML and text with the same content, as much as fits into the HTML."""
    for limits in LIMITS:
        shown = fitted(message, limits)
        pieces, whole = as_many_as_fit(_html(shown, notes, picture, message_id), _bytes, LONGEST_HTML)
        if whole:
            break
    return _encodable("".join(pieces)), _encodable(email_text(shown, label_of(message), notes))


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _html(message: Message, notes: Sequence[str], picture: bytes | None, message_id: str) -> Iterator[str]:
    values: dict[str, Any] = {
        "message": message,
        "label": label_of(message),
        "mood": "alert" if message.kind is MessageKind.ALERT else message.mood.name.lower(),
        "picture": None if picture is None or message.picture is None else f"cid:{_picture_id(message_id)}",
        "size": _shown_size(picture),
        "bars": _bars(message) if picture is None else (),
        "constants_label": constants_label(message),
        "failures_label": failures_label(message),
        "log_label": LOG_LABEL,
        "notes": notes,
    }
    yield from template().generate(values)


@cache
def template() -> Any:
    """The template of all mails; the layer's build compiles it."""
    from trialbook.templates import environment  # Jinja is slow to load: not before the first mail

    made = environment(Path(__file__).parent)
    made.filters |= {"moment": moment, "breakable": breakable, "is_long": _is_long}
    return made.get_template("email.html.j2")


def _is_long(text: str) -> bool:
    """Whether a name has a part too long for a narrow column."""
    return any(len(word) > _LONGEST_WORD for part in joints(text) for word in part.split())


def _bars(message: Message) -> list[tuple[str, str, int]]:
    """Label, value as text, and length in percent of the longest."""
    longest = max((abs(each.value) for each in message.bars), default=0) or 1
    return [(each.label, shown(each.value), max(1, round(abs(each.value) / longest * 100))) for each in message.bars]


def _shown_size(picture: bytes | None) -> tuple[int, int]:
    """Shown width and height: half the picture's pixels, because it is drawn for high-density screens."""
    if picture is None or len(picture) < 24:
        return 0, 0
    width, height = struct.unpack(">II", picture[16:24])
    shown = min(width // 2, _WIDEST_PICTURE)
    return shown, round(height * shown / width) if width else 0


def _encoded(content: bytes | None) -> int:
    """Bytes that an enclosure takes in base64, line ends included."""
    return 0 if content is None else (len(content) + 2) // 3 * 4 * 78 // 76 + 1000


def _mark(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _picture_id(message_id: str) -> str:
    return f"picture.{message_id.strip('<>')}"


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _set_boundaries(mail: EmailMessage, mark: str) -> None:
    """Sets fixed boundaries, which email would otherwise draw at random."""
    parts = [part for part in mail.walk() if part.is_multipart()]
    for number, part in enumerate(parts):
        part.set_boundary(f"=={mark}.{number}==")
