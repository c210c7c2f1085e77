"""The commands that ask the book: a folder and a table answer alike, and each question costs what it should."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from tests import synthetic
from tests.conftest import RECORDINGS
from tests.integration.conftest import opened, operations
from tests.relocated import HERE, recording
from tests.stored import items_in
from tests.unit.samples import job, record
from trialbook import Book
from trialbook.core.experiments import Experiment
from trialbook.core.sweeps import Sweep, SweepKind, recount
from trialbook_book.folder import FILE, line_of, open_folder
from trialbook_book.paged import PagedLedger
from trialbook_cli.book_export import export_book
from trialbook_cli.main import app
from trialbook_cli.replaying import replay, write_outcome

BEST = "churn-xgb-2026-11-20-10-15-04-760"
SWEEP = "churn-xgb@20261120T101500.123Z"
Ask = Callable[..., Result]


@pytest.fixture(scope="module")
def churn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A replay's folder."""
    folder = tmp_path_factory.mktemp("replays") / "churn"
    write_outcome(replay(recording("churn-min-child-weight")), folder)
    return folder


@pytest.fixture(scope="module")
def table(churn: Path, moto_url: str) -> Iterator[PagedLedger]:
    """The same ledger in a DynamoDB."""
    with opened(moto_url) as made:
        for item in items_in(churn / FILE):
            made.table.connection.client._make_api_call("PutItem", {"TableName": made.table.name, "Item": item})
        yield PagedLedger(made.table.name, region="us-east-1", host=moto_url)


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """The command, 100 columns wide."""
    monkeypatch.setenv("COLUMNS", "100")

    def ask(*arguments: str | Path) -> Result:
        return CliRunner().invoke(app, [str(each) for each in arguments])

    return ask


QUESTIONS = [
    ["experiments"],
    ["sweeps"],
    ["sweeps", "Churn-XGB"],
    ["trials", "churn-xgb"],
    ["trials", SWEEP, "--limit", "2"],
    ["trials", "churn", "--where", "min_child_weight<9 and status=Completed", "--sort", "-value"],
    ["trials", "churn-xgb", "--columns", "job,value,min_child_weight,status"],
    ["best", "CHURN-xgb"],
    ["best", SWEEP],
    ["best", "churn-xgb@"],
    ["show", BEST],
    ["compare", BEST, "churn-xgb-2026-11-20-10-15-00-123"],
    ["compare", "churn-xgb", SWEEP],
]


@pytest.mark.parametrize("question", QUESTIONS, ids=" ".join)
def test_a_folder_and_a_table_answer_alike(
    question: list[str], churn: Path, table: PagedLedger, ask: Ask, moto_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_url)
    for form in ([], ["--json"]):
        local, remote = ask(*question, *form, "--book", churn), ask(*question, *form, "--table", table.table.name)

        assert local.exit_code == 0, local.output
        assert local.stdout == remote.stdout, remote.stderr
        assert "\x1b" not in local.stdout
        if form:
            assert json.loads(local.stdout)


def test_best_shows_value_hyperparameters_and_model(churn: Path, ask: Ask) -> None:
    output = ask("best", "churn-xgb", "--book", churn).stdout.splitlines()

    assert output[0] == "validation:error 0.03959 (minimize)"
    assert BEST in output[1]
    assert "  min_child_weight = 4" in output
    assert output[-1].endswith("/output/model.tar.gz")


def test_trials_are_sorted_filtered_and_shown_as_asked(churn: Path, ask: Ask) -> None:
    options = ["--where", "min_child_weight<9", "--sort", "-value", "--json", "--book", churn]
    found = json.loads(ask("trials", "churn", *options).stdout)

    assert [each["hyper_parameters"]["min_child_weight"] for each in found] == ["8", "2", "1", "4"]


def test_show_names_the_rule_that_placed_the_job_and_that_it_is_attached(churn: Path, ask: Ask) -> None:
    output = ask("show", BEST, "--book", churn).stdout
    arn = ask("show", HERE.arn("sagemaker", f"training-job/{BEST}"), "--book", churn).stdout

    assert re.search(r"placed by +experiment and trial by default", output)
    assert re.search(r"attached +yes", output)
    assert "validation:error" in output
    assert arn == output


