"""Ways out that give something back: the renewal period, everything now, everything later."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.billing.cases import as_counted
from bot.billing.coherence import UnclearFacts
from bot.billing.days import CLOUD_ZONE, cloud_date, counted, written
from bot.billing.money import Money
from bot.billing.quote import Case, Lost, Notice, Quote, QuoteTotal, Scope
from bot.billing.refund import quote
from bot.billing.refusal import renewals_held
from bot.billing.renewal import Anchor, anchor, give_back_until, safe_cutoff
from bot.billing.subscription import Subscription
from bot.billing.way import Situation, Way, WayKind
from bot.billing.worst import Step, as_of, jump_steps

JUST_BEFORE = timedelta.resolution

_OPENS_LATER = frozenset({"R45", "R46"})
"""There is no renewal period yet, or the last one has begun: the next deduction brings another."""


def give_back(situation: Situation) -> Way:
    """R45, R46: a renewal that is paid and has not begun comes back in full, until it begins.

    This is the repair window of a renewal that was just charged, read from the orders (R25).
    """
    way = _quoted(situation, WayKind.GIVE_BACK, scope=Scope.RENEWALS)
    begins = give_back_until(situation.subscription, at=situation.at)
    if begins is not None:
        if not way.open:
            return way
        return replace(
            way,
            works_until=_stays_until(situation.subscription, begins),
            last_moment=_drops_at(situation, scope=Scope.RENEWALS) or begins,
            caution=_charged_again(situation) or way.caution,
        )
    expires_at = situation.subscription.expires_at
    if situation.deducted_at is None or expires_at is None or way.rule not in _OPENS_LATER:
        return way
    if (held := renewals_held(situation.subscription)) is not None:
        return replace(way, rule=held.rule, closed_because=held.reason)
    day = cloud_date(situation.deducted_at)
    days = (cloud_date(expires_at) - day).days
    span = f", then open for {counted(days, 'day')}" if days else ""
    reason = f"Closed until the deduction of {written(day)}{span}."
    return replace(way, closed_because=reason, opens_at=situation.deducted_at)


def _stays_until(subscription: Subscription, begins: datetime) -> datetime:
    """The end of the term that stays: the last expiry before the first period begins."""
    ends = (each.expires_at for each in subscription.orders if each.expires_at)
    return max((end for end in ends if end <= begins), default=begins)


def _charged_again(situation: Situation) -> Notice | None:
    """R21: with auto-renewal still on, the next daily attempt may take the same money again."""
    if situation.subscription.auto_renew is not True:
        return None
    text = "Turn auto-renewal off as well, or the cloud may charge again, daily at 03:00 GMT+08:00."
    return Notice(rule="R21", text=text)


def unsubscribe(situation: Situation) -> Way:
    """R41 to R47: what comes back if it ends at once, and until when no step lowers that."""
    way = _quoted(situation, WayKind.UNSUBSCRIBE, scope=Scope.ALL)
    if not way.open:
        return way
    ahead, drop = _nearest_charge(situation), _drops_at(situation, scope=Scope.ALL)
    ends = [safe_cutoff(ahead, reader=CLOUD_ZONE)] if ahead is not None else []
    return replace(way, last_moment=min([*ends, *([drop] if drop else [])], default=None))


def _nearest_charge(situation: Situation) -> Anchor | None:
    """What comes next; where it is not known whether it renews, as if it did."""
    subscription = situation.subscription
    if subscription.auto_renew is not None:
        return situation.ahead
    renewing = replace(subscription, auto_renew=True)
    return anchor(renewing, situation.account, at=situation.at)


def _drops_at(situation: Situation, *, scope: Scope) -> datetime | None:
    """The first moment ahead from which a step, and not an hour of use, gives less or nothing.

    The end of the five days (R36), the start of a term or renewal period (R32, R46), a higher or
    unlisted fee year (R43), the expiry of a coupon that would come back (R33).
    """
    for step in _steps_ahead(situation, scope=scope):
        before = _quoted(_as_at(situation, step.at - JUST_BEFORE), WayKind.LATER, scope=scope)
        after = _quoted(_as_at(situation, step.at), WayKind.LATER, scope=scope)
        if before.open and (not after.open or _is_lower(after, than=before)):
            return step.at
    return None


def _is_lower(after: Way, *, than: Way) -> bool:
    """Whether a fee rose, a coupon went, or an order does not come back whole any more."""
    if not after.quote or not than.quote or not after.quote.total or not than.quote.total:
        return False
    fee, coupons = after.quote.total.handling_fee, after.quote.total.cash_coupon
    return (
        fee > than.quote.total.handling_fee
        or coupons < than.quote.total.cash_coupon
        or _whole(after.quote) < _whole(than.quote)
    )


def _whole(found: Quote) -> int:
    """How many orders come back whole."""
    return sum(each.case is not Case.CONDITIONAL for each in found.orders)


def _steps_ahead(situation: Situation, *, scope: Scope) -> Sequence[Step]:
    until = situation.subscription.expires_at or situation.at
    return jump_steps(
        situation.subscription, situation.account, start=situation.at, until=until, scope=scope
    )


def _back(situation: Situation, *, scope: Scope) -> Money | None:
    """Everything that comes back, coupons among it; None where it is refused or not clear."""
    way = _quoted(situation, WayKind.LATER, scope=scope)
    if not way.open or way.money_back is None:
        return None
    return way.money_back + (way.coupons_back or Money.zero(way.money_back.currency))


def _as_at(situation: Situation, moment: datetime) -> Situation:
    """The same at a later moment: what was inactive has begun, a new year's returns count."""
    return replace(
        situation,
        at=moment,
        account=as_counted(situation.account, read_at=situation.at, at=moment),
        subscription=as_of(situation.subscription, start=situation.at, at=moment),
    )


