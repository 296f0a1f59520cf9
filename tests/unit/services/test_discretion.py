"""Figures that the settings hide: who reads them, in channels, by the button and in answers."""

from dataclasses import replace

import pytest

from bot.billing.rights import Actor
from bot.billing.subscription import SlackUser
from bot.billing.unsubscription import State
from bot.facts.hiding import without_figures
from bot.facts.messages import Discreet, Receipt, ReminderMessage, RequestCard, RequesterNote
from bot.facts.renewing import Renewal, Renewals
from bot.services.composing import Composing
from bot.services.delivering import Delivering
from bot.services.discretion import Discretion
from bot.services.errors import AlreadyDeducted, FiguresChanged, NotAllowed, Refused
from bot.services.pacing import Limits, Pacing
from bot.services.people import People
from bot.services.policy import Policy
from bot.services.reminding import Reminding
from bot.services.rerouting import Rerouting
from storage.store import SqlStore
from tests.clocks import SettableClock, always_steady
from tests.factories import (
    APPROVER_1,
    DEPUTY,
    NOW,
    OUTSIDER,
    OWNER,
    REQUESTER,
    instant,
    order,
    quota,
    resource,
    usd,
)
from tests.messengers import FakeDirectory, FakeMessenger
from tests.unit.services.desk import Desk, filled_in, secmaster
from tests.unit.services.rig import FINOPS, policy

ADMIN = SlackUser("U0ADMIN")
OPERATOR = SlackUser("U0OPERATOR")
OTHER = SlackUser("U0OTHER")


class Discreetly:
    """Delivery and discretion over one store, with the setting on."""

    def __init__(self, store, clock, *, settings: Policy, messenger: FakeMessenger) -> None:
        shared = {"store": store, "clock": clock}
        people = People(directory=FakeDirectory(admins={ADMIN}), policy=settings)
        self.messenger = messenger
        self.reminding = Reminding(**shared, policy=settings, people=people)
        announcing = self.reminding.announcing
        composing = Composing(links=messenger, announcing=announcing, discreet=True)
        self.delivering = Delivering(
            **shared,
            messenger=messenger,
            composing=composing,
            rerouting=Rerouting(**shared, policy=settings, people=people),
            pacing=Pacing(Limits()),
            elapsed=lambda: 0.0,
            steady_since=always_steady,
        )
        self.discretion = Discretion(
            **shared, people=people, announcing=announcing, composing=composing
        )

    def run(self) -> None:
        self.reminding.arm()
        self.reminding.bundle_due()
        self.delivering.send_due(limit=1000)

    def hidden(self, kind: type, *, to: str | None = None) -> list[Discreet]:
        shown = self.messenger.of(Discreet, to=to)
        return [each.message for each in shown if isinstance(each.message.message, kind)]


@pytest.fixture
def settings() -> Policy:
    return policy(amounts_for_everyone=False, operators=(OPERATOR,))


@pytest.fixture
def reminders(store: SqlStore, clock: SettableClock, settings: Policy) -> Discreetly:
    return Discreetly(store, clock, settings=settings, messenger=FakeMessenger(clock))


@pytest.fixture
def desk(store: SqlStore, clock: SettableClock, settings: Policy) -> Desk:
    """Where request 1001 is asked: a quota of owner and deputy, two packages of the owner's."""
    first, *others = secmaster()
    desk = Desk(
        store, clock, subscriptions=(replace(first, deputy=DEPUTY), *others), policy=settings
    )
    desk.ask()
    return desk


@pytest.fixture
def requests(desk: Desk, settings: Policy) -> Discreetly:
    discreetly = Discreetly(desk.store, desk.clock, settings=settings, messenger=desk.messenger)
    discreetly.run()
    return discreetly


def know(store: SqlStore, clock: SettableClock, *subscriptions) -> None:
    with store.transaction() as tx:
        tx.catalogue.put(subscriptions, at=clock.now())


def due(ref: str = "sm-quota", **changes):
    return quota(ref, orders=(order("2025-12-07 09:20"),), **changes)


