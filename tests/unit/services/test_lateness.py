"""What comes late says the true reason, and what came too late is told as missed, once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.billing.subscription import SlackChannel, Status, Subscription
from bot.facts.messages import (
    WAS_OFF,
    Meant,
    ReminderMessage,
    ReminderRest,
    Settled,
    Timing,
)
from bot.facts.reminding import Because, Why
from bot.ports.messenger import Limited, LockedOut
from bot.ports.store import DeliveryState, ReminderState
from bot.services.lateness import MANY, NOT_TAKEN
from bot.services.pacing import Limits, Pacing, Rate
from bot.services.sweeping import Sweeping
from storage.store import SqlStore
from tests.clocks import SettableClock, always_steady
from tests.factories import APPROVER_1, instant, key, order, quota
from tests.unit.services.rig import FINOPS, SECURITY, Rig, labels

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
ORDER = order("2025-12-07 09:20")
REFUSED = instant("2026-11-23 09:00")
PASSED = instant("2026-11-30 04:00")


@pytest.fixture
def rig(store: SqlStore, clock: SettableClock) -> Rig:
    """Before the seven-day lead of two that renew on 30 November; one renews on 13 December.

    The last lead of the two and the second of the other fall due together.
    """
    clock.set(REFUSED - MINUTE / 2)
    rig = Rig(store, clock)
    later = order("2025-12-20 09:20")
    rig.know(
        *(quota(name, orders=(ORDER,), owner=None) for name in ("sm-one", "sm-two")),
        quota("sm-later", orders=(later,), owner=None),
    )
    rig.run()
    rig.messenger.shown.clear()
    return rig


def told(rig: Rig, to: str = FINOPS) -> list[tuple[list[str], Timing]]:
    shown = rig.reminders(to)
    timings = [each.message.timing for each in shown if isinstance(each.message, ReminderMessage)]
    return list(zip(labels(shown), timings, strict=True))


def states(rig: Rig, name: str) -> set[ReminderState]:
    sent = [row for row in rig.rows() if row.reminder.subscription.id == name and row.sent_at]
    return {row.state for row in sent if row.due_at >= REFUSED}


def live(rig: Rig, *, to: datetime, every: timedelta = HOUR) -> None:
    rig.pass_time(to=to, every=every)


def test_what_passed_while_the_token_was_refused_is_told_as_missed_once(rig: Rig) -> None:
    rig.messenger.refusals = [LockedOut("token_revoked") for _ in range(1000)]
    live(rig, to=PASSED)
    assert told(rig) == []

    rig.messenger.refusals = []
    live(rig, to=PASSED + 3 * HOUR, every=MINUTE)

    missed = [names for names, timing in told(rig) if timing is Timing.MISSED]
    assert missed == [["sm-one", "sm-two"]]
    assert [names for names, timing in told(rig) if timing is not Timing.MISSED] == [["sm-later"]]
    assert states(rig, "sm-one") == states(rig, "sm-two") == {ReminderState.MISSED}
    assert len(rig.ids()) == len(set(rig.ids()))


@pytest.mark.parametrize("how", ["closed", "limited"])
def test_so_is_what_passed_while_the_common_channel_took_nothing(rig: Rig, how: str) -> None:
    if how == "closed":
        rig.messenger.closed = {FINOPS: "is_archived"}
    else:
        rig.messenger.refusals = [
            Limited("ratelimited", retry_after=(PASSED - REFUSED).total_seconds())
        ]
    live(rig, to=PASSED)
    assert told(rig) == []

    rig.messenger.closed = {}
    live(rig, to=PASSED + 3 * HOUR, every=MINUTE)

    missed = [names for names, timing in told(rig) if timing is Timing.MISSED]
    assert missed == [["sm-one", "sm-two"]]
    assert len(rig.ids()) == len(set(rig.ids()))


def test_what_may_have_been_posted_keeps_its_members_and_speaks_of_what_has_passed(
    rig: Rig,
) -> None:
    rig.clock.set(REFUSED)
    rig.messenger.lose_requests = 1
    rig.messenger.history_unreadable = True
    rig.run()
    [unknown] = {row.delivery_id for row in rig.rows() if row.state is ReminderState.UNKNOWN}

    rig.clock.set(PASSED)
    rig.delivering.send_due()

    [shown] = rig.reminders()
    assert shown.delivery_id == unknown
    assert shown.may_repeat
    assert isinstance(shown.message, ReminderMessage)
    assert shown.message.timing is Timing.MISSED
    assert states(rig, "sm-one") == {ReminderState.MISSED}


def test_a_copy_of_what_was_let_go_is_taken_back(rig: Rig) -> None:
    """A process that was frozen before its first byte thaws when another has told it as missed."""
    rig.clock.set(REFUSED)
    rig.messenger.lose_requests = 1
    rig.run()
    [first] = {row.delivery_id for row in rig.rows() if row.state is ReminderState.UNKNOWN}
    rig.clock.set(PASSED)
    rig.run()
    rig.clock.advance(MINUTE)
    rig.run()
    rig.run()
    assert (["sm-one", "sm-two"], Timing.MISSED) in told(rig)
    with rig.store.reading() as tx:
        let_go = tx.outbox.get(str(first))
    assert let_go is not None
    assert let_go.state is DeliveryState.CANCELLED

    rig.messenger.post(rig.reminders()[0].message, to=FINOPS, delivery_id=str(first))
    rig.clock.advance(2 * MINUTE)
    sweeping = Sweeping(
        store=rig.store,
        clock=rig.clock,
        messenger=rig.messenger,
        pacing=Pacing(Limits()),
        steady_since=always_steady,
        operators=lambda: (),
    )

    assert sweeping.sweep_due() == 1
    assert str(first) not in {each.delivery_id for each in rig.messenger.shown}


def test_what_waited_for_slack_does_not_say_that_lapse_was_off(rig: Rig) -> None:
    rig.messenger.refusals = [LockedOut("token_revoked") for _ in range(100)]
    live(rig, to=REFUSED + 30 * MINUTE, every=MINUTE)
    rig.messenger.refusals = []
    live(rig, to=REFUSED + 2 * HOUR, every=MINUTE)

    message = rig.reminders()[0].message
    assert isinstance(message, ReminderMessage)
    assert (message.timing, message.why) == (Timing.LATE, "Slack did not take it in time.")


def test_what_was_moved_says_where_it_was_meant_for_and_not_that_lapse_was_off(
    store: SqlStore, clock: SettableClock
) -> None:
    clock.set(REFUSED - MINUTE)
    rig = Rig(store, clock)
    rig.know(quota("sm-one", orders=(ORDER,), owner=None, channel=SECURITY))
    rig.run()
    rig.messenger.shown.clear()
    rig.messenger.refusals = [LockedOut("token_revoked") for _ in range(10)]
    live(rig, to=REFUSED + 30 * MINUTE, every=MINUTE)
    rig.messenger.refusals = []
    rig.messenger.closed = {SECURITY: "is_archived"}
    live(rig, to=REFUSED + 2 * HOUR, every=MINUTE)

    [shown] = rig.reminders()
    assert isinstance(shown.message, ReminderMessage)
    assert (shown.message.timing, shown.message.why) == (Timing.LATE, None)
    assert shown.message.meant == (Meant(channel=SECURITY, why="the channel is archived", count=1),)
    [row] = [row for row in rig.rows() if row.state is ReminderState.LATE]
    assert row.reason == "C0SECURITY does not take it: is_archived"
    [told] = [each for each in rig.reminding.recalled(FINOPS).rows if each.sent_at]
    assert told.why == Why(
        because=Because.MOVED, channel=SECURITY, detail="the channel is archived"
    )


def test_an_hour_off_is_noted_before_arming_forgets_it(rig: Rig) -> None:
    rig.clock.set(REFUSED + HOUR)
    for _ in range(3):
        rig.reminding.arm()
        rig.clock.advance(timedelta(seconds=5))
    rig.run()

    message = rig.reminders()[0].message
    assert isinstance(message, ReminderMessage)
    assert (message.timing, message.why) == (Timing.LATE, "Lapse was not running.")


def test_what_is_only_counted_says_that_it_was_missed_and_why(
    store: SqlStore, clock: SettableClock
) -> None:
    clock.set(REFUSED - MINUTE)
    rig = Rig(store, clock)
    rig.know(*(quota(f"q-{n:02}", orders=(ORDER,), owner=None) for n in range(60)))
    rig.run()
    rig.messenger.shown.clear()
    rig.clock.set(PASSED)
    rig.run()

    [rest] = [each.message for each in rig.messenger.of(ReminderRest)]
    assert isinstance(rest, ReminderRest)
    assert (rest.count, rest.timing, rest.why) == (20, Timing.MISSED, "Lapse was not running.")


def expiring(hour: int, *, auto_renew: bool = False) -> Subscription:
    """One that ends on 7 December at a full hour in the cloud's zone."""
    paid = replace(ORDER, expires_at=instant(f"2026-12-07 {hour:02}:00"))
    return quota("sm-ends", orders=(paid,), owner=None, auto_renew=auto_renew)


