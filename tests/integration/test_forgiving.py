"""The command line forgives: short names are understood, typos get suggestions, newcomers learn what they can do."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from tests.prose import problems
from tests.unit.samples import job, record
from trialbook.core.experiments import Experiment
from trialbook.core.jobs import JobKind
from trialbook.core.sweeps import Sweep, SweepKind, SweepState, recount
from trialbook_book.folder import open_folder
from trialbook_cli.command_classes import SourceCommand
from trialbook_cli.help_format import records_of, text_of
from trialbook_cli.main import app

Ask = Callable[..., Result]
EARLY, LATE = "net-261121-0900", "net-261122-0900"


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment with two sweeps, each of three jobs and their tuning job."""
    folder = tmp_path_factory.mktemp("book")
    ledger = open_folder(folder, create=True)
    ledger.experiments.put(Experiment("net", sweeps=2))
    for day, name in enumerate((EARLY, LATE)):
        start = day * 2000
        jobs = [
            job(
                f"{name}-{n:03}",
                start + n,
                start + n + 2,
                metrics={"validation:error": n / 7},
                hyper_parameters={"eta": str(n)},
            )
            for n in range(3)
        ]
        tuning = job(name, start, start + 1, kind=JobKind.TUNING)
        records = [replace(record(each, "net", version=1), sweep=name) for each in (*jobs, tuning)]
        sweep = recount(Sweep(name, SweepKind.TUNING, "net", version=1), records[:3])
        ledger.write(records, [(replace(sweep, state=SweepState.CLOSED), None)])
    return folder


@pytest.fixture
def ask(book: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    monkeypatch.setenv("COLUMNS", "80")
    return lambda *arguments: CliRunner().invoke(app, [*map(str, arguments), "--book", str(book)])


# -- names --------------------------------------------------------------------------------------------------------


def test_an_experiment_means_its_latest_sweep_in_watch_and_report(ask: Ask, tmp_path: Path) -> None:
    watched, reported = ask("watch", "net"), ask("report", "net", "--out", tmp_path, "--json")

    assert LATE in watched.stdout
    assert json.loads(reported.stdout)["sweep"] == LATE


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (f"{EARLY}#2", f"{EARLY}-001"),
        ("net#1", f"{EARLY}-000"),
        (f"{LATE}-00#", None),
        ("net-261122-0900-002", f"{LATE}-002"),
        ("NET-261121-0900-002", f"{EARLY}-002"),
    ],
)
def test_a_place_or_a_prefix_names_a_job(name: str, found: str | None, ask: Ask) -> None:
    done = ask("show", name, "--json")

    assert (json.loads(done.stdout).get("job_name") if done.exit_code == 0 else None) == found


def test_an_experiment_is_shown_by_its_latest_sweep(ask: Ask) -> None:
    assert json.loads(ask("show", "NET", "--json").stdout)["sweep"] == LATE


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("status=Compleetd", "No job meets the conditions. Did you mean status=Completed?"),
        ("status=Compleetd and eta=zzz", "No job meets the conditions. Did you mean status=Completed?"),
        ("status!=Completed and status!=x", "No job meets the conditions."),
    ],
)
def test_a_value_that_no_job_has_gets_a_suggestion(where: str, said: str, ask: Ask) -> None:
    assert " ".join(ask("trials", EARLY, "--where", where).stdout.split()) == said


@pytest.mark.parametrize("where", ["eta<<1", "eta<>1", "eta===1", "eta< =1", "eta=~1"])
def test_two_comparisons_at_once_are_refused(where: str, ask: Ask) -> None:
    done = ask("trials", EARLY, "--where", where)

    assert done.exit_code == 2
    assert "expected conditions joined by" in " ".join(done.stderr.split())


def test_places_are_compared(ask: Ask) -> None:
    found = json.loads(ask("compare", f"{EARLY}#1", f"{LATE}#3", "--json").stdout)

    assert [each["job"]["job_name"] for each in found["compared"]] == [f"{EARLY}-000", f"{LATE}-002"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["best", "nte"], "No sweep or experiment is named 'nte'. Did you mean net?"),
        (["best", "ent-2611"], "or net-261121-0900?"),
        (["best", "nett"], "No sweep or experiment is named 'nett'. Did you mean net?"),
        (["best", "net-261121-0901"], f"Did you mean {EARLY}"),
        (["show", "net-261121-0900-00X"], f"Did you mean {EARLY}-00"),
        (["show", "net-261121-0900-0"], f"fits several names: {EARLY}-000, "),
        (["show", f"{EARLY}#9"], "so there is no #9"),
        (["compare", "nett", "net"], "No job, sweep or experiment is named 'nett'. Did you mean net?"),
        (["sweeps", "nte"], "No experiment is named 'nte'. Did you mean net?"),
        (["rerank", "nte"], "No experiment is named 'nte'. Did you mean net?"),
        (["export", "nett", "--out", "o"], "Did you mean net?"),
        (["trials", "net", "--where", "etta<1"], "--where: there is no column 'etta'. Did you mean eta?"),
        (["trials", "net", "--limti", "3"], "No such option: --limti. Did you mean --limit?"),
        (["trails", "net"], "No such command 'trails'. Did you mean 'trials'"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_an_unknown_word_gets_a_suggestion(
    arguments: list[str], said: str, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = ask(*arguments)

    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["best", "trials", "report", "watch", "show", "export"])
def test_every_completion_is_accepted(command: str, book: Path, ask: Ask, tmp_path: Path) -> None:
    out = ["--out", str(tmp_path)] if command in ("report", "export") else []
    environment = {
        **os.environ,
        "TRIALBOOK_BOOK": str(book),
        "_TRIALBOOK_COMPLETE": "complete_bash",
        "COMP_WORDS": f"trialbook {command} net-2",
        "COMP_CWORD": "2",
    }
    code = "from trialbook_cli.main import app; app(prog_name='trialbook')"
    offered = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)

    names = offered.stdout.split()
    assert {EARLY, LATE} <= set(names)
    for name in names:
        assert ask(command, name, *out).exit_code == 0, name


