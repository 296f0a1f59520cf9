"""Every expected refusal has its sentence, and settings decide as the contract says."""

import inspect
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.billing import deciding, unsubscription
from bot.billing.money import Money
from bot.billing.reminder import Schedule
from bot.billing.rights import Action
from bot.billing.subscription import Kind, SlackChannel
from bot.billing.unsubscription import (
    AlreadyDecided,
    ApprovedByYou,
    NothingMissing,
    UnsubscriptionError,
    Verb,
    noted,
)
from bot.services import errors
from bot.services.errors import GuestRefused, NotAllowed, Refused
from bot.services.people import People
from bot.services.policy import ApprovalRule, Route, Stake
from bot.services.verdicts import SENTENCES, verdict
from tests.factories import (
    APPROVER_1,
    APPROVER_2,
    OUTSIDER,
    OWNER,
    REQUESTER,
    account,
    cny,
    quota,
    resource,
    usd,
)
from tests.messengers import FakeDirectory
from tests.unit.handlers import samples
from tests.unit.services.rig import FINOPS, SECURITY, policy

DAY = timedelta(days=1)


def _tree(error: type[Exception]) -> set[type[Exception]]:
    return {error}.union(*(_tree(each) for each in error.__subclasses__()))


def test_every_refusal_of_a_request_has_a_sentence() -> None:
    missing = _tree(UnsubscriptionError) - {UnsubscriptionError} - set(SENTENCES)

    assert missing == set()
    assert _tree(UnsubscriptionError) <= {
        each for _, each in inspect.getmembers(unsubscription, inspect.isclass)
    }


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        (Verb.APPROVED, "approved request 1042"),
        (Verb.LEFT, "left request 1042 as it is"),
        (Verb.BY_HAND, "said that request 1042 is done by hand"),
        (Verb.STILL_THERE, "sent request 1042 back"),
    ],
)
def test_who_was_faster_is_said_in_a_sentence(verb: Verb, said: str) -> None:
    request = noted(samples.waiting(), verb, at=samples.APPROVED, by=APPROVER_1)
    later = noted(samples.waiting(), verb, at=samples.APPROVED + DAY, by=APPROVER_1)

    assert verdict(AlreadyDecided(request), request)[:2] == (
        f"@{APPROVER_1} {said} at 10:53 GMT+08:00, before your click.",
        "Nothing was done twice.",
    )
    assert f"{said} on Tue 24 Nov 2026, 10:53 GMT+08:00, before" in (
        verdict(AlreadyDecided(later), later).sentence
    )


def test_who_approved_it_already_hears_that_somebody_else_is_needed() -> None:
    once = deciding.approve(
        samples.waiting(required_approvals=2),
        by=APPROVER_1,
        at=samples.APPROVED,
        authorities=(APPROVER_1,),
    )
    with pytest.raises(ApprovedByYou) as refused:
        deciding.approve(once, by=APPROVER_1, at=samples.APPROVED, authorities=(APPROVER_1,))

    assert verdict(refused.value, once)[:2] == (
        "You approved request 1042 at 10:53 GMT+08:00.",
        "One more person is needed.",
    )
    of_four = replace(once, required_approvals=4)
    twice = deciding.approve(
        of_four, by=APPROVER_2, at=samples.APPROVED + DAY, authorities=(APPROVER_2,)
    )
    assert verdict(refused.value, twice)[:2] == (
        "You approved request 1042.",
        "2 more people are needed.",
    )


def test_where_no_answer_is_missing_nothing_is_claimed_of_what_follows() -> None:
    done = samples.done()

    assert verdict(NothingMissing(done), done).sentence == (
        "The cloud has answered, nothing of request 1042 is missing."
    )


def test_the_tree_of_refusals_is_drawn_in_the_modules_docstring() -> None:
    assert errors.__doc__ is not None
    for each in _tree(Refused) - {Refused}:
        if each.__module__ == errors.__name__:
            assert each.__name__ in errors.__doc__


def test_a_refusal_reads_as_what_happened_and_what_to_do() -> None:
    refused = errors.DaysOutOfRange()

    assert str(refused) == "Days go from 1 to 366. Write `/lapse upcoming 30`."


def test_foreign_text_in_a_sentence_loses_its_backticks_and_line_breaks() -> None:
    refused = errors.UnknownSubscription("a`b\nc")

    assert refused.sentence == "No subscription `ab c`."