@pytest.fixture
def ending(store: SqlStore, clock: SettableClock) -> Rig:
    """Two days before what ends on 7 December."""
    clock.set(instant("2026-12-05 12:00"))
    return Rig(store, clock)


def told_of(rig: Rig) -> tuple[Timing, ReminderState, Sequence[Settled]]:
    """How the last reminder of one day ahead speaks, what is recorded, and what it shows."""
    message = rig.reminders()[-1].message
    assert isinstance(message, ReminderMessage)
    [row] = [row for row in rig.rows() if row.reminder.lead_days == 1]
    return message.timing, row.state, [item.settled for item in message.items]


AHEAD = (Timing.LATE, ReminderState.LATE, [Settled.OPEN])
OVER = (Timing.MISSED, ReminderState.MISSED, [Settled.OPEN])


@pytest.mark.parametrize(("before", "now", "said"), [(10, 23, AHEAD), (23, 10, OVER)])
def test_an_hour_that_moved_while_nobody_ran_decides_what_was_missed(
    ending: Rig, before: int, now: int, said: object
) -> None:
    ending.know(expiring(before))
    ending.run()
    ending.clock.set(instant("2026-12-07 12:00"))
    ending.know(expiring(now))
    ending.run()

    assert told_of(ending) == said


def test_one_that_expired_at_an_earlier_hour_than_was_known_is_told_as_missed(ending: Rig) -> None:
    ending.know(expiring(23))
    ending.run()
    ending.clock.set(instant("2026-12-07 12:00"))
    ending.know(replace(expiring(10), status=Status.EXPIRED))
    ending.run()

    assert told_of(ending) == OVER


