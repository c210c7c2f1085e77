"""How DynamoDB refuses a request."""

from typing import Any

_REFUSED = "One or more parameter values were invalid: "


class Refused(Exception):
    """A request that DynamoDB answers with an error: its code, its message, and what its answer holds besides.

    `cancels` is the message with which it cancels a transaction that it is part of; None where the whole transaction is
    refused with the error itself.
    """

    def __init__(self, code: str, message: str, *, cancels: str | None = None, **more: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.cancels, self.more = code, message, cancels, more


def invalid(message: str) -> Refused:
    """A request that is not valid, whatever is in the table."""
    return Refused("ValidationException", message)


def invalid_value(message: str, *, cancels: str | None = None) -> Refused:
    """The same, because of a value."""
    return Refused("ValidationException", _REFUSED + message, cancels=cancels)
