"""The stand-in for DynamoDB beside AWS's DynamoDB Local: each request has the same answer, and replays leave the same bytes
on both and on moto."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.conftest import ROOT
from tests.relocated import recording
from trialbook_cli.dynamodb_stand_in import Database, answer_to, response
from trialbook_cli.laptop_cloud import LaptopCloud, ProcessDied, Recording
from trialbook_cli.laptop_cloud.cloud import create_table
from trialbook_cli.laptop_cloud.template import Stack, load_template
from trialbook_cli.replaying import replay, write_outcome
from trialbook_cli.sagemaker_stand_in import SageMaker

REGION = "us-east-1"
Request = tuple[str, dict[str, Any]]
KEYS = {
    None: ("pk", "sk"),
    "in_sweep": ("sweep_id", "sweep_rank"),
    "in_experiment": ("experiment_id", "experiment_rank"),
    "due": ("due_list", "due_at"),
}
CONDITIONS = (
    "attribute_not_exists (#a)",
    "attribute_exists(#f)",
    "#v = :v",
    "#v <> :v",
    "#v < :v",
    "(attribute_not_exists (#a) OR #v < :v)",
    "NOT #v = :v AND attribute_type(#f, :t)",
    "#v IN (:v, :w)",
    "#v BETWEEN :v AND :w",
    "size(#f) > :w",
    "contains(#f, :x)",
    "begins_with (#f, :x)",
    "#f = :v",
)
_FOUR = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")]
NAMES = {"#a": "pk", "#v": "version", "#f": "facts"}
VALUES = {":v": {"N": "2"}, ":w": {"N": "10"}, ":x": {"S": "f"}, ":t": {"S": "S"}}
KEY_CONDITIONS = (
    "#0 = :0",
    "(#0 = :0 AND begins_with (#1, :1))",
    "(#0 = :0 AND #1 = :1)",
    "(#0 = :0 AND #1 < :1)",
    "(#0 = :0 AND #1 <= :1)",
    "(#0 = :0 AND #1 > :1)",
    "#1 >= :1 AND #0 = :0",
    "(#0 = :0 AND #1 BETWEEN :1 AND :2)",
)


def text(value: str) -> dict[str, str]:
    return {"S": value}


class Drawn:
    """Requests to a table with few keys, so that they meet each other; a seed's are always the same."""

    def __init__(self, table: str, seed: int) -> None:
        self.table, self.random = table, random.Random(seed)
        self.ranks = 0

    def request(self) -> Request:
        kinds = (self.put, self.put, self.delete, self.get, self.query, self.query, self.batch_get, self.batch_write)
        name, request = self.random.choice((*kinds, self.transact, self.transact))()
        return name, {**request, "ReturnConsumedCapacity": "INDEXES"}

    def key(self) -> dict[str, Any]:
        return {"pk": text(self.random.choice("ab")), "sk": text(self.random.choice(["x", "y", "zé"]))}

    def item(self) -> dict[str, Any]:
        """No two items have the same sort key in an index: their order is nobody's promise."""
        chosen = self.random
        self.ranks += 1
        item = {**self.key(), "version": {"N": chosen.choice(["1", "2", "10", "1.50", "1200", "-3", "0.0", "1E2"])}}
        for hash_name, range_name in list(KEYS.values())[1:]:
            if chosen.random() < 0.5:
                rank = f"{chosen.choice('123')}{self.ranks:05}"
                item |= {hash_name: text(chosen.choice("st")), range_name: text(rank)}
        if chosen.random() < 0.7:
            item["facts"] = text("f" * chosen.choice([1, 900, 1100, 2500, 6000]))
        if chosen.random() < 0.3:
            item["packed"] = {"B": b"\x00\xff" * chosen.choice([1, 500])}
        if chosen.random() < 0.2:
            item["more"] = {"M": {"a": {"L": [{"N": "12.3"}, {"BOOL": True}, {"NULL": True}]}, "b": {"SS": ["é"]}}}
        return item

    def condition(self) -> dict[str, Any]:
        if self.random.random() < 0.4:
            return {}
        condition = self.random.choice(CONDITIONS)
        names = {name: each for name, each in NAMES.items() if name in condition}
        values = {name: each for name, each in VALUES.items() if name in condition}
        made: dict[str, Any] = {"ConditionExpression": condition, "ExpressionAttributeNames": names}
        return {**made, "ExpressionAttributeValues": values} if values else made

    def put(self) -> Request:
        more = {"ReturnValues": "ALL_OLD"} if self.random.random() < 0.3 else {}
        return "put_item", {"TableName": self.table, "Item": self.item(), **self.condition(), **more}

    def delete(self) -> Request:
        return "delete_item", {"TableName": self.table, "Key": self.key(), **self.condition()}

    def get(self) -> Request:
        return "get_item", {"TableName": self.table, "Key": self.key(), "ConsistentRead": self.random.random() < 0.5}

    def query(self) -> Request:
        chosen, index = self.random, self.random.choice(list(KEYS))
        condition, names = chosen.choice(KEY_CONDITIONS), dict(zip(("#0", "#1"), KEYS[index], strict=True))
        values = {":0": chosen.choice("ab" if index is None else "st"), ":1": "y" if index is None else "2", ":2": "zz"}
        request: dict[str, Any] = {
            "TableName": self.table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeNames": {name: each for name, each in names.items() if name in condition},
            "ExpressionAttributeValues": {name: text(each) for name, each in values.items() if name in condition},
            "ScanIndexForward": chosen.random() < 0.5,
        }
        if index is not None:
            request["IndexName"] = index
        if chosen.random() < 0.2:
            request |= {"FilterExpression": "attribute_exists(#f)"}
            request["ExpressionAttributeNames"]["#f"] = "facts"
        # Up to a key that is there, DynamoDB Local knows that none follows; AWS does not say whether it looks.
        if not any(each in condition for each in ("<=", "#1 = :1", "BETWEEN")) and chosen.random() < 0.4:
            request["Limit"] = chosen.choice([1, 2, 3])
        return "query", request

    def batch_get(self) -> Request:
        keys = [{"pk": text(pk), "sk": text(sk)} for pk, sk in self.random.sample(_FOUR, 2)]
        return "batch_get_item", {"RequestItems": {self.table: {"Keys": keys, "ConsistentRead": True}}}

    def batch_write(self) -> Request:
        put = {"PutRequest": {"Item": {**self.item(), "pk": text("a")}}}
        delete = {"DeleteRequest": {"Key": {**self.key(), "pk": text("b")}}}
        return "batch_write_item", {"RequestItems": {self.table: [put, delete]}}

    def transact(self) -> Request:
        writes: dict[tuple[str, str], dict[str, Any]] = {}
        for _ in range(self.random.choice([1, 2, 3])):
            condition, given = self.condition(), {"TableName": self.table}
            write = {"Put": {**given, "Item": self.item(), **condition}}
            if self.random.random() < 0.4:
                kind = "ConditionCheck" if condition and self.random.random() < 0.5 else "Delete"
                write = {kind: {**given, "Key": self.key(), **condition}}
            ((_, inner),) = write.items()
            key = inner.get("Item") or inner["Key"]
            writes[key["pk"]["S"], key["sk"]["S"]] = write
        return "transact_write_items", {"TransactItems": list(writes.values())}


