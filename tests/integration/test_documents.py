"""What the documents say is so: their commands run, their output is what is printed, their references are whole."""

import ast
import contextlib
import importlib
import importlib.util
import io
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from tests.conftest import ROOT
from tests.prose import PAGES
from trialbook import Book
from trialbook.adapters.rules_document import read_rules
from trialbook.core.rules.document import PLACEHOLDERS
from trialbook.ledger.table import Item, indexed_by
from trialbook_book.frames import frame
from trialbook_cli.laptop_cloud.template import load_template
from trialbook_cli.main import app

CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text()
DECISIONS = ROOT / "docs" / "decisions"
RULES_SHOWN = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
# `make test` runs this test, in the environment of `make setup`, and the unit tests of `make fast`; test_wheel.py runs the
# demo, and test_cli.py compares it with the README.
RUN_ELSEWHERE = ("make demo", "make fast", "make setup", "make test", "trialbook demo")
REPLAY = "trialbook replay events/recordings/churn-min-child-weight --out build/churn"
OF_A_TUNING_JOB = "trialbook replay events/recordings/tuning-random-60 --out build/tuning"


def make() -> ModuleType:
    """docs/make.py."""
    spec = importlib.util.spec_from_file_location("docs_make", ROOT / "docs" / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["cli.md", "python.md"])
def test_the_reference_equals_the_code(name: str) -> None:
    text = (ROOT / "docs" / name).read_text()

    assert make().page(name, text) == text, "run: make docs"


# -- commands -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Block:
    """Commands of a page, and what the page says that they print."""

    page: str
    commands: tuple[str, ...]
    mark: str | None
    printed: str | None


