"""Following: messages show what changed, some at a time, and also when whoever began it dies."""

from collections.abc import Sequence
from datetime import datetime

from bot.billing.subscription import AccountName, SubscriptionKey
from bot.ports.store import Store, Transaction
from bot.services.owing import reminder_updates

AT_ONCE = 50
"""Subscriptions whose messages one transaction owes anew: others who write wait for it."""

_NOTE = "following"


def follow(tx: Transaction, keys: Sequence[SubscriptionKey], *, at: datetime) -> None:
    """Owe an update of every reminder message that shows one of these, which changed at `at`."""
    tx.reminders.look_up(keys)
    for update in reminder_updates(tx, keys, cause=f"sync/{at.isoformat()}", at=at):
        tx.outbox.owe(update)


def follow_later(tx: Transaction, keys: Sequence[SubscriptionKey], *, at: datetime) -> None:
    """The same, a few of them now; `catch_up` owes the rest."""
    follow(tx, keys[:AT_ONCE], at=at)
    rest = [[key.account, key.id] for key in keys[AT_ONCE:]]
    if rest:
        noted = dict(tx.notes.held(_NOTE))
        known = noted.get(at.isoformat())
        noted[at.isoformat()] = [*known, *rest] if isinstance(known, list) else rest
        tx.notes.put(_NOTE, noted)


def catch_up(store: Store) -> None:
    """Owe all that was left for later, whoever left it."""
    while _is_behind(store):
        with store.transaction() as tx:
            _follow_some(tx)


def _is_behind(store: Store) -> bool:
    with store.reading() as tx:
        return bool(tx.notes.get(_NOTE))


def _follow_some(tx: Transaction) -> None:
    noted = dict(tx.notes.held(_NOTE))
    for at in sorted(noted)[:1]:  # none when another replica was faster
        left = noted.pop(at)
        pairs = left if isinstance(left, list) else []
        keys = [SubscriptionKey(AccountName(account), ref) for account, ref in pairs[:AT_ONCE]]
        follow(tx, keys, at=datetime.fromisoformat(at))
        rest = pairs[AT_ONCE:]
        tx.notes.put(_NOTE, noted | ({at: rest} if rest else {}))
