"""Every message about a request to switch auto-renewal, in its own words in every state."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.billing import deciding
from bot.billing.change import Change
from bot.billing.unsubscription import Request, State, Verb
from bot.facts.hiding import without_figures
from bot.facts.messages import Receipt, RequestCard, RequesterNote, RequestLine
from bot.facts.receipt import receipt_of
from bot.papers import receipt_json, receipt_lines, receipt_pdf
from handlers.blocks import decisions, looking, receipts, requester_notes, unsubscribe
from handlers.blocks.calls import call
from handlers.blocks.looking import Linked
from handlers.blocks.pieces import Content
from handlers.blocks.requests import FACES, request_card
from tests.factories import APPROVER_1, usd
from tests.unit.handlers import switch_samples as samples
from tests.unit.handlers.fakes import HEAD
from tests.unit.handlers.looks import accepted, accepted_view, as_json, buttons, plain, words
from tests.unit.handlers.switch_samples import IN_STATE, OFF, ON

FOREIGN = ("nsubscri", "efund", " fee", "oupon", " gone", "ancel", "rking", "Other")
"""Parts of words that belong to another change, or to nobody."""


def card(request: Request, *, breakable: bool = False) -> Content:
    return request_card(RequestCard(request=request, breakable=breakable))


def everything(content: Content) -> str:
    """All that is written and said, questions included."""
    return plain(content.text + json.dumps(as_json(content.blocks), ensure_ascii=False))


@pytest.mark.parametrize("change", [ON, OFF])
@pytest.mark.parametrize("state", list(State))
def test_every_state_speaks_of_auto_renewal_alone(state: State, change: Change) -> None:
    request = IN_STATE[state](samples.waiting(change))

    content = accepted(card(request))

    assert request.state is state
    said = everything(content)
    assert [each for each in FOREIGN if each in said] == []
    assert "SecMaster Standard" in content.text
    assert len(content.text) <= 600
    assert len(words(content.blocks)[0]) <= 90


@pytest.mark.parametrize("change", [ON, OFF])
@pytest.mark.parametrize("state", list(State))
def test_every_state_of_a_dry_run_says_so(state: State, change: Change) -> None:
    request = replace(samples.waiting(change), dry_run=True)

    content = accepted(card(IN_STATE[state](request)))

    assert content.text.startswith("Dry run: ")
    assert words(content.blocks)[0].count("Dry run: ") == 1
    assert "Dry run: nothing is changed at the cloud." in words(content.blocks)


def test_every_state_has_a_face() -> None:
    assert set(IN_STATE) == set(State) == set(FACES)


@pytest.mark.parametrize(
    ("state", "on", "off"),
    [
        (
            State.WAITING,
            "Waiting: turn on auto-renewal of SecMaster Standard",
            "Waiting: turn off auto-renewal of SecMaster Standard",
        ),
        (State.APPROVED, "Approved: starts at 10:58 GMT+08:00", None),
        (State.EXECUTING, "Executing step 1 of 1: auto-renewal of SecMaster Standard", None),
        (State.VERIFYING, "Verifying: reading 1 subscription back", None),
        (
            State.DONE,
            "Done: auto-renewal of SecMaster Standard is on",
            "Done: auto-renewal of SecMaster Standard is off",
        ),
        (
            State.REJECTED,
            "Rejected: auto-renewal of SecMaster Standard stays off",
            "Rejected: auto-renewal of SecMaster Standard stays on",
        ),
        (
            State.WITHDRAWN,
            "Withdrawn: auto-renewal of SecMaster Standard stays off",
            "Withdrawn: auto-renewal of SecMaster Standard stays on",
        ),
        (
            State.STOPPED,
            "Stopped: auto-renewal of SecMaster Standard stays off",
            "Stopped: auto-renewal of SecMaster Standard stays on",
        ),
        (State.EXPIRED, "Expired: nobody decided by Thu 26 Nov, 10:14 GMT+08:00", None),
        (State.STALE, "Stale: the facts changed, nothing was executed", None),
        (State.FAILED, "Failed: 1 refused", None),
    ],
)
def test_the_headline_of_every_state(state: State, on: str, off: str | None) -> None:
    for change, said in ((ON, on), (OFF, off or on)):
        shown = words(card(IN_STATE[state](samples.waiting(change))).blocks)[0]
        assert shown.split(": ", 1)[0].startswith(":")
        assert shown.endswith(said), shown


@pytest.mark.parametrize("change", [ON, OFF])
@pytest.mark.parametrize("state", list(State))
def test_several_are_said_together_with_what_is_not_known(state: State, change: Change) -> None:
    request = IN_STATE[state](samples.several(change))

    content = accepted(card(request))
    note = RequesterNote(request=request, state=state, link=None, current=True)
    told = accepted(requester_notes.requester_note(note))

    said = everything(content) + everything(told)
    assert [each for each in FOREIGN if each in said] == []
    assert "auto-renewal of " in content.text
    assert len(content.text) <= 600


def test_several_add_up_and_come_first_at_the_earliest() -> None:
    waiting = card(samples.several(ON))
    done = card(samples.done(samples.several(ON)))

    assert "USD 1,080.00 and 1 not known will be deducted on Thu 3 Dec 2026" in plain(waiting.text)
    assert words(done.blocks)[0].endswith(
        "Done: auto-renewal of SecMaster Standard and 1 other is on"
    )
    found = receipt_of(samples.done(samples.several(ON)), head=HEAD)
    assert receipt_lines.total(found).estimated == "not known"
    assert len(receipt_lines.items(found)) == 2


def test_the_waiting_card_says_what_is_deducted_when_and_what_was_acknowledged() -> None:
    content = card(samples.waiting())

    assert plain(content.text) == (
        "Request 1042 waits: <@U0REQUESTER> asks to turn on auto-renewal of SecMaster Standard, "
        "20 ECS (hk). USD 1,080.00 will be deducted on Thu 3 Dec 2026, 03:00 GMT+08:00. Approve or "
        "reject by Thu 26 Nov 2026, 10:14 GMT+08:00."
    )
    _, who, acknowledged, figures, row, *_ = words(content.blocks)
    assert who == (
        "<@U0REQUESTER> asks to turn on auto-renewal of SecMaster Standard, 20 ECS of hk, "
        "ap-southeast-1. Request 1042."
    )
    assert acknowledged == (
        "**Acknowledged** by <@U0REQUESTER>, 10:14 GMT+08:00: I understand that the "
        "next renewal will be deducted."
    )
    assert figures == (
        "**Amount expected**\nUSD 1,080.00 | "
        "**Deducted**\non Thu 3 Dec 2026, 03:00 GMT+08:00 | "
        "**Renews for**\n12 months | **If it stays off**\nends on Thu 10 Dec 2026"
    )
    assert row == ("1 SecMaster Standard, 20 ECS · USD 1,080.00 on Thu 3 Dec 2026, 03:00 GMT+08:00")
    assert buttons(content.blocks) == ["Approve", "Reject", "Withdraw"]


def test_the_approved_card_says_what_starts() -> None:
    assert (
        "starts at 10:58 GMT+08:00: turn on auto-renewal of SecMaster Standard of hk, USD 1,080.00 "
        "will be deducted on"
    ) in plain(card(samples.approved(samples.waiting())).text)


def test_at_once_is_said_wherever_it_is_decided() -> None:
    request = samples.waiting(charge=samples.AT_ONCE)

    content = card(request)

    assert "USD 1,080.00 is deducted at once" in plain(content.text)
    approve = as_json(content.blocks)[-1]["elements"][0]
    assert plain(approve["confirm"]["text"]["text"]) == (
        "Auto-renewal of SecMaster Standard, 20 ECS of hk is turned on, from 5 minutes after the "
        "last approval. USD 1,080.00 is deducted at once. What is deducted does not come back by "
        "turning it off."
    )
    assert "**Deducted**\nat once" in words(content.blocks)[3]


def test_an_amount_that_is_not_known_is_said_so() -> None:
    content = card(samples.waiting(charge=replace(samples.CHARGE, amount=None)))

    assert "amount not known will be deducted" in content.text.lower()
    assert "**Amount expected**\namount not known" in words(content.blocks)[3]


def test_turning_off_says_what_will_not_be_deducted() -> None:
    content = card(samples.waiting(OFF))

    assert "USD 1,080.00 will not be deducted." in plain(content.text)
    assert "**Not deducted**" in words(content.blocks)[3]


def test_figures_are_hidden_from_a_channel_that_may_not_see_them() -> None:
    content = card(without_figures(samples.waiting()))

    assert "1,080" not in everything(content)
    assert "Amount hidden will be deducted" in content.text


def test_what_needed_no_approval_was_approved_by_the_settings() -> None:
    request = samples.waiting(required_approvals=0)

    content = accepted(card(request))

    assert request.state is State.APPROVED
    assert "Request 1042 is approved by the settings and starts at 10:19" in content.text
    assert any("Approved by the settings" in each for each in words(content.blocks))
    assert buttons(content.blocks) == ["Stop"]
    done = card(replace(samples.done(samples.waiting()), required_approvals=0, events=()))
    assert "approved by the settings" in everything(done)


def test_without_figures_to_show_the_glass_has_no_menu() -> None:
    content = accepted(card(samples.waiting(), breakable=True))

    assert buttons(content.blocks) == ["Approve", "Reject", "Withdraw", "Break glass…"]
    view = accepted_view(decisions.break_glass(samples.waiting()))
    assert "USD 1,080.00 will be deducted" in plain(json.dumps(view.to_dict(), ensure_ascii=False))


def test_a_failed_one_can_be_retried_done_by_hand_or_left() -> None:
    content = card(samples.failed(samples.waiting()))

    assert buttons(content.blocks) == ["Retry", "Done by hand…", "Leave as is…"]
    [retry, *_] = as_json(content.blocks)[-1]["elements"]
    assert retry["confirm"]["text"]["text"] == (
        "Lapse reads the cloud first and repeats only what is still off, within the approved "
        "figures."
    )
    bare = card(replace(samples.failed(samples.waiting()), problem=None))
    assert "turn it on by hand and say so" in everything(bare)


NOTES = {
    State.WAITING: (
        "Request 1042 waits for 1 approval: turn on auto-renewal of SecMaster Standard. "
        "Decision due by Thu 26 Nov 2026, 10:14 GMT+08:00."
    ),
    State.APPROVED: (
        "<@U0APPROVER1> approved request 1042. It starts at 10:58 GMT+08:00; until then you can "
        "stop it."
    ),
    State.EXECUTING: "Request 1042 runs: 1 step.",
    State.VERIFYING: (
        "Request 1042: auto-renewal of SecMaster Standard is on, Lapse reads it back."
    ),
    State.DONE: (
        "Done: auto-renewal of SecMaster Standard is on. "
        "USD 1,080.00 will be deducted on Thu 3 Dec 2026, 03:00 GMT+08:00."
    ),
    State.STALE: (
        "Request 1042 is stale, nothing was executed: the facts changed. SecMaster Standard, 20 "
        "ECS costs USD 1,200.00, acknowledged USD 1,080.00. You acknowledged that USD 1,080.00 "
        "will be deducted on Thu 3 Dec 2026, 03:00 GMT+08:00."
    ),
    State.FAILED: (
        "Request 1042 failed in step 1 of 1: the cloud refused SecMaster Standard, 20 ECS, which "
        "does not renew."
    ),
}


@pytest.mark.parametrize("state", list(NOTES))
def test_the_requester_is_told_in_these_words(state: State) -> None:
    request = IN_STATE[state](samples.waiting())
    note = RequesterNote(request=request, state=state, link=None, current=True)

    content = accepted(requester_notes.requester_note(note))

    assert plain(content.text).replace("<@U0APPROVER-1>", "<@U0APPROVER1>") == NOTES[state]


@pytest.mark.parametrize("change", [ON, OFF])
@pytest.mark.parametrize("state", list(State))
def test_every_note_speaks_of_auto_renewal_alone(state: State, change: Change) -> None:
    request = IN_STATE[state](samples.waiting(change))
    note = RequesterNote(request=request, state=state, link="https://a/p1", current=True)

    said = everything(accepted(requester_notes.requester_note(note)))

    assert [each for each in FOREIGN if each in said] == []


def test_a_note_says_that_no_approval_was_needed() -> None:
    request = samples.waiting(required_approvals=0)
    note = RequesterNote(request=request, state=State.APPROVED, link=None, current=True)

    assert requester_notes.requester_note(note).text == (
        "Request 1042 needs no approval: turn on auto-renewal of SecMaster Standard. It starts at "
        "10:19 GMT+08:00; until then you can stop it."
    )


def test_the_thread_says_each_change() -> None:
    request = samples.done(samples.waiting())

    lines = [
        plain(accepted(receipts.request_line(RequestLine(request=request, event=each))).text)
        for each in request.events
    ]

    assert lines[0].endswith(
        'asked and acknowledged: "I understand that the next renewal will be deducted."'
    )
    assert lines[-1] == "11:06 verified: auto-renewal reads on"
    assert any(each.endswith("reads on") for each in lines[:-1])
    assert [each for each in FOREIGN if each in " ".join(lines)] == []


def test_the_thread_says_that_the_settings_approved() -> None:
    request = samples.waiting(required_approvals=0)

    line = receipts.request_line(RequestLine(request=request, event=request.events[-1]))

    assert line.text == "10:14 approved: by the settings, which ask for no approval"


def test_a_call_to_decide_says_what_is_deducted() -> None:
    request = samples.waiting()
    event = replace(request.events[0], verb=Verb.CALLED, called=(APPROVER_1,))

    assert (
        "request 1042 still waits: turn on auto-renewal of SecMaster Standard. USD 1,080.00 will "
        "be deducted on Thu 3 Dec 2026, 03:00 GMT+08:00. Approve or reject by"
    ) in plain(call(request, event).text)


def test_lists_of_requests_say_what_is_deducted() -> None:
    content = accepted(looking.requests([Linked(request=samples.waiting(), link=None)], []))

    said = everything(content)
    assert "1042* · waiting · turn on auto-renewal of SecMaster Standard" in said
    assert "USD 1,080.00 will be deducted on Thu 3 Dec 2026" in said
    assert [each for each in ("efund", "nsubscri") if each in said] == []


ENDED: list[tuple[Callable[[Request], Request], str]] = [
    (samples.done, "auto-renewal is on"),
    (samples.left, "auto-renewal not on"),
]


@pytest.mark.parametrize(("ended", "outcome"), ENDED)
def test_the_receipt_has_no_line_about_money_back(
    ended: Callable[[Request], Request], outcome: str
) -> None:
    request = ended(samples.waiting())

    content = accepted(receipts.receipt(Receipt(request=request, head=HEAD)))

    assert words(content.blocks)[0] == f"Receipt of request 1042: {outcome}"
    said = everything(content)
    assert [each for each in FOREIGN if each in said] == []
    assert "I understand that the next renewal will be deducted." in said
    assert "USD 1,080.00 will be deducted on Thu 3 Dec 2026" in said


def test_the_receipt_of_a_dry_run_says_that_nothing_was_changed() -> None:
    request = samples.done(samples.waiting(dry_run=True))

    said = everything(accepted(receipts.receipt(Receipt(request=request, head=HEAD))))

    assert "Dry run: " in said
    assert "would have been switched" in said


def test_the_json_of_the_receipt_has_the_charge_and_no_figure_of_a_refund() -> None:
    found = receipt_json.receipt_json(receipt_of(samples.done(samples.waiting()), head=HEAD))

    acknowledged: Any = found["acknowledged"]
    asked: Any = found["asked"]
    [item] = found["items"]  # type: ignore[misc]
    assert found["change"] == "auto-renewal-on"
    assert acknowledged["refund_at_least"] is None
    assert acknowledged["handling_fee_at_most"] is None
    assert asked["reason"] is None
    assert item["charge"] == {
        "amount": "1080.00",
        "at": "2026-12-03T03:00:00+08:00",
        "at_once": False,
        "months": 12,
    }
    assert item["auto_renew"] is True
    assert item["estimate"] == {"refund": None, "handling_fee": None}


@pytest.mark.parametrize("change", [ON, OFF])
def test_the_page_of_the_receipt_has_no_column_about_money_back(change: Change) -> None:
    found = receipt_of(samples.done(samples.waiting(change)), head=HEAD)

    page = receipt_pdf.receipt_pdf(found).decode("latin-1")

    assert f"Turn auto-renewal {'on' if change is ON else 'off'}" in page
    assert f"reads {'on' if change is ON else 'off'}" in page
    assert "USD 1,080.00" in plain(page.replace("\\240", " ").replace("\xa0", " "))
    assert [each for each in ("Refund", "refund", "Fee", "fee", "gone") if each in page] == []


def test_the_lines_of_the_receipt_on_a_terminal() -> None:
    found = receipt_of(samples.done(samples.waiting()), head=HEAD)

    assert receipt_lines.outcome(found) == "Done: auto-renewal reads on for 1 of 1 item."
    rows = {row.name: row.words for row in receipt_lines.beginning(found) if row.name}
    assert rows["Change"] == "Turn auto-renewal on"
    assert "Reason" not in rows
    assert [row.outcome for row in receipt_lines.items(found)] == ["reads on"]
    assert receipt_lines.total(found).estimated == str(usd("1080.00"))
    verified = next(row for row in receipt_lines.end(found) if row.name == "Verified")
    assert verified.words.endswith("auto-renewal reads on")


def test_what_was_sent_says_who_decides_or_that_nobody_has_to() -> None:
    needs = unsubscribe.sent(samples.waiting(), "C0APPROVALS")
    free = unsubscribe.sent(samples.waiting(required_approvals=0), "C0APPROVALS")

    assert "One approval is needed by Thu 26 Nov 2026, 10:14 GMT+08:00." in needs.text
    assert free.text == (
        "Request 1042 needs no approval and starts at Mon 23 Nov 2026, 10:19 GMT+08:00. "
        "<#C0APPROVALS> shows it. You get a DM at every change."
    )


def test_a_second_acknowledgement_is_the_same_sentence() -> None:
    stale = samples.stale(samples.waiting())
    again = deciding.waits_again(
        stale, stale=stale, acknowledgement=replace(stale.acknowledgement, at=samples.ENDED)
    )

    assert again.events[-1].note == "I understand that the next renewal will be deducted."
