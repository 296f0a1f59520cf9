"""Subscriptions, quotes and plans as files and JSON show them (contract, sections 2, 4 and 5)."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime

from bot.billing.account import Account
from bot.billing.dates import Dates
from bot.billing.money import Money
from bot.billing.plan import Plan
from bot.billing.quote import Lost, Notice, OrderQuote, Quote, QuoteTotal
from bot.billing.renewal import Anchor, deduction_at
from bot.billing.subscription import Edition, Order, Subscription
from bot.billing.way import Way, WaysOut
from bot.services.fields import ORDER_FIELDS, OWN_FIELDS, Field, written_instant


def subscription_json(subscription: Subscription) -> dict[str, object]:
    """A subscription as the JSON object of contract section 4; unknown is null."""
    return {
        "account": str(subscription.key.account),
        "id": subscription.key.id,
        **{field.name: _json(field, subscription) for field in OWN_FIELDS},
        "orders": [
            {field.name: _json(field, order) for field in ORDER_FIELDS}
            for order in subscription.orders
        ],
    }


def to_rows(subscription: Subscription) -> Iterator[list[str]]:
    """A subscription as CSV rows in the order of `COLUMNS`: one row an order, unknown is empty."""
    own = [str(subscription.key.account), subscription.key.id]
    own += [_text(field, subscription) for field in OWN_FIELDS]
    for order in subscription.orders:
        yield own + [_text(field, order) for field in ORDER_FIELDS]
    if not subscription.orders:
        yield own + [""] * len(ORDER_FIELDS)


def listed_json(
    subscription: Subscription,
    *,
    account: Account,
    anchor: Anchor | None,
    current_edition: Edition | None,
) -> dict[str, object]:
    """A subscription as `lapse list` and `lapse show` print it: with what is derived."""
    deducted = deduction_at(subscription, account)
    return {
        **subscription_json(subscription),
        "current_edition": current_edition.value if current_edition else None,
        "deduction_at": written_instant(deducted) if deducted else None,
        "anchor": anchor_json(anchor),
    }


def anchor_json(anchor: Anchor | None) -> dict[str, object] | None:
    """What comes next: its kind, date, and instant unless it is a notice."""
    if anchor is None:
        return None
    return {
        "kind": anchor.kind.value,
        "date": anchor.date.isoformat(),
        "at": _instant(anchor.at),
    }


def quote_json(quote: Quote) -> dict[str, object]:
    """A quote as `lapse quote` prints it; a refused one has no amounts."""
    refused = quote.refused
    return {
        "at": written_instant(quote.at),
        "scope": quote.scope.value,
        "allowed": quote.allowed,
        "refused": {"rule": refused.rule, "reason": refused.reason} if refused else None,
        "case": quote.case.value if quote.case else None,
        "currency": quote.currency,
        "rules": quote.rules,
        "estimate": True,
        "large_value": quote.large_value,
        "orders": [_order_json(order) for order in quote.orders],
        "total": _total_json(quote.total),
        "lost": _lost_json(quote.lost),
        "warnings": [_notice_json(warning) for warning in quote.warnings],
    }


def dates_json(dates: Dates, *, last_working_day: date | None) -> dict[str, object]:
    """The dates of a subscription at +08:00; null where one does not apply."""
    after = dates.after
    return {
        "anchor": anchor_json(dates.anchor),
        "safe_until": _instant(dates.safe_until),
        "too_late_at": _instant(dates.too_late_at),
        "last_working_day": last_working_day.isoformat() if last_working_day else None,
        "give_back_until": _instant(dates.give_back_until),
        "may_be_charged_at": _instant(dates.late_charge_at),
        "expires_at": _instant(dates.expires_at),
        "grace_ends_at": _instant(after.grace_ends) if after else None,
        "released_at": _instant(after.released_at) if after else None,
        "phase": dates.phase.value if dates.phase else None,
    }


def ways_json(ways: WaysOut) -> dict[str, object]:
    """The ways out, cheapest first, closed ones last; an amount of null is not known."""
    return {
        "cheapest": ways.cheapest.value,
        "because": ways.because,
        "ways": [_way_json(way) for way in ways.ways],
    }


def _way_json(way: Way) -> dict[str, object]:
    return {
        "way": way.kind.value,
        "open": way.open,
        "closed_because": way.closed_because,
        "money_out": _amount(way.money_out) if way.money_out is not None else None,
        "money_back": _amount(way.money_back) if way.money_back is not None else None,
        "coupons_back": _amount(way.coupons_back) if way.coupons_back else "0.00",
        "cause": way.cause.value if way.cause else None,
        "at": _instant(way.at),
        "works_until": _instant(way.works_until),
        "safe_until": _instant(way.last_moment),
        "lost": [_notice_json(notice) for notice in way.lost],
        "caution": _notice_json(way.caution) if way.caution else None,
        "rule": way.rule,
    }


def plan_json(plan: Plan) -> dict[str, object]:
    """A plan as `lapse plan --json` prints it; its warnings name what cannot go."""
    return {
        "steps": [
            {
                "subscriptions": [key.id for key in step.subscriptions],
                "after": list(step.after),
                "quotes": {key.id: quote_json(plan.quotes[key]) for key in step.subscriptions},
                "total": _total_json(plan.total_of(step)),
            }
            for step in plan.steps
        ],
        "total": _total_json(plan.total),
        "left_behind": [key.id for key in plan.left_behind],
        "warnings": [_notice_json(warning) for warning in plan.warnings],
    }


def _order_json(order: OrderQuote) -> Mapping[str, object]:
    return {
        "order_type": order.order_type.value,
        "case": order.case.value,
        "duration_hours": order.duration_hours,
        "used_hours": order.used_hours,
        "paid": _amount(order.paid),
        "consumed": _amount(order.consumed),
        "fee_rate": f"{order.fee_rate:.2f}",
        "handling_fee": _amount(order.handling_fee),
        "refund": _amount(order.refund),
        "rule": order.rule,
    }


def _total_json(total: QuoteTotal | None) -> Mapping[str, object] | None:
    if total is None:
        return None
    return {
        "consumed": _amount(total.consumed),
        "handling_fee": _amount(total.handling_fee),
        "refund": _amount(total.refund),
        "cash": _amount(total.cash),
        "cash_coupon": _amount(total.cash_coupon),
        "flexi_coupon": _amount(total.flexi_coupon),
        "stored_value": _amount(total.stored_value),
    }


def _lost_json(lost: Lost | None) -> Mapping[str, object] | None:
    if lost is None:
        return None
    return {
        "cash_coupon": _amount(lost.cash_coupon),
        "discount_coupon": _amount(lost.discount_coupon),
    }


def _notice_json(notice: Notice) -> Mapping[str, object]:
    return {"rule": notice.rule, "text": notice.text}


def _amount(money: Money) -> str:
    return f"{money.rounded().amount:.2f}"


def _instant(at: datetime | None) -> str | None:
    return written_instant(at) if at else None


def _json(field: Field, holder: Subscription | Order) -> object:
    value = getattr(holder, field.name)
    return None if value is None else field.codec.to_json(value)


def _text(field: Field, holder: Subscription | Order) -> str:
    value = getattr(holder, field.name)
    return "" if value is None else field.codec.to_text(value)
