"""What a reading changes: the book goes on by itself, the catalogue follows, messages too."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import update

from bot.billing.bookkeeping import next_event
from bot.billing.subscription import AccountName, SlackChannel, SlackUser, Status, Subscription
from bot.facts.faults import Fault, FaultKind
from bot.facts.messages import Settled, Timing
from bot.facts.status import TroubleKind
from bot.providers.faults import CloudFaults, FaultyProvider
from bot.providers.ledger import LedgerProvider
from bot.services import following, status, taking_over
from bot.services.arming import Arming
from bot.services.errors import SyncHeldUp
from bot.services.switched import remember
from bot.services.syncing import Syncing
from bot.services.taking_over import TakingOver
from storage.store import SqlStore
from storage.tables import book_subscriptions
from tests.clocks import SettableClock
from tests.factories import OWNER, instant, key, order, package, quota
from tests.fakes import FakeProvider
from tests.unit.services.rig import Rig, policy

DEFAULT = AccountName("default")
ORDER = order("2025-12-07 09:20")


@pytest.fixture
def rig(store: SqlStore, clock: SettableClock) -> Rig:
    return Rig(store, clock)


@pytest.fixture
def ledger(store: SqlStore, clock: SettableClock) -> LedgerProvider:
    return LedgerProvider(account=store.accounts[DEFAULT], store=store, clock=clock)


@pytest.fixture
def syncing(store: SqlStore, clock: SettableClock, ledger: LedgerProvider) -> Syncing:
    arming = Arming(store=store, clock=clock, policy=policy())
    return Syncing(store=store, clock=clock, providers={DEFAULT: ledger}, arming=arming)


def hold(rig: Rig, *subscriptions: Subscription) -> None:
    """The book has these, and the catalogue knows them."""
    with rig.store.transaction() as tx:
        for each in subscriptions:
            account = rig.store.accounts[each.key.account]
            at = next_event(each, account, after=rig.clock.now())
            tx.book.put(each, next_event_at=at)
    rig.know(*subscriptions)


def known(rig: Rig, ref: str = "sm-quota") -> Subscription:
    with rig.store.reading() as tx:
        found = tx.catalogue.get(key(ref))
    assert found is not None
    return found


def test_a_charge_extends_the_catalogue_and_settles_the_reminder(
    rig: Rig, syncing: Syncing
) -> None:
    hold(rig, quota(orders=(ORDER,), owner=None))
    rig.run()

    rig.clock.set(instant("2026-11-30 03:00"))
    syncing.tick()
    rig.run()

    renewed = known(rig)
    assert renewed.expires_at == instant("2027-12-07 23:59:59")
    assert renewed.orders[-1].cash == Decimal("3600.00")
    item = rig.reminders()[0].message.items[0]
    assert (item.settled, item.note) == (Settled.NO_LONGER_DUE, "It was renewed.")


def test_a_book_that_did_not_move_is_not_read_again(rig: Rig, syncing: Syncing) -> None:
    hold(rig, quota(orders=(ORDER,)))
    syncing.tick()

    assert syncing.tick() == 0


def test_a_book_that_cannot_be_read_is_read_by_a_later_tick(
    rig: Rig, clock: SettableClock, ledger: LedgerProvider
) -> None:
    faults = CloudFaults(store=rig.store, clock=clock)
    away = FaultyProvider(provider=ledger, faults=faults, pause=lambda _: None)
    syncing = Syncing(store=rig.store, clock=clock, providers={DEFAULT: away})
    hold(rig, quota(orders=(ORDER,)))
    faults.arm(Fault(kind=FaultKind.UNREACHABLE))

    assert syncing.tick() == 0
    faults.clear()
    assert syncing.tick() == 1


def test_a_book_that_cannot_be_read_for_an_hour_is_trouble_until_it_is_read(
    rig: Rig, clock: SettableClock, ledger: LedgerProvider
) -> None:
    def troubles() -> list[TroubleKind]:
        found = status.Status(store=rig.store, clock=clock).status().troubles
        return [each.kind for each in found if each.subject == DEFAULT]

    faults = CloudFaults(store=rig.store, clock=clock)
    away = FaultyProvider(provider=ledger, faults=faults, pause=lambda _: None)
    syncing = Syncing(store=rig.store, clock=clock, providers={DEFAULT: away})
    hold(rig, quota(orders=(ORDER,)))
    faults.arm(Fault(kind=FaultKind.UNREACHABLE))
    syncing.tick()
    clock.advance(timedelta(hours=1))
    syncing.tick()
    assert troubles() == []
    clock.advance(timedelta(minutes=1))
    syncing.tick()
    assert troubles() == [TroubleKind.NOT_READ]

    faults.clear()
    syncing.tick()
    assert troubles() == []


def test_what_the_cloud_no_longer_lists_is_gone_from_lists(rig: Rig, syncing: Syncing) -> None:
    hold(rig, quota(orders=(ORDER,)))
    rig.know(package("stray", orders=(ORDER,)))

    result = syncing.sync(DEFAULT)

    assert tuple(result.gone) == (key("stray"),)
    with rig.store.reading() as tx:
        assert tx.catalogue.is_gone(key("stray"))
        assert not tx.catalogue.is_gone(key())


def test_what_people_said_survives_a_reading(rig: Rig, syncing: Syncing) -> None:
    hold(rig, quota(orders=(ORDER,), owner=None))
    rig.know(quota(orders=(ORDER,), owner=SlackUser("U0NEW"), note="ask first"))

    syncing.sync(DEFAULT)

    assert known(rig).owner == "U0NEW"
    assert known(rig).note == "ask first"


def test_a_reading_counts_what_it_changed(
    rig: Rig, syncing: Syncing, ledger: LedgerProvider
) -> None:
    hold(rig, quota(orders=(ORDER,)), package("a", orders=(ORDER,)))
    with rig.store.transaction() as tx:
        tx.book.put(package("new", orders=(ORDER,)), next_event_at=None)
    ledger.set_auto_renew("a", on=False)

    assert syncing.sync(DEFAULT).counts == {"added": 1, "changed": 1, "unchanged": 1, "gone": 0}


def test_the_same_reading_twice_changes_nothing(rig: Rig, syncing: Syncing) -> None:
    hold(rig, replace(quota(orders=(ORDER,)), owner=OWNER, status=Status.IN_USE))
    syncing.sync(DEFAULT)

    assert syncing.sync(DEFAULT).counts == {"added": 0, "changed": 0, "unchanged": 1, "gone": 0}


def meanwhile(
    monkeypatch: pytest.MonkeyPatch, ledger: LedgerProvider, act: Callable[[], object]
) -> None:
    """Something happens when the account was read, before what was read is compared."""
    read = ledger.subscriptions

    def subscriptions() -> Iterator[Subscription]:
        yield from list(read())
        act()

    monkeypatch.setattr(ledger, "subscriptions", subscriptions)


def test_what_is_imported_while_an_account_is_read_stays(
    rig: Rig, syncing: Syncing, ledger: LedgerProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(rig, quota(orders=(ORDER,)))
    new, other = package("new", orders=(ORDER,)), quota(orders=(ORDER,), spec="other")
    meanwhile(monkeypatch, ledger, lambda: hold(rig, new, other))

    syncing.sync(DEFAULT)

    with rig.store.reading() as tx:
        assert not tx.catalogue.is_gone(key("new"))
        assert tx.book.get(key("new")) == new
        assert tx.catalogue.get(key("sm-quota")) == tx.book.get(key("sm-quota")) == other


def test_what_is_imported_after_it_was_compared_is_not_gone(
    rig: Rig, syncing: Syncing, monkeypatch: pytest.MonkeyPatch
) -> None:
    stray = package("stray", orders=(ORDER,))
    hold(rig, quota(orders=(ORDER,)))
    rig.know(stray)
    compare = TakingOver.compare

    def compared(self: TakingOver) -> None:
        compare(self)
        hold(rig, stray)

    monkeypatch.setattr(TakingOver, "compare", compared)

    syncing.sync(DEFAULT)

    with rig.store.reading() as tx:
        assert not tx.catalogue.is_gone(key("stray"))
        assert tx.book.get(key("stray")) == stray


def test_a_book_of_an_earlier_lapse_which_has_no_digests_is_read(
    rig: Rig, syncing: Syncing
) -> None:
    hold(rig, quota(orders=(ORDER,), spec="new"))
    rig.know(quota(orders=(ORDER,), spec="old"))
    with rig.store.transaction() as tx:
        without = update(book_subscriptions).values(digest=None)
        tx.catalogue.work.connection.execute(without)  # type: ignore[attr-defined]

    syncing.sync(DEFAULT)

    assert known(rig).spec == "new"


@pytest.fixture
def cloud(store: SqlStore, clock: SettableClock) -> FakeProvider:
    return FakeProvider(store.accounts[DEFAULT], [quota(orders=(ORDER,))], clock)


def read_slowly(
    rig: Rig, cloud: FakeProvider, act: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> Syncing:
    """The sync of a cloud that is read while something happens."""
    rig.know(quota(orders=(ORDER,)))
    listed = cloud.subscriptions

    def subscriptions() -> Iterator[Subscription]:
        found = list(listed())
        rig.clock.advance(timedelta(minutes=1))
        act()
        return iter(found)

    monkeypatch.setattr(cloud, "subscriptions", subscriptions)
    return Syncing(store=rig.store, clock=rig.clock, providers={DEFAULT: cloud})


def test_what_ended_while_the_cloud_was_read_stays_ended_until_it_is_read_again(
    rig: Rig, cloud: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = quota(orders=(ORDER,), status=Status.UNSUBSCRIBED, auto_renew=False)
    with monkeypatch.context() as patch:
        read_slowly(rig, cloud, lambda: rig.know(over), patch).sync(DEFAULT)
        assert (known(rig).status, known(rig).auto_renew) == (Status.UNSUBSCRIBED, False)

    rig.clock.advance(timedelta(minutes=1))
    Syncing(store=rig.store, clock=rig.clock, providers={DEFAULT: cloud}).sync(DEFAULT)
    assert known(rig).status is Status.IN_USE  # the cloud lists it, and nobody ended it since


def test_what_was_switched_while_the_cloud_was_read_stays_so_until_it_is_read_again(
    rig: Rig, cloud: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def turned_off() -> None:
        rig.know(quota(orders=(ORDER,), auto_renew=False))
        with rig.store.transaction() as tx:
            remember(tx, key(), on=False, by=OWNER, at=rig.clock.now())

    with monkeypatch.context() as patch:
        read_slowly(rig, cloud, turned_off, patch).sync(DEFAULT)
        assert known(rig).auto_renew is False

    rig.clock.advance(timedelta(minutes=1))
    Syncing(store=rig.store, clock=rig.clock, providers={DEFAULT: cloud}).sync(DEFAULT)
    assert known(rig).auto_renew is True


@pytest.mark.parametrize("away_since", ["2026-10-20 12:00", "2026-11-28 12:00"])
def test_a_deduction_missed_while_lapse_was_off_is_told_although_the_reading_comes_first(
    rig: Rig, syncing: Syncing, away_since: str
) -> None:
    rig.clock.set(instant(away_since))
    hold(rig, quota(orders=(ORDER,), owner=None))
    syncing.tick()
    rig.run()
    before = len(rig.reminders())

    rig.clock.set(instant("2026-11-30 12:00"))
    syncing.tick()
    rig.run()
    rig.run()

    [shown] = rig.reminders()[before:]
    assert shown.message.timing is Timing.MISSED
    assert shown.message.items[0].settled is Settled.OPEN
    assert known(rig).expires_at == instant("2027-12-07 23:59:59")


def test_while_an_import_takes_over_an_account_waits_for_a_later_tick(
    rig: Rig, syncing: Syncing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking_over, "FEW", 0)
    monkeypatch.setattr("storage.takeover.PATIENCE", 0.0)
    hold(rig, quota(orders=(ORDER,)))
    with rig.store.transaction() as tx:
        tx.book.put(quota(name="Renamed", orders=(ORDER,)), next_event_at=None)

    with rig.store.takeover(rig.clock):
        assert syncing.tick() == 0
        with pytest.raises(SyncHeldUp, match="account `default` was not brought up to date"):
            syncing.sync(DEFAULT)
    assert known(rig).name != "Renamed"

    assert syncing.tick() == 1
    assert known(rig).name == "Renamed"


class Killed(BaseException):
    """The process dies here."""


def four_that_are_shown(rig: Rig, syncing: Syncing) -> None:
    """Four subscriptions, each in a reminder of its own, which the cloud has renamed since."""
    items = [
        quota(f"sm-{number}", orders=(ORDER,), owner=None, channel=SlackChannel(f"C{number}"))
        for number in range(4)
    ]
    hold(rig, *items)
    rig.run()
    syncing.tick()
    rig.run()
    with rig.store.transaction() as tx:
        for each in items:
            tx.book.put(replace(each, name="Renamed"), next_event_at=None)


def names_shown(rig: Rig) -> set[str | None]:
    rig.run()
    shown = [each for number in range(4) for each in rig.reminders(f"C{number}")]
    return {item.subscription.name for each in shown for item in each.message.items}


@pytest.mark.parametrize("noted", [1, 1000])
def test_messages_follow_a_reading_that_changes_many(
    rig: Rig, syncing: Syncing, monkeypatch: pytest.MonkeyPatch, noted: int
) -> None:
    monkeypatch.setattr(taking_over, "FEW", 0)
    monkeypatch.setattr(taking_over, "NOTED", noted)
    monkeypatch.setattr("bot.services.syncing.NOTED", noted)
    monkeypatch.setattr(following, "AT_ONCE", 1)
    four_that_are_shown(rig, syncing)

    syncing.sync(DEFAULT)

    assert names_shown(rig) == {"Renamed"}


def test_messages_follow_although_the_reading_died_as_soon_as_it_was_seen(
    rig: Rig, syncing: Syncing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking_over, "FEW", 0)
    monkeypatch.setattr(following, "AT_ONCE", 1)
    four_that_are_shown(rig, syncing)
    with monkeypatch.context() as patch:
        patch.setattr("bot.services.syncing.catch_up", dies)
        with pytest.raises(Killed):
            syncing.sync(DEFAULT)
    assert known(rig, "sm-3").name == "Renamed"

    syncing.tick()

    assert names_shown(rig) == {"Renamed"}
    with rig.store.reading() as tx:
        assert tx.notes.get("following") == {}


def dies(_store: object) -> None:
    raise Killed
