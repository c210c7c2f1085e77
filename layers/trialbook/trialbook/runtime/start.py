"""What makes a function's cold start faster. Only Lambda's functions use it: `import trialbook` calls it there.

Half of the time of importing trialbook goes to its dataclasses: for each one, Python writes the source of its methods
and compiles it. The layer's build (compile_dataclasses.py) compiles these sources once and puts the code beside the
package.
"""

import builtins
import dataclasses
import gc
import marshal
import os
from collections.abc import Callable, Mapping
from importlib.util import MAGIC_NUMBER
from typing import Any

# Without pathlib, which takes a millisecond.
COMPILED = os.path.join(os.path.dirname(os.path.dirname(__file__)), "dataclasses.bin")  # noqa: PTH118, PTH120
# New objects. At 2,000, Python's default, the garbage collector runs 30 times until the handler is ready, and finds
# nothing. Over hundreds of events, garbage in cycles takes 3 MB more until it is collected.
_COLLECT_AFTER = 100_000


def hasten() -> None:
    """Before any other import of trialbook."""
    gc.set_threshold(_COLLECT_AFTER)
    compiled = _compiled()
    if compiled:
        # A name of the module goes before the built-in function of that name. Should a release of Python generate other
        # sources, or call something else, then they are compiled as usual.
        vars(dataclasses)["exec"] = _exec_of(compiled)


def _compiled() -> Mapping[str, bytes]:
    """The code of the sources; none if the package is in no layer, or the layer was built by another Python."""
    try:
        with open(COMPILED, "rb") as file:  # noqa: PTH123
            if file.read(len(MAGIC_NUMBER)) != MAGIC_NUMBER:
                return {}
            found: Mapping[str, bytes] = marshal.load(file)  # noqa: S302 as bytecode, which Python loads the same way
    except FileNotFoundError:
        return {}
    return found


def _exec_of(compiled: Mapping[str, bytes]) -> Callable[..., None]:
    def run(source: str, *namespaces: Any) -> None:
        code = compiled.get(source)
        builtins.exec(marshal.loads(code) if code else source, *namespaces)  # noqa: S102, S302

    return run
