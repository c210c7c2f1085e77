"""What the laptop cloud asks moto without HTTP is what moto answers over it."""

from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.relocated import HERE
from trialbook_cli.laptop_cloud import moto_services, short_calls

SENDER = "trialbook@example.com"


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MOTO_ALLOW_NONEXISTENT_REGION", "true")
    monkeypatch.setenv("MOTO_ACCOUNT_ID", HERE.id)
    with mock_aws():
        yield


def mail(sender: str = SENDER) -> bytes:
    """A mail with letters beyond ASCII."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, "team@example.com", "Überraschung ✓"
    made.set_content("größer als zuvor")
    return made.as_bytes()


def sent(client: Any, content: bytes) -> Any:
    """The answer to a call with what a function passes."""
    destination, raw = {"ToAddresses": ["team@example.com"]}, {"Raw": {"Data": content}}
    return short_calls.answered(client, "SendEmail", {"Destination": destination, "Content": raw}) or client.send_email(
        Destination=destination, Content=raw
    )


def test_a_mail_is_the_same_with_and_without_http() -> None:
    moto_services.verify_sender(SENDER, HERE)
    over_http = sent(boto3.client("sesv2", region_name=HERE.region), mail())
    with short_calls.answering({"sesv2": moto_services.send_email}):
        directly = sent(boto3.session.Session().client("sesv2", region_name=HERE.region), mail())

    assert moto_services.sent_mails(HERE) == [mail(), mail()]
    assert directly.keys() == over_http.keys()


def test_a_mail_from_an_unverified_address_is_refused_by_ses_itself() -> None:
    with short_calls.answering({"sesv2": moto_services.send_email}):
        client = boto3.session.Session().client("sesv2", region_name=HERE.region)

        with pytest.raises(client.exceptions.MessageRejected, match="Did not have authority"):
            sent(client, mail("stranger@example.com"))

    assert moto_services.sent_mails(HERE) == []


def test_the_objects_of_a_bucket_are_the_latest_and_none_that_was_deleted() -> None:
    s3 = boto3.client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket="reports")
    s3.put_bucket_versioning(Bucket="reports", VersioningConfiguration={"Status": "Enabled"})
    for key, content in (("b", b"old"), ("gone", b"x"), ("b", b"new"), ("a/ü", b"")):
        s3.put_object(Bucket="reports", Key=key, Body=content)
    s3.delete_object(Bucket="reports", Key="gone")

    assert list(moto_services.objects("reports", HERE)) == [("a/ü", b""), ("b", b"new")]
