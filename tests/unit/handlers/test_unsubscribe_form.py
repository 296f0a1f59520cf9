"""The unsubscription form says what it must, as a modal and as a message."""

from dataclasses import replace

import pytest

from bot.billing import deciding, stepping
from bot.billing.quote import Quote, Refusal, Scope
from bot.billing.subscription import BillingMode
from bot.billing.unsubscription import ACKNOWLEDGEMENT, ItemState, Reason, State
from bot.billing.ways_out import ways_out
from bot.facts.messages import Receipt, RequesterNote, RequestLine
from bot.facts.receipt import RecordHead
from bot.facts.unsubscribing import NewFigures
from handlers import forms, ids
from handlers.blocks import (
    decisions,
    form_fields,
    receipts,
    requester_notes,
    reviewing,
    unsubscribe,
    working,
)
from handlers.forms import Carried, Filled
from tests import factories as make
from tests.factories import APPROVER_1, NOW, REQUESTER, instant, usd
from tests.unit.handlers import looks, samples, seen

SAID_OF_STANDING = samples.STANDS.replace("*", "").replace("<not>", "&lt;not&gt;")
"""As it stands in mrkdwn: foreign marks format nothing."""

CARRIED = Carried.fresh(("staging/st-quota",), channel="C0FINOPS")


SHARED = (
    "staging · SecMaster · ap-southeast-1 · 12 months, expires Mon 10 May 2027, 23:59 GMT+08:00"
)


def lab(**changes):
    return samples.draft(samples.LAB, group=(samples.LAB,), account=samples.LAB_ACCOUNT, **changes)


def test_the_form_for_one_item_shows_its_facts_and_figures():
    view = unsubscribe.form(lab(), CARRIED)

    assert seen.lines(view.blocks)[:8] == [
        "SecMaster Standard, 10 ECS · lab · ap-southeast-1",
        "12 months, expires Thu 1 Jul 2027, 23:59 GMT+08:00",
        "*Paid*: USD 540.00",
        "*Consumed (estimate)*: USD 214.03",
        "*Handling fee, at most*: USD 54.00",
        "*Refund now*: USD 271.97",
        "*At least, until the deadline*: USD 267.48",
        "*Coupons lost*: USD 0.00",
    ]
    assert seen.lines(view.blocks)[8] == (
        "It stops at once and cannot be restored. Deadline to decide: Thu 26 Nov 2026, 10:12 "
        "GMT+08:00. Rule set huaweicloud-intl/2025-07-25; the cloud's bill is binding."
    )
    assert seen.refused(view) == []


def test_the_form_says_that_a_call_of_an_earlier_request_is_looked_for_first():
    said = "had the cloud called about this, and nobody read how it ended. Lapse looks for that"

    view = unsubscribe.form(lab(left_open=(1001,)), CARRIED)
    content = unsubscribe.message(lab(left_open=(1001, 1003)), CARRIED)

    assert f"Request 1001 {said} first; nothing is asked for twice." in seen.lines(view.blocks)
    assert f"Requests 1001, 1003 {said}" in content.text
    assert said not in str(seen.lines(unsubscribe.form(lab(), CARRIED).blocks))
    assert seen.refused(view) == []


def test_the_form_asks_for_reason_details_and_the_one_checkbox():
    view = unsubscribe.form(lab(), CARRIED)
    fields = seen.inputs(view.blocks)

    assert (view.title.text, view.submit.text, view.close.text) == (
        "Unsubscribe",
        "Send request",
        "Go back",
    )
    assert list(fields) == ["Reason", "Details", "Handling fee"]
    assert [option["text"]["text"] for option in fields["Reason"]["element"]["options"]] == [
        "Hard to use",
        "Features are not enough",
        "Too complex to operate",
        "Not satisfied with the service",
        "Other",
    ]
    [tick] = fields["Handling fee"]["element"]["options"]
    assert tick["text"]["text"] == ACKNOWLEDGEMENT
    assert seen.named(tick["description"]["text"]) == "At most USD 54.00 (estimate)."
    assert fields["Details"]["optional"] is True


