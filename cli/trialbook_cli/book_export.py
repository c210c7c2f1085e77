"""A book as files: for other programs, and as a book of its own."""

import csv
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from trialbook.core.numbers import number_of
from trialbook.core.sweeps import Record, Sweep
from trialbook.core.times import iso
from trialbook.errors import MissingPart
from trialbook.ledger.items import item_of, read_record, read_sweep
from trialbook.ledger.places import PLACES
from trialbook.ledger.table import job_pk, sweep_keys
from trialbook_book.book import Book
from trialbook_book.columns import Columns, job_columns, sweep_columns
from trialbook_book.folder import FILE, key_of, line_of
from trialbook_book.frames import frame
from trialbook_book.jobs import Jobs
from trialbook_cli.outputs import job_line, sweep_line, write_lines
from trialbook_cli.reading_at_once import all_items, items_of


@dataclass(frozen=True, slots=True)
class Exported:
    """The numbers of jobs and sweeps written."""

    jobs: int
    sweeps: int


def export_book(
    book: Book, part: Jobs | None, out: Path, form: str, read: Callable[[int], None] = lambda items: None
) -> Exported:
    """Writes jobs and sweeps in a format (csv, jsonl, parquet) and the ledger's items; all, or those of a sweep or
    experiment. Raises MissingPart if the format needs a missing library. `read` is given how many more items were read.

    Each file is replaced when its successor is whole. An export that is interrupted leaves the earlier files, and the
    next one reads all anew: what was read before may have changed.
    """
    if form == "parquet" and find_spec("pyarrow") is None:
        raise MissingPart("parquet", "--format parquet")
    items = _items(book, part, read)
    records = [read_record(item_of(item)) for item in items if item["item"]["S"] == "job"]
    windows = [read_sweep(item_of(item)) for item in items if item["item"]["S"] == "sweep"]
    records.sort(key=lambda record: (record.job.name, record.key.kind))
    sweeps = [sweep for sweep in windows if sweep.superseded_by is None and not sweep.is_single]
    sweeps.sort(key=lambda sweep: (sweep.began_at is None, sweep.began_at, sweep.id))
    out.mkdir(parents=True, exist_ok=True)
    _write_items(items, out / FILE)
    if form == "jsonl":
        singles = frozenset(sweep.id for sweep in windows if sweep.is_single)
        _write_lines(out, records, sweeps, singles, book.rules().prices)
    else:
        _write_tables(out, form, {"jobs": job_columns(records), "sweeps": sweep_columns(sweeps)})
    return Exported(len(records), len(sweeps))


def _items(book: Book, jobs: Jobs | None, read: Callable[[int], None]) -> list[dict[str, Any]]:
    """All items, or those of the jobs and sweeps of one sweep or experiment, with the experiment's own."""
    if jobs is None:
        return all_items(book.ledger, read)
    records = list(jobs.records())
    ids = {record.sweep for record in records if record.sweep}
    keys = {(job_pk(record.key), sort) for record in records for sort in ("JOB", "ATTACHMENT")}
    keys |= {sweep_keys(sweep_id) for sweep_id in ids}
    keys.add(("NOTE", PLACES))  # by which names of several places differ
    keys |= {("EXPERIMENTS", record.experiment.casefold()) for record in records}
    return items_of(book.ledger, sorted(keys), read)


def _write_items(items: Iterable[dict[str, Any]], path: Path) -> None:
    with _replaced(path) as beside, beside.open("w", encoding="utf-8") as file:
        file.writelines(line_of([item]) for item in sorted(items, key=key_of))


@contextmanager
def _replaced(path: Path) -> Iterator[Path]:
    """A file to write, which takes the path's place at the end: a book exported onto itself stays whole."""
    beside = path.with_name(f"{path.name}.part")
    try:
        yield beside
        os.replace(beside, path)  # noqa: PTH105 the folder is the same
    finally:
        beside.unlink(missing_ok=True)


def _write_lines(
    out: Path, records: Sequence[Record], sweeps: Sequence[Sweep], singles: frozenset[str], prices: Mapping[str, float]
) -> None:
    jobs = defaultdict(list)
    for record in records:
        jobs[record.sweep].append(record.job)
    with _replaced(out / "jobs.jsonl") as path:
        write_lines(path, [job_line(record, singles, prices) for record in records])
    with _replaced(out / "sweeps.jsonl") as path:
        write_lines(path, [sweep_line(sweep, jobs[sweep.id], prices) for sweep in sweeps])


def _write_tables(out: Path, form: str, tables: Mapping[str, Columns]) -> None:
    for name, columns in tables.items():
        with _replaced(out / f"{name}.{form}") as path:
            if form == "csv":
                _write_csv(columns, path)
            else:
                _write_parquet(columns, path)


def _write_parquet(columns: Columns, path: Path) -> None:
    frame(columns).to_parquet(path, index=False)


def _write_csv(columns: Columns, path: Path) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:  # the mark by which Excel knows UTF-8
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([_cell(value) for value in row] for row in zip(*columns.values(), strict=True))


_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def _cell(value: Any) -> Any:
    """Numbers unchanged; a text that a spreadsheet would run as a formula, and that is no number, with an apostrophe
    before it."""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) and number_of(value) is None else value
    return "" if value is None else json.dumps(value)
