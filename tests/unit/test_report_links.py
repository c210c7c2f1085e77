"""Links to reports: what one accepts, and that nothing else is accepted."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialbook.core.report_links import link, opened

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SOON = NOW + timedelta(days=30)
KEY = "reports/S/churn-xgb@20261120T101500.123Z/latest/report.html"
SECRETS = {"key-1": "current secret", "key-0": "former secret"}


def parts(address: str) -> tuple[str, str]:
    split = urlsplit(address)
    return split.path, split.query


def made(key: str = KEY, key_id: str = "key-1", secret: str = SECRETS["key-1"], expires: datetime = SOON) -> str:
    return link("https://open.example/", key, key_id, secret, expires)


@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_link_leads_to_its_key_whatever_characters_it_has(name: str) -> None:
    key = f"reports/{name.replace('..', '.')}"
    if ".." not in key.split("/"):
        assert opened(*parts_of_text(made(key)), SECRETS, NOW) == key


def parts_of_text(address: str) -> tuple[str, str]:
    path, _, query = address.removeprefix("https://open.example").partition("?")
    return path, query


def test_a_link_works_until_it_expires_and_not_a_second_longer() -> None:
    path, query = parts(made())

    assert opened(path, query, SECRETS, SOON - timedelta(seconds=1)) == KEY
    assert opened(path, query, SECRETS, SOON) is None


def test_after_a_rotation_links_of_the_former_key_work_and_older_ones_do_not() -> None:
    former, forgotten = made(key_id="key-0", secret="former secret"), made(key_id="key--1", secret="an old one")

    assert opened(*parts(former), SECRETS, NOW) == KEY
    assert opened(*parts(forgotten), SECRETS, NOW) is None


@given(data=st.data())
def test_a_link_with_any_character_altered_is_refused(data: st.DataObject) -> None:
    address = made()
    start = len("https://open.example")
    place = data.draw(st.integers(start + 1, len(address) - 1))
    other = data.draw(st.sampled_from("abcXYZ0189-_=&?/%.").filter(lambda each: each != address[place]))
    altered = address[:place] + other + address[place + 1 :]

    found = opened(*parts_of_text(altered), SECRETS, NOW)

    assert found is None


@pytest.mark.parametrize("key", ["ledger/export.json", "reports/../secret", "", "reportsx/a"])
def test_only_reports_are_opened_even_with_a_right_signature(key: str) -> None:
    assert opened(*parts(made(key)), SECRETS, NOW) is None


@pytest.mark.parametrize(
    "query",
    ["", "e=&k=key-1&s=", "e=-1&k=key-1&s=x", f"e={'9' * 13}&k=key-1&s=x", "e=²&k=key-1&s=x", "s=é&k=key-1&e=9"],
)
def test_nonsense_is_refused(query: str) -> None:
    assert opened("/" + KEY, query, SECRETS, NOW) is None
