"""The core needs the standard library and itself only, and neither clock nor environment."""

import ast
import sys
from pathlib import Path

import pytest

CORE = Path(__file__).parents[2] / "layers/trialbook/trialbook/core"
HARMLESS = {"urllib.parse"}  # takes texts apart; the rest of urllib calls the network
FORBIDDEN = {"os", "socket", "subprocess", "logging", "time", "urllib", "http", "threading", "asyncio", "random"}


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda path: str(path.relative_to(CORE)))
def test_a_module_of_the_core_imports_nothing_that_acts(path: Path) -> None:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    modules = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    modules |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    roots = {module.split(".")[0] for module in modules - HARMLESS}
    calls = {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}

    assert {
        module for module in modules if module.startswith("trialbook") and not module.startswith("trialbook.core")
    } == set()
    assert roots - {"trialbook"} <= set(sys.stdlib_module_names) - FORBIDDEN
    assert not calls & {"datetime.now", "datetime.utcnow", "date.today", "open", "print"}
