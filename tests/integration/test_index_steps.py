"""A table with other indexes gets today's while it is in use: whoever runs at a step finds its own."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest

from tests.conftest import ROOT
from tests.integration.conftest import REGION
from tests.unit.samples import job, record
from trialbook.core.codec import pack
from trialbook.core.expiry import Expiry
from trialbook.ledger.items import facts, job_item
from trialbook_book.paged import PagedLedger
from trialbook_cli.index_steps import as_json, indexes, main, steps
from trialbook_cli.laptop_cloud.cloud import create_table
from trialbook_cli.laptop_cloud.template import Stack, load_template

NEW = load_template(ROOT / "template.yaml")
OLD_NAMES = {"in_sweep": "by_sweep", "in_experiment": "by_experiment", "in_time_order": "by_time"}


def older(template: Mapping[str, Any]) -> dict[str, Any]:
    """A template whose indexes have other names and hold whole items."""
    made: dict[str, Any] = json.loads(json.dumps(template))
    for index in made["Resources"]["Ledger"]["Properties"]["GlobalSecondaryIndexes"]:
        if index["IndexName"] in OLD_NAMES:
            index |= {"IndexName": OLD_NAMES[index["IndexName"]], "Projection": {"ProjectionType": "ALL"}}
    return made


def test_each_step_adds_or_removes_one_index() -> None:
    deployed = older(NEW)

    names = [set(indexes(each)) for each in (deployed, *steps(deployed, NEW))]

    assert all(len(before ^ after) <= 1 for before, after in pairwise(names))
    assert names[-1] == set(indexes(NEW))


def test_functions_change_while_old_and_new_indexes_are_there() -> None:
    deployed = older(NEW)
    deployed["Description"] = "deployed"

    found = steps(deployed, NEW)

    of_deployed = [each for each in found if each["Description"] == "deployed"]
    of_new = [each for each in found if each["Description"] != "deployed"]
    assert found == [*of_deployed, *of_new]
    assert all(indexes(deployed).keys() <= indexes(each).keys() for each in of_deployed)
    assert all(indexes(NEW).keys() <= indexes(each).keys() for each in of_new)


def test_an_index_that_changes_under_its_name_is_refused() -> None:
    changed = older(NEW)
    for index in changed["Resources"]["Ledger"]["Properties"]["GlobalSecondaryIndexes"]:
        index["Projection"] = {"ProjectionType": "ALL"}

    with pytest.raises(ValueError, match="under their name: due"):
        steps(changed, NEW)


def test_without_other_indexes_one_step_is_left() -> None:
    assert steps(NEW, NEW) == [NEW]


def test_the_templates_are_json_that_cloudformation_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(str(ROOT / "template.yaml"), str(ROOT / "template.yaml"), str(tmp_path))

    written = json.loads((tmp_path / "step-1.json").read_text())
    assert capsys.readouterr().out == f"sam deploy --template-file {tmp_path / 'step-1.json'}\n"
    assert {"Fn::GetAtt": ["Ledger", "StreamArn"]} in _values(written)
    assert not [each for each in _values(written) if isinstance(each, dict) and isinstance(each.get("Fn::GetAtt"), str)]
    assert json.loads(as_json({"Conditions": {"A": {"Fn::Not": [{"Ref": "B"}]}, "B": {}}, "Resources": {}})) == {
        "Conditions": {"A": {"Fn::Not": [{"Condition": "B"}]}, "B": {}},
        "Resources": {},
    }


def _values(value: Any) -> Iterator[Any]:
    yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _values(each)


def test_a_table_moves_to_todays_indexes_without_a_gap(dynamodb_local: str) -> None:
    """Items of the older version are found by the older names until today's functions run, and by today's from then."""
    deployed, table = older(NEW), f"moved-{uuid4().hex[:8]}"
    client: Any = boto3.client("dynamodb", endpoint_url=dynamodb_local, region_name=REGION)
    create_table(client, Stack(deployed), "Ledger", table)
    ledger = PagedLedger(table, region=REGION, host=dynamodb_local)
    best, second = (
        replace(record(job(f"c-{value}", metrics={"validation:error": value})), sweep="x", version=1)
        for value in (0.1, 0.2)
    )
    for each in (second, best):
        ledger.table.item(**_as_once(each)).save()

    now: Mapping[str, Any] = deployed
    for step in steps(deployed, NEW):
        _update(client, table, indexes(now), indexes(step))
        now = step
        if "by_sweep" in indexes(step):
            assert _jobs_by("by_sweep", client, table) == [best.job.name, second.job.name]
        if indexes(NEW).keys() <= indexes(step).keys():
            assert list(ledger.ranking("x")) == [best, second]
            (shown,) = ledger.best_shown("x").entries
            assert (shown.job.name, shown.value) == (best.job.name, best.value)
    client.delete_table(TableName=table)

    assert indexes(now) == indexes(NEW)


def _as_once(one: Any) -> dict[str, Any]:
    """A job's item as the version before wrote it: its facts in plain text, and nothing for rows of indexes."""
    item = {**job_item(one, Expiry(None), None), "shown": None, "packed_facts": None}
    return {**item, "facts": json.dumps(pack(one)), "format": facts({})["format"]}


def _jobs_by(index: str, client: Any, table: str) -> list[str]:
    answer = client.query(
        TableName=table,
        IndexName=index,
        KeyConditionExpression="sweep_id = :s",
        ExpressionAttributeValues={":s": {"S": "x"}},
    )
    return [json.loads(each["facts"]["S"])["job"]["key"]["name"] for each in answer["Items"]]


def _update(client: Any, table: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    added = [{"Create": dict(after[name])} for name in after if name not in before]
    removed = [{"Delete": {"IndexName": name}} for name in before if name not in after]
    if not (added or removed):
        return
    attributes = NEW["Resources"]["Ledger"]["Properties"]["AttributeDefinitions"]
    client.update_table(
        TableName=table, AttributeDefinitions=attributes, GlobalSecondaryIndexUpdates=[*added, *removed]
    )
    for _ in range(100):
        listed = client.describe_table(TableName=table)["Table"]["GlobalSecondaryIndexes"]
        if {each["IndexName"]: each["IndexStatus"] for each in listed} == dict.fromkeys(after, "ACTIVE"):
            return
        time.sleep(0.1)
    raise AssertionError("the indexes are not ready")
