"""What every store promises of notes and redeliveries."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy.exc import DBAPIError

from tests.conftest import AND_MODEL, migrated_url
from tests.contract.samples import HOUR
from tests.factories import NOW


@pytest.fixture(params=AND_MODEL)
def any_url(request):
    return migrated_url(request)


def test_a_note_is_replaced_whole(any_store):
    with any_store.transaction() as tx:
        assert tx.notes.get("sync/prod") is None
        tx.notes.put("sync/prod", {"at": NOW.isoformat(), "changed": 3, "nested": {"a": [None]}})
        tx.notes.put("sync/default", {})
        tx.notes.put("sync/prod", {"changed": 4})

    with any_store.reading() as tx:
        assert tx.notes.get("sync/prod") == {"changed": 4}
        assert tx.notes.get("sync/default") == {}


def test_a_note_written_in_a_read_is_an_error_and_one_of_a_failed_transaction_is_gone(any_store):
    with pytest.raises((DBAPIError, TypeError)), any_store.reading() as tx:
        tx.notes.put("tour", {"step": 1})
    with pytest.raises(ZeroDivisionError), any_store.transaction() as tx:  # noqa: PT012 - its end
        tx.notes.put("tour", {"step": 2})
        raise ZeroDivisionError

    with any_store.reading() as early:
        assert early.notes.get("tour") is None
        with any_store.transaction() as tx:
            assert tx.notes.get("tour") is None
            tx.notes.put("tour", {"step": 3})
        assert early.notes.get("tour") is None


def test_an_event_is_new_once(any_store):
    def seen(event, at=NOW):
        with any_store.transaction() as tx:
            return tx.notes.seen(event, at=at)

    assert seen("Ev1")
    assert not seen("Ev1")
    assert seen("Ev2")
    assert not seen("Ev1", NOW + 23 * HOUR)


def test_an_event_is_forgotten_after_a_day(any_store):
    with any_store.transaction() as tx:
        assert tx.notes.seen("Ev1", at=NOW)
        assert tx.notes.seen("Ev1", at=NOW + timedelta(days=1, seconds=1))


def test_an_event_of_a_transaction_that_failed_is_new_again(any_store):
    with pytest.raises(ZeroDivisionError), any_store.transaction() as tx:  # noqa: PT012 - its end
        assert tx.notes.seen("Ev1", at=NOW)
        raise ZeroDivisionError

    with any_store.transaction() as tx:
        assert tx.notes.seen("Ev1", at=NOW)


def test_of_two_deliveries_at_once_one_is_new(any_store):
    start = Barrier(2, timeout=10)
    answers = []

    def deliver():
        start.wait()
        with any_store.transaction() as tx:
            answers.append(tx.notes.seen("Ev1", at=NOW))

    threads = [Thread(target=deliver) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(answers) == [False, True]


def test_notes_that_were_looked_up_are_the_same_until_one_is_written(any_store):
    with any_store.transaction() as tx:
        tx.notes.put("one", {"n": 1})

        tx.notes.look_up(["one", "other"])
        assert tx.notes.get("one") == {"n": 1}
        assert tx.notes.get("other") is None

        tx.notes.put("other", {"n": 2})
        assert tx.notes.get("other") == {"n": 2}
