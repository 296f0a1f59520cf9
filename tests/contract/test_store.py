"""What every store promises of its transactions, whatever it is kept in."""

from threading import Barrier, Thread

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from bot.billing.subscription import AccountName
from bot.ports.store import ChangedMeanwhile, ListQuery
from storage import DatabaseAway, open_database
from storage.engine import sqlite_file
from storage.errors import DatabaseUnknown
from tests.conftest import ACCOUNTS, AUDIT_KEY, ONLY_POSTGRESQL, TEAM
from tests.contract.samples import request
from tests.factories import NOW, quota, resource


def test_a_transaction_is_kept_when_its_block_ends(any_store, any_url):
    with any_store.transaction() as tx:
        tx.catalogue.put([quota()], at=NOW)
        tx.notes.put("tour", {"step": 1})

    again = open_database(any_url)
    store = again.store(team_id=TEAM, accounts=ACCOUNTS, audit_key=AUDIT_KEY)
    with store.reading() as tx:
        assert tx.catalogue.get(quota().key) == quota()
        assert tx.notes.get("tour") == {"step": 1}
    again.dispose()


def test_what_was_written_is_put_in_its_place_on_demand(any_store, any_url):
    with any_store.transaction() as tx:
        tx.notes.put("tour", {"said": "in its place"})
    any_store.give_way()

    file = sqlite_file(make_url(any_url))
    if file is not None:  # PostgreSQL does so by itself
        assert b"in its place" in file.read_bytes()
    with any_store.reading() as tx:
        assert tx.notes.get("tour") == {"said": "in its place"}


def test_an_exception_undoes_everything_in_the_block(any_store):
    with pytest.raises(ZeroDivisionError), any_store.transaction() as tx:  # noqa: PT012 - its end is meant
        tx.catalogue.put([quota()], at=NOW)
        tx.requests.save(request(tx.requests.next_number()))
        tx.audit.append(at=NOW, actor="U1", action="asked", subject="1001", facts={})
        raise ZeroDivisionError

    with any_store.reading() as tx:
        assert tx.catalogue.get(quota().key) is None
        assert tx.requests.get(1001) is None
        assert list(tx.audit.entries()) == []


def test_a_read_sees_one_moment_however_long_it_takes(any_store):
    with any_store.transaction() as tx:
        tx.catalogue.put([quota()], at=NOW)

    with any_store.reading() as early:
        before = early.catalogue.page(ListQuery())
        with any_store.transaction() as tx:
            tx.catalogue.put([resource()], at=NOW)
        assert early.catalogue.page(ListQuery()) == before
        assert early.catalogue.get(resource().key) is None

    with any_store.reading() as late:
        assert late.catalogue.page(ListQuery()).count == 2


def test_writing_in_a_read_is_an_error(any_store):
    with pytest.raises(DBAPIError), any_store.reading() as tx:
        tx.notes.put("tour", {"step": 1})

    with any_store.reading() as tx:
        assert tx.notes.get("tour") is None


def test_workspaces_share_a_database_and_nothing_else(any_database):
    ours = any_database.store(team_id="T1", accounts=ACCOUNTS, audit_key=AUDIT_KEY)
    theirs = any_database.store(team_id="T2", accounts=ACCOUNTS, audit_key=AUDIT_KEY)
    for store in (ours, theirs):
        with store.transaction() as tx:
            tx.catalogue.put([quota(owner=store.accounts[AccountName("default")].name)], at=NOW)
            assert tx.requests.next_number() == 1001
            tx.audit.append(at=NOW, actor="U1", action="asked", subject="1001", facts={})
            assert tx.notes.seen("Ev1", at=NOW)
    with ours.transaction() as tx:
        tx.catalogue.mark_gone([quota().key], at=NOW)

    with theirs.reading() as tx:
        assert tx.catalogue.page(ListQuery()).count == 1
        assert len(list(tx.audit.entries())) == 1
        assert tx.audit.first_bad() is None


def test_the_store_knows_the_accounts_of_the_settings(any_store):
    assert any_store.accounts == ACCOUNTS


def test_opening_a_store_twice_changes_nothing(any_database):
    for _ in range(2):
        store = any_database.store(team_id=TEAM, accounts=ACCOUNTS, audit_key=AUDIT_KEY)
        with store.transaction() as tx:
            tx.audit.append(at=NOW, actor="U1", action="opened", subject="", facts={})

    with store.reading() as tx:
        assert tx.audit.first_bad() is None
        assert len(list(tx.audit.entries())) == 2


def test_a_database_that_is_not_there_is_told_in_one_sentence(tmp_path):
    with pytest.raises(DatabaseAway) as refused:
        open_database("postgresql+psycopg://lapse@127.0.0.1:1/lapse")

    assert str(refused.value) == "The database does not answer. Check `LAPSE_DATABASE_URL`."


