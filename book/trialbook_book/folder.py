"""A ledger in a folder: the ledger's own adapter, with a table behind it that lives in memory and in one file.

`ledger.jsonl` is a log: each line holds what one write put or deleted, in DynamoDB's own JSON, so that a process that
dies leaves whole writes. Exports of DynamoDB to S3, downloaded into the folder, are read as well. One process writes at
a time.
"""

import gzip
import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from pynamodb.exceptions import AttributeDeserializationError

from trialbook.core.codec import check_types
from trialbook.core.errors import InvalidInput
from trialbook.core.formats import NewerFormat
from trialbook.core.objectives import moved_rank
from trialbook.errors import InvalidArgument
from trialbook.ledger.items import item_of, read_experiment, read_record, read_sweep
from trialbook.ledger.table import indexed_by
from trialbook_book.conditions import Condition
from trialbook_book.paged import PagedLedger
from trialbook_book.table import Indexed, Item

FILE = "ledger.jsonl"
RECORDING = "events.jsonl"  # marks a folder as a recording
_MOST_NAMED = 5  # books in a folder that holds none itself
Key = tuple[str, str]


class Table(Indexed):
    """Items by key and by index. `keep` is given each write as the lines that the log takes."""

    def __init__(self, keep: Callable[[str], object] = lambda line: None) -> None:
        super().__init__(indexed_by())
        self._keep = keep

    def change(self, put: Iterable[Item], delete: Iterable[Key] = ()) -> None:
        """Puts and deletes, as one line of the log."""
        puts, deletes = list(put), list(delete)
        self._keep(line_of(puts, deletes))
        self.load(puts, deletes)

    def load(self, put: Iterable[Item], delete: Iterable[Key] = ()) -> None:
        """Takes in the changes that a line of the log holds."""
        for key in delete:
            self.delete(key)
        for item in put:
            _move_ranks(item)
            self.put(item)


def _move_ranks(item: Item) -> None:
    """Gives a job that an older version recorded today's rank keys, so that old exports rank as they would today."""
    if item.get("item", {}).get("S") == "job":
        for name in ("sweep_rank", "experiment_rank"):
            if "S" in item.get(name, {}):
                item[name]["S"] = moved_rank(item[name]["S"])


def key_of(item: Mapping[str, Any]) -> Key:
    """Partition and sort key."""
    return item["pk"]["S"], item["sk"]["S"]


