"""Saving: what was saved, read from requests, record and catalogue; nothing is kept beside them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from heapq import merge
from itertools import groupby, islice
from operator import itemgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bot.billing.money import Money
from bot.billing.next_renewal import NextRenewal
from bot.billing.savings import Saved, as_it_is_now, asked_for, decided_at, distinct, turned_off
from bot.billing.subscription import AccountName, SlackUser, Subscription, SubscriptionKey
from bot.billing.unsubscription import Request
from bot.facts.saving import Savings, SavingsQuery
from bot.ports.store import AuditEntry, Store, Transaction
from bot.services.tallying import Tally

CHUNK = 200
"""Subscriptions that are looked up at once."""

Sees = Callable[[Sequence[Subscription], SlackUser | None], bool]
"""Whether the reader may see the amounts of subscriptions, and of whoever asked for it."""


class History(NamedTuple):
    """What was decided about one subscription: requests, and where auto-renewal was turned off."""

    key: SubscriptionKey
    requests: Sequence[Request]
    turned_off: Sequence[AuditEntry]


class Saving:
    """Adds up what was saved, as a stream: memory holds the sums and some histories."""

    def __init__(self, *, store: Store, zone: ZoneInfo) -> None:
        self._store = store
        self._zone = zone

    def savings(
        self, query: SavingsQuery, *, sees: Sees = lambda _about, _requester: True
    ) -> Savings:
        """Everything that a query asks for and the reader may see; everybody's by default."""
        tally = Tally(query, self._zone)
        with self._store.reading() as tx:
            histories = _histories(tx)
            while piece := list(islice(histories, CHUNK)):
                tx.catalogue.look_up([each.key for each in piece])
                for history in piece:
                    _add(tally, tx, history, sees=sees)
        return tally.savings


def _add(tally: Tally, tx: Transaction, history: History, *, sees: Sees) -> None:
    held = tx.catalogue.get(history.key) or Subscription(key=history.key)
    listed = None if tx.catalogue.is_gone(history.key) else held
    things = [as_it_is_now(each, listed) for each in distinct(_attempts(history))]
    shown = [each for each in things if sees((held,), each.requested_by)]
    tally.add(held, shown)
    tally.hide(each for each in things if each not in shown)
    tally.rehearsed(decided_at(each) for each in history.requests if each.dry_run)


def _attempts(history: History) -> Sequence[Saved]:
    """What each request and each turning off would save by itself, in the order of deciding."""
    asked = [each for request in history.requests for each in asked_for(request, history.key)]
    told = [(each, _renewal(each)) for each in history.turned_off if _avoids_one(each)]
    off = [turned_off(history.key, renewal, at=entry.at) for entry, renewal in told]
    return sorted((*asked, *off), key=lambda each: each.decided_at)


def _histories(tx: Transaction) -> Iterator[History]:
    """One for each subscription about which something was decided, by `account/id`."""
    asked = ((str(key), request) for key, request in tx.requests.decided())
    off = ((entry.subject, entry) for entry in tx.audit.turned_off())
    by_subject: Iterator[tuple[str, Request | AuditEntry]] = merge(asked, off, key=itemgetter(0))
    for subject, told in groupby(by_subject, key=itemgetter(0)):
        account, _, ref = subject.partition("/")
        found = [each for _, each in told]
        yield History(
            key=SubscriptionKey(AccountName(account), ref),
            requests=[each for each in found if isinstance(each, Request)],
            turned_off=[each for each in found if isinstance(each, AuditEntry)],
        )


def _avoids_one(entry: AuditEntry) -> bool:
    """Whether a renewal was ahead; an earlier Lapse did not say, and then there was mostly one.

    What was turned off by request is the request's.
    """
    if "request" in entry.facts:
        return False
    return "renewal" not in entry.facts or entry.facts["renewal"] is not None


def _renewal(entry: AuditEntry) -> NextRenewal | None:
    told = entry.facts.get("renewal")
    if not isinstance(told, Mapping):
        return None
    amount = told["amount"]
    return NextRenewal(
        term_ends=datetime.fromisoformat(str(told["term_ends"])),
        amount=None if amount is None else _money(str(amount)),
    )


def _money(told: str) -> Money:
    """The amount of a text as the record writes it, `USD 3600.00`."""
    currency, _, amount = told.partition(" ")
    return Money(Decimal(amount.replace(",", "")), currency)
