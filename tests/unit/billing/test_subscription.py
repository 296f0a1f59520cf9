"""What a subscription is called, and what follows from its orders."""

from decimal import Decimal

import pytest

from bot.billing.subscription import Edition
from bot.billing.unsubscription import ItemState
from tests.factories import CN, EU, account, instant, key, order, package, quota, renewal, resource
from tests.unit.billing.requests import QUOTA, waiting


@pytest.mark.parametrize(
    ("subscription", "label"),
    [
        (quota(name="Ours"), "Ours"),
        (quota(name=None, quantity=Decimal("5E+1")), "SecMaster professional 50"),
        (quota(name=None, edition=Edition.BASIC, quantity=None), "SecMaster basic"),
        (package(name=None), "SecMaster large-screen"),
        (resource("runner", name=None, service=None), "runner"),
    ],
)
def test_it_is_called_by_its_name_else_by_what_it_is(subscription, label):
    assert subscription.label == label


def test_it_ends_with_its_last_order_and_keeps_its_newest_currency():
    bought = order()
    renewed = quota(orders=(bought, renewal(bought, currency=None)))

    assert renewed.expires_at == instant("2027-12-07 23:59:59")
    assert renewed.currency == "USD"
    assert quota(orders=()).expires_at is None
    assert quota(orders=()).currency is None


def test_an_account_has_the_currency_of_its_site():
    currencies = [each.currency for each in (account(), account(site=CN), account(site=EU))]

    assert currencies == ["USD", "CNY", "EUR"]


def test_a_key_is_written_as_account_and_id():
    assert str(key("sm-quota", "prod")) == "prod/sm-quota"


def test_a_request_knows_its_items_only():
    assert waiting().item(QUOTA.key).state is ItemState.PLANNED
    with pytest.raises(KeyError):
        waiting().item(key("other"))
