"""A second calculator of the quote, written from the billing rules alone and sharing no code.

It is literal, to be read beside the rules: R and X numbers name them, "contract" is the page that
fixes the quote's JSON. "Open" marks where the texts allow several readings, and the one taken.
"""

from calendar import monthrange
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from math import floor
from types import SimpleNamespace

BEIJING = timezone(timedelta(hours=8))
HOUR = timedelta(hours=1)
NOTHING = Fraction(0)

CURRENCY = {"cn": "CNY", "intl": "USD", "eu": "EUR"}
NEWEST = {
    "cn": "huaweicloud-cn/2025-07-24",
    "intl": "huaweicloud-intl/2025-07-25",
    "eu": "huaweicloud-eu/2025-05-26",
}
WAYS = ("cash", "flexi_coupon", "stored_value")

# R42: what counts as the paid amount, the unit of use, the large value (none in EU, contract).
# Open: X8 assumes 7,000 for Intl, R42 prints 1,000 for the older text; read as that text's own.
# Open: "actual payment" of the older Intl text; read as cash, the other ways being CN's (R32).
RULES = {
    "huaweicloud-cn/2025-07-24": (WAYS, "hour", 50_000),
    "huaweicloud-cn/2024-02-05": (("cash", "flexi_coupon"), "day", 50_000),
    "huaweicloud-intl/2025-07-25": (("cash",), "hour", 7_000),
    "huaweicloud-intl/2024-06-28": (("cash",), "day", 1_000),
    "huaweicloud-eu/2025-05-26": (("cash",), "hour", None),
}

# R43 in percent, by the term's months, the first year first; below a year all terms are monthly.
FEES = {**dict.fromkeys(range(1, 13), (10,)), 24: (15, 10), 36: (15, 10, 5)}
FEES_CN = {**FEES, 60: (30, 40, 30, 15)}


class NotKnown(Exception):
    """The input lacks a fact that the figures need."""


class Refused(Exception):
    """Unsubscribing is not allowed; the argument is the rule's number."""


def calculate(given, at, scope):
    """The quote's JSON (contract, section 5), with the numbers alone of refusal and warnings."""
    asked = SimpleNamespace(**given, at=read(at), scope=scope)
    asked.site = asked.account.get("site", "intl")
    asked.rules = asked.account.get("rules") or NEWEST[asked.site]
    asked.paid_ways, asked.unit, asked.large = RULES[asked.rules]
    head = {"at": asked.at.isoformat(), "scope": scope, "rules": asked.rules, "estimate": True}
    head["currency"] = CURRENCY[asked.site]
    try:
        return head | {"allowed": True, "refused": None} | figures(asked)
    except Refused as refusal:
        nothing = {"case": None, "large_value": False, "total": None, "lost": None}
        lists = {"orders": [], "warnings": set()}
        return head | {"allowed": False, "refused": str(refusal)} | nothing | lists


def figures(asked):
    """All orders in scope and what they add up to (contract)."""
    refuse_what_is_never_returned(asked.subscription)
    orders = renewals_alone(asked) if asked.scope == "renewals" else running_and_later(asked)
    cases = [case_of(order, asked) for order in orders]
    # Refusal comes before validation (contract): R43 of any order before an unknown amount.
    rates = [fee_rate(order, case, asked) for order, case in zip(orders, cases, strict=True)]
    lines = [line(*each, asked) for each in zip(orders, cases, rates, strict=True)]
    sums = {key: sum(each[key] for each in lines) for key in lines[0] if key in SUMMED}
    lost = {key: sum(each[f"lost_{key}"] for each in lines) for key in LOST}
    return {
        # Open: the case when no order runs, before the first or in a gap; that of the next one.
        "case": "renewal-period" if asked.scope == "renewals" else cases[0],
        "large_value": asked.large is not None and sums["refund"] > asked.large,
        "orders": [{key: written(each[key]) for key in SHOWN} for each in lines],
        "total": {key: written(value) for key, value in sums.items()},
        "lost": {key: written(value) for key, value in lost.items()},
        "warnings": {warning for each in lines for warning in each["warnings"]},
    }


