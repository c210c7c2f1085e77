"""The page of a sweep says what the analysis found."""

import json
import random

from tests.unit.analysing import analysed, trial
from trialbook.core.analysis.serialised import to_dict
from trialbook.core.charts.choice import picture
from trialbook.report.sweep_page import sweep_page


def test_the_caption_of_importance_names_the_pair_that_matters_together() -> None:
    source = random.Random(5)
    given = [{"a": source.random(), "b": source.random(), "c": source.random()} for _ in range(100)]
    found = analysed([trial(n, each, float((each["a"] > 0.5) != (each["b"] > 0.5))) for n, each in enumerate(given)])
    page = sweep_page(found, json.dumps(to_dict(found), allow_nan=False, default=str), picture(found), b"")

    assert "a and b matter together" in page
    assert "not combinations" not in page
