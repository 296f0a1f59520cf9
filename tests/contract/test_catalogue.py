"""What every store promises of the catalogue."""

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from bot.billing.subscription import Kind, OrderType, Package, Status, SubscriptionKey
from bot.ports.store import ListQuery
from storage import open_store, rows
from storage.errors import DatabaseAway
from storage.rows import CHUNK
from tests.conftest import ACCOUNTS, AUDIT_KEY, ONLY_POSTGRESQL, TEAM
from tests.factories import (
    DEPUTY,
    NOW,
    OUTSIDER,
    OWNER,
    contract,
    instant,
    key,
    order,
    package,
    quota,
    renewal,
    resource,
)

DAY = timedelta(days=1)


def ending(ref, day, **changes):
    """A server without auto-renewal, whose anchor is its expiry on a day of December 2026."""
    paid = order(f"2026-11-{day:02} 08:00", months=1)
    return resource(ref, auto_renew=False, orders=(paid,), **changes)


def put(store, *subscriptions, at=NOW):
    with store.transaction() as tx:
        tx.catalogue.put(subscriptions, at=at)


def ids(store, **query):
    with store.reading() as tx:
        return [each.key.id for each in tx.catalogue.page(ListQuery(**query)).rows]


def complete():
    """A subscription with every field set, in spellings that a careless store would change."""
    bought = order(
        "2025-12-07 09:20:01",
        cash="0.10",
        cash_coupon="1E+2",
        flexi_coupon="3600.000",
        stored_value="0",
        discount_coupon="12345678901234567890.123456789",
        provisioned_at=instant("2025-12-07T01:21:00.123456+00:00"),
        cash_coupon_expires_at=instant("2026-01-01 00:00"),
        promotion=True,
        invoiced=False,
    )
    return replace(
        quota("ünïcode/“quota” %_\\", account="prod"),
        name="Größe, 東京\nsecond line",
        quantity=Decimal("50.00"),
        kind=Kind.PACKAGE,
        package=Package.LARGE_SCREEN,
        parent_id="main",
        notice_days=0,
        deputy=DEPUTY,
        channel="C0SECURITY",
        tags={"b": "2", "a": "", "ключ": "значение"},
        note="",
        transaction_in_progress=False,
        renewals_locked=True,
        orders=(bought, renewal(bought), renewal(renewal(bought), cash=None)),
    )


@pytest.mark.parametrize(
    "subscription",
    [
        complete(),
        quota(),
        contract(),
        replace(quota(), **dict.fromkeys(["name", "kind", "region"])),
    ],
    ids=["complete", "quota", "contract", "unknown"],
)
def test_a_subscription_comes_back_as_it_was(any_store, subscription):
    put(any_store, subscription)

    with any_store.reading() as tx:
        found = tx.catalogue.get(subscription.key)
        assert found == subscription
        assert [str(each) for each in _amounts(found)] == [
            str(each) for each in _amounts(subscription)
        ]
        assert {each.effective_at.tzinfo for each in found.orders} <= {UTC}


def _amounts(subscription):
    yield subscription.quantity
    yield subscription.renewal_price
    for paid in subscription.orders:
        yield from (
            paid.cash,
            paid.cash_coupon,
            paid.flexi_coupon,
            paid.stored_value,
            paid.discount_coupon,
        )


def test_putting_it_again_replaces_it_and_its_orders(any_store):
    first = order()
    put(any_store, quota(orders=(first, renewal(first))))
    put(any_store, quota(name=None, tags={"a": "b"}, orders=(first,)), at=NOW + DAY)

    with any_store.reading() as tx:
        assert tx.catalogue.get(key()) == quota(name=None, tags={"a": "b"}, orders=(first,))
        assert [each.order_type for each in tx.catalogue.get(key()).orders] == [OrderType.NEW]
        assert tx.catalogue.known_since(key()) == NOW
        assert tx.catalogue.page(ListQuery()).count == 1


def test_of_two_with_one_key_in_one_put_the_last_counts(any_store):
    put(any_store, quota(name="first"), quota(name="last"))

    with any_store.reading() as tx:
        assert tx.catalogue.get(key()).name == "last"


def test_an_account_that_no_settings_ever_named_is_refused(any_store):
    with pytest.raises(IntegrityError):
        put(any_store, quota(account="nowhere"))


