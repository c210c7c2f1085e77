"""The functions of the template, with the very handlers that Lambda runs."""

import contextlib
import importlib.util
import io
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trialbook_cli.sagemaker_stand_in.account import Account


@dataclass(frozen=True, slots=True)
class Context:
    """The context of an invocation. Time never runs out here."""

    function_name: str
    timeout: int
    memory_limit_in_mb: int
    account: Account
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def invoked_function_arn(self) -> str:
        """The function's ARN."""
        return self.account.arn("lambda", f"function:{self.function_name}")

    def get_remaining_time_in_millis(self) -> int:
        """All of the function's timeout."""
        return self.timeout * 1000


class Function:
    """A function of the template: its code is loaded on its first invocation, as in a cold start."""

    def __init__(self, name: str, properties: Mapping[str, Any], root: Path, account: Account) -> None:
        self.name = name
        self.account = account
        self.folder = root / properties["CodeUri"]
        self.handler = properties.get("Handler", "app.handler")
        self.timeout = int(properties.get("Timeout", 3))
        self.memory = int(properties.get("MemorySize", 128))
        self.environment = {key: str(value) for key, value in properties["Environment"]["Variables"].items()}
        self.events = properties.get("Events", {})
        self.invocations = 0
        self.printed: Callable[[str], None] | None = None
        self._module: Any = None

    def __call__(self, event: Mapping[str, Any]) -> Any:
        """Invokes the handler in the function's environment. What it prints, its metrics, goes to `printed` if set."""
        self.invocations += 1
        output = io.StringIO()
        try:
            with _environment(self.environment), contextlib.redirect_stdout(output):
                if self._module is None:
                    self._module = self._load()
                handler = getattr(self._module, self.handler.rpartition(".")[2])
                return handler(event, Context(self.name, self.timeout, self.memory, self.account))
        finally:
            if self.printed is not None:
                self.printed(output.getvalue())

    def forget(self) -> None:
        """The next invocation is a cold start."""
        self._module = None

    def _load(self) -> Any:
        path = self.folder / f"{self.handler.partition('.')[0]}.py"
        # Every function's module is called app: under its own name, none shadows another.
        spec = importlib.util.spec_from_file_location(f"laptop_cloud_{self.name}", path)
        if spec is None or spec.loader is None:
            raise FileNotFoundError(path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