def refuse_what_is_never_returned(subscription):
    """R31, R1, R34, R35: what neither date nor scope changes."""
    if subscription.get("kind") == "saas" or subscription.get("billing_mode") == "pay-per-use":
        raise Refused("R31")
    if subscription.get("kind") == "quota" and subscription.get("edition") == "basic":
        raise Refused("R1")
    if subscription.get("status") in {"frozen", "unsubscribed"}:
        raise Refused("R34")
    if subscription.get("parent_id"):
        raise Refused("R35")


def not_over(asked):
    """Orders whose term is not over (contract); an expired resource is refused (R34)."""
    orders = [order for order in asked.subscription["orders"] if asked.at < end(order)]
    if asked.subscription.get("status") == "expired" or not orders:
        raise Refused("R34")
    return orders


def running_and_later(asked):
    """R44: the part in use with all periods not yet in effect, unless R34 forbids."""
    orders = not_over(asked)
    facts = [asked.subscription.get("transaction_in_progress")]
    facts += [order.get("invoiced") for order in orders]
    # Open: R34 names promotional purchases; a renewal is not a new purchase (R39), so not meant.
    facts += [order.get("promotion") for order in orders if order["order_type"] == "new"]
    if any(facts):
        raise Refused("R34")
    return orders


def renewals_alone(asked):
    """R45: the renewal periods that have not begun (R46), unless R48 forbids."""
    not_over(asked)
    renewals = [each for each in asked.subscription["orders"] if each["order_type"] == "renewal"]
    ahead = [order for order in renewals if asked.at < begin(order)]
    if not ahead:
        raise Refused("R46" if renewals else "R45")
    facts = [asked.subscription.get(key) for key in ("transaction_in_progress", "renewals_locked")]
    facts += [order.get(key) for order in ahead for key in ("promotion", "invoiced")]
    if any(facts):
        raise Refused("R48")
    return ahead


def case_of(order, asked):
    """The row of R32 that an order falls under."""
    status = asked.subscription.get("status")
    # Open: the renewal of a failed resource, where two rows fit; the figures are the same.
    if asked.at < begin(order) and order["order_type"] == "renewal":
        return "renewal-period"
    if status == "failed":
        return "failed"
    if asked.at < begin(order):
        return "inactive"
    if status == "inactive":  # Open: a status against the dates; it is the cloud's word.
        return "inactive"
    return "five-day" if five_day(order, asked) else "conditional"


def five_day(order, asked):
    """R36, R37, R39, R40: CN, a new purchase, within 5 x 24 hours, with one of ten a year left."""
    provisioned = read(order.get("provisioned_at") or order["effective_at"])
    return (
        asked.site == "cn"
        and order["order_type"] == "new"
        and asked.at < provisioned + 5 * 24 * HOUR
        and asked.account.get("five_day_returns_used", 0) < 10
    )


def fee_rate(order, case, asked):
    """R43: by the term and the year of use; nothing is charged outside a conditional case (R32)."""
    # Open: whether a waiver spares what R43 does not list; a fee of 0.00 needs no row.
    if case != "conditional" or asked.account.get("fee_waiver"):
        return NOTHING
    row = (FEES_CN if asked.site == "cn" else FEES).get(order["term_months"], ())
    year = year_of_use(order, asked.at)
    if year > len(row):
        raise Refused("R43")
    return Fraction(row[year - 1], 100)


