"""What counts as searched over, and what a script made from the job itself."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.samples import START, job
from trialbook.core.hyper_parameters import (
    Launch,
    differing,
    is_label,
    is_same,
    number_in,
    one_spelling,
    searched,
    unquoted,
)
from trialbook.core.jobs import Job

STAMPS = [f"2026-11-20-10-0{minute}-00-{minute}17" for minute in range(4)]


def loop(values: Sequence[Mapping[str, str]], base: str = "tide") -> list[Job]:
    """A job a minute, named as SDKs name them."""
    return [
        job(f"{base}-{stamp}", minute, minute + 1, hyper_parameters=dict(each))
        for minute, (stamp, each) in enumerate(zip(STAMPS, values, strict=False))
    ]


def made(template: str, base: str = "tide") -> list[Job]:
    """A loop over the depth, with a new value for each job from the template."""
    moments = [START + timedelta(minutes=minute) for minute in range(4)]
    return loop(
        [
            {
                "depth": str(number),
                "made": template.format(
                    name=f"{base}-{stamp}", stamp=stamp, at=at, epoch=int(at.timestamp()), n=number
                ),
            }
            for number, (stamp, at) in enumerate(zip(STAMPS, moments, strict=True))
        ],
        base,
    )


@pytest.mark.parametrize(
    "template",
    [
        "s3://bucket/{name}/model",
        '"s3://bucket/{name}/model"',
        "/opt/ml/checkpoints/{stamp}",
        "{name}",
        "TIDE_{stamp}",
        "run-{at:%Y%m%d-%H%M%S}",
        "{at:%Y%m%d%H%M%S}",
        "{at:%Y-%m-%dT%H:%M:%SZ}",
        "{at:%Y-%m-%d %H:%M:%S.%f}",
        "logs/{at:%Y_%m_%d__%H_%M}/events",
        "{epoch}",
        "{epoch}000",
        "{epoch}.25",
        "ckpt-{epoch}/last",
        '{{"path": "s3://bucket/{name}", "keep": 3}}',
    ],
)
def test_values_made_from_the_jobs_name_or_time_are_not_searched(template: str) -> None:
    assert searched(made(template)) == ("depth",)


def test_the_name_counts_however_a_script_spells_its_joints_and_case() -> None:
    jobs = loop([{"made": f"s3://b/Tide_{stamp.replace('-', '_')}/x"} for stamp in STAMPS])

    assert searched(jobs) == ()


@pytest.mark.parametrize(
    "name",
    [
        *("run_name", "run-id", "runName", "wandb_run_name", "mlflow_run_id", "job_name", "trainingJobName", "job_id"),
        *("exp_id", "experiment_id", "session_uuid", "mlflow_id", "wandbId", "execution_arn"),
        *("trial_id", "uuid", "timestamp", "launch_time", "created_at", "output_dir", "output_data_dir", "outputPath"),
        *("out_dir", "log_dir", "logging_dir", "tensorboard_dir", "save_path", "results_prefix", "output_s3_uri"),
    ],
)
def test_labels_of_runs_and_places_where_they_write_are_not_searched(name: str) -> None:
    jobs = loop([{name: f"swift-fox-{number}", "depth": str(number)} for number in range(4)])

    assert searched(jobs) == ("depth",)


@pytest.mark.parametrize(
    "name",
    [
        *("learning_rate", "model_dir", "checkpoint_path", "task_name", "experiment_name", "model_name", "dataset_id"),
        *("output_dim", "out_channels", "log_interval", "save_steps", "n_trials", "run_eagerly", "job_type", "prefix"),
        *("input_path", "date", "start_date", "run", "num_runs", "trial_batch", "timestamps", "export_format"),
    ],
)
def test_names_that_only_sound_like_labels_are_searched(name: str) -> None:
    assert not is_label(name)
    assert searched(loop([{name: each} for each in ("a", "b", "c")])) == (name,)


@pytest.mark.parametrize(
    "values",
    [
        ("resnet50", "resnet101", "vgg16"),
        ("s3://bucket/2024-01-01/", "s3://bucket/2024-02-01/", "s3://bucket/2024-03-01/"),
        ("2026-11-18", "2026-11-19", "2026-11-20"),
        ("1234567890123456781", "1234567890123456782", "1234567890123456783"),
        ("1e-3", "1e-4", "1e-5"),
        ("0.00227582", "0.00226724", "0.00226725"),
        ("20261120", "20261121", "20261122"),
        ('{"lr": 0.1}', '{"lr": 0.2}', '{"lr": 0.3}'),
        ("f2a1c3d", "0b9e8d7", "aaf1122"),
    ],
)
def test_other_values_are_searched(values: Sequence[str]) -> None:
    assert searched(loop([{"made": each} for each in values])) == ("made",)


def test_a_path_that_holds_the_pipeline_execution_is_not_searched() -> None:
    jobs = [
        job(f"pipelines-{execution}-Train-Ab3dEf6h1j", n, hyper_parameters={"made": f"s3://b/churn/{execution}/prep"})
        for n, execution in enumerate(("k1l2m3n4o5p6", "q7r8s9t0u1v2"))
    ]

    assert searched(jobs) == ()


def test_a_job_named_after_the_value_that_is_searched_over_does_not_hide_it() -> None:
    jobs = [job(each, hyper_parameters={"architecture": each}) for each in ("resnet50", "resnet101")]

    assert searched(jobs) == ("architecture",)


def test_seeds_made_from_the_time_are_repeats_on_purpose() -> None:
    jobs = [job(f"t-{n}", n, hyper_parameters={"seed": str(int(START.timestamp()) + n)}) for n in range(3)]

    assert searched(jobs) == ("seed",)


def test_numbers_that_are_spelled_differently_are_one_value() -> None:
    spellings = ("0.1", "0.10", '"1e-1"', "+.1")
    jobs = loop([{"lr": each, "depth": str(number)} for number, each in enumerate(spellings)])

    assert searched(jobs) == ("depth",)
    assert is_same("lr", [Launch.of(each) for each in jobs])


def test_whole_numbers_of_any_size_are_distinct_to_their_last_digit() -> None:
    jobs = loop([{"salt": f"900719925474099{last}"} for last in (2, 3)])

    assert searched(jobs) == ("salt",)


def test_a_hyperparameter_that_some_jobs_lack_is_searched_unless_the_others_made_it() -> None:
    some, own = loop([{}, {"warmup": "1"}]), loop([{}, {"made": f"s3://b/tide-{STAMPS[1]}"}])

    assert searched(some) == ("warmup",)
    assert searched(own) == ()


def test_a_hyperparameter_with_a_range_is_searched_whatever_its_name() -> None:
    jobs = loop([{"run_name": "short"}, {"run_name": "long"}])

    assert searched(jobs, tuned=["run_name"]) == ("run_name",)


def test_hyperparameters_that_sagemaker_adds_are_never_searched() -> None:
    assert searched(loop([{"sagemaker_program": "a.py"}, {"sagemaker_program": "b.py"}])) == ()


def test_values_made_from_the_job_are_no_constants() -> None:
    launches = [Launch.of(each) for each in made("s3://bucket/{name}/model")]

    assert not is_same("made", launches)
    assert not is_same("made", launches[:1])


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6), st.integers(0, 5))
def test_every_spelling_of_a_number_has_the_same_value_and_the_same_one_spelling(number: Any, zeros: int) -> None:
    spellings = {f"{number:f}", f"{number:e}", f"{number:f}" + "0" * zeros}

    assert len({number_in(each) for each in spellings}) == 1
    assert len({one_spelling(each) for each in spellings}) == 1
    assert number_in(one_spelling(str(number))) == number


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.text(max_size=8)), min_size=1, max_size=4))
def test_differences_do_not_depend_on_the_order_of_jobs(values: list[dict[str, str]]) -> None:
    launches = [Launch("t", None, each) for each in values]

    assert differing(launches) == differing(launches[::-1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"adam"', "adam"),
        (r'"{\"lr\": 0.1}"', '{"lr": 0.1}'),
        (r'"C:\\temp"', r"C:\temp"),
        (r'"C:\x"', r"C:\x"),
        ('"', '"'),
        ("[1, 2]", "[1, 2]"),
    ],
)
def test_the_quotes_of_json_are_taken_off_with_the_backslashes_within(text: str, expected: str) -> None:
    assert unquoted(text) == expected
