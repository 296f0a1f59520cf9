"""What migrating promises, on both databases."""

import hmac
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

import storage.migrate
from bot.billing.change import Change
from bot.ports.record import Personal
from bot.ports.store import ListQuery
from storage import SchemaNewer, SchemaOlder, open_database
from storage.engine import engines, parse
from storage.migrate import current, migrate, needed
from storage.tables import SCHEMA, metadata
from tests.conftest import ACCOUNTS, AUDIT_KEY
from tests.factories import NOW, key


def connected(url):
    database = engines(parse(url))
    try:
        with database.writer.begin() as connection:
            yield connection
    finally:
        database.dispose()


def shape(connection):
    """Everything that a database says about its tables, without names that it chose itself."""
    looked = inspect(connection)
    return {
        name: {
            "columns": sorted(
                (
                    column["name"],
                    str(column["type"].compile(connection.dialect)),
                    column["nullable"],
                    str(column.get("default")),
                )
                for column in looked.get_columns(name)
            ),
            "key": looked.get_pk_constraint(name),
            "parents": sorted(map(str, looked.get_foreign_keys(name))),
            "unique": sorted(map(str, looked.get_unique_constraints(name))),
            "indexes": sorted(map(spelled, looked.get_indexes(name))),
        }
        for name in looked.get_table_names()
        if name != "alembic_version" and is_ours(name)
    }


def is_ours(name):
    """Whether a table is not one of those in which SQLite itself keeps an index of words."""
    return not name.startswith("subscription_words")


def is_here(each, dialect):
    """Whether a database has it: SQLite has no index of three letters, but those tables."""
    return dialect == "postgresql" or each.name != "ix_subscriptions_words"


def spelled(index):
    options = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
    return str(index | {"dialect_options": options})


def sequences(connection):
    has_them = connection.dialect.name == "postgresql"
    return inspect(connection).get_sequence_names() if has_them else []


def test_the_migrated_schema_is_the_one_the_code_uses(empty_url):
    migrate(empty_url)
    for connection in connected(empty_url):
        opts = {
            "compare_type": True,
            "include_name": lambda name, kind, _: kind != "table" or is_ours(name),
            "include_object": lambda each, *_, on=connection.dialect.name: is_here(each, on),
        }
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, metadata) == []
        migrated = shape(connection)
        numbers = sequences(connection)
    assert len(migrated) == len(metadata.tables)

    for connection in connected(empty_url):
        connection.execute(text("DROP TABLE alembic_version"))
        metadata.drop_all(connection)
        metadata.create_all(connection)
        assert shape(connection) == migrated
        assert sequences(connection) == numbers


def test_every_table_and_unique_key_starts_with_the_workspace(any_database):
    with any_database.reader.connect() as connection:
        looked = inspect(connection)
        for name in metadata.tables:
            keys = [looked.get_pk_constraint(name)["constrained_columns"]]
            keys += [each["column_names"] for each in looked.get_unique_constraints(name)]
            keys += [each["column_names"] for each in looked.get_indexes(name) if each["unique"]]
            assert looked.get_columns(name)[0]["name"] == "team_id"
            assert {key[0] for key in keys} == {"team_id"}, name


def test_migrating_an_empty_database_brings_it_to_the_newest_schema(empty_url):
    assert current(empty_url) == "0000"
    assert migrate(empty_url) == "0000"
    assert current(empty_url) == needed() == SCHEMA


def test_migrating_again_changes_nothing(any_url):
    assert migrate(any_url) == SCHEMA
    assert current(any_url) == SCHEMA


def test_several_replicas_may_migrate_at_once(empty_url):
    with ThreadPoolExecutor(4) as replicas:
        before = sorted(replicas.map(lambda _: migrate(empty_url), range(4)))

    assert before == ["0000", SCHEMA, SCHEMA, SCHEMA]


def test_a_migration_that_fails_leaves_nothing_behind(empty_url, monkeypatch):
    def broken(config, _revision):
        connection = config.attributes["connection"]
        connection.execute(text("CREATE TABLE half_done (id INTEGER)"))
        raise ZeroDivisionError

    monkeypatch.setattr(command, "upgrade", broken)
    with pytest.raises(ZeroDivisionError):
        migrate(empty_url)

    for connection in connected(empty_url):
        assert inspect(connection).get_table_names() == []


