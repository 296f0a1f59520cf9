"""Pages of a list: nothing lost, nothing twice, whatever is asked for and comes and goes."""

import json
from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from bot.billing.subscription import Kind, Package, Status
from bot.ports.store import PAGE, ListQuery
from storage.searching import VALUES
from tests.factories import NOW, instant, key, order, package, quota, resource

DAY = timedelta(days=1)
SERVICES = ("ECS", "ecs", "Überwachung", "100%_\\'\"")
REGIONS = ("eu-west-101", "EU-West-101", None)
NAMES = st.text("aAbBßSsİi%_\\'\"*-é東 ", min_size=0, max_size=6)
WORDS = st.lists(NAMES.filter(str.strip), max_size=2).map(tuple)


@st.composite
def catalogues(draw):
    """Up to 45 subscriptions of few kinds, names and days, so that many are alike."""
    found = []
    for number in range(draw(st.sampled_from((45, 25, 3, 0)))):
        day = draw(st.integers(1, 3))
        facts = {
            "account": draw(st.sampled_from(("default", "prod"))),
            "name": draw(NAMES | st.none()),
            "service": draw(st.sampled_from(SERVICES)),
            "region": draw(st.sampled_from(REGIONS)),
            "status": draw(st.sampled_from((None, Status.IN_USE, Status.UNSUBSCRIBED))),
            "auto_renew": False,
            "orders": (order(f"2026-11-{day:02} 08:00", months=1),) if day < 3 else (),
        }
        make = draw(st.sampled_from((quota, resource, package)))
        if make is package:
            subscription = package(f"id-{number}", draw(st.sampled_from(Package)), **facts)
        else:
            subscription = make(f"id-{number}", **facts)
        found.append(subscription)
    return found


SOME = st.sampled_from(
    (
        ListQuery(),
        ListQuery(account="prod"),
        ListQuery(service="ecs"),
        ListQuery(words=("id-",)),
        ListQuery(words=("ID", "é")),
        ListQuery(words=("%",)),
        ListQuery(words=("_",)),
    )
)
QUERIES = SOME | st.builds(
    ListQuery,
    service=st.none() | st.sampled_from(SERVICES),
    region=st.none() | st.sampled_from(REGIONS),
    account=st.none() | st.sampled_from(("default", "prod", "nowhere")),
    kind=st.none() | st.sampled_from(Kind),
    status=st.none() | st.sampled_from((Status.IN_USE, Status.UNSUBSCRIBED)),
    due_before=st.none() | st.just(instant("2026-12-01 12:00")),
    words=WORDS,
)


def emptied(database, store):
    with database.writer.begin() as connection:
        connection.execute(text("DELETE FROM orders"))
        connection.execute(text("DELETE FROM subscriptions"))
    return store


def put(store, *subscriptions):
    with store.transaction() as tx:
        tx.catalogue.put(subscriptions, at=NOW)


def page(store, query, **at):
    with store.reading() as tx:
        return tx.catalogue.page(replace(query, **at))


def forward(store, query):
    """Every page from the first to the last."""
    found = [page(store, query)]
    while found[-1].next is not None:
        found.append(page(store, query, page=len(found) + 1, after=found[-1].next))
    return found


