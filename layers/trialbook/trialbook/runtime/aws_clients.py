"""Settings for all AWS clients: time-outs, and a deadline so that no call outlives its invocation."""

import time
from contextlib import suppress
from datetime import UTC, datetime
from math import inf
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.session import Session
from botocore.utils import parse_timestamp

from trialbook.core.errors import shown
from trialbook.runtime import deadline

CONNECT, READ = 3, 10  # seconds
LONGEST = CONNECT + READ  # that one attempt takes
# Seconds: throttled calls are retried within them. A call that hangs is not; its message is delivered again.
_TRIED_FOR = 10.0
_BEGAN, _ATTEMPT = "trialbook_began", "attempt"
_JSON = ("json", "rest-json")  # protocols
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


class NotAnAnswer(BotoCoreError):
    """An answer with status 200 that does not come from AWS: a proxy's or a portal's page."""

    fmt = "{operation} was answered with what is no answer of AWS: {text}"


def prepared(session: Session) -> Session:
    """The session, with time-outs for its clients, which also keep the deadline of the running invocation and accept no
    answers but those of AWS."""
    session.set_default_client_config(_COMMON)
    session.register("request-created", _keep_the_deadline, unique_id="trialbook-deadline")
    session.register("before-send", _begin, unique_id="trialbook-begin")
    session.register("response-received", _end, unique_id="trialbook-end")
    session.register("before-parse", _end, unique_id="trialbook-read")
    session.register("before-parse", _refuse_nonsense, unique_id="trialbook-nonsense")
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_moment)
    return session


def _moment(value: Any) -> Any:
    """The moment that a timestamp of an answer means; what means none stays as it is. One such must not cost the other
    entries of a list: who reads the entry refuses it.

    Answers have seconds, of which botocore makes moments in dateutil's local zone. That takes six times as long,
    and what reads those moments is slower too.
    """
    if isinstance(value, int | float):
        with suppress(ValueError, OverflowError, OSError):
            return datetime.fromtimestamp(value, UTC)
    try:
        return parse_timestamp(value)
    except (ValueError, TypeError, OverflowError, RuntimeError):
        return value


def _refuse_nonsense(**given: Any) -> None:
    """Before an answer is read. Botocore takes what is no JSON for an answer without members: for "there are no tags",
    or for "it is done"."""
    model, response = given["operation_model"], given["response_dict"]
    members = model.output_shape.members if model.output_shape else None
    service = model.service_model
    protocol = getattr(service, "resolved_protocol", None) or service.metadata.get("protocol")
    if not members or protocol not in _JSON or model.has_streaming_output or response["status_code"] >= 300:
        return
    body = bytes(response["body"]).strip()
    is_object = body.startswith(b"{") and body.endswith(b"}")
    names = (each.serialization.get("name", name) for name, each in members.items())
    if is_object and (not body[1:-1].strip() or any(f'"{name}"'.encode() in body for name in names)):
        return
    raise NotAnAnswer(operation=model.name, text=shown(body[:200].decode("utf-8", "replace")))


def _keep_the_deadline(**given: Any) -> None:
    """Runs before each attempt of a call. Outside of invocations there is no deadline."""
    left = deadline.left()
    if left == inf:
        return
    now = time.monotonic()
    spent = now - given["request"].context.setdefault(_BEGAN, now)
    if left < LONGEST or spent > _TRIED_FOR:
        raise OutOfTime(left=left)


def _begin(**_: Any) -> None:
    """Just before an attempt is sent."""
    _end()
    deadline.start(_ATTEMPT, LONGEST)


def _end(**_: Any) -> None:
    """Once an attempt's answer was read, or it failed."""
    deadline.stop(_ATTEMPT)
