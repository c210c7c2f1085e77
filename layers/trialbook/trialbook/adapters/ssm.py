"""SSM's parameters. Powertools has them too, but brings boto3 and a second session with them: 60 ms of a cold start."""

from datetime import datetime, timedelta
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from trialbook.core.errors import Unreachable
from trialbook.runtime import clock
from trialbook.runtime.observability import logger

# Short, because a function that waits for rules does nothing else meanwhile.
_CONFIG = Config(retries={"total_max_attempts": 2}, connect_timeout=2, read_timeout=4)


class Parameter:
    """A parameter's value, asked for again when it is older than `max_age`; None if there is none. That it can't be
    read is remembered for as long: a batch of messages must not wait for each."""

    def __init__(self, session: Session, name: str, max_age: timedelta) -> None:
        self._client: Any = session.create_client("ssm", config=_CONFIG)
        self._name, self._max_age = name, max_age
        self._value: str | None = None
        self._trouble: str | None = None
        self._read_at: datetime | None = None

    def __call__(self) -> str | None:
        """The value. Raises Unreachable."""
        now = clock.now()
        if self._read_at is None or now - self._read_at >= self._max_age:
            self._read_at = now
            try:
                self._value, self._trouble = self._get(), None
            except (ClientError, BotoCoreError, KeyError) as error:  # KeyError: an answer without a value
                logger.warning("the parameter can't be read", parameter=self._name, reason=repr(error))
                self._trouble = repr(error)
        if self._trouble is not None:
            raise Unreachable(self._trouble)
        return self._value

    def _get(self) -> str | None:
        try:
            answer = self._client.get_parameter(Name=self._name)
        except self._client.exceptions.ParameterNotFound:
            return None
        value: str = answer["Parameter"]["Value"]
        return value
