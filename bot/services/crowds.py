"""Crowds: very many reminders that fall due together for one destination, tied slice by slice.

Whoever writes beside it waits for one slice only. Each subscription is looked at once, the forty
that are named stay free to the end, and the others are tied to the message that counts them before
that is owed. How far it has come is noted with every slice, so that whoever comes after a crash
goes on with what is still free: nothing is owed, thus nothing sent, before the last one is tied.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from heapq import merge
from itertools import groupby

from bot.facts.messages import Timing
from bot.ports.clock import Clock
from bot.ports.store import ArmedReminder, Store, Transaction
from bot.services.armed import cancel
from bot.services.bundles import (
    COUNTED_BEYOND,
    Apart,
    Gist,
    Told,
    delivery,
    digests,
    fingerprint,
    parted,
    timed,
    told,
)
from bot.services.lateness import LATE_AFTER
from bot.services.owing import REMINDER, REMINDER_REST, delivery_id
from bot.services.wanting import Wanting

CROWD = 200
"""Rows of one destination that one transaction may bundle."""

SLICE = 250
"""Rows that are looked at together, and then tied in one transaction."""

AT_ONCE = 20_000
"""Rows that one call ties or cancels: what falls due elsewhere meanwhile waits for so many."""

LEASE = timedelta(seconds=15)
"""Who has shown no sign of life for so long has lost the crowd to others."""

_NOTE = "reminders/crowds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """A destination whose crowd is being tied, as it was due at an instant.

    `number` names it for good, `fence` its holder, who shows a sign of life before `until`.
    `rests` are the messages that count: by their keys, what is tied to them so far.
    """

    destination: str
    number: int
    at: datetime
    until: datetime
    fence: int = 1
    rests: Mapping[str, Gist] = field(default_factory=dict)

    def key(self, kind: str, name: str) -> str:
        """The key of one of its messages."""
        return f"{kind}/{self.destination}/{self.batch}/{name}"

    @property
    def batch(self) -> str:
        """What all its messages bear."""
        return f"{self.at.isoformat()}/{self.number}"

    @property
    def written(self) -> Mapping[str, object]:
        """As the note holds it."""
        return {
            "number": self.number,
            "at": self.at.isoformat(),
            "until": self.until.isoformat(),
            "fence": self.fence,
            "rests": {
                key: {**each.subject, "due_at": each.due_at.isoformat()}
                for key, each in self.rests.items()
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Noted:
    """The crowds by destination, and the last number: numbers only rise, so no key comes twice."""

    number: int
    crowds: Mapping[str, Crowd]

    def put(self, tx: Transaction, crowd: Crowd) -> None:
        """Note how far this one has come."""
        self._write(tx, {**self.crowds, crowd.destination: crowd}, last=crowd.number)

    def drop(self, tx: Transaction, crowd: Crowd) -> None:
        """Note that this one is done."""
        others = {to: each for to, each in self.crowds.items() if to != crowd.destination}
        self._write(tx, others, last=crowd.number)

    def _write(self, tx: Transaction, crowds: Mapping[str, Crowd], *, last: int) -> None:
        written = {to: each.written for to, each in crowds.items()}
        tx.notes.put(_NOTE, {"number": max(self.number, last), "crowds": written})


@dataclass(slots=True)
class _Sorted:
    """What one slice made of the rows that it looked at."""

    counted: dict[Apart, list[Told]] = field(default_factory=dict)
    objections: list[tuple[ArmedReminder, str]] = field(default_factory=list)


class _Lost(Exception):
    """Somebody else holds the crowd by now."""


class Crowds:
    """Any number of replicas may work on one store; one of them at a time holds a crowd."""

    def __init__(self, *, store: Store, clock: Clock, wanting: Wanting) -> None:
        self._store = store
        self._clock = clock
        self._wanting = wanting

    def opened(self, tx: Transaction) -> set[str]:
        """Destinations whose crowd is being tied, whoever has it."""
        return set(_read(tx.notes.get(_NOTE) or {}).crowds)

    def held(self, tx: Transaction) -> set[str]:
        """The same, and nobody opens another one while this transaction lasts."""
        return set(_held(tx).crowds)

    def go_on(self, destination: str) -> int:
        """Tie more of it, and owe its messages when all are tied; how many rows became members.

        None do when another replica is at it.
        """
        try:
            crowd = self._taken(destination)
            return self._tie_all(crowd) if crowd is not None else 0
        except _Lost:
            return 0
        finally:
            self._store.give_way()

    def _taken(self, destination: str) -> Crowd | None:
        """The crowd for this process; None while another is alive.

        One that nobody has gone on with for minutes is begun anew: its reminders are late by now.
        """
        with self._store.transaction() as tx:
            noted, now = _held(tx), self._clock.now()
            known = noted.crowds.get(destination)
            if known is not None and now < known.until <= now + LEASE:
                return None
            if known is None:
                number = noted.number + 1
                known = Crowd(destination=destination, number=number, at=now, until=now, fence=0)
            stale = not known.at <= now <= known.until + LATE_AFTER
            mine = replace(known, fence=known.fence + 1)
            if not stale:
                mine = replace(mine, until=now + LEASE)
            noted.put(tx, mine)
        if not stale:
            return mine
        self._let_go(mine)
        return self._taken(destination)

    def _tie_all(self, crowd: Crowd) -> int:
        tied = cancelled = 0
        named: dict[Apart, list[Told]] = {}
        with self._store.reading() as tx:
            waiting = tx.reminders.waiting(until=crowd.at, destination=crowd.destination)
            for rows in _slices(waiting):
                found = self._sorted(tx, rows, named, at=crowd.at)
                crowd, more = self._tie(crowd, found)
                tied, cancelled = tied + more, cancelled + len(found.objections)
                if tied + cancelled >= AT_ONCE:
                    break
            else:
                return tied + self._close(crowd, named)
        self._give_back(crowd)
        return tied

    def _sorted(
        self,
        tx: Transaction,
        rows: Sequence[ArmedReminder],
        named: dict[Apart, list[Told]],
        *,
        at: datetime,
    ) -> _Sorted:
        """Judge these; of all that were judged so far the first forty stay in `named`."""
        found = _Sorted()
        self._wanting.look_up_rows(tx, rows)
        hold = []
        for row in rows:
            present, reason = self._wanting.judged(tx, row, now=at)
            if reason is not None:
                found.objections.append((row, reason))
            else:
                hold.append(present)
        timely = timed(tx, hold, wanting=self._wanting, now=at)
        for apart, part in parted(timely).items():
            in_order = merge(named.get(apart, ()), told(tx, part), key=lambda each: each.place)
            every = list(in_order)
            named[apart], found.counted[apart] = every[:COUNTED_BEYOND], every[COUNTED_BEYOND:]
        return found

    def _tie(self, crowd: Crowd, found: _Sorted) -> tuple[Crowd, int]:
        """Tie what is counted, as far as it is still free; the crowd as it is noted then."""
        tied = 0
        rests = dict(crowd.rests)
        with self._store.transaction() as tx:
            noted = _of_mine(tx, crowd)
            cancel(tx, found.objections)
            for apart, counted in found.counted.items():
                key = crowd.key(REMINDER_REST, fingerprint(apart))
                part = self._free(tx, crowd, counted, key=key)
                if part:
                    gist = Gist.of(part)
                    rests[key] = rests[key].with_(gist) if key in rests else gist
                    tied += _rows(part)
            crowd = replace(crowd, rests=rests, until=self._clock.now() + LEASE)
            noted.put(tx, crowd)
        return crowd, tied

    def _close(self, crowd: Crowd, named: Mapping[Apart, Sequence[Told]]) -> int:
        """Owe every message of it: those that name, then those that count."""
        tied = 0
        with self._store.transaction() as tx:
            noted = _of_mine(tx, crowd)
            for apart, part in sorted(named.items()):
                for number, planned in enumerate(digests(part)):
                    key = crowd.key(REMINDER, f"{fingerprint(apart)}/{number}")
                    digest = self._free(tx, crowd, planned, key=key)
                    if digest:
                        gist = Gist.of(digest)
                        naming = delivery(
                            gist, destination=crowd.destination, key=key, batch=crowd.batch
                        )
                        tx.outbox.owe(naming)
                        tied += _rows(digest)
            for key, gist in sorted(crowd.rests.items()):
                counting = delivery(
                    gist,
                    destination=crowd.destination,
                    key=key,
                    batch=crowd.batch,
                    kind=REMINDER_REST,
                )
                tx.outbox.owe(counting)
            noted.drop(tx, crowd)
        return tied

    def _free(
        self, tx: Transaction, crowd: Crowd, part: Sequence[Told], *, key: str
    ) -> Sequence[Told]:
        """Tie those of them that are still free to the message of that key; what they were."""
        pairs = [pair for about in part for pair in about.pairs]
        taken = tx.reminders.take(pairs, due_until=crowd.at, delivery_id=delivery_id(key))
        if len(taken) == len(pairs):
            return part
        return [rest for about in part if (rest := about.of(taken)) is not None]

    def _give_back(self, crowd: Crowd) -> None:
        """Whoever comes next goes on at once."""
        with self._store.transaction() as tx:
            _of_mine(tx, crowd).put(tx, replace(crowd, until=self._clock.now()))

    def _let_go(self, crowd: Crowd) -> None:
        """Untie all that was tied, so that it is bundled as what it is by now."""
        for key in crowd.rests:
            released = SLICE
            while released == SLICE:
                with self._store.transaction() as tx:
                    _of_mine(tx, crowd)
                    released = tx.reminders.release(delivery_id(key), most=SLICE)
                self._store.give_way()
        with self._store.transaction() as tx:
            _of_mine(tx, crowd).drop(tx, crowd)


def _slices(rows: Iterable[ArmedReminder]) -> Iterator[Sequence[ArmedReminder]]:
    """Rows in pieces, none of which parts those of one subscription and date."""
    piece: list[ArmedReminder] = []
    for _, together in groupby(rows, _about):
        piece += together
        if len(piece) >= SLICE:
            yield piece
            piece = []
    if piece:
        yield piece


def _about(row: ArmedReminder) -> tuple[object, object]:
    return row.reminder.subscription, row.reminder.anchor.date


def _rows(part: Iterable[Told]) -> int:
    return sum(len(about.rows) for about in part)


def _of_mine(tx: Transaction, crowd: Crowd) -> _Noted:
    """What is noted, for this writer alone; raises _Lost unless the crowd is still its own."""
    noted = _held(tx)
    known = noted.crowds.get(crowd.destination)
    if known is None or (known.number, known.fence) != (crowd.number, crowd.fence):
        raise _Lost
    return noted


def _held(tx: Transaction) -> _Noted:
    return _read(tx.notes.held(_NOTE))


def _read(note: Mapping[str, object]) -> _Noted:
    crowds = note.get("crowds")
    found = {
        destination: Crowd(
            destination=destination,
            number=facts["number"],
            at=datetime.fromisoformat(facts["at"]),
            until=datetime.fromisoformat(facts["until"]),
            fence=facts["fence"],
            rests={key: _gist(each) for key, each in facts["rests"].items()},
        )
        for destination, facts in (crowds.items() if isinstance(crowds, dict) else ())
    }
    return _Noted(number=int(str(note.get("number", 0))), crowds=found)


def _gist(facts: Mapping[str, object]) -> Gist:
    why, meant = facts.get("why"), facts.get("meant")
    return Gist(
        timing=Timing(str(facts["timing"])),
        due_at=datetime.fromisoformat(str(facts["due_at"])),
        passes_at=datetime.fromisoformat(str(facts["passes_at"])),
        why=frozenset(why) if isinstance(why, list) else frozenset(),
        meant=meant if isinstance(meant, dict) else {},
    )
