"""What can go wrong on the way to the book, in a line that says what to do."""

from collections.abc import Callable
from enum import StrEnum
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

from trialbook.adapters.dynamodb import Conflict
from trialbook.adapters.sagemaker import SageMakerError
from trialbook.core.errors import InvalidInput, InvalidRules
from trialbook_cli.terminal import BAD_INPUT, FAILED, fail

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


def guarded(question: Callable[[], int]) -> int:
    """The question's exit code, or that of what went wrong."""
    try:
        return question()
    except InvalidRules as error:
        return fail("; ".join(error.problems), BAD_INPUT)
    except InvalidInput as error:
        return fail(str(error), BAD_INPUT)
    except (BotoCoreError, ClientError, PynamoDBException, SageMakerError, Conflict) as error:
        return fail(explained(error), FAILED)
    except BrokenPipeError:  # `| head` has seen enough
        return FAILED


def explained(error: Exception) -> str:
    """The error with what to do about it."""
    cause = error.__cause__ if isinstance(error, PynamoDBException) and error.__cause__ else error
    if isinstance(cause, NoCredentialsError):
        return f"no AWS credentials: set AWS_PROFILE or run aws configure, {_LOCAL}"
    if isinstance(cause, NoRegionError):
        return f"no AWS region: give --region or set AWS_DEFAULT_REGION, {_LOCAL}"
    if isinstance(cause, ProfileNotFound):
        return f"{cause}: aws configure list-profiles shows those that exist"
    if isinstance(cause, EndpointConnectionError):
        return f"{cause}: check the network and --region"
    code = cause.response.get("Error", {}).get("Code", "") if isinstance(cause, ClientError) else ""
    advice = _ADVICE.get(code)
    return f"{cause}: {advice}" if advice else str(cause)


E = TypeVar("E", bound=StrEnum)


def chosen(field: str, text: str, among: type[E]) -> E:
    """The member with that value. Raises InvalidInput, naming all of them."""
    try:
        return among(text)
    except ValueError:
        raise InvalidInput(field, text, " or ".join(each.value for each in among)) from None