def test_what_several_share_is_said_once_with_account_and_service():
    shown = seen.lines(unsubscribe.form(samples.draft(), CARRIED).blocks)

    assert shown.count(SHARED) == 1
    assert "1 SecMaster Professional, 50 ECS" in shown


def test_what_several_do_not_share_stands_in_the_row_of_each():
    other = replace(samples.SCREEN, orders=(make.order("2026-07-01 14:30", cash="900.00"),))
    drawn = samples.draft(group=(samples.QUOTA, other, samples.ORCHESTRATION))
    shown = seen.lines(unsubscribe.form(drawn, CARRIED).blocks)

    ends = "12 months, expires Mon 10 May 2027, 23:59 GMT+08:00"
    assert f"1 SecMaster Professional, 50 ECS · staging · ap-southeast-1 · {ends}" in shown
    assert (
        "2 Large screen · staging · SecMaster · ap-southeast-1 · 12 months, expires Thu 1 Jul "
        "2027, 23:59 GMT+08:00"
    ) in shown
    assert SHARED not in shown


def test_the_form_for_an_edition_shows_order_figures_and_packages():
    view = unsubscribe.form(samples.draft(), CARRIED)
    shown = seen.lines(view.blocks)

    assert shown[:11] == [
        "*3 subscriptions, in this order*",
        "2 and 3 start when the edition of staging reads basic.",
        "1 SecMaster Professional, 50 ECS",
        "Paid USD 3,600.00, consumed USD 1,940.10, fee USD 360.00",
        "Refund now USD 1,299.90 (estimate)",
        "2 Large screen",
        "Paid USD 900.00, consumed USD 485.03, fee USD 90.00",
        "Refund now USD 324.97 (estimate)",
        "3 Security orchestration",
        "Paid USD 1,200.00, consumed USD 646.70, fee USD 120.00",
        "Refund now USD 433.30 (estimate)",
    ]
    assert (
        "If data collection was on, collector servers and VPC endpoints keep costing until someone "
        "releases them." in shown
    )
    packages = seen.inputs(view.blocks)["Packages that go along"]
    assert packages["dispatch_action"] is True
    assert len(packages["element"]["initial_options"]) == 2
    assert seen.refused(view) == []


def test_each_item_of_the_form_stands_in_a_block_of_its_own():
    blocks = unsubscribe.form(samples.draft(), CARRIED).blocks

    firsts = [seen.lines([block])[0] for block in blocks if block.type == "rich_text"]
    assert firsts[:3] == [
        "1 SecMaster Professional, 50 ECS",
        "2 Large screen",
        "3 Security orchestration",
    ]


def test_an_unticked_package_is_left_behind_with_what_it_goes_on_costing():
    draft = samples.draft(samples.QUOTA, samples.ORCHESTRATION)
    view = unsubscribe.form(draft, CARRIED)

    assert (
        "Left behind: Large screen stops working without its edition, stays paid for and renews "
        "for USD 900.00 on Mon 3 May 2027." in seen.lines(view.blocks)
    )
    assert len(seen.inputs(view.blocks)["Packages that go along"]["element"]["options"]) == 2


def test_choosing_other_makes_details_required_and_keeps_every_block_id():
    before = unsubscribe.form(lab(), CARRIED)
    after = unsubscribe.form(lab(), CARRIED, filled=Filled(reason=Reason.OTHER))

    assert seen.inputs(after.blocks)["Details"]["optional"] is False
    assert [each["block_id"] for each in seen.inputs(before.blocks).values()] == [
        each["block_id"] for each in seen.inputs(after.blocks).values()
    ]


def test_other_figures_empty_the_checkbox_by_a_new_block_id():
    few = samples.draft(samples.QUOTA, samples.ORCHESTRATION)

    assert form_fields.fee_block_id(few) != form_fields.fee_block_id(samples.draft())
    assert form_fields.fee_block_id(samples.draft()) == form_fields.fee_block_id(samples.draft())


def test_changed_figures_are_said_first_with_both_amounts():
    draft = samples.draft()
    before = replace(draft.worst, refund=usd("2110.76"))
    view = unsubscribe.form(draft, CARRIED, before=before)

    assert seen.lines(view.blocks)[0] == (
        "*The figures changed while this was open: refund at least USD 2,010.76, before USD "
        "2,110.76.*"
    )