def test_one_id_in_two_accounts_is_two_subscriptions(any_store):
    put(any_store, quota(), quota(account="prod", name="other"))

    with any_store.reading() as tx:
        assert [each.key.account for each in tx.catalogue.named("sm-quota")] == ["default", "prod"]
        assert tx.catalogue.get(SubscriptionKey("prod", "sm-quota")).name == "other"
        assert tx.catalogue.named("sm-qouta") == []


def test_the_nearest_anchor_comes_first_and_none_at_all_last(any_store):
    put(
        any_store,
        resource("never", auto_renew=False, orders=()),
        ending("third", 20),
        ending("first", 10),
        resource("second", orders=(order("2026-11-20 08:00", months=1),)),
    )

    # With auto-renewal the deduction, on 13 December, comes before the expiry on the 20th.
    assert ids(any_store) == ["first", "second", "third", "never"]


def test_a_quota_comes_before_its_packages_and_the_group_stays_together(any_store):
    put(
        any_store,
        package("a-package", auto_renew=False, orders=(order("2026-11-02 08:00", months=1),)),
        package("b-package", Package.SECURITY_ORCHESTRATION, orders=()),
        quota("z-quota", auto_renew=False, orders=(order("2026-11-10 08:00", months=1),)),
        quota("y-quota", auto_renew=False, orders=(order("2026-11-25 08:00", months=1),)),
        ending("before", 5),
        ending("between", 12),
        quota(
            "elsewhere",
            region="eu-west-101",
            auto_renew=False,
            orders=(order("2026-11-18 08:00", months=1),),
        ),
        package(
            "lonely",
            region="cn-north-4",
            auto_renew=False,
            orders=(order("2026-11-15 08:00", months=1),),
        ),
    )

    assert ids(any_store) == [
        "before",
        "z-quota",
        "y-quota",
        "a-package",
        "b-package",
        "between",
        "lonely",
        "elsewhere",
    ]


def test_groups_of_one_date_are_not_mixed(any_store):
    same = (order("2026-11-10 08:00", months=1),)
    for account in ("default", "prod"):
        for region in ("eu-west-101", "ap-southeast-1"):
            where = {"region": region, "account": account, "auto_renew": False, "orders": same}
            put(any_store, quota(f"q-{region}", **where), package(f"p-{region}", **where))

    assert (
        ids(any_store)
        == ["q-ap-southeast-1", "p-ap-southeast-1", "q-eu-west-101", "p-eu-west-101"] * 2
    )


def test_packages_of_a_group_come_as_the_cloud_orders_them_then_by_name(any_store):
    put(
        any_store,
        package("1", Package.SECURITY_ORCHESTRATION),
        replace(package("2"), package=None, name=None),
        package("3", Package.INTELLIGENT_ANALYSIS),
        package("4", Package.LARGE_SCREEN, name="screen in Ulm"),
        package("5", Package.LARGE_SCREEN, name="Screen in Bonn"),
        quota("6", orders=()),
    )

    # Its quota has no anchor, so that the group stands where its packages do.
    assert ids(any_store) == ["6", "5", "4", "3", "1", "2"]
    with any_store.reading() as tx:
        group = tx.catalogue.group("default", "ap-southeast-1")
    assert [each.key.id for each in group] == ["6", "5", "4", "3", "1", "2"]


def test_a_quota_without_an_anchor_stands_where_its_packages_do(any_store):
    put(any_store, quota(orders=()), package(), ending("other", 5))

    assert ids(any_store) == ["sm-quota", "sm-screen", "other"]


def test_packages_move_with_their_quota(any_store):
    late = order("2026-11-20 08:00", months=1)
    put(any_store, quota(auto_renew=False, orders=(late,)), package(), ending("middle", 10))
    assert ids(any_store) == ["middle", "sm-quota", "sm-screen"]

    put(any_store, quota(auto_renew=False, orders=(order("2026-11-05 08:00", months=1),)))
    assert ids(any_store) == ["sm-quota", "sm-screen", "middle"]

    with any_store.transaction() as tx:
        tx.catalogue.mark_gone([key()], at=NOW)
    assert ids(any_store) == ["sm-screen", "middle"]  # by its own deduction, on 30 November

    put(any_store, quota(auto_renew=False, orders=(late,)), package(region="eu-west-101"))
    assert ids(any_store) == ["sm-screen", "middle", "sm-quota"]


