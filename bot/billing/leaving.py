"""Ways out that give something back: the renewal period, everything now, everything later."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.billing.cases import as_counted, covered, five_day_end
from bot.billing.coherence import UnclearFacts
from bot.billing.days import CLOUD_ZONE, cloud_date, counted, written
from bot.billing.quote import Case, Lost, Notice, Scope
from bot.billing.refund import quote
from bot.billing.renewal import give_back_until, safe_cutoff
from bot.billing.subscription import Subscription
from bot.billing.way import Situation, Way, WayKind
from bot.billing.worst import Step, as_of, jump_steps


def give_back(situation: Situation) -> Way:
    """R45, R46: a renewal that is paid and has not begun comes back in full, until it begins.

    This is the repair window of a renewal that was just charged, read from the orders (R25).
    """
    way = _quoted(situation, WayKind.GIVE_BACK, scope=Scope.RENEWALS)
    begins = give_back_until(situation.subscription, at=situation.at)
    if begins is not None:
        return replace(
            way,
            works_until=_stays_until(situation.subscription, begins),
            last_moment=begins,
            caution=_charged_again(situation) if way.open else None,
        )
    expires_at = situation.subscription.expires_at
    if situation.deducted_at is None or expires_at is None:
        return way
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
    text = "Turn auto-renewal off as well, or the cloud may charge again at 03:00 GMT+08:00."
    return Notice(rule="R21", text=text)


def unsubscribe(situation: Situation) -> Way:
    """R41 to R47: what comes back if it ends at once."""
    way = _quoted(situation, WayKind.UNSUBSCRIBE, scope=Scope.ALL)
    ahead = situation.ahead
    ends = [safe_cutoff(ahead, reader=CLOUD_ZONE)] if ahead is not None else []
    if (whole := _whole_until(situation, way)) is not None:
        ends.append(whole)
    return replace(way, last_moment=min(ends, default=None))


def _whole_until(situation: Situation, way: Way) -> datetime | None:
    """Until when everything comes back: the five days (R36), or the beginning of a term (R32)."""
    case = way.quote.case if way.quote else None
    running = covered(situation.subscription, at=situation.at, scope=Scope.ALL)
    if not running:
        return None
    if case is Case.FIVE_DAY:
        return five_day_end(running[0])
    return running[0].effective_at if case is Case.INACTIVE else None


def later(situation: Situation, now: Way) -> Sequence[Way]:
    """A later moment at which the figures jump: a better one, else the end of five free days."""
    refund_now = now.money_back
    if not now.open or refund_now is None or now.quote is None:
        return ()
    until = situation.subscription.expires_at or situation.at
    subscription, account = situation.subscription, situation.account
    ahead = jump_steps(subscription, account, start=situation.at, until=until)
    ways = [_wait_until(situation, step) for step in ahead]
    waited = [(way, way.money_back) for way in ways if way.open and way.money_back is not None]
    best = max(waited, key=lambda pair: pair[1].amount, default=None)
    if best is not None and best[1] > refund_now:
        return (best[0],)
    if now.quote.case not in {Case.FIVE_DAY, Case.INACTIVE}:
        return ()
    return tuple(way for way, _ in waited if way.quote and way.quote.case is Case.CONDITIONAL)[:1]


def _wait_until(situation: Situation, step: Step) -> Way:
    then = replace(
        situation,
        at=step.at,
        account=as_counted(situation.account, read_at=situation.at, at=step.at),
        subscription=as_of(situation.subscription, start=situation.at, at=step.at),
    )
    way = _quoted(then, WayKind.LATER, scope=Scope.ALL)
    return replace(way, at=step.at, works_until=step.at, cause=step.cause)


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
    )


def _lost_with(lost: Lost, *, scope: Scope) -> tuple[Notice, ...]:
    """R32: coupons that stay gone; R35: what is unsubscribed from cannot be restored."""
    coupons = (
        (Notice(rule="R32", text=f"Coupons of {lost.coupons} do not come back."),)
        if lost.coupons
        else ()
    )
    gone = (Notice(rule="R35", text="It ends at once and cannot be restored."),)
    return coupons + gone if scope is Scope.ALL else coupons
