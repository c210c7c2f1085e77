"""The package as pipx and uvx install it: built, in an environment of its own, away from the repository."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.conftest import ROOT

SOURCES = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "template.yaml")
FOLDERS = ("cli/trialbook_cli", "layers/trialbook/trialbook", "book/trialbook_book", "functions", "events/recordings")
BUILD = "from setuptools import build_meta; print(build_meta.build_{kind}('{out}'))"


def build(kind: str, source: Path, out: Path) -> Path:
    """A source distribution or a wheel, as pip would have it built."""
    command = [sys.executable, "-c", BUILD.format(kind=kind, out=out)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out / done.stdout.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from what the source distribution holds."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "copy"
    for name in FOLDERS:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in SOURCES:
        shutil.copy(ROOT / name, copy / name)
    shutil.unpack_archive(build("sdist", copy, folder), folder / "sdist", filter="data")
    (unpacked,) = (folder / "sdist").iterdir()
    return build("wheel", unpacked, folder)


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, and of the development's libraries those alone that the wheel asks for."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
    subprocess.run([*pip, "--disable-pip-version-check", "--no-index", "--no-deps", str(wheel)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for name in set(needed("trialbook")):
        found = distribution(name)
        for top in {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}:
            link = packages / top
            if not link.exists():
                link.symlink_to(Path(str(found.locate_file(top))))
    return folder


def needed(name: str, extras: frozenset[str] = frozenset()) -> Iterator[str]:
    """The names of all that a distribution needs, and what that needs."""
    for text in distribution(name).requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": e}) for e in extras or {""}):
            yield requirement.name
            yield from needed(requirement.name, frozenset(requirement.extras))


def run(environment: Path, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    variables = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "AWS_"))}
    program, *arguments = command
    return subprocess.run(
        [environment / "bin" / program, *arguments],
        cwd=folder,
        env=variables | {"COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_installed_command_replays_and_answers(environment: Path, tmp_path: Path) -> None:
    told = run(environment, tmp_path, "trialbook", "--help")
    demo = run(environment, tmp_path, "trialbook", "demo")
    best = run(environment, tmp_path, "trialbook", "best", "churn-xgb", "--book", "demo-out/churn-min-child-weight")

    assert told.stdout.startswith("Usage: trialbook"), told.stderr
    assert demo.returncode == 0, demo.stderr
    assert "churn-xgb: 5 of 5 completed; best validation:error 0.03959" in demo.stdout
    assert "tuning-random-60: 61 jobs" in demo.stdout
    assert best.stdout.startswith("validation:error 0.03959 (minimize)\n"), best.stderr
    assert len(list(tmp_path.glob("demo-out/*/reports/*/report.html"))) == 2


def test_the_installed_package_is_whole_and_alone(environment: Path, tmp_path: Path) -> None:
    code = "import trialbook, trialbook_cli; print(trialbook.__file__, trialbook_cli.__file__)"
    files = run(environment, tmp_path, "python", "-c", code).stdout.split()
    (packages,) = environment.glob("lib/python*/site-packages")

    assert [Path(file).parents[1] for file in files] == [packages, packages]
    assert {path.name for path in packages.glob("trialbook*/py.typed")} == {"py.typed"}
    assert run(environment, tmp_path, "python", "-c", "import pytest").returncode == 1
    assert not (packages / "tests").exists()
