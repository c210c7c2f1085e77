"""Templates are compiled once for a machine, and never used outdated."""

import shutil
from pathlib import Path

import pytest

from trialbook.templates import environment

NAME = "page.html.j2"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    made = tmp_path / "page"
    made.mkdir()
    (made / NAME).write_text("<p>{{ name }}</p>")
    return made


def rendered(folder: Path) -> str:
    return environment(folder).get_template(NAME).render(name="<a>")


def test_a_compiled_template_serves_the_next_process_and_a_moved_folder(folder: Path, tmp_path: Path) -> None:
    first = rendered(folder)
    (compiled,) = (folder / "__pycache__").iterdir()
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved)
    found = environment(moved).bytecode_cache.get_bucket(environment(moved), NAME, None, (moved / NAME).read_text())  # type: ignore[union-attr]

    assert first == rendered(moved) == "<p>&lt;a&gt;</p>"
    assert compiled.name.startswith(NAME)
    assert found.code is not None


def test_a_template_that_changed_is_compiled_anew(folder: Path) -> None:
    rendered(folder)
    (folder / NAME).write_text("<b>{{ name }}</b>")

    assert rendered(folder) == "<b>&lt;a&gt;</b>"


def test_what_is_no_compiled_template_is_compiled_anew(folder: Path) -> None:
    rendered(folder)
    (compiled,) = (folder / "__pycache__").iterdir()
    compiled.write_bytes(compiled.read_bytes()[:40])

    assert rendered(folder) == "<p>&lt;a&gt;</p>"


def test_nothing_is_kept_if_python_keeps_nothing_and_where_it_may_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "__pycache__").write_text("no folder")
    unwritable = rendered(folder)
    (folder / "__pycache__").unlink()
    monkeypatch.setattr("sys.dont_write_bytecode", True)

    assert unwritable == rendered(folder) == "<p>&lt;a&gt;</p>"
    assert [each.name for each in folder.iterdir()] == [NAME]
