"""What can go wrong on the way to the book, in a line that says what to do."""

from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)
from pynamodb.exceptions import PynamoDBException

from trialbook.adapters.sagemaker import SageMakerError
from trialbook.core.errors import InvalidInput, InvalidRules
from trialbook.core.formats import NewerFormat
from trialbook.ledger.table import Conflict
from trialbook_book.stacks import forget
from trialbook_cli.plain import BAD_INPUT, FAILED
from trialbook_cli.terminal import fail

_LOCAL = "or ask a local book with --book DIR"
_ADVICE = {
    "AccessDenied": "your credentials may not do this: ask for the policy in docs/cli.md",
    "AccessDeniedException": "your credentials may not do this: ask for the policy in docs/cli.md",
    "ExpiredToken": "your session has expired: sign in again (aws sso login)",
    "ExpiredTokenException": "your session has expired: sign in again (aws sso login)",
    "UnrecognizedClientException": "these credentials are not valid in this region",
    "ResourceNotFoundException": "the table is not there: check --stack, --table, --profile and --region",
    "ThrottlingException": "too many calls at the moment: try again in a minute",
}


def told(error: Exception) -> int | None:
    """Says what went wrong and gives the exit code; None where it is nothing that a person could mend."""
    if isinstance(error, InvalidRules):
        return fail("; ".join(error.problems), BAD_INPUT)
    if isinstance(error, InvalidInput):
        return fail(str(error), BAD_INPUT)
    if isinstance(error, BotoCoreError | ClientError | PynamoDBException | SageMakerError | Conflict):
        if _code(error) == "ResourceNotFoundException":
            forget()
        return fail(explained(error), BAD_INPUT if isinstance(_cause(error), ProfileNotFound) else FAILED)
    if isinstance(error, NewerFormat):
        return fail(str(error), FAILED)
    if isinstance(error, BrokenPipeError):  # `| head` has seen enough
        return FAILED
    return None


def damage_in(book: Path | None) -> int | None:
    """Says which line of the book in a folder can't be read, and gives the exit code; None where all can."""
    if book is None:
        return None
    from trialbook_book.folder import damage

    found = damage(book)
    return None if found is None else fail(str(found), BAD_INPUT)


def explained(error: Exception) -> str:
    """The error with what to do about it."""
    cause = _cause(error)
    if isinstance(cause, NoCredentialsError):
        return f"no AWS credentials: set AWS_PROFILE or run aws configure, {_LOCAL}"
    if isinstance(cause, NoRegionError):
        return f"no AWS region: give --region or set AWS_DEFAULT_REGION, {_LOCAL}"
    if isinstance(cause, ProfileNotFound):
        return f"{cause}: aws configure list-profiles shows those that exist"
    if isinstance(cause, EndpointConnectionError):
        return f"{cause}: check the network and --region"
    advice = _ADVICE.get(_code(error))
    return f"{cause}: {advice}" if advice else str(cause)


def _code(error: Exception) -> str:
    """AWS's code for what went wrong; empty if AWS said nothing."""
    cause = _cause(error)
    return str(cause.response.get("Error", {}).get("Code", "")) if isinstance(cause, ClientError) else ""


def _cause(error: Exception) -> Exception:
    """What AWS said, where pynamodb has wrapped it."""
    while isinstance(error, PynamoDBException) and error.cause is not None:
        error = error.cause
    return error


E = TypeVar("E", bound=StrEnum)


def chosen(field: str, text: str, among: type[E]) -> E:
    """The member with that value. Raises InvalidInput, naming all of them."""
    try:
        return among(text)
    except ValueError:
        raise InvalidInput(field, text, " or ".join(each.value for each in among)) from None
