"""The best-trial report of an experiment: who holds the record, how it was reached, sweeps side by side."""

import re
from dataclasses import replace

import pytest

from tests import synthetic
from tests.unit.samples import at, job, record
from trialbook.core.analysis.analyse import analyse
from trialbook.core.analysis.digest import BEST_KEPT, digest, from_data, to_data
from trialbook.core.analysis.experiment import ExperimentReport, experiment_report
from trialbook.core.codec import pack, unpack
from trialbook.core.experiments import Experiment, candidates, summed_up
from trialbook.core.numbers import shown
from trialbook.core.sweeps import Record, Sweep, SweepKind, recount
from trialbook.report import experiment_files, index_file
from trialbook.report.step_chart import Stairs, step_chart


def sweep_of(name: str, start: float, values: dict[str, float], **given: str) -> tuple[Sweep, list[Record]]:
    """A sweep with a job for each eta and its error."""
    records = [
        replace(
            record(
                job(
                    f"{name}-{eta}",
                    start + n,
                    start + n + 1,
                    metrics={"validation:error": error},
                    hyper_parameters={"eta": eta, **given},
                )
            ),
            sweep=name,
        )
        for n, (eta, error) in enumerate(values.items())
    ]
    return recount(Sweep(name, SweepKind.TAG, "churn", revision=1, version=1), records), records


THREE = [
    sweep_of("first", 0, {"0.1": 0.30, "0.2": 0.25}),
    sweep_of("second", 60, {"0.1": 0.28, "0.3": 0.27}),
    sweep_of("third", 120, {"0.2": 0.24, "0.4": 0.20}, gamma="2"),
]


def report(given: list[tuple[Sweep, list[Record]]]) -> ExperimentReport:
    best = sorted((each for _, records in given for each in records), key=lambda each: each.experiment_rank)
    digests = [digest(analyse(sweep, records, as_of=at(999))) for sweep, records in given]
    sweeps = [sweep for sweep, _ in given]
    return experiment_report("churn", next(iter(candidates(sweeps)), None), sweeps, best, digests, at(999))


def test_the_champion_is_the_best_over_all_sweeps_with_its_lead_over_the_second() -> None:
    champion = report(THREE).champion

    assert champion is not None
    assert (champion.job_name, champion.sweep, champion.value) == ("third-0.4", "third", 0.20)
    assert (champion.second, champion.second_value) == ("third-0.2", 0.24)
    assert champion.margin == pytest.approx(0.04)


def test_the_copy_of_the_objective_that_tuning_jobs_add_is_no_metric_of_the_champion() -> None:
    sweep, (first, *others) = sweep_of("first", 0, {"0.1": 0.25, "0.2": 0.30})
    copied = job(
        first.job.name,
        0,
        1,
        metrics={"validation:error": 0.25, "ObjectiveMetric": 0.25},
        hyper_parameters=dict(first.job.hyper_parameters),
    )

    champion = report([(sweep, [replace(first, job=copied), *others])]).champion

    assert champion is not None
    assert champion.metrics == {"validation:error": 0.25}


def test_the_record_has_a_step_for_each_sweep_that_broke_it_and_says_what_changed() -> None:
    records = report(THREE).records

    assert [(each.sweep, each.value) for each in records] == [("first", 0.25), ("third", 0.20)]
    assert records[0].margin is None
    assert records[1].margin == pytest.approx(0.05)
    assert records[1].relative == pytest.approx(0.2)
    assert records[1].changed == ("eta = 0.4", "gamma = 2")


def test_each_step_of_the_record_is_measured_from_the_one_before() -> None:
    fourth = sweep_of("fourth", 180, {"0.5": 0.19})

    assert [each.margin for each in report([*THREE, fourth]).records][1:] == pytest.approx([0.05, 0.01])


def test_the_sentences_say_by_how_much_and_where() -> None:
    found = report(THREE)

    assert found.headline == "churn: best validation:error 0.2 by third-0.4"
    assert found.sentences[1:] == (
        "Better than the second best (0.24) by 0.04 (17%).",
        "The best improved once over 3 sweeps, last by 0.05 in third.",
    )


def test_sweeps_are_side_by_side_with_what_they_searched_and_their_best_so_far() -> None:
    first, _, third = report(THREE).compared

    assert first.steps == ((1, 0.30), (2, 0.25))
    assert third.ranges == {"eta": "0.2 and 0.4", "gamma": "2"}
    assert third.best_at == {"eta": 0.4, "gamma": "2"}


def test_a_sweep_by_another_objective_is_listed_and_not_compared() -> None:
    other = [
        record(job("x", 300, metrics={"validation:auc": 0.9})),
        record(job("y", 301, metrics={"validation:auc": 0.8})),
    ]
    apart = recount(Sweep("apart", SweepKind.TAG, "churn", revision=1), other)
    found = report([*THREE, (apart, other)])

    assert [line.sweep for line in found.sweeps] == ["first", "second", "third", "apart"]
    assert [each.sweep for each in found.compared] == ["first", "second", "third"]
    assert found.sentences[-1] == "1 sweep is ranked by another objective or not at all."


