"""What stands below categories."""

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.analysing import analysed, trial
from trialbook.core.analysis.parameters import shown_value
from trialbook.core.charts.choice import picture
from trialbook.core.charts.labels import by_name, labels
from trialbook.core.messages.leaders import Leader, Leaders, bars, table
from trialbook.core.numbers import aligned
from trialbook.core.objectives import Objective, ObjectiveSource, ObjectiveType

OBJECTIVE = Objective("loss", ObjectiveType.MINIMIZE, ObjectiveSource.RULES)
PATHS = [f"s3://bucket/a/rather/long/prefix/of/data/2026-03-{n % 28 + 1:02d}/part-{n:03d}.parquet" for n in range(120)]


def test_ids_with_a_common_prefix_get_distinct_labels() -> None:
    ids = ["org-name/Model-3.1-8B-Instruct", "org-name/Model-3.1-70B-Instruct", "org-name/Model-3.2-3B"]

    assert labels(ids, 28) == ["…3.1-8B-Instruct", "…3.1-70B-Instruct", "…3.2-3B"]


def test_short_names_stay_whole() -> None:
    assert labels(["tree_method", "tree_kind"], 28) == ["tree_method", "tree_kind"]


@given(st.lists(st.text(min_size=1, max_size=80), min_size=1, max_size=40, unique=True), st.integers(8, 40))
def test_labels_always_differ_and_never_are_too_long(names: list[str], longest: int) -> None:
    found = labels(names, longest)

    assert len(set(found)) == len(names)
    assert max(map(len, found)) <= longest


def test_names_are_in_order_their_numbers_by_size() -> None:
    assert sorted(["b", "a10", "a9", "a"], key=by_name) == ["a", "a9", "a10", "b"]


def test_each_of_many_categories_has_a_place_of_its_own_in_the_picture_and_the_best_has_a_label() -> None:
    """In the order of their names: in that of their ranks, chance looks like a trend."""
    values = [(n * 37 % 120) / 100 for n in range(120)]
    made = analysed([trial(n, {"part": path}, values[n] + 0.1) for n, path in enumerate(PATHS)])
    layers = picture(made).spec["layer"]
    axis = layers[0]["encoding"]["x"]
    drawn = {each["x"] for layer in layers for each in layer["data"]["values"]}

    assert drawn == set(PATHS)
    assert axis["sort"] == sorted(PATHS, key=by_name)
    assert made.groups[0].best.varied["part"] in axis["axis"]["values"]
    assert len(axis["axis"]["values"]) <= 17
    assert axis["title"] == "part (120 values, by name)"


def test_whole_numbers_are_whole_on_an_axis() -> None:
    made = analysed([trial(n, {"tokens": size}, n + 0.1) for n, size in enumerate((8192, 16384, 32768, 131072))])
    axis = picture(made).spec["layer"][0]["encoding"]["x"]["axis"]

    assert 'datum.value === 131072 ? "131072"' in axis["labelExpr"]


def test_a_messages_table_and_bars_distinguish_ids_with_a_common_prefix() -> None:
    ids = [f"organisation/A-Family-Of-Models-3.1-{size}B-Instruct-v0.1" for size in (8, 70, 405)]
    best = {name: {"model_id": name} for name in ids}
    trials = tuple(Leader(name, at / 10 + 0.1, best[name], 60.0) for at, name in enumerate(ids))
    found = Leaders(OBJECTIVE, trials, ("model_id",), {})
    made = table(found, 3)

    assert made is not None
    assert len({row[2] for row in made.rows}) == 3
    assert len({each.label for each in bars(found)}) == 3
    assert max(len(each.label) for each in bars(found)) <= 20


def test_the_points_of_a_messages_numbers_lie_below_each_other() -> None:
    trials = tuple(Leader(f"t-{at}", value, {}, 60.0) for at, value in enumerate((0.5, 0.25, 0.125)))
    made = table(Leaders(OBJECTIVE, trials, (), {}), 3)

    assert made is not None
    assert [row[1] for row in made.rows] == aligned(["0.5", "0.25", "0.125"])


def test_a_long_whole_number_is_not_cut() -> None:
    assert shown_value("7" * 250) == "7" * 250
