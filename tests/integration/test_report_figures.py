"""report.json fits its schema, and its figures are those that pandas finds in jobs.jsonl."""

import importlib.util
import json
import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pandas as pd
import pytest
from jsonschema import Draft202012Validator

from tests import synthetic
from tests.conftest import ROOT
from tests.integration.test_build_report import outcome
from tests.integration.test_replay import CHURN, TUNING
from tests.unit.analysing import analysed, one_number, trial
from trialbook.core import report_keys
from trialbook.core.analysis.serialised import to_dict
from trialbook.core.analysis.wording import dollars, duration, moment
from trialbook.core.numbers import full, percent, shown
from trialbook.core.times import parse_time

SCHEMAS = ROOT / "events" / "schemas"
SCHEMA = json.loads((SCHEMAS / "report.json").read_text())
SWEEPS = {CHURN: "churn-xgb@20261120T101500.123Z", TUNING: "churn-xgb-261121-0900"}
# Margins are taken between the decimals that SageMaker's float32 values mean: at 0.15 these are 1.5e-8 apart.
FLOAT32 = 2**-26


@cache
def figures(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(outcome(name).reports[f"{report_keys.latest(SWEEPS[name])}/report.json"])
    return loaded


@cache
def jobs(name: str) -> pd.DataFrame:
    """jobs.jsonl, hyperparameters and metrics as columns of their own."""
    lines = [line for line in outcome(name).job_lines() if line["sweep"] == SWEEPS[name]]
    table = pd.json_normalize(lines, sep="|")
    table["value"] = table["objective|value"]
    return table


def problems(data: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(SCHEMA).iter_errors(data)]


def test_the_schema_is_made_of_the_dataclasses_as_they_are() -> None:
    spec = importlib.util.spec_from_file_location("make_schemas", SCHEMAS / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    assert (SCHEMAS / "report.json").read_text() == module.text()
    assert (SCHEMAS / "announcements.json").read_text() == module.announcements_text()


@pytest.mark.parametrize("name", [CHURN, TUNING])
def test_report_json_fits_its_schema(name: str) -> None:
    assert problems(figures(name)) == []


def test_reports_of_odd_sweeps_fit_the_schema_too() -> None:
    made = synthetic.records(60)
    odd = [
        analysed([]),
        analysed([trial(0, {"eta": 1}, float("nan"))]),
        analysed([trial(n, {"eta": n}, None, status="Failed", failure_reason="boom") for n in range(3)]),
        analysed(one_number({1: 0.1, 2: 0.1})),
        analysed(made, sweep=synthetic.sweep(made), prices={"ml.g5.xlarge": 1.4}),
    ]

    assert [problems(json.loads(json.dumps(to_dict(each)))) for each in odd] == [[]] * len(odd)


@pytest.mark.parametrize("name", [CHURN, TUNING])
def test_counts_are_those_of_the_jobs(name: str) -> None:
    statuses = jobs(name)["status"].value_counts()
    counts = figures(name)["counts"]

    assert counts["jobs"] == len(jobs(name))
    assert {key: counts[key.lower()] for key in ("Completed", "Failed", "Stopped")} == {
        key: int(statuses.get(key, 0)) for key in ("Completed", "Failed", "Stopped")
    }


@pytest.mark.parametrize("name", [CHURN, TUNING])
def test_the_ranking_is_that_of_the_sorted_values(name: str) -> None:
    ranked = jobs(name).dropna(subset=["value"]).sort_values(["value", "started_at"])
    trials = pd.DataFrame({key: figures(name)["trials"][key] for key in ("job_name", "value", "rank")}).dropna()

    assert list(trials.sort_values("rank")["job_name"]) == list(ranked["job_name"])
    assert list(trials.sort_values("rank")["value"]) == list(ranked["value"])
    assert figures(name)["groups"][0]["best"]["job_name"] == ranked.iloc[0]["job_name"]


@pytest.mark.parametrize("name", [CHURN, TUNING])
def test_spread_difference_and_history_are_recomputed(name: str) -> None:
    ranked = jobs(name).dropna(subset=["value"]).sort_values("value")["value"]
    (group,) = figures(name)["groups"]
    ended = jobs(name).sort_values("ended_at").dropna(subset=["value"])
    best_so_far = ended["value"].cummin()
    improved = ended["value"][best_so_far < best_so_far.shift(fill_value=float("inf"))]

    assert group["spread"]["median"] == pytest.approx(ranked.median())
    assert group["spread"]["low_quartile"] == pytest.approx(ranked.quantile(0.25))
    assert group["differences"][0]["margin"] == pytest.approx(ranked.iloc[1] - ranked.iloc[0], abs=FLOAT32)
    assert [step["value"] for step in group["improvements"]] == list(improved)


@pytest.mark.parametrize("name", [CHURN, TUNING])
def test_times_and_slices_are_recomputed(name: str) -> None:
    table, cost = jobs(name), figures(name)["cost"]
    (sweep,) = outcome(name).sweep_lines()
    wall = pd.to_datetime(table["ended_at"]).max() - pd.Timestamp(sweep["started_at"])

    assert cost["all"]["billable_seconds"] == table["billable_seconds"].sum()
    assert cost["wall_seconds"] == wall.total_seconds()
    for each in figures(name)["groups"][0]["slices"]:
        column = table.dropna(subset=["value"]).set_index("value")[f"hyper_parameters|{each['parameter']}"]
        values = pd.to_numeric(column, errors="coerce")
        for part in each["bins"]:
            if part["low"] is not None:
                inside = values[(values >= part["low"]) & (values <= part["high"])].index
                assert (part["trials"], part["best"]) == (len(inside), inside.min())


@pytest.mark.parametrize("name", [CHURN, TUNING])
def test_the_pages_figures_are_report_jsons(name: str) -> None:
    page = outcome(name).reports[f"{report_keys.latest(SWEEPS[name])}/report.html"].decode()
    text = re.sub(r"<(script|style|noscript)\b.*?</\1>", "", page, flags=re.DOTALL)
    (group,) = figures(name)["groups"]
    found = [group["best"]["value"], *group["best"]["metrics"].values()]

    assert figures(name)["headline"] in text
    for value in found:
        assert f">{shown(value)}<" in text
    assert f"runner-up ({shown(group['differences'][0]['value'])})" in text
    embedded = re.search(r'<script type="application/json" id="report">(.*?)</script>', page, re.DOTALL)
    assert embedded is not None
    assert json.loads(embedded[1]) == figures(name)


class _Text(HTMLParser):
    """What a reader sees of a page: its text, without script, style and what is for viewers without scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._hidden = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._hidden += tag in ("script", "style", "noscript")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style", "noscript")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.texts.append(" ".join(data.split()))


NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?")


def leaves(data: Any) -> Iterator[Any]:
    """Everything in report.json that may be shown: texts, names, numbers, and how many there are of something."""
    if isinstance(data, dict):
        yield from data
        yield from (each for value in data.values() for each in leaves(value))
    elif isinstance(data, list):
        yield from (len(data), len(data) - 1)
        yield from (each for value in data for each in leaves(value))
    elif data is not None and not isinstance(data, bool):
        yield data


def written(number: float) -> Iterator[str]:
    """All ways in which a page writes a number."""
    yield from (shown(number), full(number), f"{round(number):,}")
    if number >= 0:
        yield from (percent(number), duration(number), dollars(number))


def made_of(data: Any) -> tuple[list[str], set[str]]:
    """The texts of report.json, longest first, and the numbers that a page may show beside them."""
    found = list(leaves(data))
    texts = sorted({" ".join(each.split()) for each in found if isinstance(each, str)}, key=len, reverse=True)
    moments = [moment(parse_time(each, "time")) for each in texts if re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", each)]
    numbers = [each for number in found if not isinstance(number, str) for each in written(number)]
    return texts, {token for text in (*moments, *numbers, *texts) for token in NUMBER.findall(text)}


@pytest.mark.parametrize("name", [CHURN, TUNING])
def test_every_number_on_the_page_is_in_report_json(name: str) -> None:
    page = outcome(name).reports[f"{report_keys.latest(SWEEPS[name])}/report.html"].decode()
    texts, numbers = made_of(figures(name))
    strange = []
    for found in _Text(page).texts:
        rest = found
        for text in texts:
            if text in rest and re.search("[A-Za-z]", text):
                rest = rest.replace(text, " ")
        strange += [(token, found[:200]) for token in NUMBER.findall(rest) if token.rstrip(",") not in numbers]

    assert strange == []


@pytest.mark.parametrize("name", [CHURN, TUNING])
def test_the_best_trials_card_is_the_jobs_own_line(name: str) -> None:
    best = figures(name)["groups"][0]["best"]
    row = jobs(name).set_index("job_name").loc[best["job_name"]]
    metrics = {key.split("|")[1]: value for key, value in row.items() if str(key).startswith("final_metrics|")}

    assert {key: value for key, value in metrics.items() if key in best["metrics"]} == best["metrics"]
    assert best["duration_seconds"] == row["duration_seconds"]
    assert {key: str(value) for key, value in best["varied"].items()} == {
        key: str(type(value)(row[f"hyper_parameters|{key}"])) for key, value in best["varied"].items()
    }


@pytest.mark.parametrize("name", [CHURN, TUNING])
def test_gaps_ranges_and_directions_are_recomputed(name: str) -> None:
    table = jobs(name)
    ranked = table.dropna(subset=["value"])
    (group,) = figures(name)["groups"]
    for gap in group["gaps"]:
        differences = (
            ranked[f"final_metrics|{gap['validation_metric']}"] - ranked[f"final_metrics|{gap['train_metric']}"]
        )
        assert gap["median"] == pytest.approx(differences.median())
    for parameter in figures(name)["parameters"]:
        column = table[f"hyper_parameters|{parameter['name']}"]
        assert (parameter["distinct"], parameter["missing"]) == (column.nunique(), int(column.isna().sum()))
    for effect in (group["importance"] or {"effects": []})["effects"]:
        column = pd.to_numeric(ranked[f"hyper_parameters|{effect['parameter']}"], errors="coerce")
        if effect["correlation"] is not None:
            assert effect["correlation"] == pytest.approx(column.rank().corr(ranked["value"].rank()))
    constants = {key: str(value) for key, value in figures(name)["constants"].items()}
    assert all((table[f"hyper_parameters|{key}"].astype(str) == value).all() for key, value in constants.items())


def test_failures_and_what_only_they_share_are_recomputed() -> None:
    table = jobs(TUNING)
    failed = table[table["status"] == "Failed"]
    (group,) = figures(TUNING)["failures"]
    mask = pd.Series(data=True, index=table.index)
    for each in group["only_they_share"]:
        value = each["condition"].removeprefix("= ")
        mask &= table[f"hyper_parameters|{each['parameter']}"].astype(str) == value

    assert group["count"] == len(failed)
    assert sorted(group["job_names"]) == sorted(failed["job_name"])
    assert set(table[mask]["job_name"]) == set(failed["job_name"])
    assert figures(TUNING)["cost"]["failures"]["billable_seconds"] == failed["billable_seconds"].sum()


@pytest.mark.parametrize("name", [CHURN, TUNING])
def test_the_experiments_report_names_the_best_of_all_lines(name: str) -> None:
    found = json.loads(outcome(name).reports[f"{report_keys.of_experiment('churn-xgb')}/report.json"])
    ranked = jobs(name).dropna(subset=["value"]).sort_values("value")
    champion = found["champion"]

    assert (champion["job_name"], champion["value"]) == (ranked.iloc[0]["job_name"], ranked.iloc[0]["value"])
    assert champion["second_value"] == ranked.iloc[1]["value"]
    assert champion["margin"] == pytest.approx(ranked.iloc[1]["value"] - ranked.iloc[0]["value"], abs=FLOAT32)
    assert found["records"][-1]["value"] == ranked.iloc[0]["value"]
