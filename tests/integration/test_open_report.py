"""Links that lead to reports: through the function, with real clients, to the object itself."""

import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import boto3
import pytest
from botocore.session import Session

from trialbook.adapters.s3 import Bucket
from trialbook.adapters.secrets_manager import LinkKeys
from trialbook.core.report_links import link
from trialbook.open_report import open_report

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEY = "reports/S/churn-xgb@20261120T101500.123Z/latest/report.html"


@dataclass(frozen=True, slots=True)
class Opening:
    bucket: Bucket
    secret: str
    secrets: Any

    def keys(self) -> LinkKeys:
        """As a function that has just started reads them."""
        return LinkKeys(Session(), self.secret)

    def rotate(self) -> None:
        self.secrets.put_secret_value(SecretId=self.secret, SecretString=uuid4().hex)

    def ask(self, address: str, *, now: datetime = NOW, method: str = "GET") -> dict[str, Any]:
        split = urlsplit(address)
        request = {"rawPath": split.path, "rawQueryString": split.query, "requestContext": {"http": {"method": method}}}
        return open_report(request, self.keys(), self.bucket.presigned, now)

    def link(self, key: str = KEY) -> str:
        return link("https://open.example", key, *self.keys().current(), NOW + timedelta(days=30))


@pytest.fixture
def opening(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Opening:
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_url)
    name = f"reports-{uuid4().hex[:8]}"
    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=name)
    bucket = Bucket(Session(), name)
    bucket.put(KEY, b"<p>the report</p>")
    secrets = boto3.client("secretsmanager", region_name="us-east-1")
    made = secrets.create_secret(Name=name, SecretString=uuid4().hex)
    return Opening(bucket, made["ARN"], secrets)


def test_a_link_leads_to_the_report_by_a_fresh_address_of_version_4(opening: Opening) -> None:
    answer = opening.ask(opening.link())

    assert answer["statusCode"] == 302
    address = answer["headers"]["Location"]
    given = parse_qs(urlsplit(address).query)
    assert given["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert given["X-Amz-Expires"] == ["300"]
    with urllib.request.urlopen(address) as response:  # noqa: S310 the address is the function's
        assert response.read() == b"<p>the report</p>"
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"


def test_a_link_that_is_asked_for_with_head_leads_to_an_address_for_head(opening: Opening) -> None:
    address = opening.ask(opening.link(), method="HEAD")["headers"]["Location"]
    got = opening.ask(opening.link())["headers"]["Location"]

    with urllib.request.urlopen(urllib.request.Request(address, method="HEAD")) as response:  # noqa: S310
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert int(response.headers["Content-Length"]) == len(b"<p>the report</p>")
    signatures = {parse_qs(urlsplit(each).query)["X-Amz-Signature"][0] for each in (address, got)}
    assert len(signatures) == 2, "S3 takes a signature for the one method that it was made for"


def test_links_outlive_one_rotation_of_the_key_and_not_two(opening: Opening) -> None:
    before = opening.link()
    opening.rotate()
    after_one = opening.ask(before)["statusCode"], opening.ask(opening.link())["statusCode"]
    opening.rotate()

    assert after_one == (302, 302)
    assert opening.ask(before)["statusCode"] == 403


def test_wrong_expired_and_altered_links_all_get_the_same_page(opening: Opening) -> None:
    good = opening.link()
    answers = [
        opening.ask(good, now=NOW + timedelta(days=31)),
        opening.ask(good.replace("report.html", "report.json")),
        opening.ask(good[:-1]),
        opening.ask("https://open.example/"),
        opening.ask(good, method="POST"),
    ]

    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["statusCode"] == 403
    assert "reports" not in answers[0]["body"]
    assert "churn" not in str(answers[0])
