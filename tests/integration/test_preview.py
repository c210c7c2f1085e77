"""What people will see: the page of Slack, the mails' pages, their pictures."""

import json
import shutil
import struct
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.conftest import RECORDINGS
from tests.integration.test_replay import CHURN
from tests.unit.sample_messages import HOSTILE
from trialbook_cli.main import app
from trialbook_cli.previewing.shots import browser, shoot
from trialbook_cli.previewing.slack_page import slack_page
from trialbook_cli.slack_stand_in import Workspace


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("preview") / "out"
    assert CliRunner().invoke(app, ["preview", str(RECORDINGS / CHURN), "--out", str(out)]).exit_code == 0
    return out


def test_it_writes_payloads_and_pages_of_all_that_is_sent_up_to_the_weekly_report(shown: Path) -> None:
    page = (shown / "slack.html").read_text()

    assert len(list((shown / "slack").glob("*.json"))) > 3
    assert [path.name for path in sorted((shown / "email").iterdir())] == ["0001.eml", "0002.eml"]
    for text in (page, (shown / "email-0001.html").read_text()):
        assert "5 of 5 finished" in text
        assert "data:image/png;base64," in text
    assert "Best trials, 2026-11-16 to 2026-11-23" in page
    assert "Best trials, 2026-11-16 to 2026-11-23" in (shown / "email-0002.html").read_text()


def test_the_page_shows_every_text_of_the_blocks_that_slack_was_sent(shown: Path) -> None:
    page = (shown / "slack.html").read_text()
    calls = [json.loads(path.read_text()) for path in sorted((shown / "slack").glob("*chat*.json"))]
    said = {text for text in _texts(calls[-1]) if text.strip()}

    assert len(said) > 3
    assert [text for text in said if text.replace("'", "&#39;") not in page] == []


def _texts(found: object) -> list[str]:
    if isinstance(found, dict):
        own = [found["text"]] if isinstance(found.get("text"), str) and "type" in found else []
        return own + [text for each in found.values() for text in _texts(each)]
    return [text for each in found for text in _texts(each)] if isinstance(found, list) else []


def test_pictures_are_as_high_as_their_pages(shown: Path, tmp_path: Path) -> None:
    program = browser()
    if program is None:
        assert shutil.which("chromium") is None
        pytest.skip("no Chromium on the PATH: Debian's package chromium has it")
    assert shoot(program, shown / "email-0001.html", tmp_path / "phone.png", width=375, dark=True)

    width, height = struct.unpack(">II", (tmp_path / "phone.png").read_bytes()[16:24])
    assert width >= 375  # Chromium's windows have a least width
    assert height > 900
    assert (shown / "slack.png").read_bytes().startswith(b"\x89PNG")


def test_other_peoples_texts_are_text_on_the_page() -> None:
    workspace = Workspace()
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": "<script>alert(1)</script>"}},
        {
            "type": "rich_text",
            "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": HOSTILE}]}],
        },
        {"type": "unheard_of", "text": "<img src=x onerror=alert(1)>"},
    ]
    workspace.call("chat.postMessage", {"channel": "#training", "text": HOSTILE}, workspace.token)
    workspace.messages[-1].blocks = blocks
    page = slack_page(workspace)

    assert "<script>" not in page
    assert "<img src=x" not in page
    assert "unheard_of" in page


def test_an_empty_workspace_says_so() -> None:
    assert "Nothing was posted" in slack_page(Workspace())
