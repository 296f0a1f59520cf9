"""Importing: all or nothing, and never undoing what an embedded account did since."""

import io
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.billing.account import Account
from bot.billing.quote import Scope
from bot.billing.subscription import AccountName, Status, Subscription, SubscriptionKey
from bot.ports.provider import Call, Provider
from bot.ports.store import Store
from bot.providers.ledger import LedgerProvider
from bot.services.errors import BadFile, UnknownAccount
from bot.services.exporting import to_csv, to_json
from bot.services.importing import Importing, ImportResult, merge
from tests.clocks import SettableClock
from tests.factories import account, instant, key, order, package, quota, renewal, resource
from tests.unit.services.desk import LONG

BOOK = (package(orders=(LONG,)), quota(orders=(LONG,)), resource())


@pytest.fixture
def accounts(store: Store) -> dict[AccountName, Account]:
    found: dict[AccountName, Account] = store._accounts  # type: ignore[attr-defined]
    found[AccountName("prod")] = account("prod", provider="huaweicloud")
    return found


@pytest.fixture
def ledger(store: Store, clock: SettableClock) -> LedgerProvider:
    return LedgerProvider(account=account(), store=store, clock=clock)


@pytest.fixture
def importing(
    store: Store,
    clock: SettableClock,
    ledger: LedgerProvider,
    accounts: dict[AccountName, Account],
) -> Importing:
    providers: Mapping[AccountName, Provider] = {AccountName("default"): ledger}
    return Importing(store=store, clock=clock, providers=providers)


def csv_of(*subscriptions: Subscription) -> bytes:
    return "".join(to_csv(subscriptions)).encode()


def run(importing: Importing, *book: Subscription, **how: object) -> ImportResult:
    return importing.run(io.BytesIO(csv_of(*book)), "book.csv", by="cli", **how)  # type: ignore[arg-type]


def counts(result: ImportResult) -> tuple[int, int, int, int]:
    return (
        len(result.added),
        len(result.changed),
        len(result.unchanged),
        len(result.gone),
    )


def listed(store: Store) -> tuple[Subscription, ...]:
    with store.reading() as tx:
        return tuple(tx.catalogue.all())


def test_a_first_import_adds_everything(importing: Importing, store: Store) -> None:
    result = run(importing, *BOOK)

    assert counts(result) == (3, 0, 0, 0)
    assert listed(store) == tuple(sorted(BOOK, key=lambda each: each.key))


def test_the_same_file_twice_changes_nothing(importing: Importing, store: Store) -> None:
    run(importing, *BOOK)
    with store.reading() as tx:
        before = len(list(tx.audit.entries()))

    assert counts(run(importing, *BOOK)) == (0, 0, 3, 0)
    with store.reading() as tx:
        assert len(list(tx.audit.entries())) == before


def test_an_export_of_what_was_imported_exports_the_same_bytes(
    importing: Importing, store: Store
) -> None:
    run(importing, *BOOK)
    first = "".join(to_csv(listed(store))), "".join(to_json(listed(store)))

    assert counts(importing.run(io.BytesIO(first[1].encode()), "book.json", by="cli")) == (
        0,
        0,
        3,
        0,
    )
    assert ("".join(to_csv(listed(store))), "".join(to_json(listed(store)))) == first


def test_a_bad_row_rejects_the_whole_file(importing: Importing, store: Store) -> None:
    data = csv_of(*BOOK) + b"x," * 37 + b"\r\n"

    with pytest.raises(BadFile):
        importing.run(io.BytesIO(data), "book.csv", by="cli")

    assert listed(store) == ()


def test_a_dry_run_counts_and_changes_nothing(importing: Importing, store: Store) -> None:
    assert counts(run(importing, *BOOK, dry_run=True)) == (3, 0, 0, 0)
    assert listed(store) == ()


def test_a_description_is_corrected(importing: Importing, store: Store) -> None:
    run(importing, *BOOK)
    renamed = replace(BOOK[1], name="Quota of the platform team", owner=None)

    result = run(importing, BOOK[0], renamed, BOOK[2])

    assert counts(result) == (0, 1, 2, 0)
    with store.reading() as tx:
        assert tx.catalogue.get(renamed.key) == renamed
        assert tx.book.get(renamed.key) == renamed


def test_rows_that_are_missing_are_left_alone(importing: Importing, store: Store) -> None:
    run(importing, *BOOK)

    assert counts(run(importing, BOOK[1])) == (0, 0, 1, 0)
    assert len(listed(store)) == 3


def test_rows_missing_from_the_whole_of_an_account_are_gone(
    importing: Importing, store: Store, ledger: LedgerProvider
) -> None:
    run(importing, *BOOK)

    result = run(importing, BOOK[1], account="default")

    assert tuple(result.gone) == (key("build-runner-01"), key("sm-screen"))
    assert [each.key for each in listed(store)] == [key("sm-quota")]
    assert [each.key for each in ledger.subscriptions()] == [key("sm-quota")]
    with store.reading() as tx:
        assert tx.catalogue.get(key("sm-screen")) is not None
        assert tx.catalogue.is_gone(key("sm-screen"))


