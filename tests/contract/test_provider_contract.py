"""What the Provider port promises, for the ledger over a real store and for the fake."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from bot.billing.bookkeeping import next_event
from bot.billing.quote import Scope
from bot.billing.refund import quote
from bot.billing.subscription import AccountName, Edition, Package, Status, Subscription
from bot.ports.provider import Call, Provider, ProviderRefused
from bot.providers.ledger import LedgerProvider
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.factories import account, instant, order, package, quota, renewal, resource, usd
from tests.fakes import FakeProvider

SOON = timedelta(seconds=2)
PAID_BACK = timedelta(seconds=1)
REGION = "ap-southeast-1"
MAY = order("2026-05-10 09:20")
SMALL = order("2026-05-10 09:20", cash="900.00")

Cloud = Callable[..., Provider]


@pytest.fixture(params=["ledger", "fake"])
def cloud(request: pytest.FixtureRequest, store: SqlStore, clock: SettableClock) -> Cloud:
    """Makes a cloud account that has these subscriptions."""

    def ledger(*subscriptions: Subscription) -> Provider:
        held = store.accounts[AccountName("default")]
        with store.transaction() as tx:
            for each in subscriptions:
                tx.book.put(each, next_event_at=next_event(each, held, after=clock.now()))
        return LedgerProvider(account=held, store=store, clock=clock)

    def fake(*subscriptions: Subscription) -> Provider:
        return FakeProvider(account(), subscriptions, clock)

    return ledger if request.param == "ledger" else fake


def call(clock: SettableClock, *ids: str, scope: Scope = Scope.ALL) -> Call:
    return Call(ids=ids, scope=scope, reason=2, details="", started_at=clock.now())


def test_everything_that_the_account_has_is_listed(cloud: Cloud) -> None:
    account = cloud(quota(orders=(MAY,)), package(orders=(SMALL,)))

    found = {each.key.id: each for each in account.subscriptions()}

    assert set(found) == {"sm-quota", "sm-screen"}
    assert found["sm-quota"] == quota(orders=(MAY,))


def test_reading_leaves_out_what_is_not_there(cloud: Cloud) -> None:
    found = cloud(quota(orders=(MAY,))).read(["sm-quota", "sm-other"])

    assert set(found) == {"sm-quota"}


def test_what_stands_around_is_of_the_same_region_or_a_part(cloud: Cloud) -> None:
    account = cloud(
        quota(orders=(MAY,)),
        package(orders=(SMALL,)),
        package("elsewhere", region="eu-west-101", orders=(SMALL,)),
        package("ended", status=Status.EXPIRED, orders=(SMALL,)),
        resource("vm", orders=(MAY,)),
        resource("disk", parent_id="vm", orders=(MAY,)),
        resource("other-disk", parent_id="other-vm", orders=(MAY,)),
        resource("old-disk", parent_id="vm", status=Status.UNSUBSCRIBED, orders=(MAY,)),
    )

    def around(*ids: str) -> set[str]:
        return {each.key.id for each in account.around(ids)}

    assert around("sm-quota") == {"sm-quota", "sm-screen"}
    assert around("vm") == {"disk"}
    assert around("sm-screen", "vm") == {"sm-quota", "sm-screen", "disk"}
    assert around("no-such") == set()


def test_what_is_unsubscribed_from_stands_around_nothing(
    cloud: Cloud, clock: SettableClock
) -> None:
    account = cloud(quota(orders=(MAY,)), package(orders=(SMALL,)))
    account.unsubscribe(call(clock, "sm-quota"))
    clock.advance(SOON)

    assert [each.key.id for each in account.around(["sm-screen"])] == ["sm-screen"]


def test_the_edition_is_that_of_the_quotas_of_a_region(cloud: Cloud) -> None:
    account = cloud(quota(orders=(MAY,)), package(orders=(SMALL,)))

    assert account.edition(REGION) is Edition.PROFESSIONAL
    assert account.edition("eu-west-101") is Edition.BASIC


def test_what_is_accepted_is_gone_a_little_later_and_not_before(
    cloud: Cloud, clock: SettableClock
) -> None:
    account = cloud(quota(orders=(MAY,)))

    [result] = account.unsubscribe(call(clock, "sm-quota"))
    at_once = set(account.read(["sm-quota"]))
    clock.advance(SOON)

    assert result.accepted
    assert result.order_id
    assert not result.gone
    assert at_once == {"sm-quota"}
    assert account.read(["sm-quota"]) == {}
    assert account.edition(REGION) is Edition.BASIC


def test_the_refund_is_what_the_rules_give_at_the_moment_of_acceptance(
    cloud: Cloud, clock: SettableClock
) -> None:
    held = quota(orders=(MAY,))
    cloud_account = cloud(held)
    began = clock.now()
    expected = quote(held, account(), at=began).total

    [result] = cloud_account.unsubscribe(call(clock, "sm-quota"))
    before = cloud_account.refunds(["sm-quota"], since=began)
    clock.advance(SOON + PAID_BACK)
    [found] = cloud_account.refunds(["sm-quota"], since=began)

    assert expected is not None
    assert before == ()
    assert found.order_id == result.order_id
    assert (found.refund, found.handling_fee) == (expected.refund, usd("360.00"))
    assert found.completed_at == began + SOON


def test_a_package_cannot_go_before_its_edition_and_nothing_changes(
    cloud: Cloud, clock: SettableClock
) -> None:
    account = cloud(quota(orders=(MAY,)), package(orders=(SMALL,)))

    [result] = account.unsubscribe(call(clock, "sm-screen"))
    clock.advance(SOON)

    assert not result.accepted
    assert result.error_code == "R8"
    assert set(account.read(["sm-screen"])) == {"sm-screen"}


def test_of_one_call_the_quota_is_accepted_and_its_package_refused(
    cloud: Cloud, clock: SettableClock
) -> None:
    account = cloud(quota(orders=(MAY,)), package(orders=(SMALL,)))

    results = account.unsubscribe(call(clock, "sm-quota", "sm-screen"))

    assert [(each.id, each.accepted) for each in results] == [
        ("sm-quota", True),
        ("sm-screen", False),
    ]


def test_packages_go_once_the_edition_reads_basic(cloud: Cloud, clock: SettableClock) -> None:
    account = cloud(
        quota(orders=(MAY,)),
        package(orders=(SMALL,)),
        package("sm-runs", Package.SECURITY_ORCHESTRATION, orders=(SMALL,)),
    )
    account.unsubscribe(call(clock, "sm-quota"))
    clock.advance(SOON)

    results = account.unsubscribe(call(clock, "sm-screen", "sm-runs"))
    clock.advance(SOON)

    assert all(each.accepted for each in results)
    assert account.read(["sm-quota", "sm-screen", "sm-runs"]) == {}


def test_an_id_that_is_not_there_is_refused_and_the_others_go(
    cloud: Cloud, clock: SettableClock
) -> None:
    account = cloud(resource(orders=(MAY,)))

    results = account.unsubscribe(call(clock, "build-runner-01", "no-such"))

    assert [each.accepted for each in results] == [True, False]
    assert results[1].error


def test_what_has_expired_is_refused(cloud: Cloud, clock: SettableClock) -> None:
    past = order("2025-10-01 09:20", months=12)
    account = cloud(quota(orders=(past,), auto_renew=False, status=Status.EXPIRED))

    [result] = account.unsubscribe(call(clock, "sm-quota"))

    assert not result.accepted
    assert result.error_code == "R34"


def test_an_outcome_tells_accepted_gone_and_neither_apart(
    cloud: Cloud, clock: SettableClock
) -> None:
    account = cloud(resource(orders=(MAY,)), resource("build-runner-02", orders=(MAY,)))
    asked = call(clock, "build-runner-01", "build-runner-02")
    before = account.find_outcome(asked)
    account.unsubscribe(call(clock, "build-runner-01"))

    accepted = account.find_outcome(asked)
    clock.advance(SOON)
    gone = account.find_outcome(asked)

    assert [(each.accepted, each.gone) for each in before] == [(False, False)] * 2
    assert [(each.accepted, each.gone) for each in accepted] == [(True, False), (False, False)]
    assert [(each.accepted, each.gone) for each in gone] == [(True, True), (False, False)]
    assert gone[0].order_id == accepted[0].order_id


def test_an_order_from_before_a_call_is_not_its_outcome(cloud: Cloud, clock: SettableClock) -> None:
    account = cloud(resource(orders=(MAY,)))
    account.unsubscribe(call(clock, "build-runner-01"))
    clock.advance(timedelta(seconds=5))

    [outcome] = account.find_outcome(call(clock, "build-runner-01"))

    assert (outcome.accepted, outcome.gone) == (False, True)


def test_a_renewal_period_is_given_back_in_full_and_the_term_stays(
    cloud: Cloud, clock: SettableClock
) -> None:
    first = order("2025-12-07 09:20", cash="1080.00")
    account = cloud(quota(orders=(first, renewal(first)), auto_renew=False))
    began = clock.now()

    account.unsubscribe(call(clock, "sm-quota", scope=Scope.RENEWALS))
    clock.advance(SOON + PAID_BACK)

    held = account.read(["sm-quota"])["sm-quota"]
    [paid] = account.refunds(["sm-quota"], since=began)
    assert held.orders == (first,)
    assert (paid.refund, paid.handling_fee) == (usd("1080.00"), usd("0.00"))


def test_auto_renewal_is_switched_and_read_back_however_often(cloud: Cloud) -> None:
    account = cloud(quota(orders=(MAY,)))

    for _ in range(2):
        account.set_auto_renew("sm-quota", on=False)
    off = account.read(["sm-quota"])["sm-quota"].auto_renew
    account.set_auto_renew("sm-quota", on=True)

    assert off is False
    assert account.read(["sm-quota"])["sm-quota"].auto_renew is True


def test_what_is_not_there_cannot_be_switched(cloud: Cloud) -> None:
    with pytest.raises(ProviderRefused) as refused:
        cloud().set_auto_renew("sm-quota", on=False)

    assert refused.value.sentence


def test_what_is_unsubscribed_from_renews_no_more(cloud: Cloud, clock: SettableClock) -> None:
    account = cloud(quota(orders=(MAY,)))
    account.unsubscribe(call(clock, "sm-quota"))
    clock.set(instant("2027-05-12 10:00"))

    found = {each.key.id: each for each in account.subscriptions()}

    assert found["sm-quota"].status is Status.UNSUBSCRIBED
    assert found["sm-quota"].orders == (MAY,)