def stand_in() -> Any:
    """A client whose requests a stand-in answers, where they would leave for the network."""
    database = Database("arn:aws:dynamodb:us-east-1:123456789012:table/")
    client: Any = boto3.session.Session().client("dynamodb", region_name=REGION)
    client.meta.events.register(
        "before-send.dynamodb",
        lambda event_name, request, **_: response(
            request.url, *answer_to(database, event_name.split(".")[2], request.body)
        ),
    )
    return client


@pytest.fixture
def both(dynamodb_local: str) -> Iterator[tuple[Any, Any, str]]:
    """A client of DynamoDB Local and one of the stand-in, each with the template's table, and the table's name."""
    clients = boto3.client("dynamodb", endpoint_url=dynamodb_local, region_name=REGION), stand_in()
    stack, table = Stack(load_template(ROOT / "template.yaml")), f"compared-{uuid4().hex[:8]}"
    for client in clients:
        create_table(client, stack, "Ledger", table)
    yield (*clients, table)
    clients[0].delete_table(TableName=table)


def answer(client: Any, operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """What the client is answered, or why it is refused, without what is AWS's own affair."""
    try:
        answered: dict[str, Any] = getattr(client, operation)(**request)
    except ClientError as error:
        response: dict[str, Any] = dict(error.response)
        reasons = [each["Code"] for each in response.get("CancellationReasons", ())]
        return {"refused": response["Error"]["Code"], "reasons": reasons}
    answered.pop("ResponseMetadata")
    found = answered.get("Responses", {})
    for items in found.values():
        items.sort(key=lambda item: (item["pk"]["S"], item["sk"]["S"]))
    if operation in LOCAL_COUNTS_OTHERWISE or answered.get("ScannedCount") == 0:
        answered.pop("ConsumedCapacity", None)
    return answered


# DynamoDB Local counts a transaction of one item as that of two, deletes of nothing in a batch twice, and nothing where
# nothing is found: AWS says that these cost two units for each KB, one unit, and as much as the smallest item.
LOCAL_COUNTS_OTHERWISE = frozenset({"transact_write_items", "batch_write_item", "batch_get_item"})


@pytest.mark.parametrize("seed", range(3))
def test_each_request_has_the_answer_of_dynamodb_local(both: tuple[Any, Any, str], seed: int) -> None:
    local, own, table = both
    drawn = Drawn(table, seed)
    for _ in range(250):
        operation, request = drawn.request()

        assert answer(own, operation, request) == answer(local, operation, request), (operation, request)


def of_size(item: dict[str, Any], size: int) -> dict[str, Any]:
    """An item with as many bytes, by a text that is added."""
    used = sum(len(name) + len(each["S"]) for name, each in item.items()) + len("f")
    return {**item, "f": text("f" * (size - used))}


ITEM = {"pk": text("a"), "sk": text("x")}
WRITES: dict[str, dict[str, Any]] = {
    "an empty partition key": {**ITEM, "pk": text("")},
    "an empty sort key": {**ITEM, "sk": text("")},
    "no sort key": {"pk": text("a")},
    "a number as a key": {**ITEM, "sk": {"N": "1"}},
    "an empty key of an index": {**ITEM, "sweep_id": text("s"), "sweep_rank": text("")},
    "a number as a key of an index": {**ITEM, "sweep_id": text("s"), "sweep_rank": {"N": "1"}},
    "a partition key of 2,048 bytes": {**ITEM, "pk": text("é" * 1024)},
    "a partition key of 2,049 bytes": {**ITEM, "pk": text("é" * 1024 + "e")},
    "a sort key of 1,024 bytes": {**ITEM, "sk": text("s" * 1024)},
    "a sort key of 1,025 bytes": {**ITEM, "sk": text("s" * 1025)},
    "an index's partition key of 2,048 bytes": {**ITEM, "sweep_id": text("s" * 2048), "sweep_rank": text("1")},
    "an index's partition key of 2,049 bytes": {**ITEM, "sweep_id": text("s" * 2049), "sweep_rank": text("1")},
    "an index's sort key of 1,024 bytes": {**ITEM, "sweep_id": text("s"), "sweep_rank": text("1" * 1024)},
    "an index's sort key of 1,025 bytes": {**ITEM, "sweep_id": text("s"), "sweep_rank": text("1" * 1025)},
    "400 KB": of_size(ITEM, 400 * 1024),
    "a byte more than 400 KB": of_size(ITEM, 400 * 1024 + 1),
    "38 digits": {**ITEM, "n": {"N": "1" * 38}},
    "39 digits": {**ITEM, "n": {"N": "1" * 39}},
    "a number that is none": {**ITEM, "n": {"N": "1,5"}},
    "the largest number": {**ITEM, "n": {"N": "9.9e125"}},
    "a larger number": {**ITEM, "n": {"N": "1e126"}},
    "the smallest number": {**ITEM, "n": {"N": "1e-130"}},
    "a smaller number": {**ITEM, "n": {"N": "1e-131"}},
    "an empty set": {**ITEM, "n": {"SS": []}},
    "a set with the same twice": {**ITEM, "n": {"SS": ["a", "a"]}},
}


@pytest.mark.parametrize("item", WRITES.values(), ids=WRITES.keys())
def test_an_item_is_taken_or_refused_as_by_dynamodb_local(both: tuple[Any, Any, str], item: dict[str, Any]) -> None:
    local, own, table = both
    alone = "put_item", {"TableName": table, "Item": item}
    together = "transact_write_items", {"TransactItems": [{"Put": {"TableName": table, "Item": item}}]}

    for operation, request in (alone, together):
        assert answer(own, operation, request) == answer(local, operation, request)


UNDEFINED = {"ConditionExpression": "#v = :v", "ExpressionAttributeValues": {":v": text("1")}}
UNUSED = {"ConditionExpression": "#v = :v", "ExpressionAttributeNames": {"#v": "v", "#w": "w"}}
REFUSED: dict[str, Request] = {
    "a name that is not defined": ("put_item", {"Item": ITEM, **UNDEFINED}),
    "a value that is not defined": ("put_item", {"Item": ITEM, "ConditionExpression": "v = :v"}),
    "a name that is not used": ("put_item", {"Item": ITEM, **UNUSED, "ExpressionAttributeValues": {":v": text("1")}}),
    "no condition": ("put_item", {"Item": ITEM, "ConditionExpression": "v v"}),
    "a key that is too short": ("get_item", {"Key": {"pk": text("a")}}),
    "a key of another type": ("get_item", {"Key": {"pk": text("a"), "sk": {"N": "1"}}}),
    "an empty key": ("get_item", {"Key": {"pk": text("a"), "sk": text("")}}),
    "no condition on the partition": (
        "query",
        {"KeyConditionExpression": "sk = :v", "ExpressionAttributeValues": {":v": text("1")}},
    ),
    "a range of partitions": (
        "query",
        {"KeyConditionExpression": "pk > :v", "ExpressionAttributeValues": {":v": text("1")}},
    ),
    "an index that is not there": (
        "query",
        {"IndexName": "nobodys", "KeyConditionExpression": "pk = :v", "ExpressionAttributeValues": {":v": text("1")}},
    ),
    "an index, consistently": (
        "query",
        {
            "IndexName": "in_sweep",
            "ConsistentRead": True,
            "KeyConditionExpression": "sweep_id = :v",
            "ExpressionAttributeValues": {":v": text("1")},
        },
    ),
    "a key twice": ("batch_get_item", {"RequestItems": {"TABLE": {"Keys": [ITEM, ITEM]}}}),
    "101 keys": (
        "batch_get_item",
        {"RequestItems": {"TABLE": {"Keys": [{**ITEM, "sk": text(str(at))} for at in range(101)]}}},
    ),
    "26 writes": (
        "batch_write_item",
        {"RequestItems": {"TABLE": [{"PutRequest": {"Item": {**ITEM, "sk": text(str(at))}}} for at in range(26)]}},
    ),
    "an item twice in a transaction": (
        "transact_write_items",
        {"TransactItems": [{"Put": {"TableName": "TABLE", "Item": ITEM}}] * 2},
    ),
    "a transaction of 101 items": (
        "transact_write_items",
        {
            "TransactItems": [
                {"Put": {"TableName": "TABLE", "Item": {**ITEM, "sk": text(str(at))}}} for at in range(101)
            ]
        },
    ),
    "a table that is not there": ("get_item", {"TableName": "nobodys", "Key": ITEM}),
}


@pytest.mark.parametrize(("operation", "request_"), REFUSED.values(), ids=REFUSED.keys())
def test_a_request_is_refused_as_by_dynamodb_local(
    both: tuple[Any, Any, str], operation: str, request_: dict[str, Any]
) -> None:
    local, own, table = both
    request = _about(table, request_)
    if "RequestItems" not in request and "TransactItems" not in request:
        request.setdefault("TableName", table)

    found = answer(own, operation, request)

    assert "refused" in found
    assert found == answer(local, operation, request)


def _about(table: str, value: Any) -> Any:
    """The request with the table's name where TABLE stands."""
    if isinstance(value, dict):
        return {table if key == "TABLE" else key: _about(table, each) for key, each in value.items()}
    if isinstance(value, list):
        return [_about(table, each) for each in value]
    return table if value == "TABLE" else value


def test_a_query_is_answered_a_megabyte_at_a_time(both: tuple[Any, Any, str]) -> None:
    *clients, table = both
    query = {
        "TableName": table,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": text("a")},
        "ReturnConsumedCapacity": "TOTAL",
    }
    pages: list[list[tuple[int, float]]] = []
    for client in clients:
        for number in range(12):
            item = of_size({"pk": text("a"), "sk": text(f"{number:02}")}, 200_000)
            client.put_item(TableName=table, Item=item)
        start: dict[str, Any] | None = {}
        found: list[tuple[int, float]] = []
        while start is not None:
            page = client.query(**query, **start)
            found.append((page["Count"], page["ConsumedCapacity"]["CapacityUnits"]))
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]} if "LastEvaluatedKey" in page else None
        pages.append(found)

    assert pages[0] == pages[1]
    assert sum(count for count, _ in pages[1]) == 12


