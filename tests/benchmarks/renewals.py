"""A million renewals on one date in a thousand channels: when everybody knows, in virtual time.

Run by `make bench ONLY=renewals`; `python -m tests.benchmarks.renewals 10` takes ten for each
channel instead of a thousand. Slack answers at once, refuses what comes faster than a message a
second in a channel or 300 a minute in the workspace, and the ticks come every second.
"""

import logging
import statistics
import sys
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from math import inf

from bot.billing.subscription import SlackChannel
from bot.config.policy import POSTS_AT_ONCE
from bot.facts.messages import Message, ReminderMessage, ReminderRest
from bot.ports.messenger import Limited, Posted
from bot.ports.store import Store
from bot.services.pacing import Limits, Rate
from storage.engine import open_database
from tests.benchmarks import databases
from tests.benchmarks.catalogues import end_of_day, fill, server
from tests.benchmarks.figures import Figures
from tests.benchmarks.replica import Prompt, Replica, policy
from tests.clocks import SettableClock

CHANNELS = 1_000
EACH = 1_000
IN_A_MINUTE = 300
AS_SHIPPED = Limits(
    post=Rate.a_minute(IN_A_MINUTE, at_once=POSTS_AT_ONCE), channel=Rate.a_minute(60)
)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
LONGEST = timedelta(hours=2)


class PacedSlack(Prompt):
    """The Messenger port with Slack's rates; remembers who was told of what, and when."""

    def __init__(self, clock: SettableClock) -> None:
        super().__init__()
        self._clock = clock
        self._latest: dict[str, datetime] = {}
        self._in_a_minute: deque[datetime] = deque()
        self.refused = 0
        self.first: dict[str, datetime] = {}
        self.named: Counter[str] = Counter()
        self.counted: defaultdict[str, int] = defaultdict(int)

    def post(
        self,
        message: Message,
        *,
        to: str,
        delivery_id: str,
        reminder_ids: Sequence[str] = (),
        thread: str | None = None,
        over_by: float = inf,
        may_repeat: bool = False,
    ) -> Posted:
        self._demand_room(to)
        if isinstance(message, ReminderMessage):
            self.named.update(item.subscription.key.id for item in message.items)
        elif isinstance(message, ReminderRest):
            self.counted[to] += message.count
        return super().post(message, to=to, delivery_id=delivery_id, reminder_ids=reminder_ids)

    def _demand_room(self, to: str) -> None:
        now = self._clock.now()
        while self._in_a_minute and self._in_a_minute[0] <= now - MINUTE:
            self._in_a_minute.popleft()
        latest = self._latest.get(to)
        if len(self._in_a_minute) >= IN_A_MINUTE or (latest and latest > now - SECOND):
            self.refused += 1
            raise Limited("ratelimited", retry_after=1)
        self._in_a_minute.append(now)
        self._latest[to] = now
        self.first.setdefault(to, now)


def told(figures: Figures, each: int) -> None:
    """From the instant at which all fall due until nothing is owed any more."""
    figures.about(f"SQLite: {CHANNELS * each:,} renewals on one date in {CHANNELS:,} channels")
    with databases.sqlite() as new:
        database = open_database(new())
        clock = SettableClock(database.clock().now())
        expires_at = end_of_day(clock.now() + timedelta(days=30))
        subscriptions = [
            server(f"due-{n:04d}", expires_at=expires_at, channel=SlackChannel(f"C{n:08d}"))
            for n in range(CHANNELS)
        ]
        store = fill(database, subscriptions, size=CHANNELS * each, at=clock.now())
        slack = PacedSlack(clock)
        replica = Replica.of(store, clock, slack, policy=policy(1), limits=AS_SHIPPED)
        due_at, _ = replica.reminding.next_lead() or (clock.now(), None)
        clock.advance_to(due_at - timedelta(hours=1))
        replica.reminding.arm()
        clock.advance_to(due_at)
        while _is_owed(store) and clock.now() < due_at + LONGEST:
            replica.reminding.bundle_due()
            replica.delivering.send_due()
            clock.advance(SECOND)
        _judge(figures, slack, due_at, clock.now(), each)
        database.dispose()


def _judge(
    figures: Figures, slack: PacedSlack, due_at: datetime, ended: datetime, each: int
) -> None:
    waits = [(first - due_at).total_seconds() for first in slack.first.values()]
    figures.at_least("channels informed", len(waits), CHANNELS, "")
    figures.at_most("the last channel informed after", max(waits), 300, "s")
    minutes = (ended - due_at) / MINUTE
    figures.tell("everything said after", f"{minutes:.1f} min, {slack.posts:,} messages")
    figures.at_most(
        "the longest wait against the median", max(waits) / statistics.median(waits), 2, "times"
    )
    figures.at_least("of the budget used", slack.posts / (minutes * IN_A_MINUTE) * 100, 98, "%")
    figures.at_most("refused for the rate", slack.refused, 0, "")
    figures.at_most("named more than once", sum(1 for n in slack.named.values() if n > 1), 0, "")
    known = len(slack.named) + sum(slack.counted.values())
    figures.at_most("neither named nor counted", CHANNELS * each - known, 0, "")


def _is_owed(store: Store) -> bool:
    with store.reading() as tx:
        return tx.reminders.next_due() is not None or tx.outbox.next_due() is not None


def main(arguments: Sequence[str]) -> int:
    """Print the figures; exit 1 where a goal is missed."""
    logging.disable(logging.WARNING)  # a refusal is counted
    figures = Figures()
    told(figures, int(arguments[0]) if arguments else EACH)
    return figures.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