def test_a_file_that_is_no_database_is_told_in_one_sentence(tmp_path):
    file = tmp_path / "lapse.db"
    file.write_bytes(b"something else entirely\n" * 100)

    with pytest.raises(DatabaseAway):
        open_database(f"sqlite:///{file}")


@pytest.mark.parametrize(
    "url", ["mysql://localhost/lapse", "lapse.db", "", "sqlite://", "sqlite:///:memory:", "what://"]
)
def test_a_url_of_another_kind_is_told_what_is_allowed(url):
    with pytest.raises(DatabaseUnknown, match=r"sqlite:///lapse\.db"):
        open_database(url)


@pytest.mark.parametrize("any_url", ONLY_POSTGRESQL, indirect=True)  # SQLite has one writer
def test_a_deadlock_is_a_lost_race(any_store):
    with any_store.transaction() as tx:
        for ref in ("a", "b"):
            tx.notes.put(ref, {})

    both_hold_one = Barrier(2, timeout=10)
    lost = []

    def take(first: str, second: str) -> None:
        try:
            with any_store.transaction() as tx:
                tx.notes.put(first, {"by": first})
                both_hold_one.wait()
                tx.notes.put(second, {"by": first})
        except ChangedMeanwhile:
            lost.append(first)

    threads = [Thread(target=take, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert len(lost) == 1


def test_on_sqlite_who_reads_before_writing_waits_for_the_other(store):
    def count():
        for _ in range(20):
            with store.transaction() as tx:
                seen = tx.notes.get("count") or {"n": 0}
                tx.notes.put("count", {"n": seen["n"] + 1})

    threads = [Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    with store.reading() as tx:
        assert tx.notes.get("count") == {"n": 60}


def test_sqlite_keeps_the_last_commit_and_its_references(database):
    with database.writer.connect() as connection:
        settings = {
            name: connection.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }

    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


@pytest.mark.parametrize("any_url", ONLY_POSTGRESQL, indirect=True)
def test_postgresql_keeps_the_last_commit_whatever_the_server_says(any_database, any_url):
    how = text("SHOW synchronous_commit")
    plain = create_engine(any_url)
    with plain.connect() as connection:
        assert connection.scalar(how) == "off"
    plain.dispose()

    with any_database.writer.connect() as connection:
        assert connection.scalar(how) == "on"


@pytest.mark.parametrize("any_url", ONLY_POSTGRESQL, indirect=True)
def test_a_lost_connection_is_told_and_the_next_transaction_works(any_database, any_store):
    with pytest.raises(DatabaseAway), any_store.transaction() as tx:  # noqa: PT012 - its middle
        mine = tx.catalogue.work.connection.scalar(text("SELECT pg_backend_pid()"))
        tx.notes.put("tour", {"step": 1})
        with any_database.writer.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": mine})
        tx.notes.put("tour", {"step": 2})

    with any_store.transaction() as tx:
        assert tx.notes.get("tour") is None
        tx.notes.put("tour", {"step": 3})


@pytest.mark.parametrize("any_url", ONLY_POSTGRESQL, indirect=True)  # SQLite has one process
def test_a_process_that_is_frozen_in_a_change_loses_it_to_the_others(any_url, monkeypatch):
    monkeypatch.setattr("storage.engine.IDLE_SECONDS", 1)
    database = open_database(any_url)
    store = database.store(team_id=TEAM, accounts=ACCOUNTS, audit_key=AUDIT_KEY)
    with store.transaction() as tx:
        tx.notes.put("seen", {"by": "nobody"})

    with pytest.raises(DatabaseAway), store.transaction() as frozen:  # noqa: PT012 - its middle
        frozen.notes.put("seen", {"by": "frozen"})
        with store.transaction() as other:  # waits for the row, until the server takes it away
            other.notes.put("seen", {"by": "other"})
        frozen.notes.get("seen")

    with store.reading() as tx:
        assert tx.notes.get("seen") == {"by": "other"}
    database.dispose()


@pytest.mark.parametrize("any_url", ONLY_POSTGRESQL, indirect=True)
def test_who_changes_may_not_idle_for_long_and_who_reads_may(any_database):
    limit = text("SHOW idle_in_transaction_session_timeout")
    with any_database.writer.connect() as writing, any_database.reader.connect() as reading:
        assert (writing.scalar(limit), reading.scalar(limit)) == ("20s", "0")
        for each in (writing, reading):
            said = each.connection.driver_connection.info.get_parameters()
            assert (said["keepalives_idle"], said["tcp_user_timeout"]) == ("10", "25000")
