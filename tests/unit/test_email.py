"""Messages as mail: what it says, how it is made, and that nothing in it can be taken for anything else."""

import email
import json
import os
import re
from dataclasses import replace
from email.message import EmailMessage
from email.policy import default
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.sample_messages import FAILED, HOSTILE, PNG, SWEEP, WEEK, hostile
from trialbook.adapters.rules_document import read_rules
from trialbook.core.addresses import Mailbox, is_address
from trialbook.core.errors import InvalidInput, InvalidRules
from trialbook.core.message import Bar, Message, MessageKind, Mood, Table
from trialbook.core.messages.texts import one_line, width
from trialbook.messages.email import LARGEST_MAIL, LONGEST_HTML, Enclosed, Letterhead, email_of
from trialbook.messages.email_text import table_text
from trialbook.messages.mail_headers import as_text

GOLDEN = Path(__file__).parent / "golden"
HEAD = Letterhead("trialbook@example.com", "answers@example.com", "stop@example.com")
ENCLOSED = Enclosed(PNG, b"<!DOCTYPE html><title>report</title>")
TO = "team@example.com"


def made(message: Message = SWEEP, enclosed: Enclosed = ENCLOSED, head: Letterhead = HEAD) -> EmailMessage:
    """The mail as whoever gets it parses it."""
    parsed = email.message_from_bytes(email_of(message, TO, head, enclosed).as_bytes(), policy=default)
    assert isinstance(parsed, EmailMessage)
    return parsed


@cache
def usual() -> frozenset[str]:
    """The names of a mail's headers."""
    return frozenset(email_of(SWEEP, TO, HEAD).keys())


