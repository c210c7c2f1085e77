"""Which table, bucket and account a deployed stack has: asked of CloudFormation once a day, then remembered on disk."""

import contextlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from botocore.session import Session

from trialbook.core.errors import InvalidInput
from trialbook.core.jobs import nothing

_AGE = 86_400  # seconds


@dataclass(frozen=True, slots=True)
class Deployed:
    """A stack's outputs by name, and where it stands."""

    account: str
    region: str
    outputs: Mapping[str, str] = field(default_factory=nothing)

    @property
    def table(self) -> str:
        """The ledger's table."""
        return self.outputs["LedgerTable"]


def deployed(session: Session, stack: str, *, fresh: bool = False) -> Deployed:
    """A stack as remembered, or, where `fresh` or older than a day, as it is. Raises InvalidInput, ClientError."""
    region = str(session.get_config_variable("region") or "")
    marks = (str(session.profile or ""), region, stack, os.environ.get("AWS_ENDPOINT_URL", ""))
    mark, file = "|".join(marks), _cache_file()
    known = {} if fresh else _remembered(file)
    if mark in known and time.time() - float(known[mark]["at"]) < _AGE:
        return Deployed(known[mark]["account"], known[mark]["region"], known[mark]["outputs"])
    found = _described(session, stack)
    entry = {"at": time.time(), "account": found.account, "region": found.region, "outputs": dict(found.outputs)}
    _remember(file, {**known, mark: entry})
    return found


def _described(session: Session, stack: str) -> Deployed:
    client: Any = session.create_client("cloudformation")
    try:
        answer = client.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        # CloudFormation has no code of its own for a stack that is not there.
        if error.response["Error"]["Code"] == "ValidationError":
            expected = "a deployed stack (--stack), or ask a local book: trialbook backfill --since 30d --book ./book"
            raise InvalidInput("--stack", stack, expected) from error
        raise
    outputs = {each["OutputKey"]: each["OutputValue"] for each in answer.get("Outputs", [])}
    if "LedgerTable" not in outputs:
        raise InvalidInput("--stack", stack, "a stack made from Trialbook's template (it has the output LedgerTable)")
    _, _, _, region, account, _ = answer["StackId"].split(":", 5)
    return Deployed(account, region, outputs)


def _cache_file() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trialbook" / "stacks.json"


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
