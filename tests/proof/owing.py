"""What people are owed, by the rules alone, as a life changes the facts."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.billing.reminder import Reminder, reminders
from bot.billing.renewal import anchor
from bot.billing.subscription import Subscription, SubscriptionKey
from bot.services.policy import Policy
from tests.proof.stages import ACCOUNT

SOON = timedelta(hours=1)
"""A lead that passes before, or so soon after a change need not be told: it was not known."""


class Owing:
    """Keeps the evidence of what is owed: `owed` and `withdrawn` lines, in the order of facts."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._held: dict[SubscriptionKey, dict[str, Reminder]] = {}
        self.lines: list[dict[str, object]] = []

    def dues(self) -> Iterator[datetime]:
        """When the reminders that hold fall due."""
        for held in self._held.values():
            yield from (each.due_at for each in held.values())

    def known(self, item: Subscription, *, at: datetime) -> None:
        """All leads of an item that was always known are owed."""
        self._held[item.key] = self._leads(item, at=at)
        for each in self._held[item.key].values():
            self._owe(item, each, at=at, known=True)

    def may_be_told(self, items: Iterable[Subscription], *, at: datetime) -> None:
        """By a clock that is wrong these leads are near; they may be told, and are not owed."""
        owed = {line["id"] for line in self.lines}
        for item in items:
            for each in self._leads(item, at=at).values():
                if each.id not in owed:
                    self._owe(item, each, at=at, known=False)
                    self.lines[-1] |= {"optional": True}

    def renewed(self, items: Sequence[Subscription], *, known: datetime, at: datetime) -> None:
        """What a cloud charged meanwhile, term after term, as Lapse came to know of it.

        What passed while it was off is owed whole; of the leads of what is still to come that have
        passed by then, or do so soon after, the nearest.
        """
        for item in items:
            leads = self._leads(item, at=item.orders[-1].effective_at or at)
            near = [each.due_at for each in leads.values() if each.due_at <= at + SOON]
            for each in leads.values():
                self._owe(item, each, at=known, known=True)
                over = each.anchor.at is not None and each.anchor.at <= at
                self.lines[-1] |= {"optional": not over and each.due_at < max(near, default=at)}
            self._held[item.key] = leads

    def changed(
        self,
        key: SubscriptionKey,
        item: Subscription | None,
        *,
        at: datetime,
        is_taken: Callable[[str], bool],
    ) -> None:
        """The item is another one now, or gone; what was taken already may still be told."""
        before, now = self._held.get(key, {}), self._leads(item, at=at) if item else {}
        for ref in before.keys() - now.keys():
            line = {"id": ref, "at": at.timestamp(), "taken": is_taken(ref)}
            self.lines.append({"event": "withdrawn", **line})
        for ref in now.keys() - before.keys():
            assert item is not None
            self._owe(item, now[ref], at=at, known=False)
        self._held[key] = now

    def moved(self, item: Subscription, *, at: datetime) -> None:
        """It ends at another hour of the same date, whether that has passed or not."""
        for ref, each in self._held[item.key].items():
            assert item.expires_at is not None
            ends = replace(each.anchor, at=item.expires_at)
            self._held[item.key][ref] = replace(each, anchor=ends)
            line = {"id": ref, "at": at.timestamp(), "over": item.expires_at.timestamp()}
            self.lines.append({"event": "moved", **line})

    def _leads(self, item: Subscription, *, at: datetime) -> dict[str, Reminder]:
        ahead = anchor(item, ACCOUNT, at=at)
        if ahead is None:
            return {}
        _, schedule = self._policy.destination(item)
        return {each.id: each for each in reminders(item.key, ahead, schedule)}

    def _owe(self, item: Subscription, each: Reminder, *, at: datetime, known: bool) -> None:
        channel, _ = self._policy.destination(item)
        ends = each.anchor.at
        line = {
            "id": each.id,
            "at": at.timestamp(),
            "channel": channel,
            "fallback": self._policy.reminders_channel,
            "due": each.due_at.timestamp(),
            "over": ends.timestamp() if ends else None,
            "optional": not known and each.due_at < at + SOON,
        }
        self.lines.append({"event": "owed", **line})
