"""One emulator for all tests of this folder, and one build."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployed.cloud import CHURN, PLACE, PYTHON, TUNING, Cloud, recorded, running
from tests.integration.test_build import runtime, sam


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `sam build` makes."""
    python = runtime()
    folder = tmp_path_factory.mktemp("deployed") / "build"
    done = sam("build", "--build-dir", str(folder), "--cached", "--parallel", path=f"{python.parent}:")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="session")
def cloud(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """An empty account."""
    if not PYTHON.exists():
        pytest.skip("the emulator is not installed: make .venv-deployed/.ready")
    answers = [answer for recording in (CHURN, TUNING) for answer in recorded(recording).answers]
    with running(tmp_path_factory.mktemp("cloud"), PLACE.id, PLACE.region, answers, built) as made:
        made.client("ssm").put_parameter(Name="/trialbook/slack-token", Type="SecureString", Value=made.workspace.token)
        yield made
