"""Dataclasses to JSON and back."""

import json

import pytest

from tests.unit.samples import job, record
from trialbook.core.codec import pack, unpack
from trialbook.core.jobs import ExperimentConfig, InputChannel, InstanceGroup, ParameterRange, TuningDefinition
from trialbook.core.sweeps import Record, Sweep, SweepKind, recount


def full_record() -> Record:
    made = job(
        metrics={"validation:error": 0.1, "odd": "NaN"},
        tags={"a": "b"},
        hyper_parameters={"eta": "0.2", "": "\ud800 \U0001f600"},
        channels=(InputChannel("train", "s3://b/train"),),
        instances=(InstanceGroup("ml.m5.xlarge", 2),),
        experiment_config=ExperimentConfig("churn", None),
    )
    return record(made)


def test_a_record_comes_back_as_it_was() -> None:
    text = json.dumps(pack(full_record()), allow_nan=False)

    assert unpack(Record, json.loads(text)) == full_record()


def test_a_sweep_comes_back_as_it_was() -> None:
    ranges = (ParameterRange("eta", "Continuous", 0.1, 0.5, "Logarithmic"),)
    definitions = (TuningDefinition(None, "validation:error", "Minimize", ranges=ranges),)
    sweep = recount(Sweep("tune", SweepKind.TUNING, "churn", definitions=definitions), [full_record()])

    assert unpack(Sweep, json.loads(json.dumps(pack(sweep)))) == sweep


def test_defaults_are_left_out_and_unknown_keys_passed_over() -> None:
    packed = pack(Sweep("x", SweepKind.TAG, "churn"))

    assert packed == {"id": "x", "kind": "tag", "experiment": "churn"}
    assert unpack(Sweep, {**packed, "of_the_future": 1}) == Sweep("x", SweepKind.TAG, "churn")


def test_a_missing_field_is_an_error() -> None:
    with pytest.raises(TypeError):
        unpack(Sweep, {"id": "x"})
