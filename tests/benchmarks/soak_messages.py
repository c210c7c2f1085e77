"""Whether each sweep of a soak was reported in Slack and by mail, once each, with what is so in the end and nothing that
was forged."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from email import message_from_bytes
from email.policy import default
from hashlib import sha256

from tests.benchmarks.soak_trouble import MARK
from trialbook.core.jobs import COMPLETED
from trialbook.core.messages import phrases
from trialbook.core.sweeps import Sweep
from trialbook_cli.replaying import ReplayOutcome


def wrong_messages(found: ReplayOutcome, died_after_mail: int) -> dict[str, int]:
    """How many messages are missing, doubled or outdated; all of them have to be 0. A mail may come twice for each
    process that died between SES's answer and the record of it: SES can't be asked."""
    marks = Counter(_mark_of(each.metadata) for each in found.slack.messages if each.metadata is not None)
    texts = {_mark_of(each.metadata): each.text for each in found.slack.top_level() if each.metadata is not None}
    files = Counter(
        (each.thread_ts, found.slack.files[file].name) for each in found.slack.messages for file in each.files
    )
    threads = {_mark_of(each.metadata): each.ts for each in found.slack.top_level() if each.metadata is not None}
    shown = {sweep.id: _hash(f"sweep/{sweep.id}") for sweep in found.sweeps}
    mails = Counter(mail_ids(found))
    return {
        "sweeps without a message in Slack": sum(mark not in texts for mark in shown.values()),
        "messages in Slack that do not say how it ended": sum(
            phrases.standing(sweep) not in texts.get(shown[sweep.id], "") for sweep in found.sweeps
        ),
        "messages in Slack that stand twice": sum(number - 1 for number in marks.values()),
        "sweeps without their last report in the thread": sum(
            not _has_report(sweep, threads.get(shown[sweep.id]), files) for sweep in found.sweeps
        ),
        "reports that stand twice in a thread": sum(number - 1 for number in files.values()),
        "calls that Slack refused": len(found.slack.refused),
        "sweeps without a mail": sum(not _is_mailed(sweep, mails) for sweep in found.sweeps),
        "messages that say what was forged": sum(map(_is_forged, _texts(found))),
        "new bests that were none": sum(_hash(each) in marks for each in _worst(found)),
        "jobs of sweeps with a message of their own": sum(
            _hash(f"job/{key.account}/{key.region}/{key.kind.value}/{key.name}") in marks
            for key in (each.key for each in found.records if each.job.status == COMPLETED)
        ),
        "mails that came twice without such a death": max(0, mails.total() - len(mails) - died_after_mail),
    }


def mail_ids(found: ReplayOutcome) -> list[str]:
    """The Message-ID of each mail that SES took: the same for the same message."""
    return [str(message_from_bytes(mail)["Message-ID"]).strip("<>").partition("@")[0] for mail in found.mails]


def _has_report(sweep: Sweep, thread: str | None, files: Mapping[tuple[str | None, str], int]) -> bool:
    return any(
        at == thread and name.endswith(f"-report-{sweep.revision}.html") for (at, name) in files if at is not None
    )


def _is_mailed(sweep: Sweep, mails: Mapping[str, int]) -> bool:
    """Of a revision that says nothing new, no mail is sent."""
    revisions = range(1, sweep.revision + 1)
    return any(_hash(f"sweep/{sweep.id}/{revision}/True") in mails for revision in revisions)


def _texts(found: ReplayOutcome) -> Iterator[str]:
    """All that people received."""
    for each in found.slack.messages:
        yield f"{each.text} {json.dumps(each.blocks)}"
    for mail in found.mails:
        parsed = message_from_bytes(mail, policy=default)
        yield str(parsed["Subject"])
        yield from (part.get_content() for part in parsed.walk() if part.get_content_maintype() == "text")


def _is_forged(text: str) -> bool:
    return MARK in text


def _worst(found: ReplayOutcome) -> Iterator[str]:
    """What a message would be about that reported a sweep's worst job as a new best. The first two jobs are passed over:
    one of them may have been the best before it was recreated."""
    for sweep in found.sweeps:
        jobs = sorted((each for each in found.records if each.sweep == sweep.id), key=lambda each: each.job.name)
        ranked = [(each.value, each.job.name) for each in jobs[2:] if each.value is not None]
        if len(ranked) > 1:
            yield f"sweep/{sweep.id}/best/{max(ranked)[1]}"


def _mark_of(metadata: Mapping[str, Mapping[str, str]]) -> str:
    return metadata["event_payload"]["about"]


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
