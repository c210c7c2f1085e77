"""The command, as a person calls it."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

from tests.conftest import RECORDINGS, ROOT

CHURN = RECORDINGS / "churn-min-child-weight"


def trialbook(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "trialbook_cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_replay_answers_first_and_writes_the_files(tmp_path: Path) -> None:
    done = trialbook("replay", CHURN, "--out", tmp_path / "out")
    lines = [json.loads(line) for line in (tmp_path / "out" / "jobs.jsonl").read_text().splitlines()]

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("churn-xgb: 5 of 5 completed; best validation:error 0.03959 (minimize)")
    assert "\x1b" not in done.stdout
    assert len(lines) == 5
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "email",
        "experiments.json",
        "jobs",
        "jobs.jsonl",
        "ledger.jsonl",
        "reports",
        "slack",
        "sweeps.jsonl",
    ]


def test_replay_speaks_json_to_programs(tmp_path: Path) -> None:
    done = trialbook("replay", CHURN, "--out", tmp_path, "--json")

    answer = json.loads(done.stdout)
    assert len(answer["jobs"]) == 5
    assert answer["sweeps"][0]["counts"]["completed"] == 5


@pytest.mark.parametrize(
    ("file", "line", "text", "problem"),
    [
        ("events.jsonl", 3, "{no json", "no valid JSON"),
        ("events.jsonl", 2, "[1]", "expected a JSON object, found list"),
        ("sagemaker.jsonl", 1, '{"operation": "Describe"}', "operation is 'Describe'"),
        (
            "sagemaker.jsonl",
            2,
            '{"operation": "DescribeTrainingJob", "request": {}, "response": {}}',
            "response lacks TrainingJobName",
        ),
        (
            "sagemaker.jsonl",
            2,
            '{"operation": "DescribeTrainingJob", "request": {}, "response": {"CreationTime": "soon"}}',
            "CreationTime",
        ),
    ],
)
def test_an_unreadable_line_is_named_and_nothing_is_written(
    tmp_path: Path, file: str, line: int, text: str, problem: str
) -> None:
    folder = tmp_path / "recording"
    folder.mkdir()
    for name in ("events.jsonl", "sagemaker.jsonl"):
        lines = (CHURN / name).read_text().splitlines()
        if name == file:
            lines[line - 1] = text
        (folder / name).write_text("\n".join(lines))
    done = trialbook("replay", folder, "--out", tmp_path / "out")

    assert done.returncode == 2
    assert f"{folder / file}:{line}:".replace("\n", "") in done.stderr.replace("\n", "")
    assert problem in done.stderr.replace("\n", " ")
    assert not (tmp_path / "out").exists()
    assert "Traceback" not in done.stderr


def test_a_missing_folder_is_bad_input(tmp_path: Path) -> None:
    done = trialbook("replay", tmp_path / "nowhere")

    assert done.returncode == 2
    assert "no such folder" in done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["replay", "--help"], ["demo", "--help"]])
def test_help_teaches(arguments: list[str]) -> None:
    done = trialbook(*arguments)

    assert done.returncode == 0
    assert "Usage: " in done.stdout


def test_the_readme_shows_what_the_demo_prints(tmp_path: Path) -> None:
    environment = {**os.environ, "COLUMNS": "80"}
    command = [sys.executable, "-m", "trialbook_cli.main", "replay", str(CHURN), "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    blocks = re.findall(r"```text\n(churn-xgb.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)

    assert len(blocks) == 1
    printed = [line.rstrip() for line in done.stdout.splitlines()]
    assert blocks[0].splitlines() == printed[: len(blocks[0].splitlines())]


def test_the_demo_ends_with_the_next_command_and_a_link(tmp_path: Path) -> None:
    done = trialbook("demo", "--out", tmp_path / "demo out")
    lines = done.stdout.strip().splitlines()
    command = shlex.split(lines[-2].removeprefix("Next: "))
    answer = trialbook(*command[1:])
    page = Path(url2pathname(urlsplit(lines[-1].removeprefix("Open: ")).path))

    assert command[:3] == ["trialbook", "best", "churn-xgb"]
    assert answer.stdout.startswith("validation:error 0.03959")
    assert lines[-1].startswith("Open: file:///")
    assert page.is_file()
