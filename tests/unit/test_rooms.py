"""The package's folders are rooms, one above the other: a module imports from its own room and from rooms below it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

LAYER = Path(__file__).parents[2] / "layers/trialbook/trialbook"
# Each line of rooms imports from the lines above it. Modules of the package's root are the use cases.
ROOMS = (
    ("core",),
    ("markup", "runtime", "templates"),
    ("ledger", "messages", "report"),
    ("adapters",),
    ("services",),
    ("delivery",),
    ("use cases",),
)
LEVELS = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}
TOP = LAYER.parents[2]


def modules(package: Path) -> dict[str, Path]:
    """A package's modules by name."""
    return {
        ".".join((package.name, *path.relative_to(package).with_suffix("").parts)).removesuffix(".__init__"): path
        for path in sorted(package.rglob("*.py"))
    }


MODULES = modules(LAYER)
ALL_MODULES = MODULES | modules(TOP / "book/trialbook_book") | modules(TOP / "cli/trialbook_cli")


def imported(path: Path) -> Iterator[str]:
    """The modules that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{name.name}" for name in node.names]
            yield from (name if name in ALL_MODULES else node.module for name in names)


def room_of(module: str) -> str:
    """`core` of `trialbook.core.jobs`, `use cases` of `trialbook.record_job`."""
    first = module.split(".")[1]
    return first if first in LEVELS else "use cases"


ALL_IMPORTS = {module: sorted(set(imported(path)) & ALL_MODULES.keys()) for module, path in ALL_MODULES.items()}
IMPORTS = {module: [other for other in ALL_IMPORTS[module] if other in MODULES] for module in MODULES}


@pytest.mark.parametrize("module", [module for module in MODULES if "." in module])
def test_a_module_imports_no_room_above_its_own_or_beside_it(module: str) -> None:
    own = room_of(module)
    wrong = [
        other
        for other in IMPORTS[module]
        if "." in other and room_of(other) != own and LEVELS[room_of(other)] >= LEVELS[own]
    ]

    assert wrong == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports within functions and for types count as well."""
    finished: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module not in finished:
            for other in ALL_IMPORTS[module]:
                visit(other, (*path, module))
            finished.add(module)

    for module in ALL_MODULES:
        visit(module, ())


def test_the_layer_imports_neither_the_book_nor_the_command_line() -> None:
    """`from trialbook import Book` loads the book when it is named: the one exception."""
    outside = {
        module
        for module, path in MODULES.items()
        for other in imported(path)
        if other.split(".")[0] in ("trialbook_book", "trialbook_cli")
    }

    assert outside == {"trialbook"}


def test_the_book_does_not_import_the_command_line() -> None:
    found = {other for path in modules(TOP / "book/trialbook_book").values() for other in imported(path)}

    assert not [other for other in found if other.startswith("trialbook_cli")]