def test_compare_shows_what_differs_alone(churn: Path, ask: Ask) -> None:
    output = ask("compare", BEST, "churn-xgb-2026-11-20-10-15-00-123", "--book", churn).stdout

    assert "min_child_weight" in output
    assert "max_depth" not in output
    assert "6 hyperparameters are the same in all" in output


def test_report_writes_the_page_and_watch_looks_once(churn: Path, ask: Ask, tmp_path: Path) -> None:
    done = ask("report", "churn-xgb@", "--out", tmp_path / "r", "--book", churn)
    seen = ask("watch", "churn-xgb@", "--book", churn)

    assert done.stdout.startswith("churn-xgb: best validation:error 0.03959 at min_child_weight = 4")
    assert {"report.html", "chart.png", "report.json"} <= {path.name for path in (tmp_path / "r").iterdir()}
    assert seen.stdout.startswith("5 of 5 finished; sweep closed")


def test_a_report_from_the_command_equals_the_deployed_one(churn: Path, ask: Ask, tmp_path: Path) -> None:
    ask("report", SWEEP, "--out", tmp_path, "--book", churn)
    deployed = churn / "reports" / SWEEP

    assert (tmp_path / "report.json").read_bytes() == (deployed / "report.json").read_bytes()


# -- names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [("nobody", "trialbook experiments"), ("churn-xgb-2", "trialbook experiments"), (BEST, "trialbook experiments")],
)
def test_an_unknown_name_is_an_error_that_says_what_to_do(name: str, expected: str, churn: Path, ask: Ask) -> None:
    done = ask("best", name, "--book", churn)

    assert done.exit_code == 2
    assert name in done.stderr
    assert expected in done.stderr


def test_a_beginning_that_fits_several_names_them(tmp_path: Path) -> None:
    ledger = open_folder(tmp_path, create=True)
    for name in ("net-a", "net-b", "Other"):
        ledger.write([record(job(f"{name}-1"), name)])
        ledger.experiments.put(Experiment(name))
    book = Book(ledger)

    assert book.find("oth").name == "Other"
    assert book.find("NET-A").name == "NET-A"
    with pytest.raises(Exception, match="fits several names: net-a, net-b"):
        book.find("net")


def test_a_tuning_job_is_found_by_its_beginning_without_a_scan(tmp_path: Path) -> None:
    ledger = _with_sweeps(open_folder(tmp_path, create=True), "net-261121-0900", "net-261122-0900")
    calls = operations(ledger)

    assert Book(ledger).sweep("NET-261122").name == "net-261122-0900"
    assert calls["Scan"] == 0


def _with_sweeps(ledger: PagedLedger, *names: str, experiment: str = "net") -> PagedLedger:
    """A ledger with sweeps of three jobs each."""
    ledger.experiments.put(Experiment(experiment))
    for place, name in enumerate(names):
        jobs = [job(f"{name}-{n}", place * 100 + n, metrics={"validation:error": n / 7}) for n in range(3)]
        records = [replace(record(each, experiment, version=1), sweep=name) for each in jobs]
        sweep = recount(Sweep(name, SweepKind.TUNING, experiment, version=1), records)
        ledger.write(records, [(sweep, None)])
    return ledger


# -- what questions cost ------------------------------------------------------------------------------------------


@pytest.fixture
def counted(table: PagedLedger) -> Counter[str]:
    """The requests that the table's client sends from now on, by operation."""
    calls: Counter[str] = Counter()
    events = table.table.connection.client.meta.events
    events.register("before-call.dynamodb.*", lambda model, **more: calls.update([model.name]))
    return calls


@pytest.mark.parametrize("name", ["churn-xgb", "CHURN-XGB", SWEEP])
def test_best_costs_one_query(name: str, table: PagedLedger, counted: Counter[str]) -> None:
    (best,) = Book(table).find(name).first.entries

    assert best.job.name == BEST
    assert counted == {"Query": 1}