@pytest.mark.parametrize(("before", "now", "said"), [(10, 23, AHEAD), (23, 10, OVER)])
def test_so_does_one_that_moved_while_it_waited(
    ending: Rig, before: int, now: int, said: object
) -> None:
    ending.know(expiring(before))
    ending.run()
    ending.clock.set(instant("2026-12-06 09:00"))
    ending.messenger.closed = {FINOPS: "is_archived"}
    live(ending, to=instant("2026-12-07 06:00"))
    ending.know(expiring(now))
    live(ending, to=instant("2026-12-07 12:00"))
    ending.messenger.closed = {}
    live(ending, to=instant("2026-12-07 14:00"))

    assert told_of(ending) == said


def test_one_that_moved_to_later_after_it_was_bundled_as_missed_is_late(ending: Rig) -> None:
    """Each of two: alone it speaks otherwise, among what has passed it goes by itself."""
    ending.know(expiring(10), replace(expiring(10), key=key("sm-other")))
    ending.run()
    ending.messenger.closed = {FINOPS: "is_archived"}
    live(ending, to=instant("2026-12-07 13:00"))
    ending.know(expiring(23))
    ending.messenger.closed = {}
    live(ending, to=instant("2026-12-07 15:00"), every=MINUTE)

    lasts = told(ending)[-2:]
    assert sorted(lasts) == [(["sm-ends"], Timing.LATE), (["sm-other"], Timing.MISSED)]


