"""Links to reports that work for weeks: the report's key, when the link expires, which key signed it, the signature.

Addresses presigned with a function's own rights die within hours, with its credentials; these links lead to
open_report, which presigns a fresh address each time.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import parse_qsl, quote, unquote, urlencode

_PURPOSE = "trialbook report link 1"  # the same secret signs nothing else, nor links of another form
_FOLDER = "reports/"


def link(base_url: str, key: str, key_id: str, secret: str, expires: datetime) -> str:
    """The link to an object of the reports' bucket. `base_url` is where open_report answers."""
    until = int(expires.timestamp())
    query = urlencode({"e": until, "k": key_id, "s": _signature(key, until, key_id, secret)})
    return f"{base_url.rstrip('/')}/{quote(key)}?{query}"


def opened(path: str, query: str, secrets: Mapping[str, str], now: datetime) -> str | None:
    """The key of the object that a link leads to; None if the link is malformed, expired, altered, or signed with a key
    that is no longer among the secrets (by key id). `path` and `query` are as in the URL."""
    key = unquote(path).lstrip("/")
    given = dict(parse_qsl(query))
    until, key_id, signature = (given.get(name, "") for name in "eks")
    secret = secrets.get(key_id)
    if secret is None or not (until.isascii() and until.isdecimal()) or len(until) > 12:
        return None
    right = _signature(key, int(until), key_id, secret)
    if not hmac.compare_digest(signature.encode("utf-8", "replace"), right.encode()):
        return None
    is_report = key.startswith(_FOLDER) and ".." not in key.split("/")
    return key if is_report and now < datetime.fromtimestamp(int(until), UTC) else None


def _signature(key: str, until: int, key_id: str, secret: str) -> str:
    said = "\n".join((_PURPOSE, str(until), key_id, key))
    made = hmac.new(secret.encode(), said.encode("utf-8", "surrogatepass"), sha256).digest()
    return urlsafe_b64encode(made).decode().rstrip("=")
