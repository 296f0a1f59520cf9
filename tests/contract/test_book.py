"""What every store promises of the ledger's own book."""

from datetime import timedelta
from threading import Thread

import pytest

from bot.billing.quote import Scope
from bot.billing.subscription import Status
from bot.ports.store import BookOrder
from tests.contract.samples import HOUR
from tests.contract.test_catalogue import complete
from tests.factories import NOW, cny, key, package, quota, resource, usd

SECOND = timedelta(seconds=1)


def put(store, *subscriptions, next_event_at=None):
    with store.transaction() as tx:
        for each in subscriptions:
            tx.book.put(each, next_event_at=next_event_at)


def order(ref="o-1", **changes):
    facts = {
        "id": ref,
        "account": "default",
        "subscription_id": "sm-quota",
        "accepted_at": NOW,
        "completes_at": NOW + 2 * SECOND,
        "refund": usd("12.340"),
        "handling_fee": usd("0"),
    }
    return BookOrder(**(facts | changes))


def test_a_subscription_comes_back_as_it_was(any_store):
    put(any_store, complete())

    with any_store.reading() as tx:
        found = tx.book.get(complete().key)
        assert found == complete()
        assert str(found.orders[0].cash_coupon) == "1E+2"
        assert tx.book.get(key("unknown")) is None


def test_parts_are_found_by_their_main_resource(any_store):
    put(
        any_store,
        resource("vm", note='says "parent_id":"vm"'),
        resource("disk", parent_id="vm"),
        resource("a-disk", parent_id="vm"),
        resource("other", parent_id="vm-2"),
        resource("foreign", account="prod", parent_id="vm"),
        resource("odd", parent_id='v"m%'),
    )

    with any_store.reading() as tx:
        assert [each.key.id for each in tx.book.parts("default", {"vm"})] == ["a-disk", "disk"]
        assert [each.key.id for each in tx.book.parts("default", {'v"m%'})] == ["odd"]
        assert tx.book.parts("default", set()) == []


def test_many_are_put_at_once_and_the_last_word_on_one_counts(any_store):
    with any_store.transaction() as tx:
        tx.book.put_all([])
        tx.book.put_all(
            [(quota(), NOW), (package(), None), (quota(status=Status.UNSUBSCRIBED), None)]
        )

    with any_store.reading() as tx:
        assert list(tx.book.of("default")) == sorted(
            [quota(status=Status.UNSUBSCRIBED), package()], key=lambda each: each.key
        )
        assert tx.book.next_event() is None


def test_putting_it_again_replaces_it(any_store):
    put(any_store, quota(), next_event_at=NOW)
    put(any_store, quota(status=Status.UNSUBSCRIBED), next_event_at=None)

    with any_store.reading() as tx:
        assert tx.book.get(key()).status is Status.UNSUBSCRIBED
        assert tx.book.due("default", now=NOW, limit=10) == []
        assert len(list(tx.book.of("default"))) == 1


def test_an_account_is_read_in_order_of_its_ids(any_store):
    put(any_store, *(resource(f"r-{number}") for number in range(700)))
    put(any_store, resource("other", account="prod"))

    with any_store.reading() as tx:
        found = [each.key.id for each in tx.book.of("default")]
    assert found == sorted(f"r-{number}" for number in range(700))


def test_removed_ones_are_listed_and_charged_no_more(any_store):
    put(any_store, quota(), resource(), next_event_at=NOW)
    with any_store.transaction() as tx:
        tx.book.add_order(order())
        tx.book.remove([key(), key("unknown")])

    with any_store.reading() as tx:
        assert tx.book.get(key()) is None
        assert [each.key.id for _, each in tx.book.due("default", now=NOW, limit=9)] == [
            "build-runner-01"
        ]
        assert tx.book.orders("default", ["sm-quota"], since=NOW) == [order()]


def test_due_ones_come_with_their_instant_earliest_first(any_store):
    put(any_store, quota(), next_event_at=NOW)
    put(any_store, resource(), next_event_at=NOW - HOUR)
    put(any_store, package(), next_event_at=NOW + SECOND)
    put(any_store, resource("theirs", account="prod"), next_event_at=NOW)

    with any_store.transaction() as tx:
        assert tx.book.due("default", now=NOW, limit=10) == [
            (NOW - HOUR, resource()),
            (NOW, quota()),
        ]
        assert len(tx.book.due("default", now=NOW, limit=1)) == 1


def test_what_is_in_use_in_a_region(any_store):
    put(
        any_store,
        quota(),
        package(),
        package("expired", status=Status.EXPIRED),
        quota("elsewhere", region="eu-west-101"),
        quota("nowhere", region=None),
        resource(),
    )

    with any_store.reading() as tx:
        group = tx.book.group("default", "ap-southeast-1")
        assert [each.key.id for each in group] == ["sm-quota", "sm-screen"]
        assert [each.key.id for each in tx.book.group("default", None)] == ["nowhere"]


@pytest.mark.parametrize(
    "whole", [order(), order(refund=cny("0.10"), scope=Scope.RENEWALS, done=True)]
)
def test_an_unsubscription_order_comes_back_as_it_was(any_store, whole):
    with any_store.transaction() as tx:
        tx.book.add_order(whole)

    with any_store.reading() as tx:
        [found] = tx.book.orders("default", ["sm-quota", "other"], since=NOW)
        assert found == whole
        assert str(found.refund.amount) == str(whole.refund.amount)
        assert tx.book.orders("default", ["sm-quota"], since=NOW + SECOND) == []
        assert tx.book.orders("prod", ["sm-quota"], since=NOW) == []
        assert tx.book.orders("default", [], since=NOW) == []


def test_an_accepted_order_is_due_until_it_is_completed(any_store):
    with any_store.transaction() as tx:
        tx.book.add_order(order())
        tx.book.add_order(order("o-2", completes_at=NOW + HOUR))

    with any_store.transaction() as tx:
        assert tx.book.orders_due("default", now=NOW + SECOND) == []
        assert tx.book.orders_due("default", now=NOW + 2 * SECOND) == [order()]
        tx.book.complete("o-1")
        assert tx.book.orders_due("default", now=NOW + 2 * SECOND) == []
    with any_store.reading() as tx:
        assert tx.book.orders("default", ["sm-quota"], since=NOW)[0].done


def test_the_next_event_is_the_earliest_of_all_accounts(any_store):
    def next_event():
        with any_store.reading() as tx:
            return tx.book.next_event()

    assert next_event() is None
    put(any_store, quota(), next_event_at=NOW + 2 * HOUR)
    assert next_event() == NOW + 2 * HOUR
    with any_store.transaction() as tx:
        tx.book.add_order(order(account="prod", completes_at=NOW + HOUR))
    assert next_event() == NOW + HOUR
    with any_store.transaction() as tx:
        tx.book.complete("o-1")
    assert next_event() == NOW + 2 * HOUR


def test_two_replicas_never_charge_the_same_term(any_store):
    put(any_store, *(resource(f"r-{number}") for number in range(100)), next_event_at=NOW)
    charged = []

    def work():
        while True:
            with any_store.transaction() as tx:
                found = tx.book.due("default", now=NOW, limit=7)
                for _, each in found:
                    tx.book.put(each, next_event_at=NOW + HOUR)
            charged.extend(each.key.id for _, each in found)
            with any_store.reading() as tx:
                if not tx.book.due("default", now=NOW, limit=1):
                    return

    threads = [Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(charged) == sorted(f"r-{number}" for number in range(100))
