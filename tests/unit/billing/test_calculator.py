"""The product's quotes against a second calculator that was written from the rules alone."""

import json
from calendar import monthrange
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from random import Random

import pytest

from bot.billing.coherence import UnclearFacts
from bot.billing.quote import Scope
from bot.billing.refund import quote
from bot.services.accounts import account_from_json
from bot.services.exchange import quote_json
from bot.services.reading import subscription_from_json
from tests.unit.billing.calculator import BEIJING, CURRENCY, RULES, NotKnown, calculate

CHUNKS = range(10)
IN_A_CHUNK = 10_000
DECLINED = "declined"

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
AROUND = (-SECOND, 0 * SECOND, SECOND, HOUR - SECOND, HOUR, HOUR + SECOND)
ZONES = (
    BEIJING,
    BEIJING,
    UTC,
    timezone(-timedelta(hours=5)),
    timezone(timedelta(hours=5, minutes=45)),
    timezone(-timedelta(hours=3, minutes=30)),
    timezone(timedelta(hours=14)),
)
NEWEST = {"cn": "2025-07-24", "intl": "2025-07-25", "eu": "2025-05-26"}
TERMS = (1, 1, 2, 3, 6, 9, 11, 12, 12, 12, 24, 24, 24, 36, 36, 60, 60, 13, 18, 48, 72)
WAYS = ("cash", "flexi_coupon", "stored_value")
LIMITS = (1_000_00, 7_000_00, 50_000_00)

# Every chunk must have met each of these, lest the comparison agree about nothing.
EVERYTHING = {
    *(("case", case) for case in ("conditional", "five-day", "inactive", "failed")),
    ("case", "renewal-period"),
    *(("refused", rule) for rule in ("R1", "R31", "R34", "R35", "R43", "R45", "R46", "R48")),
    *(("quoted by", rules) for rules in RULES),
    *(("scope", scope.value) for scope in Scope),
    *(("orders", number) for number in (1, 2, 3, 4)),
    *(("rate", rate) for rate in ("0.00", "0.05", "0.10", "0.15", "0.30", "0.40")),
    *(("back", way) for way in (*WAYS, "cash_coupon")),
    *(("lost", coupon) for coupon in ("cash_coupon", "discount_coupon")),
    *(("warned", rule) for rule in ("X10", "X14")),
    ("large value", "CNY"),
    ("large value", "USD"),
    ("nothing back", "conditional"),
    (DECLINED, True),
}


# An order of the cases in the rules' section 10: a monthly disk that cost 100.00.
P3 = {
    "order_type": "new",
    "term_months": 1,
    "effective_at": "2024-01-01T10:30:00+08:00",
    "expires_at": "2024-02-01T23:59:59+08:00",
    "cash": "100.00",
}
P5_RENEWAL = {
    "order_type": "renewal",
    "term_months": 1,
    "effective_at": "2024-02-02T00:00:00+08:00",
    "expires_at": "2024-03-01T23:59:59+08:00",
    "cash": "80.00",
    "cash_coupon": "20.00",
    "cash_coupon_expires_at": "2024-12-31T23:59:59+08:00",
}
D4 = {
    **P3,
    "term_months": 12,
    "cash": "3600.00",
    "effective_at": "2025-03-10T09:20:15+08:00",
    "expires_at": "2026-03-10T23:59:59+08:00",
}
D6 = {
    **P3,
    "term_months": 24,
    "cash": "8000.00",
    "effective_at": "2024-01-01T00:15:00+08:00",
    "expires_at": "2026-01-01T23:59:59+08:00",
}
D12 = {**P3, "cash": "80.00", "cash_coupon": "20.00"}


def by_calculator(given, at, scope):
    try:
        return calculate(given, at, scope)
    except NotKnown:
        return DECLINED


