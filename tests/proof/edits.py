"""Lives in which a reading changes what a reminder says and not which date it is about.

The cloud moves the hour of an expiry within its date, or auto-renewal is switched off and on, so
that an expiry becomes a deduction that may share its date. The owed reminder is the same: its id
follows from the date. Whatever waits then is told all the same.

Excused is one thing, of a process that is frozen for longer than its lease: it posts what was
withdrawn meanwhile, and the sweep takes that back. When the reminder is owed again by then, too
late to be promised (its hour has passed), it was told and nothing of it is left.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from bot.billing.days import CLOUD_ZONE
from bot.billing.subscription import Subscription
from bot.ports.store import Store
from tests.proof.nemesis import Nemesis
from tests.proof.stages import Disk
from tests.proof.world import World

CALM_EDITS, EDITS, SWITCHES = 10, 30, 40
"""Of a thousand steps so many are followed by a change."""

AWAY = 0.7
"""On this share of the days nobody runs for hours, in which a date begins and its hour moves."""

SWITCHED = 0.6
"""This share of the changes switches auto-renewal; the others are as ever."""


Line = dict[str, Any]


class _Edited(World):
    def run(self) -> list[Line]:
        """As ever, without what is excused."""
        lines = super().run()
        return excused(lines) if self.frozen else lines

    def _put(self, item: Subscription, what: str) -> None:
        now = self.clock.now()
        self.slack.happened[what] += 1
        with self.store.transaction() as tx:
            tx.catalogue.put([item], at=now)
        self._items[item.key] = item
        self._note(item, at=now)

    def _note(self, item: Subscription, *, at: datetime) -> None:
        self._owing.changed(item.key, item, at=at, is_taken=self._is_taken)

    def _any_item(self) -> Subscription:
        return self._items[self.random.choice(sorted(self._items))]


class MovedHours(_Edited):
    """The expiry's hour changes; every second life has hardly any other trouble.

    Whether it has passed when it is told goes by the hour that holds then.
    """

    def __init__(self, store: Store, disk: Disk, seed: int) -> None:
        calm = Nemesis(edits=CALM_EDITS)
        super().__init__(store, disk, seed, calm if seed % 2 else _dying(seed, edits=EDITS))

    def _trouble(self) -> None:
        super()._trouble()
        if self.random.random() >= AWAY:
            return
        self.slack.happened["hours nobody ran"] += 1
        self.replicas[0].tick("arm")
        self.true.advance(timedelta(hours=self.random.randrange(12, 40)))
        for key in sorted(self._items):
            self._move(self._items[key])
        for each in self.replicas:
            each.start()
        self.replicas[0].tick("arm")

    def _edit(self) -> None:
        self._move(self._any_item())

    def _move(self, item: Subscription) -> None:
        assert item.expires_at is not None
        hour, minute = self.random.randrange(24), self.random.randrange(60)
        ends = item.expires_at.astimezone(CLOUD_ZONE).replace(hour=hour, minute=minute)
        paid = replace(item.orders[-1], expires_at=ends)
        self._put(replace(item, orders=(paid,)), "hours moved")

    def _note(self, item: Subscription, *, at: datetime) -> None:
        self._owing.moved(item, at=at)


class Switched(_Edited):
    """Auto-renewal goes off and on; at rest it is off, since nobody charges anything here."""

    def __init__(self, store: Store, disk: Disk, seed: int) -> None:
        super().__init__(store, disk, seed, _dying(seed, edits=SWITCHES))

    def _usual_items(self) -> Sequence[Subscription]:
        return [self._ending(number, 10 + number) for number in range(3)]

    def _edit(self) -> None:
        if self.random.random() < SWITCHED:
            self._switch(self._any_item())
        else:
            super()._edit()

    def _live(self) -> None:
        super()._live()
        for _, item in sorted(self._items.items()):
            if item.auto_renew:
                self._switch(item)

    def _switch(self, item: Subscription) -> None:
        self._put(replace(item, auto_renew=not item.auto_renew), "switches turned")


def excused(lines: Sequence[Line]) -> list[Line]:
    """Without posts that were made while a reminder was withdrawn, and that are gone.

    Only where it is owed again in the end and need not be told.
    """
    facts: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        if line["event"] in {"owed", "withdrawn"}:
            facts[line["id"]].append(line)
    gone = {line["ts"] for line in lines if line["event"] == "delete"}
    return [
        {**line, "ids": [each for each in line["ids"] if not _withdrawn(facts[each], line)]}
        if line["event"] == "post" and line["ts"] in gone
        else line
        for line in lines
    ]


def _withdrawn(facts: Sequence[Line], post: Line) -> bool:
    if len(facts) < 2:
        return False
    before, last = facts[-2:]
    need_not = before["event"] == "withdrawn" and last["event"] == "owed" and last["optional"]
    return bool(need_not and before["at"] < post["at"] < last["at"])


def _dying(seed: int, *, edits: int) -> Nemesis:
    """As a usual life dies and freezes, with changes for its trouble."""
    usual, random = Nemesis.of(seed), Random(f"edits {seed}")
    return Nemesis(
        kills=usual.kills,
        power_cuts=usual.power_cuts,
        freezes=usual.freezes,
        mood=usual.mood,
        edits=random.choice((edits // 2, edits)),
    )
