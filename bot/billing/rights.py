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
    CONFIGURE = "configure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person at the moment of a click, as settings and the workspace know them."""

    user: SlackUser
    approver: bool = False
    admin: bool = False
    guest: bool = False


def may(
    actor: Actor,
    action: Action,
    *,
    subscription: Subscription | None = None,
    requester: SlackUser | None = None,
) -> bool:
    """Whether the person may, checked at every click; `admin` includes the installer."""
    raise NotImplementedError
