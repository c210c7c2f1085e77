"""A loop is a search: jobs in which nothing differs that could be searched are single jobs."""

from functools import partial
from typing import Any

from tests.launching import at, execution_event, launched, tags, training
from tests.relocated import HERE
from trialbook.core.times import iso
from trialbook_cli import replaying
from trialbook_cli.replaying import ReplayOutcome

replay = partial(replaying.replay, without=("BuildReport", "PostSlack", "PostEmail"))


def event_types(found: ReplayOutcome) -> list[str]:
    return [event["detail-type"] for event in found.announced]


def sizes(found: ReplayOutcome) -> list[int]:
    return sorted(sweep.counts.jobs for sweep in found.sweeps if sweep.counts.jobs)


def hourly(settings: list[dict[str, str]], **fields: Any) -> list[dict[str, Any]]:
    """A training each hour, of 55 minutes."""
    return [
        training(f"demand-2026-11-20-{9 + n:02}-00-00-000", 60 * n, 60 * n + 56, given, **fields)
        for n, given in enumerate(settings)
    ]


def test_a_retraining_each_hour_is_a_single_job_each_time_and_reported_soon_after_its_end() -> None:
    found = replay(launched(hourly([{"epochs": "5"}] * 4)))

    assert sizes(found) == [1, 1, 1, 1]
    assert event_types(found) == ["Job Finished"] * 4


def test_a_retraining_that_takes_longer_than_its_period_is_reported_each_time_while_the_next_one_runs() -> None:
    jobs = [training(f"demand-2026-11-20-{9 + n:02}-00-00-000", 60 * n, 60 * n + 75, {"epochs": "5"}) for n in range(4)]
    found = replay(launched(jobs))
    first = next(event for event in found.announced if event["detail-type"] == "Job Finished")

    assert {event["detail"]["id"] for event in found.announced if event["detail-type"] == "Job Finished"} == {
        f"job-finished/{HERE.id}/{HERE.region}/TrainingJob/{record.job.name}/{iso(record.job.created_at)}"
        for record in found.records
        if record.job.created_at is not None
    }
    assert set(event_types(found)) == {"Job Finished"}
    assert first["time"] < iso(at(2 * 60))


def test_executions_of_a_pipeline_that_abut_are_single_jobs_though_their_settings_differ() -> None:
    executions = ["ctd6lgoe9v0a", "k2vn0c7dw1xx", "zz81m4pqr0ab"]
    jobs = [
        training(f"pipelines-{execution}-Train-ssFiEMAL{n}h", 60 * n + 1, 60 * n + 57, {"eta": f"0.{n + 1}"})
        for n, execution in enumerate(executions)
    ]
    events = [execution_event("Churn", execution, 60 * n) for n, execution in enumerate(executions)]
    found = replay(launched(jobs, events))

    assert sizes(found) == [1, 1, 1]
    assert [kind for kind in event_types(found) if not kind.startswith("Pipeline ")] == ["Job Finished"] * 3
    assert {record.experiment for record in found.records} == {"churn"}


def test_a_steps_second_attempt_is_no_sweep_of_two() -> None:
    names = [f"Train-ctd6lgoe9v0a-kPXa4yBq9{n}-{n}" for n in range(2)]
    jobs = [
        training(names[0], 1, 10, {"eta": "0.1"}, status="Failed"),
        training(names[1], 11, 20, {"eta": "0.1"}),
    ]
    found = replay(launched(jobs, [execution_event("Churn", "ctd6lgoe9v0a", 0)]))
    trained = [record for record in found.records if record.key.kind == "TrainingJob"]

    assert sizes(found) == [1, 1]
    assert {(record.experiment, record.trial) for record in trained} == {("churn", "ctd6lgoe9v0a")}


def test_two_people_under_the_sdks_default_name_are_separated_by_their_data() -> None:
    jobs = []
    for n in range(3):
        stamp = f"2026-11-20-09-00-{n:02}"
        jobs.append(training(f"own-{stamp}-100", n, n + 20, {"eta": f"0.{n + 1}"}, data="s3://bucket/churn/"))
        jobs.append(training(f"own-{stamp}-200", n, n + 20, {"depth": str(n + 3)}, data="s3://bucket/fraud/"))
    found = replay(launched(jobs))

    assert sizes(found) == [3, 3]
    assert event_types(found).count("Sweep Started") == 2


def test_a_search_over_data_under_the_sdks_default_name_is_one_sweep() -> None:
    jobs = [
        training(f"own-2026-11-20-09-00-0{n}-100", n, n + 20, {"eta": "0.1"}, data=f"s3://bucket/{folder}/")
        for n, folder in enumerate(["small", "large", "all"])
    ]
    found = replay(launched(jobs))

    assert sizes(found) == [3]
    assert (event_types(found).count("Sweep Started"), event_types(found).count("Job Finished")) == (1, 0)


def test_two_people_under_the_sdks_default_name_are_separated_by_studios_tag() -> None:
    jobs = []
    for n in range(3):
        for number, person in enumerate(["anna", "ben"]):
            name = f"own-2026-11-20-09-00-0{n}-{number}00"
            jobs.append(training(name, n, n + 20, {"eta": f"0.{n + 1}{number}"}))
            profile = f"arn:aws:sagemaker:eu-west-1:000000000000:user-profile/d-1/{person}"
            jobs.append(tags(name, **{"sagemaker:user-profile-arn": profile}))

    assert sizes(replay(launched(jobs))) == [3, 3]


def test_a_search_whose_jobs_write_where_their_names_say_is_one_sweep() -> None:
    jobs = []
    for n in range(3):
        name = f"tf-2026-11-20-09-00-0{n}-100"
        jobs.append(training(name, n, n + 5, {"lr": f"0.{n + 1}", "model_dir": f'"s3://bucket/{name}/model"'}))

    assert sizes(replay(launched(jobs))) == [3]
