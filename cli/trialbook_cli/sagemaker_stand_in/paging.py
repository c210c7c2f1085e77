"""Pages of lists. The token is the offset; SageMaker's are opaque, so nobody may look into it."""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any

from trialbook_cli.sagemaker_stand_in.errors import validation_error

LONGEST = 100
_FULL, _EMPTY = "offset", "nothing"


def page(
    entries: Sequence[Any],
    request: dict[str, Any],
    member: str,
    *,
    empty_first: bool = False,
    empty_between: bool = False,
) -> dict[str, Any]:
    """One page of a list, with NextToken if there is more.

    `empty_first` answers with an empty page that has a token first, as SageMaker does now and then with NameContains;
    `empty_between` with one between any two pages.
    """
    token = request.get("NextToken")
    if empty_first and token is None:
        return {member: [], "NextToken": _token(0)}
    before, start = _position(token) if token else (_FULL, 0)
    if before == _EMPTY:
        return {member: [], "NextToken": _token(start)}
    size = min(request.get("MaxResults") or (10 if member != "Results" else LONGEST), LONGEST)
    answer: dict[str, Any] = {member: list(entries[start : start + size])}
    if start + size < len(entries):
        answer["NextToken"] = _token(start + size, _EMPTY if empty_between else _FULL)
    return answer


def _token(offset: int, page: str = _FULL) -> str:
    return b64encode(f"{page} {offset}".encode()).decode()


def _position(token: str) -> tuple[str, int]:
    """Which page a token stands for, and how many entries come before it."""
    try:
        page, offset = b64decode(token).decode().split(" ")
        return page, int(offset)
    except ValueError:
        raise validation_error("The pagination token is invalid.") from None
