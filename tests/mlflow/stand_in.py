"""A small MLflow, for tests that have to see and disturb each request; tests/mlflow/test_server.py asks the real one."""

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

API = "/api/2.0/mlflow/"
Answer = tuple[int, Any]
NAME = re.compile(r"[\w.\- :/]{1,250}")
KEEPS_NO_FILES = (
    b"Endpoint: /api/2.0/mlflow-artifacts/artifacts/<path:artifact_path> disabled due to the mlflow server running with "
    b"`--no-serve-artifacts`. To enable artifacts server functionality, run `mlflow server` with `--serve-artifacts`"
)


class Refusal(Exception):
    """What MLflow refuses."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


class StandIn:
    """Runs by id, as `runs/get` gives them. `before` and `after` are called with each request before and after it is done,
    and may raise Refusal, or TimeoutError to end the connection. `artifacts` is where artifacts lie. `longest_param` and
    `largest_file` are limits of servers and of what stands before them. Without `keeps_files` it was started with
    `--no-serve-artifacts`. With `authorization`, requests need that header."""

    def __init__(self, artifacts: str = "mlflow-artifacts:") -> None:
        self.artifacts = artifacts
        self.experiments: dict[str, dict[str, Any]] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.models: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.requests: list[tuple[str, str, Mapping[str, str]]] = []
        self.before: Callable[[str, Any], None] = lambda path, body: None
        self.after: Callable[[str, Any], None] = lambda path, body: None
        self.url = ""
        self.longest_param, self.largest_file = 6_000, 10**9
        self.keeps_files = True
        self.authorization: str | None = None
        self._lock = threading.Lock()

    def answer(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> Answer:
        parts = urlsplit(path)
        name = parts.path.removeprefix(API)
        with self._lock:
            self.requests.append((method, name, headers))
            if self.authorization not in (None, headers.get("Authorization")):
                return 401, b"You are not authenticated."
            if method == "PUT":
                if not self.keeps_files:
                    return 503, KEEPS_NO_FILES
                if len(content) > self.largest_file:
                    return 413, b"<h1>413 Request Entity Too Large</h1>"
                self.files[name] = content
                return 200, {}
            body = json.loads(content) if content else {key: each[0] for key, each in parse_qs(parts.query).items()}
            try:
                self.before(name, body)
                done = self._done(name, body)
                self.after(name, body)
            except Refusal as error:
                return error.status, {"error_code": error.code, "message": error.code}
            return 200, done

    def _done(self, name: str, body: dict[str, Any]) -> Any:
        if name.startswith("logged-models/m-"):
            model = self.models.get(name.removeprefix("logged-models/"))
            if model is None:
                raise Refusal(404, "RESOURCE_DOES_NOT_EXIST")
            model["info"]["status"] = body["status"]
            return {"model": model}
        known: Mapping[str, Callable[[dict[str, Any]], Any]] = {
            "experiments/get-by-name": self._experiment,
            "experiments/create": self._create_experiment,
            "runs/create": self._create,
            "runs/get": lambda asked: {"run": self._run(asked)},
            "runs/search": self._search,
            "runs/log-batch": self._log,
            "runs/log-inputs": self._inputs,
            "runs/update": self._update,
            "runs/delete": self._delete,
            "logged-models": self._create_model,
            "logged-models/search": self._models,
        }
        return known[name](body)

    def _experiment(self, body: dict[str, Any]) -> Any:
        found = [each for each in self.experiments.values() if each["name"] == body["experiment_name"]]
        if not found:
            raise Refusal(404, "RESOURCE_DOES_NOT_EXIST")
        return {"experiment": found[0]}

    def _create_experiment(self, body: dict[str, Any]) -> Any:
        if not body["name"]:
            raise Refusal(400, "INVALID_PARAMETER_VALUE")
        number = str(len(self.experiments) + 1)
        self.experiments[number] = {"experiment_id": number, "name": body["name"], "lifecycle_stage": "active"}
        return {"experiment_id": number}

    def _create(self, body: dict[str, Any]) -> Any:
        if body["experiment_id"] not in self.experiments:
            raise Refusal(404, "RESOURCE_DOES_NOT_EXIST")
        if self.experiments[body["experiment_id"]]["lifecycle_stage"] == "deleted":
            raise Refusal(400, "INVALID_PARAMETER_VALUE")
        run_id = uuid4().hex
        info = {
            "run_id": run_id,
            "experiment_id": body["experiment_id"],
            "run_name": body["run_name"],
            "start_time": body["start_time"],
            "status": "RUNNING",
            "artifact_uri": f"{self.artifacts}/{body['experiment_id']}/{run_id}/artifacts",
            "lifecycle_stage": "active",
        }
        self.runs[run_id] = {
            "info": info,
            "data": {"tags": body["tags"], "params": [], "metrics": []},
            "inputs": {"dataset_inputs": []},
        }
        return {"run": self.runs[run_id]}

    def _run(self, body: dict[str, Any], *, active: bool = False) -> dict[str, Any]:
        run = self.runs.get(body["run_id"])
        if run is None:
            raise Refusal(404, "RESOURCE_DOES_NOT_EXIST")
        if active and run["info"]["lifecycle_stage"] == "deleted":
            raise Refusal(400, "INVALID_PARAMETER_VALUE")
        return run

    def _search(self, body: dict[str, Any]) -> Any:
        key, value = re.findall(r"tags\.`(.+)` = '(.+)'", body["filter"])[0]
        return {
            "runs": [
                run
                for run in self.runs.values()
                if run["info"]["experiment_id"] in body["experiment_ids"]
                and run["info"]["lifecycle_stage"] == "active"
                and {"key": key, "value": value} in run["data"]["tags"]
            ]
        }

    def _log(self, body: dict[str, Any]) -> Any:
        run = self._run(body, active=True)
        for kind in ("params", "tags", "metrics"):
            if not all(NAME.fullmatch(each["key"]) for each in body[kind]):
                raise Refusal(400, "INVALID_PARAMETER_VALUE")
        if any(len(each["value"]) > self.longest_param for each in body["params"]):
            raise Refusal(400, "INVALID_PARAMETER_VALUE")
        if len({each["key"] for each in body["metrics"]}) > 100 and run["data"]["metrics"]:
            raise Refusal(400, "BAD_REQUEST")  # servers before 3.10, of points that they have
        there = {each["key"]: each["value"] for each in run["data"]["params"]}
        if any(there.get(each["key"], each["value"]) != each["value"] for each in body["params"]):
            raise Refusal(400, "INVALID_PARAMETER_VALUE")
        for kind in ("params", "tags"):
            merged = {each["key"]: each for each in (*run["data"][kind], *body[kind])}
            run["data"][kind] = list(merged.values())
        run["data"]["metrics"] += [each for each in body["metrics"] if each not in run["data"]["metrics"]]
        return {}

    def _inputs(self, body: dict[str, Any]) -> Any:
        self._run(body, active=True)["inputs"]["dataset_inputs"] = body["datasets"]
        return {}

    def _update(self, body: dict[str, Any]) -> Any:
        info = self._run(body, active=True)["info"]
        info |= {key: body[key] for key in ("status", "end_time", "run_name") if key in body}
        return {"run_info": info}

    def _delete(self, body: dict[str, Any]) -> Any:
        self._run(body, active=True)["info"]["lifecycle_stage"] = "deleted"
        return {}

    def _create_model(self, body: dict[str, Any]) -> Any:
        if body["experiment_id"] not in self.experiments:
            raise Refusal(404, "RESOURCE_DOES_NOT_EXIST")
        model_id = f"m-{uuid4().hex}"
        self.models[model_id] = {"info": {**body, "model_id": model_id, "status": "LOGGED_MODEL_PENDING"}, "data": {}}
        return {"model": self.models[model_id]}

    def _models(self, body: dict[str, Any]) -> Any:
        (run_id,) = re.findall("source_run_id = '(.+)'", body["filter"])
        return {"models": [each for each in self.models.values() if each["info"]["source_run_id"] == run_id]}

    # -- looking ------------------------------------------------------------------------------------------------

    def active(self) -> list[dict[str, Any]]:
        """The runs that are not deleted."""
        return [run for run in self.runs.values() if run["info"]["lifecycle_stage"] == "active"]

    def tags(self, run: Mapping[str, Any]) -> dict[str, str]:
        """A run's tags."""
        return {each["key"]: each["value"] for each in run["data"]["tags"]}


@contextmanager
def serving(stand_in: StandIn) -> Iterator[StandIn]:
    """The stand-in behind HTTP, for the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answered(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                status, body = stand_in.answer(self.command, self.path, dict(self.headers), content)
            except TimeoutError:
                self.close_connection = True
                return
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_PUT = do_PATCH = _answered  # noqa: N815 the server's names

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 the server's name
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    stand_in.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield stand_in
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
