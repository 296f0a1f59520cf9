"""What every store promises of notes and redeliveries."""

from datetime import date, timedelta
from threading import Barrier, Thread
from time import sleep

import pytest
from sqlalchemy.exc import DBAPIError

from bot.facts.erased import ERASED
from bot.facts.messages import Settled
from bot.services import switched, telling
from bot.services.closing import close, closures
from bot.services.keeping_time import KeepingTime
from bot.services.settled import SettledFact, fact_about, fact_name, record
from tests.clocks import SettableClock
from tests.conftest import AND_MODEL, migrated_url
from tests.contract.samples import HOUR
from tests.factories import NOW, key


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


def test_a_note_that_is_held_is_empty_when_there_is_none_and_as_last_written(any_store):
    with any_store.transaction() as tx:
        assert tx.notes.held("closed") == {}
        tx.notes.put("closed", {"C1": 1})
        tx.notes.look_up(["closed"])
        tx.notes.put("closed", {"C1": 2})
        assert tx.notes.held("closed") == {"C1": 2}

    with any_store.reading() as tx:
        assert tx.notes.get("closed") == {"C1": 2}


@pytest.mark.parametrize("there", [True, False])
def test_of_two_that_hold_a_note_at_once_neither_loses_what_the_other_wrote(any_store, there):
    if there:
        with any_store.transaction() as tx:
            tx.notes.put("closed", {"before": True})
    start = Barrier(2, timeout=10)
    failed = []

    def add(name):
        start.wait()
        try:
            for number in range(20):
                with any_store.transaction() as tx:
                    known = tx.notes.held("closed")
                    tx.notes.put("closed", {**known, f"{name}{number}": True})
        except Exception as error:  # noqa: BLE001 - told by the thread that asks
            failed.append(error)

    threads = [Thread(target=add, args=(name,)) for name in ("C", "D")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    with any_store.reading() as tx:
        assert (len(tx.notes.get("closed")), failed) == (40 + there, [])


def test_two_replicas_that_close_measure_and_press_at_once_lose_nothing(any_store):
    """One writes, and before it commits the other begins; the later one waits for it."""

    def replica(number):
        start.wait()
        channel, anchor = f"C{number}", date(2026, 12, number)
        fact = SettledFact(settled=Settled.TURNING_OFF, at=NOW)
        with any_store.transaction() as tx:
            close(tx, channel, error="is_archived", at=NOW)
            sleep(0.2)
            close(tx, channel, error="is_archived", at=NOW)
        with any_store.transaction() as tx:
            telling._watch(tx, key("sm-quota"), anchor, unanswered=True)
            sleep(0.2)
            record(tx, key("sm-quota"), date(2026, 12, 1), fact)
        KeepingTime(
            store=any_store,
            clock=SettableClock(NOW),
            replica=channel,
            machine=lambda: NOW + number * timedelta(seconds=1),
            database=lambda: NOW,
            operators=tuple,
        ).measure()

    start = Barrier(3, timeout=10)
    threads = [Thread(target=replica, args=(number,)) for number in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    with any_store.reading() as tx:
        assert {each: known.calls for each, known in closures(tx).items()} == {
            "C1": 2,
            "C2": 2,
            "C3": 2,
        }
        assert len(tx.notes.get("settled/unanswered")) == 3
        assert tx.notes.get(fact_name(key("sm-quota"), date(2026, 12, 1)))["revision"] == 3
        assert set(tx.notes.get("clocks")) == {"C1", "C2", "C3"}


def test_of_two_replicas_one_settles_what_was_being_turned_off(any_store):
    about, anchor = key("sm-quota"), date(2026, 12, 1)
    turning_off = SettledFact(settled=Settled.TURNING_OFF, at=NOW - HOUR)
    with any_store.transaction() as tx:
        telling.tell(tx, about, anchor, turning_off)
    start, settled = Barrier(2, timeout=10), []

    def replica():
        start.wait()
        with any_store.transaction() as tx:
            settled.append(telling.give_back(tx, now=NOW))
            sleep(0.2)

    threads = [Thread(target=replica) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(settled) == [0, 1]


def test_who_did_something_is_erased_and_what_was_done_stays(any_store):
    with any_store.transaction() as tx:
        switched.remember(tx, key("a"), on=False, by="U0MEI", at=NOW)
        switched.remember(tx, key("b"), on=False, by="U0MEI2", at=NOW)
        kept = SettledFact(settled=Settled.KEPT, at=NOW, by="U0MEI")
        record(tx, key("a"), date(2026, 12, 1), kept)
        tx.notes.put("form/1", {"request": 1001, "note": "U0MEI"})
        before = switched.turned_off_by(tx, key("b"))
        tx.notes.look_up([fact_name(key("a"), date(2026, 12, 1))])
        tx.notes.forget("U0MEI")

    with any_store.reading() as tx:
        assert switched.turned_off_by(tx, key("a")) is None
        assert switched.turned_off_by(tx, key("b")) == before
        fact = fact_about(tx, key("a"), date(2026, 12, 1))
        assert (fact.settled, fact.by) == (Settled.KEPT, ERASED)
        assert tx.notes.get("form/1") == {"request": 1001, "note": "U0MEI"}
