"""Whole messages of real sweeps and jobs, as data."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.unit.recorded import CHURN, TUNING, facts_at
from tests.unit.samples import record
from tests.unit.test_alerts import regressed
from trialbook.adapters.rules_document import read_rules
from trialbook.core.announcements import JOB_FAILED, REPORT_READY, Announcement
from trialbook.core.codec import pack
from trialbook.core.events import parse_event
from trialbook.core.jobs import Job
from trialbook.core.message import Message
from trialbook.core.messages.compute import messages_of
from trialbook.core.messages.facts import JobFacts
from trialbook.core.rules.document import Rules

GOLDEN = Path(__file__).parent / "golden"
READY = Announcement("report-ready/x/1", REPORT_READY, {"report": {"revision": 1}})
PRICES = {"ml.m5.xlarge": 0.23}


def churn() -> tuple[Message, ...]:
    return messages_of(READY, facts_at(CHURN, prices=PRICES), Rules())


def tuning() -> tuple[Message, ...]:
    return messages_of(READY, facts_at(TUNING, prices=PRICES), Rules())


def failed_job() -> tuple[Message, ...]:
    seen = parse_event(json.loads((ROOT / "events/training-failed.json").read_text()))
    assert isinstance(seen, Job)
    facts = JobFacts(record(replace(seen, tuning_job=None), "churn-xgb"))
    return messages_of(Announcement("job-failed/x", JOB_FAILED, {}), facts, Rules())


def regression() -> tuple[Message, ...]:
    rules = read_rules("alerts: [{name: record, regression: {against: experiment, by: 2 %}}]")
    return messages_of(READY, regressed(), rules)[-1:]


@pytest.mark.parametrize("made", [churn, tuning, failed_job, regression])
def test_the_messages_are_as_they_were_looked_at(made: Callable[[], tuple[Message, ...]]) -> None:
    """After a wanted change: TRIALBOOK_GOLDEN=write pytest tests/unit/test_golden_messages.py, and look at them."""
    path = GOLDEN / f"messages_{made.__name__}.json"
    said = json.dumps([pack(each) for each in made()], indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("TRIALBOOK_GOLDEN") == "write":
        path.write_text(said, encoding="utf-8")

    assert said == path.read_text(encoding="utf-8"), path
