"""Names and values as MLflow takes them: what it refuses is renamed, and each new name says which one it stands for."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from posixpath import normpath

LONGEST_NAME = 250  # characters of a parameter's, metric's or tag's name, and of a run's
LONGEST_EXPERIMENT = 500
LONGEST_PARAM = 6_000
# MLflow cuts a tag at 8,000 characters and its last 2.x at 5,000: by then something is lost without a word.
LONGEST_TAG = 4_900
_REFUSED = re.compile(r"[^\w.\- :/]")
# As MLflow's own metrics spell them: `precision_at_5`.
_IN_WORDS: Mapping[str, str] = {
    "@": "_at_",
    "%": "_percent",
    "+": "_plus_",
    "=": "_is_",
    "<": "_below_",
    ">": "_above_",
    "&": "_and_",
    "#": "_number_",
}
_MARK = 8  # characters of a hash that tells shortened names apart


@dataclass(frozen=True, slots=True)
class Named:
    """The names to write by the original ones, in their order. `renamed` has those that differ, new name first."""

    names: Mapping[str, str]
    renamed: Mapping[str, str]


def named(originals: Iterable[str], *, taken: Iterable[str] = ()) -> Named:
    """A name for each original, all different also without regard to case: MLflow's databases may not tell case apart.
    Names that MLflow takes stay as they are, whatever the order."""
    originals = tuple(dict.fromkeys(originals))
    used = {name.casefold() for name in taken}
    names: dict[str, str] = {}
    for original in sorted(originals, key=lambda each: (plain_name(each) != each, each)):
        name = _free(plain_name(original), used)
        used.add(name.casefold())
        names[original] = name
    return Named(
        {each: names[each] for each in originals}, {names[each]: each for each in originals if names[each] != each}
    )


def plain_name(text: str) -> str:
    """The text as a name that MLflow takes; itself if it does already."""
    words = _REFUSED.sub(lambda found: _IN_WORDS.get(found[0], "_"), text)
    if words != text:
        words = re.sub("__+", "_", words).strip("_")
    if words.strip() != words or not words.strip("./ "):
        words = words.strip() if words.strip("./ ") else "unnamed"
    if _is_no_path(words):  # MLflow takes names for paths: `a//b`, `../a` and `/a` are refused
        words = "/".join(part for part in words.split("/") if part.strip("./ ")).strip() or "unnamed"
    return _shortened(words, LONGEST_NAME)


def without_colons(originals: Iterable[str]) -> Mapping[str, str]:
    """A name for each original as servers before 2.16 take it, and those on Windows; all different."""
    ordered = sorted(set(originals), key=lambda each: (":" in each, each))
    used: set[str] = set()
    names: dict[str, str] = {}
    for original in ordered:
        names[original] = original if ":" not in original else _free(original.replace(":", "_"), used)
        used.add(names[original].casefold())
    return names


def experiment_name(prefix: str, experiment: str) -> str:
    """The name of the MLflow experiment of an experiment."""
    text = f"{prefix}{experiment}".strip() or "trialbook"
    return _shortened("".join(each if each.isprintable() else "_" for each in text), LONGEST_EXPERIMENT)


def _is_no_path(name: str) -> bool:
    return normpath(name) != name or name.startswith(("/", "..")) or name == "."


def _shortened(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    mark = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_MARK]
    return f"{text[: longest - _MARK - 1].rstrip(' ./')}_{mark}"


def _free(name: str, used: set[str]) -> str:
    """The name, or with a number behind it if it is used."""
    number, candidate = 1, name
    while candidate.casefold() in used:
        number += 1
        candidate = f"{name[: LONGEST_NAME - 6]}_{number}"
    return candidate
