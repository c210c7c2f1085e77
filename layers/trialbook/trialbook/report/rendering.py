"""Templates, style and script become one page that is complete in itself and may ask no server for anything."""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from trialbook.core import numbers
from trialbook.core.analysis import wording
from trialbook.core.analysis.advice import conditions
from trialbook.core.analysis.importance import NO_EFFECT
from trialbook.core.analysis.model import Importance
from trialbook.core.analysis.verdict import best_mean, confidence, range_text
from trialbook.markup import breakable, joints
from trialbook.templates import environment

_FOLDER = Path(__file__).parent / "page"


@cache
def _environment() -> Environment:
    made = environment(_FOLDER)
    made.filters |= {
        "best_mean": best_mean,
        "breakable": breakable,
        "conditions": conditions,
        "confidence": confidence,
        "whole_values": _whole_values,
        "negligible": _negligible,
        "shares": lambda found: {each.parameter: each.share for each in found.effects},
        "range_text": range_text,
        "number": numbers.shown,
        "brief": lambda found: numbers.shown_text(found) if isinstance(found, str) else numbers.shown(found),
        "whole": lambda count: f"{count:,}",
        "full": numbers.full,
        "gap": numbers.gap,
        "percent": numbers.percent,
        "whole_percent": numbers.whole_percent,
        "moment": wording.moment,
        "duration": lambda seconds: None if seconds is None else wording.duration(seconds),
        "dollars": lambda amount: None if amount is None else wording.dollars(amount),
    }
    return made


def compile_all() -> None:
    """Compiles the pages' templates, for the layer's build."""
    for name in _environment().list_templates(extensions=["j2"]):
        _environment().get_template(name)


_LISTED_ONE_BY_ONE = 6  # hyperparameters without effect, before the others share a row


def _negligible(found: Importance, of_better: Mapping[str, float]) -> list[str]:
    """The hyperparameters that can share a row: no effect was seen of them, neither in all trials nor in the better
    half."""
    names = [
        each.parameter
        for each in found.effects[_LISTED_ONE_BY_ONE:]
        if each.direction == NO_EFFECT and max(each.share, of_better.get(each.parameter, 0.0)) < numbers.LEAST_WHOLE
    ]
    return names if len(names) > 1 else []


_SETTING = re.compile(r"([^\s,]+) = ([^\s,]+)")
_LONGEST_UNBROKEN = 24  # characters of a heading, which have room in a line of a phone


def _whole_values(text: str) -> Markup:
    """A heading whose lines do not break within a value: `eta = 0.1` stays together, and so does 0.1 with the end of a
    name that is too long for a line."""
    found, at = Markup(), 0
    for each in _SETTING.finditer(text):
        found += _words(text[at : each.start()])
        found += _setting(each[1], each[2])
        at = each.end()
    return found + _words(text[at:])


def _setting(name: str, value: str) -> Markup:
    whole = f"{name} = {value}"
    if len(whole) <= _LONGEST_UNBROKEN:
        return _unbroken(whole)
    *first, last = joints(name)
    behind = f"{last} = {value}"
    end = _unbroken(behind) if len(behind) <= _LONGEST_UNBROKEN else breakable(behind)
    return Markup("<wbr>").join([*first, end])


def _words(text: str) -> Markup:
    return Markup(" ").join(map(_word, text.split(" ")))


def _word(word: str) -> Markup:
    is_short_value = len(word) <= _LONGEST_UNBROKEN and any(map(str.isdigit, word))
    return _unbroken(word) if is_short_value else Markup("<wbr>").join(joints(word))


def _unbroken(text: str) -> Markup:
    return Markup('<span class="unbroken">{}</span>').format(text)


@cache
def _style() -> str:
    return (_FOLDER / "style.css").read_text(encoding="utf-8")


@cache
def _script() -> str:
    """The page's script: its parts in order, in a scope of their own."""
    parts = [path.read_text(encoding="utf-8") for path in sorted((_FOLDER / "js").glob("*.js"))]
    return f'(() => {{\n"use strict";\n{"".join(parts)}}})();\n'


@cache
def _alone() -> str:
    """The script of every page: if a signed link opened the page, it removes the links to other pages."""
    return (_FOLDER / "alone.js").read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"


def _policy(style: str, scripts_of: Sequence[str]) -> str:
    """The page's content security policy: its own scripts and style, pictures that it carries, and nothing else."""
    scripts = f"script-src {' '.join(map(_hash, scripts_of))}; "
    return (
        f"default-src 'none'; {scripts}style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def embedded(data: Any) -> Markup:
    """Data as JSON that HTML can't take for markup, whatever texts are in it."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 everything that could end the script element is escaped above


def render(template: str, values: Mapping[str, Any], *, scripted: bool) -> str:
    """The page that a template makes of the values. `scripted` pages carry the charts' and the table's script."""
    style, script = _style(), _script() if scripted else None
    return (
        _environment()
        .get_template(template)
        .render(
            **values,
            style=Markup(style),  # noqa: S704 a file of ours
            script=Markup(script) if script else None,  # noqa: S704 files of ours
            alone=Markup(_alone()),  # noqa: S704 a file of ours
            policy=_policy(style, [_alone(), *([script] if script else ())]),
        )
    )
