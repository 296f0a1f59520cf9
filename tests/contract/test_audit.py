"""What every store promises of the append-only record."""

from decimal import Decimal
from threading import Thread

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bot.ports.record import Bad, Tampering
from storage.tables import audit_heads
from tests.conftest import ACCOUNTS, ONLY_POSTGRESQL, TEAM
from tests.contract.samples import HOUR
from tests.factories import NOW, key, usd

COLUMNS = "team_id, number, at, actor, action, subject, facts, digest, origin"


def append(store, number, **changes):
    facts = {
        "at": NOW,
        "actor": "U0OWNER",
        "action": "autorenew-off",
        "subject": f"default/s-{number}",
        "facts": {"number": number},
    }
    with store.transaction() as tx:
        tx.audit.append(**(facts | changes))


def test_where_auto_renewal_was_turned_off_comes_by_subject(any_store, monkeypatch):
    monkeypatch.setattr("storage.audit.CHUNK", 2)
    for number, (action, subject) in enumerate(
        [
            ("autorenew.off", "default/b"),
            ("autorenew.not-off", "default/a"),
            ("autorenew.off", "default-2/a"),
            ("autorenew.off", "default/a"),
            ("autorenew.off", "default/b"),
        ],
        start=1,
    ):
        facts = {"renewal": {"term_ends": NOW, "amount": usd("60.00")}}
        append(any_store, number, action=action, subject=subject, facts=facts)

    with any_store.reading() as tx:
        found = list(tx.audit.turned_off())

    assert [(each.subject, each.number) for each in found] == [
        ("default-2/a", 3),
        ("default/a", 4),
        ("default/b", 1),
        ("default/b", 5),
    ]
    assert found[0].facts == {
        "renewal": {"term_ends": "2026-11-23T02:12:00+00:00", "amount": "USD 60.00"}
    }


def first_bad(store):
    with store.reading() as tx:
        return tx.audit.first_bad()


def tamper(database, *statements):
    """Change the record as somebody with the database's own rights could, past its triggers."""
    with database.writer.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("ALTER TABLE audit DISABLE TRIGGER USER")
        else:
            connection.exec_driver_sql("DROP TRIGGER audit_update")
            connection.exec_driver_sql("DROP TRIGGER audit_delete")
        for statement in statements:
            connection.exec_driver_sql(statement)


@pytest.fixture
def five(any_store):
    for number in range(1, 6):
        append(any_store, number)
    return any_store


def test_lines_come_back_oldest_first_with_their_facts(any_store):
    facts = {
        "amount": usd("153.16"),
        "rate": Decimal("0.30"),
        "key": key(),
        "when": NOW,
        "day": NOW.date(),
        "text": "ünïcode \x00 “quoted”",
        "items": ("a", "b"),
        "nothing": None,
        "nested": {"b": [1, True], "a": {}},
    }
    append(any_store, 1, facts=facts, actor="lapse", action="asked", subject="1001")
    append(any_store, 2, at=NOW + HOUR)

    with any_store.reading() as tx:
        first, second = tx.audit.entries()
    assert (first.number, second.number) == (1, 2)
    assert (first.at, second.at) == (NOW, NOW + HOUR)
    assert (first.actor, first.action, first.subject) == ("lapse", "asked", "1001")
    assert first.facts == {
        "amount": "USD 153.16",
        "rate": "0.30",
        "key": "default/sm-quota",
        "when": "2026-11-23T02:12:00+00:00",
        "day": "2026-11-23",
        "text": "ünïcode \x00 “quoted”",
        "items": ["a", "b"],
        "nothing": None,
        "nested": {"b": [1, True], "a": {}},
    }
    assert first.digest != second.digest
    assert len(first.digest) == 64


def test_lines_of_one_subject(five):
    with five.reading() as tx:
        assert [each.number for each in tx.audit.entries("default/s-3")] == [3]
        assert list(tx.audit.entries("default/s-9")) == []


