"""What every store promises of personal values: beside the record, erased without breaking it."""

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError

from bot.facts.erased import ERASED
from bot.ports.record import FORGOTTEN, Bad, Personal, Tampering, coming_from
from storage.engine import parse, sqlite_file
from storage.tables import audit, personal_values
from tests.conftest import ACCOUNTS, AUDIT_KEY, ONLY_POSTGRESQL, TEAM
from tests.factories import APPROVER_1, NOW, OWNER

WORDS = "I know Omar, who knows: ünïcode \x00"


def said(store, *, by=OWNER, note=WORDS, **changes):
    facts = {
        "at": NOW,
        "actor": Personal.id(by),
        "action": "request.rejected",
        "subject": "request/1001",
        "facts": {"note": Personal(note, by), "asked": [Personal.id(by), "U9"], "n": 1},
    }
    with store.transaction() as tx:
        tx.audit.append(**(facts | changes))


def forgotten(store, person=OWNER):
    with store.transaction() as tx:
        return tx.audit.forget(person, at=NOW, actor="operator")


def read(store):
    with store.reading() as tx:
        return list(tx.audit.entries())


def first_bad(store):
    with store.reading() as tx:
        return tx.audit.first_bad()


def raw(database, table=audit):
    with database.reader.connect() as connection:
        return [row._asdict() for row in connection.execute(select(table))]


def test_the_record_holds_hashes_and_reading_puts_the_values_back(any_store, any_database):
    said(any_store)

    [line] = read(any_store)
    assert (line.actor, line.facts["note"], line.facts["asked"]) == (OWNER, WORDS, [OWNER, "U9"])
    [row] = raw(any_database)
    assert OWNER not in str(row)
    assert "Omar" not in str(row)
    assert row["facts"]["n"] == 1
    assert row["actor"] == f"personal:{row['facts']['asked'][0]['personal']}"
    assert first_bad(any_store) is None


def test_a_persons_id_is_kept_once_and_words_each_time(any_store, any_database):
    for _ in range(3):
        said(any_store)
    said(any_store, by=APPROVER_1)

    kept = [(row["person"], row["own"]) for row in raw(any_database, personal_values)]
    assert sorted(kept) == sorted(
        [(OWNER, True), *[(OWNER, False)] * 3, (APPROVER_1, True), (APPROVER_1, False)]
    )


def test_nobody_finds_a_value_by_trying_since_salts_differ(any_store, any_database):
    said(any_store, note="the same")
    said(any_store, note="the same")

    first, second = (row["facts"]["note"]["personal"] for row in raw(any_database))
    assert first != second


def test_forgetting_erases_what_is_kept_of_one_person_and_the_chain_stays_whole(
    any_store, any_database
):
    said(any_store)
    said(any_store, by=APPROVER_1)

    assert forgotten(any_store) == 2

    mine, other, told = read(any_store)
    assert (mine.actor, mine.facts["note"], mine.facts["asked"]) == (ERASED, ERASED, [ERASED, "U9"])
    assert (other.actor, other.facts["note"]) == (APPROVER_1, WORDS)
    assert (told.actor, told.action, told.facts["values"]) == ("operator", FORGOTTEN, 2)
    hashes = raw(any_database)[0]
    assert told.facts["person"] == hashes["actor"].removeprefix("personal:")
    assert hashes["facts"]["note"]["personal"] in told.facts["erased"]
    assert OWNER not in str([raw(any_database), raw(any_database, personal_values)])
    assert first_bad(any_store) is None


def test_nothing_is_left_in_the_file_of_what_was_erased(any_store, any_database, any_url):
    said(any_store, note="a very peculiar sentence")
    forgotten(any_store)
    any_database.dispose()

    file = sqlite_file(parse(any_url))
    if file is not None:
        assert b"very peculiar" not in file.read_bytes()


def test_forgetting_who_is_not_known_says_nothing(any_store):
    said(any_store)

    assert forgotten(any_store, "U0NOBODY") == 0
    assert len(read(any_store)) == 1


def test_who_comes_back_is_known_under_another_hash(any_store, any_database):
    said(any_store)
    forgotten(any_store)
    said(any_store)

    assert [line.actor for line in read(any_store)] == [ERASED, "operator", OWNER]
    first, _, last = raw(any_database)
    assert first["actor"] != last["actor"]
    assert first_bad(any_store) is None


def test_many_values_are_forgotten_in_lines_of_some_hundred(any_store):
    with any_store.transaction() as tx:
        for number in range(1_100):
            facts = {"note": Personal(f"words {number}", OWNER)}
            tx.audit.append(at=NOW, actor="lapse", action="a", subject="s", facts=facts)

    assert forgotten(any_store) == 1_100
    told = [line.facts["values"] for line in read(any_store) if line.action == FORGOTTEN]
    assert told == [500, 500, 100]
    assert first_bad(any_store) is None


