"""What the embedded provider does by itself: charges, expiries, completions, in order of time."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.billing.bookkeeping import next_event
from bot.billing.quote import Scope
from bot.billing.subscription import (
    AccountName,
    BillingMode,
    Edition,
    OrderType,
    Status,
    Subscription,
)
from bot.ports.provider import Call, ProviderRefused
from bot.providers.ledger import LedgerProvider
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.factories import contract, instant, key, order, package, quota, resource

DEFAULT = AccountName("default")
SOON = timedelta(seconds=2)
ORDER = order("2025-12-07 09:20")

Ledger = Callable[..., LedgerProvider]


@pytest.fixture
def ledger(any_store: SqlStore, clock: SettableClock) -> Ledger:
    """Makes an account that has these subscriptions, on both databases."""

    def make(*subscriptions: Subscription) -> LedgerProvider:
        account = any_store.accounts[DEFAULT]
        with any_store.transaction() as tx:
            for each in subscriptions:
                tx.book.put(each, next_event_at=next_event(each, account, after=clock.now()))
        return LedgerProvider(account=account, store=any_store, clock=clock)

    return make


def held(provider: LedgerProvider, ref: str = "sm-quota") -> Subscription:
    return next(each for each in provider.subscriptions() if each.key.id == ref)


def call(clock: SettableClock, *ids: str) -> Call:
    return Call(ids=ids, scope=Scope.ALL, reason=2, details="", started_at=clock.now())


def test_auto_renewal_charges_on_the_deduction_date_at_three_and_not_before(
    ledger: Ledger, clock: SettableClock
) -> None:
    provider = ledger(quota(orders=(ORDER,)))

    clock.set(instant("2026-11-30 02:59:59"))
    early = held(provider).orders
    clock.set(instant("2026-11-30 03:00"))
    [_, renewal] = held(provider).orders

    assert early == (ORDER,)
    assert renewal.order_type is OrderType.RENEWAL
    assert (renewal.cash, renewal.currency) == (Decimal("3600.00"), "USD")
    assert renewal.effective_at == instant("2026-12-08 00:00")
    assert renewal.expires_at == instant("2027-12-07 23:59:59")


def test_after_a_long_pause_every_charge_has_happened_once(
    ledger: Ledger, clock: SettableClock
) -> None:
    provider = ledger(resource(orders=(order("2026-11-12 14:05", months=1, cash="61.20"),)))

    clock.set(instant("2027-03-01 12:00"))
    orders = held(provider, "build-runner-01").orders

    assert [each.expires_at for each in orders] == [
        instant(f"{month}-12 23:59:59") for month in ("2026-12", "2027-01", "2027-02", "2027-03")
    ]


def test_with_auto_renewal_off_it_expires_and_the_edition_falls_back(
    ledger: Ledger, clock: SettableClock
) -> None:
    provider = ledger(quota(orders=(ORDER,), auto_renew=False))

    clock.set(instant("2026-12-07 23:59:58"))
    before = provider.edition("ap-southeast-1")
    clock.set(instant("2026-12-07 23:59:59"))

    assert before is Edition.PROFESSIONAL
    assert provider.edition("ap-southeast-1") is Edition.BASIC
    assert held(provider).status is Status.EXPIRED


def test_turned_off_in_time_nothing_is_charged(ledger: Ledger, clock: SettableClock) -> None:
    provider = ledger(quota(orders=(ORDER,)))
    clock.set(instant("2026-11-29 23:59"))

    provider.set_auto_renew("sm-quota", on=False)
    clock.set(instant("2026-12-05 12:00"))

    assert held(provider).orders == (ORDER,)


def test_a_catalogue_loaded_after_its_deduction_date_is_charged_the_next_day(
    ledger: Ledger, clock: SettableClock
) -> None:
    clock.set(instant("2026-12-02 10:00"))
    provider = ledger(quota(orders=(ORDER,)))

    clock.set(instant("2026-12-03 02:59"))
    before = len(held(provider).orders)
    clock.set(instant("2026-12-03 03:00"))

    assert before == 1
    assert len(held(provider).orders) == 2


def test_switched_on_on_the_very_last_day_it_is_charged_at_once(
    ledger: Ledger, clock: SettableClock
) -> None:
    provider = ledger(quota(orders=(ORDER,), auto_renew=False))
    clock.set(instant("2026-12-07 10:00"))

    provider.set_auto_renew("sm-quota", on=True)

    assert len(held(provider).orders) == 2


def test_what_was_bought_ahead_begins_by_itself(ledger: Ledger, clock: SettableClock) -> None:
    ahead = order("2026-12-01 00:00")
    provider = ledger(quota(orders=(ahead,), status=Status.INACTIVE))

    clock.set(instant("2026-12-01 00:00"))

    assert held(provider).status is Status.IN_USE


def test_a_contract_without_notice_goes_on_and_one_turned_off_ends(
    ledger: Ledger, clock: SettableClock
) -> None:
    provider = ledger(contract(), contract("ended", auto_renew=False))

    clock.set(instant("2027-01-15 12:00"))

    assert len(held(provider, "status-page").orders) == 2
    assert held(provider, "ended").status is Status.EXPIRED


def test_a_second_transaction_is_refused_while_the_first_runs(
    ledger: Ledger, clock: SettableClock
) -> None:
    provider = ledger(quota(orders=(ORDER,)))
    provider.unsubscribe(call(clock, "sm-quota"))

    [again] = provider.unsubscribe(call(clock, "sm-quota"))

    assert again.error_code == "CBC.99003651"


@pytest.mark.parametrize("ids", [(), tuple(f"x{n}" for n in range(11))])
def test_a_call_takes_one_to_ten_ids(
    ledger: Ledger, clock: SettableClock, ids: tuple[str, ...]
) -> None:
    with pytest.raises(ProviderRefused):
        ledger().unsubscribe(call(clock, *ids))


def test_pay_per_use_is_neither_unsubscribed_from_nor_switched(
    ledger: Ledger, clock: SettableClock
) -> None:
    provider = ledger(resource(billing_mode=BillingMode.PAY_PER_USE, orders=()))

    [result] = provider.unsubscribe(call(clock, "build-runner-01"))
    with pytest.raises(ProviderRefused):
        provider.set_auto_renew("build-runner-01", on=True)

    assert result.error_code == "R31"


def test_an_order_with_unclear_facts_is_refused_in_words(
    ledger: Ledger, clock: SettableClock
) -> None:
    provider = ledger(quota(orders=(order("2025-12-07 09:20", cash=None),)))

    [result] = provider.unsubscribe(call(clock, "sm-quota"))

    assert not result.accepted
    assert result.error


def test_a_restarted_ledger_goes_on_where_it_was(
    ledger: Ledger, any_store: SqlStore, clock: SettableClock
) -> None:
    ledger(quota(orders=(ORDER,))).unsubscribe(call(clock, "sm-quota"))
    clock.advance(SOON)

    again = LedgerProvider(account=any_store.accounts[DEFAULT], store=any_store, clock=clock)

    assert again.read(["sm-quota"]) == {}


def test_the_revision_rises_when_the_book_changes_and_only_then(
    ledger: Ledger, clock: SettableClock
) -> None:
    provider = ledger(quota(orders=(ORDER,)))
    first = provider.settle(clock.now())

    same = provider.settle(clock.advance(SOON))
    clock.set(instant("2026-11-30 03:00"))

    assert same == first
    assert provider.settle(clock.now()) > first


def test_the_book_says_what_has_happened_to_an_item(
    ledger: Ledger, any_store: SqlStore, clock: SettableClock
) -> None:
    provider = ledger(quota(orders=(ORDER,)), package(orders=(ORDER,)))
    clock.set(instant("2026-11-30 02:00"))
    provider.set_auto_renew("sm-screen", on=False)

    with any_store.reading() as tx:
        assert tx.notes.get(f"ledger/happened/{key('sm-screen')}") is not None
        assert tx.notes.get(f"ledger/happened/{key()}") is None


def test_the_refund_can_be_read_a_second_after_it_is_gone(
    ledger: Ledger, clock: SettableClock
) -> None:
    provider = ledger(resource(orders=(ORDER,)))
    began = clock.now()
    provider.unsubscribe(call(clock, "build-runner-01"))

    clock.advance(SOON)
    gone = provider.read(["build-runner-01"])
    at_once = provider.refunds(["build-runner-01"], since=began)
    clock.advance(timedelta(seconds=1))

    assert (gone, at_once) == ({}, ())
    assert len(provider.refunds(["build-runner-01"], since=began)) == 1
