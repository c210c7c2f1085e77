"""DynamoDB's operations, on tables in memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from trialbook_book.conditions import Condition
from trialbook_book.table import Item, Key
from trialbook_cli.dynamodb_stand_in.expressions import Expressions
from trialbook_cli.dynamodb_stand_in.refusals import Refused, invalid, invalid_value
from trialbook_cli.dynamodb_stand_in.stream import Stream
from trialbook_cli.dynamodb_stand_in.tables import Table
from trialbook_cli.dynamodb_stand_in.units import Used, read
from trialbook_cli.dynamodb_stand_in.values import as_kept, size_of_item

_PAGE = 1024 * 1024  # bytes that a Query or Scan reads at once
_LARGEST_ANSWER = 16 * 1024 * 1024  # bytes of BatchGetItem's
_MOST = {"BatchGetItem": 100, "BatchWriteItem": 25, "TransactWriteItems": 100}
_LARGEST_TRANSACTION = 4 * 1024 * 1024  # bytes
_REMEMBERED = 1000  # transactions whose repetition changes nothing; AWS remembers those of ten minutes
_FAILED = "The conditional request failed"
_WRITES = ("Put", "Delete", "ConditionCheck")

Request = Mapping[str, Any]
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Write:
    """A write of the item with a key, if a condition holds."""

    table: Table
    key: Key
    new: Item | None
    condition: Condition
    is_check: bool = False
    tells_old: bool = False

    @property
    def old(self) -> Item | None:
        """The item that is there."""
        return self.table.indexed.items.get(self.key)


class Database:
    """The tables of an account in a region, whose ARNs begin with `arns`. One request is answered after the other,
    whoever asks."""

    def __init__(self, arns: str) -> None:
        self.tables: dict[str, Table] = {}
        self._arns = arns
        self._done: dict[str, Sequence[Request]] = {}  # the latest transactions by their token
        self._lock = Lock()
        self._operations: Mapping[str, Callable[[Request], Answer]] = {
            "CreateTable": self._create_table,
            "DescribeTable": lambda request: {"Table": self._table(request).described()},
            "DeleteTable": self._delete_table,
            "GetItem": self._get_item,
            "PutItem": self._put_item,
            "DeleteItem": self._delete_item,
            "BatchGetItem": self._batch_get_item,
            "BatchWriteItem": self._batch_write_item,
            "Query": self._query,
            "Scan": self._scan,
            "TransactWriteItems": self._transact_write_items,
        }

    def call(self, operation: str, request: Request) -> Answer:
        """An operation's answer. Raises Refused."""
        found = self._operations.get(operation)
        if found is None:
            raise Refused("UnknownOperationException", f"this stand-in for DynamoDB has no {operation}")
        with self._lock:
            return found(request)

    def stream(self, arn: str) -> Stream:
        """The stream with this name. Raises Refused."""
        for table in self.tables.values():
            if table.stream is not None and table.stream.arn == arn:
                return table.stream
        raise Refused("ResourceNotFoundException", f"Requested resource not found: Stream: {arn} not found")

    def _table(self, request: Request) -> Table:
        return self._named(request["TableName"])

    def _named(self, name: str) -> Table:
        table = self.tables.get(name.removeprefix(self._arns))
        if table is None:
            raise Refused("ResourceNotFoundException", f"Requested resource not found: Table: {name} not found")
        return table

    # -- tables -------------------------------------------------------------------------------------------------

    def _create_table(self, request: Request) -> Answer:
        name = request["TableName"]
        if name in self.tables:
            raise Refused("ResourceInUseException", f"Table already exists: {name}")
        self.tables[name] = Table(request, f"{self._arns}{name}")
        return {"TableDescription": self.tables[name].described()}

    def _delete_table(self, request: Request) -> Answer:
        table = self._table(request)
        del self.tables[table.name]
        return {"TableDescription": {**table.described(), "TableStatus": "DELETING"}}

    # -- writing ------------------------------------------------------------------------------------------------

    def _put_item(self, request: Request) -> Answer:
        return self._written(request, self._put(request, Expressions(request)))

    def _delete_item(self, request: Request) -> Answer:
        return self._written(request, self._deletion(request, Expressions(request)))

    def _written(self, request: Request, write: _Write) -> Answer:
        old, used = write.old, Used()
        if not write.condition.holds(old):
            raise Refused("ConditionalCheckFailedException", _FAILED, **_item_of(write, old))
        write.table.change(old, write.new, write.key, used, 1)
        answer: Answer = {}
        if request.get("ReturnValues") == "ALL_OLD" and old is not None:
            answer["Attributes"] = old
        return _with_units(answer, request, used, is_list=False)

    def _batch_write_item(self, request: Request) -> Answer:
        writes: list[_Write] = []
        for name, wanted in request["RequestItems"].items():
            for each in wanted:
                ((kind, inner),) = each.items()
                given = {**inner, "TableName": name}
                make = self._put if kind == "PutRequest" else self._deletion
                writes.append(make(given, Expressions(given)))
        if len(writes) > _MOST["BatchWriteItem"]:
            raise invalid("Too many items requested for the BatchWriteItem call")
        if len({(each.table.name, each.key) for each in writes}) < len(writes):
            raise invalid("Provided list of item keys contains duplicates")
        used = Used()
        for each in writes:
            each.table.change(each.old, each.new, each.key, used, 1)
        return _with_units({"UnprocessedItems": {}}, request, used)

    def _transact_write_items(self, request: Request) -> Answer:
        given = request["TransactItems"]
        if len(given) > _MOST["TransactWriteItems"]:
            raise invalid(
                "1 validation error detected: Value at 'transactItems' failed to satisfy constraint: "
                "Member must have length less than or equal to 100"
            )
        token = request.get("ClientRequestToken")
        if token is not None and self._done.get(token, given) != given:
            message = "Request ignored, because the token was used for other parameters."
            raise Refused("IdempotentParameterMismatchException", message)
        writes = self._writes(given)
        if len({(each.table.name, each.key) for each in writes}) < len(writes):
            raise invalid("Transaction request cannot include multiple operations on one item")
        if sum(size_of_item(each.new) for each in writes if each.new is not None) > _LARGEST_TRANSACTION:
            raise invalid("Collection size exceeded for the transaction request")
        used = Used()
        if token is not None and token in self._done:
            return _with_units({}, request, used)
        olds = [each.old for each in writes]
        held = [each.condition.holds(old) for each, old in zip(writes, olds, strict=True)]
        if not all(held):
            raise _cancelled([_reason(*each) for each in zip(writes, olds, held, strict=True)])
        for each, old in zip(writes, olds, strict=True):
            if each.is_check:
                used.write(each.table.name, each.table.schema, old, old, 2)
            else:
                each.table.change(old, each.new, each.key, used, 2)
        self._remember(token, given)
        return _with_units({}, request, used)

    def _remember(self, token: str | None, given: Sequence[Request]) -> None:
        if token is not None:
            self._done[token] = given
            if len(self._done) > _REMEMBERED:
                del self._done[next(iter(self._done))]

    def _writes(self, given: Sequence[Request]) -> list[_Write]:
        writes: list[_Write] = []
        reasons: list[dict[str, Any]] = []
        for each in given:
            try:
                writes.append(self._of_transaction(*next(iter(each.items()))))
                reasons.append({"Code": "None"})
            except Refused as refused:
                if refused.cancels is None:
                    raise
                reasons.append({"Code": "ValidationError", "Message": refused.cancels})
        if len(writes) < len(given):
            raise _cancelled(reasons)
        return writes

    def _of_transaction(self, kind: str, given: Request) -> _Write:
        if kind not in _WRITES:
            raise Refused("UnknownOperationException", f"this stand-in for DynamoDB has no {kind} in transactions")
        if kind == "Put":
            return self._put(given, Expressions(given))
        return self._deletion(given, Expressions(given), is_check=kind == "ConditionCheck")

    def _put(self, request: Request, expressions: Expressions) -> _Write:
        table, item = self._table(request), as_kept(request["Item"])
        condition = _checked(expressions)
        table.schema.check(item)
        return _Write(table, table.indexed.key(item), item, condition, tells_old=_tells_old(request))

    def _deletion(self, request: Request, expressions: Expressions, *, is_check: bool = False) -> _Write:
        table, condition = self._table(request), _checked(expressions)
        return _Write(table, _key(table, request["Key"]), None, condition, is_check, _tells_old(request))

    # -- reading ------------------------------------------------------------------------------------------------

    def _get_item(self, request: Request) -> Answer:
        table, used = self._table(request), Used()
        expressions = Expressions(request)
        wanted = expressions.projection()
        expressions.check()
        found = table.indexed.items.get(_key(table, request["Key"]))
        size = 0 if found is None else size_of_item(found)
        used.add(table.name, None, read(size, consistent=request.get("ConsistentRead", False)))
        answer: Answer = {} if found is None else {"Item": _only(wanted, found)}
        return _with_units(answer, request, used, is_list=False)

    def _batch_get_item(self, request: Request) -> Answer:
        asked = request["RequestItems"]
        if sum(len(each["Keys"]) for each in asked.values()) > _MOST["BatchGetItem"]:
            raise invalid("Too many items requested for the BatchGetItem call")
        used, left, answered = Used(), _LARGEST_ANSWER, {}
        unprocessed: dict[str, Any] = {}
        for name, wanted in asked.items():
            table, expressions = self._named(name), Expressions(wanted)
            shown = expressions.projection()
            expressions.check()
            keys = [_key(table, each) for each in wanted["Keys"]]
            if len(set(keys)) < len(keys):
                raise invalid("Provided list of item keys contains duplicates")
            found: list[Item] = []
            for at, key in enumerate(keys):
                item = table.indexed.items.get(key)
                size = 0 if item is None else size_of_item(item)
                if size > left:
                    unprocessed[name] = {**wanted, "Keys": wanted["Keys"][at:]}
                    break
                left -= size
                used.add(name, None, read(size, consistent=wanted.get("ConsistentRead", False)))
                if item is not None:
                    found.append(_only(shown, item))
            answered[name] = found
        return _with_units({"Responses": answered, "UnprocessedKeys": unprocessed}, request, used)

    def _query(self, request: Request) -> Answer:
        table, index = self._table(request), request.get("IndexName")
        expressions = Expressions(request)
        keys = table.schema.keys if index is None else self._index_keys(table, index, request)
        condition = expressions.key_condition(keys)
        after, forward = request.get("ExclusiveStartKey"), request.get("ScanIndexForward", True)
        found = table.indexed.query(index, condition, after=after, forward=forward)
        return self._page(table, request, found, expressions, keys)

    def _scan(self, request: Request) -> Answer:
        table = self._table(request)
        if "IndexName" in request or "TotalSegments" in request:
            raise Refused("UnknownOperationException", "this stand-in for DynamoDB scans whole tables alone")
        after = request.get("ExclusiveStartKey")
        found = iter(sorted(table.indexed.items)) if after is None else _behind(table, _key(table, after))
        items = (table.indexed.items[key] for key in found)
        return self._page(table, request, items, Expressions(request), table.schema.keys)

    def _index_keys(self, table: Table, index: str, request: Request) -> tuple[str, ...]:
        if index not in table.schema.indexes:
            raise invalid(f"The table does not have the specified index: {index}")
        if request.get("ConsistentRead"):
            raise invalid("Consistent reads are not supported on global secondary indexes")
        return table.schema.indexes[index].keys

    def _page(
        self, table: Table, request: Request, found: Iterator[Item], expressions: Expressions, keys: tuple[str, ...]
    ) -> Answer:
        """As much as is answered at once: a megabyte, or as many items as are asked for. What a filter leaves out was
        read all the same."""
        keep, wanted = expressions.condition("FilterExpression"), expressions.projection()
        expressions.check()
        index_name, limit = request.get("IndexName"), request.get("Limit")
        index = table.schema.indexes.get(index_name) if index_name else None
        if index is not None and index.shown is not None:
            hidden = {*keep.names(), *(wanted or ())} - index.shown
            if hidden:
                names = ", ".join(sorted(hidden))
                raise invalid_value(f"Global secondary index {index_name} does not project [{names}]")
        size = count = 0
        items: list[Item] = []
        last: Item | None = None
        for item in found:
            shown = item if index is None else index.projected(item) or {}
            size, count = size + size_of_item(shown), count + 1
            if keep.holds(shown):
                items.append(_only(wanted, shown))
            if count == limit or (size > _PAGE and next(found, None) is not None):
                last = item
                break
        answer: Answer = {"Count": len(items), "ScannedCount": count}
        if request.get("Select") != "COUNT":
            answer["Items"] = items
        if last is not None:
            answer["LastEvaluatedKey"] = {name: last[name] for name in (*table.schema.keys, *keys)}
        used = Used()
        used.add(table.name, index_name, read(size, consistent=request.get("ConsistentRead", False)))
        return _with_units(answer, request, used, is_list=False)


