"""The tutorial notebook, run in a real kernel against the book that the demo writes."""

import base64
import json
import re
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.relocated import recording
from trialbook_cli.replaying import replay, write_outcome

RUN = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
resources = {"metadata": {"path": sys.argv[2]}}
nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3", resources=resources).execute()
nbformat.write(notebook, sys.argv[3])
"""
NOTEBOOK = ROOT / "examples" / "tutorial.ipynb"


pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The cells with code after they have run."""
    clone = tmp_path_factory.mktemp("clone")
    (clone / "examples").mkdir()
    write_outcome(replay(recording("tuning-random-60")), clone / "demo-out" / "tuning-random-60")
    ran = clone / "ran.ipynb"
    # Apart from pytest, which makes errors of the libraries' own warnings.
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(NOTEBOOK), str(clone / "examples"), str(ran)], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return [cell for cell in json.loads(ran.read_text())["cells"] if cell["cell_type"] == "code"]


def text(lines: str | list[str]) -> str:
    """Text as a notebook's file keeps it."""
    return lines if isinstance(lines, str) else "".join(lines)


def shown(cells: list[Any], code: str) -> dict[str, Any]:
    """What the cell whose code ends so shows, by type."""
    cell = next(cell for cell in cells if text(cell["source"]).endswith(code))
    found: dict[str, Any] = {}
    for output in cell["outputs"]:
        found |= output["data"] if "data" in output else {"printed": text(output["text"])}
    return found


def test_a_sweep_is_shown_with_answer_table_and_chart(cells: list[Any]) -> None:
    html = text(shown(cells, "\nsweep")["text/html"])
    (picture,) = re.findall(r'src="data:image/png;base64,([^"]+)"', html)

    assert "best validation:logloss 0.1457" in html
    assert html.count("<tr>") == 11
    assert base64.b64decode(picture).startswith(b"\x89PNG")
    assert "<script" not in html


def test_a_chart_is_shown_as_vega_lite_and_as_a_picture(cells: list[Any]) -> None:
    chart = shown(cells, '.plot("slices")')

    assert chart["application/vnd.vegalite.v5+json"]["$schema"].endswith("/vega-lite/v5.json")
    assert base64.b64decode(text(chart["image/png"])).startswith(b"\x89PNG")


def test_every_cell_runs_and_none_warns(cells: list[Any]) -> None:
    outputs = [output for cell in cells for output in cell["outputs"]]

    assert [each for each in outputs if each["output_type"] == "error" or each.get("name") == "stderr"] == []
    assert shown(cells, "print(error)")["printed"].startswith("No sweep or experiment is named 'churn-xbg'. Did you")
    assert "churn-xgb-261121-0900-016-add03186 0.1457" in shown(cells, "best.hyper_parameters")["printed"]


def test_the_notebook_is_kept_without_output() -> None:
    cells = json.loads(NOTEBOOK.read_text())["cells"]

    assert [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []
    assert NOTEBOOK.stat().st_size < 10_000