def test_a_cheaper_way_is_said_first_with_its_button():
    way = next(
        each
        for each in ways_out(make.quota(), make.account(), at=NOW).ways
        if each.kind.value == "turn-off"
    )
    view = unsubscribe.form(lab(cheaper=way), CARRIED)

    assert seen.lines(view.blocks)[0].endswith(
        "Turning auto-renewal off costs nothing and keeps it until Mon 7 Dec."
    )
    assert seen.buttons(view.blocks)[0] == "Turn off auto-renewal"


def test_a_renewal_lets_one_give_back_the_renewal_period_alone():
    draft = lab(
        renewal_scope_possible=True,
        renewal_begins_at=instant("2026-12-01 00:00"),
        zero_fee_until=instant("2026-12-01 00:00"),
    )
    free = replace(draft, total=draft.total._replace(handling_fee=usd(0)))
    view = unsubscribe.form(free, CARRIED)
    fields = seen.inputs(view.blocks)

    assert next(iter(fields)) == "What to give back"
    assert [o["text"]["text"] for o in fields["What to give back"]["element"]["options"]] == [
        "Everything: the running term and the renewal",
        "Only the renewal period, from Tue 1 Dec 2026",
    ]
    [tick] = fields["Handling fee"]["element"]["options"]
    assert seen.named(tick["description"]["text"]) == (
        "Today's fee is USD 0.00, until Mon 30 Nov 2026, 23:59 GMT+08:00."
    )
    assert seen.refused(view) == []


def test_what_cannot_go_is_listed_with_its_reason():
    payg = make.resource("vm", account="lab", billing_mode=BillingMode.PAY_PER_USE)
    draft = lab(left_out={payg.key: Refusal(rule="R31", reason="It is pay-per-use.")})
    draft = replace(draft, subscriptions={**draft.subscriptions, payg.key: payg})

    shown = seen.lines(unsubscribe.form(draft, CARRIED).blocks)

    assert shown[shown.index("Left out") + 1] == "build-runner-01, ECS: It is pay-per-use."


def test_a_dry_run_is_said_in_title_and_small_print():
    view = unsubscribe.form(lab(dry_run=True), CARRIED)

    assert view.title.text == "Dry run: unsubscribe"
    assert seen.lines(view.blocks)[-1] == "Dry run: nothing is changed at the cloud."


def test_the_form_in_a_message_has_the_same_facts_reason_and_checkbox():
    content = unsubscribe.message(samples.draft(), CARRIED)
    fields = seen.inputs(content.blocks)

    assert list(fields) == ["Reason", "Handling fee"]
    assert seen.buttons(content.blocks) == [
        "Request unsubscription",
        "Open as form…",
        "Show the ways out…",
    ]
    assert "*3 subscriptions, in this order*" in seen.lines(content.blocks)
    assert seen.refused(content) == []
    assert len(seen.button(content.blocks, "Request unsubscription")["value"]) < 2000


def test_what_is_missing_stands_in_bold_above_the_buttons():
    content = unsubscribe.message(
        lab(), CARRIED, missing=["Choose a reason; the cloud asks for one.", unsubscribe.TICK]
    )
    kinds = [block.to_dict()["type"] for block in content.blocks]
    above = content.blocks[kinds.index("actions") - 1]

    assert seen.lines([above]) == [
        "*Choose a reason; the cloud asks for one.*",
        "*Tick the box to go on; nothing has been sent.*",
    ]
    assert content.text.startswith("Choose a reason; the cloud asks for one.")


def test_the_sent_text_says_where_it_went_and_by_when():
    content = unsubscribe.sent(samples.waiting(), "C0APPROVALS")

    assert seen.spoken(content) == (
        "Request 1042 goes to <#C0APPROVALS>. One approval is needed by Thu 26 Nov 2026, 10:14 "
        "GMT+08:00. You get a DM at every change."
    )
    assert unsubscribe.as_view(content).title.text == "Request sent"
    assert unsubscribe.as_view(content).close.text == "Close"
    assert (
        "2 approvals are needed"
        in unsubscribe.sent(samples.waiting(required_approvals=2), "C0APPROVALS").text
    )


