"""The least that can answer which trial of a sweep is best: boto3, its client, one Query. `floor_best.py TABLE SWEEP`."""

import json
import sys

import boto3

answer = boto3.client("dynamodb").query(
    TableName=sys.argv[1],
    IndexName="by_sweep",
    KeyConditionExpression="sweep_id = :sweep",
    ExpressionAttributeValues={":sweep": {"S": sys.argv[2]}},
    Limit=1,
)
facts = json.loads(answer["Items"][0]["facts"]["S"])
print(facts["job"]["key"]["name"], facts["value"], facts["job"]["hyper_parameters"])
