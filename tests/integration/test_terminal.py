"""The command in a terminal: what it loads, completes and refuses, and that other people's texts do nothing to it."""

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests import synthetic
from tests.integration.conftest import operations
from tests.unit.samples import job, record
from trialbook.core.experiments import Experiment
from trialbook.core.sweeps import Sweep as SweepItem
from trialbook.core.sweeps import SweepKind, SweepState, recount
from trialbook_book.folder import open_folder
from trialbook_cli.main import app
from trialbook_cli.options import Source, complete_experiments, complete_names

Ask = Callable[..., Result]


@pytest.fixture
def ask() -> Ask:
    return lambda *arguments: CliRunner().invoke(app, [str(each) for each in arguments])


def made(folder: Path, experiment: str = "net", **about: Any) -> Path:
    """A book with a closed sweep of three jobs, described as given."""
    ledger = open_folder(folder, create=True)
    jobs = [job(f"net-{n}", n, n + 1, metrics={"validation:error": n / 7}, **about) for n in range(3)]
    records = [replace(record(each, experiment, version=1), sweep="net-261121-0900") for each in jobs]
    blank = SweepItem("net-261121-0900", SweepKind.TUNING, experiment, "123456789012", "us-east-1", version=1)
    ledger.write(records, [(replace(recount(blank, records), state=SweepState.CLOSED), None)])
    ledger.experiments.put(Experiment(experiment, sweeps=1))
    return folder


# -- what a call loads --------------------------------------------------------------------------------------------


def loaded(*arguments: str | Path) -> set[str]:
    """The packages that a call has loaded at its end, in a process of its own."""
    code = (
        "import sys\nfrom trialbook_cli.main import app\n"
        "try:\n    app(sys.argv[1:])\nfinally:\n    print(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_help_loads_no_client_no_tables_and_no_models() -> None:
    assert not loaded("--help") & {"rich", "botocore", "boto3", "pynamodb", "pydantic", "moto", "trialbook"}


def test_best_loads_what_one_query_needs(tmp_path: Path) -> None:
    found = loaded("best", "net", "--book", made(tmp_path))

    assert "pynamodb" in found
    assert not found & {"rich", "boto3", "pydantic", "moto", "aws_lambda_powertools", "yaml", "jinja2", "pandas"}


def test_a_command_runs_without_a_garbage_collection_at_its_start_and_end(tmp_path: Path) -> None:
    code = (
        "import atexit, gc, sys\ncollections = []\n"
        "atexit.register(lambda: print(len(collections), gc.get_freeze_count() > 0, file=sys.stderr))\n"
        "from trialbook_cli.main import main\n"
        "gc.callbacks.append(lambda phase, _: collections.append(phase))\nmain()"
    )
    command = [sys.executable, "-c", code, "best", "net", "--book", str(made(tmp_path))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stderr.split() == ["0", "True"]


def test_nothing_is_asked_of_aws_by_importing_opening_or_help() -> None:
    """Without credentials, region or network, everything up to the first question goes through."""
    code = "from trialbook import Book; Book.open(table='t', region='us-east-1'); print('opened')"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    environment |= {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_EC2_METADATA_DISABLED": "true"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)

    assert done.stdout == "opened\n"


# -- completion ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("trialbook be", {"best"}),
        ("trialbook rules p", {"pull", "push"}),
        ("trialbook best --bo", {"--book"}),
        ("trialbook best ne", {"net"}),
        ("trialbook best net", {"net", "net-261121-0900"}),
        ("trialbook compare net-0 net-26", {"net-261121-0900"}),
        ("trialbook sweeps n", {"net"}),
        ("trialbook best nobody", set()),
    ],
)
def test_a_shell_completes_commands_options_and_names(words: str, expected: set[str], tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "TRIALBOOK_BOOK": str(made(tmp_path)),
        "_TRIALBOOK_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    code = "from trialbook_cli.main import app; app(prog_name='trialbook')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)

    assert set(done.stdout.split()) == expected, done.stderr


def test_completion_asks_few_queries_and_scans_nothing(tmp_path: Path) -> None:
    ledger = open_folder(made(tmp_path))
    calls = operations(ledger)

    assert [each.name for each in ledger.experiments_like("ne")] == ["net"]
    assert calls == {"Query": 1}
    assert ledger.sweeps_like("net-26") == ["net-261121-0900"]
    assert set(calls) == {"Query", "BatchGetItem", "GetItem"}


def test_completion_without_a_book_offers_nothing(tmp_path: Path) -> None:
    context: Any = type("Context", (), {"params": {"book": tmp_path / "nowhere"}})()

    assert complete_names(context, "a") == []
    assert complete_experiments(context, "a") == []


# -- other people's texts -----------------------------------------------------------------------------------------

HOSTILE = "\x1b[31mred\x1b[0m\x1b]8;;http://evil\x07\x9b2J[bold]b[/bold]\r\n\t\u202eesrever\u2066\ud800\u200b"
QUESTIONS = [
    ["experiments"],
    ["sweeps"],
    ["trials", "net-261121-0900"],
    ["trials", "net-261121-0900", "--columns", "job,status,failure,x"],
    ["best", "net-261121-0900"],
    ["show", "net-0"],
    ["compare", "net-0", "net-1"],
    ["watch", "net-261121-0900", "--once"],
]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(
        tmp_path_factory.mktemp("hostile"),
        f"net{HOSTILE}",
        hyper_parameters={"x": HOSTILE, f"y{HOSTILE}": "1"},
        failure_reason=HOSTILE,
        tags={HOSTILE: HOSTILE},
        model_artifact=f"s3://{HOSTILE}",
        role=HOSTILE,
    )


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: "-".join(question)[:30])
@pytest.mark.parametrize("colour", [False, True], ids=["pipe", "terminal"])
def test_hostile_texts_only_show(
    question: list[str], colour: bool, hostile: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    if colour:
        monkeypatch.setenv("FORCE_COLOR", "1")
    done = ask(*question, "--book", hostile)
    own = re.sub(r"\x1b\[[0-9;]*m", "", done.output) if colour else done.output

    assert done.exit_code == 0, done.output
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ud800-\udfff]", own)
    assert "\x1b[31m" not in done.output  # nobody's red but ours, which is bold
    assert "[bold]b[/bold]" in re.sub(r"\s", "", own) or question[0] in ("compare", "sweeps", "trials")


