"""Rows of the command line's tables, and the catalogue as its JSON shows it."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.billing.edition import current_edition
from bot.billing.money import Money
from bot.billing.renewal import CLOUD_ZONE, Anchor, anchor
from bot.billing.subscription import AccountName, Edition, Subscription
from bot.cli.working import WAYS
from bot.facts.listing import Shown, Upcoming
from bot.services import exchange
from bot.services.finding import account_of

if TYPE_CHECKING:
    from bot.core import Core
    from bot.ports.store import Transaction


def as_json(
    core: "Core", tx: "Transaction", subscriptions: Iterable[Subscription]
) -> Iterator[dict[str, object]]:
    """Section 4 objects with the derived edition, deduction and anchor added."""
    now = core.clock.now()

    @cache
    def edition(account: AccountName, region: str | None) -> Edition:
        return current_edition(tx.catalogue.group(account, region))

    for each in subscriptions:
        yield exchange.listed_json(
            each,
            account=account_of(core.store, each.key.account),
            anchor=_anchor(core, each, now),
            current_edition=edition(each.key.account, each.region)
            if each.service == "SecMaster"
            else None,
        )


def catalogue_rows(core: "Core", subscriptions: Iterable[Subscription]) -> Iterator[Sequence[str]]:
    """Id, name, what comes next, when, how much, whose: a row for each."""
    now = core.clock.now()
    return (_catalogue_row(each, _anchor(core, each, now)) for each in subscriptions)


def _catalogue_row(subscription: Subscription, what: Anchor | None) -> Sequence[str]:
    return (
        str(subscription.key),
        subscription.label,
        what.kind.value if what else "",
        when(what.at or what.date) if what else "",
        _price(subscription),
        subscription.owner or "",
    )


def subscription_rows(shown: Shown) -> Iterator[Sequence[str]]:
    """One subscription, then its ways out, cheapest first."""
    subscription = shown.subscription
    yield "Name", subscription.label
    yield "Id", str(subscription.key)
    yield "Status", subscription.status.value if subscription.status else ""
    yield "Expires", when(subscription.expires_at) if subscription.expires_at else ""
    if shown.anchor:
        yield (
            f"Next {shown.anchor.kind.value}",
            f"{when(shown.anchor.at or shown.anchor.date)}, {_money(shown.amount)}",
        )
    if shown.last_working_day:
        yield "Last working day before", when(shown.last_working_day)
    for way in shown.ways:
        state = "" if way.open else way.closed_because or "closed now"
        until = f"until {when(way.last_moment)}" if way.last_moment else ""
        cost = "" if way.cost is None else _cost(way.cost)
        yield WAYS[way.kind], ", ".join(part for part in (cost, until, state) if part)


def upcoming_rows(upcoming: Upcoming) -> Iterator[Sequence[str]]:
    """One row for each deduction or notice, by day."""
    for day in upcoming.days:
        at, working_day = when(day.anchor.at or day.anchor.date), when(day.last_working_day)
        for row in day.rows:
            yield (
                at,
                working_day,
                str(row.subscription.key),
                row.subscription.label,
                _money(row.amount),
            )


def when(moment: datetime | date) -> str:
    """An instant in the cloud's zone, or a date as it is."""
    if isinstance(moment, datetime):
        return f"{moment.astimezone(CLOUD_ZONE):%a %d %b %Y, %H:%M} GMT+08:00"
    return f"{moment:%a %d %b %Y}"


def in_zone(moment: datetime, zone: ZoneInfo) -> str:
    """An instant in the reader's zone."""
    return f"{moment.astimezone(zone):%a %d %b %Y, %H:%M} {zone.key}"


def _anchor(core: "Core", subscription: Subscription, now: datetime) -> Anchor | None:
    return anchor(subscription, account_of(core.store, subscription.key.account), at=now)


def _price(subscription: Subscription) -> str:
    if subscription.renewal_price is None or subscription.currency is None:
        return ""
    return str(Money(subscription.renewal_price, subscription.currency))


def _money(money: Money | None) -> str:
    return str(money) if money is not None else "amount not known"


def _cost(cost: Money) -> str:
    return f"you get back {-cost}" if cost.amount < 0 else f"you pay {cost}"
