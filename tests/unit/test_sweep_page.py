"""The page of a sweep says what the analysis found."""

import json
import random
import re
from html import unescape
from math import log10
from typing import Any

from tests.unit.analysing import analysed, swept, trial
from trialbook.core.analysis.model import Analysis
from trialbook.core.analysis.serialised import to_dict
from trialbook.core.charts.choice import picture
from trialbook.report.sweep_page import sweep_page


def page_of(found: Analysis) -> str:
    return sweep_page(found, json.dumps(to_dict(found), allow_nan=False, default=str), picture(found), b"")


def text_of(found: Analysis) -> str:
    """The page's words, without its markup and its data."""
    body = page_of(found).partition("<body")[2].partition("<script")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body.replace("<wbr>", ""))).split())


def test_the_pair_that_matters_together_has_a_bar_of_its_own() -> None:
    source = random.Random(5)
    given = [{"a": source.random(), "b": source.random(), "c": source.random()} for _ in range(100)]
    found = analysed([trial(n, each, float((each["a"] > 0.5) != (each["b"] > 0.5))) for n, each in enumerate(given)])
    shown = text_of(found)

    assert re.search(r"a × b \d+% .{0,9}matter together", shown)
    assert "not combinations" not in shown


def test_repeats_are_shown_with_the_best_mean_beside_the_best_single_trial() -> None:
    values = [0.10, 0.19, 0.18, 0.13, 0.12, 0.125]
    found = text_of(analysed([trial(n, {"eta": n // 3, "seed": n}, value) for n, value in enumerate(values)]))

    assert "Best single trial 0.1 " in found
    assert re.search(r"Best by mean 0.125 over 3 repeats \(95%: 0\.\d+ to 0\.\d+\), at eta = 1", found)


def test_the_difference_between_failed_and_other_jobs_has_its_exceptions() -> None:
    """A cause need not hold for all: nine of the ten jobs with it failed."""
    records = []
    for n in range(60):
        fails = n % 6 == 5 and n != 35
        more: dict[str, Any] = {"status": "Failed", "failure_reason": "AlgorithmError: out of memory"} if fails else {}
        records.append(trial(n, {"depth": n % 6, "eta": (n * 37 % 60) / 60}, None if fails else n / 60, **more))

    assert re.search(
        "depth [=≥] 5 : 9 of the 10 jobs there failed so, and 0 of the 50 others.", text_of(analysed(records))
    )


def test_importance_among_the_better_half_is_shown_beside_that_of_all() -> None:
    """Far from the best `x` and `y` matter alike; among the good trials `x` alone does."""
    source = random.Random(1)
    records = []
    for n in range(300):
        x, y = source.uniform(-5, 5), source.uniform(-5, 5)
        value = x**2 + y**2 if x**2 + y**2 >= 9 else x**2 + y**2 / 100
        records.append(trial(n, {"x": x, "y": y}, value))
    found = analysed(records)

    assert found.groups[0].importance_of_better is not None
    assert "Hyperparameter All trials Better half Direction" in text_of(found)


def test_missing_facts_of_a_sweep_leave_no_empty_line() -> None:
    for given in ([trial(n, {"x": n}, n) for n in range(3)], [trial(0, {}, None)], []):
        page = page_of(analysed(given, sweep=swept([trial(0, {}, None)])))

        assert "Billed tokens" not in page
        assert re.findall(r"<dt>([^<]*)</dt><dd>\s*</dd>", page) == []


def test_the_grey_strip_is_explained_where_there_is_one() -> None:
    values = [0.15 + n / 1000 for n in range(40)] + [0.25 + n / 200 for n in range(12)]
    found = analysed([trial(n, {"x": n}, value) for n, value in enumerate(values)])

    assert "outliers, with their own scale" in text_of(found)
    assert "outliers, with" not in text_of(analysed([trial(n, {"x": n}, n) for n in range(20)]))


def test_an_importance_is_shown_in_whole_percents() -> None:
    source = random.Random(3)
    given = [{name: source.random() for name in "abc"} for _ in range(120)]
    found = text_of(analysed([trial(n, x, x["a"] + source.gauss(0, 0.02)) for n, x in enumerate(given)]))

    assert re.search(r"\b[bc] <1%|\b[bc] 0%", found)


def test_a_heading_breaks_within_long_names_and_not_within_values() -> None:
    source = random.Random(4)
    names = [
        "model.encoder.transformer_blocks.attention_dropout",
        "optimizer.param_groups.0.learning_rate_warmup",
        "eta",
    ]
    given = [{name: source.random() for name in names} for _ in range(20)]
    found = analysed([trial(n, each, sum(each.values())) for n, each in enumerate(given)])
    heading = page_of(found).partition("<h1>")[2].partition("</h1>")[0]
    unbroken = re.findall(r'<span class="unbroken">(.*?)</span>', heading)

    assert unescape(re.sub(r"<[^>]+>", "", heading)) == found.headline
    assert max(map(len, unbroken)) <= 24, "a phone's line has no room for more"
    assert all(any(each.endswith(text) for each in unbroken) for text in re.findall(r" = \S*\d", found.headline))
    assert any(each.startswith("eta = ") for each in unbroken)


def test_the_best_of_whole_numbers_is_a_whole_number() -> None:
    source = random.Random(3)
    given = [{"lr": 10 ** source.uniform(-5, 0), "depth": source.randint(1, 12)} for _ in range(40)]
    values = [
        (log10(each["lr"]) + 2.5) ** 2 / 4 + (each["depth"] - 6) ** 2 / 20 + source.gauss(0, 0.1) for each in given
    ]
    found = analysed([trial(n, each, value) for n, (each, value) in enumerate(zip(given, values, strict=True))])
    assert found.groups[0].importance is not None
    depth = next(each for each in found.groups[0].importance.effects if each.parameter == "depth")

    assert depth.best_at.isdigit()


def test_a_rounded_setting_has_its_full_value_in_its_title() -> None:
    found = page_of(analysed([trial(n, {"eta": 0.0123456789 * (n + 1), "gamma": "0.98765432"}, n) for n in range(3)]))

    assert '<span title="0.0123456789">0.01235</span>' in found
    assert '<span title="0.98765432">0.9877</span>' in found, "a constant"


def test_a_category_is_best_with_a_value_and_not_near_one() -> None:
    source = random.Random(3)
    given = [{"arch": source.choice(["cnn", "vit", "mlp"]), "eta": source.random()} for _ in range(40)]
    found = analysed(
        [trial(n, each, float(each["arch"] != "vit") + source.gauss(0, 0.1)) for n, each in enumerate(given)]
    )

    assert "depends on the value; best with vit" in text_of(found)


def test_a_hyperparameter_that_the_best_trial_lacks_is_not_set_rather_than_unknown() -> None:
    found = text_of(analysed([trial(0, {"units": 16}, 0.1), trial(1, {"depth": 3}, 0.2)]))

    assert "depth not set units 16" in found


def test_many_hyperparameters_without_effect_share_a_row_and_a_long_list_is_folded() -> None:
    source = random.Random(4)
    names = [f"n{number:02}" for number in range(30)]
    given = [{name: source.random() for name in names} for _ in range(150)]
    found = analysed([trial(n, x, x["n07"] + source.gauss(0, 0.01)) for n, x in enumerate(given)])
    shown = text_of(found)
    others = re.search(r"(\d+) others ((?:n\d\d, )+n\d\d) <1%", shown)

    assert found.groups[0].importance is not None
    assert others is not None
    alone = [each.parameter for each in found.groups[0].importance.effects]
    assert len(others[2].split(", ")) == int(others[1]) == len(alone) - 6
    assert "n07" not in others[2]
    assert "18 more n12" in shown


def test_few_hyperparameters_without_effect_have_a_row_each() -> None:
    source = random.Random(4)
    given = [{name: source.random() for name in "abcde"} for _ in range(100)]
    found = analysed([trial(n, x, x["a"]) for n, x in enumerate(given)])

    assert not re.search(r"\d+ others <1%|\d others [a-e],", text_of(found))
    assert not re.search(r"<summary>\d+ more</summary>", page_of(found))


def test_a_shared_row_claims_nothing_of_a_better_half_in_which_a_hyperparameter_was_not_looked_at() -> None:
    source = random.Random(4)
    given = [{f"n{number:02}": source.random() for number in range(30)} for _ in range(200)]
    found = analysed([trial(n, x, x["n07"] + source.gauss(0, 0.01)) for n, x in enumerate(given)])
    better = found.groups[0].importance_of_better
    row = re.search(r'<tr class="others">.*?</details>(.*?)</td>(.*?)</tr>', page_of(found), re.S)

    assert better is not None
    assert row is not None
    alone = {each.parameter for each in found.groups[0].importance.effects[6:]}  # type: ignore[union-attr]
    known = alone <= {each.parameter for each in better.effects}
    assert re.findall(r'class="half">(.*?)</td>', row[0]) == ["&lt;1%" if known else "–"]
