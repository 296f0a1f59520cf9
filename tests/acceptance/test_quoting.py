"""`lapse quote` and `lapse plan` as people and programs read them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.cli import run
from tests.acceptance.test_command_line import P3, STAGING, imported, printed, refused, written

ROOT = Path(__file__).parents[2]
HEAVY = ("typer", "pydantic", "sqlalchemy", "alembic", "slack_sdk", "slack_bolt", "apscheduler")
AT = "2024-01-15T18:40:00+08:00"

RENEWING = {
    "account": {"site": "intl"},
    "subscription": {
        "id": "sm-quota",
        "name": "SecMaster Professional, 50 ECS",
        "service": "SecMaster",
        "kind": "quota",
        "edition": "professional",
        "billing_mode": "yearly/monthly",
        "status": "in-use",
        "auto_renew": True,
        "auto_renew_months": 12,
        "renewal_price": "3600.00",
        "orders": [
            {
                "order_type": "new",
                "term_months": 12,
                "effective_at": "2025-12-07T09:20:00+08:00",
                "expires_at": "2026-12-07T23:59:59+08:00",
                "currency": "USD",
                "cash": "3600.00",
            }
        ],
    },
}


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LAPSE_DATABASE_URL", raising=False)
    Path("lapse.toml").write_text("[accounts.staging]\n", encoding="utf-8")


def changed(given: dict[str, Any], **order: object) -> dict[str, Any]:
    """The input with other facts of its only order; None leaves one out."""
    [first] = given["subscription"]["orders"]
    facts = {name: value for name, value in (first | order).items() if value is not None}
    return {**given, "subscription": {**given["subscription"], "orders": [facts]}}


def with_facts(given: dict[str, Any], **facts: object) -> dict[str, Any]:
    """The input with other facts of its subscription."""
    return {**given, "subscription": {**given["subscription"], **facts}}


def said(capsys, *arguments: str) -> str:
    assert run(list(arguments)) == 0
    return str(capsys.readouterr().out)


def test_a_quote_shows_its_working_line_by_line(capsys):
    out = said(capsys, "quote", written("p3.json", P3), "--at", AT)

    working, _, rest = out.partition("\n\nDates\n")
    assert working.splitlines() == [
        "disk, Mon 15 Jan 2024, 18:40 GMT+08:00, rule set huaweicloud-intl/2025-07-25."
        " An estimate.",
        "                                           Rule",
        "Paid (new order, conditional)  USD 100.00  R42",
        "Order 758 h, used 344 h                    R42",
        "Consumed                        USD 45.38  R42",
        "Handling fee 10%                USD 10.00  R43",
        "Refund                          USD 44.62  R41",
        "Total handling fee              USD 10.00  R43",
        "Total refund                    USD 44.62  R41",
    ]
    assert "Ways out, cheapest first" in rest
    assert "Cheapest because it returns USD 44.62 now." in rest


def test_a_quote_shows_the_dates_and_every_way_out(capsys):
    file = written("renewing.json", RENEWING)

    out = said(capsys, "quote", file, "--at", "2026-11-23T10:12:00+08:00")

    for line in (
        "Next deduction            Mon 30 Nov 2026, 03:00 GMT+08:00  R19",
        "Last working day before   Fri 27 Nov 2026",
        "Last safe moment          Sun 29 Nov 2026, 23:59 GMT+08:00  R25",
        "Too late from             Mon 30 Nov 2026, 03:00 GMT+08:00  R25",
        "Grace, usable, until      Tue 22 Dec 2026, 23:59 GMT+08:00  R16",
        "Retention, frozen, until  Wed 6 Jan 2027, 23:59 GMT+08:00   R16",
        "If data collection was on, collector servers and VPC endpoints keep costing until someone"
        " releases them. (R11)",
        "Cheapest because unsubscribing returns nothing and ends it 14 days earlier.",
    ):
        assert f"\n{line}\n" in out
    ways = out.partition("Ways out, cheapest first\n")[2].splitlines()
    assert [line.split("  ")[0] for line in ways[1:5]] == [
        "Turn auto-renewal off",
        "Unsubscribe now (estimate)",
        "Do nothing",
        "Give back the renewal period",
    ]


def test_a_program_reads_the_same_dates_and_ways_out(capsys):
    file = written("renewing.json", RENEWING)

    quote = printed(capsys, "quote", file, "--at", "2026-11-23T10:12:00+08:00")

    assert quote["dates"] == {
        "anchor": {"kind": "deduction", "date": "2026-11-30", "at": "2026-11-30T03:00:00+08:00"},
        "safe_until": "2026-11-30T00:00:00+08:00",
        "too_late_at": "2026-11-30T03:00:00+08:00",
        "last_working_day": "2026-11-27",
        "give_back_until": None,
        "may_be_charged_at": None,
        "expires_at": "2026-12-07T23:59:59+08:00",
        "grace_ends_at": "2026-12-22T23:59:59+08:00",
        "released_at": "2027-01-06T23:59:59+08:00",
        "phase": "running",
    }
    ways = quote["ways_out"]
    assert ways["cheapest"] == "turn-off"
    assert ways["because"] == "unsubscribing returns nothing and ends it 14 days earlier"
    by_name = {way["way"]: way for way in ways["ways"]}
    assert by_name.keys() == {"turn-off", "unsubscribe", "keep", "give-back"}
    keep = by_name["keep"]
    assert (keep["money_out"], keep["money_back"], keep["rule"]) == ("3600.00", "0.00", "R19")
    assert keep["at"] == "2026-11-30T03:00:00+08:00"
    assert by_name["give-back"]["closed_because"] == (
        "Closed until the deduction of Mon 30 Nov 2026, then open for 7 days."
    )


def test_a_program_reads_why_to_wait_and_which_coupons_come_back(capsys):
    ahead = changed(
        with_facts(RENEWING, status="inactive"),
        effective_at="2026-12-10T00:00:00+08:00",
        expires_at="2027-12-10T23:59:59+08:00",
        cash_coupon="1000.00",
        cash_coupon_expires_at="2026-11-28T12:00:00+08:00",
    )
    file = written("ahead.json", ahead)

    quote = printed(capsys, "quote", file, "--at", "2026-11-23T10:12:00+08:00")

    ways = {way["way"]: way for way in quote["ways_out"]["ways"]}
    causes = {name: way["cause"] for name, way in ways.items()}
    assert causes == {
        "unsubscribe": None,
        "later": "expiry of a cash coupon",
        "turn-off": None,
        "keep": None,
        "give-back": None,
    }
    coupons = {name: way["coupons_back"] for name, way in ways.items()}
    assert coupons.pop("unsubscribe") == "1000.00"
    assert set(coupons.values()) == {"0.00"}
    assert ways["unsubscribe"]["safe_until"] == "2026-11-28T12:00:00+08:00"
    assert ways["unsubscribe"]["caution"] == {
        "rule": "R32",
        "text": "Coupons of USD 1,000.00 come back as well.",
    }


def test_r36_waiting_has_a_beginning_and_an_end(capsys):
    fresh = changed(
        {**RENEWING, "account": {"site": "cn", "five_day_returns_used": 10}},
        effective_at="2025-12-30T09:20:15+08:00",
        expires_at="2026-12-30T23:59:59+08:00",
        currency="CNY",
    )
    file = written("fresh.json", fresh)

    out = said(capsys, "quote", file, "--at", "2025-12-31T12:00:00+08:00")

    [later] = [
        line for line in out.splitlines() if line.startswith("Unsubscribe later (estimate)  ")
    ]
    assert later.split("  ")[-2:] == [
        "from Thu 1 Jan 2026, 00:00 GMT+08:00 until Sun 4 Jan 2026, 09:19 GMT+08:00",
        "R38",
    ]
    assert "\nCheapest because waiting until Thu 1 Jan 2026 returns more.\n" in out


def test_waiting_that_only_costs_has_a_beginning_alone(capsys):
    [bought] = RENEWING["subscription"]["orders"]
    paid = {
        **bought,
        "order_type": "renewal",
        "effective_at": "2026-12-08T00:00:00+08:00",
        "expires_at": "2027-12-07T23:59:59+08:00",
    }
    file = written("renewed.json", with_facts(RENEWING, orders=[bought, paid]))

    out = said(capsys, "quote", file, "--at", "2026-11-23T10:12:00+08:00")

    [later] = [
        line for line in out.splitlines() if line.startswith("Unsubscribe later (estimate)  ")
    ]
    assert later.split("  ")[-2:] == ["from Tue 8 Dec 2026, 00:00 GMT+08:00", "R41"]


def test_r21_what_follows_the_first_attempt_is_the_next_one(capsys):
    file = written("renewing.json", RENEWING)

    before = said(capsys, "quote", file, "--at", "2026-11-30T02:59:00+08:00")
    after = said(capsys, "quote", file, "--at", "2026-11-30T03:00:00+08:00")

    assert "\nNext deduction            Mon 30 Nov 2026, 03:00 GMT+08:00  R19\n" in before
    assert "\nNext attempt              Tue 1 Dec 2026, 03:00 GMT+08:00   R21\n" in after
    assert "Next deduction" not in after


def test_r25_on_the_day_of_the_deduction_it_may_be_too_late(capsys):
    file = written("renewing.json", RENEWING)

    out = said(capsys, "quote", file, "--at", "2026-11-30T01:00:00+08:00")

    sentence = "The deduction is due today at 03:00, so it may be too late. (R25)"
    assert f"\nTurn auto-renewal off: {sentence}\n" in out


def test_a_contract_has_an_end_but_neither_grace_nor_retention(capsys):
    facts = {"kind": "saas", "notice_days": 30, "edition": None, "service": "Status page"}
    file = written("contract.json", with_facts(RENEWING, **facts))

    quote = printed(capsys, "quote", file, "--at", "2026-10-23T10:12:00+08:00")
    out = said(capsys, "quote", file, "--at", "2026-10-23T10:12:00+08:00")

    assert "\nNotice by                Sat 7 Nov 2026                   contract\n" in out
    assert "\nExpires                  Mon 7 Dec 2026, 23:59 GMT+08:00  R14\n" in out
    assert "Grace" not in out
    assert "Retention" not in out
    ends = ("expires_at", "grace_ends_at", "released_at", "phase")
    assert [quote["dates"][name] for name in ends] == [
        "2026-12-07T23:59:59+08:00",
        None,
        None,
        None,
    ]


def test_r10_what_is_paid_by_use_costs_what_is_not_known(capsys):
    file = written("by-use.json", with_facts(RENEWING, billing_mode="pay-per-use"))

    quote = printed(capsys, "quote", file, "--at", "2026-11-23T10:12:00+08:00")

    keep = quote["ways_out"]["ways"][0]
    assert (keep["way"], keep["money_out"], keep["rule"]) == ("keep", None, "R10")


def test_r42_currencies_that_differ_are_refused_with_either_scope(capsys):
    [bought] = RENEWING["subscription"]["orders"]
    paid = {
        **bought,
        "order_type": "renewal",
        "effective_at": "2026-12-08T00:00:00+08:00",
        "expires_at": "2027-12-07T23:59:59+08:00",
        "currency": "EUR",
    }
    file = written("mixed.json", with_facts(RENEWING, orders=[bought, paid]))

    for scope in ("all", "renewals"):
        at = ("--at", "2026-11-23T10:12:00+08:00", "--scope", scope)
        assert refused(capsys, "quote", file, *at) == (
            "`subscription` of mixed.json is wrong. "
            "currency: one subscription is paid in EUR and USD (R42).\n"
        )


def test_r42_a_closed_order_in_another_currency_is_no_error(capsys):
    [bought] = RENEWING["subscription"]["orders"]
    over = {
        **bought,
        "effective_at": "2024-12-07T09:20:00+08:00",
        "expires_at": "2025-12-07T23:59:59+08:00",
        "currency": "EUR",
    }
    running = {
        **bought,
        "order_type": "renewal",
        "effective_at": "2025-12-08T00:00:00+08:00",
        "currency": None,
    }
    file = written("moved.json", with_facts(RENEWING, orders=[over, running]))

    quote = printed(capsys, "quote", file, "--at", "2026-11-23T10:12:00+08:00")

    assert quote["currency"] == "USD"
    assert quote["ways_out"]["cheapest"] == "turn-off"


# What cannot be read


def test_a_key_that_is_given_twice_is_named(capsys):
    Path("twice.json").write_text(
        '{"subscription": {"id": "a", "orders": [{"cash": "1.00", "cash": "2.00"}]}}',
        encoding="utf-8",
    )

    assert refused(capsys, "quote", "twice.json", "--at", AT) == (
        "`cash` is given twice. Remove one.\n"
    )


def test_the_same_key_in_two_objects_is_given_once_in_each(capsys):
    [bought] = RENEWING["subscription"]["orders"]
    paid = {
        **bought,
        "order_type": "renewal",
        "effective_at": "2026-12-08T00:00:00+08:00",
        "expires_at": "2027-12-07T23:59:59+08:00",
    }
    file = written("renewed.json", with_facts(RENEWING, orders=[bought, paid]))

    assert printed(capsys, "quote", file, "--at", "2026-11-23T10:12:00+08:00")["allowed"]


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_what_is_nested_too_deeply_is_told_as_such(capsys, opening, closing):
    deep = opening * 100_000 + "1" + closing * 100_000
    Path("deep.json").write_text(deep, encoding="utf-8")

    assert refused(capsys, "quote", "deep.json", "--at", AT) == (
        "deep.json is nested too deeply. Correct it.\n"
    )


@pytest.mark.parametrize(
    "at",
    [
        "1989-12-31T23:59:59+08:00",
        "2200-01-01T00:00:00+08:00",
        "0001-01-01T00:00:00+08:00",
        "9999-12-31T23:59:59-12:00",
        "2024-01-15T18:40:00",
        "yesterday",
    ],
)
def test_an_instant_beyond_the_years_or_without_offset_is_refused(capsys, at):
    assert refused(capsys, "quote", written("p3.json", P3), "--at", at) == (
        f"`--at` is {at}; write an instant with an offset, 2024-01-15T18:40:00+08:00, "
        "from 1990 to 2199.\n"
    )


@pytest.mark.parametrize("at", ["1990-01-01T00:00:00+08:00", "2199-12-31T23:59:59+08:00"])
def test_an_instant_within_the_years_is_taken(capsys, at):
    assert "Ways out, cheapest first" in said(capsys, "quote", written("p3.json", P3), "--at", at)


def test_what_is_refused_has_no_amounts_but_its_ways_out(capsys):
    postpaid = {**P3, "subscription": {"id": "it", "billing_mode": "pay-per-use", "orders": []}}
    file = written("postpaid.json", postpaid)

    quote = printed(capsys, "quote", file, "--at", AT)
    out = said(capsys, "quote", file, "--at", AT)

    assert quote["refused"] == {"rule": "R31", "reason": "It is pay-per-use, nothing is prepaid."}
    assert (quote["orders"], quote["total"], quote["lost"]) == ([], None, None)
    assert "Not possible: It is pay-per-use, nothing is prepaid. (R31)\n" in out


@pytest.mark.parametrize(
    ("order", "field", "rule"),
    [
        ({"cash": None}, "cash", "R42"),
        ({"term_months": None}, "term_months", "R43"),
        ({"effective_at": None}, "effective_at", "R42"),
        ({"expires_at": None}, "expires_at", "R42"),
        ({"expires_at": "2023-02-01T23:59:59+08:00"}, "expires_at", "R14"),
        ({"provisioned_at": "2025-01-01T00:00:00+08:00"}, "provisioned_at", "R36"),
    ],
)
def test_incomplete_or_contradictory_facts_name_field_and_rule(capsys, order, field, rule):
    file = written("unclear.json", changed(P3, **order))

    sentence = refused(capsys, "quote", file, "--at", AT)

    assert field in sentence
    assert f"({rule})" in sentence


def test_renewals_that_overlap_name_field_and_rule(capsys):
    [first] = P3["subscription"]["orders"]
    early = {
        **first,
        "order_type": "renewal",
        "effective_at": "2024-01-20T00:00:00+08:00",
        "expires_at": "2024-03-02T23:59:59+08:00",
    }
    given = {**P3, "subscription": {**P3["subscription"], "orders": [first, early]}}

    assert refused(capsys, "quote", written("overlap.json", given), "--at", AT) == (
        "effective_at is Sat 20 Jan 2024, before the term that it follows ends on Thu 1 Feb 2024; "
        "a renewal begins when the term before it ends (R14).\n"
    )


def test_a_quote_loads_no_framework(tmp_path):
    file = tmp_path / "p3.json"
    file.write_text(json.dumps(P3), encoding="utf-8")
    program = (
        f"import sys; from bot.cli import run; run(['quote', {str(file)!r}, '--at', {AT!r}]);"
        f"print('loaded', *[name for name in {HEAVY} if name in sys.modules])"
    )

    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert ran.stdout.splitlines()[-1] == "loaded"


def test_a_plan_adds_up_each_step_and_the_whole(capsys):
    imported(capsys, *STAGING)
    ids = ("staging-quota", "staging-screen", "staging-orchestration")

    plan = printed(capsys, "plan", *ids)

    first, second = plan["steps"]
    assert first["total"] == first["quotes"]["staging-quota"]["total"]
    sums = [second["quotes"][ref]["total"]["refund"] for ref in ids[1:]]
    assert float(second["total"]["refund"]) == pytest.approx(sum(map(float, sums)))
    assert float(plan["total"]["refund"]) == pytest.approx(
        float(first["total"]["refund"]) + float(second["total"]["refund"])
    )


def test_a_plan_reads_as_a_table_with_the_working_of_each_item(capsys):
    imported(capsys, *STAGING)

    out = said(capsys, "plan", "staging-quota", "staging-screen", "staging-orchestration")

    lines = out.splitlines()
    assert lines[0].split() == ["Step", "Subscription", "Paid", "Consumed", "Fee", "Refund"]
    assert lines[1].startswith("1 ")
    assert lines[2].startswith("2, after 1 ")
    assert any(line.startswith("2 ") and "All of this step" in line for line in lines)
    assert any("Total (estimate)" in line for line in lines)
    assert out.count("Handling fee 10%") == 3
    assert out.count("keep costing until someone releases them. (R11)") == 1


def test_a_plan_says_what_cannot_go_and_what_to_do_about_it(capsys):
    disk = {**STAGING[0], "id": "disk", "name": "Disk", "kind": "resource", "edition": None,
            "parent_id": "build-runner"}  # fmt: skip
    imported(capsys, *STAGING, disk)

    out = said(capsys, "plan", "staging-screen", "disk")

    assert "Not possible: staging/staging-screen. Large screen cannot go before its edition;" in out
    assert "\n  Unsubscribe from the edition first.\n" in out
    assert (
        "Not possible: staging/disk. It belongs to build-runner and goes with it. (R35)\n"
        "  Unsubscribe from the main one.\n"
    ) in out


def test_a_plan_says_each_refusal_and_its_rule_once(capsys):
    disk = {**STAGING[0], "id": "disk", "name": "Disk", "kind": "resource", "edition": None,
            "parent_id": "build-runner"}  # fmt: skip
    [bought] = STAGING[0]["orders"]
    unpaid = {**STAGING[0], "id": "unpaid", "name": "Unpaid", "kind": "resource", "edition": None,
              "orders": [{**bought, "cash": None}]}  # fmt: skip
    imported(capsys, *STAGING, disk, unpaid)

    out = said(capsys, "plan", "staging-screen", "disk", "unpaid")

    for sentence in (
        "Large screen cannot go before its edition; ",
        "It belongs to build-runner and goes with it. (R35)",
        "Not possible: staging/unpaid. cash is not known; the figures need it (R42).\n",
    ):
        assert out.count(sentence) == 1
    assert [out.count(f"({rule})") for rule in ("R8", "R35", "R42")] == [1, 1, 1]


def test_a_plan_still_says_what_is_no_refusal(capsys):
    imported(capsys, *STAGING)

    out = said(capsys, "plan", "staging-quota")

    assert out.count("stays paid for and ") == 2
    assert "Not possible" not in out


def test_p11_a_plan_names_what_goes_along_by_itself(capsys):
    server = {**STAGING[0], "id": "server", "name": "Server", "kind": "resource", "edition": None}
    disk = {**server, "id": "disk", "name": "Disk", "parent_id": "server"}
    network = {**server, "id": "vpc", "name": "Network"}
    imported(capsys, server, disk, network)

    plan = printed(capsys, "plan", "server")

    assert [step["subscriptions"] for step in plan["steps"]] == [["server"]]
    assert {"rule": "R35", "text": "Disk goes along with server."} in plan["warnings"]
    assert "Network" not in str(plan["warnings"])
