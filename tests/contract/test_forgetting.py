"""What every store promises of requests when a person is to be forgotten."""

from dataclasses import replace

import pytest

from bot.billing.unsubscription import Event, State, Verb
from bot.facts.erased import ERASED
from bot.ports.record import Named
from bot.ports.store import ChangedMeanwhile
from tests.contract.samples import request
from tests.factories import APPROVER_1, APPROVER_2, NOW, OUTSIDER, REQUESTER

EVENTS = (
    Event(number=1, verb=Verb.ASKED, at=NOW, by=REQUESTER),
    Event(number=2, verb=Verb.REJECTED, at=NOW, by=APPROVER_1, note="Mei still needs it"),
    Event(number=3, verb=Verb.EXPIRED, at=NOW, note="by itself"),
)


def closed(number=1001, **changes):
    facts = {"state": State.REJECTED, "closed": True, "events": EVENTS}
    return request(number, f"s-{number}", **(facts | changes))


def saved(store, *requests):
    for each in requests:
        with store.transaction() as tx:
            tx.requests.save(each)


def forgotten(store, person):
    with store.transaction() as tx:
        return tx.requests.forget(person)


def found(store, number=1001):
    with store.reading() as tx:
        return tx.requests.get(number)


def test_who_asked_is_erased_with_what_was_written(any_store):
    saved(any_store, closed())

    assert forgotten(any_store, REQUESTER) == Named(erased=(1001,), still=())

    after = found(any_store)
    assert (after.requested_by, after.details, after.acknowledgement.by) == (ERASED,) * 3
    assert [(event.by, event.note) for event in after.events] == [
        (ERASED, None),
        (APPROVER_1, "Mei still needs it"),
        (None, "by itself"),
    ]
    assert after.acknowledgement.worst == closed().acknowledgement.worst
    assert replace(after, version=0) == replace(
        closed(),
        requested_by=ERASED,
        details=ERASED,
        acknowledgement=after.acknowledgement,
        events=after.events,
    )


def test_who_decided_is_erased_with_the_reason_and_among_who_could(any_store):
    saved(any_store, closed())

    forgotten(any_store, APPROVER_1)

    after = found(any_store)
    assert after.approvers == (ERASED, APPROVER_2)
    assert (after.events[1].by, after.events[1].note) == (ERASED, ERASED)
    assert (after.requested_by, after.details) == (REQUESTER, closed().details)


def test_who_only_could_have_decided_is_erased_too(any_store):
    saved(any_store, closed(), closed(1002, approvers=(f"{APPROVER_2}X",)))

    assert forgotten(any_store, APPROVER_2) == Named(erased=(1001,), still=())
    assert found(any_store).approvers == (APPROVER_1, ERASED)


def test_for_whom_others_decided_and_whom_a_call_named_is_erased(any_store):
    told = (
        *EVENTS[:1],
        Event(number=2, verb=Verb.CALLED, at=NOW, called=(APPROVER_1, APPROVER_2, OUTSIDER)),
        Event(number=3, verb=Verb.REJECTED, at=NOW, by=OUTSIDER, behalf=APPROVER_2, note="No."),
    )
    saved(any_store, closed(events=told, approvers=()), closed(1002, approvers=()))

    assert forgotten(any_store, APPROVER_2) == Named(erased=(1001,), still=())

    after = found(any_store)
    assert after.events[1].called == (APPROVER_1, ERASED, OUTSIDER)
    assert (after.events[2].by, after.events[2].behalf, after.events[2].note) == (
        OUTSIDER,
        ERASED,
        "No.",
    )


def test_an_open_request_keeps_who_asked_and_is_named(any_store):
    strange = request(1003, "c", requested_by=OUTSIDER, events=())
    saved(any_store, request(1001, "a"), closed(1002), strange)

    assert forgotten(any_store, REQUESTER) == Named(erased=(1002,), still=(1001,))
    assert found(any_store).requested_by == REQUESTER
    assert forgotten(any_store, REQUESTER) == Named(erased=(), still=(1001,))


def test_no_details_stay_none(any_store):
    saved(any_store, closed(details=""))

    forgotten(any_store, REQUESTER)
    assert found(any_store).details == ""


def test_somebody_else_is_left_alone(any_store):
    saved(any_store, closed())
    before = found(any_store)

    assert forgotten(any_store, OUTSIDER) == Named(erased=(), still=())
    assert forgotten(any_store, REQUESTER[:-1]) == Named(erased=(), still=())
    assert found(any_store) == before


def test_whoever_loaded_it_before_is_told_that_it_changed(any_store):
    saved(any_store, closed())
    before = found(any_store)
    forgotten(any_store, REQUESTER)

    with pytest.raises(ChangedMeanwhile), any_store.transaction() as tx:
        tx.requests.save(before)


def test_who_was_asked_to_do_it_by_hand_is_erased_with_what_shows_it(any_store):
    did = Event(
        number=4,
        verb=Verb.CARRIED_OUT,
        at=NOW,
        by=OUTSIDER,
        note="I wrote to Mei",
        evidence="https://vendor.example/mei",
    )
    called = Event(number=5, verb=Verb.REMINDED, at=NOW, called=(OUTSIDER, APPROVER_2))
    plain = closed(events=(*EVENTS, did, called), by_hand=True)
    saved(any_store, replace(plain, items=(replace(plain.items[0], asked=OUTSIDER),)))

    assert forgotten(any_store, OUTSIDER) == Named(erased=(1001,), still=())

    after = found(any_store)
    assert after.items[0].asked == ERASED
    assert (after.events[3].by, after.events[3].note, after.events[3].evidence) == (ERASED,) * 3
    assert after.events[4].called == (ERASED, APPROVER_2)
    assert forgotten(any_store, OUTSIDER) == Named(erased=(), still=())
