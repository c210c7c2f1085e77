"""A replay gives the same whatever account, region and partition its recording is of; several stay apart."""

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import FOLLOWS_THE_LEDGER, RECORDINGS, ROOT
from tests.integration.test_replay import CHURN, TUNING, few
from tests.relocated import HERE, relocated
from trialbook.core.report_keys import DATA
from trialbook_cli.laptop_cloud import Recording, read_recording
from trialbook_cli.places import members, places, stand_in
from trialbook_cli.replaying import ReplayOutcome, replay
from trialbook_cli.sagemaker_stand_in import Account

PLACES = (
    Account("999988887777", "eu-west-1"),
    Account("000000000001", "ap-southeast-2"),
    Account("111122223333", "cn-north-1"),
    Account("444455556666", "us-gov-west-1"),
    Account("123456789012", "us-west-2"),
)
CONSOLES = re.compile(r"console\.(aws\.amazon\.com|amazonaws\.cn|amazonaws-us-gov\.com)")


@cache
def as_recorded(name: str) -> Recording:
    return read_recording(RECORDINGS / name)


def without_ids(text: str, of: Account) -> Any:
    """The same text for all places: account, region, partition and the console's address replaced."""
    for old, new in ((of.id, "ACCOUNT"), (of.region, "REGION"), (f"arn:{of.partition}:", "arn:PARTITION:")):
        text = text.replace(old, new)
    return json.loads(CONSOLES.sub("CONSOLE", text))


def shown(found: ReplayOutcome, of: Account) -> dict[str, Any]:
    """All that people and programs get of a replay, but for the ids."""
    reports = {key: json.loads(each) for key, each in found.reports.items() if key.endswith(DATA)}
    given: dict[str, Callable[[], Any]] = {
        "jobs.jsonl": found.job_lines,
        "sweeps.jsonl": found.sweep_lines,
        "experiments.json": lambda: found.experiments,
        "reports": lambda: reports,
        "mails": lambda: len(found.mails),
        "slack": lambda: [method for method, _ in found.slack.calls],
        "dead letters": lambda: {name: len(each) for name, each in found.dead_letters.items()},
    }
    return {name: without_ids(json.dumps(each()), of) for name, each in given.items()}


@cache
def expected(name: str) -> dict[str, Any]:
    (recorded,) = places(as_recorded(name))
    return shown(replay(as_recorded(name)), recorded)


@pytest.mark.long
@pytest.mark.parametrize("name", [CHURN, TUNING])
@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place.id}-{place.region}")
def test_the_same_recording_gives_the_same_in_every_place(place: Account, name: str) -> None:
    assert shown(replay(relocated(as_recorded(name), place)), place) == expected(name)


def test_a_loop_of_another_place_is_one_sweep_of_its_five_jobs() -> None:
    """Reconcile asked for a fixed account and region, and entered each job again under those."""
    recorded = relocated(as_recorded(CHURN), Account("999988887777", "eu-west-1"))

    (sweep,) = replay(recorded, without=FOLLOWS_THE_LEDGER).sweep_lines()

    assert (sweep["counts"]["completed"], sweep["sweep"]) == (5, "churn-xgb@20261120T101500.123Z")


OTHER = Account("210987654321", "eu-west-1" if HERE.region != "eu-west-1" else "eu-central-1")


def of_two_places() -> Recording:
    """Two teams launch the same loop at the same moments, in two accounts and regions."""
    here, there = few(2), relocated(few(2), OTHER)
    events = sorted((*here.events, *there.events), key=lambda event: str(event["time"]))
    return Recording("two places", events, [*here.answers, *there.answers])


def test_two_places_in_one_recording_are_two_experiments_with_a_sweep_each() -> None:
    found = replay(of_two_places())
    away = f"churn-xgb.{OTHER.id}.{OTHER.region}"

    assert {line["sweep"].partition("@")[0]: line["counts"]["completed"] for line in found.sweep_lines()} == {
        "churn-xgb": 2,
        away: 2,
    }
    assert {name: len(trials) for name, trials in found.experiments.items()} == {"churn-xgb": 2, away: 2}
    assert len(found.mails) == 2
    assert sum(away.encode() in mail.split(b"\n\n")[0].replace(b"\r\n ", b"") for mail in found.mails) == 1
    assert any(away in key for key in found.reports)
    assert not any(found.dead_letters.values())


def test_the_first_events_place_is_home_and_others_are_members() -> None:
    sagemaker = stand_in(of_two_places(), None, lambda: None)  # type: ignore[arg-type,return-value]

    assert sagemaker.account == HERE
    assert list(sagemaker.elsewhere) == [OTHER]
    assert members(sagemaker) == {"MemberAccounts": OTHER.id, "MemberRegions": OTHER.region}
    arns = {each.account: {arn.split(":")[4] for arn in each.tags} for each in (sagemaker, sagemaker.elsewhere[OTHER])}
    assert arns == {HERE: {HERE.id}, OTHER: {OTHER.id}}


def test_an_impossible_account_or_region_is_no_place() -> None:
    recorded = few(1)
    odd = [{**recorded.events[0], "account": account, "region": region} for account, region in (("1", "x"), ("", ""))]

    assert places(replace(recorded, events=odd)) == []
    assert stand_in(replace(recorded, events=odd), None, lambda: None).account == Account()  # type: ignore[arg-type,return-value]


# Where nobody's account or AWS's first region stand for a reason.
REASONS = {
    "Makefile": "sam validate needs a region and finds the same in each",
    "book/trialbook_book/folder.py": "a client needs a region; the folder's is never asked",
    "cli/trialbook_cli/laptop_cloud/cloud.py": "S3 takes no LocationConstraint for its first region",
    "cli/trialbook_cli/sagemaker_stand_in/account.py": "the default where a recording names none",
    "docs/benchmarks.md": "prices are those of a region",
    "docs/operations.md": "prices are those of a region",
    "layers/trialbook/trialbook/adapters/pricing.py": "the price list has an endpoint there",
    "layers/trialbook/trialbook/ledger/packing.py": "words that compression expects; others cost a few bytes more",
    "layers/trialbook/trialbook/core/masking.py": "what masked accounts become: the number of AWS's own examples",
}
EXAMPLES = ("tests", "examples", "events", "docs/images")
BLOCK = re.compile(r"^```.*?^```$|^ {4}.*?$", re.MULTILINE | re.DOTALL)


def tracked() -> list[Path]:
    """The repository's files that are no examples."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = [Path(each) for each in listed.split("\0") if each and not each.startswith(EXAMPLES)]
    return [path for path in paths if (ROOT / path).is_file()]


def said(path: Path) -> str:
    """What a file says itself; what a document shows as an example is left out."""
    text = (ROOT / path).read_bytes().decode("utf-8", "ignore")
    return BLOCK.sub("", text) if path.suffix == ".md" else text


def test_nothing_is_made_for_one_account_or_region_but_for_a_reason() -> None:
    found = {str(path) for path in tracked() if re.search(r"\b123456789012\b|\bus-east-1\b", said(path))}

    assert found == REASONS.keys()


def test_replays_in_tests_are_where_the_test_run_is() -> None:
    """Recordings come from tests.relocated or are built by tests.launching; only this file compares places."""
    own = Path(__file__).resolve()
    integration = [path for path in (ROOT / "tests" / "integration").glob("test_*.py") if path.resolve() != own]

    assert [path.name for path in integration if "read_recording(RECORDINGS" in path.read_text(encoding="utf-8")] == []
