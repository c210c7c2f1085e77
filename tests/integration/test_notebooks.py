"""The book in Python and in notebooks: sequences, short reprs, HTML without scripts, charts, data frames, errors."""

import base64
import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.integration.conftest import operations
from tests.relocated import recording
from tests.unit.samples import job, record
from trialbook import Book, Experiment, Sweep, errors
from trialbook.core.charts.choice import charts
from trialbook.core.experiments import Experiment as ExperimentFacts
from trialbook.core.sweeps import Sweep as SweepFacts
from trialbook.core.sweeps import SweepKind, SweepState, recount
from trialbook_book.folder import open_folder
from trialbook_book.listing import Listing
from trialbook_book.plots import VEGA_LITE
from trialbook_cli.replaying import replay, write_outcome

HOSTILE = "<script>alert(1)</script>&<b>\u202e"


@pytest.fixture(scope="module")
def tuning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The replay of a tuning job."""
    folder = tmp_path_factory.mktemp("books") / "tuning"
    write_outcome(replay(recording("tuning-random-60")), folder)
    return folder


def made(
    folder: Path,
    *,
    name: str = "net",
    given: str = "eta",
    jobs: int = 3,
    text: str = "x",
    sweep: str = "sweep",
    more: Mapping[str, str] = MappingProxyType({}),
    failure_reason: str | None = None,
) -> Book:
    """A book with one sweep, or one sweep more; `text` is the value of a hyperparameter, `given` the name of another,
    `more` are others."""
    ledger = open_folder(folder, create=True)
    ledger.experiments.put(ExperimentFacts(name, sweeps=1))
    records = [
        replace(
            record(
                job(
                    f"{name}-{n}",
                    n,
                    n + 2,
                    metrics={"loss": n / 7, "status": 1.5},
                    hyper_parameters={given: str(n), "text": text, "_tuning_objective_metric": "loss", **more},
                    failure_reason=failure_reason,
                ),
                name,
                version=1,
            ),
            sweep=sweep,
        )
        for n in range(jobs)
    ]
    facts = recount(SweepFacts(sweep, SweepKind.TAG, name, version=1, state=SweepState.CLOSED), records)
    ledger.write(records, [(facts, None)])
    return Book(ledger, source="folder")


# -- sequences ----------------------------------------------------------------------------------------------------


def test_a_book_holds_experiments_and_finds_by_name(tuning: Path) -> None:
    book = Book.open(tuning)

    assert len(book) == 1
    assert [experiment.name for experiment in book] == ["churn-xgb"]
    assert "CHURN-xgb" in book
    assert "churn" not in book
    assert isinstance(book["churn-xgb"], Experiment)
    assert isinstance(book["churn-xgb-26"], Sweep)


def test_a_sweep_is_a_sequence_of_its_jobs_best_first(tuning: Path) -> None:
    sweep = Book.open(tuning).sweep("churn-xgb-26")
    first = sweep[0]

    assert len(sweep) == len(list(sweep)) == len(sweep.to_pandas()) == 60
    assert first == sweep.best()
    assert first in sweep
    assert first.name in sweep
    assert "nobody" not in sweep
    assert sweep[-1] not in sweep[:5]
    assert [each.name for each in sweep[1:3]] == [sweep[1].name, sweep[2].name]
    assert len(sweep[:5][1:]) == 4


def test_listings_are_sequences(tuning: Path) -> None:
    sweeps = Book.open(tuning).sweeps()

    assert len(sweeps) == len(sweeps[:5]) == 1
    assert sweeps[0].name in sweeps
    assert sweeps[0] in sweeps
    assert sweeps.to_pandas()["completed"].tolist() == [46]
    assert Book.open(tuning).experiments().to_pandas()["failed"].tolist() == [3]


def test_an_experiment_means_its_latest_sweep(tuning: Path) -> None:
    experiment = Book.open(tuning).experiment("churn-xgb")

    assert experiment.latest().name == "churn-xgb-261121-0900"
    assert experiment.analysis().headline == experiment.latest().analysis().headline
    assert [sweep.name for sweep in experiment.sweeps()] == ["churn-xgb-261121-0900"]


# -- reprs --------------------------------------------------------------------------------------------------------


def things(book: Book) -> list[Any]:
    """One of each of what a book gives."""
    sweep = book.sweeps()[0]
    experiment = next(iter(book))
    return [book, book.experiments(), book.sweeps(), experiment, sweep, sweep[0], sweep[:2], sweep.plot()]


def test_reprs_are_short_and_of_one_line(tuning: Path) -> None:
    for each in (*things(Book.open(tuning)), Book.open(tuning).sweeps()[0].report()):
        assert repr(each).startswith(f"<{type(each).__name__} ") or repr(each).startswith(f"<{type(each).__name__}: ")
        assert "\n" not in repr(each)
        assert len(repr(each)) < 400
        assert " at 0x" not in repr(each)


def test_reprs_make_no_calls_but_those_of_listings(tuning: Path) -> None:
    book = Book.open(tuning)
    found = [book, book.find("churn-xgb"), *(each for each in things(book) if not isinstance(each, Listing))]
    calls = operations(book.ledger)
    for each in found:
        repr(each)

    assert calls == {}


class Elements(HTMLParser):
    """The elements and attributes of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.attributes: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_has_a_table_and_a_chart_and_no_script(tuning: Path) -> None:
    book = Book.open(tuning)
    for each in (each for each in things(book) if hasattr(each, "_repr_html_")):
        elements = Elements(each._repr_html_())

        assert "table" in elements.found
        assert set(elements.found) <= {"div", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "img"}
        assert set(elements.attributes) <= {"class", "style", "src", "alt", "nowrap"}
        assert elements.open == []
    shown = book.sweeps()[0]._repr_html_()
    (picture,) = re.findall(r'src="data:image/png;base64,([^"]+)"', shown)
    assert base64.b64decode(picture).startswith(b"\x89PNG")
    assert "best validation:logloss 0.1457" in shown
    assert "… and 50 more jobs" in shown
    assert 'white-space:nowrap">churn-xgb-261121-0900-016-add03186</td>' in shown  # else its row is four lines high