def test_the_whole_of_one_account_leaves_others_alone(importing: Importing, store: Store) -> None:
    run(importing, quota(account="prod"), resource())

    result = run(importing, quota(account="prod"), account="prod")

    assert counts(result) == (0, 0, 1, 0)
    assert len(listed(store)) == 2


def test_what_was_gone_is_added_again(importing: Importing, store: Store) -> None:
    run(importing, *BOOK)
    run(importing, BOOK[1], account="default")

    assert counts(run(importing, *BOOK)) == (2, 0, 1, 0)
    assert len(listed(store)) == 3


def test_an_account_that_nobody_named_is_an_error(importing: Importing) -> None:
    with pytest.raises(UnknownAccount) as refused:
        run(importing, *BOOK, account="test")
    with pytest.raises(BadFile):
        run(importing, quota(account="test"))

    assert refused.value.sentence.startswith("Account `test` is not in the settings, which name")


def test_an_unsubscribed_item_stays_unsubscribed(
    importing: Importing, store: Store, ledger: LedgerProvider, clock: SettableClock
) -> None:
    run(importing, *BOOK)
    ledger.unsubscribe(
        Call(
            ids=("sm-quota",),
            scope=Scope.ALL,
            reason=5,
            details="",
            started_at=clock.now(),
        )
    )
    clock.advance(timedelta(seconds=3))

    run(importing, *BOOK)
    renamed = replace(BOOK[1], name="Renamed")
    run(importing, BOOK[0], renamed, BOOK[2])

    with store.reading() as tx:
        held = tx.book.get(key("sm-quota"))
    assert held is not None
    assert (held.status, held.auto_renew, held.name) == (Status.UNSUBSCRIBED, False, "Renamed")


def test_a_renewal_that_was_deducted_stays(
    importing: Importing, store: Store, clock: SettableClock
) -> None:
    run(importing, quota())
    clock.set(instant("2026-12-01 10:00"))

    result = run(importing, quota())

    assert counts(result) == (0, 0, 1, 0)
    with store.reading() as tx:
        held = tx.book.get(key("sm-quota"))
    assert held is not None
    assert [each.order_type.value for each in held.orders] == ["new", "renewal"]


def test_auto_renewal_that_was_turned_off_stays_off(
    importing: Importing, store: Store, ledger: LedgerProvider
) -> None:
    run(importing, quota())
    ledger.set_auto_renew("sm-quota", on=False)

    run(importing, replace(quota(), note="Corrected"))

    with store.reading() as tx:
        held = tx.book.get(key("sm-quota"))
    assert held is not None
    assert (held.auto_renew, held.note) == (False, "Corrected")


def test_a_mistake_about_auto_renewal_is_corrected_while_nothing_happened(
    importing: Importing, store: Store
) -> None:
    run(importing, quota())

    assert counts(run(importing, replace(quota(), auto_renew=False))) == (0, 1, 0, 0)
    with store.reading() as tx:
        held = tx.book.get(key("sm-quota"))
    assert held is not None
    assert held.auto_renew is False


def test_an_account_that_a_cloud_keeps_takes_the_files_word(
    importing: Importing, store: Store
) -> None:
    theirs = quota(account="prod")
    run(importing, theirs)

    assert counts(run(importing, replace(theirs, auto_renew=False))) == (0, 1, 0, 0)
    with store.reading() as tx:
        assert tx.book.get(SubscriptionKey(AccountName("prod"), "sm-quota")) is None


def test_the_import_is_recorded_with_its_counts(importing: Importing, store: Store) -> None:
    run(importing, *BOOK)

    with store.reading() as tx:
        [entry] = tx.audit.entries("catalogue")
    assert (entry.actor, entry.action) == ("cli", "import")
    assert entry.facts["added"] == 3


def test_amounts_of_orders_that_both_have_are_corrected_and_added_ones_stay() -> None:
    bought = order()
    held = quota(orders=(bought, renewal(bought)), status=Status.IN_USE)
    corrected = replace(bought, cash=Decimal("3500.00"))

    merged = merge(quota(orders=(corrected,)), held, given_back=False)

    assert merged.orders == (corrected, renewal(bought))


def test_a_renewal_that_was_given_back_does_not_return() -> None:
    bought = order()
    file = quota(orders=(bought, renewal(bought)))

    assert merge(file, quota(), given_back=True).orders == (bought,)
    assert merge(file, quota(), given_back=False).orders == (bought, renewal(bought))


def test_a_renewal_by_hand_revives_what_had_expired() -> None:
    bought = order()
    file = quota(orders=(bought, renewal(bought)))

    merged = merge(file, quota(status=Status.EXPIRED), given_back=False)

    assert merged.status is Status.IN_USE
