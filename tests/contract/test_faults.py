"""The practice cloud fails exactly as it is told, and its facts change behind Lapse's back."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from bot.billing.bookkeeping import next_event
from bot.billing.quote import Scope
from bot.billing.subscription import AccountName, Status, Subscription
from bot.facts.faults import Fault, FaultKind
from bot.ports.provider import Call, OutcomeUnknown, ProviderRefused, ProviderUnavailable
from bot.providers.facts import CloudFacts
from bot.providers.faults import CloudFaults, FaultyProvider
from bot.providers.ledger import LedgerProvider
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.factories import instant, order, quota, resource

DEFAULT = AccountName("default")
MAY = order("2026-05-10 09:20")
A, B = "build-runner-01", "build-runner-02"


class Practice:
    """A ledger with three items behind faults."""

    def __init__(self, store: SqlStore, clock: SettableClock) -> None:
        self.clock = clock
        account = store.accounts[DEFAULT]
        with store.transaction() as tx:
            for each in (quota(orders=(MAY,)), resource(orders=(MAY,)), resource(B, orders=(MAY,))):
                tx.book.put(each, next_event_at=next_event(each, account, after=clock.now()))
        self.ledger = LedgerProvider(account=account, store=store, clock=clock)
        self.faults = CloudFaults(store=store, clock=clock)
        self.paused: list[float] = []
        self.cloud = FaultyProvider(
            provider=self.ledger, faults=self.faults, pause=self.paused.append
        )
        self.facts = CloudFacts(ledger=self.ledger, account=account, clock=clock)

    def call(self, *ids: str) -> Call:
        return Call(ids=ids, scope=Scope.ALL, reason=2, details="", started_at=self.clock.now())

    def accepted(self, *ids: str) -> list[bool]:
        return [each.accepted for each in self.ledger.find_outcome(self.call(*ids))]

    def held(self, ref: str) -> Subscription:
        return self.ledger.read([ref])[ref]


@pytest.fixture
def practice(store: SqlStore, clock: SettableClock) -> Practice:
    return Practice(store, clock)


def test_without_a_fault_everything_reaches_the_ledger(practice: Practice) -> None:
    [result] = practice.cloud.unsubscribe(practice.call(A))

    assert result.accepted
    assert practice.accepted(A) == [True]


def test_a_refusal_meets_the_next_call_once(practice: Practice) -> None:
    practice.faults.arm(Fault(kind=FaultKind.REFUSE, code="CBC.99003651"))

    [first] = practice.cloud.unsubscribe(practice.call(A))
    [second] = practice.cloud.unsubscribe(practice.call(A))

    assert (first.accepted, first.error_code) == (False, "CBC.99003651")
    assert first.error == "Another transaction is in progress."
    assert second.accepted
    assert practice.faults.armed() is None


def test_a_refusal_of_one_item_lets_the_others_of_the_call_go(practice: Practice) -> None:
    practice.faults.arm(Fault(kind=FaultKind.REFUSE, code="CBC.99003656", item=B))

    results = practice.cloud.unsubscribe(practice.call(A, B))

    assert [(each.id, each.accepted) for each in results] == [(A, True), (B, False)]


def test_a_fault_for_one_item_waits_for_it(practice: Practice) -> None:
    practice.faults.arm(Fault(kind=FaultKind.TIME_OUT_BEFORE, item=B))

    practice.cloud.unsubscribe(practice.call(A))
    with pytest.raises(OutcomeUnknown):
        practice.cloud.unsubscribe(practice.call(B))

    assert practice.accepted(A, B) == [True, False]


@pytest.mark.parametrize(
    ("kind", "done"),
    [
        (FaultKind.TIME_OUT_BEFORE, False),
        (FaultKind.TIME_OUT_AFTER, True),
        (FaultKind.ERROR_500, False),
    ],
)
def test_a_lost_answer_does_not_say_whether_it_was_done(
    practice: Practice, kind: FaultKind, *, done: bool
) -> None:
    practice.faults.arm(Fault(kind=kind))

    with pytest.raises(OutcomeUnknown):
        practice.cloud.unsubscribe(practice.call(A))

    assert practice.accepted(A) == [done]


def test_a_late_answer_is_waited_for(practice: Practice) -> None:
    practice.faults.arm(Fault(kind=FaultKind.ANSWER_LATE))

    [result] = practice.cloud.unsubscribe(practice.call(A))

    assert result.accepted
    assert practice.paused == [30.0]


def test_until_changed_means_every_call(practice: Practice) -> None:
    practice.faults.arm(Fault(kind=FaultKind.REFUSE, code="CBC.0151", until_changed=True))

    for _ in range(2):
        with pytest.raises(ProviderRefused):
            practice.cloud.set_auto_renew(A, on=False)
    practice.faults.clear()
    practice.cloud.set_auto_renew(A, on=False)

    assert practice.held(A).auto_renew is False


def test_a_cloud_that_cannot_be_reached_is_neither_read_nor_called_until_that_is_changed(
    practice: Practice,
) -> None:
    practice.faults.arm(Fault(kind=FaultKind.UNREACHABLE))
    cloud, call = practice.cloud, practice.call(A)
    for ask in (
        lambda: cloud.read([A]),
        lambda: cloud.around([A]),
        lambda: cloud.edition("ap-southeast-1"),
        lambda: cloud.find_outcome(call),
        lambda: cloud.refunds([A], since=practice.clock.now()),
        cloud.subscriptions,
        lambda: cloud.unsubscribe(call),
        lambda: cloud.set_auto_renew(A, on=False),
    ):
        with pytest.raises(ProviderUnavailable) as away:
            ask()
        assert away.value.sentence == "There is no connection to it."

    lines = practice.faults.calls()
    practice.faults.clear()

    assert [(each.call, each.item, each.outcome) for each in lines[:3]] == [
        ("auto-renewal off", A, "cannot be reached"),
        ("unsubscribe", A, "cannot be reached"),
        ("read the refunds", A, "cannot be reached"),
    ]
    assert practice.accepted(A) == [False]
    assert practice.held(A).auto_renew is True
    assert list(cloud.read([A])) == [A]


def test_of_one_item_that_cannot_be_reached_the_others_can(practice: Practice) -> None:
    practice.faults.arm(Fault(kind=FaultKind.UNREACHABLE, item=B))

    assert list(practice.cloud.read([A])) == [A]
    assert list(practice.cloud.subscriptions())
    with pytest.raises(ProviderUnavailable):
        practice.cloud.read([A, B])


@pytest.mark.parametrize("kind", [each for each in FaultKind if each is not FaultKind.UNREACHABLE])
def test_the_other_faults_let_the_cloud_be_read(practice: Practice, kind: FaultKind) -> None:
    practice.faults.arm(Fault(kind=kind, until_changed=True))

    assert list(practice.cloud.read([A])) == [A]
    assert practice.cloud.find_outcome(practice.call(A))


def test_the_last_ten_calls_are_listed_newest_first(practice: Practice) -> None:
    for _ in range(6):
        practice.cloud.set_auto_renew(A, on=False)
        practice.cloud.set_auto_renew(A, on=True)
    practice.cloud.unsubscribe(practice.call("no-such"))

    lines = practice.faults.calls()

    assert len(lines) == 10
    assert (lines[0].call, lines[0].item) == ("unsubscribe", "no-such")
    assert lines[0].outcome == "refused, CBC.30000067"
    assert lines[1].call == "auto-renewal on"
    assert lines[0].at == practice.clock.now()


Change = Callable[[CloudFacts], object]


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (lambda facts: facts.set_price(A, Decimal("70.00")), "price"),
        (lambda facts: facts.put_coupon(A, Decimal("20.00")), "coupon"),
        (lambda facts: facts.set_expiry(A, instant("2026-12-31 23:59:59")), "expiry"),
    ],
)
def test_a_changed_fact_is_what_the_next_reading_finds(
    practice: Practice, change: Change, check: str
) -> None:
    before = practice.ledger.settle(practice.clock.now())
    change(practice.facts)

    held = practice.held(A)
    found = {
        "price": held.renewal_price == Decimal("70.00"),
        "coupon": held.orders[0].cash_coupon == Decimal("20.00")
        and held.orders[0].cash == Decimal("3580.00"),
        "expiry": held.expires_at == instant("2026-12-31 23:59:59"),
    }
    assert found[check]
    assert practice.ledger.settle(practice.clock.now()) > before


def test_somebody_switches_on_removes_and_buys(practice: Practice) -> None:
    practice.ledger.set_auto_renew(A, on=False)

    practice.facts.switch_auto_renew_on(A)
    practice.facts.remove(B)
    found = practice.facts.add("found-01")

    assert practice.held(A).auto_renew is True
    assert practice.ledger.read([B]) == {}
    assert practice.held("found-01") == found
    assert found.owner is None
    assert found.status is Status.IN_USE
