"""Who may do what: the table of the contract, cell by cell."""

import pytest

from bot.billing.rights import Action, Actor, may
from tests.factories import APPROVER_1, DEPUTY, OUTSIDER, OWNER, REQUESTER, quota

ITEM = quota(deputy=DEPUTY)
MEMBER = Actor(user=OUTSIDER)
PEOPLE = {
    "member": MEMBER,
    "owner": Actor(user=OWNER),
    "deputy": Actor(user=DEPUTY),
    "requester": Actor(user=REQUESTER),
    "approver": Actor(user=APPROVER_1, approver=True),
    "admin": Actor(user=OUTSIDER, admin=True),
    "delegate": Actor(user=OUTSIDER, delegate=True),
    "glass breaker": Actor(user=OUTSIDER, breaks_glass=True),
}
TABLE = {
    Action.LOOK: set(PEOPLE),
    Action.ASK: set(PEOPLE),
    Action.SETTLE_REMINDER: {"owner", "deputy", "approver", "admin"},
    Action.AUTORENEW_OFF: {"owner", "deputy", "approver", "admin"},
    Action.DECIDE: {"approver", "delegate"},
    Action.BREAK_GLASS: {"glass breaker"},
    Action.DELEGATE: {"approver"},
    Action.END_DELEGATION: {"requester", "admin"},
    Action.WITHDRAW: {"requester"},
    Action.STOP: {"requester", "approver", "admin", "delegate"},
    Action.REPAIR: {"requester", "approver", "admin"},
    Action.SEE_AMOUNTS: set(PEOPLE) - {"member"},
    Action.CARRY_OUT: {"owner", "deputy", "requester", "approver", "admin"},
    Action.CONFIRM: {"owner", "deputy", "approver", "admin"},
    Action.CONFIGURE: {"approver", "admin"},
}


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("who", PEOPLE)
def test_the_table(who, action):
    allowed = may(PEOPLE[who], action, subscription=ITEM, requester=REQUESTER)

    assert allowed == (who in TABLE[action])


@pytest.mark.parametrize("action", Action)
def test_guests_may_nothing(action):
    guest = Actor(user=OWNER, approver=True, admin=True, guest=True)

    assert not may(guest, action, subscription=ITEM, requester=OWNER)


@pytest.mark.parametrize("action", [Action.SETTLE_REMINDER, Action.AUTORENEW_OFF])
def test_any_member_answers_for_what_nobody_owns(action):
    assert may(MEMBER, action, subscription=quota(owner=None))
    assert not may(MEMBER, action)


def test_an_approver_never_decides_their_own_request_nor_does_an_admin_without_the_role():
    own = Actor(user=REQUESTER, approver=True, admin=True, delegate=True, breaks_glass=True)

    assert not may(own, Action.DECIDE, requester=REQUESTER)
    assert not may(own, Action.BREAK_GLASS, requester=REQUESTER)
    assert not may(PEOPLE["admin"], Action.DECIDE, requester=REQUESTER)


def test_without_a_request_nobody_withdraws():
    assert not may(MEMBER, Action.WITHDRAW)


def test_without_a_subscription_amounts_are_for_those_who_ask_or_decide():
    allowed = {who for who in PEOPLE if may(PEOPLE[who], Action.SEE_AMOUNTS, requester=REQUESTER)}

    assert allowed == {"requester", "approver", "admin", "delegate", "glass breaker"}