def later(situation: Situation, now: Way) -> Sequence[Way]:
    """A later moment at which a step changes the money: the best, else the first that costs."""
    refund_now = _back(situation, scope=Scope.ALL)
    if not now.open or refund_now is None:
        return ()
    waited = [
        (step, back)
        for step in _steps_ahead(situation, scope=Scope.ALL)
        if (back := _back(_as_at(situation, step.at), scope=Scope.ALL)) is not None
    ]
    best = max(waited, key=lambda pair: pair[1].amount, default=None)
    if best is not None and best[1] > refund_now:
        return (_wait_until(situation, best[0]),)
    drop = _drops_at(situation, scope=Scope.ALL)
    return tuple(_wait_until(situation, step) for step, _ in waited if step.at == drop)


def _wait_until(situation: Situation, step: Step) -> Way:
    then = _as_at(situation, step.at)
    return replace(
        _quoted(then, WayKind.LATER, scope=Scope.ALL),
        at=step.at,
        works_until=step.at,
        cause=step.cause,
        last_moment=_drops_at(then, scope=Scope.ALL),
    )


def _quoted(situation: Situation, kind: WayKind, *, scope: Scope) -> Way:
    """A way whose money is a quote, closed where that is refused or lacks facts."""
    way = Way(
        kind=kind,
        rule="R45" if scope is Scope.RENEWALS else "R41",
        money_out=situation.nothing,
        money_back=None,
    )
    try:
        found = quote(situation.subscription, situation.account, at=situation.at, scope=scope)
    except UnclearFacts as unclear:
        return replace(way, open=False, rule=unclear.rule, closed_because=unclear.sentence)
    if found.total is None or found.lost is None:
        why = found.refused
        reason = why.reason if why else None
        rule = why.rule if why else way.rule
        return replace(way, open=False, rule=rule, closed_because=reason, quote=found)
    return replace(
        way,
        rule=found.orders[0].rule,
        money_back=found.total.refund,
        quote=found,
        lost=_lost_with(found.lost, scope=scope),
        caution=_coupons_come_back(found.total),
    )


def _coupons_come_back(total: QuoteTotal) -> Notice | None:
    """R38, R46: what comes back besides the money."""
    if not total.cash_coupon:
        return None
    return Notice(rule="R32", text=f"Coupons of {total.cash_coupon} come back as well.")


def _lost_with(lost: Lost, *, scope: Scope) -> tuple[Notice, ...]:
    """R32: coupons that stay gone; R35: what is unsubscribed from cannot be restored."""
    coupons = (
        (Notice(rule="R32", text=f"Coupons of {lost.coupons} do not come back."),)
        if lost.coupons
        else ()
    )
    gone = (Notice(rule="R35", text="It ends at once and cannot be restored."),)
    return coupons + gone if scope is Scope.ALL else coupons
