"""The keys that sign links to reports: a secret's current value and the one before, under their versions' ids."""

import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError
from botocore.session import Session

_FRESH = 300.0  # seconds; a new key signs within five minutes
_STAGES = ("AWSCURRENT", "AWSPREVIOUS")


class LinkKeys:
    """The keys of a secret, read when first asked for and again when they are old.

    Putting a new value into the secret is all there is to rotation: Secrets Manager keeps the value before.
    """

    def __init__(self, session: Session, secret: str) -> None:
        self._client: Any = session.create_client("secretsmanager")
        self._secret = secret
        self._keys: dict[str, str] = {}
        self._current = ""
        self._read_at: float | None = None

    def current(self) -> tuple[str, str]:
        """Id and value of the key to sign with."""
        self._read()
        return self._current, self._keys[self._current]

    def all(self) -> Mapping[str, str]:
        """The values of the keys whose links are valid, by id."""
        self._read()
        return self._keys

    def _read(self) -> None:
        now = time.monotonic()
        if self._read_at is not None and now - self._read_at < _FRESH:
            return
        found = [answer for stage in _STAGES if (answer := self._get(stage)) is not None]
        self._keys = {answer["VersionId"]: answer["SecretString"] for answer in found}
        self._current = found[0]["VersionId"]
        self._read_at = now

    def _get(self, stage: str) -> Mapping[str, Any] | None:
        try:
            answer: Mapping[str, Any] = self._client.get_secret_value(SecretId=self._secret, VersionStage=stage)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException" or stage == "AWSCURRENT":
                raise
            return None  # there was no value before
        return answer
