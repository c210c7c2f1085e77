"""Settings for all AWS clients: time-outs, and a deadline so that no call outlives its invocation."""

import time
from math import inf
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from trialbook.runtime import deadline

CONNECT, READ = 3, 10  # seconds
_LONGEST = CONNECT + READ  # that one attempt takes
# Seconds: throttled calls are retried within them. A call that hangs is not; its message is delivered again.
_TRIED_FOR = 10.0
_BEGAN = "trialbook_began"
# A fixed user agent and no parameter validation save time: botocore builds its user agent twice a request, a tenth of
# the request's time, and checks each request against the service's model, a sixth of a job event's time.
_COMMON = Config(
    connect_timeout=CONNECT,
    read_timeout=READ,
    retries={"mode": "standard", "total_max_attempts": 4},
    user_agent="trialbook",
    parameter_validation=False,
)


class OutOfTime(BotoCoreError):
    """The call was not made: it might not end before the invocation does."""

    fmt = "{left:.1f} s are left of the invocation, too few for another call"


def prepared(session: Session) -> Session:
    """The session, with time-outs for its clients, which also keep the deadline of the running invocation."""
    session.set_default_client_config(_COMMON)
    session.register("request-created", _keep_the_deadline, unique_id="trialbook-deadline")
    return session


def _keep_the_deadline(**given: Any) -> None:
    """Runs before each attempt of a call. Outside of invocations there is no deadline."""
    left = deadline.left()
    if left == inf:
        return
    now = time.monotonic()
    spent = now - given["request"].context.setdefault(_BEGAN, now)
    if left < _LONGEST or spent > _TRIED_FOR:
        raise OutOfTime(left=left)
