"""The examination of a stack, with Slack's answers."""

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import HTTPClientError
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from trialbook.adapters.slack import API, Slack
from trialbook.errors import StackFailed
from trialbook.runtime import clock
from trialbook_cli.checkup import examined
from trialbook_cli.checkup.deployment import Deployment, Finding, Level
from trialbook_cli.options import Source


def examine(source: Source, slack_url: str | None) -> Iterator[Finding]:
    """The findings about a stack, one by one; a single one if the stack can't be asked."""
    try:
        book = source.open_to_write()  # the stack as it is now
    except StackFailed as error:
        todo = f"aws cloudformation describe-stack-events --stack-name {source.stack} shows the reason"
        yield Finding(Level.PROBLEM, str(error), todo)
        return
    except HTTPClientError as error:
        todo = "check the network, the proxy and --region, then run doctor again"
        yield Finding(Level.PROBLEM, f"AWS does not answer: {error}", todo)
        return
    assert book.stack is not None, "these commands take no --table and no --book"
    yield from examined(
        Deployment(
            book,
            book.stack,
            source.stack,
            clock.now(),
            lambda token: _auth_test(token, slack_url),
            lambda token, channel: Slack(lambda: token, slack_url or API).trouble(channel),
        )
    )


def _auth_test(token: str, url: str | None) -> Mapping[str, Any]:
    client = WebClient(token=token, base_url=url or WebClient.BASE_URL)
    try:
        answer = client.auth_test()
    except SlackApiError as error:
        return {"ok": False, "error": error.response.get("error")}
    except OSError as error:  # no network, unknown host, or no answer
        return {"unreachable": str(error)}
    headers = {name.lower(): value for name, value in answer.headers.items()}
    scopes = str(headers.get("x-oauth-scopes", "")).replace(" ", "").split(",")
    return {"ok": True, "user": answer.get("user"), "team": answer.get("team"), "scopes": scopes}