def test_a_line_is_seen_in_its_own_transaction(any_store):
    with any_store.transaction() as tx:
        tx.audit.append(at=NOW, actor="U1", action="a", subject="s", facts={})
        assert [each.number for each in tx.audit.entries()] == [1]
        tx.audit.append(at=NOW, actor="U1", action="b", subject="s", facts={})
        assert tx.audit.first_bad() is None

    with any_store.reading() as tx:
        assert [each.action for each in tx.audit.entries()] == ["a", "b"]


def test_a_fact_that_cannot_be_kept_is_refused_where_it_is_said(any_store):
    with any_store.transaction() as tx:
        with pytest.raises(TypeError, match="object"):
            tx.audit.append(at=NOW, actor="U1", action="a", subject="s", facts={"x": object()})
        with pytest.raises(ValueError, match="zone"):
            tx.audit.append(
                at=NOW.replace(tzinfo=None), actor="U1", action="a", subject="s", facts={}
            )
    assert first_bad(any_store) is None


def test_the_head_names_the_last_line(any_store):
    with any_store.reading() as tx:
        empty = tx.audit.head()
    with any_store.transaction() as tx:
        tx.audit.append(at=NOW, actor="U1", action="a", subject="s", facts={})
        inside = tx.audit.head()
    with any_store.reading() as tx:
        [line] = tx.audit.entries()
        assert tx.audit.head() == inside == (1, line.digest)
    assert empty.entries == 0
    assert len(empty.digest) == len(line.digest)


def test_an_untouched_record_is_good(five):
    assert first_bad(five) is None


def test_an_empty_record_is_good(any_store):
    assert first_bad(any_store) is None


def test_numbers_have_no_gap_however_many_write_and_roll_back(any_store):
    def work():
        for turn in range(20):
            try:
                with any_store.transaction() as tx:
                    tx.audit.append(at=NOW, actor="U1", action="a", subject="s", facts={})
                    if turn % 4 == 0:
                        raise ZeroDivisionError  # noqa: TRY301
            except ZeroDivisionError:
                pass

    threads = [Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    with any_store.reading() as tx:
        assert [each.number for each in tx.audit.entries()] == list(range(1, 46))
        assert tx.audit.first_bad() is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'U0OUTSIDER' WHERE number = 3",
        "DELETE FROM audit WHERE number = 3",
        "DELETE FROM audit",
    ],
)
def test_the_database_itself_refuses_to_change_the_record(five, any_database, statement):
    with (
        pytest.raises(DBAPIError, match="append-only"),
        any_database.writer.begin() as connection,
    ):
        connection.execute(text(statement))

    assert first_bad(five) is None


REPLACED = "'x', action, subject, facts, digest, origin FROM audit WHERE number = 3"


@pytest.mark.parametrize("any_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "statement",
    [
        f"INSERT OR REPLACE INTO audit SELECT team_id, number, at, {REPLACED}",
        f"REPLACE INTO audit SELECT team_id, number, at, {REPLACED}",
        "REPLACE INTO audit (rowid, team_id, number, at, actor, action, subject, facts, digest,"
        f" origin) SELECT rowid, team_id, 99, at, {REPLACED}",
        "UPDATE OR REPLACE audit SET number = 4 WHERE number = 3",
        f"INSERT INTO audit SELECT team_id, number, at, {REPLACED}"
        " ON CONFLICT DO UPDATE SET actor = excluded.actor",
    ],
)
@pytest.mark.parametrize("recursive", ["OFF", "ON"])
def test_sqlite_refuses_to_replace_a_line(five, any_database, statement, recursive):
    with any_database.writer.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA recursive_triggers = {recursive}")
        connection.rollback()
        with pytest.raises(DBAPIError, match="append-only"), connection.begin():
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql("PRAGMA recursive_triggers = OFF")

    assert first_bad(five) is None


@pytest.mark.parametrize("any_url", ONLY_POSTGRESQL, indirect=True)
def test_postgresql_refuses_to_put_another_line_in_the_place_of_one(five, any_database):
    with (
        pytest.raises(DBAPIError, match="append-only"),
        any_database.writer.begin() as connection,
    ):
        connection.exec_driver_sql(
            f"INSERT INTO audit SELECT team_id, number, at, {REPLACED}"
            " ON CONFLICT (team_id, number) DO UPDATE SET actor = excluded.actor"
        )

    assert first_bad(five) is None