def test_a_package_before_its_edition_offers_all_together():
    content = unsubscribe.not_possible(
        "Large screen cannot go before its edition.",
        "Unsubscribe from all 3 together.",
        rule="R8",
        together=["staging/st-quota", "staging/st-screen", "staging/st-orchestration"],
        shown="staging/st-screen",
    )

    assert seen.lines(content.blocks) == [
        "Large screen cannot go before its edition.",
        "The cloud unsubscribes from packages only when the edition is basic (R8).",
    ]
    assert seen.buttons(content.blocks) == ["Unsubscribe from all 3…", "Show the ways out"]
    assert unsubscribe.as_view(content).title.text == "Not possible now"
    assert unsubscribe.as_view(content).submit is None


def test_loading_says_that_nothing_was_sent():
    view = unsubscribe.loading(CARRIED, "SecMaster Professional, 50 ECS")

    assert seen.lines(view.blocks) == [
        "Reading the figures of SecMaster Professional, 50 ECS…",
        "Nothing has been sent.",
    ]
    assert view.submit is None
    assert seen.refused(view) == []
    assert seen.refused(unsubscribe.unreadable(CARRIED)) == []
    assert seen.refused(unsubscribe.which(CARRIED)) == []


def test_the_working_is_one_rule_a_line_and_fits_a_phone():
    quota = make.quota()
    quote = samples.draft(quota, group=(quota,), account=make.account()).plan.quotes[quota.key]

    [order] = quote.orders
    lines = [seen.named(line) for line in working.order_lines(order)]

    assert lines == [
        "Paid            USD 3,600.00  R42",
        "Order 8,775 h, used 8,425 h   R42",
        "Consumed        USD 3,456.41  R42",
        "Fee 10 %          USD 360.00  R43",
        "Refund              USD 0.00  R41",
    ]
    assert max(len(line) for line in lines) <= working.WIDTH
    assert seen.refused(working.working([(quota.label, quote)])) == []


def test_the_columns_of_a_long_term_and_large_amounts_stay_straight_and_fit():
    quota = make.quota()
    quote = samples.draft(quota, group=(quota,), account=make.account()).plan.quotes[quota.key]
    large = quote.orders[0]._replace(
        duration_hours=43_848, used_hours=38_111, paid=usd("123456789.00")
    )

    lines = working.order_lines(large)

    assert {line.index("  R4") for line in lines} == {len("Order 43,848 h, used 38,111 h")}
    assert max(len(line) for line in lines) <= working.WIDTH


def test_the_working_of_what_cannot_go_gives_the_reason():
    quota = make.resource("vm", billing_mode=BillingMode.PAY_PER_USE)
    quote = Quote(
        at=NOW,
        scope=Scope.ALL,
        refused=Refusal(rule="R31", reason="It is pay-per-use, nothing is prepaid."),
        case=None,
        currency="USD",
        rules="huaweicloud-intl/2025-07-25",
        large_value=False,
        orders=(),
        total=None,
        lost=None,
        warnings=(),
    )
    view = working.working([(quota.label, quote)])

    assert "It is pay-per-use, nothing is prepaid. (R31)" in seen.lines(view.blocks)
    assert seen.refused(view) == []
    assert seen.refused(working.working([])) == []


def test_what_a_form_carries_survives_the_way_through_slack():
    carried = CARRIED.showing(samples.draft(scope=Scope.ALL))

    assert forms.decode(forms.encode(carried)) == carried
    assert carried.shown is not None
    assert carried.shown.worst == samples.draft().worst


def test_many_items_show_ten_rows_and_the_totals_of_all():
    many = tuple(make.resource(f"vm-{n:02}", account="lab", name=f"Server {n}") for n in range(33))
    draft = samples.draft(*many, group=many, account=samples.LAB_ACCOUNT)
    view = unsubscribe.form(draft, CARRIED)
    shown = seen.lines(view.blocks)

    assert "and 23 more" in shown
    assert "*Paid*: USD 2,019.60" in shown
    assert seen.refused(view) == []


