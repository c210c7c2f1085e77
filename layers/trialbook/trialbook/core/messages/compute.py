"""Which messages follow from an event."""

from trialbook.core.announcements import BEST_TRIAL_CHANGED, REPORT_READY, Announcement
from trialbook.core.message import Message
from trialbook.core.messages.alerts import alerts
from trialbook.core.messages.best_trials import best_trials_message
from trialbook.core.messages.facts import ExecutionFacts, Facts, JobFacts, SweepFacts, WeekFacts
from trialbook.core.messages.job import job_message
from trialbook.core.messages.pipeline import pipeline_message
from trialbook.core.messages.sweep import sweep_message
from trialbook.core.messages.thread import new_best, thread_messages
from trialbook.core.rules.document import Rules


def messages_of(event: Announcement, facts: Facts, rules: Rules) -> tuple[Message, ...]:
    """The messages that an event gives, from what is so now; the same event and facts always give the same."""
    match facts:
        case WeekFacts():
            return (best_trials_message(facts.report, facts.pages.get),)
        case ExecutionFacts():
            return (pipeline_message(event, facts.execution, rules),)
        case JobFacts():
            return _of_job(event, facts, rules)
        case SweepFacts():
            return _of_sweep(event, facts, rules)


def _of_job(event: Announcement, facts: JobFacts, rules: Rules) -> tuple[Message, ...]:
    if facts.record.is_history or not facts.record.job.is_terminal:
        return ()
    said = job_message(event, facts, rules)
    return (said, *alerts(event, facts, rules, said))


def _of_sweep(event: Announcement, facts: SweepFacts, rules: Rules) -> tuple[Message, ...]:
    """The sweep's own message first: what follows it may belong in its thread."""
    if facts.sweep.is_history or facts.sweep.is_single:
        return ()
    said = sweep_message(event, facts, rules)
    messages = [said]
    if event.type == BEST_TRIAL_CHANGED and (best := new_best(event, facts, rules)) is not None:
        messages.append(best)
    if event.type == REPORT_READY:
        messages += thread_messages(event, facts, rules)
    return (*messages, *alerts(event, facts, rules, said))
