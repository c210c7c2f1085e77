"""report.json fits its schema, and its figures are those that pandas finds in jobs.jsonl."""

import importlib.util
import json
import re
from functools import cache
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
from trialbook.core.analysis.wording import tidy

SCHEMAS = ROOT / "events" / "schemas"
SCHEMA = json.loads((SCHEMAS / "report.json").read_text())
SWEEPS = {CHURN: "churn-xgb@20261120T101500.123Z", TUNING: "churn-xgb-261121-0900"}


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
    assert group["differences"][0]["margin"] == pytest.approx(ranked.iloc[1] - ranked.iloc[0])
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
    shown = [group["best"]["value"], *group["best"]["metrics"].values(), group["differences"][0]["value"]]

    assert figures(name)["headline"] in text
    for value in shown:
        assert f">{tidy(value)}<" in text
    embedded = re.search(r'<script type="application/json" id="report">(.*?)</script>', page, re.DOTALL)
    assert embedded is not None
    assert json.loads(embedded[1]) == figures(name)
