"""What people see in Slack and in their mail, in a real browser: light and dark, on a phone and on a wide screen."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pytest

from tests.browser.conftest import Open, serious
from tests.integration.test_post_best_trials import a_week_later
from tests.integration.test_replay import CHURN, TUNING
from tests.relocated import recording
from trialbook_cli.laptop_cloud import Recording
from trialbook_cli.previewing.mail_page import mail_page
from trialbook_cli.previewing.pages import with_weekly_report
from trialbook_cli.previewing.slack_page import slack_page

OUT_OF_MEMORY = (
    'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "torch.cuda.OutOfMemoryError: CUDA out of memory."'
    '\nCommand "/opt/conda/bin/python3.10 train.py --batch-size 512 --model-dir /opt/ml/model", exit code: 1'
)
RULES = """
prices: {ml.m5.xlarge: 0.23}
alerts:
  - {name: worse than our record, regression: {against: experiment, by: 1 %}}
  - {name: not the champion, regression: {against: churn-xgb-2026-11-20-10-15-04-760, by: 0.0005}}
"""


def a_worse_week() -> Recording:
    """The loop, and a week later one job that fails, and the next day two that are worse."""
    later, next_day = a_week_later(), a_week_later(days=8)
    failed = _only(later, 1, _fail)
    worse = _only(next_day, 2, lambda found: found.get("HyperParameters", {}).update(eta="0.0421293817264839"))
    parts = (recording(CHURN), failed, worse)
    return Recording(
        "worse",
        [event for each in parts for event in each.events],
        [answer for each in parts for answer in each.answers],
    )


def _only(whole: Recording, jobs: int, change: Callable[[dict[str, Any]], None]) -> Recording:
    """The first jobs of a recording, each description of theirs changed."""
    names = sorted({event["detail"].get("TrainingJobName", "~") for event in whole.events})[:jobs]
    events = [event for event in whole.events if event["detail"].get("TrainingJobName") in names]
    answers = [answer for answer in whole.answers if any(name in str(answer["request"]) for name in names)]
    for found in (*(e["detail"] for e in events), *(a["response"] for a in answers)):
        change(found)
    return Recording(whole.name, events, answers)


def _fail(expected: dict[str, Any]) -> None:
    if expected.get("TrainingJobStatus") == "Completed":
        expected |= {"TrainingJobStatus": "Failed", "SecondaryStatus": "Failed", "FailureReason": OUT_OF_MEMORY}
        expected["FinalMetricDataList"] = []


@cache
def pages(name: str) -> Mapping[str, str]:
    """The page of Slack and those of the mails, by the beginnings of their subjects."""
    made = with_weekly_report(a_worse_week() if name == "worse" else recording(name), RULES)
    mails = {f"mail {number}": mail_page(mail) for number, mail in enumerate(made.mails, 1)}
    return {"slack": slack_page(made.slack), **mails}


def test_the_bad_weeks_report_a_failed_job_and_two_alerts() -> None:
    found = pages("worse")

    assert len(found) == 1 + 7
    for text in (
        "training job failed",
        "OutOfMemoryError",
        "alert “not the champion”",
        "Best trials, 2026-11-16 to 2026-11-23",
        "Best trials, 2026-11-23 to 2026-11-30",
    ):
        assert text in found["slack"]
        assert any(text in page for name, page in found.items() if name != "slack")
    assert "0.0421293817264839" not in found["slack"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [CHURN, TUNING, "worse"])
def test_nothing_is_cut_off_or_hard_to_read(open_page: Open, name: str, scheme: str) -> None:
    for of, text in pages(name).items():
        page = open_page(text.encode(), name=f"{of}.html", scheme=scheme, ready="body")
        for width in (1200, 375):
            page.set_viewport_size({"width": width, "height": 900})

            assert page.evaluate("document.documentElement.scrollWidth") <= width, (of, width)
            assert page.evaluate(CUT_OFF) == [], (of, width)
            assert serious(page) == [], (of, width)


# What does not fit into its box, but for what Slack lets one scroll: its own tables, and lines as they are.
CUT_OFF = """
[...document.querySelectorAll('body *')]
  .filter(each => getComputedStyle(each).display !== 'inline' && each.clientWidth && each.scrollWidth > each.clientWidth)
  .filter(each => !each.matches('.wide, pre'))
  .map(each => `${each.tagName} ${each.className}: ${each.textContent.trim().slice(0, 60)}`)
"""
