"""The end of a failed job's log: in messages where a route asks for it, in reports always, and never with a secret."""

import gzip
import json
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.launching import launched, training
from tests.measuring import curve, line, one_job, with_measurements
from trialbook.core.curves.log_end import MOST_BYTES
from trialbook_cli.agents.answering import Answering
from trialbook_cli.laptop_cloud import Recording
from trialbook_cli.main import app
from trialbook_cli.options import Source
from trialbook_cli.replaying import ReplayOutcome, replay, write_outcome

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
    assert not elements(posted.blocks, "rich_text_preformatted")
    (mail,) = found.mails
    assert all("End of the log" in part.get_content() and "KeyError" in part.get_content() for part in parts(mail))
    without = replay(sweep())
    (posted,) = without.slack.top_level()
    assert not any("KeyError" in json.dumps(each.blocks) for each in without.slack.thread(posted.ts))


# What must not be left of each line.
PLANTED = {
    f"reading with {HF}": HF,
    f"boto3.client('s3', aws_access_key_id='{AWS_KEY}')": AWS_KEY,
    "git clone https://bot:glpat-" + "a1B2" * 6 + "@git.example.com/x": "a1B2" * 6,
    "psycopg2.connect('postgresql://ml:n0t-4-Word@db.example.com/x')": "n0t-4-Word",
    "Authorization: Bearer " + "Zx9" * 10: "Zx9" * 10,
    '{"config": "{\\"wandb_api_key\\": \\"' + "0a1b" * 10 + '\\"}"}': "0a1b" * 10,
    "train.py --hf-token opensesame7 --epochs 3": "opensesame7",
    "GET https://b.s3.amazonaws.com/k?X-Amz-Signature=" + "5f" * 32 + "&X-Amz-Date=1": "5f" * 32,
    "\x1b[33mSLACK_BOT_TOKEN=xoxb-" + "1234567890-abcdefghij" + "\x1b[0m": "1234567890-abcdefghij",
    "posting to https://hooks.slack.com/services/" + "T00/B00/" + "Qw8" * 8: "Qw8" * 8,
    "10%|# |\rjwt eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + "c2lnbmF0dXJl": "c2lnbmF0dXJl",
    "connecting with correct-horse-battery": "correct-horse",  # a secret hyperparameter of the job
}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[ReplayOutcome, Path]:
    """A loop of which a job failed whose log has all of these, its book as a folder, and the end of the log shown."""
    given = {"db_password": "correct-horse-battery"}
    described = [
        training(NAMES[0], 0, 20, {"lr": "0.1"}, value=0.8),
        training(NAMES[1], 1, 21, {"lr": "0.2", **given}, status="Failed", FailureReason=REASON),
        training(NAMES[2], 2, 22, {"lr": "0.3"}, value=0.9),
    ]
    log = [*PLANTED, "KeyError: 'label'"]
    assert len("\n".join(log).encode()) < MOST_BYTES  # so that nothing is gone because it was cut off
    found = replay(with_measurements(launched(described), line(NAMES[1], {}, log=log)), rules=SHOWN)
    folder = tmp_path_factory.mktemp("planted") / "book"
    write_outcome(found, folder)
    return found, folder


def readable(content: bytes) -> list[bytes]:
    """What can be read in it: itself, and what is compressed or encoded in it."""
    if content.startswith(b"\x1f\x8b"):
        return [content, gzip.decompress(content)]
    if content.startswith(b"Subject:") or b"\nContent-Transfer-Encoding:" in content:
        mail = message_from_bytes(content, policy=policy.default)
        return [
            content,
            *(bytes(part.get_payload(decode=True) or b"") for part in mail.walk() if not part.is_multipart()),
        ]
    return [content]


def left(content: bytes) -> list[str]:
    """The planted secrets in it."""
    return [secret for secret in PLANTED.values() if any(secret.encode() in text for text in readable(content))]


def test_no_planted_secret_is_in_any_byte_of_what_a_replay_writes(planted: tuple[ReplayOutcome, Path]) -> None:
    found, folder = planted
    files = {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}
    shown = {name for name, content in files.items() if any(b"KeyError" in text for text in readable(content))}

    assert {name: left(content) for name, content in files.items() if left(content)} == {}
    assert {Path(name).parts[0] for name in shown} == {"reports", "slack", "email", "jobs"}
    assert {Path(name).name for name in shown} >= {"report.html", "report.json", "digest.json"}
    assert texts(found).count("[masked:") > len(PLANTED)


def test_no_planted_secret_is_in_the_answers_to_commands_and_agents(planted: tuple[ReplayOutcome, Path]) -> None:
    _, folder = planted
    asked = [["show", NAMES[1]], ["show", NAMES[1], "--json"], ["curve", NAMES[1], "--json"]]
    output = [CliRunner().invoke(app, [*each, "--book", str(folder)]).stdout for each in asked]
    agent = Answering(Source(book=folder))
    answers = [
        json.dumps(each, ensure_ascii=False)
        for each in (
            agent.call("curves", {"names": [NAMES[1]]}),
            agent.call("show", {"name": NAMES[1]}),
            agent.call("why_failed", {"name": "resnet"}),
            agent.read("curves", NAMES[1]),
            agent.read("report", "resnet"),
            agent.read("job", NAMES[1]),
        )
    ]

    assert [left(each.encode()) for each in (*output, *answers)] == [[]] * 9
    assert all("KeyError: 'label'" in each for each in (*output, answers[0], *answers[2:]))


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
