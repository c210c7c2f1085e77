"""A replay shows what each channel would get that the rules name."""

from tests.integration.test_replay import CHURN
from tests.relocated import recording
from trialbook_cli.replaying import replay

ROUTES = "routes: [{to: [{slack: '#growth'}, {slack: C0123ABCDE}]}]"


def test_a_replay_posts_to_every_channel_that_rules_name() -> None:
    outcome = replay(recording(CHURN), rules=ROUTES, without=("PostEmail", "AttachJob"))

    names = {each.id: each.name for each in outcome.slack.channels}
    found = {names[each.channel] for each in outcome.slack.top_level()}
    assert found == {"growth", "C0123ABCDE"}
    assert not any(outcome.dead_letters.values())
    assert len(outcome.slack.calls) < 100