@pytest.mark.parametrize("question", QUESTIONS[:-1], ids=lambda question: "-".join(question)[:30])
def test_hostile_texts_are_whole_in_json(question: list[str], hostile: Path, ask: Ask) -> None:
    done = ask(*question, "--json", "--book", hostile)

    assert done.stdout.isascii()
    assert json.loads(done.stdout)


# -- widths -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [60, 80, 160])
def test_a_table_fits_and_cuts_nothing(width: int, tmp_path: Path) -> None:
    found = synthetic.records(40)
    ledger = open_folder(tmp_path, create=True)
    for start in range(0, 40, 10):
        ledger.write(found[start : start + 10])
    ledger.write(sweeps=[(synthetic.sweep(found), None)])
    command = [sys.executable, "-m", "trialbook_cli.main", "trials", "net", "--book", str(tmp_path)]
    environment = {**os.environ, "COLUMNS": str(width)}
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    names = ("batch_size", "dropout", "layers", "learning_rate", "momentum", "optimizer", "units", "weight_decay")

    assert all(len(line.rstrip()) <= width for line in shown.splitlines())
    assert "…" not in shown
    assert [name for name in names if name.split("_")[-1] not in shown] == []
    assert ("No room for " in shown) == (width < 160)


# -- what can go wrong --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "said"),
    [
        (["best", "x", "--table", "t"], {"AWS_DEFAULT_REGION": ""}, 2, "No AWS region. Without an AWS account: trialbook demo"),
        (["best", "x", "--table", "t", "--profile", "nobody"], {}, 2, "aws configure list-profiles"),
        (["best", "x", "--table", "t"], {"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:1"}, 1, "Check the network"),
        (["best", "x", "--table", "t"], {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, 1, "No AWS credentials. Without an AWS account: trialbook demo"),
        (["best", "x", "--book", "nowhere"], {}, 2, "a folder with ledger.jsonl"),
        (["best"], {}, 2, "Missing argument 'NAME'"),
        (["bets"], {}, 2, "Did you mean 'best'?"),
        (["trials", "net", "--limit", "0", "--book", "book"], {}, 2, "0 is not in the range"),
        (["trials", "net", "--where", "x", "--book", "book"], {}, 2, "'eta<0.1 and status=Failed'"),
        (["trials", "net", "--where", "etta<1", "--book", "book"], {}, 2, "--where: there is no column 'etta'. Did you mean eta?"),
        (["trials", "net", "--sort=-valeu", "--book", "book"], {}, 2, "--sort: there is no column 'valeu'. Did you mean value?"),
        (["trials", "net", "--columns", "job,nothing", "--book", "book"], {}, 2, "Columns are hyperparameters, metrics, and status"),
        (["show", "nobody", "--book", "book"], {}, 2, "--columns job lists jobs"),
        (["best", " ", "--book", "book"], {}, 2, "No sweep or experiment is named ' '"),
        (["sweeps", "nett", "--book", "book"], {}, 2, "No experiment is named 'nett'. Did you mean net?"),
        (["trials", "net", "--where", "eta<1 or eta>2", "--book", "book"], {}, 2, "there is no `or`"),
        (["compare", "net", "--book", "book"], {}, 2, "at least two names"),
        (["export", "--format", "xml", "--out", "o", "--book", "book"], {}, 2, "'xml' is not one of 'csv', 'jsonl', 'parquet'"),
        (["backfill", "--since", "soon", "--book", "b"], {}, 2, "a date such as 2026-01-01"),
        (["rules", "check", "nowhere.yaml"], {}, 2, "Rules document nowhere.yaml can't be read: No such file"),
        (["rules", "push", "nowhere.yaml"], {}, 2, "Rules document nowhere.yaml can't be read: No such file"),
        (["doctor", "--book", "book"], {}, 2, "No such option: --book"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)  # fmt: skip
def test_an_error_says_what_to_do(
    arguments: list[str],
    environment: dict[str, str],
    code: int,
    said: str,
    ask: Ask,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    made(tmp_path / "book", hyper_parameters={"eta": "0.1"})
    for name, value in ({"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "none"} | environment).items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    done = ask(*arguments)

    assert done.exit_code == code, done.output
    assert said in " ".join(done.stderr.split())
    assert done.stdout == ""
    assert not any(path.name in ("o", "b") for path in tmp_path.iterdir())


@pytest.fixture
def refusing() -> Iterator[Callable[[str], str]]:
    """The URL of a DynamoDB that answers every call with an error code."""
    servers = []

    def serve(code: str) -> str:
        class Refuses(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "no"}).encode()
                self.send_response(400)
                self.send_header("content-type", "application/x-amz-json-1.0")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                """Keeps the output clean."""

        server = HTTPServer(("127.0.0.1", 0), Refuses)
        thread = Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("refused", "advice"),
    [
        ("AccessDeniedException", "docs/cli.md"),
        ("ExpiredTokenException", "sign in again"),
        ("UnrecognizedClientException", "not valid in this region"),
        ("ResourceNotFoundException", "check --stack, --table, --profile and --region"),
    ],
)
def test_a_refusal_by_aws_is_reported_with_advice(
    refused: str, advice: str, refusing: Callable[[str], str], ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", refusing(refused))
    done = ask("best", "net", "--table", "t")

    assert done.exit_code == 1
    assert refused in done.stderr
    assert advice in done.stderr


def test_a_reader_that_has_seen_enough_ends_the_command_quietly(tmp_path: Path) -> None:
    folder = made(tmp_path, hyper_parameters={"x": "y" * 2000})
    command = f"{sys.executable} -m trialbook_cli.main trials net --limit 3 --json --book {folder} | head -c 10"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)

    assert done.stdout == '[{"job_nam'
    assert done.stderr == ""


def test_the_source_takes_its_defaults_from_the_environment(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIALBOOK_BOOK", str(made(tmp_path)))

    assert ask("best", "net").exit_code == 0
    assert Source().stack == "trialbook"


def test_a_bar_says_how_much_is_done_how_fast_and_the_time_left() -> None:
    """On a terminal; a pipe gets nothing."""
    program = """
import time
from trialbook_cli.rich_output import progress
with progress() as bar:
    task = bar.add_task("churn", total=40)
    for done in range(1, 31):
        time.sleep(0.02)
        bar.update(task, completed=done)
"""
    outer, inner = pty.openpty()
    env = {**os.environ, "COLUMNS": "120", "TERM": "xterm"}
    shown = b""
    with subprocess.Popen([sys.executable, "-c", program], stderr=inner, stdout=inner, env=env):
        os.close(inner)
        with contextlib.suppress(OSError):  # Linux says so at the end of a terminal
            while read := os.read(outer, 65_536):
                shown += read
    os.close(outer)
    piped = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)

    plain = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", shown.decode())
    assert re.search(r"churn \S+ 30/40 [\d.]+/s 0:00:\d\d", plain)
    assert piped.stdout + piped.stderr == b""