def test_new_figures_stand_beside_the_acknowledged_ones():
    draft = samples.draft()
    view = reviewing.form(
        NewFigures(
            number=1042,
            draft=draft,
            before=replace(draft.worst, refund=usd("2110.76")),
            acknowledged_at=samples.ASKED,
            read_at=instant("2026-11-23 09:40"),
        )
    )
    shown = seen.lines(view.blocks)

    assert "*Acknowledged Mon 23 Nov, 10:14 GMT+08:00*: Refund at least USD 2,110.76" in shown
    assert (
        "*Read Mon 23 Nov, 09:40 GMT+08:00, worked out 10:12 GMT+08:00*: Refund now USD 2,058.17"
        in shown
    )
    assert list(seen.inputs(view.blocks)) == ["Handling fee"]
    assert forms.decode(view.private_metadata or "").review_of == 1042
    assert seen.refused(view) == []


@pytest.mark.parametrize("view", [decisions.reject, decisions.by_hand, decisions.leave])
def test_the_windows_that_ask_why_are_accepted_and_carry_the_request(view):
    window = view(samples.failed())

    assert seen.refused(window) == []
    assert window.private_metadata == "1042#0"
    assert window.close.text == "Go back"
    assert ids.WHY in [each["block_id"] for each in seen.inputs(window.blocks).values()]


def test_the_thread_tells_the_history_line_by_line():
    done = samples.done()
    told = [
        seen.spoken(receipts.request_line(RequestLine(request=done, event=event)))
        for event in done.events
    ]

    assert told[0] == (
        "10:14 GMT+08:00 @requester asked and acknowledged: "
        '"I understand a handling fee will be charged for this unsubscription."'
    )
    assert "10:53 @approver-1 approved" in told
    assert "11:01 edition is basic" in told
    assert told[-1] == "11:06 verified"


def test_the_thread_says_who_wanted_the_cloud_read_at_once():
    asked = stepping.look_now(samples.unanswered(), by=APPROVER_1, at=instant("2026-11-23 11:05"))
    line = receipts.request_line(RequestLine(request=asked, event=asked.events[-1]))

    assert seen.lines(line.blocks) == ["11:05 @approver-1 asked Lapse to look at the cloud now"]


def test_the_receipt_has_every_figure_and_order():
    head = RecordHead(entries=1204, digest="3f9a" * 16)
    content = receipts.receipt(Receipt(request=samples.done(), head=head))
    shown = seen.lines(content.blocks)

    assert shown[:4] == [
        "Receipt of request 1042: USD 2,057.93 back",
        "Asked Mon 23 Nov 2026, 10:14 GMT+08:00 by @requester: Features are not enough",
        (
            'Acknowledged: "I understand a handling fee will be charged for this unsubscription.", '
            "fee at most USD 570.00, refund at least USD 2,010.76"
        ),
        "Approved 10:53 by @approver-1",
    ]
    assert any("2 Large screen · USD 324.87, estimated USD 324.97" in line for line in shown)
    assert shown[-4:] == [
        "Verified 11:06: gone, auto-renewal off, 3 refund orders",
        "Second look due Tue 24 Nov, 11:06; what it finds is added here, with newer files",
        "Rule set: huaweicloud-intl/2025-07-25",
        "Record: 1,204 entries, head 3f9a3f9a3f9a3f9a…",
    ]
    assert "Record: 1,204 entries, head 3f9a3f9a3f9a3f9a…" in content.text
    assert seen.refused(content) == []


def test_the_receipt_tells_that_all_is_still_gone_a_day_later():
    content = receipts.receipt(Receipt(request=samples.looked_again()))

    assert seen.lines(content.blocks)[-3:-1] == [
        "Verified 11:06: all gone, 2 refund orders of 3 found",
        "Second look Tue 24 Nov, 11:06: still gone, auto-renewal off, 3 refund orders",
    ]
    assert seen.headline(content) == "Receipt of request 1042: USD 2,057.93 back"


def test_the_receipt_tells_first_that_something_is_back():
    content = receipts.receipt(Receipt(request=samples.came_back()))
    shown = seen.lines(content.blocks)

    assert seen.headline(content) == "Receipt of request 1042: back at the cloud"
    assert "2 Large screen · at the cloud again; USD 324.87, estimated USD 324.97" in shown[5]
    assert shown[-3:-1] == [
        "Verified 11:06: gone, auto-renewal off, 3 refund orders",
        "Second look Tue 24 Nov, 11:06: Large screen is at the cloud again.",
    ]
    assert not any(line.startswith("Problem") for line in shown)
    assert "Large screen is at the cloud again." in content.text
    assert seen.refused(content) == []


