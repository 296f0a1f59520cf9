"""One replica of the engine: the use cases that the ticks of a bot call, over any messenger."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import time
from math import inf
from typing import Any
from zoneinfo import ZoneInfo

from bot.billing.reminder import Schedule
from bot.billing.subscription import SlackChannel
from bot.facts.messages import Message
from bot.ports.clock import Clock
from bot.ports.messenger import Messenger, Posted
from bot.ports.store import Store
from bot.services.composing import Composing
from bot.services.delivering import Delivering
from bot.services.pacing import Limits, Pacing
from bot.services.people import People
from bot.services.policy import Policy
from bot.services.reminding import Reminding
from bot.services.rerouting import Rerouting
from bot.services.sweeping import Sweeping
from tests.clocks import always_steady
from tests.messengers import FakeDirectory

CHANNEL = SlackChannel("C0FINOPS")
LEADS = (30, 14, 7, 3, 1)
NO_LIMITS = Limits()


def policy(*lead_days: int) -> Policy:
    """The settings of a bot with these leads."""
    return Policy(
        approvals_channel=SlackChannel("C0APPROVALS"),
        reminders_channel=CHANNEL,
        schedule=Schedule(lead_days=lead_days, at=time(9), zone=ZoneInfo("Asia/Shanghai")),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """What the ticks call, by name."""

    reminding: Reminding
    delivering: Delivering
    sweeping: Sweeping

    @classmethod
    def of(
        cls,
        store: Store,
        clock: Clock,
        messenger: Messenger,
        *,
        policy: Policy,
        limits: Limits = NO_LIMITS,
    ) -> "Replica":
        """Join the use cases as a bot does; without limits unless some are given."""
        people = People(directory=FakeDirectory(), policy=policy)
        parts: dict[str, Any] = {"store": store, "clock": clock}
        reminding = Reminding(**parts, policy=policy, people=people)
        pacing = Pacing(limits)
        rerouting = Rerouting(**parts, policy=policy, people=people)
        composing = Composing(links=messenger, announcing=reminding.announcing)
        delivering = Delivering(
            **parts,
            messenger=messenger,
            composing=composing,
            rerouting=rerouting,
            pacing=pacing,
            elapsed=lambda: 0.0,
            steady_since=always_steady,
        )
        sweeping = Sweeping(
            **parts,
            messenger=messenger,
            pacing=pacing,
            steady_since=always_steady,
            operators=rerouting.operators,
        )
        return cls(reminding=reminding, delivering=delivering, sweeping=sweeping)

    @property
    def ticks(self) -> dict[str, Callable[[], int]]:
        """The engine's ticks in their order."""
        return {
            "arm": self.reminding.arm,
            "bundle": self.reminding.bundle_due,
            "send": self.delivering.send_due,
            "sweep": self.sweeping.sweep_due,
        }


@dataclass
class Prompt:
    """The Messenger port of a workspace that answers at once and never fails."""

    posts: int = 0
    reminders: int = 0

    def post(
        self,
        _message: Message,
        *,
        to: str,
        delivery_id: str,
        reminder_ids: Sequence[str] = (),
        thread: str | None = None,
        over_by: float = inf,
        may_repeat: bool = False,
    ) -> Posted:
        self.posts += 1
        self.reminders += len(reminder_ids)
        return Posted(to, f"{self.posts}.0")

    def update(self, message: Message, *, at: Posted, over_by: float = inf) -> None:
        raise AssertionError("Nothing is replaced here.")

    def copies(self, delivery_id: str, **_: object) -> Sequence[Posted]:
        return ()

    def take_back(self, at: Posted) -> None:
        raise AssertionError("Nothing is there twice.")

    def link(self, at: Posted) -> str | None:
        return None
