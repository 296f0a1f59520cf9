"""Turning auto-renewal on or off by request: whether it can be, what it means, until when."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo

from bot.billing import deciding
from bot.billing.account import Account
from bot.billing.change import Change, Charge
from bot.billing.days import CLOUD_ZONE
from bot.billing.deciding import Asking, Terms
from bot.billing.money import Money
from bot.billing.next_renewal import next_renewal
from bot.billing.quote import Quote, Scope
from bot.billing.renewal import (
    ATTEMPT,
    AnchorKind,
    anchor,
    asks_for_notice,
    charge_after_expiry,
    deducts_at_once,
    renewable,
    renewal_months,
    safe_cutoff,
)
from bot.billing.rulesets import rule_set
from bot.billing.subscription import BillingMode, SlackUser, Status, Subscription
from bot.billing.unsubscription import Acknowledgement, Item, Request, State, Step, Verb, noted
from bot.billing.worst import Worst

ONE_DAY = timedelta(days=1)

ACKNOWLEDGED: Mapping[Change, str] = {
    Change.RENEWAL_ON: "I understand that the next renewal will be deducted.",
    Change.RENEWAL_OFF: "I understand that it ends with its term unless someone renews it.",
}
"""The sentence that the requester acknowledges."""


class CannotSwitch(Exception):
    """Why auto-renewal cannot be turned on: `sentence` says what is, `advice` what to do."""

    def __init__(self, sentence: str, advice: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.advice = advice


def demand_can_renew(subscription: Subscription, account: Account, *, at: datetime) -> None:
    """Raise CannotSwitch where the cloud would not renew it, whatever its setting reads."""
    ends = subscription.expires_at
    if subscription.billing_mode is BillingMode.PAY_PER_USE:
        raise CannotSwitch("It is pay-per-use, nothing is prepaid.", "Nothing to do.")
    if asks_for_notice(subscription):
        raise CannotSwitch("It renews by its contract, not by the cloud.", "Ask its vendor.")
    if ends is None:
        raise CannotSwitch(
            "It is not known when it ends.",
            "Import it again, or read the account with `lapse sync`.",
        )
    if not renewable(subscription) or subscription.status is Status.FAILED:
        raise CannotSwitch("The cloud does not renew it.", "Nothing to do.")
    if anchor(subscription, account, at=at) is None:
        raise CannotSwitch("Its term is over.", "Renew it in the cloud's console, or let it go.")


def charge(subscription: Subscription, account: Account, *, at: datetime) -> Charge:
    """What is deducted once auto-renewal is on: at the next attempt, else at once (R21, R22)."""
    on = replace(subscription, auto_renew=True)
    at_once = deducts_at_once(on, at=at)
    ahead = anchor(on, account, at=at)
    attempt = ahead.at if ahead is not None and ahead.kind is AnchorKind.DEDUCTION else None
    price = subscription.renewal_price
    currency = subscription.currency or account.currency
    return Charge(
        amount=None if price is None else Money(price, currency),
        at=None if at_once else attempt or charge_after_expiry(on, account, at=at),
        at_once=at_once,
        months=renewal_months(subscription),
    )


def at_once(charged: Charge) -> Charge:
    """The same where the request may be executed after the last attempt (R22)."""
    return replace(charged, at=None, at_once=True)


def cutoffs(
    change: Change,
    subscription: Subscription,
    account: Account,
    *,
    at: datetime,
    reader: tzinfo = CLOUD_ZONE,
) -> tuple[datetime, ...]:
    """Before when it has to be executed, the preferred instant first.

    Turned on before the last attempt, it is charged by that one; later it is charged at once
    (R22), and after the term not at all. Turned off it has to be before the deduction (R25).
    """
    ends = subscription.expires_at
    if change is Change.RENEWAL_ON:
        last = None if ends is None else _last_attempt(ends)
        return tuple(each for each in (last, ends) if each is not None and at < each)
    ahead = anchor(subscription, account, at=at)
    if ahead is not None:
        return (safe_cutoff(ahead, reader=reader),)
    late = charge_after_expiry(subscription, account, at=at)
    return () if late is None else (late,)


def ask(
    asking: Asking,
    change: Change,
    switched: Sequence[tuple[Subscription, Charge]],
) -> Request:
    """A request to switch these of one account: one call for each, in any order.

    It waits, or cools off at once where no approval is needed.
    """
    account = asking.account
    items = tuple(item_of(each, charged, account, at=asking.at) for each, charged in switched)
    request = Request(
        number=asking.number,
        account=account.name,
        scope=Scope.ALL,
        items=items,
        steps=_steps(items),
        left_behind=(),
        state=State.WAITING,
        requested_by=asking.by,
        requested_at=asking.at,
        reason=asking.reason,
        details=asking.details,
        acknowledgement=Acknowledgement(
            by=asking.by, at=asking.at, text=ACKNOWLEDGED[change], worst=asking.worst
        ),
        deadline=asking.deadline,
        rules=rule_set(account).id,
        change=change,
        dependents=(),
        required_approvals=asking.terms.required_approvals,
        approvers=asking.terms.approvers,
        cooling_off_minutes=asking.terms.cooling_off_minutes,
        dry_run=asking.terms.dry_run,
        by_hand=asking.terms.by_hand,
        if_kept=asking.terms.if_kept,
    )
    asked = noted(request, Verb.ASKED, by=asking.by, at=asking.at, note=ACKNOWLEDGED[change])
    return deciding.approved_by_settings(asked, at=asking.at)


def acknowledge_again(
    request: Request,
    *,
    by: SlackUser,
    at: datetime,
    items: tuple[Item, ...],
    deadline: datetime,
    terms: Terms,
) -> Request:
    """Accept what a stale one means now; raises what `deciding.acknowledge_again` raises."""
    return deciding.waits_again(
        replace(
            deciding.under(request, terms), items=items, steps=_steps(items), deadline=deadline
        ),
        stale=request,
        acknowledgement=replace(request.acknowledgement, by=by, at=at),
    )


def _steps(items: Sequence[Item]) -> tuple[Step, ...]:
    """One call for each, in any order."""
    return tuple(
        Step(number=number, subscriptions=(item.key,), after=())
        for number, item in enumerate(items, 1)
    )


def item_of(subscription: Subscription, charged: Charge, account: Account, *, at: datetime) -> Item:
    """One that is switched, with what was acknowledged of it."""
    currency = charged.amount.currency if charged.amount else account.currency
    return Item(
        key=subscription.key,
        label=subscription.label,
        region=subscription.region,
        quote=unquoted(account, currency, at=at),
        renewal=next_renewal(subscription, account, at=at),
        charge=charged,
    )


def nothing_back(currency: str) -> Worst:
    """What switching gives back and costs as such: nothing."""
    zero = Money.zero(currency)
    return Worst(handling_fee=zero, refund=zero, coupons_lost=zero)


def unquoted(account: Account, currency: str, *, at: datetime) -> Quote:
    """Nothing is given back by switching, so there are no figures."""
    return Quote(
        at=at,
        scope=Scope.ALL,
        refused=None,
        case=None,
        currency=currency,
        rules=rule_set(account).id,
        large_value=False,
        orders=(),
        total=None,
        lost=None,
        warnings=(),
    )


def worse(now: Charge, *, than: Charge) -> str | None:
    """What the acknowledgement does not cover, said without the subject; None when it does.

    A later attempt and a lower amount do. An amount that only one of both knows compares with
    nothing.
    """
    return next((said for check in _CHECKS if (said := check(now, than))), None)


def _sooner(now: Charge, before: Charge) -> str | None:
    if now.at_once and not before.at_once:
        return "would be deducted at once"
    if now.at is not None and before.at is not None and now.at < before.at:
        return "would be deducted sooner than acknowledged"
    return None


def _dearer(now: Charge, before: Charge) -> str | None:
    if now.amount is None or before.amount is None:
        same = now.amount is before.amount
        words = f"costs {_said(now.amount)}, acknowledged {_said(before.amount)}"
        return None if same else words
    other = now.amount.currency != before.amount.currency
    if other or now.amount > before.amount:
        return f"costs {now.amount}, acknowledged {before.amount}"
    return None


def _longer(now: Charge, before: Charge) -> str | None:
    if now.months == before.months:
        return None
    return f"renews for {_months(now.months)}, acknowledged {_months(before.months)}"


_CHECKS: tuple[Callable[[Charge, Charge], str | None], ...] = (_sooner, _dearer, _longer)


def _said(amount: Money | None) -> str:
    return "amount not known" if amount is None else str(amount)


def _months(count: int | None) -> str:
    if count is None:
        return "a time that is not known"
    return f"{count} month{'' if count == 1 else 's'}"


def _last_attempt(ends: datetime) -> datetime:
    """The last daily attempt before the term is over."""
    local = ends.astimezone(CLOUD_ZONE)
    attempt = datetime.combine(local.date(), ATTEMPT)
    return attempt if attempt <= ends else attempt - ONE_DAY