@pytest.mark.parametrize("name", ["churn-xgb", SWEEP])
def test_best_shows_what_the_whole_job_says(name: str, table: PagedLedger, counted: Counter[str]) -> None:
    found = Book(table).find(name)
    (shown,), best = found.first.entries, found.best()

    assert best is not None
    for each in ("name", "status", "hyper_parameters", "experiment", "trial", "objective", "value"):
        assert getattr(shown, each) == getattr(best, each)
    assert shown.job.model_artifact == best.job.model_artifact
    assert best.metrics
    assert counted == {"Query": 1, "GetItem": 1}


def test_a_page_of_experiments_costs_one_query_and_one_of_sweeps_a_request_for_them_too(
    table: PagedLedger, counted: Counter[str]
) -> None:
    experiments, sweeps = table.experiments_page(50).entries, table.sweeps_page(None, 50).entries

    assert [each.name for each in experiments] == ["churn-xgb"]
    assert [each.id for each in sweeps] == [SWEEP]
    assert counted == {"Query": 2, "BatchGetItem": 1}


def test_a_job_is_found_by_its_name_with_two_requests(table: PagedLedger, counted: Counter[str]) -> None:
    """The first tells in which accounts and regions to look."""
    assert Book(table).job(BEST).job.name == BEST
    assert counted == {"GetItem": 1, "BatchGetItem": 1}


def test_names_are_completed_from_nothing_typed_too(churn: Path, ledger_url: str) -> None:
    """DynamoDB refuses an empty text as a beginning."""
    with opened(ledger_url) as made:
        for item in items_in(churn / FILE):
            made.table.connection.client._make_api_call("PutItem", {"TableName": made.table.name, "Item": item})
        ledger = PagedLedger(made.table.name, region="us-east-1", host=ledger_url)

        assert [each.name for each in ledger.experiments_like("")] == ["churn-xgb"]
        assert ledger.sweeps_like("churn-xgb@") == [SWEEP]
        assert ledger.sweeps_like("") == []
        assert ledger.sweep("churn-xgb@") is None


def test_trials_cost_a_query_for_each_megabyte_of_rows_and_a_request_for_each_hundred_jobs(dynamodb_local: str) -> None:
    filler = {f"p{number}": "x" * 1000 for number in range(8)}
    with opened(dynamodb_local) as made:
        records = [
            replace(
                record(job(f"c-{n}", n / 60, metrics={"validation:error": n}, hyper_parameters=filler)), sweep="x@1"
            )
            for n in range(300)
        ]
        for start in range(0, len(records), 10):
            made.write(replace(each, version=1) for each in records[start : start + 10])
        ledger = PagedLedger(made.table.name, region="us-east-1", host=dynamodb_local)
        calls: Counter[str] = Counter()
        events = ledger.table.connection.client.meta.events
        events.register("before-call.dynamodb.*", lambda model, **more: calls.update([model.name]))
        found = list(Book(ledger).find("x@1").records())

    assert len(found) == 300
    # One Query and one BatchGetItem looked for the name: what `best` shows of such a job is too long for a row.
    assert calls == {"Query": 1 + 1, "BatchGetItem": 1 + 3}


# -- pages --------------------------------------------------------------------------------------------------------


def test_pages_list_every_sweep_once_latest_first(tmp_path: Path, ask: Ask) -> None:
    names = [f"net-2611{day:02d}-0900" for day in range(1, 24)]
    _with_sweeps(open_folder(tmp_path, create=True), *names)
    seen: list[str] = []
    options: list[str] = []
    while True:
        done = ask("sweeps", "--limit", "5", *options, "--json", "--book", tmp_path)
        seen += [line["sweep"] for line in json.loads(done.stdout)]
        if "--after" not in done.stderr:
            break
        options = ["--after", done.stderr.split("--after ")[1].strip()]

    assert seen == list(reversed(names))


@pytest.mark.parametrize("command", ["sweeps", "experiments", "trials churn-xgb"])
def test_a_value_that_is_no_count_is_refused(command: str, churn: Path, ask: Ask) -> None:
    done, beyond = (ask(*command.split(), "--after", after, "--book", churn) for after in ("nonsense", "1000"))

    assert done.exit_code == 2
    assert "Invalid value for '--after': 'nonsense' is not a valid int" in " ".join(done.stderr.split())
    assert (beyond.exit_code, beyond.stderr) == (0, "")
    assert beyond.stdout.startswith("No more ")