def by_product(given, at, scope):
    """The quote's JSON, with the numbers alone of refusal and warnings: their words are free."""
    account = account_from_json(given["account"])
    subscription = subscription_from_json(given["subscription"])
    try:
        found = quote_json(
            quote(subscription, account, at=datetime.fromisoformat(at), scope=Scope(scope))
        )
    except UnclearFacts:
        return DECLINED
    found["refused"] = found["refused"] and found["refused"]["rule"]
    found["warnings"] = {each["rule"] for each in found["warnings"]} & {"X10", "X14"}
    return found


both = pytest.mark.parametrize("answer", [by_calculator, by_product])


def asked(answer, *orders, at, scope="all", **account):
    subscription = {"id": "it", "kind": "resource", "status": "in-use", "orders": list(orders)}
    return answer({"account": account, "subscription": subscription}, f"{at}+08:00", scope)


@both
@pytest.mark.parametrize(
    ("at", "case"), [("2022-11-29T14:30:29", "five-day"), ("2022-11-29T14:30:30", "conditional")]
)
def test_p1_five_days_end_to_the_second(answer, at, case):
    bought = {
        **P3,
        "effective_at": "2022-11-24T14:30:30+08:00",
        "expires_at": "2022-12-24T23:59:59+08:00",
    }

    assert asked(answer, bought, at=at, site="cn")["case"] == case


@both
@pytest.mark.parametrize("site", ["cn", "intl"])
def test_p3_both_durations_count_full_hours(answer, site):
    [line] = asked(answer, P3, at="2024-01-15T18:40:00", site=site)["orders"]

    assert line["duration_hours"] == 31 * 24 + 14
    assert line["used_hours"] == 14 * 24 + 8


@both
def test_p5_an_inactive_renewal_comes_back_in_full(answer):
    orders = {**P3, "effective_at": "2024-01-01T10:00:00+08:00"}, P5_RENEWAL
    found = asked(answer, *orders, at="2024-01-10T12:00:00", scope="renewals", site="cn")

    assert found["case"] == "renewal-period"
    assert (found["total"]["cash"], found["total"]["cash_coupon"]) == ("80.00", "20.00")
    assert found["total"]["handling_fee"] == "0.00"


@both
@pytest.mark.parametrize(
    ("order", "at", "hours", "figures"),
    [
        pytest.param(P3, "2024-01-15T18:40:00", (344, 758), "45.38 10.00 44.62", id="D1"),
        pytest.param(D4, "2025-09-01T16:45:00", (4207, 8775), "1725.95 360.00 1514.05", id="D4"),
        pytest.param(D6, "2024-07-01T12:30:00", (4380, 17568), "1994.54 1200.00 4805.46", id="D6"),
        pytest.param(P3, "2024-01-31T09:15:00", (719, 758), "94.85 10.00 0.00", id="D10"),
        pytest.param(D12, "2024-01-15T18:40:00", (344, 758), "36.31 8.00 35.69", id="D12"),
    ],
)
def test_a_conditional_case_of_the_rules_has_its_computed_figures(
    answer, order, at, hours, figures
):
    found = asked(answer, order, at=at)
    [line] = found["orders"]

    assert (line["used_hours"], line["duration_hours"]) == hours
    assert [line["consumed"], line["handling_fee"], line["refund"]] == figures.split()
    assert found["lost"]["cash_coupon"] == order.get("cash_coupon", "0.00")


@pytest.mark.parametrize("seed", CHUNKS)
def test_product_and_calculator_agree_on_every_figure(seed):
    random = Random(seed)
    met = Counter()

    for _ in range(IN_A_CHUNK):
        given, at, scope = an_input(random)
        expected = by_calculator(given, at, scope)
        found = by_product(given, at, scope)
        if found != expected:
            pytest.fail(difference(given, at, scope, expected, found))
        met.update(what_it_met(expected))

    assert not EVERYTHING - met.keys()


