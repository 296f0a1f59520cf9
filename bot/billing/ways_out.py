"""The ways out of a subscription, compared at one instant: what each costs, and until when."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from bot.billing.account import Account
from bot.billing.cases import as_counted, covered, five_day_end
from bot.billing.coherence import UnclearFacts
from bot.billing.days import CLOUD_ZONE, cloud_date, counted, written
from bot.billing.expiry import afterlife
from bot.billing.money import Money
from bot.billing.notices import SECMASTER
from bot.billing.quote import Case, Lost, Notice, Quote, Scope
from bot.billing.refund import quote
from bot.billing.renewal import (
    Anchor,
    AnchorKind,
    anchor,
    charge_after_expiry,
    give_back_until,
    renewable,
    renewal_months,
    safe_cutoff,
)
from bot.billing.subscription import Kind, Subscription
from bot.billing.terms import term_end
from bot.billing.usage import counted_end
from bot.billing.worst import Cause, Step, as_of, jump_steps


class WayKind(StrEnum):
    """The ways of contract section 6, in the order in which equally cheap ones stand."""

    TURN_OFF = "turn-off"
    KEEP = "keep"
    GIVE_BACK = "give-back"
    LATER = "later"
    UNSUBSCRIBE = "unsubscribe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way out; an amount of None is not known.

    `at` is when the money moves. `works_until` is None when it ends at once, and for a renewal of
    unknown length. Acting is safe before `last_moment`, not at it. `lost` is what does not come
    back besides money, `caution` what else has to be done or known. A closed way says why, and from
    when it is open where that is known. `rule` is the number behind it; `cause` is why waiting
    changes the money.
    """

    kind: WayKind
    rule: str
    money_out: Money | None
    money_back: Money | None
    open: bool = True
    closed_because: str | None = None
    opens_at: datetime | None = None
    at: datetime | None = None
    works_until: datetime | None = None
    last_moment: datetime | None = None
    months: int | None = None
    quote: Quote | None = None
    cause: Cause | None = None
    lost: tuple[Notice, ...] = ()
    caution: Notice | None = None

    @property
    def cost(self) -> Money | None:
        """What is paid less what comes back; None where one of them is not known."""
        if self.money_out is None or self.money_back is None:
            return None
        return self.money_out - self.money_back