def test_a_quota_that_was_unsubscribed_leaves_its_group(any_store):
    put(any_store, quota(orders=(order("2025-11-28 08:00"),)), package(orders=()))
    put(any_store, quota(status=Status.UNSUBSCRIBED), ending("other", 10))

    assert ids(any_store) == ["other", "sm-screen"]
    assert ids(any_store, status=Status.UNSUBSCRIBED) == ["sm-quota"]
    with any_store.reading() as tx:
        assert [each.key.id for each in tx.catalogue.group("default", "ap-southeast-1")] == [
            "sm-screen"
        ]


def test_ten_a_page(any_store):
    put(any_store, *(ending(f"r-{day:02}", day) for day in range(1, 24)))

    assert ids(any_store) == [f"r-{day:02}" for day in range(1, 11)]
    assert ids(any_store, page=3) == [f"r-{day:02}" for day in range(21, 24)]
    assert ids(any_store, page=4) == []


@pytest.mark.parametrize(("rows", "count", "more"), [(1000, 1000, False), (1001, 1000, True)])
def test_the_count_stops_at_a_thousand(any_store, rows, count, more):
    put(any_store, *(resource(f"r-{number}", orders=()) for number in range(rows)))

    with any_store.reading() as tx:
        page = tx.catalogue.page(ListQuery())
    assert (page.count, page.more, len(page.rows)) == (count, more, 10)


FILTERS = [
    ({"service": "SecMaster"}, {"sm-quota", "sm-screen"}),
    ({"service": "secmaster"}, {"sm-quota", "sm-screen"}),
    ({"service": "SecMas"}, set()),
    ({"account": "prod"}, {"vm"}),
    ({"account": "PROD"}, set()),
    ({"region": "EU-west-101"}, {"vm"}),
    ({"status": Status.FROZEN}, {"ice"}),
    ({"owner": OUTSIDER}, {"vm"}),
    ({"owner": OWNER}, {"sm-quota", "sm-screen", "ice"}),
    ({"auto_renew": True}, {"sm-quota", "sm-screen", "ice"}),
    ({"auto_renew": False}, {"vm"}),
    ({"kind": Kind.PACKAGE}, {"sm-screen"}),
    ({"kind": Kind.RESOURCE, "account": "prod"}, {"vm"}),
    ({"kind": Kind.QUOTA, "account": "prod"}, set()),
    ({"due_before": NOW + 8 * DAY}, {"sm-quota", "sm-screen"}),
    ({"due_before": NOW}, set()),
    ({"words": ("LARGE",)}, {"sm-screen"}),
    ({"words": ("sm-",)}, {"sm-quota", "sm-screen"}),
    ({"words": ("secmaster", "quota")}, {"sm-quota"}),
    ({"words": ("straße",)}, {"vm"}),
    ({"words": ("STRASSE",)}, {"vm"}),
    ({"words": ("100%_",)}, {"vm"}),
    ({"words": ("%",)}, {"vm"}),
    ({"words": ("_",)}, {"vm"}),
    ({"words": ("\\",)}, {"ice"}),
    ({"words": ("quota", "nothing")}, set()),
]


def test_filters_and_words(any_store):
    put(
        any_store,
        quota(),
        package(),
        ending("vm", 10, account="prod", region="eu-west-101", owner=OUTSIDER, name="Straße 100%_"),
        resource("ice", status=Status.FROZEN, service="CDN", name="back\\slash", orders=()),
    )

    with any_store.reading() as tx:
        pages = [tx.catalogue.page(ListQuery(**query)) for query, _ in FILTERS]
    listed = [
        (query, {each.key.id for each in page.rows})
        for (query, _), page in zip(FILTERS, pages, strict=True)
    ]
    assert listed == FILTERS
    assert [page.count for page in pages] == [len(found) for _, found in FILTERS]


def test_unsubscribed_ones_are_listed_only_when_their_status_is_asked_for(any_store):
    put(any_store, quota(), resource(status=Status.UNSUBSCRIBED), resource("odd", status=None))

    assert ids(any_store) == ["sm-quota", "odd"]
    assert ids(any_store, status=Status.UNSUBSCRIBED) == ["build-runner-01"]
    with any_store.reading() as tx:
        assert tx.catalogue.values("service") == ["ECS", "SecMaster"]


