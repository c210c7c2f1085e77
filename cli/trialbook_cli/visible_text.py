"""Other people's text, made safe to show in a terminal."""

import unicodedata


def visible(text: str, longest: int = 60) -> str:
    """The text with control and direction characters escaped, cut at `longest` characters."""
    shown = "".join(_visible(character) for character in text)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def _visible(character: str) -> str:
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return f"\\u{ord(character):04x}"
    return character
