"""`trialbook serve` over real HTTP: the pages of the bucket, strict headers, nothing but reading."""

import http.client
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.integration.conftest import opened
from tests.integration.test_notebooks import made
from tests.relocated import recording
from tests.stored import items_in
from trialbook_book.folder import FILE
from trialbook_cli.replaying import replay, write_outcome

COMMAND = [sys.executable, "-m", "trialbook_cli.main", "serve", "--port", "0"]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The replay of a loop, with the pages that its bucket had."""
    folder = tmp_path_factory.mktemp("served") / "churn"
    write_outcome(replay(recording("churn-min-child-weight")), folder)
    return folder


@contextmanager
def serving(*options: str, environment: dict[str, str] | None = None) -> Iterator[tuple[str, int]]:
    """The host and port of a running `trialbook serve`."""
    with subprocess.Popen([*COMMAND, *options], stdout=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stdout is not None
        found = re.match(r"http://([\d.]+):(\d+)/ \(Ctrl-C stops\)", server.stdout.readline())
        try:
            assert found is not None
            yield found[1], int(found[2])
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def served(book: Path) -> Iterator[tuple[str, int]]:
    with serving("--book", str(book)) as address:
        yield address


Answer = tuple[int, dict[str, str], bytes]


def get(address: tuple[str, int], path: str, method: str = "GET", **headers: str) -> Answer:
    with closing(http.client.HTTPConnection(*address, timeout=60)) as connection:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def test_the_pages_are_those_of_the_bucket(served: tuple[str, int], book: Path) -> None:
    paths = [path for path in (book / "reports").rglob("*.*") if path.is_file() and "~revision" not in str(path)]

    assert len(paths) >= 7
    for path in paths:
        status, _, content = get(served, f"/{path.relative_to(book).as_posix()}")
        assert status == 200, path
        assert content == path.read_bytes(), path


def test_links_lead_from_the_index_to_each_page(served: tuple[str, int]) -> None:
    status, headers, _ = get(served, "/")
    assert (status, headers["location"]) == (302, "/reports/index.html")
    index = get(served, headers["location"])[2].decode()
    (experiment,) = re.findall(r'href="(experiments/[^"]+)"', index)
    status, _, page = get(served, f"/reports/{experiment}")
    assert status == 200
    sweep = re.findall(r'href="\.\./\.\./([^"]+report\.html)"', page.decode())[0]
    assert get(served, f"/reports/{sweep}")[0] == 200


def test_headers_are_strict(served: tuple[str, int]) -> None:
    for path in ("/reports/index.html", "/nowhere", "/"):
        _, headers, content = get(served, path)

        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["content-security-policy"].endswith("frame-ancestors 'none'")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["server"] == "trialbook"
        assert int(headers["content-length"]) == len(content)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "NONSENSE"])
def test_other_methods_are_refused(method: str, served: tuple[str, int]) -> None:
    status, headers, _ = get(served, "/reports/index.html", method)

    assert status == 405
    assert headers["allow"] == "GET, HEAD"


def test_head_sends_no_body(served: tuple[str, int]) -> None:
    status, headers, content = get(served, "/reports/index.html", "HEAD")

    assert (status, content) == (200, b"")
    assert int(headers["content-length"]) > 1000


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "", "127.0.0.1.evil.example", "a@b:c:d"])
def test_a_name_that_somebody_else_points_here_is_refused(host: str, served: tuple[str, int]) -> None:
    assert get(served, "/reports/index.html", Host=host)[0] == 403
    assert get(served, "/reports/index.html", Host=f"localhost:{served[1]}")[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/ledger.jsonl",
        "/reports/../ledger.jsonl",
        "/reports/%2e%2e/ledger.jsonl",
        "/reports/churn-xgb@20261120T101500.123Z/../../ledger.jsonl",
        "/reports/nothing/report.html",
        "/reports/experiments/nothing/report.html",
        "/reports/experiments/churn-xgb/other.html",
        "//etc/passwd",
        "/" + "x" * 5000,
        "/reports/%00/report.html",
        "/reports/%ff/report.html",
    ],
)
def test_there_is_nothing_else(path: str, served: tuple[str, int]) -> None:
    assert get(served, path)[0] == 404


def test_hostile_names_have_pages_too(tmp_path: Path) -> None:
    made(tmp_path, name='<b>"net"&', text="</script><script>alert(1)</script>")
    with serving("--book", str(tmp_path)) as address:
        index = get(address, "/reports/index.html")[2].decode()
        (experiment,) = re.findall(r'href="(experiments/[^"]+)"', index)
        pages = [index, get(address, f"/reports/{experiment}")[2].decode()]
        pages.append(get(address, "/reports/sweep/report.html")[2].decode())

    assert all('<b>"net' not in page and "<script>alert" not in page for page in pages)
    assert all(len(page) > 1000 for page in pages)


def test_a_deployed_book_is_served_with_the_profile_given(book: Path, tmp_path: Path, moto_url: str) -> None:
    """In whatever thread a page is made."""
    (tmp_path / "config").write_text("[profile other]\nregion = us-east-1\n")
    (tmp_path / "credentials").write_text("[other]\naws_access_key_id = a\naws_secret_access_key = b\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
        "AWS_ENDPOINT_URL": moto_url,
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with opened(moto_url) as table:
        for item in items_in(book / FILE):
            table.table.connection.client._make_api_call("PutItem", {"TableName": table.table.name, "Item": item})
        with serving("--table", table.table.name, "--profile", "other", environment=environment) as address:
            status, _, page = get(address, "/reports/index.html")

    assert status == 200
    assert b"churn-xgb" in page


def test_a_port_that_is_taken_is_an_error_of_one_line(served: tuple[str, int], book: Path) -> None:
    command = [*COMMAND[:-2], "--port", str(served[1]), "--book", str(book)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr.startswith("error: Can't listen on 127.0.0.1:")
    assert done.stderr.count("\n") == 1
