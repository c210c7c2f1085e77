"""The messages sent about a job or sweep, as `trialbook show` prints them."""

from collections.abc import Sequence

from trialbook.core.jobs import JobKey
from trialbook.core.messages.delivery import MESSAGE, Delivery
from trialbook.core.times import iso_or_none
from trialbook.ledger.deliveries import Deliveries
from trialbook.ledger.ledger import Ledger
from trialbook_cli.outputs import Line


def of_job(ledger: Ledger, key: JobKey, sweep: str | None) -> list[Delivery]:
    """The messages about a job and about its sweep; one request each."""
    deliveries = Deliveries(ledger.table)
    about = f"job/{key.account}/{key.region}/{key.kind.value}/{key.name}"
    return [*deliveries.of(about), *(deliveries.of(f"sweep/{sweep}") if sweep else ())]


def of_sweep(ledger: Ledger, sweep: str) -> list[Delivery]:
    """The messages about a sweep; one request."""
    return list(Deliveries(ledger.table).of(f"sweep/{sweep}"))


def line(delivery: Delivery) -> Line:
    """As JSON."""
    return {
        "about": delivery.about,
        "channel": delivery.channel,
        "address": delivery.address,
        "part": delivery.part,
        "state": delivery.state.value,
        "sent_at": iso_or_none(delivery.sent_at),
        "edited_at": iso_or_none(delivery.edited_at),
        "sent_id": delivery.sent_id,
        "revision": delivery.revision,
        "problem": delivery.problem,
    }


def facts(deliveries: Sequence[Delivery]) -> list[tuple[str, str]]:
    """For the terminal."""
    return [("messages" if not at else "", _words(each)) for at, each in enumerate(deliveries)]


def _words(delivery: Delivery) -> str:
    about = delivery.about.partition("/")[0]
    part = "" if delivery.part == MESSAGE else f" {delivery.part}"
    where = f"{about}{part} to {delivery.channel} {delivery.address}"
    if not delivery.is_sent:
        return f"{where}: not sent yet{f', {delivery.problem}' if delivery.problem else ''}"
    edited = f", edited {iso_or_none(delivery.edited_at)}" if delivery.edited_at else ""
    again = f", revision {delivery.revision}" if delivery.revision > 1 else ""
    trouble = f"; last attempt: {delivery.problem}" if delivery.problem else ""
    return f"{where}: {iso_or_none(delivery.sent_at)}{edited}{again}{trouble}"