def test_a_channel_reads_a_reminder_without_and_the_owner_directly_with_figures(
    reminders, store, clock
):
    know(store, clock, due())
    reminders.run()

    [shared] = reminders.hidden(ReminderMessage, to=FINOPS)
    [direct] = reminders.messenger.of(ReminderMessage, to=f"D{OWNER[1:]}")

    assert shared.message.items[0].amount.is_hidden
    assert direct.message.items[0].amount == usd("3600.00")
    assert len(reminders.hidden(ReminderMessage)) == 1


def test_card_and_receipt_are_hidden_and_the_requesters_note_is_not(requests):
    [card] = requests.hidden(RequestCard)
    assert card.message.request.acknowledgement.worst.refund.is_hidden
    assert requests.hidden(RequesterNote) == []
    assert len(requests.messenger.of(RequesterNote)) == 1
    assert requests.hidden(Receipt) == []


def test_an_update_keeps_the_figures_hidden_and_the_button_shows_the_newest(requests, desk):
    [before] = requests.hidden(RequestCard)
    desk.unsubscribing.approve(1001, by=APPROVER_1)
    requests.run()

    [after] = requests.hidden(RequestCard)
    shown = requests.discretion.figures(after.delivery_id, by=REQUESTER)

    assert after.delivery_id == before.delivery_id
    assert after.message.request.state is State.APPROVED
    assert after.message.request.acknowledgement.worst.refund.is_hidden
    assert shown.request.state is State.APPROVED


@pytest.mark.parametrize("who", [APPROVER_1, ADMIN, OPERATOR, REQUESTER, OWNER])
def test_those_entitled_see_the_figures_of_a_request(requests, who):
    [card] = requests.hidden(RequestCard)

    shown = requests.discretion.figures(card.delivery_id, by=who)

    assert isinstance(shown, RequestCard)
    assert shown.request.acknowledgement.worst.refund > usd("1")


@pytest.mark.parametrize("who", [OUTSIDER, DEPUTY])
def test_others_hear_whom_to_ask_about_a_request(requests, who):
    [card] = requests.hidden(RequestCard)

    with pytest.raises(NotAllowed) as refused:
        requests.discretion.figures(card.delivery_id, by=who)

    assert str(refused.value.sentence) == f"Only @{REQUESTER}, @{OWNER} or an approver can do this."


@pytest.mark.parametrize("who", [APPROVER_1, ADMIN, OPERATOR, OWNER, DEPUTY])
def test_those_entitled_see_the_figures_of_a_reminder(reminders, store, clock, who):
    know(store, clock, due(deputy=DEPUTY))
    reminders.run()
    [shared] = reminders.hidden(ReminderMessage)

    shown = reminders.discretion.figures(shared.delivery_id, by=who)

    assert shown.items[0].amount == usd("3600.00")


def test_a_digest_shows_figures_only_to_those_who_own_all_of_it(reminders, store, clock):
    know(store, clock, due(), due("other", owner=OTHER, deputy=OWNER), due("third", owner=OWNER))
    reminders.run()
    [shared] = reminders.hidden(ReminderMessage)

    shown = reminders.discretion.figures(shared.delivery_id, by=OWNER)

    assert len(shown.items) == 3
    with pytest.raises(NotAllowed) as refused:
        reminders.discretion.figures(shared.delivery_id, by=OTHER)
    assert refused.value.people == (OWNER,)


def test_what_nobody_owns_only_approvers_and_admins_see(reminders, store, clock):
    know(store, clock, due(owner=None))
    reminders.run()
    [shared] = reminders.hidden(ReminderMessage)

    with pytest.raises(NotAllowed) as refused:
        reminders.discretion.figures(shared.delivery_id, by=OUTSIDER)

    assert refused.value.sentence == "Only an approver can do this."
    assert reminders.discretion.figures(shared.delivery_id, by=APPROVER_1)


def test_the_message_that_counts_the_rest_asks_about_everything_it_counts(reminders, store, clock):
    many = [resource(f"r{n}", orders=(order("2025-12-07 09:20"),)) for n in range(44)]
    stranger = replace(many[0], owner=OTHER)
    know(store, clock, *(replace(each, owner=OWNER) for each in many[1:]), stranger)
    reminders.run()
    rest = next(
        each.message
        for each in reminders.messenger.of(Discreet, to=FINOPS)
        if hasattr(each.message.message, "batch_id")
    )

    assert [each.is_hidden for each in rest.message.sums] == [True]
    assert reminders.discretion.figures(rest.delivery_id, by=APPROVER_1).count == 4
    with pytest.raises(NotAllowed):
        reminders.discretion.figures(rest.delivery_id, by=OUTSIDER)


