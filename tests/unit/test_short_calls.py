"""What a replay reads of its own DynamoDB is what botocore reads, and sizes are those of the bytes."""

import json
from base64 import b64encode
from typing import Any

from botocore.parsers import JSONParser
from botocore.session import Session
from hypothesis import given
from hypothesis import strategies as st

from trialbook_cli.dynamodb_stand_in.values import size_of_item
from trialbook_cli.laptop_cloud.short_calls import _JsonParser

TEXTS = st.text(st.characters(codec="utf-8"))
BLOBS = st.binary(max_size=40)
PLAIN = st.one_of(
    st.builds(lambda text: {"S": text}, TEXTS),
    st.builds(lambda number: {"N": str(number)}, st.integers()),
    st.builds(lambda blob: {"B": b64encode(blob).decode()}, BLOBS),
    st.builds(lambda found: {"BOOL": found}, st.booleans()),
    st.just({"NULL": True}),
    st.builds(lambda texts: {"SS": texts}, st.lists(TEXTS, max_size=2)),
    st.just({"S": "x", "N": None}),
    st.just({"NEW": "unknown to this version"}),
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.builds(lambda found: {"L": found}, st.lists(inner, max_size=3)),
        st.builds(lambda found: {"M": found}, st.dictionaries(TEXTS, inner, max_size=3)),
    ),
    max_leaves=6,
)
SHAPE: Any = Session().get_service_model("dynamodb").operation_model("GetItem").output_shape


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_an_answer_is_always_read_as_botocore_reads_it(item: dict[str, Any]) -> None:
    response = {"headers": {}, "status_code": 200, "body": json.dumps({"Item": item}).encode()}

    assert _JsonParser().parse(response, SHAPE) == JSONParser().parse(response, SHAPE)


@given(TEXTS, BLOBS)
def test_the_size_of_an_item_is_always_that_of_its_bytes(text: str, blob: bytes) -> None:
    item = {"name": {"S": text}, "blob": {"B": b64encode(blob).decode()}}

    assert size_of_item(item) == len("nameblob") + len(text.encode()) + len(blob)
