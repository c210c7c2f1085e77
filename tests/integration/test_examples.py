"""The example of other chats: valid, matching what it is to match, and posting what its receiver takes."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from moto.events.models import EventPattern

from tests.conftest import ROOT
from tests.integration.test_build import sam
from trialbook.core.announcements import TYPES
from trialbook_cli.laptop_cloud.template import load_template

PATH = ROOT / "examples" / "other-chats.yaml"
TEMPLATE = load_template(PATH)
EXAMPLES = {
    name: json.loads(example)
    for name, example in re.findall(
        r"### (.+?)\n.*?```json\n(.*?)```", (ROOT / "docs/events.md").read_text(), re.DOTALL
    )
}
HOSTILE = '"}]}, {"x": "<headline> [click](https://evil.example) **bold** \\ \n\u202e'


def rules() -> dict[str, Mapping[str, Any]]:
    found = TEMPLATE["Resources"].items()
    return {name: each["Properties"] for name, each in found if each["Type"] == "AWS::Events::Rule"}


def event(name: str, **more: Any) -> dict[str, Any]:
    return {"source": "trialbook", "detail-type": name, "detail": {**EXAMPLES[name], **more}}


def matching(detail: Mapping[str, Any]) -> list[str]:
    return [
        name
        for name, rule in rules().items()
        if EventPattern.load(json.dumps(rule["EventPattern"])).matches_event(detail)  # type: ignore[arg-type]
    ]


def test_it_is_valid_and_without_lint() -> None:
    done = sam("validate", "--lint", "--template", str(PATH), "--region", "us-east-1")

    assert done.returncode == 0, done.stdout + done.stderr


def test_teams_gets_reports_and_failures_and_the_webhook_everything() -> None:
    found = {name: matching(event(name)) for name in TYPES}

    assert all("EventsToWebhook" in each for each in found.values())
    assert found["Report Ready"] == ["SweepToTeams", "EventsToWebhook"]
    assert found["Job Failed"] == ["FailureToTeams", "EventsToWebhook"]
    assert matching(event("Job Failed", failure_reason=None)) == ["UnexplainedFailureToTeams", "EventsToWebhook"]
    assert found["Sweep Progressed"] == ["EventsToWebhook"]


def posted(rule: str, detail: Mapping[str, Any]) -> Any:
    """What EventBridge makes of the event: a whole value in JSON's spelling, what stands within quotes bare."""
    transformer = rules()[rule]["Targets"][0]["InputTransformer"]
    values = {name: value_at(detail, path) for name, path in transformer["InputPathsMap"].items()}
    template = transformer["InputTemplate"]
    # Within quotes only numbers: how EventBridge spells other texts' quotes there is not documented.
    for literal in re.findall(r'"[^"]*"', template):
        assert all(isinstance(values[name], int) for name in re.findall(r"<(\w+)>", literal)), literal
    text = re.sub(r"<(\w+)>", lambda found: json.dumps(values[found[1]]), template)
    return json.loads(text)


def value_at(detail: Mapping[str, Any], path: str) -> Any:
    value: Any = detail
    for step in path.removeprefix("$.").split("."):
        value = value[step]
    assert value is not None, path
    return value


def texts(card: Any) -> Iterator[str]:
    for block in card["attachments"][0]["content"]["body"]:
        assert block["type"] == "RichTextBlock"  # the only one that knows no mark-up
        yield "".join(run["text"] for run in block["inlines"])


def test_teams_gets_a_card_that_says_what_came_of_the_sweep() -> None:
    card = posted("SweepToTeams", event("Report Ready"))

    assert card["type"] == "message"
    assert card["attachments"][0]["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert list(texts(card))[:2] == [
        EXAMPLES["Report Ready"]["report"]["headline"],
        "5 completed, 0 failed, 0 stopped",
    ]


def test_hostile_texts_stay_texts() -> None:
    card = posted("FailureToTeams", event("Job Failed", failure_reason=HOSTILE))

    assert list(texts(card))[-1] == HOSTILE


def test_a_failure_without_a_reason_has_a_card_too() -> None:
    (title, _) = texts(posted("UnexplainedFailureToTeams", event("Job Failed", failure_reason=None)))

    assert title.startswith("Job failed without a reason: churn-xgb-261121-0900-011")
