"""The last lines of a job's log, safe to keep and to show."""

import re
from collections.abc import Callable, Iterable, Iterator

MOST_BYTES = 2_048
# Bytes after which a longer line continues in the next event: Docker's buffer, and CloudWatch's largest event.
_SPLIT_AT = frozenset({16_384, 262_118})
_LEFT_OUT = "…"
# Colours and cursor movements of terminals, titles of windows, and what else begins with an escape character.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]|\x9b[0-?]*[ -/]*[@-~]"
)
# Control characters as rsyslog writes them: the octal number behind a sharp. A sharp behind a space is a text's own.
_SPELLED = re.compile(r"(?<!\s)#(?:(?P<tab>011)|(?P<back>015)|033(?=\[))")
# Control characters, and those that turn the direction of the text around.
_UNSHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
# The end of a private key whose beginning lies before the lines that were read.
_HEADLESS_KEY = re.compile(r"\A(?:(?!-----BEGIN)[\s\S])*?-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----")


def end_of_log(lines: Iterable[str], mask: Callable[[str], str], most: int = MOST_BYTES) -> str:
    """The last lines with at most so many bytes, without escape codes and secrets; empty if there are none.

    Secrets are masked before the text is cut: half of one is still a secret, but looks like none.
    """
    text = "\n".join(line for each in _whole(lines) for line in _shown(each).split("\n") if line.strip())
    return _cut(mask(_HEADLESS_KEY.sub("[masked: private key]", text)), most)


def _whole(lines: Iterable[str]) -> Iterator[str]:
    """The lines, with those joined that were split because they were too long: a secret may lie across the split."""
    begun: list[str] = []
    for line in lines:
        begun.append(line)
        if len(line.encode("utf-8", "replace")) not in _SPLIT_AT:
            yield "".join(begun)
            begun = []
    if begun:
        yield "".join(begun)


def _shown(line: str) -> str:
    """A line as a terminal would show it at its end: progress bars overwrite themselves."""
    plain = _ESCAPES.sub("", _SPELLED.sub(_meant, line.encode("utf-8", "replace").decode()))
    overwritten = [part.rstrip("\r").rpartition("\r")[2] for part in plain.replace("\r\n", "\n").split("\n")]
    return "\n".join(_UNSHOWN.sub("", part).rstrip() for part in overwritten)


def _meant(spelled: re.Match[str]) -> str:
    return "\t" if spelled["tab"] else "\r" if spelled["back"] else "\x1b"


def _cut(text: str, most: int) -> str:
    """The end of the text: whole lines, or the end of the last one if that alone is longer."""
    if len(text.encode()) <= most:
        return text
    room = most - len(f"{_LEFT_OUT}\n".encode())
    tail = text.encode()[-room:].decode(errors="ignore")
    _, newline, rest = tail.partition("\n")
    is_whole = text[: len(text) - len(tail)].endswith("\n")
    if is_whole or not newline:
        return f"{_LEFT_OUT}\n{tail}" if is_whole else f"{_LEFT_OUT}{tail}"
    return f"{_LEFT_OUT}\n{rest}"