def test_a_transaction_that_is_sent_again_has_its_effect_once() -> None:
    own = stand_in()
    create_table(own, Stack(load_template(ROOT / "template.yaml")), "Ledger", "ledger")
    is_new = {"ConditionExpression": "attribute_not_exists(pk)"}
    sent = {"TransactItems": [{"Put": {"TableName": "ledger", "Item": ITEM, **is_new}}], "ClientRequestToken": "once"}
    other = {**sent, "TransactItems": [{"Delete": {"TableName": "ledger", "Key": ITEM}}]}

    own.transact_write_items(**sent)
    own.transact_write_items(**sent)

    assert answer(own, "transact_write_items", other)["refused"] == "IdempotentParameterMismatchException"
    assert answer(own, "transact_write_items", {**sent, "ClientRequestToken": "another"})["reasons"] == [
        "ConditionalCheckFailed"
    ]


# -- whole replays --------------------------------------------------------------------------------------------------


def disturbed(recording: Recording) -> Recording:
    """The first job's events come last, and others twice: windows are named, joined and renamed."""
    chosen = random.Random(4)
    first = recording.events[0]["detail"]["TrainingJobName"]
    late = [each for each in recording.events if each["detail"].get("TrainingJobName") == first]
    events = [each for each in recording.events if each not in late]
    events += chosen.sample(events, 6)
    chosen.shuffle(events)
    return Recording(f"{recording.name}, disturbed", [*events, *late], recording.answers)


