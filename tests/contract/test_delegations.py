"""What every store promises of delegations."""

from dataclasses import replace
from datetime import timedelta
from threading import Thread

import pytest

from bot.billing.delegation import Delegation
from bot.facts.erased import ERASED
from tests.conftest import AND_MODEL, BOTH, migrated_url
from tests.factories import APPROVER_1, APPROVER_2, NOW, OUTSIDER

DAY = timedelta(days=1)


@pytest.fixture(params=AND_MODEL)
def any_url(request):
    return migrated_url(request)


def delegation(name="a", **changes):
    facts = {
        "id": name,
        "approver": APPROVER_1,
        "delegate": OUTSIDER,
        "starts_at": NOW + DAY,
        "ends_at": NOW + 3 * DAY,
        "why": "Away “for” a week\n",
        "made_at": NOW,
    }
    return Delegation(**(facts | changes))


def added(store, *delegations):
    with store.transaction() as tx:
        return [tx.delegations.add(each) for each in delegations]


def names(store, at):
    with store.reading() as tx:
        return [each.id for each in tx.delegations.open(at=at)]


def test_a_delegation_comes_back_as_it_was(any_store):
    added(any_store, delegation())

    with any_store.reading() as tx:
        assert tx.delegations.get("a") == delegation()
        assert tx.delegations.get("b") is None
        assert list(tx.delegations.open(at=NOW)) == [delegation()]


def test_the_same_one_twice_is_one(any_store):
    other = delegation(delegate=APPROVER_2)

    assert added(any_store, delegation(), other) == [True, False]
    with any_store.reading() as tx:
        assert tx.delegations.get("a") == delegation()


def test_those_in_force_and_ahead_come_in_the_order_in_which_they_begin(any_store):
    added(
        any_store,
        delegation("ahead", starts_at=NOW + 2 * DAY),
        delegation("in-force", starts_at=NOW - DAY),
        delegation("over", starts_at=NOW - 3 * DAY, ends_at=NOW),
    )

    assert names(any_store, NOW) == ["in-force", "ahead"]
    assert names(any_store, NOW + 3 * DAY - timedelta(microseconds=1)) == ["in-force", "ahead"]
    assert names(any_store, NOW + 3 * DAY) == []


def test_one_that_was_ended_says_by_whom_and_is_ended_once(any_store):
    added(any_store, delegation(), delegation("b"))

    with any_store.transaction() as tx:
        assert tx.delegations.end("a", at=NOW + DAY, by=APPROVER_2) is True
        assert tx.delegations.end("a", at=NOW + 2 * DAY, by=APPROVER_1) is False
        assert tx.delegations.end("none", at=NOW, by=APPROVER_1) is False
        assert tx.delegations.end("b", at=NOW + 3 * DAY, by=APPROVER_1) is False

    ended = replace(delegation(), ended_at=NOW + DAY, ended_by=APPROVER_2)
    with any_store.reading() as tx:
        assert tx.delegations.get("a") == ended
        assert tx.delegations.get("b").ended_at is None
    assert names(any_store, NOW) == ["b"]
    assert ended.holds(NOW + DAY) is False


@pytest.mark.parametrize("any_url", BOTH, indirect=True)
def test_one_on_which_a_decision_rests_is_not_ended_before_that_is_saved(any_store):
    """Whoever ends it meanwhile waits, and then comes second."""
    added(any_store, delegation(starts_at=NOW - DAY))
    order = []

    def end():
        with any_store.transaction() as tx:
            tx.delegations.end("a", at=NOW, by=APPROVER_1)
            order.append("ended")

    ending = Thread(target=end)
    with any_store.transaction() as tx:
        assert [each.id for each in tx.delegations.open(at=NOW)] == ["a"]
        ending.start()
        ending.join(timeout=0.3)
        order.append("decided")
    ending.join(timeout=10)

    assert order == ["decided", "ended"]


def test_those_that_are_over_come_newest_end_first(any_store):
    added(
        any_store,
        delegation("long-over", starts_at=NOW - 9 * DAY, ends_at=NOW - 5 * DAY),
        delegation("just-over", starts_at=NOW - 3 * DAY, ends_at=NOW),
        delegation("ended", starts_at=NOW - 3 * DAY),
        delegation("in-force", starts_at=NOW - DAY),
    )
    with any_store.transaction() as tx:
        tx.delegations.end("ended", at=NOW - DAY, by=APPROVER_2)

    with any_store.reading() as tx:
        over = [each.id for each in tx.delegations.over(at=NOW)]
        newest = [each.id for each in tx.delegations.over(at=NOW, limit=1)]
    assert over == ["just-over", "ended", "long-over"]
    assert newest == ["just-over"]


@pytest.mark.parametrize(
    ("person", "left"),
    [
        (APPROVER_1, (ERASED, OUTSIDER, APPROVER_2, ERASED)),
        (OUTSIDER, (APPROVER_1, ERASED, APPROVER_2, "Away “for” a week\n")),
        (APPROVER_2, (APPROVER_1, OUTSIDER, ERASED, "Away “for” a week\n")),
    ],
)
def test_a_person_is_forgotten_in_what_is_over(any_store, person, left):
    added(any_store, delegation(), delegation("open"))
    with any_store.transaction() as tx:
        tx.delegations.end("a", at=NOW, by=APPROVER_2)
        tx.delegations.forget(person, at=NOW)

    with any_store.reading() as tx:
        over, still = tx.delegations.get("a"), tx.delegations.get("open")
    assert (over.approver, over.delegate, over.ended_by, over.why) == left
    assert still == delegation("open")