@dataclass(frozen=True, slots=True, kw_only=True)
class WaysOut:
    """Every way, cheapest first and closed ones last; `because` completes *Cheapest because*."""

    ways: tuple[Way, ...]
    cheapest: WayKind
    because: str

    def way(self, kind: WayKind) -> Way | None:
        """The way of a kind; `later` is there only when waiting changes the money."""
        return next((way for way in self.ways if way.kind is kind), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Situation:
    """What every way looks at."""

    subscription: Subscription
    account: Account
    at: datetime
    ahead: Anchor | None

    @property
    def nothing(self) -> Money:
        return Money.zero(self.subscription.currency or self.account.currency)

    @property
    def renewal_price(self) -> Money | None:
        price = self.subscription.renewal_price
        return Money(price, self.nothing.currency) if price is not None else None

    @property
    def deducted_at(self) -> datetime | None:
        deducted = self.ahead is not None and self.ahead.kind is AnchorKind.DEDUCTION
        return self.ahead.at if self.ahead is not None and deducted else None


def ways_out(subscription: Subscription, account: Account, *, at: datetime) -> WaysOut:
    """Compare doing nothing, auto-renewal off, giving back, unsubscribing now and later.

    Cheapest is what costs least in money; of equally cheap ways the one that can be used longest.
    """
    ahead = anchor(subscription, account, at=at)
    situation = _Situation(subscription=subscription, account=account, at=at, ahead=ahead)
    now = _unsubscribe(situation)
    found = (
        _keep(situation),
        _turn_off(situation),
        _give_back(situation),
        now,
        *_later(situation, now),
    )
    ways = tuple(sorted(found, key=_rank))
    return WaysOut(ways=ways, cheapest=ways[0].kind, because=_because(ways, at=at))


def _keep(situation: _Situation) -> Way:
    """R19: what the next renewal costs; R46: until when that can still be given back."""
    subscription, expires_at = situation.subscription, situation.subscription.expires_at
    way = Way(
        kind=WayKind.KEEP,
        rule="R14",
        money_out=situation.nothing,
        money_back=situation.nothing,
        works_until=expires_at,
    )
    charged_late = charge_after_expiry(subscription, situation.account, at=situation.at)
    if expires_at is not None and charged_late is not None:
        late = replace(way, rule="X4", money_out=situation.renewal_price, at=charged_late)
        return _extended(late, situation, expires_at)
    if expires_at is None or situation.ahead is None or subscription.auto_renew is False:
        return replace(way, lost=_lost_by_lapsing(situation))
    if situation.ahead.kind is AnchorKind.EXPIRY:
        return replace(way, money_out=None)  # whether it renews is not known
    last = counted_end(expires_at) if situation.deducted_at else None
    renewed = replace(
        way,
        rule="R19",
        money_out=situation.renewal_price,
        at=situation.ahead.at,
        last_moment=last,
        caution=_coupons_may_pay(situation),
    )
    return _extended(renewed, situation, expires_at)


def _extended(way: Way, situation: _Situation, expires_at: datetime) -> Way:
    """What a renewal adds; a late one counts from the original expiry (R14, R17)."""
    months = renewal_months(situation.subscription)
    until = term_end(expires_at, months=months) if months else None
    return replace(way, months=months, works_until=until)


def _coupons_may_pay(situation: _Situation) -> Notice | None:
    """R28: the expected amount is what is deducted at most, when coupons are there.

    Source: intl/tr-tr topic_000039.
    """
    if situation.deducted_at is None or not any(
        order.cash_coupon or order.discount_coupon for order in situation.subscription.orders
    ):
        return None
    return Notice(rule="R28", text="A coupon of the account can lower what is deducted.")


def _turn_off(situation: _Situation) -> Way:
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
        return replace(way, last_moment=safe_cutoff(situation.ahead, reader=CLOUD_ZONE))
    late = charge_after_expiry(subscription, situation.account, at=situation.at)
    if late is not None:
        return replace(way, rule="X4", last_moment=late, caution=_may_be_charged(situation))
    return replace(way, open=False, closed_because=_why_not_off(situation))


def _lost_by_lapsing(situation: _Situation) -> tuple[Notice, ...]:
    """R12, R15: what an expiry takes, once the days in which it can still be renewed are over.

    Source: EU secmaster_04_0001, 2025-02-27; intl/pt-br renewals_topic_10000002, 2025-10-10.
    """
    expires_at = situation.subscription.expires_at
    cloud_sells_it = situation.subscription.kind is not Kind.SAAS
    if expires_at is None or not cloud_sells_it or not renewable(situation.subscription):
        return ()
    released = afterlife(expires_at, situation.account).released_at
    rule = "R12" if situation.subscription.service == SECMASTER else "R15"
    return (Notice(rule=rule, text=f"Its data is deleted after {written(cloud_date(released))}."),)


def _may_be_charged(situation: _Situation) -> Notice:
    """X4: what nobody can promise once no attempt is left before the expiry."""
    over = situation.at >= (situation.subscription.expires_at or situation.at)
    when = "It has expired" if over else "No attempt is left before it expires"
    text = f"{when}, but the cloud may still try to charge until it is released."
    return Notice(rule="X4", text=text)


def _why_not_off(situation: _Situation) -> str:
    if situation.ahead is None:
        return "Nothing will be deducted."
    if situation.ahead.kind is AnchorKind.NOTICE:
        return f"Give notice by {written(situation.ahead.date)} instead."
    if situation.subscription.auto_renew is None:
        return "It is not known whether auto-renewal is on."
    return "Auto-renewal is off already."


def _give_back(situation: _Situation) -> Way:
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


def _charged_again(situation: _Situation) -> Notice | None:
    """R21: with auto-renewal still on, the next daily attempt may take the same money again."""
    if situation.subscription.auto_renew is not True:
        return None
    text = "Turn auto-renewal off as well, or the cloud may charge again at 03:00 GMT+08:00."
    return Notice(rule="R21", text=text)


def _unsubscribe(situation: _Situation) -> Way:
    """R41 to R47: what comes back if it ends at once."""
    way = _quoted(situation, WayKind.UNSUBSCRIBE, scope=Scope.ALL)
    ahead = situation.ahead
    ends = [safe_cutoff(ahead, reader=CLOUD_ZONE)] if ahead is not None else []
    if (whole := _whole_until(situation, way)) is not None:
        ends.append(whole)
    return replace(way, last_moment=min(ends, default=None))


def _whole_until(situation: _Situation, way: Way) -> datetime | None:
    """Until when everything comes back: the five days (R36), or the beginning of a term (R32)."""
    orders, case = situation.subscription.orders, way.quote.case if way.quote else None
    running = covered(situation.subscription, at=situation.at, scope=Scope.ALL)
    if not orders or not running:
        return None
    if case is Case.FIVE_DAY:
        return five_day_end(running[0])
    return running[0].effective_at if case is Case.INACTIVE else None


def _later(situation: _Situation, now: Way) -> Sequence[Way]:
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


def _wait_until(situation: _Situation, step: Step) -> Way:
    then = replace(
        situation,
        at=step.at,
        account=as_counted(situation.account, read_at=situation.at, at=step.at),
        subscription=as_of(situation.subscription, start=situation.at, at=step.at),
    )
    way = _quoted(then, WayKind.LATER, scope=Scope.ALL)
    return replace(way, at=step.at, works_until=step.at, cause=step.cause)


def _quoted(situation: _Situation, kind: WayKind, *, scope: Scope) -> Way:
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


def _rank(way: Way) -> tuple[bool, bool, Decimal, float, int]:
    """Open before closed, known before unknown, cheap before dear, long before short."""
    cost = way.cost
    lasts = way.works_until.timestamp() if way.works_until is not None else 0.0
    order = list(WayKind).index(way.kind)
    return (not way.open, cost is None, cost.amount if cost else Decimal(0), -lasts, order)


def _because(ways: Sequence[Way], *, at: datetime) -> str:
    """The clause behind *Cheapest because*, for the first of the ranked ways."""
    best, others = ways[0], ways[1:]
    if not any(way.open for way in others):
        return "no other way is open"
    if best.kind is WayKind.GIVE_BACK:
        return "the renewal period comes back in full and the running term stays"
    if best.kind is WayKind.LATER:
        return f"waiting until {written(cloud_date(best.works_until or at))} returns more"
    if best.kind is WayKind.UNSUBSCRIBE and best.money_back:
        return f"it returns {best.money_back} now"
    if best.kind is WayKind.UNSUBSCRIBE or best.cost is None or best.cost:
        return "what the other ways cost is not known"
    return _because_free(best, ways, at=at)


def _because_free(best: Way, ways: Sequence[Way], *, at: datetime) -> str:
    """Why to let it lapse, which costs nothing."""
    if best.rule == "X4":
        return "the cloud may still try to charge until it is released"
    now = next((way for way in ways if way.kind is WayKind.UNSUBSCRIBE and way.open), None)
    if now is not None and best.works_until is not None:
        days = (best.works_until - at).days
        earlier = f"{counted(days, 'day')} earlier" if days else "today"
        return f"unsubscribing returns nothing and ends it {earlier}"
    return "nothing more is paid and it runs to the end of its term"
