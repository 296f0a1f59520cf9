"""What `/lapse reminders` is told: what is armed and why, and what became of the others."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.billing.subscription import SlackChannel
from bot.facts.reminding import Because, NextReminder, ReminderPage, Standing, Why
from bot.services.policy import Route
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.factories import APPROVER_1, OWNER, instant, key, order, quota, resource
from tests.unit.services.rig import FINOPS, SECURITY, Rig, policy

ORDER = order("2025-12-07 09:20", expires_at="2026-12-07 23:59:59")
SOON = quota(orders=(ORDER,))
"""It will be deducted on Mon 30 Nov 2026, so leads fall due on 16, 23, 27 and 29 November."""


@pytest.fixture
def rig(store: SqlStore, clock: SettableClock) -> Rig:
    """Sun 22 Nov 2026, 08:59: the lead of seven days is a day ahead, that of 14 has just come."""
    return rigged(store, clock)


def rigged(store: SqlStore, clock: SettableClock, **settings: Any) -> Rig:
    clock.set(instant("2026-11-22 08:59"))
    return Rig(store, clock, policy=policy(**settings))


def told(page: ReminderPage) -> list[tuple[Any, ...]]:
    """Standing, lead, destination and reason of every row."""
    return [
        (row.standing, row.lead_days, row.destination, row.why.because if row.why else None)
        for row in page.rows
    ]


def test_a_channel_sees_its_own_and_everywhere_sees_the_owner_too(rig: Rig) -> None:
    rig.know(SOON)
    rig.run()

    assert told(rig.reminding.recalled(FINOPS)) == [
        (Standing.ARMED, 7, FINOPS, Because.NO_ROUTE),
        (Standing.SENT, 14, FINOPS, None),
    ]
    page = rig.reminding.recalled()
    assert told(page) == [
        (Standing.ARMED, 7, FINOPS, Because.NO_ROUTE),
        (Standing.ARMED, 7, OWNER, Because.OWNER),
        (Standing.SENT, 14, FINOPS, None),
        (Standing.SENT, 14, OWNER, None),
    ]
    assert [row.direct for row in page.rows] == [False, True, False, True]
    assert page.counts == {Standing.ARMED: 2, Standing.SENT: 2}
    assert page.rows[0].subscription == SOON
    assert page.rows[0].due_at == instant("2026-11-23 09:00")
    assert page.rows[2].sent_at == instant("2026-11-22 08:59")
    assert page.next is None


@pytest.mark.parametrize(
    ("subscription", "why"),
    [
        (replace(SOON, channel=SECURITY), Why(because=Because.OWN_CHANNEL)),
        (SOON, Why(because=Because.ROUTE, detail="service:SecMaster account:default")),
    ],
)
def test_what_is_armed_says_what_sends_it_there(
    store: SqlStore, clock: SettableClock, subscription: Any, why: Why
) -> None:
    route = Route(channel=SECURITY, service="SecMaster", account="default")
    rig = rigged(store, clock, routes=(route,))
    rig.know(subscription)
    rig.run()

    assert rig.reminding.recalled(SECURITY).rows[0].why == why


def test_what_a_channel_would_not_take_says_where_it_came_from(
    store: SqlStore, clock: SettableClock
) -> None:
    rig = rigged(store, clock, routes=(Route(channel=SECURITY, service="SecMaster"),))
    rig.messenger.closed[SECURITY] = "is_archived"
    rig.know(SOON)
    rig.run()

    [moved, *_] = rig.reminding.recalled(FINOPS).rows
    assert moved.lead_days == 14
    assert moved.why == Why(
        because=Because.MOVED, channel=SlackChannel(SECURITY), detail="the channel is archived"
    )


def test_what_is_bundled_and_not_taken_yet_is_on_its_way(rig: Rig) -> None:
    rig.know(SOON)
    rig.reminding.arm()
    rig.reminding.bundle_due()

    assert told(rig.reminding.recalled(FINOPS)) == [
        (Standing.ARMED, 14, FINOPS, Because.ON_ITS_WAY),
        (Standing.ARMED, 7, FINOPS, Because.NO_ROUTE),
    ]


def test_a_snoozed_one_names_who_snoozed_it(rig: Rig) -> None:
    rig.know(SOON)
    rig.run()
    pressed = rig.reminders()[-1].delivery_id
    rig.reminding.snooze(pressed, [key()], until=instant("2026-11-24 09:00"), by=APPROVER_1)

    page = rig.reminding.recalled(FINOPS)

    assert told(page) == [
        (Standing.ARMED, 14, FINOPS, Because.SNOOZED),
        (Standing.SENT, 14, FINOPS, None),
    ]
    assert page.rows[0].due_at == instant("2026-11-24 09:00")
    assert page.rows[0].why == Why(because=Because.SNOOZED, by=APPROVER_1)


def test_a_kept_one_was_sent_and_names_who_keeps_it_and_what_never_went_out_is_gone(
    rig: Rig,
) -> None:
    rig.know(SOON)
    rig.run()
    rig.reminding.keep(rig.reminders()[-1].delivery_id, [key()], by=OWNER)

    page = rig.reminding.recalled(FINOPS)

    assert told(page) == [(Standing.SENT, 14, FINOPS, Because.KEPT)]
    assert page.rows[0].why == Why(because=Because.KEPT, by=OWNER)


def test_what_slack_never_confirmed_is_not_known(rig: Rig) -> None:
    rig.know(replace(SOON, owner=None))
    rig.messenger.lose_answers = 1
    rig.messenger.history_unreadable = True
    rig.run()

    assert told(rig.reminding.recalled())[1] == (
        Standing.UNKNOWN,
        14,
        FINOPS,
        Because.NOT_CONFIRMED,
    )


def test_late_and_missed_ones_say_why(rig: Rig, clock: SettableClock) -> None:
    rig.know(replace(SOON, owner=None))
    rig.run()
    clock.set(instant("2026-11-23 13:20"))
    rig.run()
    clock.set(instant("2026-12-01 12:00"))
    rig.run()

    page = rig.reminding.recalled(FINOPS)

    off = Why(because=Because.RECORDED, detail="Lapse was not running.")
    assert [(row.standing, row.lead_days, row.why) for row in page.rows] == [
        (Standing.MISSED, 1, off),
        (Standing.MISSED, 3, off),
        (Standing.LATE, 7, off),
        (Standing.SENT, 14, None),
    ]
    assert page.rows[2].due_at == instant("2026-11-23 09:00")
    assert page.rows[2].sent_at == instant("2026-11-23 13:20")


def test_what_came_thirty_days_ago_is_left_out(rig: Rig, clock: SettableClock) -> None:
    rig.know(SOON)
    rig.run()
    clock.set(instant("2026-12-22 08:59"))
    assert rig.reminding.recalled(FINOPS).counts[Standing.SENT] == 1

    clock.advance(timedelta(seconds=1))

    assert Standing.SENT not in rig.reminding.recalled(FINOPS).counts


def test_ten_a_page_and_a_page_beyond_the_last_is_the_last(rig: Rig) -> None:
    rig.know(*(quota(f"q-{n:02}", orders=(ORDER,), owner=None) for n in range(6)))
    rig.run()

    first, last = rig.reminding.recalled(), rig.reminding.recalled(page=9)

    assert (len(first.rows), first.page, first.pages, first.number) == (10, 1, 2, 1)
    assert (len(last.rows), last.page, last.number, last.count) == (2, 2, 11, 12)
    assert [row.subscription.key.id for row in (*first.rows, *last.rows)] == [
        f"q-{n:02}" for n in range(6)
    ] * 2


def test_with_nothing_armed_the_next_lead_is_named_with_its_channel(
    store: SqlStore, clock: SettableClock
) -> None:
    rig = rigged(store, clock, routes=(Route(channel=SECURITY, service="ECS"),))
    later = resource(
        auto_renew_months=12, orders=(order("2026-01-20 09:20", expires_at="2027-01-20 23:59:59"),)
    )
    rig.know(later)
    rig.run()

    page = rig.reminding.recalled(FINOPS)

    assert (page.rows, page.counts, page.pages) == ((), {}, 1)
    assert page.next == NextReminder(
        at=instant("2026-12-14 09:00"), subscription=later, channel=SECURITY
    )


def test_with_nothing_to_watch_nothing_comes_next(rig: Rig) -> None:
    assert rig.reminding.recalled().next is None