def test_the_first_matching_route_claims_a_subscription() -> None:
    settings = policy(
        routes=(
            Route(channel=SECURITY, service="SecMaster", account="prod", lead_days=(30, 7, 1)),
            Route(channel=SlackChannel("C0ALL"), kind=Kind.QUOTA),
        )
    )

    assert settings.destination(quota(account="prod")) == (
        SECURITY,
        Schedule(lead_days=(30, 7, 1), at=settings.schedule.at, zone=settings.schedule.zone),
    )
    assert settings.destination(quota()) == ("C0ALL", settings.schedule)
    assert settings.destination(resource()) == (FINOPS, settings.schedule)


def test_a_channel_of_its_own_takes_the_leads_of_the_first_route() -> None:
    settings = policy(routes=(Route(channel=SECURITY, tag="team=a", lead_days=(2,)),))
    own = quota(channel=SlackChannel("C0OWN"), tags={"team": "a"})

    channel, schedule = settings.destination(own)

    assert (channel, schedule.lead_days) == ("C0OWN", (2,))


@pytest.mark.parametrize(
    ("tag", "claims"), [("team", True), ("team=a", True), ("team=b", False), ("other", False)]
)
def test_a_route_by_label_matches_its_name_or_its_value(tag: str, claims: bool) -> None:
    assert Route(channel=SECURITY, tag=tag).claims(quota(tags={"team": "a"})) is claims


def test_the_strictest_matching_rule_counts() -> None:
    settings = policy(
        rules=(
            ApprovalRule(required=2, min_amount=Money(Decimal(10_000), "USD")),
            ApprovalRule(required=3, account="prod"),
            ApprovalRule(required=4, service="DNS"),
            ApprovalRule(required=5, tag="vital"),
        )
    )

    def needed(paid: Money, **facts: object) -> int:
        return settings.required_for([quota(**facts)], stake=Stake(known=(paid,)))

    assert needed(usd("9999.99")) == 1
    assert needed(usd("10000.00")) == 2
    assert needed(cny("10000.00")) == 1
    assert needed(usd("10000.00"), account="prod") == 3
    assert needed(usd("1.00"), service="DNS") == 4
    assert needed(usd("1.00"), tags={"vital": "yes"}) == 5


def test_an_account_sets_its_own_cooling_off() -> None:
    assert policy().cooling_off_minutes_of(account()) == 5
    assert policy().cooling_off_minutes_of(account(cooling_off_minutes=0)) == 0


@pytest.fixture
def directory() -> FakeDirectory:
    return FakeDirectory(groups={"S0GROUP": (APPROVER_2, APPROVER_1)}, admins={OUTSIDER})


def test_groups_are_expanded_and_nobody_is_named_twice(directory: FakeDirectory) -> None:
    people = People(directory=directory, policy=policy(approvers=(APPROVER_1, "S0GROUP")))

    assert people.approvers() == (APPROVER_1, APPROVER_2)
    assert people.actor(APPROVER_2).approver
    assert people.actor(OUTSIDER).admin


def test_operators_count_as_installers(directory: FakeDirectory) -> None:
    people = People(directory=directory, policy=policy(operators=(OWNER,)))

    assert people.actor(OWNER).admin


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        (Action.DECIDE, "You cannot decide this one."),
        (Action.WITHDRAW, "Only @U0REQUESTER can withdraw it."),
        (Action.STOP, "Only @U0REQUESTER, an approver or an admin can do this."),
        (Action.REPAIR, "Only @U0REQUESTER, an approver or an admin can do this."),
        (Action.CONFIGURE, "Only an approver or an admin can do this."),
        (Action.SETTLE_REMINDER, "Only @U0OWNER or an approver can do this."),
    ],
)
def test_a_refused_person_hears_who_can(action: Action, sentence: str) -> None:
    people = People(directory=FakeDirectory(), policy=policy())
    about = quota() if action is Action.SETTLE_REMINDER else None

    with pytest.raises(NotAllowed) as refused:
        people.demand(OUTSIDER, action, subscription=about, requester=REQUESTER)

    assert refused.value.sentence == sentence
    assert all(f"@{user}" in str(refused.value) for user in refused.value.people)


def test_guests_are_told_whom_to_ask(directory: FakeDirectory) -> None:
    directory.guests.add(OUTSIDER)
    people = People(directory=directory, policy=policy())

    with pytest.raises(GuestRefused) as refused:
        people.demand(OUTSIDER, Action.LOOK)

    assert refused.value.advice == "Ask a member of your team."
