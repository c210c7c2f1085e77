"""What all tests share: no deadline on noisy machines, and where the samples lie."""

import gc
import os
import random
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RECORDINGS = ROOT / "events" / "recordings"

# Tests make clouds and clients by the hundred: looking for cycles less often takes a fifth off their time.
gc.set_threshold(50_000, 20, 100)
# Functions that change nothing in the ledger's jobs and sweeps: tests of tracking are quicker without them.
FOLLOWS_THE_LEDGER = ("BuildReport", "CaptureJob", "PostSlack", "PostEmail", "PostBestTrials", "WriteMlflow")


def pytest_configure(config: pytest.Config) -> None:
    """Sets Hypothesis up where tests run: what only hands them out to others begins a tenth of a second earlier without."""
    os.environ.setdefault("TRIALBOOK_SEED", str(random.randrange(10**6)))  # the workers get it from here
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        return
    from hypothesis import HealthCheck, settings

    settings.register_profile("trialbook", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    settings.load_profile("trialbook")


def pytest_report_header() -> str:
    """Where this run's replays are, and how to have it so again."""
    from tests.relocated import HERE, SEED

    return f"replays in account {HERE.id}, {HERE.region} ({HERE.partition}): again by make test SEED={SEED}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first, whole modules before single ones: two processors then end at about the same time, and one process
    runs such a module from its first test to its last, as others take from the end of what waits."""
    items.sort(key=_begun_with)


def _begun_with(item: pytest.Item) -> int:
    whole = item.parent is not None and item.parent.get_closest_marker("long") is not None
    return 0 if whole else 1 if item.get_closest_marker("long") is not None else 2


def pytest_sessionfinish() -> None:
    """pytest ends with five rounds of looking for what nobody caught: what lives on is looked through once."""
    gc.collect()
    gc.freeze()
