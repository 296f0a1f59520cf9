"""Subscriptions and their orders as rows, and back."""

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import Row

from bot.billing.account import Account
from bot.billing.renewal import CLOUD_ZONE, Anchor, anchor
from bot.billing.subscription import (
    AccountName,
    Kind,
    Order,
    Package,
    Status,
    Subscription,
    SubscriptionKey,
)
from bot.facts.records import ORDER, OWN, digest_of, record_of
from storage.types import NEVER
from storage.work import picked

DERIVED = (
    "search",
    "anchor_kind",
    "anchor_at",
    "anchor_date",
    "group_key",
    "group_rank",
    "group_anchor_at",
)
CHUNK = 500
"""Keys or rows that one statement reads or writes."""

_COMMON = {"service", "region", "spec", "owner", "deputy", "channel", "currency"}

QUOTA, OTHER_PACKAGE, ALONE = 0, len(Package) + 1, len(Package) + 2
"""Ranks within a group: quotas, packages as `Package` orders them, other packages; no group."""


def subscription_row(team_id: str, subscription: Subscription) -> dict[str, Any]:
    """The columns that say what it is."""
    return {
        "team_id": team_id,
        "account": subscription.key.account,
        "id": subscription.key.id,
        "digest": digest_of(record_of(subscription)),
        **{name: getattr(subscription, name) for name in OWN},
    }


def order_rows(
    team_id: str, subscription: Subscription, *, generation: int
) -> list[dict[str, Any]]:
    """Its orders, numbered as they follow each other."""
    return [
        {
            "team_id": team_id,
            "account": subscription.key.account,
            "subscription_id": subscription.key.id,
            "generation": generation,
            "number": number,
            **{name: getattr(order, name) for name in ORDER},
        }
        for number, order in enumerate(subscription.orders)
    ]


def derived(subscription: Subscription, account: Account, *, at: datetime) -> dict[str, Any]:
    """What pages are ordered and searched by; its group's anchor is its own until it is settled."""
    what = anchor(subscription, account, at=at)
    when = anchor_instant(what)
    rank = _rank(subscription)
    return {
        "search": search_text(subscription),
        "anchor_kind": what.kind if what else None,
        "anchor_at": when,
        "anchor_date": what.date.isoformat() if what else None,
        "group_key": f"id:{subscription.key.id}"
        if rank == ALONE
        else group_key(subscription.region),
        "group_rank": rank,
        "group_anchor_at": when,
    }


def _rank(subscription: Subscription) -> int:
    if subscription.status is Status.UNSUBSCRIBED:
        return ALONE
    match subscription.kind:
        case Kind.QUOTA:
            return QUOTA
        case Kind.PACKAGE if subscription.package is not None:
            return QUOTA + 1 + list(Package).index(subscription.package)
        case Kind.PACKAGE:
            return OTHER_PACKAGE
        case _:
            return ALONE


def group_key(region: str | None) -> str:
    """What the quotas and packages of a region share within an account."""
    return "region:" if region is None else f"region:{region}"


def anchor_instant(what: Anchor | None) -> datetime:
    """When it comes; a notice, which has only a date, at the end of that date where clouds count.

    Anchors of one date stay together so. `NEVER` when nothing comes.
    """
    if what is None:
        return NEVER
    end_of_day = datetime.combine(what.date + timedelta(days=1), time(), CLOUD_ZONE)
    return what.at or end_of_day - timedelta(seconds=1)


def search_text(subscription: Subscription) -> str:
    """Name, id and service, folded, so that words match in any case of any alphabet."""
    words = (subscription.name, subscription.key.id, subscription.service)
    return "\n".join(word for word in words if word).casefold()


def assembled(rows: Iterable[Row[Any]], orders: Iterable[Row[Any]]) -> list[Subscription]:
    """Subscriptions in the order of their rows, each with its orders, which come numbered.

    Words and tags that many have are one object: a month of a large catalogue is held at once.
    """
    paid: defaultdict[tuple[str, str, int], list[Order]] = defaultdict(list)
    for each in orders:
        version = each.account, each.subscription_id, each.generation
        paid[version].append(Order(**_shared(picked(each, ORDER))))
    return [
        Subscription(
            key=SubscriptionKey(AccountName(row.account), row.id),
            orders=tuple(paid[row.account, row.id, row.generation]),
            **_shared(picked(row, OWN)),
        )
        for row in rows
    ]


def _shared(facts: dict[str, Any]) -> dict[str, Any]:
    for name in _COMMON & facts.keys():
        if type(facts[name]) is str:
            facts[name] = sys.intern(facts[name])
    return facts


def pieces(keys: Iterable[SubscriptionKey]) -> Iterator[list[tuple[AccountName, str]]]:
    """Keys as pairs, in lists that fit into one statement."""
    pairs = sorted((key.account, key.id) for key in keys)
    for start in range(0, len(pairs), CHUNK):
        yield pairs[start : start + CHUNK]
