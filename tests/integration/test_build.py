"""What sam builds is what is tested: valid, light, and importable with nothing but the layer."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

SAM = ROOT / ".venv-sam" / "bin" / "sam"
FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))


def runtime() -> Path:
    """The template's runtime."""
    found = subprocess.run([ROOT / ".ci" / "find-python", "3.13"], capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip("sam build needs the template's runtime, a python3.13 on the PATH; there is none")
    return Path(found.stdout.strip())


def sam(*arguments: str, path: str = "") -> subprocess.CompletedProcess[str]:
    if not SAM.exists():
        pytest.skip("the AWS SAM command line is not there: make .venv-sam/.ready installs it")
    environment = {
        **os.environ,
        "SAM_CLI_TELEMETRY": "0",
        "AWS_DEFAULT_REGION": "us-east-1",
        "PATH": f"{path}{os.environ['PATH']}",
    }
    return subprocess.run([SAM, *arguments], cwd=ROOT, capture_output=True, text=True, env=environment, check=False)


@pytest.mark.parametrize("template", ["template.yaml", "member.yaml"])
def test_the_template_is_valid_and_without_lint(template: str) -> None:
    done = sam("validate", "--lint", "--template", template)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folder with the built functions and layer, and the runtime's interpreter."""
    python = runtime()
    folder = tmp_path_factory.mktemp("build")
    done = sam("build", "--build-dir", str(folder), "--no-cached", path=f"{python.parent}:")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, python


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_clean_interpreter_imports_the_built_function_with_only_its_layer(
    name: str, built: tuple[Path, Path]
) -> None:
    folder, python = built
    logical_id = "".join(word.title() for word in name.split("_"))
    environment = {
        "LEDGER_TABLE": "ledger",
        "EVENT_BUS": "trialbook",
        "REPORTS_BUCKET": "reports",
        "DEAD_LETTERS_URL": "https://sqs.example.com/dead-letters",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_SERVICE_NAME": name,
        "MLFLOW_SERVER": "https://mlflow.example.com",  # write_mlflow is deployed only with one
        "PATH": os.environ["PATH"],
    }
    path = [str(folder / logical_id), str(folder / "TrialbookLayer" / "python")]
    code = f"import sys; sys.path[:0] = {path!r}; import app, json, trialbook; print(json.dumps([trialbook.__file__, callable(app.handler), sorted(sys.modules)]))"
    done = subprocess.run(
        [python, "-I", "-S", "-c", code], capture_output=True, text=True, env=environment, check=False
    )

    assert done.returncode == 0, done.stderr
    file, is_callable, modules = json.loads(done.stdout)
    assert is_callable
    assert file.startswith(path[1])
    # Each of these costs tens of milliseconds of a cold start, and none is needed before the first event.
    assert not {"pydantic", "aws_xray_sdk", "boto3", "yaml", "jinja2"} & set(modules)


def test_the_layer_is_light_compiled_and_of_no_processor(built: tuple[Path, Path]) -> None:
    layer = built[0] / "TrialbookLayer" / "python"
    files = [path for path in layer.rglob("*") if path.is_file()]

    assert sum(path.stat().st_size for path in files) < 40_000_000
    assert not [path for path in files if path.suffix == ".so"]
    sources = list((layer / "trialbook").rglob("*.py"))
    assert all(list((path.parent / "__pycache__").glob(f"{path.stem}.cpython-313.pyc")) for path in sources)
    compiled = next((layer / "trialbook" / "core" / "__pycache__").glob("jobs.*.pyc")).read_bytes()
    assert int.from_bytes(compiled[4:8], "little") == 1  # unchecked hash: valid whatever date the zip gives the source


def test_the_layers_fit_into_a_function_together(built: tuple[Path, Path]) -> None:
    """Lambda takes 250 MB unzipped, layers included."""
    sizes = {
        layer.name: sum(path.stat().st_size for path in layer.rglob("*") if path.is_file())
        for layer in built[0].iterdir()
        if layer.name.endswith("Layer")
    }

    assert set(sizes) == {"TrialbookLayer", "ChartsIntelLayer", "ChartsArmLayer"}
    assert sizes["TrialbookLayer"] + max(sizes["ChartsIntelLayer"], sizes["ChartsArmLayer"]) < 200_000_000


def test_a_picture_is_drawn_with_nothing_but_the_built_layers(built: tuple[Path, Path]) -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("draws with the layer for Intel processors; this one is another")
    folder, python = built
    path = [str(folder / name / "python") for name in ("TrialbookLayer", "ChartsIntelLayer")]
    code = (
        f"import sys; sys.path[:0] = {path!r}; from trialbook.core.charts.chart import Chart; "
        "from trialbook.report.png import png; spec = {'mark': 'point', 'data': {'values': [{'x': 1}]}, "
        "'encoding': {'x': {'field': 'x', 'type': 'quantitative'}}}; print(png(Chart('', '', '', spec))[:4])"
    )
    done = subprocess.run([python, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)

    assert done.stdout.strip() == r"b'\x89PNG'", done.stderr
