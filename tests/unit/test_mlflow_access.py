"""How the terminal reaches MLflow: by what MLflow's own client reads."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from trialbook.core.errors import InvalidInput
from trialbook_cli.mlflow_access import access

FILE = "[mlflow]\nmlflow_tracking_username = filed\nmlflow_tracking_password = s%cret\n"


def home(folder: Path, content: str | bytes | None = None) -> Path:
    if content is not None:
        (folder / ".mlflow").mkdir()
        raw = content if isinstance(content, bytes) else content.encode()
        (folder / ".mlflow" / "credentials").write_bytes(raw)
    return folder


@pytest.mark.parametrize(
    ("environment", "file", "token"),
    [
        ({}, None, None),
        ({"MLFLOW_TRACKING_TOKEN": "t\n"}, None, "t"),
        ({"MLFLOW_TRACKING_USERNAME": "u", "MLFLOW_TRACKING_PASSWORD": "p"}, None, "u:p"),
        ({"MLFLOW_TRACKING_TOKEN": "t", "MLFLOW_TRACKING_USERNAME": "u"}, None, "t"),
        ({"MLFLOW_TRACKING_TOKEN": "t", "MLFLOW_TRACKING_USERNAME": "u", "MLFLOW_TRACKING_PASSWORD": "p"}, None, "u:p"),
        ({}, FILE, "filed:s%cret"),
        ({"MLFLOW_TRACKING_USERNAME": "u"}, FILE, "u:s%cret"),
        ({"MLFLOW_TRACKING_TOKEN": "t"}, "[other]\nx = 1\n", "t"),
        ({"MLFLOW_TRACKING_TOKEN": "t"}, "no section", "t"),
        ({"MLFLOW_TRACKING_TOKEN": "t"}, b"\xff\xfe[mlflow]", "t"),
    ],
)
def test_a_name_and_a_password_go_before_a_token_and_variables_before_the_file(
    environment: Mapping[str, str], file: str | bytes | None, token: str | None, tmp_path: Path
) -> None:
    assert access(environment, home(tmp_path, file)).token == token


@pytest.mark.parametrize(("value", "is_checked"), [("true", False), ("1", False), ("false", True), ("", True)])
def test_certificates_are_checked_unless_told_not_to(value: str, is_checked: bool, tmp_path: Path) -> None:
    assert access({"MLFLOW_TRACKING_INSECURE_TLS": value}, tmp_path).tls.is_checked is is_checked


def test_a_file_that_is_missing_and_two_wishes_at_once_are_refused(tmp_path: Path) -> None:
    authorities = tmp_path / "ca.pem"
    given = {"MLFLOW_TRACKING_SERVER_CERT_PATH": str(authorities)}
    with pytest.raises(InvalidInput, match="a file that exists"):
        access(given, tmp_path)
    authorities.touch()
    assert access(given, tmp_path).tls.authorities == str(authorities)
    with pytest.raises(InvalidInput, match="one of it and"):
        access({**given, "MLFLOW_TRACKING_INSECURE_TLS": "true"}, tmp_path)


def test_a_workspace_belongs_to_servers_that_are_not_awss(tmp_path: Path) -> None:
    reached = access({"MLFLOW_WORKSPACE": "team-a"}, tmp_path)

    assert reached.server("https://m.example.com/").name == "https://m.example.com?workspace=team-a"
    assert reached.server("https://m.example.com?workspace=b").name == "https://m.example.com?workspace=b"
    arn = f"arn:aws:sagemaker:eu-west-1:{'1' * 12}:mlflow-app/app-1"
    assert reached.server(arn).name == arn
