"""`python -m tests.benchmarks`: all benchmarks, or those that are named, onto docs/benchmarks.md."""

import sys
import time
from importlib import import_module

from tests.benchmarks import ORDER, page


def main(names: list[str]) -> None:
    """Measures and writes one section after the other, so that a run that breaks off leaves what it has."""
    if unknown := sorted(set(names) - set(ORDER)):
        sys.exit(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(ORDER)}")
    for name in names or ORDER:
        module = import_module(f"tests.benchmarks.{name}")
        began = time.perf_counter()
        figures = module.measure()
        page.write(name, module.TITLE, module.__doc__ or "", figures)
        print(f"## {module.TITLE} ({time.perf_counter() - began:.0f} s)\n\n{figures}\n", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
