"""A real MLflow server, and how tests ask it."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from tests.conftest import ROOT
from tests.integration.conftest import free_port, wait_for

PYTHON = ROOT / ".venv-mlflow" / "bin" / "python"
ENVIRONMENT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}


@contextmanager
def serving_mlflow(folder: Path, python: Path = PYTHON) -> Iterator[str]:
    """The address of a server that keeps everything in a folder, run by a Python that has MLflow."""
    port = free_port()
    where = ["--backend-store-uri", f"sqlite:///{folder}/store.db", "--artifacts-destination", f"{folder}/artifacts"]
    command = [str(python), "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    started = subprocess.Popen(
        [*command, *where],
        env={**os.environ, **ENVIRONMENT, "PATH": f"{python.parent}:{os.environ['PATH']}"},
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for(port, started, 300)
        yield f"http://127.0.0.1:{port}"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(started.pid, 15)
        started.wait()


def ask(server: str, path: str, body: Mapping[str, Any] | None = None, **query: str) -> Any:
    """An answer of the REST API; a POST with a body."""
    url = f"{server}/api/2.0/mlflow/{path}{'?' + urlencode(query) if query else ''}"
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, {"Content-Type": "application/json"}), timeout=120) as answer:  # noqa: S310 the server started here
        return json.loads(answer.read())


def runs_in(server: str, experiment: str) -> list[dict[str, Any]]:
    """All runs of an experiment."""
    found = ask(server, "experiments/get-by-name", experiment_name=experiment)["experiment"]["experiment_id"]
    return list(ask(server, "runs/search", {"experiment_ids": [found], "max_results": 1000}).get("runs", ()))


def as_map(pairs: Any) -> dict[str, Any]:
    """Parameters, tags or metrics by name."""
    return {each["key"]: each["value"] for each in pairs}