def difference(given, at, scope, expected, found):
    """All it takes to run the case again with `lapse quote`."""
    said = f"{json.dumps(given)}\nat {at}, scope {scope}\n"
    if DECLINED in (expected, found):
        return f"{said}expected {expected}\ngot {found}"
    keys = [key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)]
    return said + "\n".join(
        f"{key}: expected {expected.get(key)}, got {found.get(key)}" for key in sorted(keys)
    )


def what_it_met(found):
    if found == DECLINED:
        return [(DECLINED, True)]
    if not found["allowed"]:
        return [("refused", found["refused"])]
    lines = found["orders"]
    some = [
        ("case", found["case"]),
        ("quoted by", found["rules"]),
        ("scope", found["scope"]),
        ("orders", len(lines)),
    ]
    some += [("rate", each["fee_rate"]) for each in lines if each["case"] == "conditional"]
    some += [("nothing back", each["case"]) for each in lines if each["refund"] == "0.00"]
    some += [("back", key) for key, value in found["total"].items() if value != "0.00"]
    some += [("lost", key) for key, value in found["lost"].items() if value != "0.00"]
    some += [("warned", rule) for rule in found["warnings"]]
    return some + ([("large value", found["currency"])] if found["large_value"] else [])


def an_input(random):
    """An input of `lapse quote`, an instant and a scope."""
    rules = random.choice(tuple(RULES))
    site = rules.removeprefix("huaweicloud-").split("/")[0]
    account = {"site": site, "rules": rules}
    if rules.endswith(NEWEST[site]) and random.random() < 0.5:
        account["rules"] = ""
    if random.random() < 0.5:
        account["five_day_returns_used"] = random.choice((0, 9, 10))
    if random.random() < 0.1:
        account["fee_waiver"] = True
    terms = some_terms(random)
    at = an_instant(random, terms)
    orders = [an_order(random, term, at) for term in terms]
    orders[0]["order_type"] = "new"
    if random.random() < 0.5:
        orders[-1]["currency"] = CURRENCY[site]
    if random.random() < 0.25:
        provisioned = terms[0][1] + random.randrange(-3_600, 86_400) * SECOND
        orders[0]["provisioned_at"] = written(random, provisioned)
    if random.random() < 0.02:
        forgotten = random.choice(orders)
        for way in WAYS:
            forgotten.pop(way, None)
    given = {"id": "it", "orders": orders, **its_description(random)}
    scope = "renewals" if random.random() < 0.3 else "all"
    return {"account": account, "subscription": given}, written(random, at), scope


def its_description(random):
    """What may forbid an unsubscription, each seldom enough to leave most inputs a quote."""
    kind = random.choices(("resource", "package", "quota", "saas"), (50, 20, 28, 2))[0]
    said = {"kind": kind, "billing_mode": "yearly/monthly"}
    if kind == "quota":
        said["edition"] = random.choices(("basic", "standard", "professional"), (5, 45, 50))[0]
    status = random.choices(
        ("in-use", "inactive", "failed", "frozen", "expired", "unsubscribed", None),
        (75, 6, 6, 2, 2, 2, 7),
    )[0]
    if status:
        said["status"] = status
    if random.random() < 0.02:
        said["billing_mode"] = "pay-per-use"
    if random.random() < 0.02:
        said["parent_id"] = "main"
    for flag in ("transaction_in_progress", "renewals_locked"):
        if random.random() < 0.05:
            said[flag] = random.random() < 0.7
    return said


def some_terms(random):
    """Months, start and end of one to four terms, each following the one before."""
    months = random.choice(TERMS)
    begins = a_start(random)
    ends = an_end(random, begins, months)
    terms = [(months, begins, ends)]
    for _ in range(random.choices((0, 1, 2, 3), (45, 30, 15, 10))[0]):
        # The next term follows directly (R14): with the last second or after it.
        begins = ends + random.choice((timedelta(), SECOND, SECOND, SECOND))
        months = random.choice(TERMS)
        ends = an_end(random, ends, months)
        terms.append((months, begins, ends))
    return terms


