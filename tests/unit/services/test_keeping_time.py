"""Clocks of replicas: measured against the database's, told when they are too far apart."""

from datetime import datetime, timedelta

from bot.facts.messages import OperatorWarning
from bot.facts.status import TroubleKind
from bot.services.keeping_time import KeepingTime
from bot.services.status import Status
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.factories import APPROVER_1
from tests.unit.services.rig import Rig

SECOND = timedelta(seconds=1)


def replica(rig: Rig, name: str, *, ahead: timedelta, asking_takes: timedelta) -> KeepingTime:
    """A machine whose clock is so far ahead of the database's, which is `asking_takes` away."""
    asked: list[datetime] = []

    def machine() -> datetime:
        asked.append(rig.clock.now())
        return rig.clock.now() + ahead + (asking_takes if len(asked) % 2 == 0 else 0 * SECOND)

    return KeepingTime(
        store=rig.store,
        clock=rig.clock,
        replica=name,
        machine=machine,
        database=lambda: rig.clock.now() + asking_takes / 2,
        operators=lambda: (APPROVER_1,),
    )


def test_the_way_to_the_database_is_not_taken_for_skew(store: SqlStore, clock: SettableClock):
    far = replica(Rig(store, clock), "a", ahead=3 * SECOND, asking_takes=80 * SECOND)

    assert far.measure().apart == 3 * SECOND


def test_replicas_that_are_apart_are_told_once_though_each_is_near_the_database(
    store: SqlStore, clock: SettableClock
):
    rig = Rig(store, clock)
    slow = replica(rig, "slow", ahead=-20 * SECOND, asking_takes=0 * SECOND)
    fast = replica(rig, "fast", ahead=11 * SECOND, asking_takes=0 * SECOND)

    assert slow.measure().apart == 20 * SECOND
    for _ in range(3):
        skew = fast.measure()
    rig.run()

    assert (skew.behind, skew.ahead, skew.apart) == ("slow", "fast", 31 * SECOND)
    [warning] = rig.messenger.of(OperatorWarning)
    assert "The clock of fast is 31 s ahead of that of slow." in warning.message.text
    [trouble] = Status(store=store, clock=clock).status().troubles
    assert (trouble.kind, trouble.count) == (TroubleKind.CLOCKS_APART, 31)


def test_thirty_seconds_are_tolerated_and_who_is_gone_is_forgotten(
    store: SqlStore, clock: SettableClock
):
    rig = Rig(store, clock)
    replica(rig, "gone", ahead=30 * SECOND, asking_takes=0 * SECOND).measure()
    rig.run()
    assert rig.messenger.of(OperatorWarning) == []

    clock.advance(timedelta(minutes=10, seconds=1))

    here = replica(rig, "here", ahead=-5 * SECOND, asking_takes=0 * SECOND)
    assert here.measure().apart == 5 * SECOND
