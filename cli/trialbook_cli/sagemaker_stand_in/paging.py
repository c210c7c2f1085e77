"""Pages of lists. The token is the offset; SageMaker's are opaque, so nobody may look into it."""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any

from trialbook_cli.sagemaker_stand_in.errors import validation_error

LONGEST = 100


def page(entries: Sequence[Any], request: dict[str, Any], member: str, *, empty_first: bool = False) -> dict[str, Any]:
    """One page of a list, with NextToken where there is more.

    `empty_first` answers with an empty page that has a token first, as SageMaker does now and then with NameContains.
    """
    token = request.get("NextToken")
    if empty_first and token is None:
        return {member: [], "NextToken": _token(0)}
    start = _offset(token) if token else 0
    size = min(request.get("MaxResults") or (10 if member != "Results" else LONGEST), LONGEST)
    answer: dict[str, Any] = {member: list(entries[start : start + size])}
    if start + size < len(entries):
        answer["NextToken"] = _token(start + size)
    return answer


def _token(offset: int) -> str:
    return b64encode(f"offset {offset}".encode()).decode()


def _offset(token: str) -> int:
    try:
        return int(b64decode(token).decode().removeprefix("offset "))
    except ValueError:
        raise validation_error("The pagination token is invalid.") from None
