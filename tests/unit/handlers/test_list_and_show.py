"""The list, one subscription and the deductions ahead, word for word as people see them."""

from dataclasses import replace
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.billing.subscription import BillingMode, Status
from bot.billing.unsubscription import State
from bot.facts.listing import NearestFilter
from handlers import ids
from handlers.blocks import showing, subscriptions
from handlers.blocks import upcoming as ahead
from tests.factories import order, quota, resource
from tests.unit.handlers.catalogue import (
    BANDWIDTH,
    ORCHESTRATION,
    RUNNER,
    SCREEN,
    SM_QUOTA,
    STATUS_PAGE,
    WAF,
    day,
    page,
    row,
    sample_page,
    shown,
    upcoming,
)
from tests.unit.handlers.looks import accepted, buttons, elements, plain, words


def test_the_list_is_two_lines_a_row_and_groups_stand_together():
    content = accepted(subscriptions.page(sample_page(), filters=""))

    assert words(content.blocks) == [
        "Subscriptions",
        "1 to 10 of 42 · nearest deduction first · no filter",
        (
            "**1 SecMaster Professional, 50 ECS** · prod\n"
            "Deduction Mon 30 Nov · USD 3,600.00\n"
            "• **2 Large screen** · USD 900.00\n"
            "• **3 Security orchestration** · USD 1,200.00"
        ),
        "**4 Status page, Team plan** · contracts\nNotice by Tue 1 Dec · USD 348.00",
        "**5 WAF Standard** · prod · no owner\nDeduction Thu 3 Dec · USD 432.00",
        "**6 build-runner-01, ECS** · prod\nDeduction Sat 5 Dec · USD 61.20",
        (
            "**7 SecMaster Standard, 20 ECS** · cn\n"
            "Deduction Mon 7 Dec · CNY 12,800.00\n"
            "• **8 Large screen** · CNY 3,200.00"
        ),
        "**9 Bandwidth 100 Mbit/s, EIP** · prod\nExpires Fri 18 Dec · not renewed",
        (
            "**10 SecMaster Professional, 50 ECS** · staging\n"
            "Deduction Mon 3 May 2027 · USD 3,600.00\n"
            "Request 1042 waits"
        ),
        "[Open a subscription…] [Next]",
    ]


def test_the_list_is_read_aloud_in_one_sentence_a_row():
    spoken = plain(subscriptions.page(sample_page(), filters="").text)

    assert spoken.startswith(
        "Subscriptions 1 to 10 of 42, nearest deduction first. "
        "1: SecMaster Professional, 50 ECS, prod, USD 3,600.00 will be deducted on Mon 30 Nov. "
        "2: its package Large screen, USD 900.00. "
    )
    assert spoken.endswith("More: press Next.")
    assert "10: SecMaster Professional, 50 ECS, staging" in spoken


def test_the_menu_lists_the_rows_with_the_numbers_of_the_text():
    [menu] = [
        each
        for each in elements(subscriptions.page(sample_page(), filters="").blocks)
        if each["type"] == "static_select"
    ]

    labels = [option["text"]["text"] for option in menu["options"]]
    assert labels[0] == "1 SecMaster Professional, 50 ECS"
    assert len(labels) == 10
    assert menu["options"][0]["value"] == "prod/sm-quota"


def test_paging_carries_the_filters_and_the_places_between_the_pages():
    shown = sample_page(page=2, previous="ab", next="cd")
    content = subscriptions.page(shown, filters="service:SecMaster")

    values = {each["action_id"]: each.get("value") for each in elements(content.blocks)}
    assert values[ids.LIST_PAGE] == "3>cd service:SecMaster"
    assert values[ids.LIST_PREVIOUS] == "1<ab service:SecMaster"
    assert "service:SecMaster" in words(content.blocks)[1]


