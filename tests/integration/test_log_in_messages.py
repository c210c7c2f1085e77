"""The end of a failed job's log: in messages where a route asks for it, in reports always, and never with a secret."""

import json
from email import message_from_bytes, policy
from typing import Any

import pytest

from tests.launching import launched, training
from tests.measuring import curve, line, one_job, with_measurements
from trialbook_cli.laptop_cloud import Recording
from trialbook_cli.replaying import ReplayOutcome, replay

HF = "hf_" + "abcdefghijklmnopqrstuvwxyz"
AWS_KEY = "AKIA" + "ABCDEFGHIJKLMNOP"
HOSTILE = "<script>alert(1)</script> <!channel> & *bold*"
LOG = [
    "\x1b[32mINFO\x1b[0m reading with " + HF,
    f"boto3.client('s3', aws_access_key_id='{AWS_KEY}')",
    HOSTILE,
    "Traceback (most recent call last):",
    '  File "train.py", line 12, in <module>',
    "KeyError: 'label'",
]
REASON = "AlgorithmError: ExecuteUserScriptError: exit code 1"
SHOWN = 'routes: [{to: [{slack: "#training"}, {email: team@example.com}], log: true}]'


def failed() -> Recording:
    return one_job("Failed", LOG, FailureReason=REASON)


NAMES = [f"resnet-2026-11-20-09-0{number}-00-000" for number in range(4)]


def sweep() -> Recording:
    """A loop of four, of which two failed; the log of the first of them is missing."""
    described = [
        training(
            name,
            number,
            number + 20,
            {"lr": str(0.1 * (number + 1))},
            value=0.8 + number / 100,
            status="Failed" if number in (1, 2) else "Completed",
            **({"FailureReason": REASON} if number in (1, 2) else {}),
        )
        for number, name in enumerate(NAMES)
    ]
    lines = [line(name, {"validation:accuracy": curve([0.5, 0.8], 5, 20)}) for name in NAMES]
    return with_measurements(launched(described), *lines[:2], line(NAMES[2], {}, log=LOG), lines[3])


def texts(found: ReplayOutcome) -> str:
    """All that left: to Slack, by mail, in reports."""
    mails = [part.get_content() for mail in found.mails for part in parts(mail)]
    pages = [content.decode() for key, content in found.reports.items() if key.endswith((".html", ".json"))]
    return json.dumps(found.slack.calls, ensure_ascii=False) + "".join(mails) + "".join(pages)


def parts(mail: bytes) -> list[Any]:
    read = message_from_bytes(mail, policy=policy.default)
    return [part for part in read.walk() if part.get_content_type() in ("text/plain", "text/html")]


def elements(value: Any, kind: str) -> list[str]:
    """The texts of Slack's elements of a kind, in all blocks."""
    if isinstance(value, list):
        return [each for one in value for each in elements(one, kind)]
    if not isinstance(value, dict):
        return []
    own = ["".join(each.get("text", "") for each in value["elements"])] if value.get("type") == kind else []
    return own + [each for one in value.values() for each in elements(one, kind)]


def test_the_failures_message_shows_the_end_of_the_log_where_a_route_asks_for_it() -> None:
    found = replay(failed(), rules=SHOWN)
    (posted,) = found.slack.top_level()
    (mail,) = found.mails
    (log,) = elements(posted.blocks, "rich_text_preformatted")

    assert log.endswith("KeyError: 'label'")
    assert '  File "train.py", line 12' in log
    assert HOSTILE in log  # an element without mark-up
    plain, html = (part.get_content() for part in parts(mail))
    assert "End of the log" in plain
    assert "    KeyError: 'label'" in plain
    assert "&lt;script&gt;alert(1)" in html
    assert "<script" not in html


def test_without_such_a_route_no_message_shows_it() -> None:
    for rules in (None, 'routes: [{to: [{slack: "#training"}]}]'):
        found = replay(failed(), rules=rules)
        assert found.slack.top_level()
        assert "KeyError" not in json.dumps(found.slack.calls)
        assert not any("KeyError" in part.get_content() for mail in found.mails for part in parts(mail))


def test_each_destination_gets_what_its_own_routes_say() -> None:
    rules = 'routes: [{to: [{slack: "#open"}]}, {to: [{slack: "#closed"}], log: true}, {to: [{slack: "#closed"}]}]'
    found = replay(failed(), rules=rules)
    names = {channel.id: channel.name for channel in found.slack.channels}
    shown = {names[each.channel]: "KeyError" in json.dumps(each.blocks) for each in found.slack.top_level()}

    assert shown == {"open": False, "closed": True}


def test_the_report_shows_a_log_under_the_failures_and_the_thread_does_where_a_route_asks() -> None:
    found = replay(sweep(), rules=SHOWN)
    (page,) = [
        content.decode()
        for key, content in found.reports.items()
        if key.endswith("report.html") and "/experiments/" not in key
    ]
    (posted,) = found.slack.top_level()
    (failures,) = [each for each in found.slack.thread(posted.ts) if "2 jobs failed" in each.text]

    assert f"End of the log of {NAMES[2]}" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &lt;!channel&gt;" in page
    assert "KeyError" in elements(failures.blocks, "rich_text_preformatted")[0]
    without = replay(sweep())
    (posted,) = without.slack.top_level()
    assert not any("KeyError" in json.dumps(each.blocks) for each in without.slack.thread(posted.ts))


@pytest.mark.parametrize("made", [failed, sweep])
def test_no_planted_secret_leaves(made: Any) -> None:
    found = replay(made(), rules=SHOWN)
    said = texts(found)

    assert "KeyError" in said
    assert "[masked:" in said
    assert HF not in said
    assert AWS_KEY not in said
    assert "\x1b" not in said
    assert not any(HF.encode() in content or AWS_KEY.encode() in content for content in found.reports.values())


def test_a_log_that_is_damaged_costs_the_log_and_no_message() -> None:
    def damage(cloud: Any, sagemaker: Any) -> None:
        def before(function: str, service: str, operation: str, request: Any) -> None:
            if operation == "PutObject" and request["Key"].endswith("log.json.gz"):
                request["Body"] = b"damaged"

        cloud.before_call = before

    found = replay(failed(), rules=SHOWN, prepare=damage)

    assert len(found.slack.top_level()) == 1
    assert "KeyError" not in texts(found)
    assert not any(found.dead_letters.values())


def test_a_recording_of_a_job_that_went_well_has_no_log() -> None:
    found = replay(one_job(), rules=SHOWN)

    assert not [key for key in found.reports if key.endswith("log.json.gz")]
