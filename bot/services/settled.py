"""What somebody did about a deduction that was announced: kept, snoozed, turned off.

The fact belongs to a subscription and an anchor date, so that every message about it shows it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from bot.billing.subscription import SlackUser, SubscriptionKey
from bot.facts.messages import Settled
from bot.ports.store import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledFact:
    """Who did what about one anchor; `until` ends a snooze, `note` is a refusal's sentence."""

    settled: Settled
    at: datetime
    by: SlackUser | None = None
    until: datetime | None = None
    note: str | None = None


def fact_about(tx: Transaction, key: SubscriptionKey, anchor_date: date) -> SettledFact | None:
    """What was done last, or None when nobody did anything."""
    note = tx.notes.get(fact_name(key, anchor_date))
    return read(note) if note else None


def record(tx: Transaction, key: SubscriptionKey, anchor_date: date, fact: SettledFact) -> str:
    """Remember what was done; returns a name of this change that no other change bears."""
    name = fact_name(key, anchor_date)
    known = tx.notes.held(name)
    revision = int(str(known.get("revision", 0))) + 1
    tx.notes.put(name, {**written(fact), "revision": revision})
    return f"{name}/{revision}"


def written(fact: SettledFact) -> Mapping[str, object]:
    """The fact as a note or a delivery's subject holds it."""
    return {
        "settled": fact.settled.value,
        "at": fact.at.isoformat(),
        "by": fact.by,
        "until": fact.until.isoformat() if fact.until else None,
        "note": fact.note,
    }


def read(note: Mapping[str, object]) -> SettledFact:
    """The fact that `written` wrote."""
    by, until, said = note.get("by"), note.get("until"), note.get("note")
    return SettledFact(
        settled=Settled(str(note["settled"])),
        at=datetime.fromisoformat(str(note["at"])),
        by=SlackUser(str(by)) if by else None,
        until=datetime.fromisoformat(str(until)) if until else None,
        note=str(said) if said else None,
    )


def fact_name(key: SubscriptionKey, anchor_date: date) -> str:
    """The note that holds what was done."""
    return f"settled/{key}/{anchor_date.isoformat()}"