def test_a_place_that_is_too_long_for_a_button_gives_way_to_the_number_of_the_page():
    shown = sample_page(page=2, previous="a" * 1985, next="b" * 1986)
    content = accepted(subscriptions.page(shown, filters="kind:package"))

    values = {each["action_id"]: each.get("value") for each in elements(content.blocks)}
    assert values[ids.LIST_PREVIOUS] == f"1<{'a' * 1985} kind:package"
    assert values[ids.LIST_PAGE] == "3 kind:package"


def test_the_first_page_has_no_previous_and_the_last_no_next():
    first = subscriptions.page(sample_page(), filters="")
    last = subscriptions.page(sample_page(page=5, previous="ab", next=None), filters="")

    assert buttons(first.blocks) == ["Open a subscription…", "Next"]
    assert buttons(last.blocks) == ["Open a subscription…", "Previous"]
    assert "press Next" not in last.text


def test_beyond_a_thousand_the_count_says_more_than():
    content = subscriptions.page(sample_page(count=1000, more=True), filters="")

    assert words(content.blocks)[1].startswith("1 to 10 of more than 1,000 ·")


def test_where_a_page_splits_a_group_the_next_says_to_what_it_belongs():
    content = accepted(
        subscriptions.page(page(row(11, SCREEN, package_of=SM_QUOTA), page=2), filters="")
    )

    assert words(content.blocks)[2] == (
        "belongs to SecMaster Professional, 50 ECS, prod\n"
        "• **11 Large screen** · Deduction Mon 30 Nov · USD 900.00"
    )


@pytest.mark.parametrize(
    ("subscription", "line"),
    [
        (replace(RUNNER, billing_mode=BillingMode.PAY_PER_USE, orders=()), "Pay-per-use"),
        (replace(RUNNER, status=Status.FROZEN), "Frozen"),
        (replace(RUNNER, status=Status.UNSUBSCRIBED), "Unsubscribed"),
        (
            replace(
                RUNNER,
                status=Status.EXPIRED,
                orders=(order("2026-10-20 09:00", months=1, cash="61.20"),),
            ),
            "Expired Fri 20 Nov",
        ),
        (replace(RUNNER, renewal_price=None), "Deduction Sat 5 Dec · amount not known"),
    ],
)
def test_the_second_line_begins_with_what_comes(subscription, line):
    listed = row(1, subscription)
    if subscription.renewal_price is not None:
        listed = replace(listed, anchor=None)

    content = accepted(subscriptions.page(page(listed), filters=""))

    assert words(content.blocks)[2].splitlines()[1] == line


@pytest.mark.parametrize(
    ("state", "line"),
    [
        (State.WAITING, "Request 1042 waits"),
        (State.APPROVED, "Request 1042 is approved"),
        (State.EXECUTING, "Request 1042 runs"),
        (State.FAILED, "Request 1042 failed"),
    ],
)
def test_a_row_says_in_which_state_its_open_request_is(state, line):
    listed = row(1, RUNNER, open_request=1042, open_state=state)

    assert words(subscriptions.page(page(listed), filters="").blocks)[2].endswith(line)


def test_nothing_found_offers_the_nearest_spelling():
    nearest = NearestFilter(field="service", value="SecMaster", count=12, more=False)

    content = accepted(subscriptions.nothing_found("service:SecMastr", nearest))

    assert words(content.blocks) == [
        "No subscription matches `service:SecMastr`. `service:SecMaster` has 12.",
        "[Search SecMaster] [Clear filters]",
    ]
    assert elements(content.blocks)[0]["value"] == "1 service:SecMaster"


def test_a_nearest_value_with_a_blank_travels_in_quotation_marks():
    nearest = NearestFilter(field="service", value="Status page", count=1, more=False)

    content = accepted(subscriptions.nothing_found("service:Stats", nearest))

    assert elements(content.blocks)[0]["value"] == '1 service:"Status page"'