def test_the_receipt_of_what_never_went_claims_no_refund():
    failed = samples.failed()
    items = tuple(replace(each, state=ItemState.PLANNED) for each in failed.items)
    left = stepping.leave_as_is(
        replace(failed, items=items), by=REQUESTER, at=samples.APPROVED, why="It ends in May."
    )
    content = receipts.receipt(Receipt(request=left))

    assert seen.headline(content) == "Receipt of request 1042: nothing is gone"
    assert "Nothing is gone, so nothing comes back." in content.text


def test_a_receipt_from_before_heads_were_noted_has_none():
    content = receipts.receipt(Receipt(request=samples.done()))

    assert "Record:" not in content.text


def test_the_receipt_of_what_failed_says_why_and_who_left_it_or_did_it_by_hand():
    failed = stepping.done_by_hand(
        samples.failed(), by=APPROVER_1, at=samples.APPROVED, why="order CS99, see <console>"
    )
    failed = stepping.fail(failed, at=samples.APPROVED, problem="Large screen is still there.")
    left = stepping.leave_as_is(failed, by=REQUESTER, at=samples.APPROVED, why="It ends in May.")
    content = receipts.receipt(Receipt(request=left))

    assert seen.lines(content.blocks)[-5:] == [
        "Problem: Large screen is still there.",
        "Done by hand 10:53 by @approver-1: order CS99, see <console>",
        "Left as it is 10:53 by @requester: It ends in May.",
        "Second look due Tue 24 Nov, 10:53; what it finds is added here, with newer files",
        "Rule set: huaweicloud-intl/2025-07-25",
    ]
    assert "see &lt;console&gt;" in content.text
    assert seen.refused(content) == []


def test_the_receipt_has_three_parts_whose_steps_stand_out():
    content = receipts.receipt(Receipt(request=samples.done()))

    parts = [block for block in content.blocks if block.type == "rich_text"]
    assert [len(seen.lines([part])) for part in parts] == [3, 3, 2]
    shown = " ".join(looks.words(parts))
    for step in ("Asked", "Acknowledged", "Approved", "Verified", "Second look"):
        assert f"**{step}**" in shown
    assert "**2 Large screen** · " in shown


def test_the_receipt_of_a_dry_run_has_nothing_to_verify():
    content = receipts.receipt(Receipt(request=replace(samples.done(), dry_run=True)))

    assert "Verified" not in " ".join(looks.words(content.blocks))
    assert seen.refused(content) == []


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (
            samples.waiting(),
            (
                "Request 1042 waits for 1 approval: SecMaster Professional and 2 packages. "
                "Decision due by Thu 26 Nov 2026, 10:14 GMT+08:00."
            ),
        ),
        (
            samples.approved(),
            (
                "@approver-1 approved request 1042. It starts at 10:58 GMT+08:00; until then "
                "you can stop it."
            ),
        ),
        (
            samples.executing(),
            "Request 1042 runs: 2 steps, SecMaster Professional first.",
        ),
        (
            samples.verifying(),
            "Request 1042: all 3 are gone, Lapse reads the refund back.",
        ),
        (
            samples.done(),
            (
                "Done: SecMaster Professional and 2 packages are gone. Refund at the cloud USD "
                "2,057.93, USD 0.24 less than the estimate."
            ),
        ),
        (
            samples.failed(),
            (
                "Request 1042 failed in step 2 of 2: the cloud refused Large screen, which stays "
                "paid for. The other 2 are gone."
            ),
        ),
    ],
    ids=lambda value: "",
)
def test_the_requester_is_told_of_every_change(request_, said):
    note = RequesterNote(request=request_, state=request_.state, link="https://example.com/p1")
    content = requester_notes.requester_note(note)

    assert seen.spoken(content) == said
    assert seen.lines(content.blocks) == [said]
    assert seen.refused(content) == []