def test_what_expires_since_auto_renewal_is_off_is_not_over_with_the_hour_of_the_attempt(
    ending: Rig,
) -> None:
    ending.clock.set(instant("2026-12-06 04:00"))
    ending.know(expiring(23, auto_renew=True))
    ending.messenger.closed = {FINOPS: "is_archived"}
    live(ending, to=instant("2026-12-07 01:00"))
    ending.know(expiring(23))
    live(ending, to=instant("2026-12-07 06:00"))
    ending.messenger.closed = {}
    live(ending, to=instant("2026-12-07 08:00"))

    assert told_of(ending) == AHEAD


def why(rig: Rig) -> tuple[Timing, str | None, set[str]]:
    """How the last reminder speaks and why, and what is recorded of those that it tells."""
    message = rig.reminders()[-1].message
    assert isinstance(message, ReminderMessage)
    recorded = {row.reason for row in rig.rows() if row.delivery_id == message.delivery_id}
    return message.timing, message.why, recorded


@pytest.mark.parametrize("arms_first", [True, False])
def test_what_was_bundled_before_nobody_ran_says_that_nobody_did(
    rig: Rig, arms_first: bool
) -> None:
    rig.clock.set(REFUSED)
    rig.reminding.arm()
    rig.reminding.bundle_due()
    rig.clock.advance(3 * HOUR)
    rig.start()
    if arms_first:
        rig.reminding.arm()
    rig.delivering.send_due()

    assert why(rig) == (Timing.LATE, WAS_OFF, {WAS_OFF})


def test_what_waits_for_others_does_not_put_that_down_to_slack(rig: Rig) -> None:
    """Thirty messages a minute, and a hundred channels."""
    rig.know(
        *(
            quota(f"sm-{n}", orders=(ORDER,), owner=None, channel=SlackChannel(f"C0{n:03}"))
            for n in range(100)
        )
    )
    rig.run()
    rig.messenger.shown.clear()
    rig.limits = Limits(post=Rate.a_minute(30))
    rig.start()
    live(rig, to=REFUSED + 5 * MINUTE, every=timedelta(seconds=2))

    shown = [each.message for each in rig.messenger.of(ReminderMessage)]
    spoken = {(each.timing, each.why) for each in shown if isinstance(each, ReminderMessage)}
    assert spoken == {(Timing.ON_TIME, None), (Timing.LATE, MANY)}
    assert {row.reason for row in rig.rows() if row.state is ReminderState.LATE} == {MANY}


def test_what_slack_held_up_says_so_although_it_was_never_tried(rig: Rig) -> None:
    """The other one's 429 holds the whole workspace; nothing of that is on this message."""
    rig.know(quota("sm-there", orders=(ORDER,), owner=None, channel=SECURITY))
    rig.run()
    rig.messenger.shown.clear()
    rig.messenger.refusals = [Limited("ratelimited", retry_after=300.0)]
    live(rig, to=REFUSED + 10 * MINUTE, every=timedelta(seconds=30))

    said = {
        (each.message.timing, each.message.why)
        for each in (*rig.reminders(), *rig.reminders(SECURITY))
        if isinstance(each.message, ReminderMessage)
    }
    assert said == {(Timing.LATE, NOT_TAKEN)}


def test_the_reason_of_one_that_was_sent_stays_as_it_was_recorded(rig: Rig) -> None:
    rig.clock.set(REFUSED)
    rig.reminding.arm()
    rig.reminding.bundle_due()
    rig.clock.advance(3 * HOUR)
    rig.run()
    for _ in range(12):  # more pauses than are remembered
        rig.clock.advance(5 * MINUTE)
        rig.reminding.arm()
    rig.reminding.keep(rig.reminders()[-1].delivery_id, [key("sm-one")], by=APPROVER_1)
    rig.delivering.send_due()

    assert why(rig)[:2] == (Timing.LATE, WAS_OFF)