def test_gone_ones_are_kept_for_history_and_listed_nowhere(any_store):
    put(any_store, quota(), package(), resource())
    with any_store.transaction() as tx:
        tx.catalogue.mark_gone([key(), key("build-runner-01"), key("unknown")], at=NOW + DAY)

    with any_store.reading() as tx:
        assert tx.catalogue.get(key()) == quota()
        assert tx.catalogue.is_gone(key())
        assert not tx.catalogue.is_gone(key("sm-screen"))
        assert not tx.catalogue.is_gone(key("unknown"))
        assert [each.key.id for each in tx.catalogue.all()] == ["sm-screen"]
        assert [each.key.id for each in tx.catalogue.near("sm-scren")] == ["sm-screen"]
        assert anchored(tx, NOW, NOW + 365 * DAY) == [package()]
        assert [each.key.id for each in tx.catalogue.group("default", "ap-southeast-1")] == [
            "sm-screen"
        ]
        assert tx.catalogue.values("service") == ["SecMaster"]
    assert ids(any_store) == ["sm-screen"]
    assert ids(any_store, status=Status.IN_USE) == ["sm-screen"]


def test_one_that_comes_back_is_new_again(any_store):
    put(any_store, quota())
    with any_store.transaction() as tx:
        tx.catalogue.mark_gone([key()], at=NOW + DAY)
    put(any_store, quota(), at=NOW + 2 * DAY)

    with any_store.reading() as tx:
        assert tx.catalogue.known_since(key()) == NOW + 2 * DAY
        assert not tx.catalogue.is_gone(key())
    assert ids(any_store) == ["sm-quota"]


def anchored(tx, start, end):
    return list(tx.catalogue.anchored(start=start, end=end))


def test_anchors_in_a_window_come_the_nearest_first(any_store):
    put(
        any_store,
        ending("b", 10),
        ending("a", 12),
        ending("a", 11, account="prod"),
        ending("c", 14),
        resource("x", status=Status.UNSUBSCRIBED),
    )
    start, end = instant("2026-12-10 23:59:59"), instant("2026-12-14 23:59:59")

    with any_store.reading() as tx:
        window = anchored(tx, start, end)
        assert [str(each.key) for each in window] == ["default/b", "prod/a", "default/a"]
        assert tx.catalogue.soonest(start=start, end=end, limit=2) == window[:2]
        keys = tx.catalogue.anchored_keys(start=start, end=end)
        assert list(keys) == [each.key for each in window]


def test_anchors_of_one_instant_are_streamed_in_pieces_without_loss(any_store):
    many = [ending(f"id-{n:04}", 10) for n in range(2 * CHUNK + 1)]
    put(any_store, *many)

    with any_store.reading() as tx:
        found = anchored(tx, NOW, NOW + 365 * DAY)
        keys = list(tx.catalogue.anchored_keys(start=NOW, end=NOW + 365 * DAY))

    assert found == many
    assert keys == [each.key for each in many]


def test_what_was_written_waits_to_be_planned_until_it_is(any_store):
    put(any_store, quota(), package())
    with any_store.transaction() as tx:
        assert tx.catalogue.unplanned(limit=9) == [key(), key("sm-screen")]
        assert tx.catalogue.unplanned(limit=1) == [key()]
        tx.catalogue.planned([key(), key("sm-screen")])
        assert tx.catalogue.unplanned(limit=9) == []
        tx.catalogue.unplan([key()])
        tx.catalogue.unplan([key()])
        assert tx.catalogue.unplanned(limit=9) == [key()]
        tx.catalogue.planned([key()])

    with any_store.transaction() as tx:
        tx.catalogue.mark_gone([key()], at=NOW + DAY)
        tx.catalogue.date_passed(at=NOW + 30 * DAY, limit=9)

    with any_store.reading() as tx:
        assert tx.catalogue.unplanned(limit=9) == [key(), key("sm-screen")]


