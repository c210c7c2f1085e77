"""Masked recordings hold no account number and no secret."""

import json

from trialbook.core.masking import masked


def test_account_number_environment_and_secrets_are_gone_and_the_rest_stays() -> None:
    answer = {
        "TrainingJobArn": "arn:aws:sagemaker:us-east-1:999988887777:training-job/a",
        "HyperParameters": {"eta": "0.1", "wandb_api_key": "abc", "max_tokens": "512", "url": "https://u:pw@host/x"},
        "Environment": {"HOME": "/root"},
        "Tags": [{"Key": "db-password", "Value": "hunter2"}, {"Key": "team", "Value": "growth"}],
        "FailureReason": "denied for AKIAABCDEFGHIJKLMNOP and hf_abcdefghijklmnopqrstuvwx",
        "FinalMetricDataList": [{"MetricName": "loss", "Value": 0.5}],
    }
    found = masked(answer, "999988887777")
    text = json.dumps(found)

    assert not any(s in text for s in ("999988887777", 'abc"', "hunter2", "/root", "AKIA", "hf_abc", "u:pw"))
    assert found["HyperParameters"]["eta"] == "0.1"
    assert found["Tags"][1] == {"Key": "team", "Value": "growth"}
    assert found["FinalMetricDataList"] == answer["FinalMetricDataList"]
