"""Pacing: how fast messages go out, so that Slack has nothing to refuse; shared by all replicas.

A bucket is one instant: when it will be full again. Each token taken moves it on by the time that
the bucket takes to gain one, which is the generic cell rate algorithm.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.ports.messenger import Limited, NotPosted, Unsettled
from bot.ports.store import Store, Transaction
from bot.services.closing import EVERYWHERE, note_stop

MINUTE = timedelta(minutes=1)
AT_ONCE = timedelta(0)


class Method(StrEnum):
    """What Slack limits by itself: posting, replacing, reading back, deleting, and links."""

    POST = "post"
    UPDATE = "update"
    LOOK = "look"
    DELETE = "delete"
    LINK = "link"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """One token each `every`, and never more than `burst` of them; nothing waits at zero."""

    every: timedelta = AT_ONCE
    burst: int = 1

    @classmethod
    def a_minute(cls, calls: int, *, at_once: int = 1) -> "Rate":
        """At most so many in any minute, some of them together; 0 means as many as there are."""
        if not calls:
            return cls()
        burst = max(1, min(at_once, calls // 2))
        return cls(every=MINUTE / (calls - burst + 1), burst=burst)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Posts and updates of a workspace, and posts of one channel."""

    post: Rate = Rate()
    update: Rate = Rate()
    channel: Rate = Rate()


class Pacing:
    """Hands out turns by the limits; every call is part of the transaction that uses them."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._rates = {Method.POST: limits.post, Method.UPDATE: limits.update}

    def take(self, tx: Transaction, method: Method, *, want: int, now: datetime) -> int:
        """Take up to so many tokens of a method; returns how many there were."""
        rate = self._rates[method]
        full_at = max(tx.pacing.free_at(method) or now, now)
        if not rate.every:
            return want if full_at == now else 0
        room = now + rate.burst * rate.every - full_at
        granted = max(0, min(want, room // rate.every))
        tx.pacing.set_free_at(method, full_at + granted * rate.every)
        return granted

    def give_back(self, tx: Transaction, method: Method, *, unused: int) -> None:
        """Return tokens of this transaction that were not needed."""
        full_at = tx.pacing.free_at(method)
        if unused and full_at is not None:
            tx.pacing.set_free_at(method, full_at - unused * self._rates[method].every)

    def turn(self, tx: Transaction, channel: str, *, now: datetime) -> datetime:
        """Take the next turn of a channel; returns when it is."""
        rate = self._limits.channel
        if not rate.every:
            return now
        name = f"channel/{channel}"
        turn = max(tx.pacing.free_at(name) or now, now)
        tx.pacing.set_free_at(name, turn + rate.every)
        return turn

    def still_holds(self, turn: datetime, *, now: datetime) -> bool:
        """Whether a turn may be used now: until the next one begins, which is another's.

        A machine that has much to do is always late, and would else lose every turn that it takes.
        """
        return turn <= now < turn + self._limits.channel.every

    def hold(self, tx: Transaction, method: Method, *, until: datetime) -> None:
        """Let nobody call a method before an instant, since Slack said so for the workspace.

        Its bucket grants nothing before that, and what was granted already hears of it.
        """
        _put_off(tx, f"{method}/held", until)
        rate = self._rates.get(method)
        if rate is not None:
            _put_off(tx, method, until + (rate.burst - 1) * rate.every)

    def obey(
        self, store: Store, method: Method, refused: NotPosted | Unsettled, *, now: datetime
    ) -> None:
        """Hold a method when Slack said that it was called too often; written down at once."""
        limited = isinstance(refused, Limited | Unsettled) and refused.retry_after > 0
        if limited:
            with store.transaction() as tx:
                until = now + timedelta(seconds=refused.retry_after)
                self.hold(tx, method, until=until)
                if method is Method.POST:
                    note_stop(tx, EVERYWHERE, until=until, at=now)

    def held_until(self, tx: Transaction, method: Method, *, now: datetime) -> datetime | None:
        """When a method that Slack stopped may be called again, None when it may be called now."""
        again = tx.pacing.free_at(f"{method}/held")
        return again if again is not None and again > now else None


def _put_off(tx: Transaction, name: str, until: datetime) -> None:
    known = tx.pacing.free_at(name)
    if known is None or known < until:
        tx.pacing.set_free_at(name, until)