def test_what_was_looked_up_is_answered_the_same_until_something_is_written(any_store):
    put(any_store, quota(), package())
    with any_store.transaction() as tx:
        tx.catalogue.mark_gone([key("sm-screen")], at=NOW + DAY)
    keys = [key(), key("sm-screen"), key("unknown")]

    def answers(tx):
        asked = (tx.catalogue.get, tx.catalogue.is_gone, tx.catalogue.known_since)
        return [[ask(each) for each in keys] for ask in asked]

    with any_store.transaction() as tx:
        before = answers(tx)
        tx.catalogue.look_up(keys)
        assert answers(tx) == before
        tx.catalogue.put([replace(quota(), name="Renamed")], at=NOW)
        assert tx.catalogue.get(key()).name == "Renamed"
        tx.catalogue.look_up(keys)
        tx.catalogue.mark_gone([key()], at=NOW)
        assert tx.catalogue.is_gone(key())


def test_a_notice_counts_as_falling_on_the_end_of_its_date(any_store):
    put(any_store, contract())  # 30 days before 31 December: 1 December

    with any_store.reading() as tx:
        end = instant("2026-12-01 23:59:59")
        assert anchored(tx, end, end + timedelta(seconds=1)) == [contract()]


def test_what_belongs_to_an_account_that_left_the_settings_can_still_be_changed(any_database):
    def opened(accounts):
        return any_database.store(team_id=TEAM, accounts=accounts, audit_key=AUDIT_KEY)

    mine = quota("sm-quota", account="prod")
    put(opened(ACCOUNTS), mine)
    later = opened({name: each for name, each in ACCOUNTS.items() if name != "prod"})

    put(later, replace(mine, owner=OUTSIDER), at=NOW + 400 * DAY)

    with later.reading() as tx:
        assert tx.catalogue.get(mine.key).owner == OUTSIDER


def test_anchors_that_time_has_passed_are_derived_again(any_store):
    put(any_store, quota(), package(), ending("other", 3))
    assert ids(any_store) == ["sm-quota", "sm-screen", "other"]
    later = instant("2026-12-06 12:00")  # the deductions of 30 November did not succeed

    with any_store.transaction() as tx:
        assert tx.catalogue.date_passed(at=later, limit=2) == 2
        assert tx.catalogue.date_passed(at=later, limit=2) == 1
        assert tx.catalogue.date_passed(at=later, limit=2) == 0
    with any_store.reading() as tx:
        found = anchored(tx, later, later + DAY)
        assert [each.key.id for each in found] == ["sm-quota", "sm-screen"]
    assert ids(any_store) == ["sm-quota", "sm-screen", "other"]


def test_a_changed_setting_of_an_account_dates_its_anchors_anew(any_store, any_url):
    put(any_store, quota())
    earlier = dict(ACCOUNTS) | {"default": replace(ACCOUNTS["default"], deduction_days_before=2)}
    store = open_store(any_url, team_id=TEAM, accounts=earlier, audit_key=AUDIT_KEY)

    with store.reading() as tx:
        assert anchored(tx, NOW, instant("2026-12-01 00:00")) == []
        moved = instant("2026-12-05 03:00"), instant("2026-12-05 03:01")
        assert anchored(tx, *moved) == [quota()]
    store.dispose()


def test_the_group_of_an_account_and_region_has_its_quotas_first(any_store):
    put(
        any_store,
        package(),
        quota(),
        quota("nowhere", region=None),
        quota("elsewhere", region="eu-west-101"),
        quota("theirs", account="prod"),
        resource(),
    )

    with any_store.reading() as tx:
        group = tx.catalogue.group("default", "ap-southeast-1")
        assert [each.key.id for each in group] == ["sm-quota", "sm-screen"]
        assert [each.key.id for each in tx.catalogue.group("default", None)] == ["nowhere"]


@pytest.mark.parametrize("others", [0, 2500], ids=["small", "large"])
def test_what_is_spelled_alike_is_found(any_store, others):
    crowd = [resource(f"node-{number:05}", name=None, orders=()) for number in range(others)]
    put(any_store, quota(), package(), resource(), *crowd)

    with any_store.reading() as tx:
        found = {text: tx.catalogue.near(text)[0].key.id for text in ALIKE}
        assert len(tx.catalogue.near("sm-", limit=1)) == 1
    assert found == ALIKE


ALIKE = {
    "sm-qouta": "sm-quota",
    "m-quota": "sm-quota",
    " SM-QUOTA ": "sm-quota",
    "large sceen": "sm-screen",
    "runner": "build-runner-01",
    "build-runner": "build-runner-01",
    "sm_screen": "sm-screen",
}


