"""The machines that a job ran on, as Describe answers them, and what they cost by hand computation."""

from typing import Any

import pytest

from tests.unit.analysing import analysed, trial
from trialbook.core.analysis.prices import cost_of
from trialbook.core.describe import job_from_detail
from trialbook.core.jobs import InstanceGroup, Job, JobKind
from trialbook.core.machines import MACHINES, may_have_gpus
from trialbook.core.messages.summary import cost_text

PLAN = "arn:aws:sagemaker:eu-west-1:123456789012:training-plan/p5-in-december"
PRICES = {"ml.p4d.24xlarge": 37.0, "ml.g5.12xlarge": 7.09, "ml.c5.xlarge": 0.24}
PREFERENCES = [
    {"InstanceType": "ml.p4d.24xlarge", "InstanceCount": 1},
    {"InstanceType": "ml.g5.12xlarge", "InstanceCount": 4},
]


def trained(resources: dict[str, Any], **more: Any) -> Job:
    answer = {
        "TrainingJobName": "tune",
        "TrainingJobStatus": "Completed",
        "CreationTime": "2026-11-20T10:00:00Z",
        "TrainingStartTime": "2026-11-20T10:02:00Z",
        "TrainingEndTime": "2026-11-20T11:02:00Z",
        "BillableTimeInSeconds": 1800,
        "ResourceConfig": resources,
        **more,
    }
    return job_from_detail(JobKind.TRAINING, answer, "123456789012", "eu-west-1", described=True)


def test_a_job_with_preferences_ran_on_the_machines_that_sagemaker_selected() -> None:
    resources = {"InstancePreferences": PREFERENCES, "SelectedInstanceType": "ml.g5.12xlarge"}

    job = trained({**resources, "SelectedInstanceCount": 3})

    assert job.instances == (InstanceGroup("ml.g5.12xlarge", 3),)
    assert cost_of(job, PRICES) == pytest.approx(0.5 * 3 * 7.09)  # half an hour on three machines: 10.635 dollars


def test_the_count_of_the_selected_machines_is_their_preferences_or_the_jobs() -> None:
    own = trained({"InstancePreferences": PREFERENCES, "SelectedInstanceType": "ml.g5.12xlarge"})
    types = [{"InstanceType": each["InstanceType"]} for each in PREFERENCES]
    shared = trained({"InstancePreferences": types, "InstanceCount": 2, "SelectedInstanceType": "ml.p4d.24xlarge"})

    assert own.instances == (InstanceGroup("ml.g5.12xlarge", 4),)
    assert shared.instances == (InstanceGroup("ml.p4d.24xlarge", 2),)


def test_before_sagemaker_has_selected_a_machine_it_is_unknown_and_so_is_the_cost() -> None:
    job = trained({"InstancePreferences": PREFERENCES, "InstanceCount": 2})

    assert job.instances == ()
    assert cost_of(job, PRICES) is None


def test_a_processing_job_has_preferences_too() -> None:
    cluster = {"InstancePreferences": PREFERENCES, "SelectedInstanceType": "ml.p4d.24xlarge", "VolumeSizeInGB": 30}
    answer = {
        "ProcessingJobName": "prepare",
        "ProcessingJobStatus": "Completed",
        "CreationTime": "2026-11-20T10:00:00Z",
        "ProcessingResources": {"ClusterConfig": {**cluster, "SelectedInstanceCount": 1}},
    }

    job = job_from_detail(JobKind.PROCESSING, answer, "123456789012", "eu-west-1", described=True)

    assert job.instances == (InstanceGroup("ml.p4d.24xlarge", 1),)


def test_each_group_of_a_heterogeneous_cluster_is_billed_and_an_empty_one_costs_nothing() -> None:
    groups = [
        {"InstanceGroupName": "gpu", "InstanceType": "ml.p4d.24xlarge", "InstanceCount": 1},
        {"InstanceGroupName": "cpu", "InstanceType": "ml.c5.xlarge", "InstanceCount": 2},
        {"InstanceGroupName": "spare", "InstanceType": "ml.g5.12xlarge", "InstanceCount": 0},
    ]

    assert cost_of(trained({"InstanceGroups": groups}), PRICES) == pytest.approx(0.5 * (37.0 + 2 * 0.24))


@pytest.mark.parametrize(
    "resources",
    [
        {"InstanceType": "ml.p4d.24xlarge", "InstanceCount": 2, "TrainingPlanArn": PLAN},
        {
            "InstancePreferences": [{"InstanceType": "ml.p4d.24xlarge", "TrainingPlanArns": [PLAN]}, PREFERENCES[1]],
            "SelectedInstanceType": "ml.p4d.24xlarge",
            "SelectedInstanceCount": 2,
        },
    ],
)
def test_the_cost_on_a_training_plan_is_unknown_rather_than_on_demand(resources: dict[str, Any]) -> None:
    job = trained(resources)

    assert (job.instances, job.training_plan) == ((InstanceGroup("ml.p4d.24xlarge", 2),), PLAN)
    assert cost_of(job, PRICES) is None


def test_a_preference_for_a_plan_that_was_not_selected_leaves_the_job_on_demand() -> None:
    preferences = [{"InstanceType": "ml.p4d.24xlarge", "TrainingPlanArns": [PLAN]}, {"InstanceType": "ml.c5.xlarge"}]

    job = trained(
        {"InstancePreferences": preferences, "SelectedInstanceType": "ml.c5.xlarge", "SelectedInstanceCount": 1}
    )

    assert job.training_plan is None
    assert cost_of(job, PRICES) == pytest.approx(0.12)


def test_a_sweep_says_which_of_its_jobs_a_training_plan_reserved() -> None:
    machines: dict[str, Any] = {"instances": (InstanceGroup("ml.p4d.24xlarge", 1),), "billable_seconds": 3600}
    reserved = [trial(n, {"eta": n}, 0.1 + n, training_plan=PLAN, **machines) for n in range(2)]
    billed = trial(2, {"eta": 2}, 2.1, **machines)
    unheard = trial(3, {"eta": 3}, 3.1, billable_seconds=3600, instances=(InstanceGroup("ml.unheard", 1),))

    alone = analysed(reserved, prices=PRICES).cost
    mixed = analysed([*reserved, billed, unheard], prices=PRICES).cost

    assert (alone.all.cost_usd, alone.all.reserved_jobs, alone.prices_usd_per_hour) == (None, 2, {})
    assert cost_text(alone) == "reserved: not billed by the hour"
    assert (mixed.all.unpriced_jobs, mixed.all.reserved_jobs) == (3, 2)
    assert cost_text(mixed) == (
        "at least $37.00 (estimate); 2 jobs reserved: not billed by the hour, 1 job without a price"
    )


@pytest.mark.parametrize("name", [*MACHINES, "ml.t3.medium", "ml.m7i.large", "ml.c5n.9xlarge", "ml.r7i.metal"])
def test_a_machine_with_gpus_is_never_taken_for_one_without(name: str) -> None:
    assert may_have_gpus(name) == (MACHINES[name].gpus > 0 if name in MACHINES else False)


@pytest.mark.parametrize(
    "name", ["ml.p6-b200.48xlarge", "ml.trn1.2xlarge", "ml.x2.large", "ml.mystery", "", "local_gpu"]
)
def test_a_machine_of_an_unknown_family_may_have_gpus(name: str) -> None:
    assert may_have_gpus(name)
