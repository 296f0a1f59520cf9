"""What passed while nobody ran: each told once as missed, however late the cloud is read again."""

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from unittest.mock import patch

import pytest

from bot.billing.bookkeeping import charged, expired
from bot.billing.subscription import Kind, Subscription
from bot.facts.messages import Timing
from bot.ports.store import ReminderState
from bot.services import taking_over
from bot.services.armed import Span, last_watch, pauses
from bot.services.arming import Arming
from bot.services.exporting import to_csv
from bot.services.importing import Importing
from bot.services.lateness import LATE_AFTER, NOT_TAKEN
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.factories import OWNER, instant, order, quota
from tests.unit.services.rig import Rig, policy

OFF = "Lapse was not running."
LAST_RUN = "2026-11-20 12:00"
ENDS = "2026-12-18 23:59:59"
MONTHLY = quota(
    "monthly",
    owner=None,
    auto_renew_months=1,
    orders=(order("2026-11-18 09:20", expires_at="2026-12-18 23:59:59", months=1),),
)
"""It is deducted on 11 December and 11 January, and so on."""

FIRST = [f"default/monthly/2026-12-11/{days}d" for days in (14, 7, 3, 1)]
SECOND = [f"default/monthly/2027-01-11/{days}d" for days in (14, 7, 3, 1)]


@pytest.fixture
def rig(store: SqlStore, clock: SettableClock) -> Rig:
    """Nobody runs after 20 November."""
    clock.set(instant(LAST_RUN))
    rig = rigged(store, clock, 14, 7, 3, 1)
    rig.know(MONTHLY)
    rig.run()
    return rig


def rigged(store: SqlStore, clock: SettableClock, *leads: int) -> Rig:
    settings = policy()
    return Rig(
        store, clock, replace(settings, schedule=replace(settings.schedule, lead_days=leads))
    )


def renewed(times: int, what: Subscription = MONTHLY) -> Subscription:
    for _ in range(times):
        what = charged(what)
    return what


def read_first(rig: Rig, reading: Subscription) -> None:
    rig.know(reading)
    rig.run()


def read_between(rig: Rig, reading: Subscription) -> None:
    rig.reminding.arm()
    rig.know(reading)
    rig.run()


def read_later(rig: Rig, reading: Subscription) -> None:
    rig.run()
    rig.clock.advance(timedelta(hours=7))
    rig.run()
    rig.start()
    rig.know(reading)
    rig.run()


def read_by_a_command(rig: Rig, reading: Subscription) -> None:
    arming = Arming(store=rig.store, clock=rig.clock, policy=rig.policy)
    arming.catch_up()
    rig.know(reading)
    rig.clock.advance(timedelta(minutes=5))
    rig.run()


def read_from_a_large_file(rig: Rig, reading: Subscription) -> None:
    importing = Importing(
        store=rig.store,
        clock=rig.clock,
        providers={},
        arming=Arming(store=rig.store, clock=rig.clock, policy=rig.policy),
    )
    with patch.multiple(taking_over, FEW=0, NOTED=0):
        importing.run(
            io.BytesIO("".join(to_csv([reading])).encode()), "all.csv", account="default", by="cli"
        )
    rig.run()


def two_replicas_read(rig: Rig, reading: Subscription) -> None:
    other = Rig(rig.store, rig.clock)
    rig.reminding.arm()
    other.reminding.arm()
    other.know(reading)
    other.reminding.arm()
    rig.run()


Order = Callable[[Rig, Subscription], None]
ORDERS = [
    read_first,
    read_between,
    read_later,
    read_by_a_command,
    read_from_a_large_file,
    two_replicas_read,
]


@pytest.mark.parametrize("read", ORDERS)
def test_each_deduction_that_passed_is_told_once_as_missed(rig: Rig, read: Order) -> None:
    rig.clock.set(instant("2027-01-19 12:00"))

    read(rig, renewed(2))
    rig.run()

    assert sorted(rig.ids()) == sorted([*FIRST, *SECOND])
    assert {shown.message.timing for shown in rig.reminders()} == {Timing.MISSED}
    assert {shown.message.why for shown in rig.reminders()} == {OFF}
    assert len(rig.reminders()) == (2 if read is read_later else 1)


@pytest.mark.parametrize("read", ORDERS)
def test_the_lead_of_what_is_to_come_that_passed_meanwhile_is_late(rig: Rig, read: Order) -> None:
    rig.clock.set(instant("2027-01-05 12:00"))

    read(rig, renewed(1))
    rig.run()

    missed, late = rig.reminders()
    assert list(missed.reminder_ids) == FIRST
    assert late.reminder_ids[-1] == "default/monthly/2027-01-11/7d"
    assert (late.message.timing, late.message.why) == (Timing.LATE, OFF)


