"""A thousand ways to tamper with the record, drawn at random: every one is found, and named right.

What the first bad entry is, the test knows by itself: it compares what lies there with a copy of
what was written, while the record has nothing but its key.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, column, delete, insert, select, table, update

from bot.ports.record import Bad, Personal, Tampering, coming_from
from storage.audit import SqlAudit
from storage.tables import audit, audit_heads, personal_values
from storage.work import Work
from tests.conftest import AUDIT_KEY, TEAM
from tests.factories import NOW, OWNER, REQUESTER

ENTRIES = 24
TRIALS = {"sqlite": 1_000, "postgresql": 120}
RAW = table("audit", *(column(each.name) for each in audit.columns))
VALUES = table("personal_values", *(column(each.name) for each in personal_values.columns))

COLUMNS = ("at", "actor", "action", "subject", "facts", "origin", "digest")

Row = Mapping[str, Any]
Rows = Sequence[Row]


@dataclass(frozen=True)
class Tampered:
    """The rows as somebody left them, and what the first bad one is called."""

    rows: Rows
    how: Tampering


def altered(rows: Rows, random: Random) -> Tampered:
    place = random.randrange(len(rows))
    row = rows[place]
    name = random.choice(COLUMNS)
    value = row[name]
    changed = {
        "at": lambda: value + random.choice((-1, 1, 1_000_000)),
        "facts": lambda: random.choice(
            ("{}", f" {value}", value.replace(":", ": ", 1), value.replace("1", "2", 1) + " ")
        ),
        "origin": lambda: random.choice((None, "{}", f"{value} ")),
        "digest": lambda: random.choice(
            (value[::-1], value.upper() + "x", "", rows[place - 1]["digest"])
        ),
    }.get(name, lambda: f"{value}{random.choice('.~ x')}")()
    return Tampered(_with(rows, place, {name: changed}), Tampering.ALTERED)


def renumbered_one(rows: Rows, random: Random) -> Tampered:
    place = random.randrange(len(rows))
    used = {row["number"] for row in rows}
    number = random.choice([each for each in (0, -7, 25, 99) if each not in used])
    return Tampered(_in_order(_with(rows, place, {"number": number})), Tampering.MOVED)


def removed(rows: Rows, random: Random) -> Tampered:
    gone = set(random.sample(range(len(rows) - 1), random.randint(1, 3)))
    left = [row for place, row in enumerate(rows) if place not in gone]
    return Tampered(_maybe_renumbered(left, random), Tampering.REMOVED)


def cut(rows: Rows, random: Random) -> Tampered:
    return Tampered(rows[: random.randrange(len(rows))], Tampering.CUT)


def reordered(rows: Rows, random: Random) -> Tampered:
    one, other = sorted(random.sample(range(len(rows)), 2))
    order = list(range(len(rows)))
    if random.random() < 0.5:
        order[one], order[other] = order[other], order[one]
    else:
        order.insert(one, order.pop(other))
    return Tampered(_numbered([rows[each] for each in order]), Tampering.MOVED)


def inserted(rows: Rows, random: Random) -> Tampered:
    copy = dict(random.choice(rows))
    if random.random() < 0.5:
        copy["subject"] = "request/9999"
    place = random.randint(0, len(rows))
    return Tampered(_numbered([*rows[:place], copy, *rows[place:]]), Tampering.INSERTED)


def altered_value(rows: Rows, random: Random) -> tuple[Rows, Sequence[str], Tampering]:
    place = random.randrange(len(rows))
    name = random.choice(("value", "person", "salt", "own"))
    value = rows[place][name]
    changed = not value if name == "own" else f"{value[:-1]}x{value[-1]}"
    hashes = [rows[place]["hash"]]
    return _with(rows, place, {name: changed}), hashes, Tampering.VALUE_ALTERED


def swapped_values(rows: Rows, random: Random) -> tuple[Rows, Sequence[str], Tampering]:
    one, other = random.sample(range(len(rows)), 2)
    swapped = _with(rows, one, {"hash": rows[other]["hash"]})
    swapped = _with(swapped, other, {"hash": rows[one]["hash"]})
    return swapped, [rows[one]["hash"], rows[other]["hash"]], Tampering.VALUE_ALTERED


def removed_values(rows: Rows, random: Random) -> tuple[Rows, Sequence[str], Tampering]:
    gone = random.sample([row["hash"] for row in rows], random.randint(1, 3))
    return [row for row in rows if row["hash"] not in gone], gone, Tampering.VALUE_REMOVED


WAYS: Sequence[Callable[[Rows, Random], Tampered]] = (
    altered,
    renumbered_one,
    removed,
    cut,
    reordered,
    inserted,
)


@pytest.fixture
def record(any_store, any_database) -> Iterator[Connection]:
    """A connection inside a transaction that is rolled back, the triggers out of the way."""
    for number in range(ENTRIES):
        by = Personal.id((OWNER, REQUESTER)[number % 2])
        with coming_from({"slack": "T0", "channel": "C0"}), any_store.transaction() as tx:
            tx.audit.append(
                at=NOW,
                actor=by if number % 3 else "lapse",
                action="request.approved",
                subject=f"request/{1001 + number % 4}",
                facts={"state": "approved", "note": Personal(f"because {number}", by.of)},
            )
    with any_database.writer.connect() as connection:
        connection.begin()
        untriggered(connection)
        yield connection
        connection.rollback()


def test_every_random_tampering_is_found_and_named(record):
    written = rows_of(record)
    assert verified(record) is None
    for seed in range(TRIALS[record.dialect.name]):
        random = Random(seed)
        way = WAYS[seed % len(WAYS)]
        tampered = way(written, random)
        laid(record, tampered.rows)

        found = verified(record)

        expected = Bad(number=first_unlike(written, tampered.rows), how=tampered.how)
        assert found == expected, f"{way.__name__}, seed {seed}"
    laid(record, written)
    assert verified(record) is None


def test_several_tamperings_at_once_are_found_where_the_first_is(record):
    written = rows_of(record)
    for seed in range(TRIALS[record.dialect.name] // 4):
        random = Random(f"several {seed}")
        rows = written
        for way in random.sample(WAYS, 2):
            rows = way(rows, random).rows if len(rows) > 4 else rows
        if list(rows) == list(written):
            continue
        laid(record, rows)

        found = verified(record)

        assert found is not None, seed
        assert found.number == first_unlike(written, rows), seed


def test_every_random_tampering_with_a_personal_value_is_found_and_named(record):
    first = first_places(record)
    written = [dict(row._mapping) for row in record.execute(select(VALUES).order_by(VALUES.c.hash))]
    for seed in range(TRIALS[record.dialect.name] // 4):
        random = Random(f"values {seed}")
        way = (altered_value, swapped_values, removed_values)[seed % 3]
        rows, touched, how = way(written, random)
        record.execute(delete(VALUES))
        if rows:
            record.execute(insert(VALUES), rows)

        found = verified(record)

        assert found == Bad(number=min(first[each] for each in touched), how=how), seed
    record.execute(delete(VALUES))
    record.execute(insert(VALUES), written)
    assert verified(record) is None


@pytest.mark.parametrize("kept", range(0, ENTRIES, 5))
def test_a_head_rewritten_without_the_key_hides_no_cut(record, kept):
    written = rows_of(record)
    laid(record, written[:kept])
    digest = written[kept - 1]["digest"] if kept else ""
    record.execute(update(audit_heads).values(entries=kept, digest=digest))

    assert verified(record) == Bad(number=kept + 1, how=Tampering.UNSEALED)


@pytest.mark.parametrize("kept", [1, 7, ENTRIES - 1])
def test_a_record_put_back_to_an_earlier_one_is_told_by_what_a_receipt_names(
    any_store, any_database, kept
):
    """Nothing in the database is wrong then: it is what it was, as after a restored backup."""
    heads = []
    for number in range(ENTRIES):
        with any_store.transaction() as tx:
            tx.audit.append(at=NOW, actor="lapse", action="a", subject=f"s/{number}", facts={})
        with any_store.reading() as tx:
            heads.append(tx.audit.head())
    with any_database.reader.connect() as connection:
        sealed = SqlAudit(work_on(connection), AUDIT_KEY, origin={})._chain.head(*heads[kept - 1])
    with any_database.writer.connect() as connection:
        connection.begin()
        untriggered(connection)
        connection.execute(delete(RAW).where(RAW.c.number > kept))
        connection.execute(
            update(audit_heads).values(entries=kept, digest=sealed.digest, seal=sealed.seal)
        )
        record = SqlAudit(work_on(connection), AUDIT_KEY, origin={})

        assert record.first_bad() is None
        assert record.numbered(heads[kept - 1].digest) == kept
        assert record.numbered(heads[kept - 1].digest[:16]) == kept
        assert record.numbered(heads[kept].digest) is None
        connection.rollback()


@pytest.mark.parametrize("any_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("bytes_", ["X'FF'", "CAST(X'FF' AS TEXT)", "X'7B7D'", "1.5"])
def test_what_is_no_text_and_no_number_is_found_in_sqlite(record, name, bytes_):
    record.exec_driver_sql(f"UPDATE audit SET {name} = {bytes_} WHERE number = 5")

    assert verified(record) == Bad(number=5, how=Tampering.ALTERED)


@pytest.mark.parametrize("any_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ["entries", "digest", "seal"])
@pytest.mark.parametrize("bytes_", ["X'FF'", "CAST(X'FF' AS TEXT)", "'x'"])
def test_a_head_that_is_none_is_found_in_sqlite(record, name, bytes_):
    record.exec_driver_sql(f"UPDATE audit_heads SET {name} = {bytes_}")

    assert verified(record) == Bad(number=ENTRIES + 1, how=Tampering.UNSEALED)


def untriggered(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ALTER TABLE audit DISABLE TRIGGER USER")
    else:
        connection.exec_driver_sql("DROP TRIGGER audit_update")
        connection.exec_driver_sql("DROP TRIGGER audit_delete")


def work_on(connection: Connection) -> Work:
    return Work(connection=connection, team_id=TEAM, writing=True)


def verified(connection: Connection) -> Bad | None:
    return SqlAudit(work_on(connection), AUDIT_KEY, origin={}).first_bad()


def rows_of(connection: Connection) -> Rows:
    found = connection.execute(select(RAW).order_by(RAW.c.number))
    return [dict(row._mapping) for row in found]


def first_places(connection: Connection) -> Mapping[str, int]:
    """The first line that holds the hash of each personal value."""
    lines = connection.execute(
        select(RAW.c.number, RAW.c.actor, RAW.c.facts).order_by(RAW.c.number)
    )
    told = {number: f"{actor} {facts}" for number, actor, facts in lines}
    hashes = connection.scalars(select(VALUES.c.hash)).all()
    return {each: min(n for n, said in told.items() if each in said) for each in hashes}


def laid(connection: Connection, rows: Rows) -> None:
    """These are the rows of the record now."""
    connection.execute(delete(RAW))
    if rows:
        connection.execute(insert(RAW), list(rows))


def first_unlike(written: Rows, rows: Rows) -> int:
    """The number at which what lies there first differs from what was written."""
    pairs = zip(written, rows, strict=False)
    unlike = (number for number, (one, other) in enumerate(pairs, start=1) if one != other)
    return next(unlike, min(len(written), len(rows)) + 1)


def _with(rows: Rows, place: int, changes: Row) -> Rows:
    return [row if each != place else {**row, **changes} for each, row in enumerate(rows)]


def _in_order(rows: Rows) -> Rows:
    return sorted(rows, key=lambda row: row["number"])


def _numbered(rows: Rows) -> Rows:
    return [{**row, "number": number} for number, row in enumerate(rows, start=1)]


def _maybe_renumbered(rows: Rows, random: Random) -> Rows:
    return _numbered(rows) if random.random() < 0.5 else rows
