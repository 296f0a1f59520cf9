"""Armed reminders: what their ids say, and when what they announce is over."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from bot.billing import renewal
from bot.billing.renewal import Anchor
from bot.ports.store import ArmedReminder, Transaction

DIRECT = "/dm"

_WATCH = "reminders/watch"
_PAUSES = "reminders/pauses"
_REMEMBERED = 10
"""Pauses that are remembered: what fell due in an earlier one was bundled long ago.

So many of those within the horizon and of those beyond it, which a process that often dies must
not push out.
"""

HORIZON = timedelta(hours=48)
"""How far ahead reminders become rows."""

_EVER = datetime(1970, 1, 1, tzinfo=UTC)

Span = tuple[datetime, datetime]


class Lead(NamedTuple):
    """So many days ahead for what a route claims, counted from 1, or with 0 for all the rest."""

    route: int
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """When arming ran last, up to which due time it had armed, and by which settings.

    `leads` are the leads of those settings, `wishes` names everything else in them. Of leads
    that are `coming`, new in the settings since the instant given, only what falls due soon is
    armed. It is not `tidy` while rows of leads that are no longer wanted may still be armed. A run
    takes minutes where very much is read: it was `seen` last at its end, or on its way.
    """

    at: datetime
    until: datetime
    seen: datetime
    leads: frozenset[Lead] = frozenset()
    coming: Mapping[Lead, datetime] = field(default_factory=dict)
    wishes: str = ""
    tidy: bool = True

    @property
    def reached(self) -> datetime:
        """Up to which due time it had armed every lead, those that were coming among them."""
        return min((self.until, *self.coming.values()))


def last_watch(tx: Transaction) -> Watch | None:
    """When arming ran last, as it noted it."""
    note = tx.notes.get(_WATCH)
    if note is None:
        return None
    at, until = (datetime.fromisoformat(str(note[name])) for name in ("at", "until"))
    seen = datetime.fromisoformat(str(note.get("seen", note["at"])))
    leads, coming = note.get("leads"), note.get("coming")
    return Watch(
        at=at,
        until=until,
        seen=seen,
        leads=frozenset(map(_lead, leads)) if isinstance(leads, list) else frozenset(),
        coming={
            _lead(lead): datetime.fromisoformat(since)
            for lead, since in (coming.items() if isinstance(coming, dict) else ())
        },
        wishes=str(note.get("wishes", "")),
        tidy=note.get("tidy") is not False,
    )


def note_watch(tx: Transaction, watch: Watch) -> None:
    """Remember that everything was armed."""
    facts = {
        "at": watch.at.isoformat(),
        "until": watch.until.isoformat(),
        "seen": watch.seen.isoformat(),
        "leads": [_written(lead) for lead in sorted(watch.leads)],
        "coming": {_written(lead): since.isoformat() for lead, since in watch.coming.items()},
        "wishes": watch.wishes,
        "tidy": watch.tidy,
    }
    tx.notes.put(_WATCH, facts)


def note_seen(tx: Transaction, *, now: datetime) -> None:
    """A run that follows the one before in time is still on its way."""
    tx.notes.held(_WATCH)  # another replica's run may end meanwhile
    watch = last_watch(tx)
    if watch is not None:
        note_watch(tx, replace(watch, seen=max(watch.seen, now)))


def _written(lead: Lead) -> str:
    return f"{lead.route}/{lead.days}"


def _lead(written: object) -> Lead:
    """The lead that `_written` wrote; before routes were told apart it was the days alone."""
    route, _, days = str(written).rpartition("/")
    return Lead(int(route or 0), int(days))


def note_pause(tx: Transaction, *, since: datetime | None, now: datetime) -> None:
    """Remember that nobody ran since an instant, or ever."""
    known = [*_noted_pauses(tx), (since or _EVER, now)]
    short, long = ([each for each in known if _is_long(each) is how] for how in (False, True))
    kept = [*short[-_REMEMBERED:], *long[-_REMEMBERED:]]
    _put_pauses(tx, sorted(kept, key=lambda each: each[1]))


def end_pauses(tx: Transaction, *, now: datetime) -> None:
    """The clock that noted them was ahead: nobody knows of what is still to come."""
    _put_pauses(tx, [(start, min(end, now)) for start, end in _noted_pauses(tx) if start < now])


def absences(tx: Transaction, watch: Watch | None, *, now: datetime) -> Sequence[Span]:
    """When leads fell due that were no rows: nobody had run since they entered the horizon.

    Those that are noted first, and then the one that lasts.
    """
    known = [(start + HORIZON, min(end, now)) for start, end in _noted_pauses(tx)]
    until = watch.until if watch else _EVER + HORIZON
    if watch is not None and until < now:  # leads that were coming had no rows before it either
        until = watch.reached
    return [(start, end) for start, end in (*known, (until, now)) if start < end]


def _put_pauses(tx: Transaction, spans: Sequence[Span]) -> None:
    facts = {"spans": [[start.isoformat(), end.isoformat()] for start, end in spans]}
    tx.notes.put(_PAUSES, facts)


def _is_long(pause: Span) -> bool:
    return pause[1] - pause[0] > HORIZON


def pauses(tx: Transaction, *, now: datetime, longer_than: timedelta) -> Sequence[Span]:
    """When nobody ran lately, with the time until now when nobody has armed for so long."""
    watch = last_watch(tx)
    lasts = watch is not None and now - watch.seen > longer_than
    return [*_noted_pauses(tx), *([(watch.at, now)] if watch and lasts else [])]


def _noted_pauses(tx: Transaction) -> Sequence[Span]:
    note = tx.notes.get(_PAUSES)
    spans = note.get("spans") if note else None
    return [
        (datetime.fromisoformat(start), datetime.fromisoformat(end))
        for start, end in (spans if isinstance(spans, list) else ())
    ]


def look_anew(tx: Transaction) -> None:
    """Have the next run look at everything ahead: so much changed that nobody noted what."""
    watch = last_watch(tx)
    if watch is not None:
        note_watch(tx, replace(watch, wishes=""))


def base_of(reminder_id: str) -> str:
    """The id of the lead alone, without `/r<n>` and `/dm`; its four parts are percent-encoded."""
    return "/".join(reminder_id.split("/")[:4])


def repeat_of(reminder_id: str) -> int:
    """Which repeat an id names: the n of `/r<n>`, 0 for the first send."""
    extras = reminder_id.split("/")[4:]
    return next((int(each[1:]) for each in extras if each.startswith("r")), 0)


def over(anchor: Anchor, *, zone: tzinfo, now: datetime) -> bool:
    """Whether what was announced has come."""
    return end_of(anchor, zone=zone) <= now


def end_of(anchor: Anchor, *, zone: tzinfo) -> datetime:
    """When it comes: the deduction, the expiry, the end of a notice date."""
    return anchor.at if anchor.at is not None else renewal.safe_cutoff(anchor, reader=zone)


def cancel(tx: Transaction, objections: Iterable[tuple[ArmedReminder, str]]) -> None:
    """Disarm rows, each for its reason."""
    by_reason: dict[str, list[tuple[str, str]]] = {}
    for row, reason in objections:
        by_reason.setdefault(reason, []).append((row.id, row.destination))
    for reason, ids in by_reason.items():
        tx.reminders.disarm(ids, reason=reason)
