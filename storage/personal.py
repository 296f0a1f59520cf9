"""Personal values, beside the record: each under its salted hash, until it is erased."""

import hashlib
import json
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Integer, Row, delete, select, type_coerce

from bot.facts.erased import ERASED
from bot.ports.record import Personal
from storage.tables import personal_values
from storage.types import TEXT, canonical
from storage.work import Work

IN_FACTS = "personal"
"""The only key of the object that stands for a personal value among facts."""

IN_TEXT = "personal:"
"""What stands before the hash where the record has room for a text alone."""

SALT_BYTES = 16
LENGTH = 40
"""Hexadecimal digits of a hash: 160 bits."""

AT_ONCE = 500
"""Hashes that one statement looks up."""

_COLUMNS = personal_values.c
_TEXT = type_coerce(_COLUMNS.value, TEXT).label("value")
_OWN = type_coerce(_COLUMNS.own, Integer).label("own")
"""The value and whether it is the person's id as they lie there, whatever somebody made of them."""


def hashed(salt: str, personal: Personal) -> str:
    """The hash of a value under its salt; without the salt nobody can try values out."""
    told = f"{salt}\0{personal.of}\0{personal.value}"
    return hashlib.sha256(told.encode(errors="surrogatepass")).hexdigest()[:LENGTH]


class PersonalValues:
    """The personal values of one workspace."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def keep(self, values: Collection[Personal]) -> Mapping[Personal, str]:
        """The hash of each, which is kept from now on; a person's own id is kept once."""
        if not values:
            return {}
        known = self._known(values)
        fresh = {each: secrets.token_hex(SALT_BYTES) for each in values if each not in known}
        hashes = {each: hashed(salt, each) for each, salt in fresh.items()}
        if fresh:
            self._work.connection.execute(
                personal_values.insert(),
                [
                    {
                        "team_id": self._work.team_id,
                        "hash": hashes[each],
                        "person": each.of,
                        "own": _is_own(each),
                        "salt": salt,
                        "value": each.value,
                    }
                    for each, salt in fresh.items()
                ],
            )
        return {**known, **hashes}

    def read(self, hashes: Collection[str]) -> Mapping[str, str]:
        """Those values that were not erased."""
        values = ((row.hash, _value(row)) for row in self._rows(hashes))
        return {found: value for found, value in values if value is not None}

    def altered(self, hashes: Collection[str]) -> tuple[Collection[str], Collection[str]]:
        """Those of them whose value is another than it was, and those that have none."""
        found = {row.hash: _is_as_kept(row) for row in self._rows(hashes)}
        wrong = {each for each, good in found.items() if not good}
        return wrong, set(hashes) - found.keys()

    def erase(self, person: str) -> tuple[str | None, Sequence[str]]:
        """Erase what is kept of a person: the hash of the own id, if any, and of all values.

        SQLite would leave the values in its file, where it has room for others now.
        """
        if not self._work.on_postgres:
            self._work.connection.exec_driver_sql("PRAGMA secure_delete = ON")
        erased = self._work.connection.execute(
            delete(personal_values)
            .where(self._mine(), _COLUMNS.person == person)
            .returning(_COLUMNS.hash, _COLUMNS.own)
        ).all()
        own = next((row.hash for row in erased if row.own), None)
        return own, sorted(row.hash for row in erased)

    def _known(self, values: Collection[Personal]) -> Mapping[Personal, str]:
        people = sorted({each.of for each in values if _is_own(each)})
        if not people:
            return {}
        rows = self._work.connection.execute(
            select(_COLUMNS.person, _COLUMNS.hash).where(
                self._mine(), _COLUMNS.person.in_(people), _COLUMNS.own
            )
        )
        return {Personal.id(person): found for person, found in rows}

    def _rows(self, hashes: Collection[str]) -> Iterator[Row[Any]]:
        wanted = sorted(hashes)
        for start in range(0, len(wanted), AT_ONCE):
            piece = wanted[start : start + AT_ONCE]
            kept = (_COLUMNS.hash, _COLUMNS.person, _COLUMNS.salt, _OWN, _TEXT)
            yield from self._work.connection.execute(
                select(*kept).where(self._mine(), _COLUMNS.hash.in_(piece))
            )

    def _mine(self) -> ColumnElement[bool]:
        return _COLUMNS.team_id == self._work.team_id


def found_in(facts: object) -> Iterator[Personal]:
    """The personal values among facts."""
    if isinstance(facts, Personal):
        yield facts
    for each in _inside(facts):
        yield from found_in(each)


def hidden(facts: object, hashes: Mapping[Personal, str]) -> object:
    """The facts with the hash in the place of each personal value."""
    if isinstance(facts, Personal):
        return {IN_FACTS: hashes[facts]}
    return _made_of(facts, lambda each: hidden(each, hashes))


def shown(facts: object, values: Mapping[str, str]) -> object:
    """The facts with the values put back, or the word that says that they were erased."""
    found = _hash_of(facts)
    if found is not None:
        return values.get(found, ERASED)
    return _made_of(facts, lambda each: shown(each, values))


def hashes_in(facts: object) -> Iterator[str]:
    """The hashes among facts as they are kept."""
    found = _hash_of(facts)
    if found is not None:
        yield found
        return
    for each in _inside(facts):
        yield from hashes_in(each)


def _value(row: Row[Any]) -> str | None:
    """What was kept; None for what never was a value."""
    try:
        value = json.loads(row.value)
    except (TypeError, ValueError):
        return None
    return value if isinstance(value, str) else None


def _is_as_kept(row: Row[Any]) -> bool:
    value = _value(row)
    if value is None or canonical(value) != row.value or not isinstance(row.person, str):
        return False
    kept = Personal(value, row.person)
    return bool(hashed(row.salt, kept) == row.hash and row.own == _is_own(kept))


def _is_own(personal: Personal) -> bool:
    return personal.value == personal.of


def _hash_of(facts: object) -> str | None:
    if isinstance(facts, dict) and facts.keys() == {IN_FACTS} and isinstance(facts[IN_FACTS], str):
        return str(facts[IN_FACTS])
    return None


def _inside(facts: object) -> Iterable[object]:
    if isinstance(facts, Mapping):
        return facts.values()
    return facts if isinstance(facts, list | tuple) else ()


def _made_of(facts: object, how: Callable[[object], object]) -> object:
    if isinstance(facts, Mapping):
        return {name: how(each) for name, each in facts.items()}
    if isinstance(facts, list | tuple):
        return [how(each) for each in facts]
    return facts
