"""Ways out that stay until the end of the term: do nothing, or turn auto-renewal off."""

from dataclasses import replace
from datetime import datetime, time

from bot.billing.days import CLOUD_ZONE, cloud_date, written
from bot.billing.expiry import afterlife
from bot.billing.notices import SECMASTER
from bot.billing.quote import Notice, Scope
from bot.billing.refusal import refusal, renewals_held
from bot.billing.renewal import (
    AnchorKind,
    charge_after_expiry,
    open_orders,
    renewable,
    renewal_months,
    safe_cutoff,
)
from bot.billing.subscription import BillingMode, Kind
from bot.billing.terms import term_end
from bot.billing.usage import counted_end
from bot.billing.way import Situation, Way, WayKind


def keep(situation: Situation) -> Way:
    """R19: what the next renewal costs; R46: until when that can still be given back."""
    subscription, expires_at = situation.subscription, situation.subscription.expires_at
    way = Way(
        kind=WayKind.KEEP,
        rule="R14",
        money_out=situation.nothing,
        money_back=situation.nothing,
        works_until=expires_at,
    )
    if subscription.billing_mode is BillingMode.PAY_PER_USE:
        return replace(way, rule="R10", money_out=None)  # billed by the second as it is used
    charged_late = charge_after_expiry(subscription, situation.account, at=situation.at)
    if expires_at is not None and charged_late is not None:
        late = replace(way, rule="X4", money_out=situation.renewal_price, at=charged_late)
        return _extended(late, situation, expires_at)
    if expires_at is None or situation.ahead is None or subscription.auto_renew is False:
        return replace(way, lost=_lost_by_lapsing(situation))
    if situation.ahead.kind is AnchorKind.EXPIRY:
        return replace(way, money_out=None)  # whether it renews is not known
    returnable = situation.deducted_at and _takes_renewals_back(situation)
    last = counted_end(expires_at) if returnable else None
    renewed = replace(
        way,
        rule="R19" if situation.deducted_at else "R14",
        money_out=situation.renewal_price,
        at=situation.ahead.at,
        last_moment=last,
        caution=_coupons_may_pay(situation),
    )
    return _extended(renewed, situation, expires_at)


def _takes_renewals_back(situation: Situation) -> bool:
    """Whether a renewal could be given back once it is paid (R46); R48 and R34 may forbid it."""
    subscription, account = situation.subscription, situation.account
    running = open_orders(subscription, at=situation.at)
    why = refusal(subscription, account, running, at=situation.at, scope=Scope.RENEWALS)
    held = renewals_held(subscription) is not None
    return not held and (why is None or why.rule in {"R45", "R46"})


def _extended(way: Way, situation: Situation, expires_at: datetime) -> Way:
    """What a renewal adds; a late one counts from the original expiry (R14, R17)."""
    months = renewal_months(situation.subscription)
    until = term_end(expires_at, months=months) if months else None
    return replace(way, months=months, works_until=until)


def _coupons_may_pay(situation: Situation) -> Notice | None:
    """R28: the expected amount is what is deducted at most, when coupons are there.

    Source: intl/tr-tr topic_000039.
    """
    if situation.deducted_at is None or not any(
        order.cash_coupon or order.discount_coupon for order in situation.subscription.orders
    ):
        return None
    return Notice(rule="R28", text="A coupon of the account can lower what is deducted.")


def turn_off(situation: Situation) -> Way:
    """R25: works as long as no deduction has succeeded; safe before the deduction day."""
    subscription = situation.subscription
    way = Way(
        kind=WayKind.TURN_OFF,
        rule="R25",
        money_out=situation.nothing,
        money_back=situation.nothing,
        works_until=subscription.expires_at,
        lost=_lost_by_lapsing(situation),
    )
    if situation.deducted_at is not None and situation.ahead is not None:
        safe = safe_cutoff(situation.ahead, reader=CLOUD_ZONE)
        return replace(way, last_moment=safe, caution=_may_be_too_late(situation, safe))
    late = charge_after_expiry(subscription, situation.account, at=situation.at)
    if late is not None:
        safe = datetime.combine(cloud_date(late), time(), CLOUD_ZONE)
        return replace(way, rule="X4", last_moment=safe, caution=_may_be_charged(situation))
    return replace(way, open=False, closed_because=_why_not_off(situation))


def _may_be_too_late(situation: Situation, safe: datetime) -> Notice | None:
    """R25: between 00:00 and 03:00 of the deduction day it may work or not."""
    if situation.at < safe:
        return None
    return Notice(rule="R25", text="The deduction is due today at 03:00, so it may be too late.")


def _lost_by_lapsing(situation: Situation) -> tuple[Notice, ...]:
    """R12, R15: what an expiry takes, once the days in which it can still be renewed are over.

    Source: EU secmaster_04_0001, 2025-02-27; intl/pt-br renewals_topic_10000002, 2025-10-10.
    """
    expires_at = situation.subscription.expires_at
    cloud_sells_it = situation.subscription.kind is not Kind.SAAS
    if expires_at is None or not cloud_sells_it or not renewable(situation.subscription):
        return ()
    released = afterlife(expires_at, situation.account).released_at
    if situation.at > released:
        return ()
    rule = "R12" if situation.subscription.service == SECMASTER else "R15"
    return (Notice(rule=rule, text=f"Its data is deleted after {written(cloud_date(released))}."),)


def _may_be_charged(situation: Situation) -> Notice:
    """X4: what nobody can promise once no attempt is left before the expiry."""
    over = situation.at >= (situation.subscription.expires_at or situation.at)
    when = "It has expired" if over else "No attempt is left before it expires"
    text = f"{when}, but the cloud may still try to charge until it is released."
    return Notice(rule="X4", text=text)


def _why_not_off(situation: Situation) -> str:
    if situation.ahead is None:
        return "Nothing will be deducted."
    if situation.ahead.kind is AnchorKind.NOTICE:
        return f"Give notice by {written(situation.ahead.date)} instead."
    if situation.subscription.auto_renew is None:
        return "It is not known whether auto-renewal is on."
    return "Auto-renewal is off already."
