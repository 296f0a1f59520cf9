"""What a command shows of reminders: as if arming had just run, of which nothing is written."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.billing.subscription import Status
from bot.ports.store import ArmedReminder, ReminderState, Store
from tests.clocks import SettableClock
from tests.factories import instant, order, quota
from tests.unit.services.rig import Rig

SOON = quota(orders=(order("2025-12-07 09:20", expires_at="2026-12-07 23:59:59"),))
LATER = quota("later", orders=(order("2025-12-08 09:20", expires_at="2026-12-08 23:59:59"),))


@pytest.fixture
def rig(any_store: Store, clock: SettableClock) -> Rig:
    """Sun 22 Nov 2026: the lead of seven days is a day ahead."""
    clock.set(instant("2026-11-22 12:00"))
    return Rig(any_store, clock)


def written(rig: Rig) -> Sequence[object]:
    with rig.store.reading() as tx:
        notes = [tx.notes.get(f"reminders/{name}") for name in ("watch", "pauses")]
        return [*notes, *tx.catalogue.unplanned(limit=10), *rig.rows()]


def never_armed(rig: Rig) -> None:
    rig.know(SOON, LATER)


def found_since(rig: Rig) -> None:
    rig.know(SOON)
    rig.run()
    rig.know(LATER)


def reached_by_the_horizon(rig: Rig) -> None:
    rig.know(SOON, LATER)
    rig.run()
    rig.clock.advance(timedelta(days=1))


def passed_while_nobody_ran(rig: Rig) -> None:
    rig.know(SOON, LATER)
    rig.run()
    rig.clock.advance(timedelta(days=20))


def no_longer_wanted(rig: Rig) -> None:
    rig.know(SOON, LATER)
    rig.run()
    rig.know(replace(SOON, status=Status.UNSUBSCRIBED))


def moved(rig: Rig) -> None:
    rig.know(SOON)
    rig.run()
    later = replace(rig.policy.schedule, at=instant("2026-11-22 17:00").time())
    rig.policy = replace(rig.policy, schedule=later)
    rig.start()


def kept(rig: Rig) -> None:
    rig.know(SOON)
    rig.run()
    shown = rig.reminders()[-1]
    assert SOON.owner is not None
    rig.reminding.keep(shown.delivery_id, [SOON.key], by=SOON.owner)


SITUATIONS = [
    never_armed,
    found_since,
    reached_by_the_horizon,
    passed_while_nobody_ran,
    no_longer_wanted,
    moved,
    kept,
]


@pytest.mark.parametrize("settled", [False, True])
@pytest.mark.parametrize("situation", SITUATIONS)
def test_it_is_what_arming_makes_of_it_and_nothing_is_written(
    rig: Rig, situation, settled: bool
) -> None:
    situation(rig)
    before = written(rig)

    foreseen = list(rig.reminding.foreseen(settled=settled))

    assert written(rig) == before
    rig.reminding.arm()
    assert _unsorted(foreseen) == _unsorted(rig.reminding.listed(settled=settled))
    assert [row.due_at for row in foreseen] == sorted(row.due_at for row in foreseen)


def test_what_falls_due_after_an_instant_is_left_out(rig: Rig) -> None:
    never_armed(rig)
    until = instant("2026-11-23 09:00")

    foreseen = list(rig.reminding.foreseen(until=until))

    assert {row.id.split("/")[1] for row in foreseen if "/7d" in row.id} == {"sm-quota"}
    rig.reminding.arm()
    assert _unsorted(foreseen) == _unsorted(rig.reminding.listed(until=until))


def test_what_no_longer_holds_is_shown_with_its_reason_among_the_settled_ones(rig: Rig) -> None:
    no_longer_wanted(rig)

    assert not [r for r in rig.reminding.foreseen() if r.state is ReminderState.ARMED and _soon(r)]
    reasons = {r.reason for r in rig.reminding.foreseen(settled=True) if _soon(r) and not r.sent_at}
    assert reasons == {"unsubscribed"}


def _soon(row: ArmedReminder) -> bool:
    return row.reminder.subscription == SOON.key


def _unsorted(rows) -> list[tuple[object, ...]]:
    return sorted(
        (row.id, row.destination, row.state.value, row.due_at, row.reason) for row in rows
    )