class TableClient:
    """A stand-in for the DynamoDB client of pynamodb: the operations that the ledger uses, on a Table."""

    _request_signer = None  # pynamodb asks it for credentials; there are none

    def __init__(self, table: Table) -> None:
        self._table = table

    def _make_api_call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        operations: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "GetItem": self._get_item,
            "PutItem": self._put_item,
            "DeleteItem": self._delete_item,
            "BatchGetItem": self._batch_get_item,
            "BatchWriteItem": self._batch_write_item,
            "Query": self._query,
            "Scan": self._scan,
            "TransactWriteItems": self._transact_write_items,
        }
        return operations[operation](request)

    def _get_item(self, request: Mapping[str, Any]) -> dict[str, Any]:
        found = self._table.items.get(key_of(request["Key"]))
        return {} if found is None else {"Item": found}

    def _put_item(self, request: Mapping[str, Any]) -> dict[str, Any]:
        if not self._allows(request, key_of(request["Item"])):
            raise _refused("PutItem", "ConditionalCheckFailedException")
        self._table.change([request["Item"]])
        return {}

    def _delete_item(self, request: Mapping[str, Any]) -> dict[str, Any]:
        if not self._allows(request, key_of(request["Key"])):
            raise _refused("DeleteItem", "ConditionalCheckFailedException")
        self._table.change((), [key_of(request["Key"])])
        return {}

    def _batch_get_item(self, request: Mapping[str, Any]) -> dict[str, Any]:
        ((name, wanted),) = request["RequestItems"].items()
        found = (self._table.items.get(key_of(key)) for key in wanted["Keys"])
        return {"Responses": {name: [item for item in found if item is not None]}, "UnprocessedKeys": {}}

    def _batch_write_item(self, request: Mapping[str, Any]) -> dict[str, Any]:
        ((_, writes),) = request["RequestItems"].items()
        puts = [each["PutRequest"]["Item"] for each in writes if "PutRequest" in each]
        deletes = [key_of(each["DeleteRequest"]["Key"]) for each in writes if "DeleteRequest" in each]
        self._table.change(puts, deletes)
        return {"UnprocessedItems": {}}

    def _transact_write_items(self, request: Mapping[str, Any]) -> dict[str, Any]:
        writes = [next(iter(each.items())) for each in request["TransactItems"]]
        allowed = [self._allows(write, key_of(write.get("Item") or write["Key"])) for _, write in writes]
        if not all(allowed):
            reasons = [{"Code": "None" if each else "ConditionalCheckFailed"} for each in allowed]
            raise _refused("TransactWriteItems", "TransactionCanceledException", CancellationReasons=reasons)
        puts = [write["Item"] for kind, write in writes if kind == "Put"]
        self._table.change(puts, [key_of(write["Key"]) for kind, write in writes if kind == "Delete"])
        return {}

    def _allows(self, request: Mapping[str, Any], key: Key) -> bool:
        return _condition(request, "ConditionExpression").holds(self._table.items.get(key))

    def _query(self, request: Mapping[str, Any]) -> dict[str, Any]:
        index, condition = request.get("IndexName"), _condition(request, "KeyConditionExpression")
        after, forward = request.get("ExclusiveStartKey"), request.get("ScanIndexForward", True)
        found = self._table.query(index, condition, after=after, forward=forward)
        return _answer(request, found, [*{"pk", "sk", *indexed_by()[index]}])

    def _scan(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return _answer(request, iter(self._table.items.values()), ["pk", "sk"])


def _answer(request: Mapping[str, Any], found: Iterator[Item], keys: Sequence[str]) -> dict[str, Any]:
    page = list(islice(found, request.get("Limit")))
    keep = _condition(request, "FilterExpression")
    items = [item for item in page if keep.holds(item)]
    answer: dict[str, Any] = {"Items": items, "Count": len(items), "ScannedCount": len(page)}
    if next(found, None) is not None:
        answer["LastEvaluatedKey"] = {name: page[-1][name] for name in keys}
    return answer


def _condition(request: Mapping[str, Any], name: str) -> Condition:
    names, values = (request.get(f"ExpressionAttribute{each}", {}) for each in ("Names", "Values"))
    return Condition(request.get(name), names, values)


def _refused(operation: str, code: str, **more: Any) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "the condition does not hold"}, **more}
    return ClientError(response, operation)


# -- the file -----------------------------------------------------------------------------------------------------


def line_of(put: Sequence[Item], delete: Sequence[Key] = ()) -> str:
    """A line of the log."""
    line: dict[str, Any] = {"Items": put} if delete or len(put) != 1 else {"Item": put[0]}
    if delete:
        line["Deleted"] = delete
    return json.dumps(line, ensure_ascii=True, separators=(",", ":"), default=_binary) + "\n"


def _binary(value: bytes) -> str:
    return b64encode(value).decode()


def _read_line(line: str) -> tuple[list[Item], list[Key]]:
    data = json.loads(line)
    items = _items_in(data)
    for item in items:
        for value in item.values():
            if "B" in value:
                value["B"] = b64decode(value["B"])
    return items, [(pk, sk) for pk, sk in data.get("Deleted", ())]


def _items_in(data: dict[str, Any]) -> list[Item]:
    """The items of a line as they are in the file: what is binary is text."""
    return [data["Item"]] if "Item" in data else data["Items"]


