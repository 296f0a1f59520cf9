"""The reminders' use cases over a real SQLite store, a still clock and a workspace in memory."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.billing.reminder import Schedule
from bot.billing.subscription import SlackChannel, Subscription
from bot.facts.messages import ReminderMessage
from bot.ports.store import ArmedReminder, Store
from bot.services.composing import Composing
from bot.services.delivering import Delivering
from bot.services.pacing import Limits, Pacing
from bot.services.people import People
from bot.services.policy import Policy
from bot.services.reminding import Reminding
from bot.services.rerouting import Rerouting
from tests.clocks import SettableClock, always_steady
from tests.factories import APPROVER_1, APPROVER_2
from tests.messengers import FakeDirectory, FakeMessenger, Shown

FINOPS = SlackChannel("C0FINOPS")
SECURITY = SlackChannel("C0SECURITY")
APPROVALS = SlackChannel("C0APPROVALS")
SHANGHAI = ZoneInfo("Asia/Shanghai")


def policy(**changes: Any) -> Policy:
    facts: dict[str, Any] = {
        "approvals_channel": APPROVALS,
        "reminders_channel": FINOPS,
        "schedule": Schedule(lead_days=(30, 14, 7, 3, 1), at=time(9), zone=SHANGHAI),
        "approvers": (APPROVER_1, APPROVER_2),
    }
    return Policy(**(facts | changes))


@dataclass
class Rig:
    """One replica; `run` is what the ticks of a second do."""

    store: Store
    clock: SettableClock
    policy: Policy = field(default_factory=policy)
    messenger: FakeMessenger = field(init=False)
    directory: FakeDirectory = field(default_factory=FakeDirectory)
    steady_since: datetime = field(default_factory=always_steady)
    elapsed: Callable[[], float] = lambda: 0.0
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        self.messenger = FakeMessenger(self.clock)
        self.start()

    def start(self) -> None:
        """Begin anew with nothing in memory, as after a crash; the workspace stays."""
        people = People(directory=self.directory, policy=self.policy)
        self.reminding = Reminding(
            store=self.store, clock=self.clock, policy=self.policy, people=people
        )
        self.composing = Composing(links=self.messenger, announcing=self.reminding.announcing)
        self.delivering = Delivering(
            store=self.store,
            clock=self.clock,
            messenger=self.messenger,
            composing=self.composing,
            rerouting=Rerouting(
                store=self.store, clock=self.clock, policy=self.policy, people=people
            ),
            pacing=Pacing(self.limits),
            elapsed=self.elapsed,
            steady_since=lambda: self.steady_since,
        )

    def know(self, *subscriptions: Subscription) -> None:
        """The catalogue reads these now."""
        with self.store.transaction() as tx:
            tx.catalogue.put(subscriptions, at=self.clock.now())

    def run(self) -> None:
        """Arm, bundle and send until nothing is due."""
        self.reminding.arm()
        self.reminding.bundle_due()
        self.delivering.send_due(limit=1000)

    def pass_time(self, *, to: datetime, every: timedelta = timedelta(hours=1)) -> None:
        """Let the ticks run while time passes."""
        while self.clock.now() < to:
            self.clock.set(min(self.clock.now() + every, to))
            self.run()

    def reminders(self, to: str = FINOPS) -> list[Shown]:
        """Reminder messages in a conversation, oldest first."""
        return self.messenger.of(ReminderMessage, to=to)

    def rows(self) -> list[ArmedReminder]:
        """Every row of every reminder."""
        return list(self.reminding.listed(settled=True))

    def ids(self, to: str = FINOPS) -> list[str]:
        """The reminder ids that a conversation has been told, in order."""
        return [each for shown in self.reminders(to) for each in shown.reminder_ids]


def labels(shown: Iterable[Shown]) -> list[list[str]]:
    """Which subscriptions each message names."""
    return [
        [item.subscription.key.id for item in each.message.items]
        for each in shown
        if isinstance(each.message, ReminderMessage)
    ]
