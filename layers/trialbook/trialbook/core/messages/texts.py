"""Other people's texts, made fit to be shown: nothing in them moves, hides or splits what stands around them."""

import re
import unicodedata
from functools import lru_cache

# Control characters, halves of surrogate pairs, separators of lines and paragraphs, what changes the direction, and
# what is no character.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]"
)


def one_line(text: str, longest: int) -> str:
    r"""The text in one line: white space becomes single spaces, what can't be seen becomes visible (`\u202e`), and what
    is beyond `longest` characters an ellipsis."""
    # What is beyond need not be looked at: each word is at least a character and a space. The beginning is enough, but
    # where it is white space for the most part.
    words = " ".join(text[: 4 * longest].split(maxsplit=longest))
    if len(words) <= longest < len(text):
        words = " ".join(text.split(maxsplit=longest))
    shown = visible(words[: longest + 1])
    return shown if len(shown) <= longest else f"{shown[: longest - 1].rstrip()}…"


def last_lines(text: str, most: int, longest: int) -> tuple[str, ...]:
    """The last lines of the text, each with its indentation and at most so many characters."""
    kept = [visible(line.expandtabs(4).rstrip()) for line in text.split("\n")[-most:]]
    return tuple(each if len(each) <= longest else f"{each[: longest - 1]}…" for each in kept)


def visible(text: str) -> str:
    r"""The text with what can't be seen spelled out: `\u202e`."""
    return _UNSEEN.sub(_spelt, text)


def _spelt(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def width(text: str) -> int:
    """How many columns the text takes where all characters are as wide as each other: two for the wide ones of East
    Asia, none for those that combine."""
    return len(text) if text.isascii() else sum(map(_columns, text))


@lru_cache(maxsize=4096)  # a text repeats its characters
def _columns(character: str) -> int:
    wide = unicodedata.east_asian_width(character) in "WF"
    return 1 + wide - (unicodedata.combining(character) > 0)