def test_a_message_that_nobody_knows_has_nothing_to_show(reminders):
    with pytest.raises(Refused, match="nothing any more"):
        reminders.discretion.figures("unknown", by=APPROVER_1)


def test_private_answers_show_owners_their_own_and_approvers_everything(reminders):
    rows = tuple(
        Renewal(subscription=each, anchor=None, amount=usd("3600.00"), safe_until=None)
        for each in (due(), due("other", owner=OTHER), due("nobody", owner=None))
    )
    facts = Renewals(items=rows, dry_run=False, now=NOW)

    def hidden(reader: SlackUser) -> list[bool]:
        shown = reminders.discretion.seen_by(reader, facts)
        return [each.amount.is_hidden for each in shown.items]

    assert hidden(OWNER) == [False, True, True]
    assert hidden(OTHER) == [True, False, True]
    assert hidden(OUTSIDER) == [True, True, True]
    assert hidden(APPROVER_1) == hidden(ADMIN) == [False, False, False]


def test_a_request_is_read_by_its_requester_and_hidden_from_others(requests, desk):
    request = desk.get()

    assert requests.discretion.request(REQUESTER, request) is request
    assert requests.discretion.request(OWNER, request) is request
    hidden = requests.discretion.request(OUTSIDER, request)
    assert hidden.acknowledgement.worst.refund.is_hidden


@pytest.mark.parametrize(
    ("who", "own", "others", "asked"),
    [
        (APPROVER_1, True, True, True),
        (OWNER, True, False, False),
        (REQUESTER, False, False, True),
        (OUTSIDER, False, False, False),
    ],
)
def test_eyes_tell_of_one_thing_after_the_other_whether_the_reader_sees_it(
    reminders, who, own, others, asked
):
    sees = reminders.discretion.eyes_of(who)

    assert sees((quota(),), None) is own
    assert sees((quota(owner=None),), None) is others
    assert sees((quota(owner=None),), REQUESTER) is asked


def test_with_the_default_nobody_is_asked_who_they_are(store, clock):
    class Nobody(FakeDirectory):
        def is_admin(self, user: SlackUser) -> bool:
            raise AssertionError(user)

    open_ = Discreetly(store, clock, settings=policy(), messenger=FakeMessenger(clock))
    people = People(directory=Nobody(), policy=policy())
    open_.discretion._people = people
    facts = Renewals(items=(), dry_run=False, now=NOW)

    assert open_.discretion.seen_by(OUTSIDER, facts) is facts


def test_a_form_whose_figures_were_hidden_acknowledges_those_that_hold(store, clock, settings):
    desk = Desk(store, clock, policy=settings)
    draft = desk.draft()
    hidden = without_figures(draft)

    request = desk.unsubscribing.submit(filled_in(hidden))

    assert request.acknowledgement.worst == draft.worst
    assert "NaN" not in str(request)


def test_the_ways_out_in_a_form_are_hidden_with_it_and_keep_their_days(store, clock, settings):
    draft = Desk(store, clock, subscriptions=secmaster(), policy=settings).draft()
    hidden = without_figures(draft)

    for item, found in hidden.ways.items():
        for way, before in zip(found.ways, draft.ways[item].ways, strict=True):
            amounts = [each for each in (way.money_out, way.money_back) if each is not None]
            assert all(each.is_hidden for each in amounts)
            assert (way.kind, way.last_moment) == (before.kind, before.last_moment)
        assert "USD" not in found.because


def test_a_hidden_form_whose_facts_changed_is_not_sent(store, clock, settings):
    desk = Desk(store, clock, policy=settings)
    hidden = replace(without_figures(desk.draft()), fingerprint="other")

    with pytest.raises(FiguresChanged):
        desk.unsubscribing.submit(filled_in(hidden))


def test_a_deduction_that_passed_is_named_without_its_amount_to_those_who_may_not_see_it(
    settings,
):
    told = AlreadyDeducted(None, at=instant("2026-11-30 03:00"), until=None)

    assert "The renewal was deducted" in told.sentence
    assert not People(directory=FakeDirectory(), policy=settings).sees(
        Actor(user=OUTSIDER), [due(owner=None)]
    )
