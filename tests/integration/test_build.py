"""What sam builds is what is tested: valid, light, and importable with nothing but the layer."""

import ast
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

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


def paths(name: str, built: tuple[Path, Path]) -> list[str]:
    """A function's own folder, and its layer's."""
    logical_id = "".join(word.title() for word in name.split("_"))
    return [str(built[0] / logical_id), str(built[0] / "TrialbookLayer" / "python")]


def environment(name: str) -> dict[str, str]:
    """What every function finds."""
    return {
        "LEDGER_TABLE": "ledger",
        "EVENT_BUS": "trialbook",
        "REPORTS_BUCKET": "reports",
        "DEAD_LETTERS_URL": "https://sqs.example.com/dead-letters",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_SERVICE_NAME": name,
        "MLFLOW_SERVER": "https://mlflow.example.com",  # write_mlflow is deployed only with one
        "PATH": os.environ["PATH"],
    }


def run(
    code: str, path: list[str], built: tuple[Path, Path], variables: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Code in a clean interpreter of the runtime, which finds nothing but this path."""
    command = [str(built[1]), "-I", "-S", "-c", f"import sys; sys.path[:0] = {path!r}\n{code}"]
    return subprocess.run(command, capture_output=True, text=True, env=dict(variables), check=False)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_clean_interpreter_imports_the_built_function_with_only_its_layer(
    name: str, built: tuple[Path, Path]
) -> None:
    path = paths(name, built)
    code = "import app, json, sys, trialbook; print(json.dumps([trialbook.__file__, callable(app.handler), sorted(sys.modules)]))"
    done = run(code, path, built, environment(name))

    assert done.returncode == 0, done.stderr
    file, is_callable, modules = json.loads(done.stdout)
    assert is_callable
    assert file.startswith(path[1])
    # Each of these costs tens of milliseconds of a cold start, and none is needed before the first event.
    assert not {"pydantic", "aws_xray_sdk", "boto3", "yaml", "jinja2"} & set(modules)


# Notes the sources that Python compiles to make the methods of dataclasses.
COMPILED = """
import builtins, json
execute, compiled = builtins.exec, []
def noting(source, *namespaces):
    if isinstance(source, str) and source.startswith("def __create_fn__"):
        compiled.append(source)
    execute(source, *namespaces)
builtins.exec = noting
import app, dataclasses, gc
from trialbook.core.jobs import JobKey
print(json.dumps([len(compiled), gc.get_threshold()[0], dataclasses.is_dataclass(JobKey)]))
"""


@pytest.mark.parametrize("name", ["post_slack", "record_job"])
def test_a_cold_start_compiles_no_dataclass_of_the_package(name: str, built: tuple[Path, Path]) -> None:
    variables = environment(name)
    here, in_lambda = (
        json.loads(run(COMPILED, paths(name, built), built, {**variables, **more}).stdout)
        for more in ({}, {"AWS_LAMBDA_FUNCTION_NAME": name})
    )

    assert here[0] > 60
    assert in_lambda[0] < 5  # those of Powertools
    assert in_lambda[1] > here[1]
    assert in_lambda[2]


def imported() -> Iterator[str]:
    """What the layer's package imports anywhere, as statements; without types, the book, and the charts' own layer."""
    for path in (ROOT / "layers" / "trialbook" / "trialbook").rglob("*.py"):
        for node in _run_time(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom) and "vl_convert" not in ast.unparse(node):
                yield ast.unparse(node)


def _run_time(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield child
            yield from _run_time(child)


def test_the_layer_has_all_that_its_package_imports_anywhere(built: tuple[Path, Path]) -> None:
    statements = sorted(set(imported()))
    assert "from slack_sdk import WebClient" in statements  # within functions too
    done = run("\n".join(statements), paths("post_slack", built), built, environment("post_slack"))

    assert done.returncode == 0, done.stderr


# Calls each operation with what its model requires, which botocore's own checks accept; nothing leaves the process.
CALLS = """
import json
from io import BytesIO
import botocore.session
from botocore.awsrequest import AWSResponse

def sample(shape):
    if shape.type_name == "structure":
        return {name: sample(member) for name, member in shape.members.items() if name in shape.required_members}
    if shape.type_name in ("list", "map"):
        return [sample(shape.member)] if shape.type_name == "list" else {"key": sample(shape.value)}
    values = {"string": "x" * 20, "blob": b"x", "boolean": True, "timestamp": "2026-11-20T10:15:00Z"}
    return values.get(shape.type_name, 1)

class Body(BytesIO):
    def stream(self, *_, **__):
        yield self.read()

called = {}
session = botocore.session.get_session()
session.set_credentials("test", "test")
for service, operations in asked.items():
    client = session.create_client(service, region_name="eu-north-1")
    def answer(request, **_):
        xml = client.meta.service_model.protocol in ("query", "rest-xml")
        content = f"<Answer><{operation}Result/></Answer>".encode() if xml else b"{}"
        called.setdefault(service, []).append(request.url)
        return AWSResponse(request.url, 200, {}, Body(content))
    client.meta.events.register("before-send", answer)
    for operation in operations:
        method = getattr(client, botocore.xform_name(operation))
        method(**sample(client.meta.service_model.operation_model(operation).input_shape))
print(json.dumps(called))
"""


def test_each_operation_can_be_called_with_the_built_layer(built: tuple[Path, Path]) -> None:
    import cut_models  # the benchmarks import this module without pytest's path

    asked = {service: sorted(names) for service, names in cut_models.operations().items()}
    done = run(f"asked = {asked!r}\n{CALLS}", paths("record_job", built), built, environment("record_job"))

    assert done.returncode == 0, done.stderr
    called: dict[str, Any] = json.loads(done.stdout)
    assert {service: len(urls) for service, urls in called.items()} == {
        service: len(names) for service, names in asked.items()
    }
    assert all("eu-north-1" in url or "us-east-1" in url for urls in called.values() for url in urls)


def test_the_layer_is_light_compiled_and_of_no_processor(built: tuple[Path, Path]) -> None:
    layer = built[0] / "TrialbookLayer" / "python"
    files = [path for path in layer.rglob("*") if path.is_file()]

    assert sum(path.stat().st_size for path in files) < 20_000_000
    assert not [path for path in files if path.suffix == ".so"]
    sources = list((layer / "trialbook").rglob("*.py"))
    assert all(list((path.parent / "__pycache__").glob(f"{path.stem}.cpython-313.pyc")) for path in sources)
    templates = list((layer / "trialbook").rglob("*.j2"))
    assert all(list((path.parent / "__pycache__").glob(f"{path.name}.jinja-*")) for path in templates)
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