def _load(table: Table, path: Path) -> None:
    for number, line in _lines(path):
        try:
            table.load(*_read_line(line))
        except _UNREADABLE as error:
            raise _damaged(path, number, line) from error


_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError, zlib.error)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines with their numbers. Raises InvalidInput where the file ends within its compression."""
    is_packed, number = path.suffix == ".gz", 0
    try:
        with gzip.open(path, "rb") if is_packed else path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.endswith(b"\n") and not is_packed:
                    return  # the process that wrote it died; what it was about to write was not written
                yield number, line.decode("utf-8", "surrogateescape")
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InvalidInput(f"{path}:{number + 1}", str(error), "a whole file, as DynamoDB exports it") from error


def _damaged(path: Path, number: int, line: str) -> InvalidInput:
    return InvalidInput(f"{path}:{number}", line.strip(), "a line that trialbook export wrote")


def damage(folder: Path) -> InvalidInput | None:
    """What is wrong with the first line that holds an item which can't be read, or whose facts are of another type than
    they must be; None where all can. For who met an error: it reads everything."""
    try:
        for path in files_of(folder):
            for number, line in _lines(path):
                try:
                    _read_line(line)
                    for item in _items_in(json.loads(line)):
                        _check(item)
                except (*_UNREADABLE, AttributeDeserializationError, NewerFormat) as error:
                    found = _damaged(path, number, line)
                    found.__cause__ = error
                    return found
    except InvalidInput as error:
        return error
    return None


def _check(item: Item) -> None:
    """Raises an error where the item is not what the ledger writes."""
    key_of(item)
    found = item_of(item)
    readers: Mapping[str, Callable[[Any], Any]] = {
        "job": read_record,
        "sweep": read_sweep,
        "experiment": read_experiment,
    }
    if found.item in readers:
        check_types(readers[found.item](found))


def open_folder(folder: Path, *, create: bool = False) -> PagedLedger:
    """The ledger in a folder: what replay, export or backfill left there. Raises InvalidArgument if there is none."""
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    if not there.is_dir():
        raise InvalidArgument("folder", str(folder), f"a folder; {there} is a file")
    files = files_of(folder)
    if not files and not create:
        within = sorted(path.parent.name for path in folder.glob(f"*/{FILE}"))[:_MOST_NAMED]
        hint = f"; the books in it are {', '.join(within)}" if within else ""
        if (folder / RECORDING).exists():
            hint = f"; it is a recording, of which trialbook replay {folder} --out FOLDER makes a book"
        expected = f"a folder with {FILE}, as demo, replay, export and backfill write it{hint}"
        raise InvalidArgument("folder", str(folder), expected)
    log = folder / FILE

    def keep(line: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        heal()
        with log.open("a", encoding="utf-8") as file:
            file.write(line)

    heal = cache(lambda: _heal(log))  # once, before the first write: who reads changes nothing
    table = Table(keep)
    for path in files:
        _load(table, path)
    return FolderLedger(table)


def has_book(folder: Path) -> bool:
    """Whether a ledger is in the folder."""
    return folder.is_dir() and bool(files_of(folder))


def files_of(folder: Path) -> list[Path]:
    """The files that hold the ledger."""
    return sorted(folder.glob("**/data/*.json.gz")) + [path for path in (folder / FILE,) if path.exists()]


def _heal(log: Path) -> None:
    """Cuts a half-written last line off, so that the next line stands by itself."""
    if log.exists() and (content := log.read_bytes()) and not content.endswith(b"\n"):
        log.write_bytes(content[: content.rfind(b"\n") + 1])


class FolderLedger(PagedLedger):
    """The ledger with a Table behind it."""

    def __init__(self, table: Table) -> None:
        super().__init__("folder", region="us-east-1")
        self.table.connection._client = TableClient(table)  # type: ignore[assignment]  # noqa: SLF001 the one way in

    def segments(self, count: int) -> list[Iterator[dict[str, Any]]]:
        """One part: threads read a folder no faster."""
        return [self.items()]
