"""Whether a loop's jobs may be those of several people: SageMaker names nobody, so only signs can tell."""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

from trialbook.core.analysis.wording import cut, listed
from trialbook.core.hyper_parameters import Launch, differing, is_internal, is_label
from trialbook.core.jobs import Job
from trialbook.core.settings import users_of
from trialbook.core.sweeps import Sweep, SweepKind, start_of

_LEAST = 2  # jobs of each person: one alone is no loop
_IN_TURNS = 3  # times at least that one person's job follows the other's, the first included
_LONGEST = 40  # characters of a name
_REMEDY = "Give each loop a base job name or a tag trialbook:sweep of its own to keep them apart."

Shares = Mapping[str, Sequence[Job]]


def several_people(sweep: Sweep, jobs: Sequence[Job]) -> str | None:
    """That the jobs may be loops of several people and why; None without a real sign of it. Tuning jobs and tags say
    themselves what belongs together.

    Signs are tags that name people, different roles, and two searches launched in turns that have no hyperparameter in
    common. One search whose hyperparameters depend on another one's value is no sign.
    """
    if sweep.kind is not SweepKind.LOOP:
        return None
    ordered = sorted(jobs, key=lambda each: (start_of(each), each.key))
    sign = _by_users(ordered) or _by_roles(ordered) or _by_searches(ordered)
    return f"These jobs may be several people's loops: {sign}. {_REMEDY}" if sign else None


def _by_users(jobs: Sequence[Job]) -> str | None:
    for tag in dict.fromkeys(tag for job in jobs for tag in users_of(job)):
        shares = _shares(jobs, lambda job, tag=tag: users_of(job).get(tag, ""))  # type: ignore[misc]
        shares = {user: those for user, those in shares.items() if user}
        if _are_several(shares):
            counted = [f"{len(those)} of {_last(user)}" for user, those in shares.items()]
            return f"by the tag {cut(tag, _LONGEST)}, {listed(counted)}"
    return None


def _by_roles(jobs: Sequence[Job]) -> str | None:
    shares = {role: those for role, those in _shares(jobs, lambda job: job.role or "").items() if role}
    if not _are_several(shares):
        return None
    return listed([f"{len(those)} ran with the role {_last(role)}" for role, those in shares.items()])


def _by_searches(jobs: Sequence[Job]) -> str | None:
    """Two groups of jobs, each of which varies only what the other lacks."""
    shares = _shares(jobs, lambda job: "\n".join(_names(job)))
    if len(shares) != 2 or not _are_several(shares) or not _are_in_turns(jobs, lambda job: "\n".join(_names(job))):
        return None
    one, other = shares.values()
    varied = [
        [name for name in differing([Launch.of(job) for job in those]) if _counts(name)] for those in (one, other)
    ]
    lacking = [
        all(name not in set(_names(there[0])) for name in own) for own, there in zip(varied, (other, one), strict=True)
    ]
    if not all(varied) or not all(lacking) or (_has_parent(one, other) and _program(one[0]) == _program(other[0])):
        return None
    vary = [
        f"{len(those)} vary {listed([cut(name, _LONGEST) for name in own])}"
        for own, those in zip(varied, (one, other), strict=True)
    ]
    return f"launched in turns, {listed(vary)}"


def _has_parent(one: Sequence[Job], other: Sequence[Job]) -> bool:
    """Whether a hyperparameter has one value in all jobs of the one group and another one in all of the other: it may
    decide which others are set, such as `optimizer`."""
    common = set(_names(one[0])) & set(_names(other[0]))
    for name in common:
        values = [{Launch.of(job).value(name) for job in those} for those in (one, other)]
        if all(len(each) == 1 for each in values) and values[0] != values[1]:
            return True
    return False


def _program(job: Job) -> str | None:
    return job.hyper_parameters.get("sagemaker_program")


def _names(job: Job) -> list[str]:
    return sorted(name for name in job.hyper_parameters if _counts(name))


def _counts(name: str) -> bool:
    return not (is_internal(name) or is_label(name))


def _shares(jobs: Sequence[Job], whose: Callable[[Job], str]) -> dict[str, list[Job]]:
    found: dict[str, list[Job]] = {}
    for job in jobs:
        found.setdefault(whose(job), []).append(job)
    return found


def _are_several(shares: Shares) -> bool:
    return len(shares) > 1 and all(len(those) >= _LEAST for those in shares.values())


def _are_in_turns(jobs: Sequence[Job], whose: Callable[[Job], str]) -> bool:
    return sum(1 for _ in groupby(map(whose, jobs))) >= _IN_TURNS


def _last(text: str) -> str:
    """The name at the end of an ARN, or the text itself."""
    return cut(text.rpartition("/")[2] if text.startswith("arn:") else text, _LONGEST)
