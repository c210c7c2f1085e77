"""Other people's texts on the whole way: from events and Describe answers through the deployed wiring to what is sent."""

import json
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.integration.test_replay import few
from trialbook_cli.laptop_cloud import Recording
from trialbook_cli.replaying import ReplayOutcome, replay

SHORT = (
    "<!channel> <@U123> @here *bold* _it_ `code` [a](https://evil.example) <https://evil.example|b> <script>alert(1)</script>"
    "\"'><img src=x onerror=alert(1)>\r\nBcc: evil@evil.example\n\u202egnp.exe\u2066\x1b[31m"
)
TEXTS = {"short": SHORT, "long": "x" * 2500}
SHOWN = {
    "short": ("<!channel> <@U123> @here *bold* _it_", "<script>alert(1)</script>", "\\u202egnp.exe"),
    "long": ("x" * 20,),
}
ACTIVE = {"script", "iframe", "object", "form", "base", "svg"}


def hostile(text: str) -> Recording:
    """Three jobs of a loop: the text is a hyperparameter's name and value, a tag, and why the last one failed."""
    whole = few(3)
    last = sorted(each["detail"]["TrainingJobName"] for each in whole.events)[-1]

    def changed(about: dict[str, Any]) -> dict[str, Any]:
        name = about["TrainingJobName"]
        given = about["HyperParameters"]
        about["HyperParameters"] = {
            **given,
            text[:256]: text,
            "min_child_weight": f"{given['min_child_weight']} {text}"[:2500],
        }
        if name == last and about["TrainingJobStatus"] == "Completed":
            about |= {"TrainingJobStatus": "Failed", "FailureReason": text[:1024], "FinalMetricDataList": []}
        if "Tags" in about or about.get("SecondaryStatus"):
            about["Tags"] = {"trialbook:owner": text[:256], "trialbook:sweep": "", text[:128]: text[:256]}
        return about

    events = [{**each, "detail": changed(dict(each["detail"]))} for each in whole.events]
    answers = [
        {**each, "response": changed(dict(each["response"]))} if each["operation"] == "DescribeTrainingJob" else each
        for each in whole.answers
    ]
    return Recording("hostile", events, answers)


@cache
def outcome(kind: str) -> ReplayOutcome:
    rules = "alerts: [{name: failures, failed: 1 %}]"
    return replay(hostile(TEXTS[kind]), rules=rules)


def elements(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from elements(each)


class Page(HTMLParser):
    """The elements of a page, and their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("kind", TEXTS)
def test_nothing_is_lost_and_slack_takes_it(kind: str) -> None:
    found = outcome(kind)

    assert sorted(each.job.status for each in found.records) == ["Completed", "Completed", "Failed"]
    assert not any(found.dead_letters.values())
    assert found.slack.refused == []
    assert [each for each in found.slack.top_level() if "2 of 3" in each.text or "3 of 3" in each.text]


@pytest.mark.parametrize("kind", TEXTS)
def test_in_slack_it_calls_nobody_formats_nothing_and_leads_nowhere(kind: str) -> None:
    sent = [request for method, request in outcome(kind).slack.calls if method in ("chat.postMessage", "chat.update")]
    parts = [
        each
        for request in sent
        for each in elements(
            json.loads(request["blocks"]) if isinstance(request.get("blocks"), str) else request.get("blocks")
        )
    ]

    assert sent
    assert not [each for each in parts if each.get("type") in ("mrkdwn", "user", "usergroup", "broadcast", "channel")]
    assert not [each for each in parts if each.get("type") == "link" and "evil" in each["url"]]
    texts = " ".join(str(each["text"]) for each in parts if isinstance(each.get("text"), str))
    assert [each for each in SHOWN[kind] if each not in texts] == []
    for request in sent:
        assert "<!" not in request["text"]
        assert "<@" not in request["text"]
        assert "<http" not in request["text"]
        assert "\n" not in request["text"]


@pytest.mark.parametrize("kind", TEXTS)
def test_in_mails_it_is_text(kind: str) -> None:
    mails = [message_from_bytes(each, policy=default) for each in outcome(kind).mails]

    assert mails
    for mail in mails:
        assert mail["Bcc"] is None
        assert str(mail["To"]) == "team@example.com"
        assert not set(str(mail["Subject"])) & set("\r\n\x1b\u202e\u2066")
        body = mail.get_body(("html",))
        assert body is not None
        page = Page(body.get_content())
        assert not [tag for tag, _ in page.found if tag in ACTIVE]
        assert not [given for _, given in page.found if any(name.startswith("on") for name in given)]
        assert not [given for _, given in page.found if "evil" in (given.get("href") or "") + (given.get("src") or "")]
        plain = mail.get_body(("plain",))
        assert plain is not None
        assert not set(plain.get_content()) & set("\x1b\u202e\u2066")
    texts = " ".join(" ".join(each.get_body(("plain",)).get_content().split()) for each in mails)  # type: ignore[union-attr]
    assert [each for each in SHOWN[kind] if each not in texts] == []
