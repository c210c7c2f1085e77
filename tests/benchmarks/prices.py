"""AWS's list prices in US dollars, us-east-1, without free tiers and discounts.

Noted in November 2026. Those of Lambda, DynamoDB, SQS, EventBridge, S3, and CloudWatch's metrics and logs are as articles of
2025 and 2026 quote them; those of alarms, traces, GetMetricData and EC2 were not compared with anything. AWS's own pages
tell them to scripts only: check before relying on them.
"""

LAMBDA_REQUEST = 0.20e-6
LAMBDA_GB_SECOND = 16.6667e-6  # x86_64; arm64 is a fifth less
DYNAMODB_WRITE_UNIT = 0.625e-6  # on demand
DYNAMODB_READ_UNIT = 0.125e-6
SQS_REQUEST = 0.40e-6  # standard queues, 64 KB each
EVENT = 1.00e-6  # a custom event of 64 KB on EventBridge; AWS's own are free
S3_PUT, S3_GET = 5.00e-6, 0.40e-6
S3_GB_MONTH = 0.023
METRIC_REQUEST = 0.01e-3  # for each metric that GetMetricData is asked for; SageMaker's BatchGetMetrics has no price
LOGS_GB = 0.50  # taken in by CloudWatch
ALARM_METRIC_MONTH = 0.10  # for each metric that an alarm watches
METRIC_READ = 10.00e-6  # a metric that GetMetricData is asked for
METRIC_MONTH = 0.30  # by the hour in which it is reported
TRACE = 5.00e-6
T3_MICRO_HOUR = 0.0104
GP3_GB_MONTH = 0.08
HOURS_A_MONTH = 730
