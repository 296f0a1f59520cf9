"""What every store promises of its files when something was erased."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from sqlalchemy import delete

from bot.billing.unsubscription import Event, State, Verb
from bot.ports.record import Personal, Remains
from bot.ports.store import ListQuery
from storage import wiping
from storage.engine import parse, sqlite_file
from storage.tables import subscriptions
from tests.conftest import ONLY_POSTGRESQL
from tests.contract.samples import request
from tests.factories import NOW, key, resource

WHO = "U0FORGETME7"
WORDS = "a very peculiar sentence"
ONLY_SQLITE = pytest.mark.parametrize("any_url", ["sqlite"], indirect=True)


@pytest.fixture
def files(any_url):
    """The bytes of all files of the database, as somebody with the disk reads them."""
    file = sqlite_file(parse(any_url))
    return lambda: b"".join(each.read_bytes() for each in file.parent.glob(f"{file.name}*"))


def written(store, *, number=1001):
    """A person asks in words that grow, so that the row moves about, and others do beside it."""
    with store.transaction() as tx:
        # As most builds of SQLite are, not Debian's.
        tx.catalogue.work.connection.exec_driver_sql("PRAGMA secure_delete = OFF")
        facts = {"note": Personal(WORDS, WHO)}
        actor = Personal.id(WHO)
        tx.audit.append(at=NOW, actor=actor, action="a", subject="s", facts=facts)
        events = (Event(number=1, verb=Verb.ASKED, at=NOW, by=WHO),)
        asked = tx.requests.save(
            request(number, f"s-{number}", requested_by=WHO, details=WORDS, events=events)
        )
    for times in (40, 400, 4, 4000):
        with store.transaction() as tx:
            asked = tx.requests.save(replace(asked, details=f"{WORDS} " * times))
    with store.transaction() as tx:
        tx.requests.save(replace(asked, state=State.WITHDRAWN, closed=True))
        tx.notes.put(f"autorenew/default/s-{number}", {"by": WHO, "at": "", "on": False})
        tx.notes.put(f"settled/default/s-{number}/2026-12-01", {"by": WHO, "note": None})
        tx.notes.put(f"form/{number}", {"request": number, "by": "U0OTHER"})


def forgotten(store):
    with store.transaction() as tx:
        tx.audit.forget(WHO, at=NOW, actor="operator")
        tx.notes.forget(WHO)
        tx.requests.forget(WHO)


@ONLY_SQLITE
def test_nothing_remains_in_any_file_while_all_are_open(any_store, files):
    for number in range(1001, 1006):
        written(any_store, number=number)
    assert WORDS.encode() in files()
    forgotten(any_store)

    assert any_store.wipe() is Remains.NOWHERE

    assert WORDS.encode() not in files()
    assert WHO.encode() not in files()


@ONLY_SQLITE
def test_while_somebody_reads_what_was_the_log_keeps_it(any_store, files, monkeypatch):
    monkeypatch.setattr(wiping, "PATIENCE", 1)
    written(any_store)
    with any_store.reading() as tx:
        assert tx.requests.get(1001).requested_by == WHO
        forgotten(any_store)
        assert any_store.wipe() is Remains.FILES

    assert any_store.wipe() is Remains.NOWHERE
    assert WORDS.encode() not in files()


@ONLY_SQLITE
def test_while_somebody_writes_nothing_is_wiped(any_store, any_url, monkeypatch):
    monkeypatch.setattr(wiping, "PATIENCE", 1)
    with closing(sqlite3.connect(sqlite_file(parse(any_url)))) as other:
        other.execute("BEGIN IMMEDIATE")
        assert any_store.wipe() is Remains.FILES

    assert any_store.wipe() is Remains.NOWHERE


@ONLY_SQLITE
def test_words_are_found_as_before_though_the_file_was_written_anew(any_store, any_database):
    with any_store.transaction() as tx:
        tx.catalogue.put([resource(f"s-{n}", name=f"runner number {n}") for n in range(9)], at=NOW)
    with any_database.writer.begin() as connection:
        connection.execute(delete(subscriptions).where(subscriptions.c.id.in_(["s-2", "s-5"])))

    assert any_store.wipe() is Remains.NOWHERE

    with any_store.transaction() as tx:
        tx.catalogue.put([resource("s-9", name="runner number 9")], at=NOW)
    with any_store.reading() as tx:
        for number in (0, 3, 8, 9):
            found = tx.catalogue.page(ListQuery(words=(f"number {number}",))).rows
            assert [each.key for each in found] == [key(f"s-{number}")]
        assert tx.catalogue.page(ListQuery(words=("number 5",))).rows == ()


@pytest.mark.parametrize("any_url", ONLY_POSTGRESQL, indirect=True)
def test_a_server_keeps_its_files_itself(any_store):
    assert any_store.wipe() is Remains.SERVER
