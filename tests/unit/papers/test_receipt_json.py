"""The JSON of a receipt: fixed keys, amounts as strings, instants with their offset."""

import json
from dataclasses import replace

from bot.facts.hiding import without_figures
from bot.facts.receipt import receipt_of
from bot.papers.receipt_json import receipt_json, receipt_json_bytes
from tests.unit.handlers import samples
from tests.unit.papers.samples import CHINESE, HEAD, longest, receipt

KEYS = {
    "": (
        "request change account scope state dry_run ended_at as_of currency amounts_hidden asked "
        "acknowledged approvals_required approvals broken_glass items total left_behind verified "
        "second_look problem by_hand left contract handwork seen_gone not_read rules record"
    ),
    "asked": "by at reason reason_words details",
    "acknowledged": "by at text handling_fee_at_most refund_at_least coupons_lost_at_most",
    "total": "estimate actual difference",
    "verified": "at gone refund_orders of auto_renew_off",
    "second_look": "due at problem refund_orders auto_renew_off",
    "record": "entries head",
}
ITEM = (
    "number id name region step state gone_at estimate actual difference order_id "
    "cloud_request_id auto_renew charge error_code error back"
)


def test_the_keys_are_these_and_no_others():
    found = receipt_json(receipt())

    for name, keys in KEYS.items():
        held = found[name] if name else found
        assert list(held) == keys.split(), name
    assert all(list(item) == ITEM.split() for item in found["items"])
    assert list(found["approvals"][0]) == ["by", "on_behalf_of", "at", "why"]


def test_amounts_are_strings_and_instants_have_an_offset():
    found = receipt_json(receipt())

    assert found["currency"] == "USD"
    assert found["total"]["actual"] == {"refund": "2057.93", "handling_fee": "570.00"}
    assert found["total"]["difference"] == "-0.24"
    assert found["asked"]["at"] == "2026-11-23T10:14:00+08:00"
    assert found["acknowledged"]["refund_at_least"] == "2010.76"
    assert [item["cloud_request_id"] for item in found["items"]] == ["f7a1", "f7a2", None]
    assert found["record"] == {"entries": 1204, "head": HEAD.digest}


def test_what_the_second_look_found_is_told_apart_from_what_was_verified():
    before, still, back = map(
        receipt_json, (receipt(), receipt(samples.looked_again()), receipt(samples.came_back()))
    )

    due = "2026-11-24T11:06:00+08:00"
    assert before["second_look"]["due"] == due
    assert before["as_of"] == before["ended_at"] == "2026-11-23T11:06:00+08:00"
    assert [each["back"] for each in before["items"]] == [None, None, None]
    assert still["second_look"] == {
        "due": None,
        "at": due,
        "problem": None,
        "refund_orders": 3,
        "auto_renew_off": True,
    }
    assert still["verified"]["refund_orders"] is None
    assert (still["as_of"], still["ended_at"]) == (due, before["ended_at"])
    assert [each["back"] for each in still["items"]] == [False, False, False]
    assert back["second_look"]["problem"] == "Large screen is at the cloud again."
    assert back["verified"] == before["verified"]
    assert [each["back"] for each in back["items"]] == [False, True, False]


def test_what_nobody_knows_is_null():
    request = samples.done()
    first = replace(request.items[0], refund_actual=None, fee_actual=None, refund_order=None)
    found = receipt_json(receipt(replace(request, items=(first, *request.items[1:])), head=None))

    assert found["items"][0]["actual"] == {"refund": None, "handling_fee": None}
    assert found["total"]["actual"]["refund"] is None
    assert found["record"] is None


def test_hidden_amounts_are_null_and_said_to_be_hidden():
    found = receipt_json_bytes(receipt_of(without_figures(samples.done()), head=HEAD)).decode()

    assert json.loads(found)["amounts_hidden"] is True
    assert "NaN" not in found
    assert "2057" not in found
    assert "USD" not in found


def test_the_file_is_utf_8_and_has_every_item_of_the_longest():
    file = receipt_json_bytes(receipt(longest()))

    assert CHINESE in file.decode()
    assert len(json.loads(file)["items"]) == 300
    assert file.endswith(b"}\n")