def test_a_large_file_that_moves_a_date_far_ahead_hides_no_deduction(rig: Rig) -> None:
    yearly = quota("yearly", owner=None, orders=(order("2025-12-18", expires_at=ENDS),))
    rig.know(yearly)
    rig.run()
    rig.clock.set(instant("2027-01-19 12:00"))

    read_from_a_large_file(rig, replace(renewed(1, yearly), name="Renamed"))

    missed = [each for each in rig.ids() if "/yearly/2026-12-11/" in each]
    assert missed == [each.replace("monthly", "yearly") for each in FIRST]


def test_what_was_announced_before_is_not_told_again_as_missed(
    store: SqlStore, clock: SettableClock
) -> None:
    clock.set(instant("2026-11-11 09:00"))
    rig = rigged(store, clock, 30)
    rig.know(MONTHLY)
    rig.run()
    assert rig.ids() == ["default/monthly/2026-12-11/30d"]

    clock.set(instant("2027-01-10 12:00"))
    read_first(rig, renewed(1))

    assert rig.ids() == ["default/monthly/2026-12-11/30d", "default/monthly/2027-01-11/30d"]
    assert rig.reminders()[-1].message.timing is Timing.LATE


def test_what_came_to_be_known_while_nobody_ran_counts_from_then(rig: Rig) -> None:
    rig.clock.set(instant("2026-12-01 12:00"))
    other = quota("other", owner=None, orders=MONTHLY.orders, auto_renew_months=1)
    rig.know(other)

    rig.clock.set(instant("2027-01-19 12:00"))
    rig.know(renewed(2, other))
    rig.run()

    about = [each for each in rig.ids() if "/other/" in each]
    assert about == [f"default/other/2026-12-11/{days}d" for days in (7, 3, 1)] + [
        each.replace("monthly", "other") for each in SECOND
    ]


def test_auto_renewal_that_was_turned_off_meanwhile_hides_no_deduction(rig: Rig) -> None:
    rig.clock.set(instant("2026-11-27 09:00"))
    rig.run()
    assert rig.ids() == FIRST[:1]
    rig.clock.set(instant("2027-01-19 12:00"))

    read_first(rig, replace(renewed(2), auto_renew=False))

    missed = rig.reminders()[1]
    assert missed.message.timing is Timing.MISSED
    assert sorted(missed.reminder_ids) == sorted([*FIRST[1:], *SECOND])


def test_what_people_renewed_themselves_was_no_deduction(rig: Rig) -> None:
    by_hand = quota("by-hand", owner=None, auto_renew=False, orders=MONTHLY.orders)
    rig.know(by_hand)
    rig.run()
    rig.clock.set(instant("2027-01-19 12:00"))

    read_first(rig, renewed(2, replace(by_hand, auto_renew_months=1)))

    assert not [each for each in rig.ids() if "/by-hand/2026-12-11" in each]


def test_one_that_expired_meanwhile_is_told_as_that_alone(rig: Rig) -> None:
    rig.clock.set(instant("2027-01-19 12:00"))

    read_between(rig, expired(MONTHLY))

    assert {each.split("/")[2] for each in rig.ids()} == {"2026-12-18"}
    told = {row.reason for row in rig.rows() if row.state is ReminderState.CANCELLED}
    assert told == {"it was not renewed"}


def test_after_a_charge_that_did_not_succeed_the_next_attempt_is_told_in_time(rig: Rig) -> None:
    rig.clock.set(instant("2026-12-11 12:00"))
    rig.run()
    rig.pass_time(to=instant("2026-12-13 12:00"))

    dates = list(dict.fromkeys(each.split("/")[2] for each in rig.ids()))
    assert dates == ["2026-12-11", "2026-12-12", "2026-12-13", "2026-12-14"]


def test_a_date_that_is_moved_into_an_earlier_pause_came_for_nobody(rig: Rig) -> None:
    ending = quota("ending", owner=None, auto_renew=False, orders=MONTHLY.orders)
    rig.know(replace(ending, orders=(order("2026-11-18 09:20"),)))
    rig.run()
    rig.clock.set(instant("2027-01-19 12:00"))
    rig.run()

    rig.know(ending)
    rig.run()

    assert not [each for each in rig.ids() if "/ending/" in each]


def test_each_notice_that_was_due_is_told(rig: Rig) -> None:
    contract = quota(
        "contract",
        owner=None,
        kind=Kind.SAAS,
        notice_days=5,
        auto_renew_months=1,
        orders=MONTHLY.orders,
    )
    rig.know(contract)
    rig.run()
    rig.clock.set(instant("2027-01-25 12:00"))

    rig.run()
    rig.know(renewed(2, contract))
    rig.run()

    missed = rig.reminders()[0]
    assert missed.message.timing is Timing.MISSED
    about = {each.split("/")[2] for each in missed.reminder_ids if "/contract/" in each}
    assert about == {"2026-12-13", "2027-01-13"}


