"""A tuning job's name is that of its sweep too."""

import json
from pathlib import Path

from typer.testing import CliRunner

from tests.relocated import recording
from trialbook_book.folder import open_folder
from trialbook_cli.main import app
from trialbook_cli.replaying import replay, write_outcome


def test_a_tuning_jobs_name_is_compared_as_its_sweep(tmp_path: Path) -> None:
    folder = tmp_path / "tuned"
    write_outcome(replay(recording("tuning-random-60")), folder)
    name = next(sweep.id for sweep in open_folder(folder).sweeps())
    experiment = next(iter(open_folder(folder).experiments)).name

    answer = json.loads(CliRunner().invoke(app, ["compare", experiment, name, "--json", "--book", str(folder)]).output)

    assert [each["ranked_jobs"] for each in answer["compared"]] == [57, 57]
    assert answer["compared"][0]["job"] == answer["compared"][1]["job"]
