"""Killed at every durable step, singly: no reminder is lost and none is told twice."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from bot.facts.messages import ReminderLine, Settled
from storage.engine import Database
from tests.clocks import SettableClock
from tests.conftest import ACCOUNTS, AUDIT_KEY
from tests.factories import OWNER, instant, key, order, package, quota
from tests.messengers import FakeMessenger, Shown
from tests.unit.services.mortal import Killed, MortalStore, Steps
from tests.unit.services.rig import Rig

ORDER = order("2025-12-07 09:20")
DM = f"D{OWNER[1:]}"

LEAD = "default/sm-quota/2026-11-30"
PACKAGE = "default/sm-screen/2026-11-30"
IN_CHANNEL = {f"{LEAD}/7d": 1, f"{PACKAGE}/7d": 1, f"{PACKAGE}/3d": 1}
DIRECT = {f"{LEAD}/7d/dm": 1}


class MortalMessenger(FakeMessenger):
    """A workspace that a process may die in front of, before and after each message."""

    steps: Steps

    def post(self, *args: Any, **kwargs: Any) -> Any:
        self.steps.step()
        posted = super().post(*args, **kwargs)
        self.steps.step()
        return posted

    def update(self, *args: Any, **kwargs: Any) -> None:
        self.steps.step()
        super().update(*args, **kwargs)
        self.steps.step()


def found(rig: Rig) -> None:
    rig.know(quota(orders=(ORDER,)), package(orders=(ORDER,), owner=None))
    rig.run()


def keep(rig: Rig) -> None:
    pressed = rig.reminders()[-1].delivery_id
    item = next(i for i in rig.reminding.message(pressed).items if i.subscription.key == key())
    if item.settled is not Settled.KEPT:
        rig.reminding.keep(pressed, [key()], by=OWNER)
    rig.run()


def next_lead(rig: Rig) -> None:
    rig.clock.advance_to(instant("2026-11-27 09:00"))
    rig.run()


def aftermath(rig: Rig) -> None:
    rig.clock.advance(timedelta(seconds=61))
    rig.run()


CHAPTERS: tuple[Callable[[Rig], None], ...] = (found, keep, next_lead, aftermath)


def survive(rig: Rig) -> None:
    """Tell the story; a chapter that a kill cut is begun again after a restart and a lease."""
    for chapter in CHAPTERS:
        for _ in range(2):
            try:
                chapter(rig)
                break
            except Killed:
                rig.start()
                rig.clock.advance(timedelta(seconds=61))


def told(shown: list[Shown]) -> Counter[str]:
    return Counter(each for message in shown for each in message.reminder_ids)


def test_a_kill_at_any_step_neither_loses_nor_repeats_a_message(database: Database) -> None:
    kill_at = 0
    taken = 1
    while kill_at <= taken:
        kill_at += 1
        steps = Steps(kill_at)
        store = database.store(team_id=f"T{kill_at:03}", accounts=ACCOUNTS, audit_key=AUDIT_KEY)
        rig = Rig(MortalStore(store, steps), SettableClock(instant("2026-11-23 10:12")))
        rig.messenger = MortalMessenger(rig.clock)
        rig.messenger.steps = steps
        rig.start()

        survive(rig)

        taken = steps.taken
        shown = (told(rig.reminders()), told(rig.reminders(DM)))
        kept = {
            item.settled
            for message in rig.reminders()
            for item in message.message.items
            if item.subscription.key == key()
        }
        assert shown == (IN_CHANNEL, DIRECT), f"killed at step {kill_at}"
        assert kept == {Settled.KEPT}, f"killed at step {kill_at}"
        assert len(rig.messenger.of(ReminderLine)) == 1, f"killed at step {kill_at}"

    assert kill_at > 60