def backward(store, query, last):
    """Every page from the last back to the first, turned round."""
    found = [last]
    number = -(-last.number // PAGE)
    while found[0].previous is not None:
        number -= 1
        found.insert(0, page(store, query, page=number, before=found[0].previous))
    return found


def fulfils(each, query):
    """The filters and words in plain Python."""
    words = "\n".join(part for part in (each.name, each.key.id, each.service) if part).casefold()
    gone = each.status is Status.UNSUBSCRIBED
    return (
        (each.status is query.status if query.status else not gone)
        and (query.service is None or same(each.service, query.service))
        and (query.region is None or same(each.region, query.region))
        and (query.account is None or each.key.account == query.account)
        and (query.kind is None or each.kind is query.kind)
        and (query.due_before is None or (bool(each.orders) and not gone and is_early(each)))
        and all(word.casefold() in words for word in query.words)
    )


def is_early(each):
    return each.expires_at < instant("2026-12-01 12:00")


def same(one, other):
    return one is not None and one.casefold() == other.casefold()


@given(found=catalogues(), query=QUERIES)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_walked_there_and_back_show_once_what_fulfils_the_query(
    any_database, any_store, found, query
):
    store = emptied(any_database, any_store)
    put(store, *found)

    ahead = forward(store, query)
    rows = [each for shown in ahead for each in shown.rows]
    wanted = {each.key for each in found if fulfils(each, query)}
    with store.reading() as tx:
        listed = list(tx.catalogue.listed())

    assert sorted(each.key for each in rows) == sorted(wanted)
    if query.status is not Status.UNSUBSCRIBED:
        assert rows == [each for each in listed if each.key in wanted]
    assert [shown.number for shown in ahead] == [1 + PAGE * n for n in range(len(ahead))]
    assert backward(store, query, ahead[-1]) == ahead
    assert [page(store, query, page=n + 1) for n in range(len(ahead))] == ahead


def ending(day, *, ref=None, **changes):
    """A server without auto-renewal; each ends a day later."""
    paid = order(instant("2026-11-01 08:00") + day * DAY, months=1)
    return resource(ref or f"r-{day:04}", auto_renew=False, orders=(paid,), **changes)


def ids(shown):
    return [each.key.id for each in shown.rows]


@pytest.mark.parametrize(
    "query", [ListQuery(), ListQuery(service="ecs"), ListQuery(words=("r-0",))]
)
def test_what_came_and_went_between_two_clicks_moves_nothing_else(any_store, query):
    put(any_store, *(ending(day) for day in range(1, 26)))
    first = page(any_store, query)
    with any_store.transaction() as tx:
        tx.catalogue.mark_gone([key("r-0003"), key("r-0010"), key("r-0012")], at=NOW)
    put(any_store, ending(2, ref="r-0new"), ending(90, ref="r-0far"))

    second = page(any_store, query, page=2, after=first.next)
    again = page(any_store, query, page=1, before=second.previous)

    assert ids(second) == [f"r-{day:04}" for day in (11, *range(13, 22))]
    assert second.number == 10
    assert ids(again) == [
        "r-0001",
        "r-0002",
        "r-0new",
        *(f"r-{day:04}" for day in range(4, 10)),
        "r-0011",
    ]
    assert (again.number, again.previous) == (1, None)


def test_going_back_to_where_little_is_left_shows_the_first_page(any_store):
    put(any_store, *(ending(day) for day in range(1, 26)))
    second = page(any_store, ListQuery(), page=2, after=page(any_store, ListQuery()).next)
    with any_store.transaction() as tx:
        tx.catalogue.mark_gone([key(f"r-{day:04}") for day in range(1, 8)], at=NOW)

    shown = page(any_store, ListQuery(), page=1, before=second.previous)

    assert ids(shown) == [f"r-{day:04}" for day in range(8, 18)]
    assert (shown.number, shown.previous) == (1, None)


def test_beyond_what_is_counted_pages_go_on_and_keep_their_numbers(any_store):
    query = ListQuery(service="ECS", words=("runner",))
    put(any_store, *(ending(day) for day in range(1, 1036)))

    ahead = forward(any_store, query)

    assert [ref for shown in ahead for ref in ids(shown)] == [f"r-{n:04}" for n in range(1, 1036)]
    assert [shown.number for shown in ahead] == [1 + PAGE * n for n in range(104)]
    assert {(shown.count, shown.more) for shown in ahead} == {(1000, True)}
    assert backward(any_store, query, ahead[-1]) == ahead


def spelled(*values):
    return urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "place",
    [
        "",
        "=",
        "x",
        "WzE",
        "W" * 4000,
        spelled(),
        spelled(1, "default"),
        spelled("1", "default", "id:x"),
        spelled(True, "default", "id:x"),
        spelled(10**30, "default", "id:x"),
        spelled(1, "default", "id:\0"),
        spelled(1, "default", "\ud800"),
        spelled(1, None, "id:x"),
        spelled(1, "default", "region:", 2**40, 1, "x", "x"),
        urlsafe_b64encode(b"[" * 100_000).decode(),
        urlsafe_b64encode(b'{"a": 1}').decode(),
        urlsafe_b64encode(b"\xff").decode(),
        "ü",
    ],
)
def test_a_place_that_no_list_gave_leaves_the_number_of_the_page(any_store, place):
    put(any_store, *(ending(day) for day in range(1, 26)))

    numbered = page(any_store, ListQuery(), page=2)
    assert page(any_store, ListQuery(), page=2, after=place) == numbered
    assert page(any_store, ListQuery(), page=2, before=place) == numbered


@given(where=st.text(max_size=40))
@settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_well_formed_place_lies_somewhere(any_store, where):
    put(any_store, ending(1), ending(2))

    place = spelled(1, where, where)
    for shown in (
        page(any_store, ListQuery(), after=place),
        page(any_store, ListQuery(), before=place),
    ):
        assert ids(shown) in (["r-0001", "r-0002"], [])


def test_words_are_those_of_now(any_database, any_store):
    put(any_store, ending(1, name="before"), ending(2, name="removed"), ending(3, name="stays"))
    put(any_store, ending(1, name="after"))
    with any_database.writer.begin() as connection:
        connection.execute(text("DELETE FROM orders WHERE subscription_id = 'r-0002'"))
        connection.execute(text("DELETE FROM subscriptions WHERE id = 'r-0002'"))

    assert found_by(any_store, "before", "after") == [[], ["r-0001"]]
    assert found_by(any_store, "removed", "stays") == [[], ["r-0003"]]


def test_words_are_found_after_sqlite_moved_its_rows_together(database, store):
    put(store, ending(1, name="first"), ending(2, name="second"), ending(3, name="third"))
    with database.writer.begin() as connection:
        connection.execute(text("DELETE FROM orders WHERE subscription_id = 'r-0001'"))
        connection.execute(text("DELETE FROM subscriptions WHERE id = 'r-0001'"))
    raw = database.writer.raw_connection()
    raw.cursor().execute("VACUUM")
    raw.close()

    assert found_by(store, "second", "third") == [["r-0002"], ["r-0003"]]


def found_by(store, *words):
    return [ids(page(store, ListQuery(words=(word,)))) for word in words]


@pytest.mark.parametrize("typed", ["Überwachung", "ÜBERWACHUNG", "überwachung"])
@pytest.mark.parametrize("values", [VALUES, 1])
def test_unsubscribed_ones_are_found_by_service_in_any_case(any_store, monkeypatch, typed, values):
    monkeypatch.setattr("storage.searching.VALUES", values)
    put(any_store, resource("gone", service="Überwachung", status=Status.UNSUBSCRIBED))

    found = page(any_store, ListQuery(service=typed, status=Status.UNSUBSCRIBED))

    many = values == 1 and typed[0] != "Ü"  # then only letters of ASCII may differ
    assert ids(found) == ([] if many else ["gone"])
