"""Jobs and sweeps as runs: names, limits, numbers and times, and that the same facts always give the same run."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from posixpath import normpath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.synthetic import sweep
from tests.unit.samples import job, record
from trialbook.core.curves.series import Axis, Series
from trialbook.core.jobs import InputChannel, JobKind, Metric
from trialbook.core.mlflow_names import LONGEST_NAME, experiment_name, named, plain_name, without_colons
from trialbook.core.mlflow_runs import (
    KEY_TAG,
    NOTE_TAG,
    PARENT_TAG,
    Batch,
    Point,
    RunStatus,
    Standing,
    batches,
    best_so_far,
    fitting_tags,
    halves,
    in_markdown,
    job_run,
    listed,
    millis,
    storable,
    sweep_key,
    sweep_run,
)

SOME_NAME = st.text(min_size=1, max_size=300)


def tags_of(**more: object) -> dict[str, str]:
    return dict(job_run(record(job(**more))).tags)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("validation:error", "validation:error"),
        ("größe", "größe"),
        ("a b/c.d-e_f", "a b/c.d-e_f"),
        ("auc@5", "auc_at_5"),
        ("top1%", "top1_percent"),
        ("p<0.1", "p_below_0.1"),
        ("a,b", "a_b"),
        ("/a", "a"),
        ("a//b", "a/b"),
        ("../a", "a"),
        (" a ", "a"),
        ("..", "unnamed"),
        ("@", "at"),
        ("", "unnamed"),
    ],
)
def test_a_name_that_mlflow_refuses_is_changed_and_others_are_not(given: str, written: str) -> None:
    assert plain_name(given) == written


@given(SOME_NAME)
def test_any_name_becomes_one_that_mlflow_takes(text: str) -> None:
    name = plain_name(text)

    assert 0 < len(name) <= LONGEST_NAME
    assert re.fullmatch(r"[\w.\- :/]+", name)
    assert normpath(name) == name
    assert not name.startswith(("/", ".."))
    assert plain_name(name) == name


@given(st.lists(SOME_NAME | st.text("aA:_", min_size=1, max_size=4), max_size=12))
def test_names_for_servers_that_take_no_colons_stay_different_and_those_without_stay_as_they_are(
    originals: list[str],
) -> None:
    taken = set(named(originals).names.values())
    names = without_colons(taken)

    assert names.keys() == taken
    assert len({name.casefold() for name in names.values()}) == len(taken)
    assert all((name == original) if ":" not in original else ":" not in name for original, name in names.items())
    assert all(normpath(name) == name and len(name) <= LONGEST_NAME for name in names.values())


@given(
    st.lists(st.integers(), unique=True, max_size=9),
    st.lists(st.integers(), unique=True, max_size=9),
    st.lists(st.integers(), unique=True, max_size=9),
)
def test_halves_of_a_request_have_all_of_it_once(params: list[int], metrics: list[int], tags: list[int]) -> None:
    whole = Batch(
        tuple((str(each), "") for each in params),
        tuple(Point(str(each), 0, 0) for each in metrics),
        tuple((str(each), "") for each in tags),
    )
    divided = halves(whole)

    assert divided is not None or len(params) + len(metrics) + len(tags) < 3
    if divided is not None:
        first, second = divided
        assert Batch() not in divided
        assert (first.params + second.params, first.metrics + second.metrics, first.tags + second.tags) == (
            whole.params,
            whole.metrics,
            whole.tags,
        )


@given(st.lists(SOME_NAME, max_size=12))
def test_names_stay_different_also_without_regard_to_case_and_lead_back_to_the_original(originals: list[str]) -> None:
    found = named(originals)
    back = {**{name: original for original, name in found.names.items()}, **found.renamed}

    assert len({name.casefold() for name in found.names.values()}) == len(set(originals))
    assert {back[name] for name in found.names.values()} == set(originals)


def test_names_that_differ_only_in_case_stay_distinct_in_mlflow() -> None:
    found = named(["LR", "lr", "lr@"])

    assert sorted(found.names.values()) == ["LR", "lr_2", "lr_at"]
    assert found.renamed == {"lr_2": "lr", "lr_at": "lr@"}


@pytest.mark.parametrize(
    ("status", "more", "wanted"),
    [
        ("Completed", {}, RunStatus.FINISHED),
        ("Failed", {}, RunStatus.FAILED),
        ("Stopped", {}, RunStatus.KILLED),
        ("Stopped", {"tuning_job": "t", "metrics": {"validation:error": 0.2}}, RunStatus.FINISHED),
        ("Stopped", {"tuning_job": "t"}, RunStatus.KILLED),
        ("Stopping", {}, RunStatus.RUNNING),
        ("InProgress", {}, RunStatus.RUNNING),
    ],
)
def test_a_run_ends_as_its_job_did(status: str, more: dict[str, object], wanted: RunStatus) -> None:
    run = job_run(record(job(status=status, **more)))  # type: ignore[arg-type]

    assert run.status is wanted
    assert (run.ended is None) == (wanted is RunStatus.RUNNING)
    assert ("trialbook.early_stopped" in run.tags) == (status == "Stopped" and wanted is RunStatus.FINISHED)


def test_times_are_exact_to_the_millisecond() -> None:
    begun = datetime(2025, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    made = replace(job(), created_at=begun, ended_at=begun + timedelta(milliseconds=1))
    run = job_run(record(made))

    assert (run.started, run.ended) == (1_735_787_045_678, 1_735_787_045_679)


@given(st.integers(0, 7_258_118_400_000))
def test_milliseconds_never_round(milliseconds: int) -> None:
    assert millis(datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)) == milliseconds


def test_metrics_keep_their_bits_and_what_is_no_number_goes_to_a_tag() -> None:
    made = replace(
        job(),
        final_metrics=(
            Metric.of("loss", 0.1 + 0.2, minimum=1e-300, maximum=1.7e308),
            Metric.of("nan", "NaN"),
            Metric.of("inf", float("-inf")),
            Metric.of("auc@5", 0.5),
        ),
    )
    run = job_run(record(made))

    values = {each.name: each.value for each in run.metrics}
    assert values == {"loss": 0.1 + 0.2, "loss.min": 1e-300, "loss.max": 1.7e308, "auc_at_5": 0.5}
    assert json.loads(run.tags["trialbook.not_finite"]) == {"nan": "NaN", "inf": "-Infinity"}
    assert json.loads(run.tags["trialbook.renamed_metrics"]) == {"auc_at_5": "auc@5"}


def test_hyperparameters_become_parameters_at_the_end_and_are_in_the_note_before() -> None:
    given = {"eta": '"0.2"', "sagemaker_program": "train.py", "a,b": "1", "long": "x" * 7_000}
    running, ended = (job_run(record(job(end=end, hyper_parameters=given))) for end in (None, 5))

    assert running.params == {}
    assert "eta = 0.2" in running.tags[NOTE_TAG]
    assert {name: len(value) for name, value in ended.params.items()} == {"eta": 3, "a_b": 1, "long": 6_000}
    assert ended.tags["trialbook.cut_params"] == "long"
    assert json.loads(ended.tags["trialbook.renamed_params"]) == {"a_b": "a,b"}


def test_a_job_leads_to_its_source_image_commit_owner_data_and_model() -> None:
    made = job(
        arn="arn:aws:sagemaker:us-east-1:123456789012:training-job/churn-1",
        image="123.dkr.ecr/own:1",
        tags={"git-commit": "abc", "team": "growth", "trialbook:trial": "t", "a:b@c": "d"},
        channels=(InputChannel("train", "s3://b/train"), InputChannel("fast", None), InputChannel("x", "s3://b/x")),
        model_artifact="s3://b/model.tar.gz",
    )
    run = job_run(record(made), parent="p" * 32, owner="ana")

    assert {
        tag: run.tags[tag] for tag in run.tags if tag.startswith(("mlflow.s", "mlflow.d", "mlflow.u", "mlflow.p"))
    } == {
        PARENT_TAG: "p" * 32,
        "mlflow.source.type": "JOB",
        "mlflow.source.name": made.arn,
        "mlflow.source.git.commit": "abc",
        "mlflow.docker.image.uri": made.image,
        "mlflow.user": "ana",
    }
    assert run.tags["sagemaker.tags.team"] == "growth"
    assert run.tags["sagemaker.tags.a:b_at_c"] == "d"
    assert "sagemaker.tags.trialbook:trial" not in run.tags
    assert [(each.name, each.context, json.loads(each.source)) for each in run.inputs] == [
        ("train", "training", {"uri": "s3://b/train"}),
        ("x", "x", {"uri": "s3://b/x"}),
    ]
    assert (run.model, run.key) == ("s3://b/model.tar.gz", "123456789012/us-east-1/TrainingJob/churn-1")


def test_a_transform_jobs_model_name_is_no_address_of_a_model() -> None:
    assert job_run(record(job(kind=JobKind.TRANSFORM, model_artifact="my-model"))).model is None


def test_a_failure_reason_is_shown_as_text() -> None:
    tags = tags_of(status="Failed", failure_reason="a <b> [c](http://x)\n# d")

    assert tags[NOTE_TAG] == r"**Failed:** a \<b\> \[c\](http://x) \# d"
    assert tags["trialbook.failure_reason"].startswith("a <b>")


@given(st.text())
def test_no_text_breaks_out_of_markdown(text: str) -> None:
    said = in_markdown(text)

    assert "\n" not in said
    for sign in "<[*`#|":
        assert said.count(sign) == said.count(f"\\{sign}")


@example({"/ 0": ""})
@given(st.dictionaries(st.text(max_size=60), st.text(max_size=9_000), max_size=20))
def test_tags_are_such_as_mlflow_and_its_databases_take(tags: dict[str, str]) -> None:
    for name, value in fitting_tags(tags).items():
        assert plain_name(name) == name
        assert len(value) <= 4_900
        assert storable(value) == value


@given(st.dictionaries(st.text(max_size=300), st.text(max_size=300), max_size=60))
def test_a_listing_is_json_that_fits_a_tag(mapping: dict[str, str]) -> None:
    text = listed(mapping)
    kept = json.loads(text)

    assert len(text) <= 4_900 + 20
    assert {name: kept[name] for name in kept if name != "…"}.items() <= mapping.items()
    assert len(kept) == len(mapping) or "…" in kept


@given(
    st.integers(0, 250),
    st.integers(0, 2_500),
    st.integers(0, 250),
    st.integers(1, 6_000),
)
def test_batches_keep_mlflows_limits_and_lose_nothing(params: int, metrics: int, tags: int, length: int) -> None:
    given_params = {f"p{n}": "x" * length for n in range(params)}
    given_tags = {f"t{n}": "é" * min(length, 4_900) for n in range(tags)}
    points = [Point(f"m{n // 3}", float(n), 1) for n in range(metrics)]

    made = list(batches(given_params, points, given_tags))

    for each in made:
        assert len(each.params) <= 100
        assert len(each.tags) <= 100
        assert len(each.params) + len(each.tags) + len(each.metrics) <= 1_000
        assert len(json.dumps([each.params, each.tags])) <= 1_000_000
        assert len({point.name for point in each.metrics}) <= 100  # more can't be repeated on servers before 3.10
    assert dict(pair for each in made for pair in each.params) == given_params
    assert dict(pair for each in made for pair in each.tags) == given_tags
    assert [point for each in made for point in each.metrics] == points


def test_experiments_are_named_with_the_prefix_of_the_rules() -> None:
    assert experiment_name("sagemaker/", "churn") == "sagemaker/churn"
    assert len(experiment_name("", "x" * 600)) == 500
    assert experiment_name("", "a\nb") == "a_b"


def test_the_curve_shows_the_best_after_each_job_that_ended() -> None:
    values = [0.3, None, 0.5, 0.2]
    found = [
        replace(
            record(
                job(
                    f"j-{n}",
                    n,
                    n + 5,
                    status="Failed" if value is None else "Completed",
                    metrics={} if value is None else {"validation:error": value},
                )
            ),
            sweep="s",
            version=1,
        )
        for n, value in enumerate(values)
    ]

    points = list(best_so_far(sweep(found), found))

    assert [(each.name, each.value, each.step) for each in points] == [
        ("best.validation:error", 0.3, 1),
        ("best.validation:error", 0.3, 2),
        ("best.validation:error", 0.3, 3),
        ("best.validation:error", 0.2, 4),
    ]
    assert points[0].at == millis(found[0].job.ended_at)


def test_a_fact_in_words_takes_no_figures_place() -> None:
    found = [replace(record(job("j-0", 0, 5, metrics={"validation:error": 0.3})), sweep="s", version=1)]
    words = (("Jobs", "1 of 1 jobs completed"), ("Best job", "the first"), ("Key", "x"), ("Cost", "0.10 USD"))
    tags = sweep_run(sweep(found), Standing("Best", facts=words)).tags

    assert (tags["trialbook.jobs"], tags["trialbook.best_job"]) == ("1", "j-0")
    assert tags[KEY_TAG] == sweep_key(sweep(found))
    assert tags["trialbook.cost"] == "0.10 USD"


def test_the_same_record_gives_the_same_run() -> None:
    made = record(job(hyper_parameters={"b": "1", "a": "2"}))

    assert job_run(made) == job_run(made)
    assert KEY_TAG in job_run(made).tags


def history(axis: Axis, points: list[tuple[float, float | None]], final: float) -> list[Point]:
    """The metrics of a job that ran for ten minutes, its accuracy with a curve."""
    began = datetime(2026, 11, 20, 9, tzinfo=UTC)
    ended = began + timedelta(minutes=10)
    finals = (Metric("acc", final, minimum=0.1),)
    done = replace(job(), created_at=began, ended_at=ended, final_metrics=finals)
    moved = [(began.timestamp() + x, value) for x, value in points] if axis is Axis.TIME else points
    return list(job_run(record(done), curves={"acc": Series.of(axis, moved)}).metrics)


def test_a_curve_over_iterations_ends_with_the_final_value() -> None:
    end = millis(datetime(2026, 11, 20, 9, 10, tzinfo=UTC))
    found = history(Axis.ITERATION, [(0, 0.1), (1, None), (2, 0.95)], 0.9)

    # MLflow shows the greatest of the values at the last step: there is only one.
    assert found == [Point("acc", 0.1, end, 0), Point("acc", 0.9, end, 2), Point("acc.min", 0.1, end, 2)]


def test_a_curve_over_time_has_its_own_times_and_seconds_as_steps() -> None:
    began = millis(datetime(2026, 11, 20, 9, tzinfo=UTC))
    found = history(Axis.TIME, [(60, 0.1), (120, 0.2)], 0.9)

    assert [(each.step, each.value, each.at - began) for each in found if each.name == "acc"] == [
        (60, 0.1, 60_000),
        (120, 0.2, 120_000),
        (600, 0.9, 600_000),
    ]


def test_a_curve_whose_name_mlflow_refuses_is_renamed_like_its_final_value() -> None:
    done = replace(job(), final_metrics=(Metric("auc@5", 0.5),))
    run = job_run(record(done), curves={"auc@5": Series.of(Axis.ITERATION, [(0, 0.4), (1, 0.5)])})

    assert [(each.name, each.step) for each in run.metrics] == [("auc_at_5", 0), ("auc_at_5", 1)]
    assert json.loads(run.tags["trialbook.renamed_metrics"]) == {"auc_at_5": "auc@5"}