def test_lines_of_an_earlier_lapse_are_counted_where_they_name_a_person(any_store):
    said(any_store, actor=OWNER, facts={})
    said(any_store, actor="lapse", facts={"by": OWNER})
    said(any_store, facts={"n": 1})

    with any_store.reading() as tx:
        assert tx.audit.naming(OWNER) == 2


def test_the_database_itself_refuses_to_change_a_personal_value(any_store, any_database):
    said(any_store)

    with (
        pytest.raises(DBAPIError, match="not changed"),
        any_database.writer.begin() as connection,
    ):
        connection.execute(update(personal_values).values(person="U0OTHER"))


@pytest.mark.parametrize("any_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "statement",
    [
        "REPLACE INTO personal_values SELECT team_id, hash, person, own, salt, '\"x\"'"
        " FROM personal_values",
        "INSERT OR REPLACE INTO personal_values (rowid, team_id, hash, person, own, salt, value)"
        " SELECT rowid, team_id, 'f00d', person, own, salt, value FROM personal_values",
        "UPDATE OR REPLACE personal_values SET value = '\"x\"'",
    ],
)
def test_sqlite_refuses_to_replace_a_personal_value(any_store, any_database, statement):
    said(any_store)
    before = raw(any_database, personal_values)

    with (
        pytest.raises(DBAPIError, match="not changed"),
        any_database.writer.begin() as connection,
    ):
        connection.exec_driver_sql(statement)
    assert raw(any_database, personal_values) == before


@pytest.mark.parametrize("any_url", ONLY_POSTGRESQL, indirect=True)
def test_postgresql_refuses_to_truncate_the_personal_values(any_store, any_database):
    said(any_store)

    with (
        pytest.raises(DBAPIError, match="not truncated"),
        any_database.writer.begin() as connection,
    ):
        connection.exec_driver_sql("TRUNCATE personal_values")


@pytest.mark.parametrize(
    "change",
    [
        {"value": "other words"},
        {"value": 7},
        {"salt": "00"},
        {"person": "U1"},
        {"value": text("'no JSON'")},
        {"value": text("""' "U0OWNER"'""")},
    ],
)
def test_a_value_that_was_altered_is_found_at_the_first_line_that_holds_it(
    any_store, any_database, change
):
    said(any_store, actor="lapse", facts={})
    said(any_store)
    said(any_store)
    with any_database.writer.begin() as connection:
        without_trigger(connection)
        own = personal_values.c.own
        connection.execute(update(personal_values).where(own).values(change))

    assert first_bad(any_store) == Bad(number=2, how=Tampering.VALUE_ALTERED)


def test_a_value_that_was_removed_unrecorded_is_found(any_store, any_database):
    said(any_store, by=APPROVER_1)
    said(any_store)
    forgotten(any_store, APPROVER_1)
    with any_database.writer.begin() as connection:
        connection.execute(delete(personal_values).where(personal_values.c.person == OWNER))

    assert first_bad(any_store) == Bad(number=2, how=Tampering.VALUE_REMOVED)


def test_what_is_bad_first_is_named_first(any_store, any_database):
    for _ in range(4):
        said(any_store)
    with any_database.writer.begin() as connection:
        without_trigger(connection)
        connection.execute(update(personal_values).values(value="other words"))
        if connection.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
        else:
            connection.execute(text("DROP TRIGGER audit_update"))
        connection.execute(update(audit).where(audit.c.number == 3).values(subject="other"))

    assert first_bad(any_store) == Bad(number=1, how=Tampering.VALUE_ALTERED)


def test_lines_say_from_where_somebody_acted(any_store, any_database):
    own = {"replica": "host/1"}
    store = any_database.store(
        team_id=TEAM,
        accounts=ACCOUNTS,
        audit_key=AUDIT_KEY,
        origin={**own, "user": Personal.id("mei")},
    )
    said(any_store)
    said(store)
    with coming_from({"slack": "T1", "channel": "C1"}):
        said(store)
    said(store)

    told = [line.origin for line in read(store)]
    replica = {**own, "user": "mei"}
    assert told == [{}, replica, {"slack": "T1", "channel": "C1"}, replica]
    assert "mei" not in str(raw(any_database))
    assert first_bad(store) is None


def without_trigger(connection):
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ALTER TABLE personal_values DISABLE TRIGGER USER")
    else:
        connection.exec_driver_sql("DROP TRIGGER personal_values_update")


@pytest.fixture(autouse=True)
def triggers_again(any_database):
    yield
    with any_database.writer.begin() as connection:
        if connection.dialect.name == "postgresql":
            for table in ("personal_values", "audit"):
                connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE TRIGGER USER")