@pytest.mark.parametrize("text", ["", "  ", "zzzzzzzz", "%", "_"])
def test_what_is_like_nothing_finds_nothing(any_store, text):
    put(any_store, quota(), package())

    with any_store.reading() as tx:
        assert tx.catalogue.near(text) == []


def test_values_are_told_apart(any_store):
    put(any_store, quota(), package(), quota(account="prod"), resource(region=None))

    with any_store.reading() as tx:
        assert tx.catalogue.values("service") == ["ECS", "SecMaster"]
        assert tx.catalogue.values("account") == ["default", "prod"]
        assert tx.catalogue.values("region") == ["ap-southeast-1"]
        with pytest.raises(ValueError, match="owner"):
            tx.catalogue.values("owner")


def test_what_is_listed_is_what_all_pages_show_in_their_order(any_store, monkeypatch):
    monkeypatch.setattr(rows, "CHUNK", 7)
    put(
        any_store,
        package("p"),
        quota("q"),
        *(resource(f"r-{n:02}", name=f"R {n % 7}") for n in range(25)),
        resource("left", status=Status.UNSUBSCRIBED),
        resource("gone"),
    )
    with any_store.transaction() as tx:
        tx.catalogue.mark_gone([key("gone")], at=NOW)

    with any_store.reading() as tx:
        pages = [tx.catalogue.page(ListQuery(page=number)).rows for number in (1, 2, 3)]
        listed = list(tx.catalogue.listed())

    assert listed == [each for page in pages for each in page]
    assert len(listed) == 27


def test_all_comes_in_order_of_the_key_however_many(any_store):
    many = [
        resource(f"r-{number}", account=account, orders=())
        for number in range(600)
        for account in ("prod", "default")
    ]
    put(any_store, *many, quota("Z"), quota("é"))

    with any_store.reading() as tx:
        found = [each.key for each in tx.catalogue.all()]
    assert found == sorted(found)
    assert len(found) == 1202


def test_reading_an_account_is_remembered_changed_or_not(any_store):
    with any_store.reading() as tx:
        assert tx.catalogue.read_at("default") is None
    put(any_store, quota())
    with any_store.transaction() as tx:
        assert tx.catalogue.read_at("default") == NOW
        tx.catalogue.mark_read("default", at=NOW + DAY)
    with any_store.reading() as tx:
        assert tx.catalogue.read_at("default") == NOW + DAY
        assert tx.catalogue.read_at("prod") is None
        assert tx.catalogue.read_at("unknown") is None


def test_thousands_are_put_together(any_store):
    many = [resource(f"r-{number}") for number in range(2500)]
    put(any_store, *many)

    with any_store.reading() as tx:
        assert sum(1 for _ in tx.catalogue.all()) == 2500
        assert tx.catalogue.page(ListQuery(page=1000)).more


def test_parts_are_found_by_their_main_resource_in_its_account_alone(any_store):
    put(
        any_store,
        resource("server"),
        resource("disk", parent_id="server"),
        resource("other-disk", parent_id="other-server"),
        resource("disk", account="prod", parent_id="server"),
    )

    with any_store.reading() as tx:
        found = tx.catalogue.parts([key("server"), key("nothing")])
        none = tx.catalogue.parts([])

    assert [str(each.key) for each in found] == ["default/disk"]
    assert list(none) == []


def test_what_passed_by_a_clock_that_was_ahead_is_derived_again(any_store):
    put(any_store, quota(), ending("other", 3))
    far = NOW + 400 * DAY
    with any_store.transaction() as tx:
        tx.catalogue.date_passed(at=far, limit=9)
        assert anchored(tx, NOW, NOW + 30 * DAY) == []

    with any_store.transaction() as tx:
        tx.catalogue.date_anew([key(), key("other")], at=NOW)

    with any_store.reading() as tx:
        found = anchored(tx, NOW, NOW + 30 * DAY)
        assert sorted(each.key.id for each in found) == ["other", "sm-quota"]


on_postgresql = pytest.mark.parametrize("any_url", ONLY_POSTGRESQL, indirect=True)
OLD = quota(orders=(order("2026-01-10 09:20"),))
NEW = replace(OLD, spec="new", orders=(order("2026-02-10 09:20"), order("2026-03-10 09:20")))


