"""Compressed facts: the same text comes back, whichever version wrote it."""

import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.launching import training
from tests.relocated import HERE
from trialbook.core.assessment import assess
from trialbook.core.codec import pack
from trialbook.core.describe import job_from_detail
from trialbook.core.jobs import JobKind
from trialbook.core.placement import LeftOut, place
from trialbook.core.rules.document import Rules
from trialbook.ledger.packing import packed, unpacked

ANY_TEXT = st.text(st.characters())  # lone surrogates too


@given(ANY_TEXT)
def test_packed_facts_always_come_back(text: str) -> None:
    assert unpacked(packed(text)) == text


@given(ANY_TEXT)
def test_items_compressed_without_the_dictionary_are_always_read(text: str) -> None:
    assert unpacked(zlib.compress(text.encode("utf-8", "surrogatepass"))) == text


def test_content_that_ends_early_is_never_taken_for_a_whole_text() -> None:
    content = packed('{"job": {"status": "Completed"}}' * 9)

    for end in range(len(content)):
        with pytest.raises(zlib.error):
            unpacked(content[:end])


def test_the_dictionary_of_the_items_that_exist_stays_as_it_is() -> None:
    # zlib names the dictionary in bytes 2 to 6 by its checksum. Another one could not read the items of this one.
    assert int.from_bytes(packed("facts")[2:6]) == 3_222_658_130


def test_a_finished_job_takes_half_of_the_bytes_that_zlib_alone_takes() -> None:
    described = training("resnet-1", 0, 40, {"lr": "0.1", "momentum": "0.9", "optimizer": "adam"}, value=0.9)
    job = job_from_detail(JobKind.TRAINING, described["response"], HERE.id, HERE.region, described=True)
    placement = place(job, Rules())
    assert not isinstance(placement, LeftOut)
    text = json.dumps(pack(assess(job, placement, Rules(), (), 1)), separators=(",", ":"))

    assert len(packed(text)) < 0.5 * len(zlib.compress(text.encode()))
