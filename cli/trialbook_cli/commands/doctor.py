"""`trialbook doctor`: is the deployment well, and what is to be done?"""

import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

from botocore.exceptions import HTTPClientError
from rich.text import Text
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from trialbook.adapters.slack import API, Slack
from trialbook.runtime import clock
from trialbook_book.stacks import StackFailed
from trialbook_cli.checkup import examined
from trialbook_cli.checkup.deployment import Deployment, Finding, Level
from trialbook_cli.frame import Source
from trialbook_cli.plain import FAILED, OK, print_json
from trialbook_cli.terminal import console, safe

_SHOWN = {Level.OK: ("✓ ok", "green"), Level.NOTE: ("• note", "yellow"), Level.PROBLEM: ("✗ problem", "bold red")}


def run(source: Source, slack_url: str | None, *, as_json: bool) -> int:
    """Prints each finding as it is found. Exit code 1 if one is a problem."""
    findings = []
    for finding in _findings(source, slack_url):
        findings.append(finding)
        if not as_json:
            _show(finding)
    if as_json:
        print_json([{"level": each.level.value, "what": each.what, "todo": each.todo or None} for each in findings])
    else:
        versions = f"trialbook {version('trialbook')}, boto3 {version('boto3')}, Python {platform.python_version()}"
        console.print(Text(versions, "dim"))
    return FAILED if any(finding.level is Level.PROBLEM for finding in findings) else OK


def _findings(source: Source, slack_url: str | None) -> Iterator[Finding]:
    try:
        book = source.open_to_write()  # the stack as it is now
    except StackFailed as error:
        todo = f"aws cloudformation describe-stack-events --stack-name {source.stack} says why"
        yield Finding(Level.PROBLEM, str(error), todo)
        return
    except HTTPClientError as error:
        todo = "check the network, the proxy and --region, then run it again"
        yield Finding(Level.PROBLEM, f"AWS does not answer: {error}", todo)
        return
    assert book.stack is not None, "the options of these commands name a stack"
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


def _show(finding: Finding) -> None:
    word, style = _SHOWN[finding.level]
    console.print(Text(f"{word:<10}", style).append(safe(finding.what, 1000)), soft_wrap=True)
    if finding.todo:
        console.print(Text(" " * 10 + "→ ").append(safe(finding.todo, 1000)), soft_wrap=True)


def _auth_test(token: str, url: str | None) -> Mapping[str, Any]:
    client = WebClient(token=token, base_url=url or WebClient.BASE_URL)
    try:
        answer = client.auth_test()
    except SlackApiError as error:
        return {"ok": False, "error": error.response.get("error")}
    except OSError as error:  # no network, no such host, or an answer that never comes
        return {"unreachable": str(error)}
    headers = {name.lower(): value for name, value in answer.headers.items()}
    scopes = str(headers.get("x-oauth-scopes", "")).replace(" ", "").split(",")
    return {"ok": True, "user": answer.get("user"), "team": answer.get("team"), "scopes": scopes}
