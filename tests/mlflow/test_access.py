"""Servers that ask who writes: tokens, passwords, private certificates, and a secret that was changed."""

import ssl
from base64 import b64encode
from datetime import timedelta
from pathlib import Path

import boto3
import pytest

from tests.certificates import certificate_of_localhost
from tests.integration.test_replay import few
from tests.mlflow.proxy import Proxy, through
from tests.mlflow.stand_in import StandIn, serving
from tests.mlflow.test_push import RECORDING, trialbook
from tests.mlflow.test_write_mlflow import OTHERS, standing
from trialbook_cli.replaying import running

PARAMETER = "/trialbook/mlflow-token"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate_of_localhost(tmp_path_factory.mktemp("tls"))


def test_a_replay_says_at_once_that_a_server_refuses_it_and_signs_in_if_it_can(
    certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    basic = f"Basic {b64encode(b'me:s3cret').decode()}"
    with serving(StandIn()) as mlflow, through(Proxy(mlflow.url, authorization=basic, prefix="/ml"), tls) as proxy:
        replay = ["replay", RECORDING, "--out", str(tmp_path / "out"), "--mlflow", f"{proxy.url}/ml/"]
        said = trialbook(*replay, code=1)
        assert "certificate_not_trusted; name the file of its authority in MLFLOW_TRACKING_SERVER_CERT_PATH" in said
        monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(certificate))
        assert "http_401; set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and" in trialbook(*replay, code=1)
        assert not (tmp_path / "out").exists()
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "me")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "s3cret")
        trialbook(*replay)

        assert len(mlflow.active()) == 6


def test_a_replay_does_not_write_to_an_arn_with_credentials_that_it_made_up(tmp_path: Path) -> None:
    arn = f"arn:aws:sagemaker:eu-west-1:{'1' * 12}:mlflow-app/app-1"
    said = trialbook("replay", RECORDING, "--out", str(tmp_path / "out"), "--mlflow", arn, code=2)

    assert "trialbook mlflow push" in said


def test_a_changed_secret_is_read_again_and_delays_nothing() -> None:
    whole = few(2)
    parameters = {"MlflowTokenParameter": PARAMETER}
    with (
        serving(StandIn()) as mlflow,
        running(whole, without=OTHERS, parameters={"MlflowUrl": mlflow.url, **parameters}) as (cloud, _),
    ):
        ssm = boto3.client("ssm", region_name=cloud.account.region)
        for number, token in enumerate(("old", "new")):
            ssm.put_parameter(Name=PARAMETER, Type="SecureString", Value=token, Overwrite=True)
            mlflow.authorization = f"Bearer {token}"
            cloud.deliver(whole.events[number])
            cloud.advance(cloud.now + timedelta(seconds=40))
            assert mlflow.active()
        written = {run["info"]["run_name"] for run in mlflow.active()}
        for event in whole.events[2:]:
            cloud.deliver(event)
        cloud.finish()

        standing(mlflow, cloud)
    assert written == {each["detail"]["TrainingJobName"] for each in whole.events[:2]} | {
        name for name in written if "@" in name
    }