def test_pages_of_an_experiments_sweeps_follow_for_a_prefix_too(tmp_path: Path, ask: Ask) -> None:
    ledger = open_folder(tmp_path, create=True)
    ledger.experiments.put(Experiment("network"))
    for day in (21, 22, 23):
        created = datetime(2026, 11, day, 9, tzinfo=UTC)
        found = Sweep(f"network-{day}", SweepKind.TUNING, "network", tuning_created_at=created, version=1)
        ledger.write([], [(found, None)])
    first = ask("sweeps", "net", "--limit", "2", "--json", "--book", tmp_path)
    second = ask("sweeps", "net", "--limit", "2", "--after", "2", "--json", "--book", tmp_path)

    assert [each["sweep"] for each in json.loads(first.stdout)] == ["network-23", "network-22"]
    assert first.stderr == "more: --after 2\n"
    assert ([each["sweep"] for each in json.loads(second.stdout)], second.stderr) == (["network-21"], "")


# -- empty and large ----------------------------------------------------------------------------------------------


def test_an_empty_book_says_how_to_fill_it(tmp_path: Path, ask: Ask) -> None:
    (tmp_path / FILE).touch()
    experiments, sweeps = ask("experiments", "--book", tmp_path), ask("sweeps", "--book", tmp_path)
    missing = ask("sweeps", "--book", tmp_path / "nowhere")

    assert "trialbook backfill --since 30d" in " ".join(experiments.stdout.split())
    assert sweeps.stdout == "No sweeps yet.\n"
    assert (experiments.exit_code, sweeps.exit_code, missing.exit_code) == (0, 0, 2)
    assert "--book is" in missing.stderr


def test_a_book_of_2000_jobs_answers_by_pages(tmp_path: Path, ask: Ask) -> None:
    records = synthetic.records(2000)
    ledger = open_folder(tmp_path, create=True)
    ledger.experiments.put(Experiment("net"))
    for start in range(0, len(records), 100):
        ledger.write(records[start : start + 100])
    first = ask("trials", "net", "--limit", "10", "--json", "--book", tmp_path)
    best = min(each.value for each in records if each.value is not None)

    assert [len(json.loads(first.stdout)), json.loads(first.stdout)[0]["objective"]["value"]] == [10, best]
    assert first.stderr == "more: --after 10\n"
    last = ask("trials", "net", "--limit", "10", "--after", "1995", "--json", "--book", tmp_path)
    assert (len(json.loads(last.stdout)), last.stderr) == (5, "")


def test_a_tuning_job_is_watched_before_its_first_child(tmp_path: Path, ask: Ask) -> None:
    ledger = open_folder(tmp_path, create=True)
    ledger.experiments.put(Experiment("net"))
    created = datetime(2026, 11, 21, 9, tzinfo=UTC)
    sweep = Sweep("net-261121-0900", SweepKind.TUNING, "net", max_jobs=9, tuning_created_at=created, version=1)
    ledger.write([], [(sweep, None)])
    done = ask("watch", "net-261121-0900", "--once", "--book", tmp_path)

    assert done.exit_code == 0, done.output
    assert "0 of 9 finished; sweep open" in done.stdout


def ranks(table: str) -> list[str]:
    """The first column of a listing of trials."""
    lines = table.splitlines()
    rule = next(at for at, line in enumerate(lines) if line.startswith("──"))  # names of columns may take several lines
    return [line.split("  ")[0].strip() if line.startswith("★") else line.split()[0] for line in lines[rule + 1 :]]


def test_a_rank_is_that_among_all_whatever_page_order_or_condition(churn: Path, ask: Ask) -> None:
    def asked(*more: str) -> tuple[list[str], str]:
        done = ask("trials", SWEEP, *more, "--book", churn)
        assert done.exit_code == 0, done.output
        return ranks(done.stdout), done.stderr

    first, found = asked("--limit", "2")
    assert (first, found) == (["★ 1", "2"], "more: --after 2\n")
    assert asked("--limit", "2", "--after", "2")[0] == ["3", "4"]
    assert asked("--sort", "-value") == (["5", "4", "3", "2", "★ 1"], "")
    assert asked("--where", "min_child_weight<4")[0] == ["2", "3"]
    assert asked("--sort", "-value", "--limit", "2") == (["5", "4"], "3 more: --after 2\n")
    assert asked("--sort", "-value", "--limit", "2", "--after", "2") == (["3", "2"], "1 more: --after 4\n")
    assert asked("--where", "min_child_weight<4", "--after", "1") == (["3"], "")