def test_an_empty_catalogue_says_how_it_fills():
    content = accepted(subscriptions.empty_catalogue())

    assert words(content.blocks) == [
        "No subscriptions yet",
        (
            "Lapse has nothing to watch. An operator imports a file (`lapse import FILE`) or "
            "connects an account (`lapse sync`)."
        ),
    ]


@given(st.text(min_size=1, max_size=400), st.text(min_size=1, max_size=200))
def test_no_name_and_no_filter_makes_slack_refuse_the_list(name, filters):
    hostile = replace(RUNNER, name=name)

    accepted(subscriptions.page(page(row(1, hostile)), filters=filters))
    accepted(
        subscriptions.nothing_found(
            filters, NearestFilter(field="service", value=name, count=1, more=False)
        )
    )
    accepted(showing.shown(shown(hostile)))


def test_a_foreign_name_never_comes_alive():
    hostile = replace(SM_QUOTA, name="<!channel> *free* <https://evil|Pay>")

    listed = subscriptions.page(page(row(1, hostile)), filters="")
    one = showing.shown(shown(hostile, packages=(replace(SCREEN, name="<!here>"),)))

    for content in (listed, one):
        assert "<!channel>" not in content.text
        assert "<https" not in content.text
        for block in content.blocks:
            sent = block.to_dict()
            if sent["type"] in {"section", "context"}:
                mrkdwn = [each for each in _texts(sent) if each["type"] == "mrkdwn"]
                assert all(each["verbatim"] for each in mrkdwn)
                assert not any("<!" in each["text"] for each in mrkdwn)


def test_the_longest_list_stays_below_what_an_update_takes():
    rows = [
        row(n, quota(f"q-{n}", account="prod", name="n" * 300), open_request=1042)
        for n in range(1, 11)
    ]

    content = accepted(subscriptions.page(page(*rows), filters="x" * 500))

    assert len(content.text) <= 3000


def _texts(block):
    if block["type"] == "context":
        return block["elements"]
    return [*block.get("fields", []), *([block["text"]] if "text" in block else [])]


def test_one_subscription_shows_its_ways_out_cheapest_first():
    content = accepted(showing.shown(shown(packages=(SCREEN, ORCHESTRATION))))

    assert words(content.blocks) == [
        "SecMaster Professional, 50 ECS",
        (
            "**Account, region**\nprod, ap-southeast-1 | **Owner**\n<@U0OWNER> | "
            "**Term**\n12 months from Sun 7 Dec 2025 | "
            "**Expires**\nMon 7 Dec 2026, 23:59 GMT+08:00 | "
            "**Next deduction**\nMon 30 Nov 2026, 03:00 GMT+08:00 | "
            "**Amount expected**\nUSD 3,600.00"
        ),
        (
            "prod/sm-quota · packages: Large screen, Security orchestration · "
            "read from the cloud today, 09:55 GMT+08:00"
        ),
        (
            "**Turn auto-renewal off · cheapest**\n"
            "You pay nothing more and keep it until Mon 7 Dec\n"
            "Last safe moment: Sun 29 Nov 2026, 23:59 GMT+08:00\n"
            "Its data is deleted after Wed 6 Jan 2027 "
            "→ [Turn off auto-renewal]"
        ),
        (
            "**Do nothing**\nUSD 3,600.00 on Mon 30 Nov for 12 months\n"
            "Can be given back in full until Mon 7 Dec 2026, 23:59 GMT+08:00"
        ),
        (
            "**Unsubscribe now (estimate)**\nYou get back USD 0.00, it ends at once\n"
            "Paid USD 3,600.00, consumed USD 3,456.41, fee USD 360.00\n"
            "Last safe moment: Sun 29 Nov 2026, 23:59 GMT+08:00 → [Unsubscribe…]"
        ),
        (
            "**Give back the renewal period**\n"
            "Closed until the deduction of Mon 30 Nov, then open for 7 days"
        ),
        (
            "Cheapest because unsubscribing returns nothing and ends it 14 days earlier. "
            "Rule set huaweicloud-intl/2025-07-25; the cloud's bill is binding."
        ),
        "[Show the working…] [History…]",
    ]