def content(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def is_whole_and_short(html: str) -> bool:
    return html.rstrip().endswith("</html>") and len(html.encode()) <= LONGEST_HTML


class Page(HTMLParser):
    """Collects an HTML page's elements, addresses and visible text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "background", "action")]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


NO_ADDRESSES = (
    "jürgen@example.com",
    "team@exämple.com",
    ".team@example.com",
    "te..am@example.com",
    "team.@example.com",
    "team@example",
    "team@-example.com",
    "team@example-.com",
    "team@exam_ple.com",
    "team@example.com.",
    f"{'a' * 65}@example.com",
    f"a@{'b' * 64}.com",
    f"a@{'.'.join(['b' * 50] * 5)}.com",
    "team@[192.0.2.1]",
    "te\u200bam@example.com",
)


@pytest.mark.parametrize(
    ("name", "message", "enclosed"),
    [("sweep", SWEEP, ENCLOSED), ("failed_job", FAILED, Enclosed()), ("week", WEEK, Enclosed())],
)
def test_mails_are_those_that_were_looked_at(name: str, message: Message, enclosed: Enclosed) -> None:
    """After a wanted change: TRIALBOOK_GOLDEN=write pytest tests/unit/test_email.py, and look at them."""
    mail = made(message, enclosed)
    parts = {"txt": content(mail, "plain"), "html": content(mail, "html"), "headers": headers(mail)}
    for ending, text in parts.items():
        path = GOLDEN / f"email_{name}.{ending}"
        if os.environ.get("TRIALBOOK_GOLDEN") == "write":
            path.write_text(text, encoding="utf-8")

        assert text == path.read_text(encoding="utf-8"), path


def headers(mail: EmailMessage) -> str:
    return "".join(f"{name}: {value}\n" for name, value in mail.items())


def test_the_same_message_gives_the_same_bytes() -> None:
    assert email_of(SWEEP, TO, HEAD, ENCLOSED).as_bytes() == email_of(SWEEP, TO, HEAD, ENCLOSED).as_bytes()


def test_it_holds_text_html_with_its_picture_and_the_report() -> None:
    mail = made()

    kinds = [part.get_content_type() for part in mail.walk()]
    assert kinds == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "text/html",
    ]
    (picture,) = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert f'src="cid:{picture["Content-ID"].strip("<>")}"' in content(mail, "html")
    (attached,) = mail.iter_attachments()
    assert attached.get_filename() == "churn-xgb-report.html"
    assert attached.get_content().encode() == ENCLOSED.report


def test_it_is_seven_bit_so_that_every_server_takes_it() -> None:
    raw = email_of(hostile(), TO, HEAD, ENCLOSED).as_bytes()

    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")


TEXTS = st.text(max_size=300) | st.text("äöüß→ ", max_size=300) | st.sampled_from(["=?utf-8?q?x?=", "a" * 300, ""])


@settings(max_examples=60)
@given(TEXTS, st.text("Zoë, \"'<>@;", max_size=120), st.sampled_from(["example.com", f"{'a' * 60}.{'b' * 60}.example"]))
def test_every_line_and_every_encoded_word_is_always_as_short_as_the_standards_want(
    text: str, name: str, domain: str
) -> None:
    """RFC 2047: 75 characters a word, 76 a line with one; RFC 2045: 76 a line of the body."""
    sender = as_text(Mailbox(f"trialbook@{domain}", one_line(name, 100)))
    message = replace(SWEEP, subject=text, title=text, about=text, sentences=(text,))
    mail = email_of(message, TO, replace(HEAD, sender=sender), ENCLOSED)
    raw = mail.as_bytes()

    assert raw.isascii()
    assert all(len(word) <= 75 for word in re.findall(rb"=\?[^? ]+\?[bq]\?[^? ]*\?=", raw))
    for line in raw.splitlines():
        is_one_word = re.fullmatch(rb"([A-Za-z-]+:)? \S+", line) is not None and b"=?" not in line
        assert len(line) <= (998 if is_one_word else 76)
    parsed = email.message_from_bytes(raw, policy=default)
    assert str(parsed["Subject"]) == (one_line(text, 180) or "")
    assert parsed["To"].addresses[0].addr_spec == TO


@pytest.mark.parametrize("bad", NO_ADDRESSES)
def test_rules_refuse_addresses_that_no_mail_can_reach(bad: str) -> None:
    document = json.dumps({"routes": [{"to": [{"email": bad}]}], "owners": {"ann": {"email": bad}}})
    with pytest.raises(InvalidRules) as invalid:
        read_rules(document)

    assert len(invalid.value.problems) == 2
    assert all("expected an email address in ASCII" in problem for problem in invalid.value.problems)


@given(st.text('abZ0-_.+@,ä xn"<>', max_size=20))
def test_rules_always_take_the_addresses_that_mails_can_be_sent_to_and_no_others(text: str) -> None:
    try:
        read_rules(json.dumps({"routes": [{"to": [{"email": text}]}]}))
        is_valid = True
    except InvalidRules:
        is_valid = False

    if is_valid:
        assert email_of(SWEEP, text, HEAD)["To"] == text
    else:
        assert not is_address(text)


def test_mails_of_an_experiment_are_one_thread() -> None:
    first, other, spelt = (
        made(),
        made(replace(FAILED, experiment="churn-xgb")),
        made(replace(SWEEP, experiment="Churn-XGB")),
    )

    assert first["References"] == first["In-Reply-To"] == other["References"] == spelt["References"]
    assert first["Message-ID"] != other["Message-ID"]
    assert made(FAILED)["References"] != first["References"]


def test_headers_that_are_not_set_are_not_there() -> None:
    mail = made(head=Letterhead("Lab Book <trialbook@example.com>"))

    assert mail["From"] == "Lab Book <trialbook@example.com>"
    assert not {"Reply-To", "List-Unsubscribe"} & set(mail.keys())


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("stop@example.com", "<mailto:stop@example.com?subject=unsubscribe>"),
        ("mailto:stop@example.com", "<mailto:stop@example.com?subject=unsubscribe>"),
        ("https://example.com/stop?list=trialbook", "<https://example.com/stop?list=trialbook>"),
    ],
)
def test_one_unsubscribes_by_mail_or_on_a_page(given: str, expected: str) -> None:
    assert made(head=Letterhead("a@example.com", unsubscribe=given))["List-Unsubscribe"] == expected


@pytest.mark.parametrize(
    "bad", ["", "team", "a@b@c", "a b@example.com", "x@exämple.com", "a@b.c\nBcc: d@e.f", "a@b.c, d@e.f", *NO_ADDRESSES]
)
def test_an_invalid_address_is_refused_with_its_field(bad: str) -> None:
    with pytest.raises(InvalidInput, match="expected one email address"):
        email_of(SWEEP, bad, HEAD)
    with pytest.raises(InvalidInput, match="EmailReplyTo") if bad else pytest.raises(InvalidInput, match="EmailFrom"):
        email_of(SWEEP, TO, Letterhead("a@example.com", bad) if bad else Letterhead(bad))


def test_other_peoples_texts_add_no_header() -> None:
    mail = made(hostile())

    assert set(mail.keys()) == usual()
    assert mail["To"] == TO
    assert "\n" not in mail["Subject"]
    assert "\\u202egnp.exe" in mail["Subject"]


def test_other_peoples_texts_are_shown_as_text_in_both_parts() -> None:
    mail = made(hostile())
    page, plain = Page(content(mail, "html")), content(mail, "plain")

    assert set(page.elements) == set(Page(content(made(), "html")).elements) | {"ul", "li"}
    assert page.handlers == []
    assert set(page.addresses) <= {
        "https://example.com/",
        "https://e.com/",
        *(a for a in page.addresses if a[:4] == "cid:"),
    }
    for text in (page.text, plain):
        assert "<script>alert(1)</script>" in text
        assert not {"\u202e", "\x00"} & set(text)
    assert "javascript:" not in plain


@settings(max_examples=50)
@given(st.text(min_size=1, max_size=400))
def test_no_text_breaks_a_mail(text: str) -> None:
    mail = made(replace(SWEEP, title=text, subject=text, verdict=text, experiment=text, about=text), Enclosed(PNG))

    assert set(mail.keys()) == usual()
    assert mail.defects == []
    assert is_whole_and_short(content(mail, "html"))


@pytest.mark.parametrize("text", [HOSTILE, "\U0001f9ea" * 3000, '"' * 3000, "x" * 3000])
def test_the_html_stays_below_what_gmail_shows(text: str) -> None:
    assert is_whole_and_short(content(made(hostile(text=text)), "html"))


def test_omitted_entries_are_counted() -> None:
    assert SWEEP.table is not None
    large = replace(SWEEP.table, headers=("x",) * 30, rows=(("x",) * 30,) * 200)
    plain = content(made(replace(SWEEP, table=large, sentences=("x",) * 50)), "plain")

    output = " ".join(plain.split())
    assert "And 30 more." in output
    assert "Not shown here: 180 more rows and 20 more columns." in output


def test_it_asks_no_server_for_anything() -> None:
    for message in (SWEEP, FAILED, WEEK):
        html = content(made(message), "html")

        assert not re.search(r"@import|url\(|<(script|link|iframe|object|form|video)\b", html)
        loaded = re.findall(r'(?:src|background)="([^"]*)"', html)
        assert all(each.startswith("cid:") for each in loaded)


def test_bars_are_where_no_picture_can() -> None:
    without = content(made(enclosed=Enclosed()), "html")

    assert "<img" not in without
    assert "validation:error by min_child_weight" in without
    assert "validation:error by min_child_weight" not in content(made(), "html")


def test_a_bar_without_an_end_is_left_out() -> None:
    bars = (Bar("one", 1.0), Bar("endless", float("inf")), Bar("endless too", float("nan")))
    endless = replace(SWEEP, bars=bars, picture=None)
    mail = made(endless, Enclosed())

    assert ">one<" in content(mail, "html")
    assert "one: 1" in content(mail, "plain")
    assert not any("endless" in content(mail, kind) for kind in ("html", "plain"))


def test_a_report_that_would_make_the_mail_too_large_is_named_instead() -> None:
    large = b"<" * 8_000_000
    mail = email_of(SWEEP, TO, HEAD, Enclosed(PNG, large))

    assert len(mail.as_bytes()) < 50_000
    assert "The whole report, 8.0 MB, is too large to be attached. It stands at\ns3://" in content(
        made(enclosed=Enclosed(PNG, large)), "plain"
    )


def test_no_mail_is_larger_than_what_mailboxes_take() -> None:
    page = b"<" * 7_100_000
    mail = email_of(hostile(text="é" * 3000), TO, HEAD, Enclosed(PNG, page))

    assert len(list(mail.iter_attachments())) == 1
    assert 9_500_000 < len(mail.as_bytes()) <= LARGEST_MAIL


@pytest.mark.parametrize(
    ("kind", "mood", "label"),
    [
        (MessageKind.SWEEP, Mood.MIXED, "! Sweep finished, with failures"),
        (MessageKind.JOB, Mood.BAD, "✕ Job failed"),
        (MessageKind.ALERT, Mood.BAD, "⚠ Alert"),
        (MessageKind.BEST_TRIALS, Mood.GOOD, "★ Best trials"),
    ],
)
def test_status_is_shown_by_word_and_sign(kind: MessageKind, mood: Mood, label: str) -> None:
    mail = made(replace(SWEEP, kind=kind, mood=mood))

    assert f">{label}</p>" in content(mail, "html")
    assert content(mail, "plain").startswith(label.upper())


def test_a_wide_table_leaves_columns_out_on_a_phone_and_names_them() -> None:
    table = Table(("#", "loss", "eta", "alpha", "depth", "gamma", "took"), (("1", "2", "3", "4", "5", "6", "7"),))
    html = content(made(replace(SWEEP, table=table)), "html")

    assert re.findall(r'<td class="ink line far"[^>]*>(\d)</td>', html) == ["6", "7"]
    assert "On a wider screen: gamma, took." in html
    assert "On a wider screen" not in content(made(), "html")


def test_lines_of_the_text_fit_into_a_terminal() -> None:
    for message in (SWEEP, FAILED, WEEK, hostile(text="some words " * 300)):
        assert max(map(width, content(made(message), "plain").split("\n"))) <= 78


def test_a_table_too_wide_for_a_line_is_a_paragraph_for_each_row() -> None:
    table = (
        replace(SWEEP.table, headers=("#", *("a long name of a hyperparameter" for _ in range(3))))
        if SWEEP.table
        else None
    )
    assert table is not None

    assert table_text(table)[0].startswith("* 1. a long name of a hyperparameter 0.03959208,")


def test_one_line_shows_as_much_of_short_words_as_of_long_ones() -> None:
    assert one_line("a  b\n" * 100, 20) == "a b a b a b a b a b…"
    assert one_line("a  b\n" * 5, 20) == "a b a b a b a b a b"


@given(st.text(max_size=200), st.integers(1, 60))
def test_one_line_is_one_line_that_moves_nothing(text: str, longest: int) -> None:
    shown = one_line(text, longest)

    assert len(shown) <= longest
    assert len(shown.splitlines()) <= 1
    assert not set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c") & set(shown)
