"""A workspace that fails as Slack does, and writes down what people could see, and when."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from bot.facts.messages import Message
from bot.ports.messenger import NotPosted, Posted, Unsettled
from bot.services.delivering import MAY_LAND
from tests.clocks import SettableClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How often, of a hundred calls, a post or a look at the history goes wrong."""

    lost_answer: int = 0
    lost_request: int = 0
    lands_late: int = 0
    rate_limited: int = 0
    unreadable: int = 0


CALM = Faults()
STORM = Faults(lost_answer=8, lost_request=5, lands_late=5, rate_limited=5, unreadable=10)
TEMPEST = Faults(lost_answer=25, lost_request=20, lands_late=20, rate_limited=10, unreadable=25)


@dataclass(frozen=True, slots=True)
class Landed:
    """One message in the history; the history shows it from `at` on."""

    at: datetime
    channel: str
    ts: str
    delivery_id: str


@dataclass
class SimulatedSlack:
    """The Messenger port. `client_msg_id` does not exist here, so that nothing may lean on it."""

    clock: SettableClock
    random: Random
    faults: Faults = STORM
    evidence: list[dict[str, object]] = field(default_factory=list)
    history: list[Landed] = field(default_factory=list)
    stamps: int = 0

    def post(
        self,
        _message: Message,
        *,
        to: str,
        delivery_id: str,
        reminder_ids: Sequence[str] = (),
        thread: str | None = None,
    ) -> Posted:
        faults = self.faults
        if self._happens(faults.rate_limited):
            raise NotPosted("ratelimited", retry_after=self.random.choice((1, 30, 120)))
        if self._happens(faults.lost_request):
            raise Unsettled("timeout")
        late = self._happens(faults.lands_late)
        seconds = self.random.uniform(0, MAY_LAND.total_seconds()) if late else 0.0
        posted = self._land(timedelta(seconds=seconds), to, delivery_id, reminder_ids)
        if late or self._happens(faults.lost_answer):
            raise Unsettled("timeout")
        return posted

    def update(self, _message: Message, *, at: Posted) -> None:
        self._write("update", at.channel, at.ts)

    def copies(
        self,
        delivery_id: str,
        *,
        to: str,
        since: datetime,
        until: datetime,
        thread: str | None = None,
    ) -> Sequence[Posted]:
        if self._happens(self.faults.unreadable):
            raise Unsettled("ratelimited")
        seen = min(until, self.clock.now())
        return [
            Posted(each.channel, each.ts)
            for each in sorted(self.history, key=lambda each: each.at)
            if (each.channel, each.delivery_id) == (to, delivery_id) and since <= each.at <= seen
        ]

    def take_back(self, at: Posted) -> None:
        self.history = [each for each in self.history if each.ts != at.ts]
        self._write("delete", at.channel, at.ts)

    def link(self, at: Posted) -> str | None:
        return f"https://slack.test/archives/{at.channel}/p{at.ts}"

    def _land(
        self, later: timedelta, channel: str, delivery_id: str, reminder_ids: Sequence[str]
    ) -> Posted:
        self.stamps += 1
        at = self.clock.now() + later
        ts = f"{at.timestamp():.0f}.{self.stamps:06d}"
        self.history.append(Landed(at, channel, ts, delivery_id))
        self._write("post", channel, ts, at=at, delivery=delivery_id, ids=list(reminder_ids))
        return Posted(channel, ts)

    def _write(
        self, event: str, channel: str, ts: str, *, at: datetime | None = None, **facts: object
    ) -> None:
        when = (at or self.clock.now()).timestamp()
        self.evidence.append({"at": when, "event": event, "channel": channel, "ts": ts, **facts})

    def _happens(self, of_hundred: int) -> bool:
        return self.random.randrange(100) < of_hundred
