"""Switched: who turned auto-renewal on or off last, as Lapse did it."""

from datetime import datetime
from typing import NamedTuple

from bot.billing.subscription import SlackUser, SubscriptionKey
from bot.facts.erased import ERASED
from bot.ports.store import Transaction


class TurnedOffBy(NamedTuple):
    """Who turned it off, and when it read off."""

    by: SlackUser
    at: datetime


def remember(
    tx: Transaction, key: SubscriptionKey, *, on: bool, by: SlackUser, at: datetime
) -> None:
    """Remember that it reads so because somebody wanted it so."""
    tx.notes.put(_note(key), {"by": by, "at": at.isoformat(), "on": on})


def turned_off_by(tx: Transaction, key: SubscriptionKey) -> TurnedOffBy | None:
    """Who turned it off last; None where nobody did, it was turned on since, or it is erased."""
    note = tx.notes.get(_note(key))
    if note is None or note.get("on") or note["by"] == ERASED:
        return None
    return TurnedOffBy(SlackUser(str(note["by"])), datetime.fromisoformat(str(note["at"])))


def switched_at(tx: Transaction, key: SubscriptionKey) -> datetime | None:
    """When Lapse turned it on or off last; None where it never did."""
    note = tx.notes.get(_note(key))
    return None if note is None else datetime.fromisoformat(str(note["at"]))


def _note(key: SubscriptionKey) -> str:
    return f"autorenew/{key}"
