"""The embedded provider: Lapse keeps the book itself and behaves like a real cloud."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from bot.billing import bookkeeping
from bot.billing.account import Account
from bot.billing.coherence import UnclearFacts
from bot.billing.edition import current_edition
from bot.billing.quote import QuoteTotal, Refusal, Scope
from bot.billing.refund import quote
from bot.billing.renewal import deducts_at_once
from bot.billing.subscription import (
    BillingMode,
    Edition,
    Kind,
    Status,
    Subscription,
    SubscriptionKey,
)
from bot.ports.clock import Clock
from bot.ports.provider import Call, ItemResult, ProviderRefused, Refund
from bot.ports.store import BookOrder, Store, Transaction

COMPLETES_AFTER = timedelta(seconds=2)
"""The ledger is done this long after it accepted (contract, section 6)."""

REFUNDS_AFTER = timedelta(seconds=1)
"""The refund of what is gone can be read a little later, as at a real cloud."""

BATCH = 10

_ORDERS = UUID("0d0a3c5b-5d0b-5a3f-8f0f-5b6f2e1c7a10")
_CLOSED = frozenset({Status.UNSUBSCRIBED, Status.EXPIRED, Status.FAILED})


class LedgerProvider:
    """One embedded account. Whatever is due happens before anything is answered."""

    def __init__(self, *, account: Account, store: Store, clock: Clock) -> None:
        self._account = account
        self._store = store
        self._clock = clock

    def settle(self, now: datetime) -> int:
        """Let every start, charge, expiry and completion up to `now` happen, in order of time.

        Returns the book's revision, which rises with everything that changes it.
        """
        with self._caught_up(now) as tx:
            return self._revision(tx)

    def subscriptions(self) -> Iterator[Subscription]:
        """Everything in the book at one moment, unsubscribed ones included with their status."""
        with self._caught_up(self._clock.now()) as tx:
            yield from tx.book.of(self._account.name)

    def read(self, ids: Collection[str]) -> Mapping[str, Subscription]:
        """Those of the ids that are in the book and not unsubscribed from."""
        with self._caught_up(self._clock.now()) as tx:
            found = {each: self._listed(tx, each) for each in ids}
        return {each: held for each, held in found.items() if held is not None}

    def around(self, ids: Collection[str]) -> Sequence[Subscription]:
        """Quotas and packages in use of the same regions, and parts of these ids."""
        name = self._account.name
        with self._caught_up(self._clock.now()) as tx:
            held = [each for id_ in ids if (each := self._listed(tx, id_)) is not None]
            regions = {each.region for each in held if each.kind in {Kind.QUOTA, Kind.PACKAGE}}
            group = [each for region in regions for each in tx.book.group(name, region)]
            parts = tx.book.parts(name, set(ids))
        there = (each for each in parts if each.status is not Status.UNSUBSCRIBED)
        return tuple({each.key: each for each in (*group, *there)}.values())

    def edition(self, region: str | None) -> Edition | None:
        """The current edition of a region; basic when no quota is left there (R8)."""
        with self._caught_up(self._clock.now()) as tx:
            return current_edition(tx.book.group(self._account.name, region))

    def unsubscribe(self, call: Call) -> Sequence[ItemResult]:
        """Accept or refuse each id by the rules; what is accepted is gone two seconds later.

        Raises ProviderRefused for none or more than ten ids.
        """
        if not 1 <= len(call.ids) <= BATCH:
            raise ProviderRefused("The cloud takes one to ten at a time.", code="CBC.0100")
        now = self._clock.now()
        with self._store.transaction() as tx:
            self._catch_up(tx, now=now)
            return tuple(self._end(tx, each, call=call, now=now) for each in call.ids)

    def find_outcome(self, call: Call) -> Sequence[ItemResult]:
        """Per id, whether an order was accepted since the call began and whether it is gone."""
        with self._caught_up(self._clock.now()) as tx:
            orders = tx.book.orders(self._account.name, call.ids, since=call.started_at)
            by_id = {order.subscription_id: order for order in orders}
            return tuple(self._outcome(tx, each, by_id.get(each)) for each in call.ids)

    def refunds(self, ids: Collection[str], *, since: datetime) -> Sequence[Refund]:
        """The unsubscription orders of these ids that are paid back, a second after they are gone.

        `completed_at` is the instant at which they were gone.
        """
        now = self._clock.now()
        with self._caught_up(now) as tx:
            orders = tx.book.orders(self._account.name, ids, since=since)
        return tuple(
            Refund(
                id=order.subscription_id,
                order_id=order.id,
                refund=order.refund,
                handling_fee=order.handling_fee,
                completed_at=order.completes_at,
            )
            for order in orders
            if order.done and order.completes_at + REFUNDS_AFTER <= now
        )

    def set_auto_renew(self, id: str, *, on: bool) -> None:  # noqa: A002 - the field's own word
        """Switch auto-renewal; on the very last day switching it on charges at once (R22).

        Raises ProviderRefused for what is not in the book, over, or pay-per-use.
        """
        now = self._clock.now()
        with self._store.transaction() as tx:
            self._catch_up(tx, now=now)
            held = self._listed(tx, id)
            if held is None:
                raise ProviderRefused("The cloud does not list it any more.", code="CBC.30000067")
            if held.status in _CLOSED or held.billing_mode is BillingMode.PAY_PER_USE:
                raise ProviderRefused("The cloud does not renew it.", code="CBC.0100")
            if held.auto_renew is on:
                return
            switched = replace(held, auto_renew=on)
            if on and deducts_at_once(switched, at=now):
                switched = bookkeeping.charged(switched)
            self._put(tx, switched, after=now)

    def enter(self, subscription: Subscription) -> None:
        """Write what happened at the cloud without Lapse: a fact changed, or something is new."""
        now = self._clock.now()
        with self._store.transaction() as tx:
            self._catch_up(tx, now=now)
            self._put(tx, subscription, after=now)

    @contextmanager
    def _caught_up(self, now: datetime) -> Iterator[Transaction]:
        """A reading in which everything up to `now` has happened; mostly nothing had to."""
        with self._store.reading() as tx:
            behind = bool(
                tx.book.due(self._account.name, now=now, limit=1)
                or tx.book.orders_due(self._account.name, now=now)
            )
        if behind:
            with self._store.transaction() as tx:
                self._catch_up(tx, now=now)
        with self._store.reading() as tx:
            yield tx

    def _catch_up(self, tx: Transaction, *, now: datetime) -> None:
        while self._next_happens(tx, now=now):
            pass

    def _next_happens(self, tx: Transaction, *, now: datetime) -> bool:
        due = tx.book.due(self._account.name, now=now, limit=1)
        completions = tx.book.orders_due(self._account.name, now=now)
        first = min(completions, key=lambda order: order.completes_at, default=None)
        if first is not None and (not due or first.completes_at <= due[0][0]):
            self._complete(tx, first)
            return True
        for at, held in due:
            self._put(tx, bookkeeping.happen(held, at=at), after=at)
        return bool(due)

    def _complete(self, tx: Transaction, order: BookOrder) -> None:
        held = tx.book.get(SubscriptionKey(order.account, order.subscription_id))
        if held is not None and order.scope is Scope.ALL:
            self._put(tx, bookkeeping.unsubscribed(held), after=order.completes_at)
        elif held is not None:
            rest = bookkeeping.without_renewals(held, at=order.accepted_at)
            self._put(tx, rest, after=order.completes_at, given_back=True)
        tx.book.complete(order.id)

    def _end(self, tx: Transaction, id: str, *, call: Call, now: datetime) -> ItemResult:  # noqa: A002
        held = self._listed(tx, id)
        if held is None:
            return _no(id, "CBC.30000067", "The cloud does not list it any more.")
        if held.transaction_in_progress:
            return _no(id, "CBC.99003651", "Another transaction is in progress.")
        if held.kind is Kind.PACKAGE and call.scope is Scope.ALL:
            edition = current_edition(tx.book.group(held.key.account, held.region))
            if edition is not Edition.BASIC:
                return _no(id, "R8", f"{held.label} cannot go before its edition.")
        try:
            figures = quote(held, self._account, at=now, scope=call.scope)
        except UnclearFacts as unclear:
            return _no(id, "CBC.99006066", unclear.sentence)
        if figures.refused is not None or figures.total is None:
            refused = figures.refused or Refusal(rule="", reason="There is nothing to give back.")
            return _no(id, refused.rule, refused.reason)
        order = self._order(held, figures.total, scope=call.scope, now=now)
        tx.book.add_order(order)
        self._put(tx, replace(held, transaction_in_progress=True), after=now)
        return ItemResult(id=id, accepted=True, order_id=order.id)

    def _order(
        self, held: Subscription, total: QuoteTotal, *, scope: Scope, now: datetime
    ) -> BookOrder:
        name = uuid5(_ORDERS, f"{held.key}@{now.isoformat()}").hex[:12].upper()
        return BookOrder(
            id=f"CS{name}",
            account=held.key.account,
            subscription_id=held.key.id,
            accepted_at=now,
            completes_at=now + COMPLETES_AFTER,
            refund=total.refund,
            handling_fee=total.handling_fee,
            scope=scope,
        )

    def _outcome(self, tx: Transaction, id: str, order: BookOrder | None) -> ItemResult:  # noqa: A002
        return ItemResult(
            id=id,
            accepted=order is not None,
            gone=self._listed(tx, id) is None,
            order_id=order.id if order else None,
        )

    def _listed(self, tx: Transaction, id: str) -> Subscription | None:  # noqa: A002
        held = tx.book.get(SubscriptionKey(self._account.name, id))
        return None if held is None or held.status is Status.UNSUBSCRIBED else held

    def _put(
        self,
        tx: Transaction,
        subscription: Subscription,
        *,
        after: datetime,
        given_back: bool = False,
    ) -> None:
        at = bookkeeping.next_event(subscription, self._account, after=after)
        tx.book.put(subscription, next_event_at=at)
        tx.notes.put(self._note, {"revision": self._revision(tx) + 1})
        happened = f"ledger/happened/{subscription.key}"
        before = (tx.notes.get(happened) or {}).get("given_back", False)
        tx.notes.put(happened, {"at": after.isoformat(), "given_back": given_back or bool(before)})

    def _revision(self, tx: Transaction) -> int:
        note = tx.notes.get(self._note) or {}
        revision = note.get("revision", 0)
        return revision if isinstance(revision, int) else 0

    @property
    def _note(self) -> str:
        return f"ledger/{self._account.name}"


def _no(id: str, code: str, sentence: str) -> ItemResult:  # noqa: A002 - the field's own word
    return ItemResult(id=id, accepted=False, error_code=code, error=sentence)
