"""Bundles: which due reminders come into one message, and what its delivery says of them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.billing.days import beginning
from bot.billing.reminder import Reminder
from bot.billing.subscription import Subscription, SubscriptionKey
from bot.facts.messages import Timing
from bot.ports.store import ArmedReminder, Delivery, Transaction
from bot.services.announcing import Place, place
from bot.services.armed import over
from bot.services.lateness import LATE_AFTER, Cause, cause_of, was_off
from bot.services.owing import REMINDER, delivery_id
from bot.services.wanting import Wanting

DIGEST = 10
"""Items a message holds at most."""

COUNTED_BEYOND = 40
"""Items that are named; those beyond are counted in one more message."""

Pair = tuple[str, str]
"""A row's id and destination."""

Apart = tuple[str, ...]
"""What parts the messages of one destination."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """A row with its timing, why it is not on time, and why it is not where it belongs."""

    row: ArmedReminder
    timing: Timing
    cause: Cause | None
    moved: str | None

    @property
    def apart(self) -> Apart:
        """What comes into a message of its own; all that was missed comes into one."""
        to = (self.row.destination, self.timing.value)
        return to if self.timing is Timing.MISSED else (*to, self.cause or "", self.moved or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One subscription and date of a bundle, with every row that it stands for."""

    reminder: Reminder
    rows: tuple[Timed, ...]
    place: tuple[Place, SubscriptionKey]

    @property
    def pairs(self) -> Sequence[Pair]:
        """Its rows as the store names them."""
        return [(each.row.id, each.row.destination) for each in self.rows]

    def of(self, pairs: Iterable[Pair]) -> "Told | None":
        """With those of its rows alone; None when there are none."""
        among = frozenset(pairs)
        rows = tuple(each for each in self.rows if (each.row.id, each.row.destination) in among)
        return replace(self, rows=rows) if rows else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gist:
    """What a delivery says of all its members, so that nobody has to read them for that.

    When the first of them was due, and when the first date begins, before which none passes; the
    causes of lateness, and for how many there was a reason to be moved, as far as there is
    something to say.
    """

    timing: Timing
    due_at: datetime
    passes_at: datetime
    why: frozenset[str]
    meant: Mapping[str, int]

    @classmethod
    def of(cls, part: Sequence[Told]) -> "Gist":
        """The gist of what one message tells."""
        rows = [each for about in part for each in about.rows]
        return cls(
            timing=rows[0].timing,
            due_at=min(each.row.due_at for each in rows),
            passes_at=beginning(min(about.reminder.anchor.date for about in part)),
            why=frozenset(each.cause.value for each in rows if each.cause),
            meant=Counter(moved for about in part if (moved := about.rows[0].moved) is not None),
        )

    def with_(self, other: "Gist") -> "Gist":
        """The gist of both together."""
        return Gist(
            timing=self.timing,
            due_at=min(self.due_at, other.due_at),
            passes_at=min(self.passes_at, other.passes_at),
            why=self.why | other.why,
            meant=Counter(self.meant) + Counter(other.meant),
        )

    @property
    def subject(self) -> Mapping[str, object]:
        """As a delivery's subject."""
        said = {"why": sorted(self.why)} if self.why else {}
        meant = {"meant": dict(self.meant)} if self.meant else {}
        times = {"timing": self.timing.value, "passes_at": self.passes_at.isoformat()}
        return {**times, **said, **meant}


def timed(
    tx: Transaction, rows: Iterable[ArmedReminder], *, wanting: Wanting, now: datetime
) -> Iterator[Timed]:
    """The rows as they are bundled now."""
    off = was_off(tx, now=now)
    for row in rows:
        timing, moved = _timing(tx, row, wanting=wanting, now=now), wanting.moved(tx, row)
        cause = None
        if timing is not Timing.ON_TIME:
            cause = cause_of(tx, row, moved=moved is not None, off=off)
        yield Timed(row=row, timing=timing, cause=cause, moved=moved)


def parted(rows: Iterable[Timed]) -> Mapping[Apart, list[Timed]]:
    """The rows by what comes into messages of its own."""
    found: dict[Apart, list[Timed]] = {}
    for each in rows:
        found.setdefault(each.apart, []).append(each)
    return dict(sorted(found.items()))


def told(tx: Transaction, rows: Iterable[Timed]) -> Sequence[Told]:
    """Leads of one subscription and date that fall due together are told as one; in order."""
    groups: dict[tuple[object, object], list[Timed]] = {}
    for each in rows:
        what = each.row.reminder
        groups.setdefault((what.subscription, what.anchor.date), []).append(each)
    found = []
    for together in groups.values():
        what = together[0].row.reminder
        at = (_place(tx, what), what.subscription)
        found.append(Told(reminder=what, rows=tuple(together), place=at))
    return sorted(found, key=lambda each: each.place)


def digests(named: Sequence[Told]) -> Iterator[Sequence[Told]]:
    """What is named, by messages."""
    return (named[at : at + DIGEST] for at in range(0, len(named), DIGEST))


def delivery(
    gist: Gist, *, destination: str, key: str, batch: str, kind: str = REMINDER
) -> Delivery:
    """The message that carries what a gist sums up; a batch was bundled together."""
    return Delivery(
        id=delivery_id(key),
        key=key,
        kind=kind,
        destination=destination,
        stream=key,
        due_at=gist.due_at,
        subject={**gist.subject, "batch": batch},
    )


def fingerprint(names: Iterable[str]) -> str:
    """A name of all of them, in whatever order."""
    return delivery_id("\n".join(sorted(names)))


def _timing(tx: Transaction, row: ArmedReminder, *, wanting: Wanting, now: datetime) -> Timing:
    subscription = tx.catalogue.get(row.reminder.subscription)
    if subscription is not None:
        zone = wanting.schedule(subscription).zone
        if over(row.reminder.anchor, zone=zone, now=now):
            return Timing.MISSED
    return Timing.LATE if now - row.due_at > LATE_AFTER else Timing.ON_TIME


def _place(tx: Transaction, what: Reminder) -> Place:
    held = tx.catalogue.get(what.subscription) or Subscription(key=what.subscription)
    return place(held, what.anchor)
