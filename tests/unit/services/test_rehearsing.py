"""The practice clock: every event on its way happens, in order and on time."""

from datetime import timedelta

import pytest

from bot.billing.bookkeeping import next_event
from bot.billing.subscription import AccountName, Subscription
from bot.facts.messages import Timing
from bot.facts.rehearsing import Ahead
from bot.ports.store import Delivery, DeliveryState
from bot.providers.ledger import LedgerProvider
from bot.services.rehearsing import Rehearsal
from bot.services.syncing import Syncing
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.factories import OWNER, instant, key, order, quota
from tests.messengers import Shown
from tests.unit.services.rig import Rig

DEFAULT = AccountName("default")
SECOND = timedelta(seconds=1)


@pytest.fixture
def rig(store: SqlStore, clock: SettableClock) -> Rig:
    """Mon 23 Nov 2026, 10:12: one quota, deducted on 30 November."""
    rig = Rig(store, clock)
    hold(rig, quota(orders=(order("2025-12-07 09:20"),), owner=None))
    rig.run()
    return rig


@pytest.fixture
def rehearsal(rig: Rig) -> Rehearsal:
    ledger = LedgerProvider(account=rig.store.accounts[DEFAULT], store=rig.store, clock=rig.clock)
    syncing = Syncing(store=rig.store, clock=rig.clock, providers={DEFAULT: ledger})
    ticks = (
        syncing.tick,
        rig.reminding.arm,
        rig.reminding.bundle_due,
        rig.delivering.send_due,
    )
    return Rehearsal(store=rig.store, clock=rig.clock, reminding=rig.reminding, ticks=ticks)


def hold(rig: Rig, *subscriptions: Subscription) -> None:
    with rig.store.transaction() as tx:
        for each in subscriptions:
            account = rig.store.accounts[each.key.account]
            at = next_event(each, account, after=rig.clock.now())
            tx.book.put(each, next_event_at=at)
    rig.know(*subscriptions)


def told(shown: list[Shown]) -> list[tuple[str, ...]]:
    return [each.reminder_ids for each in shown]


def test_the_next_event_is_named(rehearsal: Rehearsal) -> None:
    ahead = rehearsal.next_event()

    assert ahead is not None
    assert ahead.at == instant("2026-11-27 09:00")
    assert ahead.text == "reminder for SecMaster Professional, 50 ECS"


def test_a_jump_passes_reminders_and_the_deduction_in_order_and_on_time(
    rig: Rig, rehearsal: Rehearsal
) -> None:
    before = len(rig.reminders())

    moved = rehearsal.advance(timedelta(days=10))

    shown = rig.reminders()[before:]
    lead = "default/sm-quota/2026-11-30"
    assert told(shown) == [(f"{lead}/3d",), (f"{lead}/1d",)]
    assert [each.at for each in shown] == [
        instant("2026-11-27 09:00"),
        instant("2026-11-29 09:00"),
    ]
    assert {each.message.timing for each in shown} == {Timing.ON_TIME}
    assert [each.text for each in moved.passed] == [
        "reminder for SecMaster Professional, 50 ECS",
        "reminder for SecMaster Professional, 50 ECS",
        "deduction for SecMaster Professional, 50 ECS",
    ]
    assert (moved.start, moved.end) == (instant("2026-11-23 10:12"), instant("2026-12-03 10:12"))


def test_to_the_next_event_stops_right_there(rig: Rig, rehearsal: Rehearsal) -> None:
    rehearsal.advance_to_next()

    assert rig.clock.now() == instant("2026-11-27 09:00")
    assert rig.reminders()[-1].reminder_ids == ("default/sm-quota/2026-11-30/3d",)


def test_a_snooze_is_an_event_too(rig: Rig, rehearsal: Rehearsal) -> None:
    pressed = rig.reminders()[-1].delivery_id
    until = instant("2026-11-25 14:00")
    rig.reminding.snooze(pressed, [key()], until=until, by=OWNER)

    rehearsal.advance_to_next()

    assert rig.clock.now() == until
    assert rig.reminders()[-1].reminder_ids == ("default/sm-quota/2026-11-30/7d/r1",)


def test_an_unknown_outcome_is_settled_on_the_way(rig: Rig, rehearsal: Rehearsal) -> None:
    rig.messenger.lose_answers = 1

    rehearsal.advance(timedelta(days=5))

    assert told(rig.reminders()[-1:]) == [("default/sm-quota/2026-11-30/3d",)]
    assert len({each.delivery_id for each in rig.reminders()}) == len(rig.reminders())


def test_time_never_moves_back(rehearsal: Rehearsal) -> None:
    with pytest.raises(ValueError, match="forward"):
        rehearsal.advance(timedelta(seconds=-1))


def test_a_year_charges_and_reminds_again(rig: Rig, rehearsal: Rehearsal) -> None:
    rehearsal.advance(timedelta(days=366))

    with rig.store.reading() as tx:
        held = tx.catalogue.get(key())
    assert held is not None
    assert held.expires_at == instant("2027-12-07 23:59:59")
    leads = [each for each in rig.ids() if "2027-11-30" in each]
    assert leads == [f"default/sm-quota/2027-11-30/{days}d" for days in (30, 14, 7)]


def test_only_a_message_that_was_tried_before_is_tried_again(
    rig: Rig, rehearsal: Rehearsal
) -> None:
    at = rig.clock.now()
    reminder = rehearsal.next_event()
    with rig.store.transaction() as tx:
        owed = Delivery(
            id="new", key="new", kind="tour", destination="D0", stream="new", due_at=at + SECOND
        )
        tx.outbox.owe(owed)
    fresh = rehearsal.next_event()
    rig.clock.advance(SECOND)
    with rig.store.transaction() as tx:
        [held] = tx.outbox.claim(now=at + SECOND, lease_until=at + SECOND, limit=1)
        begun = tx.outbox.begin(held, at=at + SECOND)
        assert begun is not None
        again_at = at + timedelta(minutes=1)
        tx.outbox.settle(begun, state=DeliveryState.PENDING, at=at + SECOND, again_at=again_at)

    assert fresh == reminder
    assert rehearsal.next_event() == Ahead(at=again_at, text="a message that waits goes out")
