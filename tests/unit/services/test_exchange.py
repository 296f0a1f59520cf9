"""Catalogue files: every mistake is named, and what is written can be read again without loss."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.billing import refund
from bot.billing.renewal import anchor
from bot.billing.subscription import (
    AccountName,
    BillingMode,
    Kind,
    Order,
    OrderType,
    Status,
    Subscription,
    SubscriptionKey,
)
from bot.services.errors import BadFile
from bot.services.exchange import listed_json, quote_json, subscription_json
from bot.services.exporting import to_csv, to_json
from bot.services.fields import COLUMNS
from bot.services.reading import subscription_from_json
from tests.factories import account, disk, instant, key, order, package, quota, renewal, resource
from tests.unit.services.files import read_catalogue

HEADER = ",".join(COLUMNS)


def csv_of(*subscriptions: Subscription) -> bytes:
    return "".join(to_csv(subscriptions)).encode()


def json_of(*subscriptions: Subscription) -> bytes:
    return "".join(to_json(subscriptions)).encode()


def rows(*cells: dict[str, str], columns: Sequence[str] = COLUMNS) -> bytes:
    """A CSV file of rows that name only the cells that matter."""
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, columns, restval="")
    writer.writeheader()
    writer.writerows(cells)
    return file.getvalue().encode()


def problems(data: bytes, filename: str = "subscriptions.csv", **how: object) -> list[str]:
    with pytest.raises(BadFile) as refused:
        read_catalogue(data, filename, **how)  # type: ignore[arg-type]
    return [refused.value.describe(each) for each in refused.value.problems]


def test_columns_stand_in_the_order_of_the_contract() -> None:
    assert ",".join(COLUMNS) == (
        "account,id,name,service,region,spec,quantity,kind,edition,package,parent_id,billing_mode,"
        "status,auto_renew,auto_renew_months,renewal_price,notice_days,owner,deputy,channel,tags,"
        "note,transaction_in_progress,renewals_locked,order_type,term_months,effective_at,"
        "expires_at,provisioned_at,currency,cash,cash_coupon,flexi_coupon,stored_value,"
        "discount_coupon,cash_coupon_expires_at,promotion,invoiced"
    )


def test_csv_has_one_row_an_order_with_the_subscription_repeated() -> None:
    bought = order()
    [header, first, second] = csv_of(quota(orders=(bought, renewal(bought)))).decode().splitlines()

    assert header == HEADER
    assert first.split(",new,")[0] == second.split(",renewal,")[0]
    assert "2025-12-07T09:20:00+08:00" in first


def test_a_subscription_without_orders_is_one_row_with_empty_order_cells() -> None:
    [_, row] = csv_of(quota(orders=())).decode().splitlines()

    assert row.endswith("," * 14)
    assert read_catalogue(csv_of(quota(orders=())), "x.csv") == (quota(orders=()),)


def test_json_nests_orders_and_writes_amounts_as_text() -> None:
    [item] = json.loads(json_of(quota(quantity=Decimal(50))))

    assert item["quantity"] == "50"
    assert item["auto_renew_months"] == 12
    assert item["auto_renew"] is True
    assert item["deputy"] is None
    assert item["tags"] == {}
    assert item["orders"][0]["cash"] == "3600.00"
    assert item["orders"][0]["effective_at"] == "2025-12-07T09:20:00+08:00"


def test_instants_are_written_in_the_zone_of_the_cloud() -> None:
    bought = order(datetime(2025, 12, 7, 1, 20, tzinfo=UTC))

    assert subscription_json(quota(orders=(bought,)))["orders"][0]["effective_at"] == (  # type: ignore[index]
        "2025-12-07T09:20:00+08:00"
    )


def test_a_bom_and_another_order_of_columns_are_accepted() -> None:
    data = b"\xef\xbb\xbf" + rows({"id": "a", "name": "A"}, columns=("name", "id"))

    assert read_catalogue(data, "x.csv") == (Subscription(key=key("a"), name="A"),)


def test_the_kind_of_file_is_seen_without_its_ending() -> None:
    assert read_catalogue(json_of(quota()), "export") == (quota(),)
    assert read_catalogue(csv_of(quota()), "export") == (quota(),)


def test_every_bad_line_and_column_is_named_at_once() -> None:
    data = rows(
        {"id": "a", "order_type": "new", "expires_at": "2026-12-07"},
        {"id": "b", "status": "in use", "auto_renew": "yes"},
        {"id": "c", "renewal_price": "3,600.00", "notice_days": "-1"},
        {"id": ""},
        {"id": "d", "owner": "@owner", "tags": "{"},
        {"id": "e", "cash": "1.00"},
    )

    assert problems(data) == [
        "line 2, expires_at: `2026-12-07` has no hour and offset.",
        "line 3, status: `in use` is not known; did you mean `in-use`?",
        "line 3, auto_renew: `yes` is neither `true` nor `false`.",
        "line 4, renewal_price: `3,600.00` is not an amount; write it like `3600.00`.",
        "line 4, notice_days: `-1` is not a whole number from 0 to 3,660.",
        "line 5, id: is missing.",
        "line 6, owner: `@owner` is not a Slack user id like `U0123ABCD`.",
        "line 6, tags: `{` is not a JSON object.",
        "line 7, order_type: is missing; it is `new` or `renewal`.",
    ]


def test_the_refusal_counts_the_wrong_lines() -> None:
    data = rows({"id": "a"}, {"id": "b", "quantity": "x"}, {"id": "c", "quantity": "y"})

    with pytest.raises(BadFile) as refused:
        read_catalogue(data, "subscriptions.csv")

    assert refused.value.sentence.startswith(
        "subscriptions.csv was not imported, 2 of 3 lines are wrong. line 3, quantity: `x` is not"
    )
    assert refused.value.advice == "Correct these lines, import again."


def test_an_unknown_column_is_named_with_the_one_that_was_meant() -> None:
    data = rows({"id": "a", "prise": "1"}, columns=("id", "prise"))

    assert problems(data) == ["Unknown column `prise`. Did you mean `renewal_price`?"]


def test_a_column_that_stands_twice_and_a_missing_id_are_named() -> None:
    assert problems(b"id,name,name\na,b,c\n") == ["Column `name` stands there twice."]
    assert problems(b"name\nA\n") == ["Column `id` is missing."]


def test_a_repeated_subscription_is_named_with_both_lines() -> None:
    data = rows(
        {"account": "prod", "id": "sm-quota"}, {"id": "b"}, {"account": "prod", "id": "sm-quota"}
    )

    assert problems(data) == ["line 4: repeats prod/sm-quota of line 2; remove one."]


def test_rows_of_one_subscription_that_differ_are_an_error() -> None:
    bought = {"id": "a", "name": "A", "order_type": "new", "effective_at": "2026-01-01T00:00+08:00"}
    data = rows(bought, bought | {"name": "B", "order_type": "renewal"})

    assert problems(data) == ["line 3, name: differs from line 2 of the same subscription."]


def test_the_same_row_twice_is_an_error() -> None:
    bought = {"id": "a", "order_type": "new", "effective_at": "2026-01-01T00:00+08:00"}

    assert problems(rows(bought, bought)) == ["line 3: repeats default/a of line 2; remove one."]


def test_the_new_purchase_comes_first() -> None:
    one = {"id": "a", "order_type": "renewal", "effective_at": "2026-01-01T00:00+08:00"}
    two = {"id": "a", "order_type": "new", "effective_at": "2025-01-01T00:00+08:00"}

    assert problems(rows(one, two)) == [
        "line 3, order_type: the new purchase comes first, then renewals (R47)."
    ]


def test_an_order_ends_after_it_begins_and_has_one_currency() -> None:
    one = {"id": "a", "order_type": "new", "currency": "USD"}
    two = {
        "id": "a",
        "order_type": "renewal",
        "currency": "EUR",
        "effective_at": "2026-01-01T00:00+08:00",
        "expires_at": "2025-01-01T00:00+08:00",
    }

    assert problems(rows(one, two)) == [
        "line 2, currency: one subscription is paid in EUR and USD (R42).",
        "line 3, expires_at: is not after `effective_at` (R14).",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-12-07", "has no hour and offset"),
        ("2026-12-07T23:59:59", "has no offset"),
        ("soon", "is not an instant"),
        ("0001-01-01T00:00:00+08:00", "is not between 1990 and 2199"),
    ],
)
def test_an_instant_without_its_offset_is_an_error(text: str, said: str) -> None:
    [problem] = problems(rows({"id": "a", "order_type": "new", "expires_at": text}))

    assert said in problem


@pytest.mark.parametrize("text", ["1e3", "-1", "+1", "1_000", "NaN", "Infinity", "１", ".5", "5."])
def test_an_amount_is_digits_and_one_point(text: str) -> None:
    [problem] = problems(rows({"id": "a", "renewal_price": text}))

    assert "is not an amount" in problem


@pytest.mark.parametrize(
    "data", [b"\xef\xbb\xbf", b"\xff\xfe\x00a", "id\nä".encode("latin-1"), b"id\n\x00\n"]
)
def test_what_is_no_utf_8_text_is_not_read(data: bytes) -> None:
    with pytest.raises(BadFile) as refused:
        read_catalogue(data, "x.csv")

    assert refused.value.sentence == "x.csv was not imported. Not CSV or JSON in UTF-8."
    assert refused.value.advice == "Save it as UTF-8."


@pytest.mark.parametrize("data", [b"", b"  \n"])
def test_an_empty_file_is_told_as_such(data: bytes) -> None:
    with pytest.raises(BadFile) as refused:
        read_catalogue(data, "x.json")

    assert refused.value.sentence == "x.json was not imported. It is empty."


@pytest.mark.parametrize(
    ("data", "said"), [(b"id;name\n", "`;`"), (b"id\tname\n", "tabs"), (b"id|name\n", "`|`")]
)
def test_a_file_of_another_separator_says_which(data: bytes, said: str) -> None:
    assert problems(data) == [f"Its columns are separated by {said}."]


def test_a_line_with_too_few_cells_and_an_open_quotation_mark_are_named() -> None:
    assert problems(b"id,name\na\n") == ["line 2: has 1 cells, the header has 2."]
    assert problems(b'id,name\na,"b\n') == [
        "line 2: is not valid CSV; a quotation mark may be missing."
    ]


def test_the_line_of_a_row_is_counted_across_line_breaks_in_cells() -> None:
    data = rows({"id": "a", "note": "one\ntwo"}, {"id": "b", "quantity": "x"})

    assert problems(data)[0].startswith("line 4, quantity")


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"prise": 1}, "prise: unknown key; did you mean `renewal_price`?"),
        ({"renewal_price": 1.5}, "renewal_price: `1.5` is not text; put it in quotes."),
        ({"auto_renew": "on"}, 'auto_renew: `"on"` is neither `true` nor `false`.'),
        ({"notice_days": True}, "notice_days: `true` is not a whole number."),
        ({"tags": {"team": 1}}, "tags: the label `team` is not text."),
        ({"tags": "x"}, 'tags: is not a JSON object like `{"team": "security"}`.'),
        ({"orders": {}}, "orders: is not an array."),
        ({"orders": [1]}, "orders[0]: is not an object."),
        (
            {"orders": [{"cash": "1"}]},
            "orders[0].order_type: is missing; it is `new` or `renewal`.",
        ),
        ({"orders": [{"order_type": "new", "x": 1}]}, "orders[0].x: unknown key."),
        ({"current_edition": "basic"}, "current_edition: unknown key; did you mean `edition`?"),
        ({"id": None}, "id: is missing."),
    ],
)
def test_a_wrong_json_item_names_itself_and_its_key(item: dict[str, object], said: str) -> None:
    data = json.dumps([{"id": "good"}, {"id": "a"} | item]).encode()

    assert problems(data, "x.json") == [f"item 2, {said}"]


def test_an_item_that_is_no_object_is_named() -> None:
    assert problems(b"[7]", "x.json") == ["item 1: is not an object."]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{}", "It is not an array of subscriptions."),
        (b'[\n {"id": }]', "Not CSV or JSON in UTF-8: line 2, column 9."),
        (b'[{"id": "a", "id": "b"}]', "The key `id` stands twice in one object."),
        (b'[{"id": NaN}]', "`NaN` is not JSON."),
        (b"[" * 100_000, "Not CSV or JSON in UTF-8."),
    ],
)
def test_what_is_no_json_array_is_not_read(data: bytes, said: str) -> None:
    assert problems(data, "x.json") == [said]


def test_null_and_missing_keys_are_unknown() -> None:
    data = b'[{"id": "a", "name": null, "tags": null, "orders": null}, {"id": "b", "name": ""}]'

    assert read_catalogue(data, "x.json") == (
        Subscription(key=key("a")),
        Subscription(key=key("b")),
    )


def test_a_text_that_no_database_takes_is_refused() -> None:
    [problem] = problems(b'[{"id": "a", "name": "\\ud800"}]', "x.json")

    assert problem == "item 1, name: has a character that no text may have."


def test_a_file_that_is_the_whole_of_an_account_owns_rows_without_one() -> None:
    prod = AccountName("prod")

    [read] = read_catalogue(rows({"id": "a"}), "x.csv", account=prod)

    assert read.key == SubscriptionKey(prod, "a")
    assert problems(rows({"id": "a", "account": "cn"}), account=prod) == [
        "line 2, account: `cn` is not `prod`."
    ]


def test_an_account_that_the_settings_do_not_name_is_an_error_but_default_is_not() -> None:
    data = rows({"id": "a", "account": "test"}, {"id": "b"})

    assert problems(data, accounts=["prod"]) == [
        "line 2, account: `test` is not in the settings: default and prod."
    ]


def test_one_subscription_as_an_object() -> None:
    assert subscription_from_json(subscription_json(disk())) == disk()
    with pytest.raises(BadFile) as refused:
        subscription_from_json({"id": "disk", "kind": "disc"})
    assert "`disc` is not known" in refused.value.sentence


def test_a_quote_has_the_shape_of_the_contract() -> None:
    quoted = refund.quote(disk(), account(), at=instant("2024-01-15 18:40"))

    assert quote_json(quoted) == {
        "at": "2024-01-15T18:40:00+08:00",
        "scope": "all",
        "allowed": True,
        "refused": None,
        "case": "conditional",
        "currency": "USD",
        "rules": "huaweicloud-intl/2025-07-25",
        "estimate": True,
        "large_value": False,
        "orders": [
            {
                "order_type": "new",
                "case": "conditional",
                "duration_hours": 758,
                "used_hours": 344,
                "paid": "100.00",
                "consumed": "45.38",
                "fee_rate": "0.10",
                "handling_fee": "10.00",
                "refund": "44.62",
                "rule": "R41",
            }
        ],
        "total": {
            "consumed": "45.38",
            "handling_fee": "10.00",
            "refund": "44.62",
            "cash": "44.62",
            "cash_coupon": "0.00",
            "flexi_coupon": "0.00",
            "stored_value": "0.00",
        },
        "lost": {"cash_coupon": "0.00", "discount_coupon": "0.00"},
        "warnings": [],
    }


def test_a_refused_quote_has_no_amounts() -> None:
    postpaid = disk(billing_mode=BillingMode.PAY_PER_USE)
    shown = quote_json(refund.quote(postpaid, account(), at=instant("2024-01-15 18:40")))

    assert shown["allowed"] is False
    assert shown["refused"] == {"rule": "R31", "reason": "It is pay-per-use, nothing is prepaid."}
    assert shown["total"] is None
    assert shown["orders"] == []


def test_a_listed_subscription_adds_what_is_derived() -> None:
    held, settings = quota(), account()
    shown = listed_json(
        held,
        account=settings,
        anchor=anchor(held, settings, at=instant("2026-11-23 10:12")),
        current_edition=None,
    )

    assert shown["current_edition"] is None
    assert shown["deduction_at"] == "2026-11-30T03:00:00+08:00"
    assert shown["anchor"] == {
        "kind": "deduction",
        "date": "2026-11-30",
        "at": "2026-11-30T03:00:00+08:00",
    }


_TEXT = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=12
)
_AMOUNT = st.decimals(0, 10**9, places=2).map(abs)
_MOMENT = st.integers(946_684_800, 4_102_444_800).map(lambda s: datetime.fromtimestamp(s, UTC))


def _maybe(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | values


_ORDER = st.builds(
    Order,
    order_type=st.just(OrderType.RENEWAL),
    term_months=_maybe(st.integers(1, 60)),
    effective_at=_maybe(_MOMENT),
    provisioned_at=_maybe(_MOMENT),
    currency=st.just("USD"),
    cash=_maybe(_AMOUNT),
    discount_coupon=_maybe(_AMOUNT),
    promotion=_maybe(st.booleans()),
)

_SUBSCRIPTION = st.builds(
    Subscription,
    key=st.builds(SubscriptionKey, st.just(AccountName("default")), _TEXT),
    name=_maybe(_TEXT),
    note=_maybe(_TEXT),
    quantity=_maybe(_AMOUNT),
    kind=_maybe(st.sampled_from(Kind)),
    status=_maybe(st.sampled_from(Status)),
    auto_renew=_maybe(st.booleans()),
    notice_days=_maybe(st.integers(0, 90)),
    tags=st.dictionaries(_TEXT, _TEXT, max_size=2),
    orders=st.lists(_ORDER, max_size=3, unique=True).map(tuple),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_SUBSCRIPTION, max_size=4, unique_by=lambda each: each.key))
def test_whatever_is_written_is_read_again_the_same(book: list[Subscription]) -> None:
    for data, name in ((csv_of(*book), "x.csv"), (json_of(*book), "x.json")):
        read = read_catalogue(data, name)

        assert read == tuple(book)
        assert (csv_of(*read), json_of(*read)) == (csv_of(*book), json_of(*book))


def test_amounts_come_back_as_they_were_given() -> None:
    given_text = rows({"id": "a", "renewal_price": "3600.50", "quantity": "50"})

    assert (
        csv_of(*read_catalogue(given_text, "x.csv")).decode().splitlines()[1].count("3600.50") == 1
    )


def test_a_book_of_every_kind_survives_both_forms() -> None:
    book = (package(), quota(), resource(tags={"team": "a,b", "b": '"'}))

    assert read_catalogue(csv_of(*book), "x.csv") == book
    assert read_catalogue(json_of(*book), "x.json") == book
