"""`trialbook export`: the book as files, for other programs and as a book of its own."""

import csv
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from trialbook.core.errors import InvalidInput
from trialbook.core.numbers import number_of
from trialbook.core.sweeps import Record, Sweep
from trialbook.core.times import iso
from trialbook.ledger.items import item_of, read_record, read_sweep
from trialbook.ledger.places import PLACES
from trialbook.ledger.table import job_pk, sweep_keys
from trialbook_book.book import Book, frame
from trialbook_book.columns import Columns, job_columns, sweep_columns
from trialbook_book.folder import FILE, key_of, line_of
from trialbook_cli.outputs import job_line, sweep_line, write_lines
from trialbook_cli.plain import OK, print_json
from trialbook_cli.terminal import console, safe


class Format(StrEnum):
    """What tables are written as."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


def run(book: Book, name: str | None, out: Path, form: Format, *, as_json: bool) -> int:
    """Writes jobs, sweeps, and the items themselves."""
    items = list(_items(book, name))
    records = [read_record(item_of(item)) for item in items if item["item"]["S"] == "job"]
    sweeps = [read_sweep(item_of(item)) for item in items if item["item"]["S"] == "sweep"]
    records.sort(key=lambda record: (record.job.name, record.key.kind))
    told = [sweep for sweep in sweeps if sweep.superseded_by is None and not sweep.is_single]
    told.sort(key=lambda sweep: (sweep.began_at is None, sweep.began_at, sweep.id))
    out.mkdir(parents=True, exist_ok=True)
    singles = frozenset(sweep.id for sweep in sweeps if sweep.is_single)
    _write_items(items, out / FILE)
    if form is Format.JSONL:
        _write_lines(out, records, told, singles, book.rules().prices)
    else:
        _write_tables(out, form, {"jobs": job_columns(records), "sweeps": sweep_columns(told)})
    if as_json:
        print_json({"jobs": len(records), "sweeps": len(told), "out": str(out)})
    else:
        console.print(
            safe(f"{len(records)} jobs and {len(told)} sweeps in {out}: jobs.{form}, sweeps.{form}, {FILE}", 4000),
            soft_wrap=True,
        )
    return OK


def _items(book: Book, name: str | None) -> Iterator[dict[str, Any]]:
    """All items, or those of the jobs and sweeps of one sweep or experiment, with the experiment's own."""
    if name is None:
        yield from book.ledger.items()
        return
    jobs = book.find(name)
    records = list(jobs.records())
    ids = {record.sweep for record in records if record.sweep}
    keys = {(job_pk(record.key), sort) for record in records for sort in ("JOB", "ATTACHMENT")}
    keys |= {sweep_keys(sweep_id) for sweep_id in ids}
    keys.add(("NOTE", PLACES))  # by which names are told apart wherever the book goes on
    keys |= {("EXPERIMENTS", record.experiment.casefold()) for record in records}
    yield from book.ledger.items(sorted(keys))


def _write_items(items: Iterable[dict[str, Any]], path: Path) -> None:
    """Beside the file first: a book that is exported onto itself stays whole."""
    beside = path.with_suffix(".part")
    with beside.open("w", encoding="utf-8") as file:
        file.writelines(line_of([item]) for item in sorted(items, key=key_of))
    os.replace(beside, path)  # noqa: PTH105 the folder is the same


def _write_lines(
    out: Path, records: Sequence[Record], sweeps: Sequence[Sweep], singles: frozenset[str], prices: Mapping[str, float]
) -> None:
    jobs = defaultdict(list)
    for record in records:
        jobs[record.sweep].append(record.job)
    write_lines(out / "jobs.jsonl", [job_line(record, singles, prices) for record in records])
    write_lines(out / "sweeps.jsonl", [sweep_line(sweep, jobs[sweep.id], prices) for sweep in sweeps])


def _write_tables(out: Path, form: Format, tables: Mapping[str, Columns]) -> None:
    for name, columns in tables.items():
        path = out / f"{name}.{form}"
        if form is Format.CSV:
            _write_csv(columns, path)
        else:
            _write_parquet(columns, path)


def _write_parquet(columns: Columns, path: Path) -> None:
    if find_spec("pyarrow") is None:
        raise InvalidInput("--format", "parquet", "pyarrow: pip install 'trialbook[parquet]'")
    frame(columns).to_parquet(path, index=False)


def _write_csv(columns: Columns, path: Path) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:  # the mark by which Excel knows UTF-8
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([_cell(value) for value in row] for row in zip(*columns.values(), strict=True))


_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def _cell(value: Any) -> Any:
    """Numbers as they are; texts that a spreadsheet would run as a formula begin with an apostrophe; a text that
    is a number is none."""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) and number_of(value) is None else value
    return "" if value is None else json.dumps(value)