def undisturbed(cloud: LaptopCloud, sagemaker: SageMaker) -> None:
    """All is well."""


def dying(cloud: LaptopCloud, sagemaker: SageMaker) -> None:
    """Each seventh call kills the process that made it, up to twenty times."""
    made = 0

    def after_call(function: str, service: str, operation: str) -> None:
        nonlocal made
        made += 1
        if made % 7 == 0 and made <= 140:
            raise ProcessDied

    cloud.after_call = after_call


CHURN, TUNING = "churn-min-child-weight", "tuning-random-60"
REPLAYS = {
    "a loop": (recording(CHURN), undisturbed),
    "a tuning job": (recording(TUNING), undisturbed),
    "a loop whose windows move": (disturbed(recording(CHURN)), undisturbed),
    "a loop in which processes die": (recording(CHURN), dying),
    "a loop whose windows move as processes die": (disturbed(recording(CHURN)), dying),
}


@pytest.mark.long
@pytest.mark.parametrize("name", REPLAYS)
def test_replays_leave_the_same_bytes_on_the_stand_in_on_moto_and_on_dynamodb_local(
    name: str, moto_url: str, dynamodb_local: str, tmp_path: Path
) -> None:
    recording, prepare = REPLAYS[name]
    deaths = []
    for folder, url in (("own", None), ("moto", moto_url), ("local", dynamodb_local)):
        found = replay(recording, dynamodb_url=url, prepare=prepare)
        deaths.append(found.deaths)
        write_outcome(found, tmp_path / folder)

    own, on_moto, on_local = (_left(tmp_path / folder) for folder in ("own", "moto", "local"))
    assert own.keys() == on_moto.keys() == on_local.keys()
    assert [path for path in own if not own[path] == on_moto[path] == on_local[path]] == []
    assert deaths == [deaths[0]] * 3
    assert (deaths[0] > 0) is (prepare is dying)


def _left(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
