"""A search over data or machines: what was searched is shown like hyperparameters, and nothing counts as repeated."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.analysing import analysed, swept, trial
from trialbook.core.jobs import InputChannel, InstanceGroup, Job
from trialbook.core.messages.facts import SweepFacts
from trialbook.core.messages.leaders import leaders
from trialbook.core.settings import with_varied_settings
from trialbook.core.sweeps import Record

STORES = ("berlin", "paris", "rome", "madrid")
MACHINES = ("ml.m5.xlarge", "ml.g4dn.xlarge", "ml.g5.xlarge")


def over_data(**more: Any) -> list[Record]:
    return [
        trial(n, {"epochs": 20}, loss, channels=(InputChannel("train", f"s3://bucket/{store}/"),), **more)
        for n, (store, loss) in enumerate(zip(STORES, (0.3, 0.1, 0.2, 0.4), strict=True))
    ]


def over_machines() -> list[Record]:
    return [trial(n, {"epochs": 20}, 0.1, instances=(InstanceGroup(name, 1),)) for n, name in enumerate(MACHINES)]


def added(jobs: list[Job]) -> list[str]:
    """What was added to the hyperparameters of the first job."""
    return sorted(with_varied_settings(jobs)[0].hyper_parameters.keys() - jobs[0].hyper_parameters.keys())


@pytest.mark.parametrize("records", [over_data(), over_machines()], ids=["data", "machines"])
def test_jobs_on_other_data_or_machines_are_no_repeats(records: list[Record]) -> None:
    assert analysed(records).groups[0].repeats is None


def test_the_best_trials_data_are_named() -> None:
    found = analysed(over_data())

    assert found.groups[0].best.varied == {"train data": "s3://bucket/paris/"}
    assert [each.name for each in found.parameters] == ["train data"]


def test_the_best_trials_data_are_named_while_the_sweep_runs() -> None:
    records = over_data()
    found = leaders(SweepFacts(sweep=swept(records), top=tuple(records)))

    assert found.parameters == ("train data",)
    assert found.trials[0].varied == {"train data": "s3://bucket/berlin/"}


def test_several_machines_are_counted() -> None:
    one, two = (trial(n, {}, 0.1, instances=(InstanceGroup("ml.g5.xlarge", n),)).job for n in (1, 2))
    found = with_varied_settings([one, two])

    assert [job.hyper_parameters["instance type"] for job in found] == ["ml.g5.xlarge", "2 x ml.g5.xlarge"]


def test_the_script_is_a_setting_and_the_path_that_holds_the_jobs_own_name_is_none() -> None:
    jobs = [
        trial(
            n,
            {"sagemaker_program": f'"{script}.py"', "sagemaker_submit_directory": f"s3://b/t-{n}-20261120101{n}00/c"},
            1,
        ).job
        for n, script in enumerate(("cnn", "mlp"))
    ]

    assert "entry point" in added(jobs)


def test_what_is_the_same_in_all_adds_nothing() -> None:
    assert added([record.job for record in over_data()[:1] * 2]) == []


def test_children_of_a_tuning_job_search_over_hyperparameters_only() -> None:
    assert added([record.job for record in over_data(tuning_job="t")]) == []


def test_the_recipe_gives_the_script_no_more_than_it_had() -> None:
    recipe = analysed(over_data()).recipe

    assert recipe is not None
    assert recipe.request["HyperParameters"] == {"epochs": "20"}


def test_jobs_that_differ_in_nothing_but_their_base_names_are_no_repeats() -> None:
    records = [trial(n, {"lr": 0.1}, n / 10) for n in range(3)]
    named = [
        replace(each, job=replace(each.job, key=replace(each.job.key, name=f"{model}-2026-11-20-10-15-0{n}-123")))
        for n, (each, model) in enumerate(zip(records, ("cnn", "mlp", "vit"), strict=True))
    ]
    found = analysed(named, sweep=swept(named))

    assert found.groups[0].repeats is None
    assert found.groups[0].best.varied == {"base name": "cnn"}


def test_long_values_that_differ_behind_the_cut_are_no_repeats() -> None:
    records = [
        trial(n, {"prompt": "Be helpful. " * 100 + f"Answer like {style}. " + "Be brief. " * 40}, n / 10)
        for n, style in enumerate("abc")
    ]
    found = analysed(records)

    assert found.groups[0].repeats is None
    assert found.parameters[0].distinct == 3
    assert all(len(name) <= 200 for name in found.parameters[0].categories)


def test_what_a_person_stopped_with_a_value_is_told() -> None:
    records = [
        trial(n, {"lr": n}, value, status=status)
        for n, (value, status) in enumerate([(0.3, "Completed"), (0.1, "Stopped"), (0.2, "Stopped")])
    ]

    (advice,) = analysed(records).advice

    assert advice.text.startswith(
        "2 jobs stopped by a person with a value, loss 0.1 at best: stopped jobs rank only with"
    )


def with_code(*paths: str) -> list[Job]:
    return [
        trial(n, {"lr": n, "sagemaker_submit_directory": f"s3://b/{path}/sourcedir.tar.gz"}, n).job
        for n, path in enumerate(paths)
    ]


def test_code_that_each_job_uploads_anew_is_not_searched_beside_a_hyperparameter() -> None:
    assert added(with_code("3f2a", "9b1c", "77de")) == []
    assert added(with_code("v1", "v2", "v1")) == ["source code"]


def test_code_is_what_was_searched_if_nothing_else_differs() -> None:
    jobs = [replace(job, hyper_parameters={**job.hyper_parameters, "lr": "1"}) for job in with_code("v1", "v2", "v3")]

    assert added(jobs) == ["source code"]
