"""One emulator for all tests of this folder, and one build."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.deployed.cloud import CHURN, PLACE, PYTHON, TUNING, Cloud, recorded, running
from tests.integration.test_build import runtime, sam

Step = Callable[[str], AbstractContextManager[list[str]]]
_STEPS = pytest.StashKey[list[tuple[str, float, list[str]]]]()


@pytest.fixture
def step(request: pytest.FixtureRequest) -> Step:
    """Measures a step. What the block adds to the list is shown beside it in the summary of `make deployed`."""
    steps = request.config.stash.setdefault(_STEPS, [])

    @contextmanager
    def measured(name: str) -> Iterator[list[str]]:
        notes: list[str] = []
        began = time.monotonic()
        yield notes
        steps.append((name, time.monotonic() - began, notes))

    return measured


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Shows the steps with their seconds, which only a run in one process knows."""
    for name, seconds, notes in config.stash.get(_STEPS, []):
        terminalreporter.write_line(f"{seconds:6.1f} s  {name}")
        for note in notes:
            terminalreporter.write_line(f"          {note}")


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
