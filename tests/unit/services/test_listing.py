"""What people ask about the catalogue: pages, one subscription, the deductions ahead."""

from dataclasses import replace
from datetime import date

import pytest

from bot.billing.money import Money
from bot.billing.renewal import AnchorKind
from bot.billing.subscription import Edition, Status
from bot.billing.unsubscription import State
from bot.billing.way import WayKind
from bot.ports.store import ListQuery, Store
from bot.services.errors import AmbiguousId, DaysOutOfRange, UnknownSubscription
from bot.services.listing import Listing
from tests.clocks import SettableClock
from tests.factories import contract, instant, key, order, package, quota, resource, usd
from tests.unit.services.desk import Desk, secmaster
from tests.unit.services.rig import Rig, policy


@pytest.fixture
def listing(store: Store, clock: SettableClock) -> Listing:
    return Listing(store=store, clock=clock, policy=policy())


@pytest.fixture
def rig(store: Store, clock: SettableClock) -> Rig:
    return Rig(store, clock)


def test_a_group_stands_together_quota_first_and_nearest_anchor_on_top(
    listing: Listing, rig: Rig
) -> None:
    rig.know(resource(), contract(), package(), quota())

    page = listing.page(ListQuery())

    assert [row.subscription.key.id for row in page.rows] == [
        "sm-quota",
        "sm-screen",
        "status-page",
        "build-runner-01",
    ]
    assert [row.number for row in page.rows] == [1, 2, 3, 4]
    assert page.rows[1].package_of == quota()
    assert page.rows[0].amount == usd("3600.00")
    assert (page.count, page.page, page.previous, page.next) == (4, 1, None, None)


def test_a_page_beyond_the_last_is_the_last(listing: Listing, rig: Rig) -> None:
    rig.know(*(resource(f"server-{n:02}") for n in range(12)))

    page = listing.page(ListQuery(page=99))

    assert (page.page, page.next, page.count) == (2, None, 12)
    assert [row.number for row in page.rows] == [11, 12]
    assert listing.page(ListQuery(page=-1)).page == 1


def test_the_pages_around_a_page_are_found_by_their_places(listing: Listing, rig: Rig) -> None:
    rig.know(*(resource(f"server-{n:02}") for n in range(25)))
    first = listing.page(ListQuery())
    second = listing.page(ListQuery(page=2, after=first.next))
    third = listing.page(ListQuery(page=3, after=second.next))

    assert [each.page for each in (first, second, third)] == [1, 2, 3]
    assert [row.number for row in third.rows] == [21, 22, 23, 24, 25]
    assert third.next is None
    assert listing.page(ListQuery(page=2, before=third.previous)) == second
    assert listing.page(ListQuery(page=1, before=second.previous)) == first


def test_a_place_after_which_nothing_is_left_leads_to_the_last_page(
    listing: Listing, rig: Rig, store: Store
) -> None:
    rig.know(*(resource(f"server-{n:02}") for n in range(12)))
    first = listing.page(ListQuery())
    with store.transaction() as tx:
        tx.catalogue.mark_gone([key("server-10"), key("server-11")], at=first.now)

    page = listing.page(ListQuery(page=2, after=first.next))

    assert (page.rows, page.page, page.next) == (first.rows, 1, None)


def test_an_empty_catalogue_is_one_empty_page(listing: Listing) -> None:
    page = listing.page(ListQuery())

    assert (page.rows, page.count, page.page) == ((), 0, 1)
    assert (page.previous, page.next) == (None, None)


def test_a_row_says_which_request_waits(store: Store, clock: SettableClock) -> None:
    desk = Desk(store, clock)
    desk.ask("sm-quota")

    rows = Listing(store=store, clock=clock, policy=policy()).page(ListQuery()).rows

    assert {(row.open_request, row.open_state) for row in rows} == {(1001, State.WAITING)}


def test_an_expiry_costs_nothing(listing: Listing, rig: Rig) -> None:
    rig.know(resource(auto_renew=False))

    [row] = listing.page(ListQuery()).rows

    assert row.anchor is not None
    assert (row.anchor.kind, row.amount) == (AnchorKind.EXPIRY, None)


def test_a_misspelled_filter_finds_the_nearest_with_its_count(listing: Listing, rig: Rig) -> None:
    rig.know(*secmaster(), resource())

    near = listing.nearest(ListQuery(service="SecMastr"))

    assert near is not None
    assert (near.field, near.value, near.count) == ("service", "SecMaster", 3)
    assert not near.more
    assert listing.nearest(ListQuery(account="zzz")) is None
    word = listing.nearest(ListQuery(words=("secmaser",)))
    assert word is not None
    assert word.value == "SecMaster"


