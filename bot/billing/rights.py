"""Who may do what: the table of contract section 6, in one place."""

from dataclasses import dataclass
from enum import StrEnum

from bot.billing.subscription import SlackUser, Subscription


class Action(StrEnum):
    """What a person can ask Lapse to do."""

    LOOK = "look"
    ASK = "ask"
    SETTLE_REMINDER = "settle-reminder"
    AUTORENEW_OFF = "autorenew-off"
    DECIDE = "decide"
    WITHDRAW = "withdraw"
    STOP = "stop"
    REPAIR = "repair"
    SEE_AMOUNTS = "see-amounts"
    CONFIGURE = "configure"
    BREAK_GLASS = "break-glass"
    DELEGATE = "delegate"
    END_DELEGATION = "end-delegation"
    CARRY_OUT = "carry-out"
    CONFIRM = "confirm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person at the moment of a click, as settings and the workspace know them.

    A `delegate` decides for an approver, and does nothing else in their name but stop. One who
    `breaks_glass` may approve alone in an emergency.
    """

    user: SlackUser
    approver: bool = False
    delegate: bool = False
    breaks_glass: bool = False
    admin: bool = False
    guest: bool = False


def may(
    actor: Actor,
    action: Action,
    *,
    subscription: Subscription | None = None,
    requester: SlackUser | None = None,
) -> bool:
    """Whether the person may, checked at every click; `admin` includes the installer.

    `subscription` is the one that a reminder, auto-renewal or amount is about, `requester` the
    person who sent the request, or the approver who delegated. Guests may nothing, not even look.
    Amounts are asked about only where the settings hide them. Whoever did something by hand does
    not confirm it, which is for the request to say.
    """
    if actor.guest:
        return False
    asked = requester is not None and actor.user == requester
    if action in {Action.LOOK, Action.ASK}:
        return True
    if action in {Action.SETTLE_REMINDER, Action.AUTORENEW_OFF}:
        return actor.approver or actor.admin or _answers_for(actor, subscription)
    if action is Action.SEE_AMOUNTS:
        decides = actor.approver or actor.delegate
        sees = decides or actor.breaks_glass or actor.admin
        return asked or sees or _owns(actor, subscription)
    allowed = {
        Action.DECIDE: (actor.approver or actor.delegate) and not asked,
        Action.WITHDRAW: asked,
        Action.STOP: asked or actor.approver or actor.delegate or actor.admin,
        Action.REPAIR: asked or actor.approver or actor.admin,
        Action.CONFIGURE: actor.approver or actor.admin,
        Action.BREAK_GLASS: actor.breaks_glass and not asked,
        Action.DELEGATE: actor.approver,
        Action.END_DELEGATION: asked or actor.admin,
        Action.CARRY_OUT: asked or actor.approver or actor.admin or _owns(actor, subscription),
        Action.CONFIRM: actor.approver or actor.admin or _owns(actor, subscription),
    }
    return allowed[action]


def _answers_for(actor: Actor, subscription: Subscription | None) -> bool:
    """Owner and deputy; any member while the subscription has no owner."""
    if subscription is None:
        return False
    return subscription.owner is None or _owns(actor, subscription)


def _owns(actor: Actor, subscription: Subscription | None) -> bool:
    owners = (subscription.owner, subscription.deputy) if subscription is not None else ()
    return actor.user in owners
