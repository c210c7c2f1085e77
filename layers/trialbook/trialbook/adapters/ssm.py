"""SSM's parameters. Powertools has them too, but brings boto3 and a second session with them: 60 ms of a cold start."""

import time
from typing import Any

from botocore.session import Session


class Parameter:
    """A parameter's value, asked for again when it is older than `max_age` seconds; None where there is none."""

    def __init__(self, session: Session, name: str, max_age: float) -> None:
        self._client: Any = session.create_client("ssm")
        self._name, self._max_age = name, max_age
        self._value: str | None = None
        self._read_at: float | None = None

    def __call__(self) -> str | None:
        """The value."""
        now = time.monotonic()
        if self._read_at is None or now - self._read_at >= self._max_age:
            self._value, self._read_at = self._get(), now
        return self._value

    def _get(self) -> str | None:
        try:
            answer = self._client.get_parameter(Name=self._name)
        except self._client.exceptions.ParameterNotFound:
            return None
        value: str = answer["Parameter"]["Value"]
        return value