def test_what_was_there_before_generations_is_seen_as_it_was(empty_url, monkeypatch):
    only_to(monkeypatch, "0002")
    migrate(empty_url)
    for connection in connected(empty_url):
        for statement in BEFORE_GENERATIONS:
            connection.execute(text(statement))
    monkeypatch.undo()
    assert migrate(empty_url) == "0002"

    database = open_database(empty_url)
    store = database.store(team_id="T0LAPSE", accounts=ACCOUNTS, audit_key=AUDIT_KEY)
    with store.reading() as tx:
        [found] = tx.catalogue.all()
        [known] = tx.catalogue.known()
        assert (found.key, found.name, found.tags) == (key("a"), "A", {"b": "c"})
        assert [(each.order_type, each.term_months) for each in found.orders] == [("new", 12)]
        assert (known.digest, known.book_digest, known.gone) == (None, None, False)
        assert [each.key for each in tx.book.of("default")] == [key("b")]
    database.dispose()


def test_lines_of_an_earlier_record_stay_as_they_are_and_the_chain_goes_on(empty_url, monkeypatch):
    only_to(monkeypatch, "0005")
    migrate(empty_url)
    told = EARLIER | {"number": 1, "facts": json.loads(EARLIER["facts"])}
    digest = keyed(keyed("audit of T0LAPSE") + spelled_alike(told))
    seal = keyed(spelled_alike({"team": "T0LAPSE", "entries": 1, "digest": digest}))
    for connection in connected(empty_url):
        connection.execute(text("INSERT INTO workspaces VALUES ('T0LAPSE', 1000)"))
        connection.execute(
            text(
                "INSERT INTO audit (team_id, number, at, actor, action, subject, facts, digest)"
                " VALUES ('T0LAPSE', 1, :at, :actor, :action, :subject, :facts, :digest)"
            ),
            {**EARLIER, "digest": digest},
        )
        connection.execute(
            text("INSERT INTO audit_heads VALUES ('T0LAPSE', 1, :digest, :seal)"),
            {"digest": digest, "seal": seal},
        )
    monkeypatch.undo()
    assert migrate(empty_url) == "0005"

    database = open_database(empty_url)
    store = database.store(team_id="T0LAPSE", accounts=ACCOUNTS, audit_key=AUDIT_KEY)
    with store.transaction() as tx:
        tx.audit.append(at=NOW, actor=Personal.id("U0OWNER"), action="b", subject="s", facts={})
    with store.reading() as tx:
        assert tx.audit.first_bad() is None
        earlier, later = tx.audit.entries()
        assert tx.audit.naming("U0OWNER") == 1
    assert (earlier.actor, earlier.facts, earlier.origin) == ("U0OWNER", {"note": "we"}, None)
    assert (later.actor, later.origin) == ("U0OWNER", {})
    database.dispose()


def keyed(words):
    return hmac.new(AUDIT_KEY, words.encode(), "sha256").hexdigest()


def spelled_alike(facts):
    return json.dumps(facts, sort_keys=True, separators=(",", ":"))


EARLIER = {
    "at": 1_795_399_920_000_000,
    "actor": "U0OWNER",
    "action": "request.rejected",
    "subject": "request/1001",
    "facts": '{"note":"we"}',
}


def only_to(monkeypatch, revision):
    upgrade = command.upgrade
    monkeypatch.setattr(command, "upgrade", lambda config, _: upgrade(config, revision))


BEFORE_GENERATIONS = (
    "INSERT INTO workspaces (team_id, last_request) VALUES ('T0LAPSE', 1000)",
    "INSERT INTO accounts (team_id, name, settings) VALUES ('T0LAPSE', 'default',"
    ' \'{"name":"default"}\')',
    "INSERT INTO subscriptions (team_id, account, id, name, tags, search, anchor_at, group_key,"
    " group_rank, group_anchor_at, known_since)"
    " VALUES ('T0LAPSE', 'default', 'a', 'A', '{\"b\":\"c\"}', 'a', 1, 'id:a', 5, 1, 1)",
    "INSERT INTO orders (team_id, account, subscription_id, number, order_type, term_months)"
    " VALUES ('T0LAPSE', 'default', 'a', 0, 'new', 12)",
    "INSERT INTO book_subscriptions (team_id, account, id, subscription)"
    ' VALUES (\'T0LAPSE\', \'default\', \'b\', \'{"key":{"account":"default","id":"b"}}\')',
)


def test_the_newest_migration_is_the_schema_that_the_code_names():
    config = Config()
    config.set_main_option(
        "script_location", str(Path(storage.migrate.__file__).parent / "migrations")
    )
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA]


