"""What all clients of AWS have in common: time-outs, and that no call outlives the invocation that makes it."""

import time
from math import inf
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from trialbook.runtime import deadline

CONNECT, READ = 3, 10  # seconds
_LONGEST = CONNECT + READ  # that one attempt takes
_TRIED_FOR = (
    10.0  # seconds: throttled calls are tried again within them; one that hangs is not, its message comes again
)
_BEGAN = "trialbook_began"
# botocore words its own name anew twice for each request, out of a dozen parts: a tenth of a request's time. It checks
# each request against the service's model before AWS does: a sixth of a job event's.
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
    """The session, so that its clients have time-outs and keep the deadline of the invocation they are used in."""
    session.set_default_client_config(_COMMON)
    session.register("request-created", _keep_the_deadline, unique_id="trialbook-deadline")
    return session


def _keep_the_deadline(**given: Any) -> None:
    """Before each attempt of a call. Outside of invocations, on the command line, nothing is in a hurry."""
    left = deadline.left()
    if left == inf:
        return
    now = time.monotonic()
    spent = now - given["request"].context.setdefault(_BEGAN, now)
    if left < _LONGEST or spent > _TRIED_FOR:
        raise OutOfTime(left=left)
