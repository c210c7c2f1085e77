"""Items as the file of a book in a folder holds them: DynamoDB's JSON, binary values in base64."""

import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trialbook.ledger.packing import unpacked

Item = dict[str, dict[str, Any]]


def items_in(path: Path) -> Iterator[Item]:
    """The items that a file's lines put, each as a client sends it."""
    for line in path.read_text().splitlines():
        data = json.loads(line)
        for item in data.get("Items") or [data["Item"]]:
            yield {name: {"B": b64decode(value["B"])} if "B" in value else value for name, value in item.items()}


def facts_of(item: Item) -> Any:
    """The facts of an item of the file, compressed or not."""
    packed = item.get("packed_facts", {}).get("B")
    if packed is None:
        return json.loads(item["facts"]["S"])
    return json.loads(unpacked(b64decode(packed)))


def put_facts(item: Item, facts: object) -> None:
    """Gives an item other facts, in plain text."""
    item.pop("packed_facts", None)
    item["facts"] = {"S": json.dumps(facts)}
