"""Other people's texts, made fit to be shown: nothing in them moves, hides or splits what stands around them."""

import unicodedata

_TURNS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # change the direction
_UNSEEN = frozenset({"Cc", "Cs", "Zl", "Zp"})


def one_line(text: str, longest: int) -> str:
    r"""The text in one line: white space becomes single spaces, what can't be seen becomes visible (`\u202e`), and what
    is beyond `longest` characters an ellipsis."""
    shown = "".join(map(_visible, " ".join(text.split())[: longest + 1]))  # what is beyond need not be looked at
    return shown if len(shown) <= longest else f"{shown[: longest - 1].rstrip()}…"


def _visible(character: str) -> str:
    if character in _TURNS or unicodedata.category(character) in _UNSEEN:
        return f"\\u{ord(character):04x}"
    return character


def width(text: str) -> int:
    """How many columns the text takes where all characters are as wide as each other: two for the wide ones of East
    Asia, none for those that combine."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) > 0 for character in text)
