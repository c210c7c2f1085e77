"""A folder's book that somebody edited: what can't be read is reported with its file and line."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.stored import facts_of, put_facts
from tests.unit.analysing import swept, trial
from trialbook.core.experiments import summed_up
from trialbook_book.folder import damage, open_folder
from trialbook_cli.main import app

QUESTIONS = ("experiments", "sweeps", "trials s", "best s", "show t-1")


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """Two lines: a sweep with its three trials, and its experiment."""
    ledger = open_folder(tmp_path, create=True)
    records = [trial(number, {"eta": number}, number / 10) for number in range(3)]
    ledger.write(records, [(swept(records), None)])
    ledger.experiments.put(summed_up("exp", [swept(records)], records[0]))
    return tmp_path


def edited(book: Path, place: int, change: Callable[[dict[str, Any]], None]) -> None:
    """The facts of each item of a line, changed."""
    path = book / "ledger.jsonl"
    lines = path.read_text().splitlines()
    data = json.loads(lines[place])
    for item in data.get("Items") or [data["Item"]]:
        facts = facts_of(item)
        change(facts)
        put_facts(item, facts)
    lines[place] = json.dumps(data)
    path.write_text("\n".join([*lines, ""]))


def asked(book: Path, question: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, [*question.split(), "--book", str(book)])
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    return done.exit_code, " ".join(done.stderr.split())


def with_number_as_name(facts: dict[str, Any]) -> None:
    if "job" in facts:
        facts["job"]["key"]["name"] = 7


def without_key(facts: dict[str, Any]) -> None:
    facts.get("job", {}).pop("key", None)


def with_time_that_is_none(facts: dict[str, Any]) -> None:
    if "job" in facts:
        facts["job"]["created_at"] = "yesterday"


def with_text_as_counts(facts: dict[str, Any]) -> None:
    facts["counts"] = {"completed": "three"}


CHANGES = (with_number_as_name, without_key, with_time_that_is_none, with_text_as_counts)


@pytest.mark.parametrize("change", CHANGES)
def test_unreadable_facts_are_refused_with_their_line(change: Callable[[dict[str, Any]], None], book: Path) -> None:
    edited(book, 0, change)

    answers = [asked(book, question) for question in QUESTIONS]
    refused = [said for code, said in answers if code == 2]

    assert refused
    assert all("ledger.jsonl:1 is" in said for said in refused), refused


@pytest.mark.parametrize(
    "content", [b'{"Item": 7}', b"[" * 100_000, b"\xff\xfe", b'{"Item": {"pk": {}, "sk": {"S": "a"}}}']
)
def test_a_line_that_does_not_belong_in_a_book_is_named(content: bytes, book: Path) -> None:
    path = book / "ledger.jsonl"
    path.write_bytes(path.read_bytes() + content + b"\n")

    code, said = asked(book, "sweeps")

    assert code == 2
    assert "ledger.jsonl:3 is" in said


@pytest.mark.parametrize("damage", [lambda packed: packed[:-20], lambda packed: b"no gzip" + packed])
def test_a_truncated_export_or_another_file_is_refused(damage: Callable[[bytes], bytes], book: Path) -> None:
    export = book / "AWSDynamoDB" / "data" / "a.json.gz"
    export.parent.mkdir(parents=True)
    export.write_bytes(damage(gzip.compress((book / "ledger.jsonl").read_bytes())))

    code, said = asked(book, "sweeps")

    assert code == 2
    assert "a.json.gz:" in said


def test_a_book_that_is_whole_has_no_damage(book: Path) -> None:
    assert [asked(book, question)[0] for question in QUESTIONS] == [0] * len(QUESTIONS)


def test_a_whole_book_with_compressed_items_has_no_damage(tmp_path: Path) -> None:
    """Else any error of a command would name a line of a good book as its cause."""
    ledger = open_folder(tmp_path, create=True)
    settings = {f"hyperparameter_{number}": number for number in range(60)}
    records = [trial(number, {"eta": number, **settings}, number / 10) for number in range(3)]
    ledger.write(records, [(swept(records), None)])

    assert '"packed_facts"' in (tmp_path / "ledger.jsonl").read_text()
    assert damage(tmp_path) is None


def test_a_recording_is_no_book_and_the_error_says_how_to_make_one(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text("")

    code, said = asked(tmp_path, "sweeps")

    assert code == 2
    assert "it is a recording, of which trialbook replay" in said