def test_one_subscription_is_read_aloud_with_amount_instant_and_the_cheapest_way():
    assert plain(showing.shown(shown()).text) == (
        "SecMaster Professional, 50 ECS, prod: USD 3,600.00 will be deducted on "
        "Mon 30 Nov 2026, 03:00 GMT+08:00. Cheapest: turn auto-renewal off by "
        "Sun 29 Nov 2026, 23:59 GMT+08:00, pay nothing more. "
        "Unsubscribing now returns USD 0.00 (estimate)."
    )


def test_a_reader_elsewhere_gets_their_own_hour_too():
    content = accepted(showing.shown(shown(), zone=ZoneInfo("Europe/Berlin")))

    assert "Sun 29 Nov 20:00 Europe/Berlin" in content.text
    assert "yours: <!date^1795978800^" in words(content.blocks)[1]


def test_turning_off_alone_asks_first_and_with_packages_opens_the_form():
    alone, quota_ = showing.shown(shown()), showing.shown(shown(packages=(SCREEN,)))

    [asked] = [e for e in elements(alone.blocks) if e["action_id"] == ids.AUTORENEW_OFF]
    assert asked["confirm"]["title"]["text"] == "Turn off auto-renewal?"
    assert plain(asked["confirm"]["text"]["text"]) == (
        "SecMaster Professional, 50 ECS ends on Mon 7 Dec 2026, 23:59 GMT+08:00 unless someone "
        "renews it. USD 3,600.00 will not be deducted."
    )
    assert asked["confirm"]["deny"]["text"] == "Go back"
    [form] = [e for e in elements(quota_.blocks) if e["action_id"] == ids.AUTORENEW_FORM]
    assert "confirm" not in form


def test_with_auto_renewal_off_what_comes_back_is_cheapest_and_turning_off_is_closed():
    content = accepted(showing.shown(shown(BANDWIDTH)))

    said = words(content.blocks)
    assert said[3].startswith(
        "**Unsubscribe now (estimate) · cheapest**\nYou get back USD 58.92, it ends at once\n"
    )
    assert (
        "**Do nothing**\nYou pay nothing more\nIt ends on Fri 18 Dec\n"
        "Its data is deleted after Sun 17 Jan 2027"
    ) in said
    assert "**Turn auto-renewal off**\nAuto-renewal is off already" in said
    assert "Turn off auto-renewal" not in buttons(content.blocks)
    assert "expires on Fri 18 Dec 2026, 23:59 GMT+08:00, auto-renewal is off" in content.text


def test_a_contract_shows_the_notice_and_no_deduction():
    content = accepted(showing.shown(shown(STATUS_PAGE)))

    assert "**Notice by**\nTue 1 Dec 2026" in words(content.blocks)[1]
    assert "notice to give by Tue 1 Dec 2026" in content.text
    assert "**Do nothing**\nUSD 348.00 for 12 months unless notice is given by Tue 1 Dec" in words(
        content.blocks
    )
    assert "heapest" not in content.text + " ".join(words(content.blocks))


def test_a_dry_run_is_said_first_and_last():
    content = accepted(showing.shown(shown(dry_run=True)))

    assert content.text.startswith("Dry run: ")
    assert words(content.blocks)[0].startswith("Dry run: ")
    assert "Dry run: nothing is changed at the cloud." in words(content.blocks)[-2]


def test_what_cannot_be_unsubscribed_from_says_so_and_has_no_button_for_it():
    free = replace(
        RUNNER,
        billing_mode=BillingMode.PAY_PER_USE,
        orders=(),
        auto_renew=None,
        auto_renew_months=None,
        renewal_price=None,
    )

    content = accepted(showing.shown(shown(free)))

    assert buttons(content.blocks) == ["Show the working…", "History…"]
    assert "Unsubscribing is not possible" in content.text
    assert "**Next deduction**\nnone, it is pay-per-use" in words(content.blocks)[1]
    assert "**Do nothing**\nNothing is deducted in advance, it costs what it uses" in words(
        content.blocks
    )


