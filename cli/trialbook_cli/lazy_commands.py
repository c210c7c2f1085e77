"""The commands by name, each loaded when it is asked for: declaring all of them takes half of `--help`'s time."""

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Any

import typer

# In the order of `--help`.
NAMES = (
    *("experiments", "sweeps", "trials", "best", "show", "curve", "compare"),
    *("report", "serve", "watch", "next"),
    *("mcp",),
    *("demo", "replay", "preview"),
    *("backfill", "export", "rerank", "prune", "record", "mlflow"),
    *("doctor", "redrive", "test-message", "rules"),
)


class LazyCommands(MutableMapping[str, Any]):
    """Click's mapping of names to commands, filled on demand from trialbook_cli.commands."""

    def __init__(self) -> None:
        self._commands: dict[str, Any] = dict.fromkeys(NAMES)

    def __getitem__(self, name: str) -> Any:
        if self._commands[name] is None:
            module = import_module(f"trialbook_cli.commands.{name.replace('-', '_')}")
            self._commands[name] = typer.main.get_command(module.app)
        return self._commands[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._commands[name] = command

    def __delitem__(self, name: str) -> None:
        del self._commands[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._commands)

    def __len__(self) -> int:
        return len(self._commands)
