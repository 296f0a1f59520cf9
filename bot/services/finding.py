"""Finds the subscriptions that people name: by id where it is unique, else by account/id."""

from collections.abc import Sequence

from bot.billing.account import Account, account_named
from bot.billing.money import Money
from bot.billing.subscription import AccountName, Status, Subscription, SubscriptionKey
from bot.billing.unsubscription import NothingLeft, Request
from bot.ports.store import Store, Transaction
from bot.services.errors import (
    AmbiguousId,
    RequestRefused,
    SeveralAccounts,
    UnknownSubscription,
)


def find(tx: Transaction, ref: str) -> Subscription:
    """The subscription that `id` or `account/id` names, gone ones left out.

    Raises UnknownSubscription with those spelled alike, AmbiguousId with the accounts.
    """
    exact = _exact(tx, ref)
    if exact is not None:
        return exact
    named = [each for each in tx.catalogue.named(ref) if not tx.catalogue.is_gone(each.key)]
    if not named:
        raise UnknownSubscription(ref, tx.catalogue.near(ref))
    if len(named) > 1:
        raise AmbiguousId(ref, [each.key.account for each in named])
    return named[0]


def find_all(tx: Transaction, refs: Sequence[str]) -> tuple[Subscription, ...]:
    """Those of one account, each once, in the order in which they are named.

    Raises what `find` raises, and SeveralAccounts.
    """
    found = {each.key: each for each in (find(tx, ref) for ref in refs)}
    accounts = sorted({key.account for key in found})
    if len(accounts) > 1:
        raise SeveralAccounts(accounts)
    return tuple(found.values())


def still_there(tx: Transaction, request: Request) -> tuple[SubscriptionKey, ...]:
    """Those of a stale request that the catalogue does not know as gone: the others go without it.

    Raises RequestRefused when none is left.
    """
    there = tuple(item.key for item in request.items if not _is_over(tx, item.key))
    if not there:
        raise RequestRefused(NothingLeft(request), request)
    return there


def account_of(store: Store, name: AccountName) -> Account:
    """The settings of an account; one that they do not name is an embedded one."""
    return account_named(name, store.accounts)


def expected_amount(subscription: Subscription, account: Account) -> Money | None:
    """What the next renewal costs; None when it is not known."""
    price = subscription.renewal_price
    if price is None:
        return None
    return Money(price, subscription.currency or account.currency)


def _is_over(tx: Transaction, key: SubscriptionKey) -> bool:
    held = tx.catalogue.get(key)
    return held is None or held.status is Status.UNSUBSCRIBED or tx.catalogue.is_gone(key)


def _exact(tx: Transaction, ref: str) -> Subscription | None:
    account, separator, id_ = ref.partition("/")
    if not separator:
        return None
    key = SubscriptionKey(AccountName(account), id_)
    held = tx.catalogue.get(key)
    return None if held is None or tx.catalogue.is_gone(key) else held
