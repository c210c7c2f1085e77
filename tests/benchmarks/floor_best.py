"""The least that can answer which trial of a sweep is best: boto3, its client, one Query. `floor_best.py TABLE SWEEP`."""

import json
import sys

import boto3

answer = boto3.client("dynamodb").query(
    TableName=sys.argv[1],
    IndexName="in_sweep",
    KeyConditionExpression="sweep_id = :sweep",
    ExpressionAttributeValues={":sweep": {"S": sys.argv[2]}},
    Limit=1,
)
best = answer["Items"][0]
shown = json.loads(best["shown"]["S"])
print(best["pk"]["S"], shown["ranked"], shown["hyper_parameters"])