@given(
    name=st.text(min_size=1, max_size=40).filter(lambda text: text.strip() == text and "@" not in text),
    text=st.text(max_size=60),
)
def test_no_text_of_a_job_becomes_markup(name: str, text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    name = name.encode("utf-8", "replace").decode()
    book = made(
        tmp_path_factory.mktemp("hostile"),
        name="net",
        given=name,
        text=f"{HOSTILE}{text}".encode("utf-8", "replace").decode(),
    )
    for each in (book.sweeps()[0][0], book.sweeps()[0][:2], next(iter(book)), book):
        elements = Elements(each._repr_html_())

        assert set(elements.found) <= {"div", "p", "strong", "table", "thead", "tbody", "tr", "th", "td"}
        assert "\u202e" not in each._repr_html_()


def test_dollars_are_no_formulas(tuning: Path) -> None:
    """As pandas marks its tables: MathJax leaves out what has the class."""
    shown = Book.open(tuning).sweeps()[0]._repr_html_()

    assert shown.startswith('<div class="tex2jax_ignore mathjax_ignore">')


def test_without_what_draws_a_sweep_shows_all_but_the_picture(tuning: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    sweep = Book.open(tuning).sweeps()[0]
    shown = sweep._repr_html_()

    assert "<img" not in shown
    assert "trialbook[report]" in shown
    assert set(sweep.plot()._repr_mimebundle_()) == {"text/plain", VEGA_LITE}
    with pytest.raises(
        errors.MissingPart, match=rf"needs the part report: {sys.executable} -m pip install 'trialbook\[report\]'"
    ):
        sweep.report().save("nowhere")


# -- charts and reports -------------------------------------------------------------------------------------------


def test_plots_are_the_charts_of_the_page(tuning: Path, tmp_path: Path) -> None:
    sweep = Book.open(tuning).sweeps()[0]
    plots = sweep.plots()

    assert [plot.spec for plot in plots.values()] == [chart.spec for chart in charts(sweep.analysis())]
    assert sweep.plot("history") == plots["history"]
    bundle = sweep.plot()._repr_mimebundle_()
    assert bundle[VEGA_LITE]["$schema"].endswith("/vega-lite/v5.json")
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert json.loads(plots["slices"].save(tmp_path / "slices.json").read_text()) == plots["slices"].spec
    assert plots["slices"].save(tmp_path / "slices.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(errors.InvalidArgument, match="one of history, importance, slices"):
        sweep.plot("pie")
    with pytest.raises(errors.InvalidArgument, match=r"\.png or \.json"):
        sweep.plot().save(tmp_path / "chart.gif")


def test_a_report_has_the_bytes_of_the_deployed_one(tuning: Path, tmp_path: Path) -> None:
    sweep = Book.open(tuning).sweeps()[0]
    page = sweep.report(tmp_path / "report").save(tmp_path / "again")
    deployed = tuning / "reports" / sweep.name

    assert page == tmp_path / "again" / "report.html"
    for name in ("report.json", "chart.png", "digest.json"):
        assert (tmp_path / "report" / name).read_bytes() == (deployed / name).read_bytes()
    assert sweep.report().data == json.loads((deployed / "report.json").read_text())


# -- data frames --------------------------------------------------------------------------------------------------


def test_columns_have_plain_names_and_numbers(tuning: Path) -> None:
    frame = Book.open(tuning).sweeps()[0].to_pandas()

    assert {"validation:logloss", "eta", "max_depth", "tree_method"} <= set(frame)
    assert frame["eta"].dtype == "float64"
    assert frame["max_depth"].dtype.kind == "i"
    assert isinstance(frame["started_at"].dtype, pd.DatetimeTZDtype)
    assert "_tuning_objective_metric" not in frame


def test_a_name_that_is_taken_keeps_its_prefix(tmp_path: Path) -> None:
    frame = made(tmp_path, given="loss").sweeps()[0].to_pandas()

    assert {"metrics.loss", "hyper_parameters.loss", "metrics.status", "status", "text"} <= set(frame)
    assert frame.columns.is_unique
    assert frame["hyper_parameters.loss"].tolist() == [0, 1, 2]


def test_columns_without_any_value_are_numbers_too(tmp_path: Path) -> None:
    frame = made(tmp_path).sweeps()[0].to_pandas()

    assert frame["billable_seconds"].dtype == "Int64"
    assert frame["value"].dtype == "float64"


# -- opening, and errors ------------------------------------------------------------------------------------------


def test_a_folder_is_taken_for_a_folder(tuning: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tuning.parent)
    monkeypatch.setenv("HOME", str(tuning.parent))

    for source in (tuning, str(tuning), "tuning", "./tuning", "~/tuning"):
        assert len(Book.open(source)) == 1
    assert len(Book.open(folder="tuning")) == 1


WRONG: list[tuple[Callable[[Book], Any], type[errors.TrialbookError], str]] = [
    (lambda book: book["churn-xbg"], errors.UnknownName, "Did you mean churn-xgb? book.experiments() and"),
    (lambda book: book.find(" "), errors.UnknownName, "book.experiments() and book.sweeps() list names."),
    (lambda book: book.sweep("churn-xgb"), errors.UnknownName, "its sweeps are churn-xgb-261121-0900."),
    (lambda book: book.experiment("churn-xgb-26"), errors.UnknownName, "is a sweep of churn-xgb."),
    (lambda book: book.job("nobody"), errors.UnknownName, "Iterate over book[NAME]"),
    (lambda book: book.job("arn:aws:s3:::x"), errors.UnknownName, "is not the ARN of a job"),
    (lambda book: book["churn-xgb"].page(3, "x"), errors.InvalidArgument, "after is 'x'"),
    (lambda book: book["churn-xgb"].plot("pie"), errors.InvalidArgument, "kind is 'pie'"),
    (lambda book: Book.open("nowhere/here"), errors.InvalidArgument, "folder is 'nowhere/here'"),
    (lambda book: Book.open("nowhere", region=""), errors.InvalidArgument, "nowhere is no folder with a book"),
]


@pytest.mark.parametrize(("wrong", "kind", "said"), WRONG, ids=lambda each: each if isinstance(each, str) else "")
def test_errors_speak_python(
    wrong: Callable[[Book], Any],
    kind: type[errors.TrialbookError],
    said: str,
    tuning: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "none")
    with pytest.raises(kind, match=re.escape(said)) as problem:
        wrong(Book.open(tuning))

    assert "--" not in str(problem.value)
    assert "trialbook experiments" not in str(problem.value)


def test_a_folder_of_books_names_them(tuning: Path) -> None:
    with pytest.raises(errors.InvalidArgument, match="the books in it are tuning"):
        Book.open(tuning.parent)


def test_every_error_of_the_book_is_in_one_module() -> None:
    for name in errors.__all__:
        found = getattr(errors, name)
        assert name == "Listing" or issubclass(found, errors.TrialbookError)
