"""Keeping time: how far apart the clocks of the replicas are.

What is due goes by the database's clock, so replicas agree whatever their own clocks say; but logs,
certificates and signatures of requests go by those, and a clock that is wrong is worth a word.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.billing.subscription import SlackUser
from bot.ports.clock import Clock
from bot.ports.store import Store, Transaction
from bot.services.alarming import Trouble, alarm

TOLERATED = timedelta(seconds=30)
REMEMBERED = timedelta(minutes=10)
"""A replica that was not heard of for longer is gone."""

_NOTE = "clocks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Skew:
    """How far clocks are apart, and between whom; `database` is one of them."""

    apart: timedelta
    behind: str
    ahead: str


class KeepingTime:
    """Compares this machine's clock with the database's; each replica notes what it measured."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        replica: str,
        machine: Callable[[], datetime],
        database: Callable[[], datetime],
        operators: Callable[[], Sequence[SlackUser]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._replica = replica
        self._machine = machine
        self._database = database
        self._operators = operators

    def tick(self) -> None:
        """Measure; there is never more to do."""
        self.measure()

    def measure(self) -> Skew:
        """Note how far this clock is from the database's; tell operators what is above 30 s."""
        asked = self._machine()
        there = self._database()
        answered = self._machine()
        ahead = asked + (answered - asked) / 2 - there  # half the way there, half the way back
        now = self._clock.now()
        with self._store.transaction() as tx:
            others = _lately(tx.notes.held(_NOTE), now=now)
            tx.notes.put(_NOTE, {**others, self._replica: _written(ahead, now)})
            skew = skew_of(tx, now=now)
        if skew.apart > TOLERATED:
            self._tell(skew, now=now)
        return skew

    def _tell(self, skew: Skew, *, now: datetime) -> None:
        operators = self._operators()
        trouble = Trouble(
            about=f"clocks/{skew.behind}/{skew.ahead}",
            subject="Clocks are apart",
            text=f"The clock of {skew.ahead} is {skew.apart.total_seconds():.0f} s ahead of "
            f"that of {skew.behind}. Reminders go by the database's clock and are on time. "
            "Let the machines keep time with NTP.",
            since=now,
        )
        with self._store.transaction() as tx:
            alarm(tx, trouble, operators=operators, at=now)


def skew_of(tx: Transaction, *, now: datetime) -> Skew:
    """The clocks furthest apart, of the replicas heard of lately and the database's."""
    heard = _lately(tx.notes.get(_NOTE) or {}, now=now)
    ahead = {name: timedelta(seconds=float(facts["ahead"])) for name, facts in heard.items()}
    ahead["database"] = timedelta(0)
    first, last = min(ahead, key=lambda name: ahead[name]), max(ahead, key=lambda name: ahead[name])
    return Skew(apart=ahead[last] - ahead[first], behind=first, ahead=last)


def _lately(note: Mapping[str, Any], *, now: datetime) -> Mapping[str, Any]:
    return {
        name: facts
        for name, facts in note.items()
        if now - datetime.fromisoformat(facts["at"]) <= REMEMBERED
    }


def _written(ahead: timedelta, now: datetime) -> Mapping[str, object]:
    return {"ahead": ahead.total_seconds(), "at": now.isoformat()}
