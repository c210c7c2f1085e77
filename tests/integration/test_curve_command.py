"""`trialbook curve` and `book.curves`, on books in folders and of a stack."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests.conftest import ROOT
from tests.launching import launched, training
from tests.measuring import curve, line, minutes, with_measurements
from trialbook import Book
from trialbook_book.stacks import Deployed
from trialbook_cli.main import app
from trialbook_cli.replaying import replay, running, write_outcome
from trialbook_cli.text_plot import drawn

NAMES = [f"resnet-2026-11-20-09-0{number}-00-000" for number in range(3)]
RISING, LATE, LOST = [0.5, 0.7, 0.9], [0.1, 0.2, 0.8], [0.5, 0.4]


def recording() -> Any:
    final = [{"MetricName": name, "Value": 0.9} for name in ("validation:accuracy", "loss")]
    described = [
        training(NAMES[0], 0, 30, {"lr": "0.1"}, FinalMetricDataList=final),
        training(NAMES[1], 1, 30, {"lr": "0.2"}, value=0.8),
        training(NAMES[2], 2, 30, {"lr": "0.3"}, status="Failed", FailureReason="AlgorithmError: no"),
    ]
    busy = {"CPUUtilization": minutes(50, 10, 30), "MemoryUtilization": minutes(30, 10, 30)}
    losses = {"validation:accuracy": curve(RISING, 10, 30), "loss": [*curve([1.0], 10, 11), [at_12(), 1, "NaN"]]}
    return with_measurements(
        launched(described),
        line(NAMES[0], losses, algo_1=busy),
        line(NAMES[1], {"validation:accuracy": curve(LATE, 10, 30)}),
        line(NAMES[2], {"validation:accuracy": curve(LOST, 10, 20)}, log=["the end"]),
    )


def at_12() -> str:
    return "2026-11-20T09:12:00.000Z"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = tmp_path_factory.mktemp("book") / "book"
    write_outcome(replay(recording()), made)
    return made


def asked(folder: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["curve", *arguments, "--book", str(folder)])


def test_a_curve_is_drawn_with_what_it_says(folder: Path) -> None:
    done = asked(folder, NAMES[0])

    assert done.exit_code == 0, done.output
    assert "validation:accuracy" in done.stdout
    assert "by iteration" in done.stdout
    assert "best 0.9 at 2, last 0.9; 3 points" in done.stdout
    assert "algo-1: CPUUtilization 50% on average, 50% at most" in done.stdout
    assert done.stdout.count("•") == 4  # three points and the name


def test_several_curves_are_drawn_over_one_another(folder: Path) -> None:
    done = asked(folder, *NAMES[:2])

    assert f"• {NAMES[0]}" in done.stdout
    assert f"x {NAMES[1]}" in done.stdout
    assert "best 0.8 at 2" in done.stdout


def test_another_metric_and_one_that_diverged(folder: Path) -> None:
    done = asked(folder, NAMES[0], "--metric", "loss")

    assert "diverged at 1" in done.stdout
    wrong = asked(folder, NAMES[0], "--metric", "auc")
    assert wrong.exit_code == 2
    assert "there are 'loss', 'validation:accuracy'" in wrong.stderr


def test_the_name_of_a_sweep_means_its_best_job(folder: Path) -> None:
    assert NAMES[0] in asked(folder, "resnet").stdout
    assert NAMES[1] in asked(folder, "resnet#2").stdout


def test_json_has_all_points_and_the_log(folder: Path) -> None:
    found = json.loads(asked(folder, *NAMES, "--json").stdout)

    assert [each["job_name"] for each in found] == NAMES
    assert found[0]["metrics"]["validation:accuracy"] == {
        "axis": "iteration",
        "x": [0, 1, 2],
        "y": [0.5, 0.7, 0.9],
        "measured": 3,
    }
    assert found[0]["metrics"]["loss"]["y"] == [1.0, None]
    assert (found[0]["log"], found[2]["log"]) == ("", "the end")


def test_compare_draws_the_curves_over_one_another(folder: Path) -> None:
    done = CliRunner().invoke(app, ["compare", *NAMES[:2], "--book", str(folder)])
    found = json.loads(CliRunner().invoke(app, ["compare", *NAMES[:2], "--json", "--book", str(folder)]).stdout)

    assert f"• {NAMES[0]}" in done.stdout
    assert f"x {NAMES[1]}" in done.stdout
    assert [each["job_name"] for each in found["curves"]] == NAMES[:2]


def test_without_curves_it_says_so(tmp_path: Path) -> None:
    write_outcome(replay(launched([training("alone", 0, 30)])), tmp_path / "book")
    done = asked(tmp_path / "book", "alone")

    assert done.exit_code != 0
    assert "No curves are kept for these jobs." in done.stderr


def test_python_has_them_as_a_data_frame(folder: Path) -> None:
    book = Book.open(folder)
    found = book.curves(NAMES[0])
    assert found is not None
    frame = found.to_pandas()

    assert list(frame.columns) == ["job_name", "host", "name", "iteration", "time", "value"]
    own = frame[(frame["host"] == "") & (frame["name"] == "validation:accuracy")]
    assert list(own["iteration"]) == [0, 1, 2]
    assert list(own["value"]) == RISING
    machine = frame[frame["name"] == "CPUUtilization"]
    assert str(machine["time"].min()) == "2026-11-20 09:10:00+00:00"
    assert book.curves(book.job(NAMES[2])) is not None
    assert "the end" in getattr(book.curves(NAMES[2]), "log", "")


def test_a_sweep_has_the_curves_of_its_jobs_best_first(folder: Path) -> None:
    sweep = Book.open(folder)["resnet"]
    found = sweep.curves()

    assert [each.job_name for each in found] == NAMES
    assert [each.job_name for each in sweep.curves(2)] == NAMES[:2]
    assert repr(found) == "<Curves of 3 jobs>"
    frame = found.to_pandas()
    assert list(frame["job_name"].unique()) == NAMES
    assert len(frame) == sum(len(each.to_pandas()) for each in found)


def test_a_books_stack_has_them_in_its_bucket(tmp_path: Path) -> None:
    with running(recording()) as (cloud, _):
        for event in recording().events:
            cloud.deliver(event)
        cloud.finish()
        stack = Deployed("1", "r", {"ReportsBucket": cloud.stack.references["Reports"], "LedgerTable": "t"})
        found = Book(Book.open(table=cloud.ledger.table.name, region=cloud.account.region).ledger, stack).curves(
            NAMES[0]
        )

    assert found is not None
    assert set(found.metrics) == {"validation:accuracy", "loss"}


POINTS = st.lists(st.tuples(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300)), min_size=1, max_size=30)


@given(st.lists(POINTS, min_size=1, max_size=4), st.integers(30, 100))
@example([[(-1e15, 0.125)]], 30)
@example([[(-1.25e-300, -1.25e-300), (-1.25e300, -1.25e300)]], 30)
def test_a_plot_never_is_wider_than_the_terminal_and_shows_each_curve(curves: Any, width: int) -> None:
    lines = drawn(curves, width)

    assert max(map(len, lines)) <= max(width, 40)
    assert len(lines) == 17


def test_nothing_gives_no_plot() -> None:
    assert drawn([], 80) == drawn([[]], 80) == []


def test_a_report_leaves_out_curves_that_cannot_be_read_and_answers_in_json_alone(folder: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "book"
    shutil.copytree(folder, damaged)
    (path,) = damaged.glob(f"jobs/*/*/{NAMES[0]}/curves.json.gz")
    path.write_bytes(b"cut off")
    command = [sys.executable, "-m", "trialbook_cli.main", "report", "resnet", "--book", str(damaged), "--json"]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "report")], capture_output=True, text=True, check=False, cwd=ROOT
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["page"].endswith("report.html")
    assert NAMES[0] in done.stderr
