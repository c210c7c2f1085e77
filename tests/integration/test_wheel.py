"""The package as pipx and uvx install it: built, in an environment of its own, away from the repository."""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.conftest import RECORDINGS, ROOT
from trialbook.errors import PARTS

CHURN = RECORDINGS / "churn-min-child-weight"

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


def made(wheel: Path, folder: Path, *extras: str) -> Path:
    """An environment with the wheel, and of the development's libraries those alone that the wheel and its extras ask
    for."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
    subprocess.run([*pip, "--disable-pip-version-check", "--no-index", "--no-deps", str(wheel)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (info,) = packages.glob("trialbook-*.dist-info")
    for name in set(needed(Distribution.at(info), frozenset(extras))):
        found = distribution(name)
        for top in {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}:
            link = packages / top
            if not link.exists():
                link.symlink_to(Path(str(found.locate_file(top))))
    return folder


def needed(package: Distribution, extras: frozenset[str] = frozenset()) -> Iterator[str]:
    """The names of all that a distribution needs, and what that needs."""
    for text in package.requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": e}) for e in extras or {""}):
            is_itself = requirement.name == package.name
            if not is_itself:
                yield requirement.name
            yield from needed(package if is_itself else distribution(requirement.name), frozenset(requirement.extras))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that can do what a laptop can."""
    return made(wheel, tmp_path_factory.mktemp("environment") / "venv", "laptop")


@pytest.fixture(scope="module")
def base(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment without any part: it asks."""
    return made(wheel, tmp_path_factory.mktemp("base") / "venv")


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
    output = run(environment, tmp_path, "trialbook", "--help")
    demo = run(environment, tmp_path, "trialbook", "demo")
    best = run(environment, tmp_path, "trialbook", "best", "churn-xgb", "--book", "demo-out/churn-min-child-weight")

    assert output.stdout.startswith("Usage: trialbook"), output.stderr
    assert demo.returncode == 0, demo.stderr
    assert "churn-xgb: 5 of 5 completed; best validation:error 0.03959" in demo.stdout
    assert "tuning-random-60: 61 jobs" in demo.stdout
    assert best.stdout.startswith("validation:error 0.03959 (minimize)\n"), best.stderr
    assert len(list(tmp_path.glob("demo-out/*/reports/*/report.html"))) == 2


ASKED = [
    ["experiments"],
    ["sweeps"],
    ["trials", "churn-xgb"],
    ["best", "churn-xgb"],
    ["show", "churn-xgb#1"],
    ["compare", "churn-xgb#1", "churn-xgb#2"],
    ["watch", "churn-xgb"],
    ["next", "churn-xgb", "--json"],
    ["export", "--out", "exported"],
]
MISSING = [
    (["demo"], "laptop"),
    (["replay", "nowhere"], "laptop"),
    (["preview", "nowhere"], "laptop"),
    (["rules", "test", "nowhere", "--rules", "rules.yaml"], "laptop"),
    (["report", "churn-xgb", "--book", "demo"], "report"),
    (["mcp"], "mcp"),
    (["doctor", "--region", "us-east-1"], "operate"),
    (["test-message", "--channel", "slack", "--region", "us-east-1"], "operate"),
    (["export", "--format", "parquet", "--out", "o", "--book", "demo"], "parquet"),
]


def test_without_parts_the_command_asks_and_says_what_the_rest_needs(
    base: Path, environment: Path, tmp_path: Path
) -> None:
    run(environment, tmp_path, "trialbook", "replay", str(CHURN), "--out", "demo")
    (tmp_path / "rules.yaml").write_text("{}")
    (tmp_path / "nowhere").mkdir()
    for words in ASKED:
        done = run(base, tmp_path, "trialbook", *words, "--book", "demo")
        assert done.returncode == (1 if "next" in words else 0), (
            words,
            done.stderr,
        )  # five trials are too few for next
        assert done.stdout
    for words, part in MISSING:
        done = run(base, tmp_path, "trialbook", *words)
        command = words[: 2 if words[0] == "rules" else 1]
        needs = "--format parquet needs" if part == "parquet" else f"trialbook {' '.join(command)} needs"
        assert done.returncode == 2, (words, done.stderr)
        assert done.stderr.count("\n") == 1, done.stderr
        assert done.stderr.startswith(f"error: {needs}")
        assert f"{base / 'bin' / 'python'}" in done.stderr
        assert f" -m pip install 'trialbook[{part}]'" in done.stderr


def test_asking_loads_nothing_of_the_parts(environment: Path, tmp_path: Path) -> None:
    """Where they are installed."""
    run(environment, tmp_path, "trialbook", "replay", str(CHURN), "--out", "demo")
    code = (
        "import sys; from trialbook import Book; from trialbook.errors import PARTS; import trialbook_cli.main\n"
        "book = Book.open('demo'); print(book['churn-xgb'].best(), repr(book.sweeps()), len(book['churn-xgb'].latest()))\n"
        "book['churn-xgb'].latest().analysis(); print(sorted({name.partition('.')[0] for name in sys.modules} & {*PARTS}))"
    )
    done = run(environment, tmp_path, "python", "-c", code)

    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_every_library_of_a_part_is_known_to_be_of_it() -> None:
    """So that whoever lacks it learns what to install."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    modules = {"vl-convert-python": "vl_convert"}
    for part, requirements in extras.items():
        for text in requirements:
            name = Requirement(text).name
            if name != "trialbook":
                assert PARTS[modules.get(name, name.replace("-", "_"))] == part


def test_the_installed_package_is_whole_and_alone(environment: Path, tmp_path: Path) -> None:
    code = "import trialbook, trialbook_cli; print(trialbook.__file__, trialbook_cli.__file__)"
    files = run(environment, tmp_path, "python", "-c", code).stdout.split()
    (packages,) = environment.glob("lib/python*/site-packages")

    assert [Path(file).parents[1] for file in files] == [packages, packages]
    assert {path.name for path in packages.glob("trialbook*/py.typed")} == {"py.typed"}
    assert run(environment, tmp_path, "python", "-c", "import pytest").returncode == 1
    assert not (packages / "tests").exists()