def test_what_passed_before_anybody_ever_ran_is_told_and_not_put_down_to_slack(
    store: SqlStore, clock: SettableClock
) -> None:
    rig = rigged(store, clock, 14, 7, 3, 1)
    clock.set(instant(LAST_RUN))
    rig.know(MONTHLY)
    clock.set(instant("2027-01-19 12:00"))

    read_first(rig, renewed(2))

    [missed] = rig.reminders()
    assert sorted(missed.reminder_ids) == sorted([*FIRST, *SECOND])
    assert missed.message.why == OFF


def test_many_short_pauses_do_not_hide_a_long_one(rig: Rig) -> None:
    rig.clock.set(instant("2027-01-19 12:00"))
    rig.run()
    for _ in range(12):
        rig.clock.advance(2 * LATE_AFTER)
        rig.run()

    rig.know(renewed(2))
    rig.run()

    assert set(SECOND) <= set(rig.ids())


@pytest.mark.parametrize("back", [timedelta(seconds=1), timedelta(minutes=30)])
def test_a_clock_that_steps_back_a_little_tells_nothing_twice_and_forgets_nothing(
    rig: Rig, back: timedelta
) -> None:
    rig.clock.set(instant("2027-01-19 12:00"))
    rig.run()
    rig.clock.set(rig.clock.now() - back)
    rig.run()

    rig.know(renewed(2))
    rig.run()
    rig.clock.advance(2 * back)
    rig.run()

    assert sorted(rig.ids()) == sorted([*FIRST, *SECOND])


def test_nobody_was_off_in_what_is_still_to_come_by_a_clock_that_is_right(rig: Rig) -> None:
    rig.clock.set(instant("2027-06-01 12:00"))
    rig.reminding.arm()
    right = instant("2026-11-21 12:00")
    rig.clock.set(right)
    rig.reminding.arm()

    with rig.store.reading() as tx:
        ends = [end for _, end in pauses(tx, now=right, longer_than=LATE_AFTER)]
    assert max(ends) == right


def test_a_command_that_reads_a_cloud_does_not_say_that_lapse_ran(rig: Rig) -> None:
    """Else a message that is late because nobody ran would be put down to Slack."""
    rig.clock.set(instant("2026-11-27 08:00"))
    rig.run()
    arming = Arming(store=rig.store, clock=rig.clock, policy=rig.policy)
    for _ in range(120):
        rig.clock.advance(timedelta(minutes=1))
        arming.catch_up()
    assert _ran_at(rig) == instant("2026-11-27 08:00")

    rig.run()

    assert rig.reminders()[-1].message.why == OFF
    assert rig.reminders()[-1].message.why != NOT_TAKEN


def test_where_no_scheduler_ever_ran_a_command_enters_nothing(
    store: SqlStore, clock: SettableClock
) -> None:
    rig = Rig(store, clock)
    rig.know(replace(MONTHLY, owner=OWNER))

    assert Arming(store=store, clock=clock, policy=rig.policy).catch_up() == 0

    assert rig.rows() == []


def _ran_at(rig: Rig) -> datetime | None:
    with rig.store.reading() as tx:
        watch = last_watch(tx)
    return watch.at if watch else None


@pytest.mark.parametrize("still", [False, True])
def test_a_run_that_takes_minutes_is_no_pause_unless_it_stands_still(rig: Rig, still: bool) -> None:
    """Each page takes 20 seconds; or one of them three minutes, as in a frozen process."""
    rig.run()
    with rig.store.reading() as tx:
        before = pauses(tx, now=rig.clock.now(), longer_than=LATE_AFTER)
    date_passed = Arming._date_passed

    def slow(self: Arming, now: datetime) -> None:
        for _ in range(1 if still else 12):
            rig.clock.advance(timedelta(minutes=3) if still else timedelta(seconds=20))
            self._sign()
            seen.append(_pauses(rig))
        date_passed(self, now)

    seen: list[Sequence[Span]] = []
    with patch.object(Arming, "_date_passed", slow):
        for _ in range(2):
            rig.reminding.arm()
            rig.clock.advance(timedelta(seconds=5))

    assert all(each == before for each in seen) is not still
    assert len(_pauses(rig)) == len(before) + (2 if still else 0)


def _pauses(rig: Rig) -> Sequence[Span]:
    with rig.store.reading() as tx:
        return pauses(tx, now=rig.clock.now(), longer_than=LATE_AFTER)
