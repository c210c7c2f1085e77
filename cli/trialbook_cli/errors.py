"""Errors as a person reads them: one line that says what is wrong and what to do, and the exit code."""

from pathlib import Path

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
from trialbook.errors import InvalidArgument, Listing, MissingPart, NewerFormat, NoSuchStack, UnknownName
from trialbook.ledger.table import Conflict
from trialbook_book.stacks import forget
from trialbook_cli.exit_codes import BAD_INPUT, FAILED
from trialbook_cli.rich_output import fail
from trialbook_cli.usage_error import UsageError

WITHOUT_AWS = "Without an AWS account: trialbook demo, then ask with --book demo-out/churn-min-child-weight."
_NOT_ALLOWED = "Your credentials lack a permission: docs/cli.md has the policy to ask for."
_SESSION_EXPIRED = "Your session has expired: sign in again (aws sso login)."
_ADVICE = {
    "AccessDenied": _NOT_ALLOWED,
    "AccessDeniedException": _NOT_ALLOWED,
    "ExpiredToken": _SESSION_EXPIRED,
    "ExpiredTokenException": _SESSION_EXPIRED,
    "UnrecognizedClientException": "These credentials are not valid in this region.",
    "ResourceNotFoundException": "The table does not exist: check --stack, --table, --profile and --region.",
    "ThrottlingException": "AWS throttles calls at the moment: try again in a minute.",
}


# What the Python API calls an argument is an option here.
_OPTIONS = {"after": "--after", "where": "--where", "region": "--region", "stack": "--stack", "folder": "--book"}
_LISTING = {
    Listing.NAMES: "trialbook experiments and trialbook sweeps list names.",
    Listing.EXPERIMENTS: "trialbook experiments lists names.",
    Listing.JOBS: "trialbook trials NAME --columns job lists jobs.",
    Listing.NOTHING: "",
}


def report_error(error: Exception) -> int | None:
    """Prints what went wrong and returns the exit code; None if a person can't do anything about it."""
    if isinstance(error, InvalidRules):
        return fail("; ".join(error.problems), BAD_INPUT)
    if isinstance(error, UsageError):
        return fail(str(error), BAD_INPUT)
    if isinstance(error, UnknownName):
        return fail(f"{error.problem} {_LISTING[error.listing]}".rstrip(), BAD_INPUT)
    if isinstance(error, InvalidInput):
        return fail(no_region() if lacks_region(error) else _in_options(error), BAD_INPUT)
    if isinstance(error, MissingPart):
        return fail(f"{error}.", BAD_INPUT)
    if isinstance(error, BotoCoreError | ClientError | PynamoDBException | SageMakerError | Conflict):
        if _code(error) == "ResourceNotFoundException":
            forget()
        return fail(explained(error), BAD_INPUT if isinstance(_cause(error), ProfileNotFound) else FAILED)
    if isinstance(error, NewerFormat):
        return fail(str(error), FAILED)
    if isinstance(error, BrokenPipeError):  # `| head` has read enough
        return FAILED
    return None


def report_missing(error: ModuleNotFoundError, command: str, part: str | None) -> int | None:
    """Prints which part to install for a command and returns the exit code; None if the library is of no part."""
    missing = MissingPart.of(error, command, part)
    return None if missing is None else fail(f"{missing}.", BAD_INPUT)


def report_damage(book: Path) -> int | None:
    """Prints which line of a book in a folder can't be read and returns the exit code; None if all can be read."""
    from trialbook_book.folder import damage

    found = damage(book)
    return None if found is None else fail(str(found), BAD_INPUT)


def explained(error: Exception) -> str:
    """The error with advice."""
    cause = _cause(error)
    if isinstance(cause, NoCredentialsError):
        return f"No AWS credentials. {WITHOUT_AWS} With one: set AWS_PROFILE or run aws configure."
    if isinstance(cause, NoRegionError):
        return no_region()
    if isinstance(cause, ProfileNotFound):
        return f"{cause}. aws configure list-profiles shows the profiles that exist."
    if isinstance(cause, EndpointConnectionError):
        return f"{cause}. Check the network and --region."
    advice = _ADVICE.get(_code(error))
    return f"{str(cause).rstrip('.')}. {advice}" if advice else str(cause)


def _in_options(error: InvalidInput) -> str:
    if isinstance(error, NoSuchStack):
        expected = "a deployed stack (--stack), or ask a local book: trialbook backfill --since 30d --book ./book"
        return str(InvalidInput("--stack", error.value, expected))
    if isinstance(error, InvalidArgument):
        return str(InvalidInput(_OPTIONS.get(error.field, error.field), error.value, error.expected))
    return str(error)


def lacks_region(error: InvalidInput) -> bool:
    """Whether no AWS region is set."""
    return error.value is None and error.field.removeprefix("--") == "region"


def no_region() -> str:
    """That no AWS region is set, and what to do."""
    return f"No AWS region. {WITHOUT_AWS} With one: give --region or set AWS_DEFAULT_REGION."


def _code(error: Exception) -> str:
    """AWS's error code; empty if AWS did not answer."""
    cause = _cause(error)
    return str(cause.response.get("Error", {}).get("Code", "")) if isinstance(cause, ClientError) else ""


def _cause(error: Exception) -> Exception:
    """AWS's own error, which pynamodb may have wrapped."""
    while isinstance(error, PynamoDBException) and error.cause is not None:
        error = error.cause
    return error