@contextmanager
def between(database, statement, act):
    """Have somebody else act before the writers' first statement that `statement` picks."""
    seen, acted = [], []

    def interpose(_connection, _cursor, text, *_):
        seen.append(text)
        if not acted and statement(len(seen), text):
            acted.append(True)
            act()

    event.listen(database.writer, "before_cursor_execute", interpose)
    try:
        yield seen
    finally:
        event.remove(database.writer, "before_cursor_execute", interpose)


READS = [
    lambda catalogue: [catalogue.get(OLD.key)],
    lambda catalogue: looked_up(catalogue, OLD.key),
    lambda catalogue: catalogue.group(OLD.key.account, OLD.region),
    lambda catalogue: catalogue.anchored(start=NOW, end=NOW + 999 * DAY),
]


def looked_up(catalogue, *keys):
    catalogue.look_up(keys)
    return [catalogue.get(each) for each in keys]


@on_postgresql
@pytest.mark.parametrize("statement", range(1, 6))
@pytest.mark.parametrize("read", READS, ids=["get", "look_up", "group", "anchored"])
def test_what_is_read_to_be_changed_is_of_one_moment(any_store, any_database, read, statement):
    """Somebody else commits between two of the statements by which it is read."""
    put(any_store, OLD)

    with (
        any_store.transaction() as tx,
        between(any_database, lambda n, _: n == statement, lambda: put(any_store, NEW)),
    ):
        [found] = read(tx.catalogue)

    assert found in (OLD, NEW)


@on_postgresql
@pytest.mark.parametrize("known", [True, False])
def test_what_is_held_is_changed_by_nobody_else(any_store, any_database, known):
    if known:
        put(any_store, OLD)

    with any_store.transaction() as tx:
        tx.catalogue.hold([OLD.key])
        with pytest.raises(DatabaseAway):
            hurried(any_store, lambda other: other.catalogue.put([NEW], at=NOW))
        with pytest.raises(DatabaseAway):
            hurried(any_store, lambda other: other.catalogue.hold([OLD.key]))
        hurried(any_store, lambda other: other.catalogue.put([replace(OLD, key=PROD)], at=NOW))
        tx.catalogue.put([replace(OLD, note="mine")], at=NOW)

    with any_store.reading() as tx:
        assert tx.catalogue.get(OLD.key) == replace(OLD, note="mine")


PROD = SubscriptionKey("prod", "sm-quota")


def hurried(store, act):
    """Act as somebody else who waits for nobody."""
    with store.transaction() as tx:
        tx.catalogue.work.connection.exec_driver_sql("SET LOCAL lock_timeout = '20ms'")
        act(tx)


def test_what_was_looked_up_before_is_read_anew_when_it_is_held(any_store, any_database):
    put(any_store, OLD)

    with any_store.transaction() as tx:
        tx.catalogue.look_up([OLD.key])
        if any_database.writer.dialect.name == "postgresql":
            put(any_store, NEW)
        tx.catalogue.hold([OLD.key, key("absent")])
        expected = NEW if any_database.writer.dialect.name == "postgresql" else OLD
        assert tx.catalogue.get(OLD.key) == expected
        assert tx.catalogue.get(key("absent")) is None


@on_postgresql
def test_a_date_is_derived_from_what_nobody_changes_meanwhile(any_store, any_database):
    """Else the date of what was read would be written beside what came meanwhile."""
    put(any_store, OLD, at=NOW - 999 * DAY)
    waited = []

    def hurry():
        with pytest.raises(DatabaseAway):
            hurried(any_store, lambda tx: tx.catalogue.put([NEW], at=NOW))
        waited.append(True)

    with (
        any_store.transaction() as tx,
        between(any_database, lambda _, text: "FROM orders" in text, hurry),
    ):
        tx.catalogue.date_anew([OLD.key], at=NOW)

    assert waited


@on_postgresql
def test_whoever_holds_waits_for_a_flip_and_a_flip_for_whoever_holds(any_store, any_database):
    """Both take the generation first and the account afterwards, so that neither waits for ever."""
    put(any_store, OLD)

    with any_store.transaction() as tx, between(any_database, lambda *_: False, list) as seen:
        tx.catalogue.hold([OLD.key])

    locked = [text for text in seen if "FOR " in text]
    assert ["generations" in text for text in locked] == [True, False]
