"""Errors for names that fit nothing or several: they say what is near."""

from collections.abc import Iterable

from trialbook.core.names import same_name
from trialbook.errors import Listing, UnknownName
from trialbook_book.paged import PagedLedger

MOST_SHOWN = 5
_MOST_NAMES = 200  # that a typo is compared with: a page of experiments and one of sweeps


def unknown_jobs(ledger: PagedLedger, name: str) -> UnknownName:
    """The error for a name that no sweep or experiment has."""
    return unknown(name, "sweep or experiment", [*experiment_names(ledger), *sweep_names(ledger)], Listing.NAMES)


def several(name: str, fits: list[str], what: str = "names") -> UnknownName:
    """The error for a prefix that several names have."""
    plainly = f"The name is the beginning of several {what}: give more of it."
    return UnknownName(name, f"{name!a} fits several {what}: {_some(fits)}.", fits[:MOST_SHOWN], plainly=plainly)


def unknown(name: str, what: str, known: Iterable[str], listing: Listing) -> UnknownName:
    """The error for a name that fits nothing; `known` are names that it may be a typo of."""
    near = _near(name, known)
    plainly = f"No {what} has that name."
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    return UnknownName(name, f"No {what} is named {name!a}.{hint}", near, listing, plainly=plainly)


def experiment_names(ledger: PagedLedger) -> list[str]:
    """The experiments that a typo is compared with."""
    return [each.name for each in ledger.experiments_page(_MOST_NAMES).entries]


def sweep_names(ledger: PagedLedger) -> list[str]:
    """The sweeps that a typo is compared with."""
    return [each.id for each in ledger.sweeps_page(None, _MOST_NAMES).entries]


def _near(name: str, known: Iterable[str]) -> list[str]:
    """Up to three names that are like it; else names whose beginning is."""
    from difflib import get_close_matches

    wanted = same_name(name)
    names = {same_name(each): each for each in known}
    beginnings = {each[: len(wanted)]: whole for each, whole in sorted(names.items(), reverse=True)}
    close = get_close_matches(wanted, names, 3)
    return [names[each] for each in close] or [beginnings[each] for each in get_close_matches(wanted, beginnings, 3)]


def _some(names: list[str]) -> str:
    return ", ".join(names[:MOST_SHOWN]) + (", …" if len(names) > MOST_SHOWN else "")