def a_start(random):
    if random.random() < 0.1:
        day = datetime(random.choice((2016, 2020, 2024)), 2, 29, tzinfo=BEIJING)
    else:
        day = datetime(2018, 1, 1, tzinfo=BEIJING) + random.randrange(3_000) * DAY
    seconds = random.randrange(86_400)
    edge = random.random()
    if edge < 0.3:
        seconds = (seconds // 3_600 * 3_600 + random.choice((-1, 0, 1))) % 86_400
    elif edge < 0.4:
        seconds = random.choice((0, 86_399))
    return day + seconds * SECOND


def an_end(random, begins, months):
    """23:59:59 of the day that many months later (R14), seldom another hour or day."""
    year, month = divmod(begins.year * 12 + begins.month - 1 + months, 12)
    day = min(begins.day, monthrange(year, month + 1)[1])
    ends = datetime(year, month + 1, day, 23, 59, 59, tzinfo=BEIJING)
    if random.random() < 0.15:
        ends += random.choice((-SECOND, SECOND, -5 * HOUR, -HOUR + SECOND, DAY, 3 * DAY))
    return ends


def an_order(random, term, at):
    months, begins, ends = term
    order = {
        "order_type": "renewal",
        "term_months": months,
        "effective_at": written(random, begins),
        "expires_at": written(random, ends),
        "cash": an_amount(random),
    }
    for key in ("flexi_coupon", "stored_value", "cash_coupon", "discount_coupon"):
        if random.random() < 0.3:
            order[key] = an_amount(random)
    if random.random() < 0.1:
        order["cash"] = "0"
    if random.random() < 0.15:
        expiry = at + random.choice((-DAY, -SECOND, 0 * SECOND, SECOND, DAY))
        order["cash_coupon_expires_at"] = written(random, expiry)
    for flag in ("promotion", "invoiced"):
        if random.random() < 0.04:
            order[flag] = random.random() < 0.7
    return order


def an_amount(random):
    """Text of an amount: of a few cents, ordinary, large, or at a limit of R42."""
    size = random.random()
    if size < 0.1:
        cents = random.randrange(100)
    elif size < 0.8:
        cents = random.randrange(2_000_00)
    elif size < 0.95:
        cents = random.randrange(200_000_00)
    else:
        cents = random.choice(LIMITS) + random.choice((-1, 0, 1))
    return f"{cents // 100}.{cents % 100:02}" if cents % 100 else str(cents // 100)


def an_instant(random, terms):
    """Before, in and after the terms, mostly where a second decides."""
    months, begins, ends = random.choice(terms)
    kind = random.random()
    if kind < 0.12:
        at = begins + 5 * DAY + random.choice(AROUND)
    elif kind < 0.24:
        at = begins + random.randrange(7 * 86_400) * SECOND
    elif kind < 0.44:
        year = begins.year + random.randint(1, max(1, months // 12))
        day = min(begins.day, monthrange(year, begins.month)[1])
        at = begins.replace(year=year, day=day, minute=0, second=0) + random.choice(AROUND)
    elif kind < 0.58:
        at = random.choice((begins, ends)) + random.choice(AROUND)
    elif kind < 0.62:
        at = terms[0][1] - random.randrange(40 * 86_400) * SECOND
    elif kind < 0.66:
        at = terms[-1][2] + random.randrange(40 * 86_400) * SECOND
    else:
        at = begins + random.random() * (ends - begins)
    snap = random.random()
    if snap < 0.1:
        at = at.replace(minute=0, second=0, microsecond=0) + random.choice(AROUND)
    elif snap < 0.15:
        at = at.replace(hour=23, minute=59, second=59)
    return at if snap > 0.95 else at.replace(microsecond=0)


def written(random, instant):
    """ISO text in one of many zones, UTC sometimes with a Z."""
    text = instant.astimezone(random.choice(ZONES)).isoformat()
    return text.replace("+00:00", "Z") if random.random() < 0.5 else text