# -- leaving ------------------------------------------------------------------------------------------------------


def test_an_export_answers_as_the_book_it_came_from(churn: Path, ask: Ask, tmp_path: Path) -> None:
    done = ask("export", "--out", tmp_path / "e", "--book", churn)

    assert done.exit_code == 0, done.output
    for name in ("jobs.jsonl", "sweeps.jsonl", FILE):
        assert (tmp_path / "e" / name).read_bytes() == (churn / name).read_bytes(), name
    for question in QUESTIONS:
        assert ask(*question, "--book", tmp_path / "e").stdout == ask(*question, "--book", churn).stdout


def test_an_export_that_is_interrupted_leaves_the_earlier_files(churn: Path, tmp_path: Path) -> None:
    export_book(Book.open(folder=churn), None, tmp_path, "jsonl")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def interrupted(items: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_book(Book.open(folder=churn), None, tmp_path, "jsonl", interrupted)

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_export_of_one_sweep_holds_it_whole(churn: Path, ask: Ask, tmp_path: Path) -> None:
    ask("export", SWEEP, "--out", tmp_path, "--book", churn)

    assert ask("trials", SWEEP, "--book", tmp_path).stdout == ask("trials", SWEEP, "--book", churn).stdout
    assert ask("experiments", "--book", tmp_path).stdout == ask("experiments", "--book", churn).stdout


def test_parquet_opens_in_pandas_with_the_right_types(churn: Path, ask: Ask, tmp_path: Path) -> None:
    ask("export", "--format", "parquet", "--out", tmp_path, "--book", churn)
    jobs, sweeps = pd.read_parquet(tmp_path / "jobs.parquet"), pd.read_parquet(tmp_path / "sweeps.parquet")

    assert str(jobs.dtypes["started_at"]).startswith("datetime64[")
    assert str(jobs["started_at"].dt.tz) == "UTC"
    assert jobs.dtypes["value"] == "float64"
    assert jobs.dtypes["hyper_parameters.min_child_weight"] == "int64"
    assert jobs.dtypes["hyper_parameters.eta"] == "float64"
    assert jobs.sort_values("value")["hyper_parameters.min_child_weight"].tolist() == [4, 1, 2, 8, 10]
    assert sweeps["completed"].tolist() == [5]


def test_a_csv_runs_no_formula(tmp_path: Path, ask: Ask) -> None:
    ledger = open_folder(tmp_path, create=True)
    ledger.write(
        [record(job("a", hyper_parameters={"x": "=1+1", "y": "-3", "größe": "-1"}, failure_reason="@SUM(A1)"))]
    )
    ledger.write([record(job("b", hyper_parameters={"größe": "tief"}))])
    ask("export", "--format", "csv", "--out", tmp_path / "e", "--book", tmp_path)
    text = (tmp_path / "e" / "jobs.csv").read_bytes().decode()
    row, other = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))

    assert row["hyper_parameters.x"] == "'=1+1"
    assert row["hyper_parameters.y"] == "-3"
    assert row["failure_reason"] == "'@SUM(A1)"
    assert text.startswith("\ufeff")  # by which Excel knows UTF-8
    assert (row["hyper_parameters.größe"], other["hyper_parameters.größe"]) == ("-1", "tief")


