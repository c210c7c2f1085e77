"""How the names of several accounts and regions are kept apart in one book."""

from hypothesis import given
from hypothesis import strategies as st

from trialbook.core.names import valid_name
from trialbook.core.places import Place, Places, is_meant, name_there, plain_name
from trialbook.core.rules.document import ExperimentRule, Rules

HOME = Place("111122223333", "eu-west-1")
ELSEWHERE = Place("111122223333", "eu-central-1")
OTHERS = Place("444455556666", "eu-west-1")
FAR = Place("444455556666", "us-gov-west-1")

places = st.builds(
    Place,
    st.from_regex(r"\d{12}", fullmatch=True) | st.text(min_size=1, max_size=8),
    st.sampled_from(["eu-west-1", "cn-north-1", "us-gov-west-1"]) | st.text(min_size=1, max_size=8),
)
names = st.builds(valid_name, st.text(min_size=1, max_size=12))


def test_names_at_home_are_short_and_others_say_in_what_they_differ() -> None:
    known = Places((HOME, ELSEWHERE, OTHERS, FAR))

    assert [known.name("churn", each) for each in known.known] == [
        "churn",
        "churn.eu-central-1",
        "churn.444455556666",
        "churn.444455556666.us-gov-west-1",
    ]
    assert list(known.names("churn")) == [known.name("churn", each) for each in known.known]


def test_the_first_place_is_home() -> None:
    assert Places().with_place(OTHERS).with_place(HOME).with_place(OTHERS) == Places((OTHERS, HOME))
    assert Places((OTHERS, HOME)).name("churn", OTHERS) == "churn"


@given(st.lists(places, min_size=1, max_size=4, unique=True), st.lists(names, min_size=1, max_size=4, unique=True))
def test_no_two_names_of_two_places_ever_meet(some: list[Place], said: list[str]) -> None:
    known = Places(tuple(some))
    called = [known.name(name, place) for place in some for name in said]

    assert len(set(called)) == len(called)


@given(st.lists(places, min_size=1, max_size=3, unique=True), names)
def test_a_name_always_leads_back_to_what_sagemaker_calls_it(some: list[Place], name: str) -> None:
    for place in some:
        called = Places(tuple(some)).name(name, place)
        assert (plain_name(called), name_there(called, place)) == (name, name)


def test_rules_speak_of_an_experiment_wherever_it_is_or_of_one_alone() -> None:
    rules = Rules(experiments=(ExperimentRule("Churn", rank_stopped=True),))

    assert rules.rank_stopped("churn")
    assert rules.rank_stopped("churn.eu-central-1")
    assert not is_meant("churn.eu-central-1", "churn.444455556666*")
    assert is_meant("churn.444455556666.us-gov-west-1", "*.444455556666*")
