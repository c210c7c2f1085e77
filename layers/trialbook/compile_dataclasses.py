"""Compiles the sources of dataclasses' methods in a built layer. The layer's Makefile runs it with the layer's path.

Python writes these sources when it makes a dataclass, which is at each cold start. `trialbook.runtime.start` finds the
code here by the source's text.
"""

import builtins
import dataclasses
import marshal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import trialbook
from trialbook.runtime import start


@contextmanager
def noted() -> Iterator[list[str]]:
    """Within the block, the sources that dataclasses execute."""
    sources: list[str] = []

    def run(source: str, *namespaces: Any) -> None:
        sources.append(source)
        builtins.exec(source, *namespaces)  # noqa: S102

    names = vars(dataclasses)
    names["exec"] = run
    try:
        yield sources
    finally:
        del names["exec"]


def write(sources: Iterable[str], to: Path) -> None:
    """The code of the sources."""
    compiled = {source: marshal.dumps(compile(source, "<string>", "exec")) for source in sorted(set(sources))}
    to.write_bytes(MAGIC_NUMBER + marshal.dumps(compiled))


def compile_all(to: Path) -> None:
    """The sources of all of the package's dataclasses."""
    with noted() as sources:
        for module in walk_packages(trialbook.__path__, "trialbook."):
            import_module(module.name)
    write(sources, to)


if __name__ == "__main__":
    compile_all(Path(start.COMPILED))