_ANY_FENCE = re.compile(r"^```(\w*)\n.*?^```", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(
    r"(?:<!-- (?P<mark>[^>]*) -->\n\n)?(?P<commands>(?:^    \S[^\n]*\n)+)(?:\n```text\n(?P<printed>[^`]*)```)?",
    re.MULTILINE,
)
_FENCED = re.compile(r"^```text.*?^```", re.MULTILINE | re.DOTALL)


def blocks() -> Iterator[Block]:
    """All blocks of commands: indented by four, outside of fences; what a fence behind them shows is what they print."""
    for page in PAGES:
        text = _ANY_FENCE.sub(lambda found: found[0] if found[1] == "text" else "", page.read_text())
        fences = [found.span() for found in _FENCED.finditer(text)]
        for found in _BLOCK.finditer(text):
            if not any(start < found.start("commands") < end for start, end in fences):
                lines = [re.sub(r"\s+#.*", "", line.strip()) for line in found["commands"].splitlines()]
                yield Block(page.name, tuple(filter(None, lines)), found["mark"], found["printed"])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like a clone of the repository, with the rules documents that pages ask to save, after the first replay."""
    folder = tmp_path_factory.mktemp("clone")
    (folder / "events").symlink_to(ROOT / "events")
    (folder / "rules.yaml").write_text(RULES_SHOWN.findall(CONFIGURATION)[0])
    (folder / "my-rules.yaml").write_text(RULES_SHOWN.findall(TUTORIAL)[0])
    with contextlib.chdir(folder):
        for replay in (REPLAY, OF_A_TUNING_JOB):
            assert CliRunner().invoke(app, shlex.split(replay)[1:]).exit_code == 0
    for name, demo in (("churn", "churn-min-child-weight"), ("tuning", "tuning-random-60")):
        (folder / "demo-out").mkdir(exist_ok=True)
        (folder / "demo-out" / demo).symlink_to(folder / "build" / name)
    return folder


def test_every_block_of_commands_is_run_or_says_why_not(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setenv("COLUMNS", "80")
    run = {*RUN_ELSEWHERE, REPLAY, OF_A_TUNING_JOB}
    for block in blocks():
        if block.mark is not None:
            assert block.mark.startswith("needs "), block
            continue
        for command in block.commands:
            if command.removeprefix(".venv/bin/") in run:
                continue
            program, *arguments = shlex.split(command)
            assert program.rpartition("/")[2] == "trialbook", f"{block.page}: {command}: run it here, or mark it"
            done = CliRunner().invoke(app, arguments)
            run.add(command)

            assert done.exit_code == 0, f"{block.page}: {command}\n{done.output}"
            if block.printed is not None and command == block.commands[-1]:
                assert _lines(done.stdout)[: len(_lines(block.printed))] == _lines(block.printed), command
    assert len(run) > 12


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip("\n").splitlines()]


def test_the_examples_in_python_print_what_the_page_says(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    text = (ROOT / "docs" / "python.md").read_text()
    found = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {}
    for code, expected in found:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, names)  # noqa: S102 the page is ours

        assert printed.getvalue() == expected
    assert len(found) == text.count("```python")


# -- links --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]*)(?:#[^)]*)?\)", page.read_text()):
        if target and not target.startswith("https://"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_anchors_are_headings(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)]*)\)", page.read_text()):
        if not target.startswith("https://"):
            text = ((page.parent / target) if target else page).read_text()
            headings = {
                re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in re.findall(r"^#+ (.+)$", text, re.M)
            }

            assert anchor in headings, f"{target}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_exist(page: Path) -> None:
    """A name in backticks with a folder and a suffix; relative to the repository or to one of its packages."""
    bases = (ROOT, ROOT / "layers/trialbook/trialbook", ROOT / "cli/trialbook_cli", page.parent)
    for name in re.findall(r"`((?:\w+/)+\w+\.(?:py|js|json|md|html\.j2|yaml))`", page.read_text()):
        if not name.startswith(("build/", "slack/", "email/", "reports/")):
            assert any((base / name).exists() for base in bases), name


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    pages = [path.name for path in (ROOT / "docs").glob("*.md") if path.name != "README.md"]

    assert [name for name in pages if f"({name})" not in index] == []


@pytest.mark.parametrize("record", sorted({*DECISIONS.glob("*.md")} - {DECISIONS / "README.md"}), ids=lambda p: p.stem)
def test_a_decision_is_a_short_record_in_the_index(record: Path) -> None:
    text = record.read_text()
    (title,) = re.findall(r"^# (.+)$", text, re.MULTILINE)
    (date,) = re.findall(r"^(?:Accepted|Replaced), (\d{4}-\d\d-\d\d)\b", text, re.MULTILINE)

    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences", "Figures"]
    assert 100 <= len(text.split()) <= 250
    assert f"| {date} | [{title}]({record.name}) |" in (DECISIONS / "README.md").read_text()


# -- configuration ------------------------------------------------------------------------------------------------


def documents() -> list[Any]:
    """The rules documents that configuration.md shows."""
    return [yaml.safe_load(each) for each in RULES_SHOWN.findall(CONFIGURATION)]


def test_every_rules_document_shown_is_valid() -> None:
    for each in (*RULES_SHOWN.findall(CONFIGURATION), *RULES_SHOWN.findall(TUTORIAL)):
        read_rules(each)


def test_the_problem_shown_is_the_one_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = RULES_SHOWN.findall(CONFIGURATION)[0]
    (shown,) = re.findall(r"```text\n(error: .*?)\n```", CONFIGURATION)
    (tmp_path / "rules.yaml").write_text(re.sub(r"\bjob: ", "jobb: ", document, count=1))
    monkeypatch.chdir(tmp_path)

    assert CliRunner().invoke(app, ["rules", "check", "rules.yaml"]).stderr.strip() == shown


def _tables() -> dict[str, tuple[str, ...]]:
    """The keys that each mapping of a rules document may have: what the core gives to Checker.mapping as `allowed`."""
    found: dict[str, tuple[str, ...]] = {}
    core = ROOT / "layers/trialbook/trialbook/core"
    for path in core.rglob("*.py"):
        tree = ast.parse(path.read_text())
        module = ".".join(["trialbook.core", *path.relative_to(core).with_suffix("").parts])
        for call in ast.walk(tree):
            is_mapping = (
                isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "mapping"
            )
            if isinstance(call, ast.Call) and is_mapping:
                allowed = next((each.value for each in call.keywords if each.arg == "allowed"), call.args[-1])
                if isinstance(allowed, ast.Name) and allowed.id != "allowed":
                    found[f"{module}.{allowed.id}"] = tuple(getattr(importlib.import_module(module), allowed.id))
    return found


def _mappings(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict):
        yield document
        document = list(document.values())
    if isinstance(document, list):
        for each in document:
            yield from _mappings(each)


def test_every_rule_key_has_an_example() -> None:
    shown = [mapping for document in documents() for mapping in _mappings(document)]
    tables = _tables()
    lacking = {
        f"{table}: {key}"
        for table, keys in tables.items()
        for key in keys
        if not any(key in mapping and set(mapping) <= set(keys) for mapping in shown)
    }

    assert "trialbook.core.rules.parsing._TOP" in tables
    assert lacking == set()


def test_every_parameter_tag_and_placeholder_is_documented() -> None:
    parameters = load_template(ROOT / "template.yaml")["Parameters"]
    sources = "".join(path.read_text() for path in (ROOT / "layers/trialbook/trialbook/core").rglob("*.py"))

    found = "".join(re.findall(r"^\| (`.+?) \|", CONFIGURATION, re.MULTILINE))

    assert [name for name in parameters if f"`{name}`" not in found] == []
    assert [name for name in PLACEHOLDERS.split(", ") if name not in CONFIGURATION] == []
    assert [
        tag for tag in sorted(set(re.findall(r"\"(trialbook:[\w-]+)\"", sources))) if f"`{tag}`" not in CONFIGURATION
    ] == []


def test_every_default_shown_is_the_templates() -> None:
    parameters = load_template(ROOT / "template.yaml")["Parameters"]
    section = CONFIGURATION.split("## Parameters of the stack\n", 1)[1]
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| (.+?) \|", section, re.MULTILINE)
    shown = {name: cell for names, cell in rows for name in re.findall(r"`(\w+)`", names)}
    in_words = {"MlflowPages": "`MlflowUrl`", "MemberRegions": "this one"}  # an empty default that stands for something

    assert shown == {
        name: in_words.get(name) or (f"`{given['Default']}`" if given["Default"] != "" else "none")
        for name, given in parameters.items()
    }


# -- the data model -----------------------------------------------------------------------------------------------

MODEL = (ROOT / "docs" / "data-model.md").read_text()


def _cells(section: str) -> set[str]:
    """What stands in backticks in the first cells of a section's tables."""
    text = re.split(r"^#+ ", MODEL.split(f" {section}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    return {name for row in re.findall(r"^\| (.+?) \|", text, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)}


def test_every_item_attribute_and_index_of_the_ledger_is_documented() -> None:
    written = "".join(path.read_text() for path in (ROOT / "layers/trialbook/trialbook/ledger").glob("*.py"))
    items = set(re.findall(r"(?:item=|\"item\": )\"(\w+)\"", written))
    attributes = set(Item._attributes)
    indexes = {name: keys for name, keys in indexed_by().items() if name}

    assert _cells("The ledger's items") == items | attributes | set(indexes)
    assert [name for name, (pk, sk) in indexes.items() if f"| `{name}` | `{pk}`, `{sk}` |" not in MODEL] == []


def test_every_key_of_the_files_is_documented(place: Path) -> None:
    jobs, sweeps = (
        json.loads((place / "build/churn" / name).read_text().splitlines()[0])
        for name in ("jobs.jsonl", "sweeps.jsonl")
    )

    assert _cells("jobs.jsonl") == set(jobs)
    assert _cells("sweeps.jsonl") == set(sweeps)
    assert all(f"`{path.name}`" in MODEL for path in (place / "build/churn").iterdir() if path.is_file())


def test_every_column_has_its_documented_type(place: Path) -> None:
    book = Book.open(folder=place / "build" / "churn")
    jobs = frame(book.find("churn-xgb").to_columns())
    sweeps = book.sweeps().to_pandas()
    found = dict(re.findall(r"^\| (`.+`) \| ([\w ,]+) \|$", MODEL.split("### Columns")[1], re.MULTILINE))
    kinds = {name: kind for names, kind in found.items() for name in re.findall(r"`(\w+)`", names)}
    plain = [str(name) for name in jobs if "." not in str(name)]

    assert set(kinds) == {*plain, *sweeps}
    assert {
        name: _kind(frame[name]) for frame in (jobs[plain], sweeps) for name in frame if frame[name].notna().any()
    } == {name: kind for name, kind in kinds.items() if name != "failure_reason"}


def _kind(column: Any) -> str:
    kinds = {"i": "whole number", "f": "number", "M": "time, UTC"}
    return kinds.get(column.dtype.kind, "text")


# -- operations ---------------------------------------------------------------------------------------------------


def test_every_alarm_has_an_answer_and_remaining_resources_are_documented() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    found = re.findall(r"^\| `(…?)(\w+Alarm)` \|", text, re.MULTILINE)
    resources = load_template(ROOT / "template.yaml")["Resources"]
    alarms = [name for name, each in resources.items() if each["Type"] == "AWS::CloudWatch::Alarm"]
    kept = [each["Type"] for each in resources.values() if each.get("DeletionPolicy", "").startswith("Retain")]

    assert [each for each in alarms if not any(each == a or (any_of and each.endswith(a)) for any_of, a in found)] == []
    assert sorted(kept) == ["AWS::DynamoDB::Table", "AWS::S3::Bucket"]
    assert "| the table |" in text
    assert "| the bucket with the reports |" in text
