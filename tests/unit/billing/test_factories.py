"""The builders that every test uses tell the story their docstring promises."""

from tests.factories import contract, disk, instant, order, package, quota, renewal, resource


def test_the_default_quota_ends_a_year_after_its_purchase():
    assert quota().expires_at == instant("2026-12-07 23:59:59")


def test_a_renewal_follows_its_order_directly():
    first = order()

    second = renewal(first, months=1)

    assert second.effective_at == instant("2026-12-08 00:00:00")
    assert second.expires_at == instant("2027-01-07 23:59:59")


def test_every_builder_makes_a_subscription_of_its_own():
    built = [quota(), package(), resource(), contract(), disk()]

    assert len({each.key for each in built}) == len(built)
