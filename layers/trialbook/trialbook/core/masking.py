"""What leaves an account in a recording: account numbers and secrets can be masked."""

import re
from collections.abc import Mapping
from typing import Any

MASKED_ACCOUNT, MASKED = "123456789012", "masked"
_SECRET_NAME = re.compile(
    r"secret|token|passw(or)?d|passwd|credential|api_?-?key|access_?-?key|private_?-?key", re.IGNORECASE
)
_SECRET_VALUE = re.compile(
    r"\b(AKIA|ASIA)[A-Z0-9]{16}\b|\bxox[abprs]-[\w-]+|\bgh[pousr]_\w{20,}|\bhf_\w{20,}|\bsk-[\w-]{20,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*|\beyJ[\w-]{10,}\.[\w-]+\.[\w-]*|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"
)
_PLAIN = frozenset({"NextToken"})


def masked(value: Any, account: str) -> Any:
    """The value with the account's number replaced everywhere, and with the values of the environment, of names that
    speak of secrets, and texts that look like credentials masked."""
    if isinstance(value, Mapping):
        return {masked(key, account): _entry(key, each, account) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_tag(each, account) for each in value]
    if isinstance(value, str):
        return _SECRET_VALUE.sub(MASKED, value).replace(account, MASKED_ACCOUNT)
    return value


def _entry(key: str, value: Any, account: str) -> Any:
    if key == "Environment" and isinstance(value, Mapping):
        return dict.fromkeys(value, MASKED)
    if isinstance(value, str) and key not in _PLAIN and _SECRET_NAME.search(key):
        return MASKED
    return masked(value, account)


def _tag(value: Any, account: str) -> Any:
    """Tags and the like: a list of {"Key": ..., "Value": ...}."""
    if isinstance(value, Mapping) and {"Key", "Value"} <= value.keys() and _SECRET_NAME.search(str(value["Key"])):
        return {**masked(value, account), "Value": MASKED}
    return masked(value, account)
