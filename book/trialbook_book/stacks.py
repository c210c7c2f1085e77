"""Which table, bucket and account a deployed stack has: asked of CloudFormation, remembered on disk for ten seconds.

Deleting and creating a stack takes longer than that, so that no command asks the table of a stack that is gone. What is
remembered belongs to the credentials that asked: with those of another account, CloudFormation is asked again.
"""

import contextlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from botocore.session import Session

from trialbook.core.errors import InvalidInput
from trialbook.core.jobs import nothing
from trialbook.errors import InvalidArgument, NoSuchStack, StackFailed

_AGE = 10  # seconds; AWS needs longer to delete and create a stack with a hundred resources


@dataclass(frozen=True, slots=True)
class Deployed:
    """A stack's outputs by name, its id, and the account and region it is in."""

    account: str
    region: str
    outputs: Mapping[str, str] = field(default_factory=nothing)
    id: str = ""

    @property
    def table(self) -> str:
        """The ledger's table."""
        return self.outputs["LedgerTable"]


def deployed(session: Session, stack: str, *, fresh: bool = False) -> Deployed:
    """A stack as remembered, or as it is if `fresh` or if it was last seen more than ten seconds ago.

    Raises InvalidInput, ClientError.
    """
    mark, file = _mark(session, stack), _cache_file()
    known = _young(_remembered(file))
    if mark in known and not fresh:
        entry = known[mark]
        return Deployed(entry["account"], entry["region"], entry["outputs"], entry["id"])
    try:
        found = _described(session, stack)
    except (InvalidInput, ClientError):
        _remember(file, {key: entry for key, entry in known.items() if key != mark})
        raise
    entry = {
        "at": time.time(),
        "account": found.account,
        "region": found.region,
        "outputs": dict(found.outputs),
        "id": found.id,
    }
    _remember(file, {**known, mark: entry})
    return found


def forget() -> None:
    """Removes what is remembered: a table that was not there belongs to a stack that is gone."""
    with contextlib.suppress(OSError):
        _cache_file().unlink(missing_ok=True)


def _mark(session: Session, stack: str) -> str:
    """Who asks, where, and for what. The access key stands for the account, and is not written down itself."""
    credentials = session.get_credentials()
    key = sha256(credentials.access_key.encode()).hexdigest()[:16] if credentials else ""
    region = str(session.get_config_variable("region") or "")
    return "|".join((key, region, stack, os.environ.get("AWS_ENDPOINT_URL", "")))


def _described(session: Session, stack: str) -> Deployed:
    client: Any = session.create_client("cloudformation")
    try:
        answer = client.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        # CloudFormation has no code of its own for a stack that is not there.
        if error.response["Error"]["Code"] == "ValidationError":
            raise NoSuchStack(stack) from error
        raise
    outputs = {each["OutputKey"]: each["OutputValue"] for each in answer.get("Outputs", [])}
    state = str(answer.get("StackStatus", ""))
    if "LedgerTable" not in outputs and state.endswith(("FAILED", "ROLLBACK_COMPLETE")):
        raise StackFailed("stack", stack, f"a stack that was created; this one is {state}: delete it, deploy again")
    if "LedgerTable" not in outputs:
        raise InvalidArgument("stack", stack, "a stack made from Trialbook's template (it has the output LedgerTable)")
    _, _, _, region, account, _ = answer["StackId"].split(":", 5)
    return Deployed(account, region, outputs, answer["StackId"])


def _cache_file() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trialbook" / "stacks.json"


def _young(known: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that still count; those that an earlier version wrote, without an id, do not."""
    now = time.time()
    return {
        mark: entry
        for mark, entry in known.items()
        if isinstance(entry, dict) and "id" in entry and 0 <= now - float(entry.get("at", 0)) < _AGE
    }


def _remembered(file: Path) -> dict[str, Any]:
    try:
        loaded = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _remember(file: Path, known: Mapping[str, object]) -> None:
    with contextlib.suppress(OSError):  # a home that can't be written costs a request, no more
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_suffix(f".{os.getpid()}")
        beside.write_text(json.dumps(known), encoding="utf-8")
        beside.replace(file)