def test_prune_deletes_whole_sweeps_that_are_old_and_nothing_when_dry(churn: Path, ask: Ask, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes((churn / FILE).read_bytes())
    ledger = open_folder(tmp_path)
    ledger.write([record(job("alone-1", 100_000, 100_005), "alone", version=1)])
    ledger.experiments.put(Experiment("alone"))
    dry = ask("prune", "--older-than", "2026-12-01", "--dry-run", "--book", tmp_path)
    declined = ask("prune", "--older-than", "2026-12-01", "--book", tmp_path)
    done = ask("prune", "--older-than", "2026-12-01", "--yes", "--export", tmp_path / "e", "--book", tmp_path)
    again = open_folder(tmp_path)

    assert dry.stdout == "5 of 6 jobs and 1 sweep inactive since 2026-12-01 would be deleted\n"
    assert declined.exit_code == 1
    assert done.exit_code == 0, done.output
    assert [each.job.name for each in again.jobs()] == ["alone-1"]
    assert list(again.all_sweeps()) == []
    assert [each.name for each in again.experiments] == ["alone"]
    assert len(list(open_folder(tmp_path / "e").jobs())) == 6


# -- the folder ---------------------------------------------------------------------------------------------------


def test_a_half_written_line_is_forgotten_and_the_book_goes_on(tmp_path: Path) -> None:
    ledger = open_folder(tmp_path, create=True)
    ledger.write([record(job("a"), version=1)])
    with (tmp_path / FILE).open("a") as file:
        file.write('{"Items":[{"pk":')
    again = open_folder(tmp_path)
    again.write([record(job("b"), version=1)])

    assert sorted(each.job.name for each in open_folder(tmp_path).jobs()) == ["a", "b"]


def test_a_line_that_is_no_item_is_named(tmp_path: Path, ask: Ask) -> None:
    (tmp_path / FILE).write_text(line_of([]) + "{}\n")
    done = ask("sweeps", "--book", tmp_path)

    assert done.exit_code == 2
    assert "ledger.jsonl:2 is '{}'" in done.stderr.replace("\n", "")


def test_an_export_of_dynamodb_to_s3_is_read(churn: Path, ask: Ask, tmp_path: Path) -> None:
    import gzip

    data = tmp_path / "AWSDynamoDB" / "01700000000000-abc" / "data"
    data.mkdir(parents=True)
    with gzip.open(data / "x.json.gz", "wt") as file:
        file.write((churn / FILE).read_text())

    assert ask("best", "churn-xgb", "--book", tmp_path).stdout == ask("best", "churn-xgb", "--book", churn).stdout


# -- Python -------------------------------------------------------------------------------------------------------


def test_the_book_becomes_a_data_frame(churn: Path) -> None:
    frame = Book.open(folder=churn).sweep(SWEEP).to_pandas()

    assert frame["value"].is_monotonic_increasing
    assert frame["min_child_weight"].tolist() == [4, 1, 2, 8, 10]
    assert frame["started_at"].min() == pd.Timestamp("2026-11-20T10:15:36.123Z") or frame["started_at"].notna().all()


def test_importing_the_package_loads_no_client_and_no_pandas() -> None:
    import subprocess
    import sys

    code = "import trialbook, sys; print([m for m in ('botocore', 'boto3', 'pynamodb', 'pandas') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "words",
    [
        ["demo", "--out"],
        ["replay", str(RECORDINGS / "churn-min-child-weight"), "--out"],
        ["preview", str(RECORDINGS / "churn-min-child-weight"), "--out"],
        ["report", SWEEP, "--book", "{book}", "--out"],
        ["export", "--book", "{book}", "--out"],
        ["record", "--out"],
        ["prune", "--older-than", "1d", "--book", "{book}", "--export"],
        ["backfill", "--since", "1d", "--book"],
    ],
    ids=lambda words: words[0],
)
@pytest.mark.parametrize("below", [False, True])
def test_a_file_at_the_output_folders_path_is_refused_before_anything_begins(
    words: list[str], below: bool, churn: Path, tmp_path: Path
) -> None:
    file = tmp_path / "there"
    file.write_text("kept")
    given = [str(churn) if word == "{book}" else word for word in words]

    answer = CliRunner().invoke(app, [*given, str(file / "more" if below else file)])

    assert answer.exit_code == 2
    assert "folder" in answer.output
    assert file.read_text() == "kept"


def test_a_folder_at_the_output_files_path_is_refused_before_anything_begins(tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["rules", "pull", "--out", str(tmp_path)])

    assert answer.exit_code == 2
    assert "is a folder. Choose a file." in answer.output
