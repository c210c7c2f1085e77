"""The checks of `trialbook doctor`: each makes calls that change nothing and gives findings as it finds them."""

from collections.abc import Callable, Iterator

from botocore.exceptions import BotoCoreError, ClientError

from trialbook_cli.checkup.delivery_checks import DELIVERY_CHECKS
from trialbook_cli.checkup.deployment import Deployment, Finding, Level, is_missing
from trialbook_cli.checkup.mlflow_checks import mlflow
from trialbook_cli.checkup.stack_checks import STACK_CHECKS
from trialbook_cli.errors import explained

Check = Callable[[Deployment], Iterator[Finding]]
CHECKS: tuple[Check, ...] = (*STACK_CHECKS, *DELIVERY_CHECKS, mlflow)


def examined(deployment: Deployment) -> Iterator[Finding]:
    """All findings. If a check is not allowed to look it says so, and the others continue."""
    for check in CHECKS:
        try:
            yield from check(deployment)
        except (ClientError, BotoCoreError, OSError) as error:
            yield _not_checked(check.__name__.replace("_", " "), error)


def _not_checked(check: str, error: Exception) -> Finding:
    if is_missing(error):
        return Finding(
            Level.PROBLEM,
            f"{check}: something is missing: {error}",
            "docs/operations.md says how to restore what was deleted",
        )
    if isinstance(error, ClientError):
        todo = "allow the read-only call, or ask somebody who may make it"
        return Finding(Level.NOTE, f"{check}: not checked: {error}", todo)
    return Finding(Level.PROBLEM, f"{check}: not checked: {explained(error)}", "check the network, then run it again")