# -- tables -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sort", ["minutes", "-minutes", "value", "job", "-job"])
def test_the_tuning_job_is_never_sorted_among_its_children(sort: str, ask: Ask) -> None:
    names = [each["job_name"] for each in json.loads(ask("trials", EARLY, f"--sort={sort}", "--json").stdout)]

    assert names[-1] == EARLY
    assert len(names) == 4


@pytest.mark.parametrize(("sort", "places"), [("loss", [3, 1, 4, 2]), ("-loss", [4, 1, 3, 2])])
def test_diverged_jobs_are_sorted_last(sort: str, places: list[int], tmp_path: Path) -> None:
    ledger = open_folder(tmp_path, create=True)
    ledger.experiments.put(Experiment("odd", sweeps=1))
    losses = ["0.5", "NaN", "0.1", "Infinity"]
    jobs = [job(f"odd-{n}", n, n + 2, metrics={"loss": loss}) for n, loss in enumerate(losses)]
    ledger.write([replace(record(each, "odd", version=1), sweep="odd-sweep") for each in jobs])
    done = CliRunner().invoke(app, ["trials", "odd", f"--sort={sort}", "--json", "--book", str(tmp_path)])

    assert [int(each["job_name"][-1]) + 1 for each in json.loads(done.stdout)] == places


@pytest.mark.parametrize("width", [50, 80, 120])
def test_a_table_shows_how_to_name_its_jobs(width: int, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    shown = ask("trials", EARLY).stdout

    assert f"{EARLY}-000" in shown or f"trialbook show {EARLY}#1" in shown


# -- newcomers ----------------------------------------------------------------------------------------------------

_ARGUMENTS = {
    "next": ["x"],
    "best": ["x"],
    "trials": ["x"],
    "show": ["x"],
    "compare": ["x", "y"],
    "curve": ["x"],
    "mlflow push": ["--to", "http://localhost:5000"],
    "report": ["x"],
    "watch": ["x"],
    "backfill": ["--since", "1d"],
    "record": ["--since", "1d", "--out", "o"],
    "export": ["--out", "o"],
    "rerank": ["x"],
    "prune": ["--older-than", "1d"],
    "test-message": ["--channel", "slack"],
    "rules push": ["rules.yaml"],
}


def commands() -> dict[str, typer.Context]:
    """All commands by name."""
    group = typer.main.get_command(app)
    found = {}

    def walk(command: object, name: str, context: typer.Context) -> None:
        for each in command.list_commands(context):  # type: ignore[attr-defined]
            inner = command.get_command(context, each)  # type: ignore[attr-defined]
            inner_context = typer.Context(inner, info_name=each, parent=context)
            if hasattr(inner, "list_commands"):
                walk(inner, f"{name}{each} ", inner_context)
            else:
                found[f"{name}{each}"] = inner_context

    walk(group, "", typer.Context(group, info_name="trialbook"))
    return found


@pytest.mark.parametrize("lacks", ["region", "credentials"])
@pytest.mark.parametrize(
    "name", [name for name, each in commands().items() if isinstance(each.command, SourceCommand) and name != "mcp"]
)  # mcp says it in its answers: test_agents.py
def test_without_region_or_credentials_every_command_says_what_a_newcomer_can_do(
    lacks: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.yaml").write_text("{}")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    gone = ["AWS_DEFAULT_REGION", "AWS_REGION"] if lacks == "region" else ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
    for variable in (*gone, "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "none")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
    done = CliRunner().invoke(app, [*name.split(), *_ARGUMENTS.get(name, [])])

    assert done.exit_code in (1, 2), done.output
    assert done.stderr.startswith(
        f"error: No AWS {lacks}. Without an AWS account: trialbook demo, then ask with --book"
    )


def test_every_help_text_is_plain_english() -> None:
    found = []
    for name, context in commands().items():
        found += problems(text_of(context.command), name)
        for _, rows in records_of(context.command, context):
            for option, text in rows:
                found += problems(re.sub(r"\[.*?\]", "", text), f"{name} {option}")

    assert found == []