def _checked(expressions: Expressions) -> Condition:
    condition = expressions.condition("ConditionExpression")
    expressions.check()
    return condition


def _key(table: Table, key: Mapping[str, Any]) -> Key:
    table.schema.check_key(key)
    return table.indexed.key(key)


def _behind(table: Table, key: Key) -> Iterator[Key]:
    return (each for each in sorted(table.indexed.items) if each > key)


def _only(wanted: list[str] | None, item: Item) -> Item:
    return item if wanted is None else {name: item[name] for name in wanted if name in item}


def _tells_old(request: Request) -> bool:
    return bool(request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD")


def _item_of(write: _Write, old: Item | None) -> dict[str, Any]:
    return {"Item": old} if write.tells_old and old is not None else {}


def _reason(write: _Write, old: Item | None, held: bool) -> dict[str, Any]:
    if held:
        return {"Code": "None"}
    return {"Code": "ConditionalCheckFailed", "Message": _FAILED, **_item_of(write, old)}


def _cancelled(reasons: list[dict[str, Any]]) -> Refused:
    codes = ", ".join(each["Code"] for each in reasons)
    return Refused(
        "TransactionCanceledException",
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
        CancellationReasons=reasons,
    )


def _with_units(answer: Answer, request: Request, used: Used, *, is_list: bool = True) -> Answer:
    consumed = used.consumed(request.get("ReturnConsumedCapacity"))
    if consumed:
        answer["ConsumedCapacity"] = consumed if is_list else consumed[0]
    return answer