def test_an_older_schema_is_told_with_both_numbers(empty_url):
    with pytest.raises(SchemaOlder) as refused:
        open_database(empty_url)

    assert refused.value.sentence == f"The database is at schema 0000, Lapse needs {SCHEMA}."
    assert refused.value.advice == "Run `lapse migrate`."


WORKSPACE = [
    "INSERT INTO workspaces VALUES ('T0LAPSE', 1000)",
    "INSERT INTO accounts (team_id, name, settings)"
    """ VALUES ('T0LAPSE', 'default', '{"name": "default"}')""",
    "INSERT INTO subscriptions (team_id, account, id, name, tags, search, anchor_at, group_key,"
    " group_rank, group_anchor_at, known_since) VALUES ('T0LAPSE', 'default', 'vm', 'Straße',"
    " '{}', 'strasse\nvm', 1, 'id:vm', 5, 1, 1)",
]


def test_words_of_what_was_there_before_are_found_after_migrating(empty_url):
    for connection in connected(empty_url):
        upgrade(connection, to="0002")
        for statement in WORKSPACE:
            connection.execute(text(statement))

    assert migrate(empty_url) == "0002"

    database = open_database(empty_url)
    store = database.store(team_id="T0LAPSE", accounts={}, audit_key=b"a key of the tests")
    with store.reading() as tx:
        found = tx.catalogue.page(ListQuery(words=("trasse",)))
    database.dispose()
    assert [each.name for each in found.rows] == ["Straße"]


def upgrade(connection, *, to):
    config = Config()
    config.set_main_option(
        "script_location", str(Path(storage.migrate.__file__).parent / "migrations")
    )
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def test_looking_at_a_file_that_is_not_there_does_not_make_one(tmp_path):
    url = f"sqlite:///{tmp_path / 'absent.db'}"
    assert current(url) == "0000"
    with pytest.raises(SchemaOlder):
        open_database(url)

    assert list(tmp_path.iterdir()) == []


def test_a_newer_schema_is_neither_opened_nor_migrated(any_url):
    for connection in connected(any_url):
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    try:
        with pytest.raises(SchemaNewer, match="newer than this Lapse"):
            open_database(any_url)
        with pytest.raises(SchemaNewer):
            migrate(any_url)
        assert current(any_url) == "9999"
    finally:
        for connection in connected(any_url):
            connection.execute(text(f"UPDATE alembic_version SET version_num = '{SCHEMA}'"))


WAITING = [
    "INSERT INTO workspaces (team_id, last_request) VALUES ('T0LAPSE', 1001)",
    "INSERT INTO requests (team_id, number, version, account, scope, left_behind, state,"
    " requested_by, requested_at, reason, details, acknowledgement, deadline, required_approvals,"
    " approvers, dry_run, cooling_off_minutes, rules, if_kept, closed, work_at)"
    " VALUES ('T0LAPSE', 1001, 1, 'default', 'all', '[]', 'waiting', 'U0REQUESTER', 1000000, 5, '',"
    """ '{"by":"U0REQUESTER","at":"2026-11-23T10:12:00+08:00","text":"I understand.","worst":"""
    """{"handling_fee":{"amount":"1","currency":"USD"},"refund":{"amount":"1","currency":"USD"},"""
    """"coupons_lost":{"amount":"0","currency":"USD"}}}',"""
    " 9000000, 1, '[]', false, 5, 'huaweicloud-intl/2025-07-25', '{}', false, 9000000)",
    "INSERT INTO decisions (team_id, request, number, verb, at, by)"
    " VALUES ('T0LAPSE', 1001, 1, 'asked', 1000000, 'U0REQUESTER')",
]


def test_what_waited_before_calls_were_made_is_looked_at_once_more(empty_url):
    for connection in connected(empty_url):
        upgrade(connection, to="0005")
        for statement in WAITING:
            connection.execute(text(statement))

    assert migrate(empty_url) == "0005"

    database = open_database(empty_url)
    store = database.store(team_id="T0LAPSE", accounts={}, audit_key=AUDIT_KEY)
    with store.reading() as tx:
        found = tx.requests.get(1001)
        looked_at = tx.requests.next_due()
    database.dispose()
    assert looked_at == found.requested_at
    assert found.dependents is None
    assert found.change is Change.UNSUBSCRIBE
    assert [(each.by, each.behalf, each.called) for each in found.events] == [
        ("U0REQUESTER", None, ())
    ]