def test_an_experiment_of_which_nothing_ranks_has_a_report_too() -> None:
    failed = [record(job(f"f-{n}", n, status="Failed")) for n in range(2)]
    found = report([(recount(Sweep("all failed", SweepKind.TAG, "churn", revision=1), failed), failed)])

    assert found.headline == "churn: 1 sweep, nothing is ranked yet"
    assert found.champion is None
    assert b"all failed" in experiment_files(found)["report.html"]


def test_a_digest_survives_json_and_keeps_the_best_alone() -> None:
    found = synthetic.records(400)
    kept = digest(analyse(synthetic.sweep(found), found, as_of=at(1)))

    assert from_data(to_data(kept, "a picture")) == kept
    assert [row.rank for row in kept.trials] == list(range(1, BEST_KEPT + 1))


def test_a_digest_keeps_the_log_of_the_first_reason_that_has_one() -> None:
    whole = analyse(synthetic.sweep(found := synthetic.records(40)), found, as_of=at(1))
    without = whole.failures[0]
    first, second = (replace(without, reason=name, log=f"{name} log", log_of=name) for name in ("first", "second"))
    kept = digest(replace(whole, failures=(without, first, second)))

    assert [group.log for group in kept.failures] == ["", "first log", ""]


def test_an_experiments_entry_sums_its_sweeps_up() -> None:
    entry = summed_up("churn", [sweep for sweep, _ in THREE], THREE[2][1][1])

    assert (entry.sweeps, entry.counts.completed, entry.best_job, entry.best_value) == (3, 6, "third-0.4", 0.20)
    assert b"third-0.4" in index_file([entry])


def test_the_index_draws_the_bests_of_the_last_sweeps() -> None:
    entry = summed_up("churn", [sweep for sweep, _ in THREE], THREE[2][1][1])
    page = index_file([entry, summed_up("empty", [], None)]).decode()

    assert entry.recent == tuple(sweep.best.value for sweep, _ in THREE if sweep.best)
    assert page.count('<svg class="spark"') == 1
    assert f"Best of each sweep in time: {', '.join(map(shown, entry.recent))}" in page


def test_an_entry_that_was_written_before_it_kept_bests_is_readable() -> None:
    kept = pack(summed_up("churn", [sweep for sweep, _ in THREE], THREE[2][1][1]))
    del kept["recent"]

    assert unpack(Experiment, kept).recent == ()


def test_each_sweep_has_its_point_though_the_first_was_never_beaten() -> None:
    found = report([sweep_of(name, start, {"0.1": value}) for name, start, value in (("x", 0, 0.1), ("y", 60, 0.3))])
    page = experiment_files(found)["report.html"].decode()

    assert len(found.records) == 1
    assert page.count('<circle class="point"') == 2 * 2, "in a wide chart and in a narrow one"


def test_of_two_objectives_that_as_many_sweeps_have_the_later_counts_and_the_rules_above_all() -> None:
    other = [record(job(f"x-{n}", n, metrics={"validation:auc": n / 10})) for n in range(2)]
    later = recount(Sweep("later", SweepKind.TAG, "churn", revision=1), other)
    first, later_objective = THREE[0][0], later.objective

    assert candidates([first, later]) == (later_objective, first.objective)
    assert candidates([first, later, THREE[1][0]]) == (first.objective, later_objective)
    assert candidates([first], later_objective) == (later_objective, first.objective)


def test_hostile_names_are_text_on_both_pages() -> None:
    name = "<script>alert(1)</script>\"'"
    sweep, records = sweep_of("x", 0, {"0.1": 0.3, "0.2": 0.2}, **{name: name})
    hostile = replace(sweep, id=name, experiment=name)
    found = experiment_report(
        name, hostile.objective, [hostile], records, [digest(analyse(hostile, records, as_of=at(1)))], at(1)
    )

    for page in (experiment_files(found)["report.html"], index_file([summed_up(name, [hostile], records[1])])):
        assert page.count(b"<script>") == 1, "its own, which takes links away"
        assert b"&lt;script&gt;" in page


def test_stairs_keep_to_their_box_and_their_ticks_to_round_numbers() -> None:
    chart = step_chart([Stairs("a", ((1, 0.5), (4, 0.25)), 10), Stairs("b", ((2, 0.4),), 3)], "x", "y")
    left, top, right, bottom = chart.box
    places = [tuple(map(float, point.split(","))) for line in chart.lines for point in line.points.split(" ")]

    assert all(left <= x <= right and top <= y <= bottom for x, y in places)
    assert [text for _, text in chart.rows] == ["0.3", "0.4", "0.5"]
    assert [text for _, text in chart.columns] == ["0", "5", "10"]


def test_hyperparameters_are_rounded_as_everywhere_with_their_full_value_in_the_title() -> None:
    found = report(
        [sweep_of("first", 0, {"0.1": 0.3}), sweep_of("second", 60, {"0.0532452938": 0.2}, gamma="1.98765432")]
    )
    page = experiment_files(found)["report.html"].decode()

    assert page.count('<span title="0.0532452938">0.05325</span>') >= 2, "of the best trial, and what changed"
    assert '<span title="1.98765432">1.988</span>' in page
    assert not re.search(r">[^<]*(= 0\.0532452938|1\.98765432)", page)