def test_show_compares_the_ways_out_cheapest_first(listing: Listing, rig: Rig) -> None:
    rig.know(quota(), package())

    shown = listing.show("sm-quota")

    assert shown.cheapest is not None
    assert shown.cheapest.kind is WayKind.TURN_OFF
    assert shown.cheapest.last_moment == instant("2026-11-30 00:00")
    assert shown.last_working_day == date(2026, 11, 27)
    assert shown.amount == usd("3600.00")
    assert shown.current_edition is Edition.PROFESSIONAL
    assert [each.key.id for each in shown.packages] == ["sm-screen"]
    assert listing.show("sm-screen").quota == quota()
    give_back = shown.way(WayKind.GIVE_BACK)
    assert give_back is not None
    assert not give_back.open


def test_show_of_another_service_has_no_edition(listing: Listing, rig: Rig) -> None:
    rig.know(resource())

    assert listing.show("build-runner-01").current_edition is None


def test_an_unknown_and_an_ambiguous_id_are_told(listing: Listing, rig: Rig) -> None:
    rig.know(quota(), quota(account="staging"))

    with pytest.raises(UnknownSubscription):
        listing.show("nothing")
    with pytest.raises(AmbiguousId) as refused:
        listing.find("sm-quota")

    assert refused.value.advice == "Write `default/sm-quota`."
    assert listing.find("staging/sm-quota").key == key("sm-quota", "staging")


def test_what_is_gone_is_not_found(listing: Listing, rig: Rig) -> None:
    rig.know(quota())
    with rig.store.transaction() as tx:
        tx.catalogue.mark_gone([key("sm-quota")], at=rig.clock.now())

    for ref in ("sm-quota", "default/sm-quota"):
        with pytest.raises(UnknownSubscription):
            listing.find(ref)


def test_upcoming_adds_up_by_day_and_per_currency(listing: Listing, rig: Rig) -> None:
    rig.know(
        quota(),
        package(),
        quota("cn-quota", account="cn", orders=(order(currency="CNY"),), region="cn-north-4"),
        resource(renewal_price=None),
        contract(),
    )

    ahead = listing.upcoming(30)

    assert ahead.until == date(2026, 12, 23)
    assert [day.anchor.date for day in ahead.days] == [
        date(2026, 11, 30),
        date(2026, 12, 1),
        date(2026, 12, 5),
    ]
    assert [(each.total, each.count) for each in ahead.sums] == [
        (Money(usd("3600.00").amount, "CNY"), 1),
        (usd("4500.00"), 2),
    ]
    assert (ahead.notices, ahead.unknown) == (1, 1)
    assert [row.subscription.key.id for row in ahead.days[0].rows] == [
        "cn-quota",
        "sm-quota",
        "sm-screen",
    ]
    assert ahead.days[0].last_working_day == date(2026, 11, 27)


def test_upcoming_counts_every_month_of_a_monthly_term(listing: Listing, rig: Rig) -> None:
    rig.know(resource())

    dates = [day.anchor.date for day in listing.upcoming(100).days]

    assert dates == [date(2026, 12, 5), date(2027, 1, 5), date(2027, 2, 5)]


def test_an_expiry_is_no_deduction(listing: Listing, rig: Rig) -> None:
    rig.know(quota(auto_renew=False))

    assert listing.upcoming(30).days == ()


def test_an_empty_span_names_the_first_deduction_after_it(listing: Listing, rig: Rig) -> None:
    rig.know(*secmaster())

    ahead = listing.upcoming(7)

    assert ahead.days == ()
    assert ahead.next_after is not None
    assert ahead.next_after.anchor.date == date(2027, 5, 3)
    assert len(ahead.next_after.rows) == 3


def test_nothing_ahead_at_all_is_told(listing: Listing) -> None:
    assert listing.upcoming(1).next_after is None


@pytest.mark.parametrize("days", [0, -1, 367])
def test_days_go_from_1_to_366(listing: Listing, days: int) -> None:
    with pytest.raises(DaysOutOfRange) as refused:
        listing.upcoming(days)

    assert refused.value.sentence == "Days go from 1 to 366."


def test_before_anything_is_typed_the_nearest_are_suggested(listing: Listing, rig: Rig) -> None:
    rig.know(resource(), quota(), replace(quota("old"), status=Status.UNSUBSCRIBED))

    assert [each.key.id for each in listing.suggestions(" ")] == ["sm-quota", "build-runner-01"]
    assert listing.suggestions("runner")[0].key.id == "build-runner-01"


def test_history_has_what_was_done_about_a_subscription(store: Store, clock: SettableClock) -> None:
    desk = Desk(store, clock)
    desk.approved("sm-quota")

    lines = Listing(store=store, clock=clock, policy=policy()).history("sm-screen")

    assert [line.action for line in lines] == ["request.asked", "request.approved"]
    assert lines[0].facts["request"] == 1001
