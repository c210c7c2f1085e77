"""`trialbook mlflow push` and `trialbook replay --mlflow`: a book's history in MLflow, once, with its dates."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.conftest import RECORDINGS
from tests.integration.test_replay import CHURN
from tests.mlflow.stand_in import Refusal, StandIn, serving
from trialbook.core.mlflow_runs import PARENT_TAG, millis
from trialbook_book.book import Book
from trialbook_cli.main import app

RECORDING = str(RECORDINGS / CHURN)


def trialbook(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == code, done.output
    return " ".join(done.output.split())


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book of a replay that wrote to no MLflow."""
    out = tmp_path_factory.mktemp("push") / "book"
    trialbook("replay", RECORDING, "--out", str(out))
    return out


@pytest.fixture
def book(replayed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(replayed, tmp_path / "book"))


def push(book: Path, mlflow: StandIn, *more: str, code: int = 0) -> str:
    return trialbook("mlflow", "push", "--to", mlflow.url, "--book", str(book), *more, code=code)


def test_a_folders_history_goes_to_mlflow_with_its_dates_and_only_once(book: Path) -> None:
    with serving(StandIn()) as mlflow:
        assert "5 jobs, 1 sweep; 0 jobs have a run already" in push(book, mlflow, "--dry-run")
        assert mlflow.runs == {}
        assert "5 jobs and 1 sweep are in MLflow; 0 were before" in push(book, mlflow)
        made = {run["info"]["run_name"]: run for run in mlflow.active()}
        asked = len(mlflow.requests)
        assert "5 were before" in push(book, mlflow)
        mlflow.url += "/"
        assert "5 were before" in push(book, mlflow)

        assert (len(made), len(mlflow.requests)) == (6, asked)
    for record in Book.open(folder=book).ledger.jobs():
        info = made[record.job.name]["info"]
        assert (info["start_time"], info["end_time"]) == (millis(record.job.created_at), millis(record.job.ended_at))
        assert PARENT_TAG in mlflow.tags(made[record.job.name])


def test_a_push_that_was_interrupted_continues(book: Path) -> None:
    with serving(StandIn()) as mlflow:

        def refuses(path: str, body: object) -> None:
            if len(mlflow.runs) > 3:
                raise Refusal(403, "PERMISSION_DENIED")

        mlflow.before = refuses
        said = push(book, mlflow, code=1)
        assert "took nothing: PERMISSION_DENIED; whoever MLFLOW_TRACKING_TOKEN or" in said
        assert "Repeat the command to continue." in said
        mlflow.before = lambda *_: None
        push(book, mlflow)

        assert len(mlflow.active()) == 6
        assert {run["info"]["status"] for run in mlflow.active()} == {"FINISHED"}


def test_only_what_began_since_then_goes(book: Path) -> None:
    with serving(StandIn()) as mlflow:
        assert "0 jobs, 0 sweeps" in push(book, mlflow, "--since", "2026-11-21", "--dry-run")


def test_an_address_that_is_no_server_is_named(book: Path) -> None:
    assert "expected the ARN of an MLflow App" in trialbook("mlflow", "push", "--to", "x", "--book", str(book), code=2)


def test_a_replay_writes_to_mlflow_while_it_runs(tmp_path: Path) -> None:
    with serving(StandIn()) as mlflow:
        trialbook("replay", RECORDING, "--out", str(tmp_path / "out"), "--mlflow", mlflow.url)

        assert len(mlflow.active()) == 6
