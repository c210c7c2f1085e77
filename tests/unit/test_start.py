"""Cold starts: dataclasses whose methods the layer's build compiled, and fewer collections."""

import builtins
import dataclasses
import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import compile_dataclasses
from trialbook.runtime import start


class Job:
    """Has fields of each kind."""

    name: str
    tags: tuple[str, ...] = ()
    notes: list[str] = dataclasses.field(default_factory=list, compare=False)


@pytest.fixture
def compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file with the compiled sources of Job alone; afterwards all is as before."""
    file, threshold = tmp_path / "dataclasses.bin", gc.get_threshold()
    monkeypatch.setattr(start, "COMPILED", str(file))
    with compile_dataclasses.noted() as sources:
        made(Job)
    compile_dataclasses.write(sources, file)
    yield file
    vars(dataclasses).pop("exec", None)
    gc.set_threshold(*threshold)


def made(like: type) -> Any:
    """A new dataclass with the fields of a class."""
    members = {name: value for name, value in vars(like).items() if name not in ("__dict__", "__weakref__")}
    return dataclasses.dataclass(frozen=True, slots=True)(type(like.__name__, (), dict(members)))


def strings_executed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sources that Python compiles from now on."""
    found: list[str] = []
    execute = builtins.exec

    def noting(source: Any, *namespaces: Any) -> None:
        if isinstance(source, str):
            found.append(source)
        execute(source, *namespaces)

    monkeypatch.setattr(builtins, "exec", noting)
    return found


@pytest.mark.usefixtures("compiled")
def test_a_dataclass_with_compiled_sources_behaves_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    ordinary = made(Job)
    start.hasten()
    sources = strings_executed(monkeypatch)
    quick = made(Job)

    assert sources == []
    for each in (ordinary, quick):
        job = each("churn", notes=["new"])
        assert repr(job) == "Job(name='churn', tags=(), notes=['new'])"
        assert job == each("churn") != each("other")
        assert hash(job) == hash(each("churn"))
        assert dataclasses.replace(job, name="other") == each("other")
        assert each("a").notes is not each("b").notes
        with pytest.raises(dataclasses.FrozenInstanceError):
            job.name = "other"
        with pytest.raises(TypeError, match="missing 1 required positional argument: 'name'"):
            each()


@pytest.mark.usefixtures("compiled")
def test_another_dataclass_is_compiled_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    start.hasten()
    sources = strings_executed(monkeypatch)

    class Other:
        number: int = 7

    assert repr(made(Other)()) == "Other(number=7)"
    assert sources != []


def test_sources_compiled_by_another_python_are_not_used(compiled: Path) -> None:
    content = compiled.read_bytes()
    compiled.write_bytes(b"\0\0\0\0" + content[4:])
    start.hasten()

    assert "exec" not in vars(dataclasses)


def test_without_a_layer_there_are_no_compiled_sources(compiled: Path) -> None:
    compiled.unlink()
    start.hasten()

    assert "exec" not in vars(dataclasses)
    assert gc.get_threshold()[0] == 100_000


@pytest.mark.parametrize(
    ("variables", "threshold"), [({}, "2000"), ({"AWS_LAMBDA_FUNCTION_NAME": "record_job"}, "100000")]
)
def test_only_in_lambda_the_package_changes_its_process(variables: dict[str, str], threshold: str) -> None:
    code = "import gc; gc.set_threshold(2000); import trialbook; print(gc.get_threshold()[0])"
    path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": path, **variables}, check=True
    )

    assert done.stdout.strip() == threshold
