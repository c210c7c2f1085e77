"""Places: the accounts and regions whose jobs one book holds, and the names by which they are kept apart.

The book's home is the place of its first job. What is there is called as in SageMaker: the experiment `churn-xgb`.
Elsewhere a name says in what it differs from home, behind a dot, which is in no name of SageMaker's:
`churn-xgb.eu-west-1` in another region, `churn-xgb.210987654321` in another account, `churn-xgb.210987654321.eu-west-1`
where both are others. So the names of a book with one account and region are short, and those of several never meet.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from trialbook.core.jobs import JobKey
from trialbook.core.names import valid_name

_MARK = "."
_LIFE = re.compile(r"\.(\d{1,6})$")  # accounts have twelve digits


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """An account and a region."""

    account: str
    region: str

    @staticmethod
    def of(key: JobKey) -> "Place":
        """Where a job runs."""
        return Place(key.account, key.region)


@dataclass(frozen=True, slots=True)
class Places:
    """The places whose jobs a book holds, its home first; none while the book is empty. `were_mixed`: the book is older
    than this order, so that sweeps of other places may still stand under plain names."""

    known: tuple[Place, ...] = ()
    were_mixed: bool = False

    def with_place(self, place: Place) -> "Places":
        """With one more: the home, if it is the first."""
        return self if place in self.known else replace(self, known=(*self.known, place))

    def name(self, name: str, place: Place) -> str:
        """The book's name for an experiment or tuning job of that name in that place. Two places never share a name."""
        return name + self._suffix(place)

    def names(self, name: str) -> Iterator[str]:
        """The book's names for all experiments or tuning jobs of that name, the one at home first."""
        yield name
        yield from (self.name(name, place) for place in self.known[1:])

    def _suffix(self, place: Place) -> str:
        if not self.known:
            return ""
        home = self.known[0]
        account = place.account if place.account != home.account else None
        region = place.region if place.region != home.region else None
        return _suffix(account, region)


def plain_name(name: str) -> str:
    """SageMaker's name for an experiment or tuning job, from the book's name."""
    return name.partition(_MARK)[0]


def is_meant(experiment: str, glob: str) -> bool:
    """Whether a glob of the rules document means an experiment: by its name in SageMaker, wherever that is, or by what
    the book calls it. Upper and lower case are alike."""
    called, wanted = experiment.casefold(), glob.casefold()
    return fnmatchcase(plain_name(called), wanted) or fnmatchcase(called, wanted)


def name_there(name: str, place: Place) -> str:
    """The same where any text may be a name: the tuning jobs' come from events."""
    account, region = place.account, place.region
    suffixes = (_suffix(account, region), _suffix(account, None), _suffix(None, region))
    name = _LIFE.sub("", name)
    found = next((each for each in suffixes if name.endswith(each)), "")
    return name.removesuffix(found)


def next_life(name: str) -> str:
    """The book's name for a tuning job that was made again under the name of a deleted one: `churn-xgb-1.2`, then
    `churn-xgb-1.3`. No account or region ends so."""
    found = _LIFE.search(name)
    number = int(found[1]) + 1 if found else 2
    return f"{_LIFE.sub('', name)}{_MARK}{number}"


def _suffix(*parts: str | None) -> str:
    return "".join(f"{_MARK}{valid_name(each)}" for each in parts if each)
