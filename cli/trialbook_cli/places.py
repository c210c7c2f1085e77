"""Which accounts and regions a recording is of, and the SageMaker of each."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from trialbook.core.kinds import DESCRIBED, POLLED, SERVICES
from trialbook_cli.laptop_cloud import Recording
from trialbook_cli.sagemaker_stand_in import Account, SageMaker, from_recording

_NUMBER, _REGION = re.compile(r"[0-9]{12}"), re.compile(r"[a-z]{2,5}(-[a-z]+)+-[0-9]{1,2}")
_ARN = re.compile(r"arn:aws[a-z-]*:(sagemaker|bedrock):(?P<region>[^:]+):(?P<id>[0-9]{12}):(job/)?[^/]+/(?P<name>.+)")
_NAMES = tuple({name: 0 for kind in DESCRIBED for name in (kind.facts.fields.name, kind.facts.asked_by)})
_SOURCES = tuple(f"aws.{service.name}" for service in SERVICES)
Answer = Mapping[str, Any]


def places(recording: Recording) -> list[Account]:
    """The accounts and regions of the recording's events, in their order; what can be none is left out."""
    events = (event for event in recording.events if event.get("source") in _SOURCES)
    return list(dict.fromkeys(place for event in events if (place := _place(event)) is not None))


def _place(event: Answer) -> Account | None:
    account, region = str(event.get("account")), str(event.get("region"))
    return Account(account, region) if _NUMBER.fullmatch(account) and _REGION.fullmatch(region) else None


def stand_in(recording: Recording, here: Account | None, now: Callable[[], datetime]) -> SageMaker:
    """The SageMaker of `here`, by default of the place of the first event, with those of the other places behind it.
    Each answers about the jobs of its own place."""
    named = places(recording)
    here = here or (named or _of_arns(recording.answers) or [Account()])[0]
    others = [each for each in named if each != here]
    if not others:
        return from_recording(recording.answers, here, now)
    shares = _shares(recording, [here, *others])
    home = from_recording(shares[here], here, now)
    for other in others:
        there = home.elsewhere[other] = from_recording(shares[other], other, lambda: home.now())
        there.faults = lambda operation, request: home.faults(operation, request) if home.faults else None
    return home


def _of_arns(answers: Sequence[Answer]) -> list[Account]:
    """The accounts and regions of the answers' jobs, for a recording of jobs of which no events tell."""
    responses = [answer.get("response") for answer in answers if answer.get("operation") == POLLED[0].facts.describe]
    arns = [each.get(POLLED[0].facts.fields.arn) for each in responses if isinstance(each, Mapping)]
    return [Account(match["id"], match["region"]) for arn in arns if (match := _ARN.fullmatch(str(arn)))]


def members(sagemaker: SageMaker) -> dict[str, str]:
    """The stack's parameters by which it asks the other places too."""
    others = list(sagemaker.elsewhere)
    if not others:
        return {}
    accounts, regions = {each.id for each in others}, {each.region for each in others}
    return {"MemberAccounts": ",".join(sorted(accounts)), "MemberRegions": ",".join(sorted(regions))}


def homes(recording: Recording) -> Mapping[str, set[Account]]:
    """The places of the jobs by name, as the events tell them."""
    found: dict[str, set[Account]] = defaultdict(set)
    for event in recording.events:
        place, detail = _place(event), event.get("detail")
        if place is not None and isinstance(detail, Mapping):
            for name in _names(detail):
                found[name].add(place)
    return found


def _shares(recording: Recording, known: Sequence[Account]) -> Mapping[Account, list[Answer]]:
    """The answers by place: the events' own of that job; where jobs of several places have its name, what its ARN says.
    A trial component's answer names no place: all that have such a job get it."""
    named = homes(recording)
    shares: dict[Account, list[Answer]] = {each: [] for each in known}
    for answer in recording.answers:
        for place in _places_of(answer, named, known):
            shares[place].append(answer)
    return shares


def _names(detail: Answer) -> Iterator[str]:
    return (str(detail[each]).lower() for each in _NAMES if detail.get(each))


def _places_of(answer: Answer, homes: Mapping[str, set[Account]], known: Sequence[Account]) -> Sequence[Account]:
    request, response = answer.get("request"), answer.get("response")
    if not isinstance(request, Mapping) or not isinstance(response, Mapping):
        return known[:1]
    arns = [
        str(each)
        for key, each in (*request.items(), *response.items())
        if str(key).lower().endswith(("jobarn", "resourcearn"))
    ]
    found = [match for each in arns if (match := _ARN.fullmatch(each))]
    component = str(request.get("TrialComponentName", "")).lower().partition("-aws-")[0]
    names = [*_names(request), *(match["name"].lower() for match in found), component]
    of_events = next((homes[name] for name in names if name in homes), set())
    by_arn = [Account(match["id"], match["region"]) for match in found[:1]]
    if by_arn and by_arn[0] in (of_events or known):
        return by_arn
    return [each for each in known if each in of_events] or known[:1]
