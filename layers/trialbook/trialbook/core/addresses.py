"""Email addresses: one grammar for the rules document, for parameters and for sending, whatever reads them later."""

import re
from dataclasses import dataclass

LONGEST = 254  # characters, RFC 5321
_LONGEST_LOCAL = 64
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?P<local>{_ATOM}(?:\.{_ATOM})*)@(?P<domain>{_LABEL}(?:\.{_LABEL})+)")
_QUOTED = re.compile(r'"(?P<name>(?:[^"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f])*)"')
_NAMED = re.compile(rf"(?:(?P<quoted>{_QUOTED.pattern})|(?P<plain>[^<>\x00-\x1f\x7f]*?)) *<(?P<address>[^<>\s]+)>")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address, with a name if it has one."""

    address: str
    name: str = ""

    @property
    def domain(self) -> str:
        """The part after the @."""
        return self.address.rpartition("@")[2]


def is_address(text: str) -> bool:
    """Whether it is one bare address, as SES takes it: ASCII, no quotes, no comment, a domain with a dot, within the
    lengths of RFC 5321. A domain with an umlaut has an ASCII form, `xn--…`; a mailbox has none."""
    found = _ADDRESS.fullmatch(text)
    return found is not None and len(text) <= LONGEST and len(found["local"]) <= _LONGEST_LOCAL


def mailbox(text: str) -> Mailbox | None:
    """The address in `team@example.com`, `<team@example.com>`, `Team <team@example.com>` or `"A Team" <…>`; None where
    it is none."""
    text = text.strip(" ")
    named = _NAMED.fullmatch(text)
    if named is None:
        return Mailbox(text) if is_address(text) else None
    name = re.sub(r"\\(.)", r"\1", named["name"]) if named["quoted"] else named["plain"].strip()
    if not named["quoted"] and any(sign in name for sign in '",;:@()[]\\'):
        return None  # several addresses, or a name that should be in quotes
    return Mailbox(named["address"], name) if is_address(named["address"]) else None