def test_the_deductions_ahead_stand_by_day_with_sums_per_currency():
    content = accepted(ahead.upcoming(_sample_upcoming()))

    assert words(content.blocks) == [
        "Deductions until Wed 23 Dec 2026",
        "**USD 6,193.20** in 5 deductions\n**CNY 16,000.00** in 2\n1 notice to give",
        (
            "**Mon 30 Nov, 03:00 · USD 5,700.00**\nLast working day before: Fri 27 Nov\n"
            "• SecMaster Professional, 50 ECS · USD 3,600.00\n"
            "• Large screen · USD 900.00\n• Security orchestration · USD 1,200.00"
        ),
        "**Tue 1 Dec · notice to give**\n• Status page, Team plan · USD 348.00",
        "**Thu 3 Dec, 03:00 · USD 432.00**\n• WAF Standard · USD 432.00",
        "**Sat 5 Dec, 03:00 · USD 61.20**\n• build-runner-01, ECS · USD 61.20",
        "[Open a subscription…] [7 days] [90 days]",
        "Hours are GMT+08:00. Amounts are expected; 0 of them are not known and not in the sums.",
    ]


def test_the_deductions_ahead_are_read_aloud_with_the_next_first():
    assert plain(ahead.upcoming(_sample_upcoming()).text).startswith(
        "Until Wed 23 Dec 2026: USD 6,193.20 in 5 deductions, CNY 16,000.00 in 2, "
        "1 notice to give. Next: USD 5,700.00 on Mon 30 Nov 2026, 03:00 GMT+08:00, "
        "last working day before it Fri 27 Nov. Tue 1 Dec: notice to give, "
    )


def test_no_deduction_ahead_names_the_next_one_after_that():
    later = quota(
        "st-quota",
        account="staging",
        renewal_price=Decimal("5700.00"),
        orders=(order("2026-05-10 10:00"),),
    )

    content = accepted(
        ahead.upcoming(upcoming(sums=(), notices=0, next_after=day(later, working="2027-04-30")))
    )

    assert plain(content.text) == (
        "Nothing will be deducted until Wed 23 Dec 2026. "
        "The next one after that: USD 5,700.00 on Mon 3 May 2027."
    )


def test_a_year_of_days_still_fits_into_one_message():
    days = [
        day(
            resource(f"r-{n}", name="n" * 200, orders=(order(_bought(n), months=12),)),
            working="2026-11-27",
        )
        for n in range(120)
    ]

    content = accepted(ahead.upcoming(upcoming(*days, span=366)))

    assert "and 90 more days" in "".join(words(content.blocks))
    assert len(content.text) <= 3000


def _bought(number: int) -> str:
    return f"2026-{number % 10 + 1:02}-{number % 28 + 1:02} 10:00"


def _sample_upcoming():
    return upcoming(
        day(SM_QUOTA, SCREEN, ORCHESTRATION, working="2026-11-27"),
        day(STATUS_PAGE, working="2026-11-30"),
        day(WAF, working="2026-12-02"),
        day(RUNNER, working="2026-12-04"),
    )


def test_a_deduction_of_an_unknown_amount_never_reads_like_an_amount():
    unknown = replace(RUNNER, renewal_price=None)

    listed = subscriptions.page(page(row(1, unknown)), filters="")
    one = showing.shown(shown(unknown))

    assert "1: build-runner-01, ECS, prod, deduction on Sat 5 Dec, amount not known." in listed.text
    assert "a deduction on Sat 5 Dec 2026, 03:00 GMT+08:00, amount not known" in one.text
    accepted(one)


def test_a_heading_is_no_longer_than_a_phone_shows():
    content = accepted(showing.shown(shown(replace(RUNNER, name="word " * 60))))

    assert len(words(content.blocks)[0]) <= 60
