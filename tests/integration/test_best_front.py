"""What better values cost, and sweeps of different sizes side by side, on the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.relocated import recording
from trialbook.core.numbers import shown
from trialbook_cli.main import app
from trialbook_cli.replaying import replay, write_outcome

Ask = Callable[..., Result]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """The command, 200 columns wide."""
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(app, [str(each) for each in arguments])


@pytest.fixture(scope="module")
def churn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small loop's replay."""
    folder = tmp_path_factory.mktemp("replays") / "churn"
    write_outcome(replay(recording("churn-min-child-weight")), folder)
    return folder


@pytest.fixture(scope="module")
def tuning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tuning job's replay."""
    folder = tmp_path_factory.mktemp("replays") / "tuning"
    write_outcome(replay(recording("tuning-random-60")), folder)
    return folder


def test_best_shows_what_better_values_cost(tuning: Path, ask: Ask) -> None:
    answer = json.loads(ask("best", "churn-xgb", "--front", "--json", "--book", tuning).stdout)
    jobs = answer["jobs"]
    text = ask("best", "churn-xgb", "--front", "--book", tuning).stdout

    assert answer["against"]["type"] == "Minimize"
    assert [each["value"] for each in jobs] == sorted(each["value"] for each in jobs)
    assert [each["other"] for each in jobs] == sorted((each["other"] for each in jobs), reverse=True)
    assert f"{len(jobs)} of {answer['compared']} jobs are beaten by no other in both" in text
    assert shown(jobs[0]["value"]) in text


def test_a_small_sweep_has_no_front(churn: Path, ask: Ask) -> None:
    output = ask("best", "churn-xgb", "--front", "--json", "--book", churn)

    assert output.exit_code == 1
    assert json.loads(output.stdout)["jobs"] == []


def test_sweeps_are_compared_by_equally_many_jobs(tuning: Path, ask: Ask) -> None:
    answer = json.loads(ask("compare", "churn-xgb", "churn-xgb-261121-0900", "--json", "--book", tuning).stdout)
    (test,) = answer["tests"]

    assert (test["jobs"], test["best_a"]) == (57, test["best_b"])
