"""What people read and press when they decide: calls, deciding for others, broken glass."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from bot.billing import call_to_decide, deciding
from bot.billing.delegation import Delegation
from bot.billing.unsubscription import Request, State
from bot.facts.delegating import DelegationList, DelegationWish, Lent
from bot.facts.messages import (
    BrokenGlass,
    DelegationNote,
    Receipt,
    RequestCard,
    RequesterNote,
    RequestLine,
)
from bot.services.errors import DelegationIncomplete, NotAllowed
from handlers import ids
from handlers.blocks import (
    calls,
    decisions,
    delegations,
    glass,
    receipts,
    requester_notes,
    requests,
)
from handlers.blocks import request_facts as facts
from tests.factories import APPROVER_1, APPROVER_2, NOW, OUTSIDER, instant
from tests.unit.handlers import samples, seen
from tests.unit.handlers.fakes import SHANGHAI
from tests.unit.handlers.stage import payload

BY = "Thu 26 Nov 2026, 10:14 GMT+08:00"
CALLED_AT = instant("2026-11-23 14:14")
DELEGATION = Delegation(
    id="d1",
    approver=APPROVER_1,
    delegate=OUTSIDER,
    starts_at=instant("2026-11-24 00:00"),
    ends_at=instant("2026-11-28 00:00"),
    why="Away *until* <!channel> Friday",
    made_at=NOW,
)


def lent(**changes) -> DelegationList:
    facts = {
        "lent": (
            Lent(delegation=DELEGATION, may_end=True),
            Lent(delegation=replace(DELEGATION, id="d2"), may_end=False, counts=False),
        ),
        "over": (),
        "may_delegate": True,
        "zone": SHANGHAI,
    }
    return DelegationList(**(facts | changes))


def called(*whom: str, request: Request | None = None) -> tuple[Request, str, list[str]]:
    """The request, and what its newest call says and shows."""
    asked = request or samples.waiting()
    moved = call_to_decide.call(asked, at=CALLED_AT, whom=whom)
    content = receipts.request_line(RequestLine(request=moved, event=moved.events[-1]))
    assert seen.refused(content) == []
    return moved, seen.spoken(content), seen.lines(content.blocks)


def glass_broken(**changes) -> Request:
    return deciding.break_glass(
        samples.waiting(**changes),
        by=OUTSIDER,
        at=samples.APPROVED,
        why="The servers leak <!channel> & nobody answers.",
        may_break=True,
    )


# Calls


def test_a_call_says_what_how_much_by_when_and_what_to_do():
    _, spoken, shown = called(APPROVER_1, APPROVER_2)

    said = (
        "@approver-1 @approver-2: request 1042 still waits: SecMaster Professional and 2 packages. "
        f"Refund at least USD 2,010.76 (estimate). Approve or reject by {BY}."
    )
    assert (spoken, shown) == (said, [said])


def test_the_first_call_about_new_figures_says_that_they_are_new():
    gone_stale = deciding.go_stale(samples.approved(), at=samples.APPROVED, note="Refund down.")
    again = deciding.waits_again(
        gone_stale, stale=gone_stale, acknowledgement=gone_stale.acknowledgement
    )
    first, spoken, _ = called(APPROVER_1, request=again)
    _, later, _ = called(APPROVER_1, request=first)

    assert spoken.startswith("@approver-1: request 1042 waits again, with new figures: SecMaster")
    assert later.startswith("@approver-1: request 1042 still waits: SecMaster")


def test_who_has_approved_since_is_not_called():
    request, _, _ = called(APPROVER_1, APPROVER_2, request=samples.waiting(required_approvals=2))
    once = deciding.approve(request, by=APPROVER_1, at=CALLED_AT, authorities=(APPROVER_1,))

    assert seen.spoken(calls.call(once, request.events[-1])).startswith("@approver-2: request 1042")


def test_beyond_eight_people_the_others_are_counted():
    _, spoken, shown = called(*(f"U0P{number}" for number in range(11)))

    assert "<@U0P7> and 3 more: request 1042" in spoken
    assert shown[0].endswith(f"Approve or reject by {BY}.")
    assert "and 3 more: request 1042" in shown[0]


def test_when_nobody_can_approve_it_the_call_says_what_to_do():
    _, spoken, shown = called()

    assert spoken.startswith("Request 1042 still waits: SecMaster Professional")
    assert spoken.endswith(
        f"Nobody can approve it now; an operator adds someone to `approvals.approvers` by {BY}."
    )
    assert shown == [spoken]


def test_a_call_about_a_dry_run_says_so():
    _, spoken, shown = called(APPROVER_1, request=replace(samples.waiting(), dry_run=True))

    assert spoken.startswith("Dry run: @approver-1: request 1042")
    assert shown[-1] == "Dry run: nothing is changed at the cloud."


# Deciding for somebody else


def test_card_thread_receipt_and_note_name_both_people():
    request = deciding.approve(
        samples.waiting(), by=OUTSIDER, at=samples.APPROVED, authorities=(APPROVER_1,)
    )
    card = requests.request_card(RequestCard(request=request))
    line = receipts.request_line(RequestLine(request=request, event=request.events[-1]))
    receipt = receipts.receipt(Receipt(request=request))
    note = requester_notes.requester_note(
        RequesterNote(request=request, state=State.APPROVED, link=None)
    )

    assert "Approved by @outsider for @approver-1, 10:53 GMT+08:00 · requester and approvers" in (
        " ".join(seen.lines(card.blocks))
    )
    assert "is approved by @outsider for @approver-1 and starts at" in seen.spoken(card)
    assert seen.spoken(line) == "10:53 @outsider for @approver-1 approved"
    assert seen.lines(line.blocks) == ["10:53 @outsider for @approver-1 approved"]
    assert "Approved 10:53 by @outsider for @approver-1" in seen.lines(receipt.blocks)
    assert seen.spoken(note).startswith("@outsider for @approver-1 approved request 1042.")


def test_a_rejection_for_somebody_names_both():
    request = deciding.reject(
        samples.waiting(), by=OUTSIDER, at=samples.APPROVED, why="Wait.", authorities=(APPROVER_1,)
    )
    card = requests.request_card(RequestCard(request=request))

    assert "@outsider for @approver-1 rejected it, 10:53 GMT+08:00. Nothing was changed." in (
        seen.lines(card.blocks)
    )


def test_the_list_says_who_decides_for_whom_until_when_and_why():
    content = delegations.listed(lent())
    shown = seen.lines(content.blocks)

    assert shown[:4] == [
        "Deciding for others",
        "@outsider for @approver-1",
        "From Tue 24 Nov 2026 to Fri 27 Nov 2026",
        "Why: Away until &lt;!channel&gt; Friday",
    ]
    assert "Counts nothing: whoever delegated is no approver now." in shown
    assert shown[-1] == "Days are Asia/Shanghai. Only you see this."
    assert seen.buttons(content.blocks) == ["End now", "Delegate…"]
    assert seen.button(content.blocks, "End now")["value"] == "d1"
    assert seen.refused(content) == []


def test_the_list_says_what_is_over_and_who_ended_it():
    ended = replace(DELEGATION, ended_at=NOW, ended_by=APPROVER_1)
    content = delegations.listed(lent(lent=(), over=(ended, DELEGATION)))
    shown = seen.lines(content.blocks)

    assert shown[1:8] == [
        "Nobody decides for somebody else now.",
        "Over",
        "@outsider for @approver-1",
        (
            "From Tue 24 Nov 2026 to Fri 27 Nov 2026 · "
            "@approver-1 ended it, Mon 23 Nov, 10:12 GMT+08:00"
        ),
        "Why: Away until &lt;!channel&gt; Friday",
        "@outsider for @approver-1",
        "From Tue 24 Nov 2026 to Fri 27 Nov 2026",
    ]
    assert seen.buttons(content.blocks) == ["Delegate…"]
    assert "Over: @outsider for @approver-1, From Tue 24 Nov 2026" in seen.spoken(content)
    assert seen.refused(content) == []


def test_who_is_no_approver_reads_the_list_and_cannot_delegate():
    content = delegations.listed(lent(lent=(), may_delegate=False))

    assert "Nobody decides for somebody else now." in content.text
    assert seen.buttons(content.blocks) == []


def test_very_many_are_counted():
    many = tuple(Lent(delegation=DELEGATION, may_end=True) for _ in range(23))
    content = delegations.listed(lent(lent=many))

    assert "and 3 more" in seen.lines(content.blocks)
    assert seen.refused(content) == []


def test_the_form_asks_to_whom_from_when_until_when_and_why():
    view = delegations.form("f1", today=date(2026, 11, 23), delegate=OUTSIDER)

    assert list(seen.inputs(view.blocks)) == ["To whom", "First day", "Last day", "Why"]
    assert view.private_metadata == "f1"
    assert seen.refused(view) == []
    assert seen.refused(delegations.form("f1", today=date(2026, 11, 23))) == []


def test_the_channel_is_told_and_told_again_when_it_ends():
    note = delegations.note(DelegationNote(delegation=DELEGATION, zone=SHANGHAI))
    assert seen.spoken(note) == (
        "@outsider decides for @approver-1 from Tue 24 Nov 2026 to Fri 27 Nov 2026 "
        "(Asia/Shanghai). Why: Away *until* &lt;!channel&gt; Friday."
    )

    over = replace(DELEGATION, ended_at=instant("2026-11-25 10:00"), ended_by=APPROVER_1)
    ended = delegations.note(DelegationNote(delegation=over, zone=SHANGHAI))
    assert seen.spoken(ended).endswith("@approver-1 ended it, Wed 25 Nov, 10:00 GMT+08:00.")
    assert [seen.refused(each) for each in (note, ended)] == [[], []]


def test_one_day_is_one_day():
    one = replace(DELEGATION, ends_at=instant("2026-11-25 00:00"))
    note = delegations.note(DelegationNote(delegation=one, zone=SHANGHAI))

    assert "for @approver-1 on Tue 24 Nov 2026 (Asia/Shanghai)." in seen.spoken(note)


@pytest.mark.parametrize("typed", ["new", f"<@{OUTSIDER}>", f"<@{OUTSIDER}|outsider>"])
def test_the_command_with_somebody_opens_the_form(stage, client, typed):
    stage.send(payload("command") | {"text": f"delegate {typed}"})

    [opened] = client.of("views.open")
    assert opened["view"]["callback_id"] == ids.DELEGATE_FORM
    chosen = opened["view"]["blocks"][1]["element"].get("initial_user")
    assert chosen == (None if typed == "new" else OUTSIDER)


def test_the_command_alone_lists_and_another_word_is_not_understood(stage, fakes):
    fakes.delegating.found = lent()

    assert "decides for" in stage.command("delegate")["text"]
    assert "`somebody` is not a person." in stage.command("delegate somebody")["text"]


def test_who_may_not_delegate_gets_the_explanation_and_no_form(stage, client, fakes):
    fakes.delegating.refusal = NotAllowed.delegating([APPROVER_1])

    answer = stage.command("delegate new")

    assert "Only an approver can let somebody decide for them." in answer["text"]
    assert client.of("views.open") == []


FILLED = {
    ids.DELEGATE_TO: {"selected_user": OUTSIDER},
    ids.DELEGATE_FIRST: {"selected_date": "2026-11-24"},
    ids.DELEGATE_LAST: {"selected_date": "2026-11-27"},
    ids.DELEGATE_WHY: {"value": "Away."},
}


def sent(stage, **values):
    """The form sent as it was filled in, with some fields otherwise."""
    fields = FILLED | values
    return stage.submit(ids.DELEGATE_FORM, {name: {name: each} for name, each in fields.items()})


def test_the_form_filled_in_becomes_a_wish(stage, fakes):
    fakes.delegating.found = lent()

    answer = sent(stage)

    [wish] = fakes.delegating.wishes
    assert wish == DelegationWish(
        form=wish.form,
        by=wish.by,
        delegate=OUTSIDER,
        first=date(2026, 11, 24),
        last=date(2026, 11, 27),
        why="Away.",
    )
    assert wish.form == payload("view_submission")["view"]["private_metadata"]
    assert answer["response_action"] == "update"
    assert answer["view"]["title"]["text"] == "Delegated"


@pytest.mark.parametrize("approvers", [set(), {OUTSIDER}])
def test_who_is_an_approver_already_decides_for_you_as_well(stage, fakes, approvers):
    fakes.delegating.found, fakes.delegating.approvers = lent(), approvers

    blocks = sent(stage)["view"]["blocks"]

    hints = [part["text"] for block in blocks for part in block.get("elements", ())]
    assert hints == [
        f"<@{OUTSIDER}> is an approver already and decides for you as well. "
        "A request that needs two approvals still takes two different people."
        for _ in approvers
    ]


def test_fields_that_are_empty_are_none(stage, fakes):
    fakes.delegating.found = lent()
    sent(
        stage,
        **{ids.DELEGATE_TO: {"selected_user": None}, ids.DELEGATE_LAST: {"selected_date": None}},
    )

    [wish] = fakes.delegating.wishes
    assert (wish.delegate, wish.last) == (None, None)


def test_what_is_wrong_stands_under_its_field(stage, fakes):
    fakes.delegating.refusal = DelegationIncomplete({"last": "The last day is before the first."})

    answer = sent(stage)

    assert answer == {
        "response_action": "errors",
        "errors": {ids.DELEGATE_LAST: "The last day is before the first."},
    }
    [(click, refusal)] = fakes.clicks
    assert (click.button, refusal) == (ids.DELEGATE_FORM, fakes.delegating.refusal)


def test_end_now_ends_it_and_the_list_takes_its_own_place(stage, fakes):
    stage.press(ids.DELEGATION_END, "d1")

    assert fakes.delegating.ended == ["d1"]
    assert stage.answers[-1]["replace_original"] is True
    assert "Nobody decides" in stage.answers[-1]["text"]


def test_the_button_of_the_list_opens_the_form(stage, client):
    stage.press(ids.DELEGATE)

    [opened] = client.of("views.open")
    assert opened["view"]["callback_id"] == ids.DELEGATE_FORM


# Broken glass


def test_where_glass_can_be_broken_the_card_has_four_buttons_and_a_menu():
    card = requests.request_card(RequestCard(request=samples.waiting(), breakable=True))

    assert seen.buttons(card.blocks) == ["Approve", "Reject", "Withdraw", "Break glass…"]
    [menu] = [e for e in seen.elements(card.blocks) if e["type"] == "overflow"]
    assert menu["options"][0]["value"] == "1042"
    assert seen.refused(card) == []


@pytest.mark.parametrize("request_", [samples.approved(), samples.done(), samples.failed()])
def test_only_what_waits_can_be_broken(request_):
    plain = requests.request_card(RequestCard(request=request_))

    assert requests.request_card(RequestCard(request=request_, breakable=True)) == plain


def test_the_window_says_what_it_does():
    view = decisions.break_glass(glass_broken(required_approvals=2))

    assert seen.lines(view.blocks)[1] == (
        "You approve it alone, without the 2 approvals that it needs, and the whole channel is "
        "told. Sent now it starts at 10:58 GMT+08:00 and can be stopped until then. Refund at "
        "least USD 2,010.76, handling fee at most USD 570.00 (estimate)."
    )
    at_once = decisions.break_glass(glass_broken(cooling_off_minutes=0))
    assert "It starts at once." in seen.lines(at_once.blocks)[1]
    assert seen.refused(view) == []


def test_everybody_reads_who_why_and_until_when_it_can_be_stopped():
    request = glass_broken(required_approvals=2)
    content = glass.broken(
        BrokenGlass(request=request, event=request.events[-1], link="https://example.com/p1")
    )

    assert seen.headline(content) == ":warning: Glass broken: request 1042"
    assert seen.spoken(content) == (
        "<!channel> @outsider broke the glass for request 1042 and approved it alone, with 0 of 2 "
        "approvals: SecMaster Professional and 2 packages of staging. Why: The servers leak "
        "&lt;!channel&gt; &amp; nobody answers. It starts at 10:58 GMT+08:00; until then requester "
        "and approvers can stop it."
    )
    assert content.text.count("<!channel>") == 1
    assert seen.buttons(content.blocks) == ["Open request"]
    assert seen.refused(content) == []


def test_everybody_reads_when_it_starts_where_it_cools_off_for_longer():
    broken_at = glass_broken()
    longer = replace(broken_at, starts_at=broken_at.events[-1].at + timedelta(minutes=40))
    event = longer.events[-1]
    message = BrokenGlass(request=longer, event=event, link=None)
    starts = facts.moment(event.at + timedelta(minutes=40), longer)

    assert f"It starts at {starts}; until then" in glass.broken(message).text
    stopped = replace(longer, starts_at=None)
    assert "It starts at " in glass.broken(replace(message, request=stopped)).text


def test_where_it_cannot_cool_off_for_longer_all_say_why():
    asked = samples.waiting()
    late = {"by": OUTSIDER, "at": asked.deadline - timedelta(hours=2), "why": "It burns."}
    request = deciding.break_glass(asked, may_break=True, cools_off_minutes=1440, **late)
    message = BrokenGlass(request=request, event=request.events[-1], link=None)
    card = requests.request_card(RequestCard(request=request))
    why = (
        "It cools off no longer, as the acknowledged figures hold until "
        "Thu 26 Nov 2026, 11:19 GMT+08:00."
    )

    assert "starts at Thu 26 Nov, 10:19 GMT+08:00" in seen.spoken(card)
    assert seen.spoken(card).endswith(f"Until then it can be stopped. {why}")
    assert seen.lines(card.blocks)[-1] == why
    assert seen.spoken(glass.broken(message)).endswith(f"can stop it. {why}")
    assert why in seen.lines(decisions.break_glass(request).blocks)[1]
    assert seen.refused(card) == []


def test_a_long_reason_is_shown_and_spoken_as_far_as_it_fits():
    request = glass_broken()
    event = replace(request.events[-1], note="It burns. " * 50)
    content = glass.broken(BrokenGlass(request=request, event=event, link=None))

    assert len(content.text) <= 600
    assert content.text.endswith("until then requester and approvers can stop it.")
    assert max(len(line) for line in seen.lines(content.blocks)) > 450


def test_without_cooling_off_it_starts_at_once_and_without_a_link_there_is_no_button():
    request = replace(glass_broken(cooling_off_minutes=0), dry_run=True)
    content = glass.broken(BrokenGlass(request=request, event=request.events[-1], link=None))

    assert content.text.startswith("Dry run: <!channel>")
    assert content.text.endswith("It starts at once.")
    assert seen.buttons(content.blocks) == []
    assert seen.headline(content) == ":warning: Dry run: Glass broken: request 1042"


def test_card_thread_note_and_receipt_show_it():
    request = glass_broken(required_approvals=2)
    card = requests.request_card(RequestCard(request=request))
    line = receipts.request_line(RequestLine(request=request, event=request.events[-1]))
    note = requester_notes.requester_note(
        RequesterNote(request=request, state=State.APPROVED, link=None)
    )
    receipt = receipts.receipt(Receipt(request=request))

    shown = seen.lines(card.blocks)
    assert "Glass broken by @outsider:" in shown
    assert any(
        each.startswith("@outsider broke the glass, 10:53 GMT+08:00, with 0 of 2 approvals")
        for each in shown
    )
    assert "approved by @outsider, who broke the glass, and starts at 10:58" in seen.spoken(card)
    assert seen.spoken(line).startswith(
        "10:53 @outsider broke the glass and approved it alone: The"
    )
    assert seen.spoken(note).startswith(
        "@outsider broke the glass and approved request 1042 alone: The servers leak"
    )
    assert any(
        each.startswith("Glass broken 10:53 by @outsider: The")
        for each in (seen.lines(receipt.blocks))
    )
    assert [seen.refused(each) for each in (card, line, note, receipt)] == [[], [], [], []]


def test_what_runs_after_it_still_says_how_it_was_approved():
    request = replace(glass_broken(), state=State.EXECUTING)
    card = requests.request_card(RequestCard(request=request))

    assert "@outsider broke the glass, 10:53 GMT+08:00, with 0 of 1 approvals" in " ".join(
        seen.lines(card.blocks)
    )