@pytest.mark.parametrize("any_url", ONLY_POSTGRESQL, indirect=True)
def test_postgresql_refuses_to_truncate_the_record(five, any_database):
    with (
        pytest.raises(DBAPIError, match="append-only"),
        any_database.writer.begin() as connection,
    ):
        connection.execute(text("TRUNCATE audit"))


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'U0OUTSIDER'",
        "action = 'autorenew-on'",
        "subject = 'default/other'",
        "at = at + 1",
        "facts = '{\"number\":4}'",
        "digest = 'f00d'",
        "digest = (SELECT digest FROM audit WHERE number = 2)",
    ],
)
def test_an_altered_line_is_found(five, any_database, change):
    tamper(any_database, f"UPDATE audit SET {change} WHERE number = 3")

    assert first_bad(five) == Bad(number=3, how=Tampering.ALTERED)


@pytest.mark.parametrize("number", [1, 3])
def test_a_removed_line_is_found(five, any_database, number):
    tamper(any_database, f"DELETE FROM audit WHERE number = {number}")

    assert first_bad(five) == Bad(number=number, how=Tampering.REMOVED)


def test_a_removed_line_is_found_though_the_others_move_up(five, any_database):
    tamper(
        any_database,
        "DELETE FROM audit WHERE number = 3",
        "UPDATE audit SET number = 3 WHERE number = 4",
        "UPDATE audit SET number = 4 WHERE number = 5",
    )

    assert first_bad(five) == Bad(number=3, how=Tampering.REMOVED)


@pytest.mark.parametrize("kept", [0, 3, 4])
def test_removed_last_lines_are_found(five, any_database, kept):
    tamper(any_database, f"DELETE FROM audit WHERE number > {kept}")

    assert first_bad(five) == Bad(number=kept + 1, how=Tampering.CUT)


def test_removed_last_lines_are_found_though_the_head_says_fewer(five, any_database):
    tamper(
        any_database,
        "DELETE FROM audit WHERE number > 4",
        "UPDATE audit_heads SET entries = 4, digest = (SELECT digest FROM audit WHERE number = 4)",
    )

    assert first_bad(five) == Bad(number=5, how=Tampering.UNSEALED)


def test_swapped_lines_are_found(five, any_database):
    tamper(
        any_database,
        "UPDATE audit SET number = 9 WHERE number = 2",
        "UPDATE audit SET number = 2 WHERE number = 4",
        "UPDATE audit SET number = 4 WHERE number = 9",
    )

    assert first_bad(five) == Bad(number=2, how=Tampering.MOVED)


def test_a_line_added_without_the_key_is_found(five, any_database):
    with any_database.writer.begin() as connection:
        connection.execute(
            text(
                f"INSERT INTO audit ({COLUMNS}) SELECT team_id, 6, at, actor, action, subject,"
                " facts, digest, origin FROM audit WHERE number = 5"
            )
        )

    assert first_bad(five) == Bad(number=6, how=Tampering.INSERTED)


def test_a_record_without_its_head_is_bad(five, any_database):
    with any_database.writer.begin() as connection:
        connection.execute(audit_heads.delete())

    assert first_bad(five) == Bad(number=6, how=Tampering.UNSEALED)


def test_the_record_of_one_workspace_is_no_record_of_another(five, any_database):
    stranger = any_database.store(team_id="T2", accounts=ACCOUNTS, audit_key=b"a key of the tests")
    append(stranger, 1)
    tamper(
        any_database,
        "DELETE FROM audit WHERE team_id = 'T2'",
        f"INSERT INTO audit ({COLUMNS}) SELECT 'T2', number, at, actor, action, subject, facts,"
        f" digest, origin FROM audit WHERE team_id = '{TEAM}' AND number = 1",
    )

    assert first_bad(stranger).number == 1
    assert first_bad(five) is None


def test_another_key_verifies_nothing(five, any_database):
    other = any_database.store(team_id=TEAM, accounts=ACCOUNTS, audit_key=b"another key of it")

    assert first_bad(other).number == 1
