"""The cost of the best trial and of the top ten in sweeps of 10 to 10,000 jobs: items read and capacity units, as AWS's
DynamoDB Local counts them. One Query answers for every size."""

from dataclasses import replace

import boto3

from tests.benchmarks.page import table
from tests.integration.conftest import opened, running_dynamodb_local
from tests.unit.samples import job, record
from trialbook.ledger.ledger import Ledger

TITLE = "The best trial is one item read"
SIZES = (10, 1000, 10_000)


def measure() -> str:
    """The sizes in one DynamoDB, a table each."""
    rows = []
    with running_dynamodb_local() as url:
        client = boto3.client("dynamodb", endpoint_url=url, region_name="us-east-1")
        for size in SIZES:
            with opened(url) as ledger:
                _fill(ledger, size)
                rows.append([size, *(each for limit in (1, 10) for each in _asked(client, ledger, limit))])
    return table(
        ["jobs", "best: items read", "capacity units", "top 10: items read", "capacity units"],
        rows,
    )


def _fill(ledger: Ledger, size: int) -> None:
    for start in range(0, size, 9):
        ledger.write(
            replace(record(job(f"c-{n}", n / 60, metrics={"validation:error": n})), sweep="x")
            for n in range(start, min(start + 9, size))
        )


def _asked(client: object, ledger: Ledger, limit: int) -> tuple[int, float]:
    answer = client.query(  # type: ignore[attr-defined]
        TableName=ledger.table.name,
        IndexName="in_sweep",
        KeyConditionExpression="sweep_id = :s",
        ExpressionAttributeValues={":s": {"S": "x"}},
        Limit=limit,
        ReturnConsumedCapacity="TOTAL",
    )
    first = next(ledger.ranking("x", 1)).job.name
    assert first == "c-0", first
    return answer["ScannedCount"], answer["ConsumedCapacity"]["CapacityUnits"]