@pytest.mark.parametrize(
    ("request_", "said", "buttons"),
    [
        (
            samples.held_up(samples.approved()),
            f"Request 1042 cannot go on yet: {SAID_OF_STANDING}",
            ["Stop", "Open request"],
        ),
        (
            samples.held_up(samples.verifying()),
            f"Request 1042 cannot go on yet: {SAID_OF_STANDING}",
            ["Open request"],
        ),
        (
            samples.given_up(),
            "Request 1042 failed in step 2 of 2: the cloud took the call about Large screen and "
            "lists it still. The other one is gone.",
            ["See what to do"],
        ),
        (
            samples.not_in_time(),
            "Request 1042 expired: it could not start by Thu 26 Nov 2026, 11:19 GMT+08:00. The "
            "cloud was &lt;away&gt;. Nothing was changed.",
            ["Ask again…", "Open request"],
        ),
        (
            samples.not_looked(),
            "Request 1042 is done and could not be looked at again: The cloud of staging could "
            "not be read: It is away. Look at the cloud's console whether it is still gone.",
            ["Open request"],
        ),
    ],
    ids=lambda value: "",
)
def test_the_requester_is_told_of_what_cannot_go_on(request_, said, buttons):
    note = RequesterNote(
        request=request_, state=request_.state, link="https://a/p1", told=request_.events[-1]
    )
    content = requester_notes.requester_note(note)

    assert content.text == said
    assert seen.buttons(content.blocks) == buttons
    assert seen.refused(content) == []


@pytest.mark.parametrize(
    ("request_", "line"),
    [
        (samples.held_up(samples.executing()), f"11:20 cannot go on yet: {samples.STANDS}"),
        (
            samples.not_looked(),
            "Wed 25 Nov, 11:07 no second look: The cloud of staging could not be read: It is away.",
        ),
        (
            samples.not_in_time(),
            "Thu 26 Nov, 11:19 expired: It could not start by Thu 26 Nov 2026, 11:19 GMT+08:00. "
            "The *cloud* was <away>.",
        ),
    ],
    ids=lambda value: "",
)
def test_the_thread_tells_of_what_cannot_go_on(request_, line):
    content = receipts.request_line(RequestLine(request=request_, event=request_.events[-1]))

    assert seen.lines(content.blocks) == [line]
    assert "<" not in content.text
    assert seen.refused(content) == []


@pytest.mark.parametrize(
    ("failed", "said"),
    [
        (samples.given_up(), "2 Large screen · sent, not gone yet"),
        (samples.unread(), "2 Large screen · not known"),
        (samples.unsent(), "2 Large screen · not sent"),
    ],
    ids=lambda value: "",
)
def test_the_receipt_of_what_was_given_up_says_what_is_known(failed, said):
    left = stepping.leave_as_is(failed, by=REQUESTER, at=samples.APPROVED, why="Done in May.")
    content = receipts.receipt(Receipt(request=left))

    assert said in seen.lines(content.blocks)
    assert f"Problem: {failed.problem}" in seen.lines(content.blocks)
    assert seen.refused(content) == []


def test_what_the_requester_can_press_in_a_note_goes_when_it_no_longer_holds():
    request = samples.approved()
    note = RequesterNote(request=request, state=State.APPROVED, link="https://example.com/p1")
    stale = deciding.go_stale(request, at=NOW, note="A coupon appeared.")

    def shown(note: RequesterNote) -> tuple[str, list[str]]:
        content = requester_notes.requester_note(note)
        return seen.spoken(content), seen.buttons(content.blocks)

    approved, buttons = shown(note)
    assert buttons == ["Stop", "Open request"]
    assert shown(replace(note, current=False)) == (approved, ["Open request"])
    assert shown(replace(note, request=samples.executing())) == (approved, ["Open request"])
    assert shown(replace(note, request=stale)) == (
        "@approver-1 approved request 1042.",
        ["Open request"],
    )
    assert shown(replace(note, request=stale, state=State.STALE))[1] == [
        "Review new figures…",
        "Open request",
    ]
    assert shown(replace(note, state=State.STALE)) == (
        "Request 1042 was stale, nothing was executed: the figures got worse.",
        ["Open request"],
    )
