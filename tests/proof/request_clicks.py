"""What people press about a request, and what changes at the cloud meanwhile."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from bot.billing.subscription import (
    Order,
    SlackUser,
    Status,
    Subscription,
)
from tests.factories import NOW
from tests.proof.clerks import Clerk

Click = Callable[[Clerk], object]


class Pressed(NamedTuple):
    """A click; where it is about figures, which event had acknowledged those that were shown."""

    by: SlackUser
    click: Click
    shown: int | None = None


def ordered(each: Subscription, **facts: Any) -> Subscription:
    [paid] = each.orders
    return replace(each, orders=(replace(paid, **facts),))


def paid_for(each: Subscription) -> Order:
    return each.orders[0]


CHANGES: Mapping[str, Callable[[Subscription], Subscription]] = {
    "its price was lower": lambda each: ordered(each, cash=(paid_for(each).cash or 0) - 30),
    "its price was a little lower": lambda each: ordered(
        each, cash=(paid_for(each).cash or 0) - Decimal("0.80")
    ),
    "its price was higher": lambda each: ordered(each, cash=(paid_for(each).cash or 0) + 50),
    "a coupon paid for it": lambda each: ordered(each, discount_coupon=Decimal(20)),
    "it is a promotion": lambda each: ordered(each, promotion=True),
    "its renewal is switched": lambda each: replace(each, auto_renew=not each.auto_renew),
    "its expiry moves": lambda each: ordered(
        each, expires_at=(paid_for(each).expires_at or NOW) - timedelta(days=31)
    ),
    "it is busy": lambda each: replace(
        each, transaction_in_progress=not each.transaction_in_progress
    ),
    "it is gone": lambda each: replace(each, status=Status.UNSUBSCRIBED, auto_renew=False),
}

BUTTONS: Mapping[str, Callable[[Any, int, SlackUser], object]] = {
    "reject": lambda asking, number, by: asking.reject(number, by=by, why="We keep it."),
    "withdraw": lambda asking, number, by: asking.withdraw(number, by=by),
    "stop": lambda asking, number, by: asking.stop(number, by=by),
    "retry": lambda asking, number, by: asking.retry(number, by=by),
    "by hand": lambda asking, number, by: asking.by_hand(number, by=by, why="At the console."),
    "leave": lambda asking, number, by: asking.leave(number, by=by, why="It stays."),
    "look now": lambda asking, number, by: asking.look_now(number, by=by),
}
AGREEING: Mapping[str, Callable[[Any, int, SlackUser, int], object]] = {
    "approve": lambda asking, number, by, shown: asking.approve(number, by=by, shown=shown),
    "break glass": lambda asking, number, by, shown: asking.break_glass(
        number, by=by, why="It leaks.", shown=shown
    ),
}
"""Those that are about figures, which are shown beside them."""

EVERY_BUTTON = (*BUTTONS, *AGREEING)


def pressed(number: int, by: SlackUser, button: str) -> Click:
    return lambda clerk: BUTTONS[button](clerk.unsubscribing, number, by)


def agreed(number: int, by: SlackUser, button: str, shown: int) -> Click:
    return lambda clerk: AGREEING[button](clerk.unsubscribing, number, by, shown)
