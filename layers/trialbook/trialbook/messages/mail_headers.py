"""Headers of mails as they are sent: RFC 2047's encoded words of at most 75 characters, lines of 76 wherever a header
has a place to break, never more than RFC 5322's 998.

Python's own folding differs between its patch releases, encodes long message ids, and decodes what only looks encoded.
"""

from base64 import b64encode
from collections.abc import Iterator
from email.policy import EmailPolicy
from typing import Any

from trialbook.core.addresses import Mailbox, mailbox

LONGEST_LINE = 76  # RFC 2047 where there are encoded words, RFC 2045 in bodies
_LONGEST_WORD = 75
_BEGIN, _END = "=?utf-8?b?", "?="
_SPECIALS = frozenset('()<>[]:;@\\,."')
_MAILBOXES = frozenset({"from", "to", "reply-to"})
_TEXTS = frozenset({"subject", "x-trialbook-about"})


class HeaderPolicy(EmailPolicy):
    """Keeps the headers that hold other people's texts as they were given, and folds all of them by these rules."""

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        """The header as it is kept. Raises ValueError where the value has a line break in it."""
        if name.lower() in _MAILBOXES | _TEXTS:
            if len(str(value).splitlines()) > 1:
                raise ValueError("a header has one line")
            return name, str(value)
        stored: tuple[str, Any] = super().header_store_parse(name, value)
        return stored

    def fold(self, name: str, value: str) -> str:
        """The header's lines."""
        return folded(name, str(value))

    def fold_binary(self, name: str, value: str) -> bytes:
        """The same as bytes, all ASCII."""
        return self.fold(name, value).encode("ascii")


POLICY = HeaderPolicy(linesep="\r\n", max_line_length=LONGEST_LINE, raise_on_defect=True)


def as_text(box: Mailbox) -> str:
    """The mailbox as a header's value."""
    if not box.name:
        return box.address
    name = box.name
    if any(sign in _SPECIALS for sign in name):
        name = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{name} <{box.address}>"


def folded(name: str, value: str) -> str:
    """A header's lines, line ends included."""
    box = mailbox(value) if name.lower() in _MAILBOXES else None
    if box is not None and box.name and _needs_encoding(box.name):
        words = [*_encoded(box.name, len(name) + 2), f"<{box.address}>"]
    elif _needs_encoding(value):
        words = list(_encoded(value, len(name) + 2))
    else:
        words = value.split(" ")
    lines = [f"{name}:"]
    for word in words:
        fits = len(lines[-1]) + 1 + len(word) <= LONGEST_LINE
        if fits or lines[-1] == f"{name}:" or not word.strip():
            lines[-1] += f" {word}"
        else:
            lines.append(f" {word}")
    return "\r\n".join(lines) + "\r\n"


def _needs_encoding(text: str) -> bool:
    return not text.isascii() or "=?" in text or any(len(word) > 900 for word in text.split(" "))


def _encoded(text: str, indent: int) -> Iterator[str]:
    """Encoded words that together are the text; the first one begins `indent` characters into its line. No character is
    cut in two."""
    room = _bytes_within(min(_LONGEST_WORD, LONGEST_LINE - indent))
    part = b""
    for character in text:
        content = character.encode("utf-8", "replace")
        if len(part) + len(content) > room:
            yield _word(part)
            part, room = b"", _bytes_within(_LONGEST_WORD)
        part += content
    yield _word(part)


def _bytes_within(length: int) -> int:
    """How many bytes an encoded word of a length holds."""
    return (length - len(_BEGIN) - len(_END)) // 4 * 3


def _word(content: bytes) -> str:
    return f"{_BEGIN}{b64encode(content).decode()}{_END}"