def year_of_use(order, at):
    """The year that use ends in; exactly on an anniversary still the lower one (contract)."""
    # Open: whether the day rule compares days here; the contract's sentence names full hours.
    began, ended = full_hour(begin(order)), full_hour(at)
    year = 1
    while ended > years_after(began, year):
        year += 1
    # The hours of the term's own last day after its last anniversary count as its last year.
    last = max(1, order["term_months"] // 12)
    on_last_day = ended.date() == years_after(began, last).date()
    return last if year > last and on_last_day else year


def line(order, case, rate, asked):
    """One order: R41 for a conditional one, everything back for the others (R32)."""
    # Open: one amount unknown beside known ones (contract, section 4); read as nothing.
    if all(order.get(way) is None for way in WAYS):
        raise NotKnown
    conditional = case == "conditional"
    counted = asked.paid_ways if conditional else WAYS
    paid_by = {way: amount(order, way) if way in counted else NOTHING for way in WAYS}
    paid = sum(paid_by.values())
    duration, used = hours(order, asked)
    consumed = cents(paid * used / duration) if conditional else NOTHING
    fee = cents(paid * rate)
    refund = max(NOTHING, paid - consumed - fee)
    # R33: a coupon that has expired meanwhile is worthless.
    coupon, expiry = amount(order, "cash_coupon"), order.get("cash_coupon_expires_at")
    returned = NOTHING if conditional or (expiry and read(expiry) <= asked.at) else coupon
    return {
        "order_type": order["order_type"],
        "case": case,
        "duration_hours": duration,
        "used_hours": used if case in {"conditional", "five-day"} else 0,
        "paid": paid,
        "consumed": consumed,
        "fee_rate": rate,
        "handling_fee": fee,
        "refund": refund,
        "rule": {"conditional": "R41", "five-day": "R38", "renewal-period": "R46"}.get(case, "R32"),
        **split(refund, paid_by),
        "cash_coupon": returned,
        "lost_cash_coupon": coupon - returned,
        "lost_discount_coupon": amount(order, "discount_coupon"),
        "warnings": [
            *(["X10"] if conditional and amount(order, "stored_value") else []),
            *(["X14"] if rate == Fraction(40, 100) else []),
        ],
    }


SHOWN = ("order_type", "case", "duration_hours", "used_hours", "paid", "consumed", "fee_rate")
SHOWN += ("handling_fee", "refund", "rule")
SUMMED = ("consumed", "handling_fee", "refund", "cash_coupon", *WAYS)
LOST = ("cash_coupon", "discount_coupon")


def split(refund, paid_by):
    """In proportion to the ways of payment, in whole cents, the odd cent to cash (contract)."""
    paid = sum(paid_by.values()) or 1
    back = {way: Fraction(floor(refund * 100 * paid_by[way] / paid), 100) for way in WAYS[1:]}
    return {"cash": refund - sum(back.values()), **back}


def hours(order, asked):
    """R42: the order's duration and the time used, in full hours, or in days under the day rule."""
    if asked.unit == "day":
        first = begin(order).date()
        duration = (read(order["expires_at"]).date() - first).days + 1
        return 24 * duration, 24 * (asked.at.date() - first).days
    began = full_hour(begin(order))
    # Open: an end that is neither a full hour nor 23:59:59; read as its full hour.
    return (full_hour(end(order)) - began) // HOUR, (full_hour(asked.at) - began) // HOUR


def begin(order):
    return read(order["effective_at"])


def end(order):
    """R42: an end of 23:59:59 counts as 00:00 of the next day."""
    # Open: the last second itself, by R14 the end; with R42 it still belongs to the term.
    at = read(order["expires_at"])
    return at + timedelta(seconds=1) if (at.hour, at.minute, at.second) == (23, 59, 59) else at


def read(text):
    """An instant at GMT+08:00, where days and full hours are counted (rules, conventions)."""
    return datetime.fromisoformat(text).astimezone(BEIJING)


def full_hour(at):
    return at.replace(minute=0, second=0, microsecond=0)


def years_after(at, years):
    """The anniversary; open: of 29 February, read as the 28th."""
    day = min(at.day, monthrange(at.year + years, at.month)[1])
    return at.replace(year=at.year + years, day=day)


def amount(order, key):
    return Fraction(order.get(key) or 0)


def cents(value):
    """Rounded half up (contract)."""
    return Fraction(floor(value * 100 + Fraction(1, 2)), 100)


def written(value):
    """Amounts and rates as text with two decimals, all else as it is."""
    if not isinstance(value, Fraction):
        return value
    whole, rest = divmod(int(value * 100), 100)
    return f"{whole}.{rest:02}"
