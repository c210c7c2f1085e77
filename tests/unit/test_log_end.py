"""The end of a log: without escape codes, without secrets, and short."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.samples import job
from trialbook.core.curves.log_end import MOST_BYTES, end_of_log
from trialbook.core.masking import Masker

MASKER = Masker(lambda: b"key")
AWS_KEY = "AKIA" + "ABCDEFGHIJKLMNOP"
HF = "hf_" + "abcdefghijklmnopqrstuvwxyz"
SECRETS = (
    AWS_KEY,
    HF,
    "ghp_" + "a1B2" * 9,
    "sk-proj-" + "Ab1_" * 6,
    "xoxb-" + "1234567890-abcdefghij",
)


def plain(*lines: str) -> str:
    return end_of_log(lines, lambda text: text)


def masked(*lines: str) -> str:
    return end_of_log(lines, MASKER.text)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("\x1b[31mRuntimeError\x1b[0m: CUDA out of memory", "RuntimeError: CUDA out of memory"),
        ("\x1b[2K\x1b[1Aepoch 3", "epoch 3"),
        ("\x1b]0;a title\x07loss 0.5", "loss 0.5"),
        ("\x1b]8;;https://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("10%|█\r50%|█████\r100%|██████████|", "100%|██████████|"),
        ("100%|██████████|\r", "100%|██████████|"),
        ("\x1b(Bplain\x0f", "plain"),
        ("\x9b1mC1", "C1"),
        ("evil\u202egnp.exe", "evilgnp.exe"),
        ("null\x00byte\x08", "nullbyte"),
        ("half of a pair \ud800", "half of a pair ?"),
        ("tab\tstays", "tab\tstays"),
        ("two\r\nlines", "two\nlines"),
        # Some images' logs pass through rsyslog, which spells control characters.
        ("#015  0%|  | 0/250#015 61%|███ | 153/250 [00:10]#015100%|████| 250/250", "100%|████| 250/250"),
        ("[5]#011train-error:0.1#011validation-error:0.2", "[5]\ttrain-error:0.1\tvalidation-error:0.2"),
        ("#033[31mRuntimeError#033[0m: CUDA out of memory", "RuntimeError: CUDA out of memory"),
        ("see issue #015, #011 and colour #033", "see issue #015, #011 and colour #033"),
    ],
)
def test_only_what_a_terminal_would_show_is_kept(line: str, expected: str) -> None:
    assert plain(line) == expected


def test_empty_lines_are_left_out_and_no_log_is_no_text() -> None:
    assert plain("one", "", "  ", "two") == "one\ntwo"
    assert plain() == ""


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "line", ["token {}", "\x1b[31m{}\x1b[0m", "curl -H 'Authorization: Bearer {}'", "https://user:{}@host/x", "[{}]"]
)
def test_a_secret_in_a_log_is_masked(secret: str, line: str) -> None:
    assert secret not in masked("before", line.format(secret), "after")


@pytest.mark.parametrize("size", [16_384, 262_118])
@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_across_the_split_of_a_long_line_is_masked(secret: str, size: int) -> None:
    line = f"{'x' * (size - 9)} {secret} is refused"

    found = masked("begin", line[:size], line[size:])

    assert found.endswith("is refused")
    assert secret[:8] not in found
    assert secret[8:] not in found


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_that_colours_interrupt_is_masked(secret: str) -> None:
    found = masked(secret[:9] + "\x1b[1m" + secret[9:])

    assert secret[9:] not in found


@pytest.mark.parametrize("before", range(0, 60, 7))
def test_no_half_of_a_secret_is_left_where_the_text_is_cut(before: int) -> None:
    filling = "x " * (MOST_BYTES // 2 - before)
    found = masked(f"{AWS_KEY} {filling}")

    assert not any(AWS_KEY[place : place + 6] in found for place in range(len(AWS_KEY) - 5))


def test_a_private_key_is_masked_also_if_its_beginning_was_not_read() -> None:
    body = ["MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7", "VJTUt9Us8cKjMzEfYyjiWA4R4"]
    end = "-----END PRIVATE KEY-----"

    for lines in (["-----BEGIN PRIVATE KEY-----", *body, end], [*body, end]):
        found = masked(*lines, "done")
        assert not any(line in found for line in body)
        assert found.endswith("done")


def test_a_secret_hyperparameter_is_masked_wherever_a_log_repeats_it() -> None:
    seen = job(hyper_parameters={"db_password": "correct-horse-battery", "eta": "0.1"})

    found = end_of_log(["connecting with correct-horse-battery"], lambda text: MASKER.text_of(seen, text))

    assert "correct-horse" not in found
    assert found.startswith("connecting with [masked:")


def test_whole_lines_are_kept_as_far_as_there_is_room() -> None:
    lines = [f"epoch {number:04} loss 0.5" for number in range(500)]
    found = plain(*lines).split("\n")

    assert found[0] == "…"
    assert found[1:] == lines[-len(found) + 1 :]
    assert len("\n".join(found).encode()) <= MOST_BYTES < len("\n".join(lines[-len(found) :]).encode()) + 4


@given(st.lists(st.text(max_size=400), max_size=40), st.integers(20, 300))
def test_the_end_never_has_more_bytes_than_it_may_nor_anything_that_terminals_obey(lines: list[str], most: int) -> None:
    found = end_of_log(lines, MASKER.text, most)

    assert len(found.encode()) <= most
    assert not any(ord(each) < 32 and each not in "\n\t" for each in found)
    assert not {"\x1b", "\x9b", "\x7f", "\u202e"} & set(found)


@given(st.text(alphabet="ab\n", max_size=200), st.integers(20, 60))
def test_the_end_is_the_end_of_the_log(text: str, most: int) -> None:
    whole = "\n".join(line for line in text.split("\n") if line)
    found = plain(*text.split("\n")) if most >= len(whole) else end_of_log(text.split("\n"), lambda each: each, most)

    assert whole.endswith(found.removeprefix("…\n").removeprefix("…"))
