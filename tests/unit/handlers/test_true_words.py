"""What messages say of a request is true of it: of dry runs, of people's work, of what failed."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from bot.billing import deciding, stepping
from bot.billing.unsubscription import Item, ItemState, Request, State, Verb
from bot.facts.messages import RequestCard, RequesterNote
from bot.services import objections
from handlers.blocks import decisions
from handlers.blocks.requester_notes import requester_note
from handlers.blocks.requests import request_card
from tests.factories import APPROVER_1, instant
from tests.unit.handlers import contracts, samples, seen, switch_samples
from tests.unit.handlers.test_unsubscribe_card import ended

FELL = "Refund at least USD 1,869.65, acknowledged USD 2,010.76."


def lines(request: Request) -> list[str]:
    return seen.lines(request_card(RequestCard(request=request)).blocks)


def told(request: Request, state: State = State.FAILED) -> str:
    return seen.spoken(requester_note(RequesterNote(request=request, state=state, link=None)))


def asks(request: Request) -> str:
    blocks = request_card(RequestCard(request=request)).blocks
    question: str = seen.button(blocks, "Approve")["confirm"]["text"]["text"]
    return question


def glass() -> Request:
    """Approved alone in an emergency."""
    [*asked, approved] = samples.approved().events
    return replace(samples.approved(), events=(*asked, replace(approved, verb=Verb.BROKE_GLASS)))


def stuck(state: ItemState, problem: str | None = FELL) -> Request:
    """Large screen did not go, the other two did."""
    failed = samples.failed()
    items = tuple(
        replace(item, state=state) if item.state is ItemState.REFUSED else item
        for item in failed.items
    )
    return replace(failed, items=items, problem=problem)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (ItemState.REFUSED, "the cloud refused Large screen, which stays paid for."),
        (ItemState.PLANNED, f"Large screen was not sent and stays paid for. {FELL}"),
        (ItemState.UNKNOWN, "refund at least USD 1,869.65, acknowledged USD 2,010.76."),
    ],
)
def test_the_requester_reads_what_is_known_of_what_is_not_done(state, said):
    assert told(stuck(state)) == (
        f"Request 1042 failed in step 2 of 2: {said} The other 2 are gone."
    )


@pytest.mark.parametrize(
    ("went_on", "by_now"),
    [
        (State.EXECUTING, "By now it goes on."),
        (State.VERIFYING, "By now it is being verified."),
        (State.DONE, "By now it is done."),
    ],
)
@pytest.mark.parametrize("by_hand", [False, True])
def test_that_it_failed_is_told_late_as_it_was_and_with_what_it_is_by_now(went_on, by_now, by_hand):
    failed = stepping.fail(samples.executing(), at=instant("2026-11-23 11:03"), problem=FELL)
    gone_on = replace(failed, state=went_on, problem=None, by_hand=by_hand)
    said = f"Request 1042 had failed: {FELL} {by_now}"
    late = RequesterNote(
        request=gone_on, state=State.FAILED, link=None, current=False, told=failed.events[-1]
    )

    assert seen.spoken(requester_note(late)) == said
    assert told(gone_on) == said


def test_the_reason_of_a_late_note_formats_nothing():
    problem = "Call <@U0A> *now* `rm`"
    failed = stepping.fail(samples.executing(), at=instant("2026-11-23 11:03"), problem=problem)

    assert "Call &lt;@U0A&gt; now rm. By now" in told(replace(failed, state=State.DONE))


def test_a_request_that_was_decided_does_not_wait_in_a_late_note():
    assert told(samples.approved(), State.WAITING) == (
        "Request 1042 was sent: SecMaster Professional and 2 packages."
    )


@pytest.mark.parametrize("state", [ItemState.UNKNOWN, ItemState.SENT])
def test_without_a_reason_the_requester_reads_that_it_is_not_known(state):
    assert told(stuck(state, None)) == (
        "Request 1042 failed in step 2 of 2: it is not known whether Large screen is gone. "
        "The other 2 are gone."
    )


def test_what_was_not_sent_comes_next_only_while_it_runs():
    failed = " ".join(lines(stuck(ItemState.PLANNED)))

    assert "2 Large screen · not sent" in failed
    assert "next" not in failed


def test_what_to_do_about_a_failure_goes_when_it_was_left():
    failed = stuck(ItemState.REFUSED, "The cloud refused Large screen: it is frozen.")
    left = stepping.leave_as_is(failed, by=APPROVER_1, at=samples.APPROVED, why="It ends in May.")
    advice = "Retry what is open when that is over, or unsubscribe by hand and say so."

    why = (
        "Large screen does not work without the edition and stays paid for. "
        "The cloud refused Large screen: it is frozen."
    )
    assert f"{why} {advice}" in lines(failed)
    assert why in lines(left)
    assert lines(samples.failed())[-2].count("say so") == 1  # written down by an earlier Lapse


@pytest.mark.parametrize(
    ("failed", "advice"),
    [
        (samples.given_up(), "Retry looks first and asks for nothing twice"),
        (samples.unread(), "Retry looks first and asks for nothing twice"),
        (samples.unsent(), "Retry what is open when that is over"),
    ],
)
def test_what_retry_does_is_said_by_what_is_at_the_cloud(failed, advice):
    assert f"{failed.problem} {advice}, or unsubscribe by hand and say so." in lines(failed)


def test_what_failed_after_its_figures_held_says_that_retry_calls_nothing():
    late = replace(samples.unsent(), deadline=samples.ASKED)

    assert lines(late)[-2].endswith(
        "Retry calls nothing any more: unsubscribe by hand and say so, or leave it and ask again."
    )


@pytest.mark.parametrize(
    "why",
    [
        objections.unapproved(samples.approved()),
        objections.unapproved(glass()),
        objections.more_needed(samples.approved(), 2),
    ],
)
def test_what_is_approved_no_more_offers_no_retry(why):
    failed = replace(samples.unsent(), problem=why)
    content = request_card(RequestCard(request=failed))

    assert lines(failed)[-2] == (
        f"{why} Nothing more of it is done with these approvals: leave it as is and ask again. "
        "Done by hand… still takes it if all of it is gone already."
    )
    assert seen.buttons(content.blocks) == ["Done by hand…", "Leave as is…"]


def test_what_is_done_and_was_not_read_back_has_nothing_open():
    problem = "The cloud of staging could not be read: It is away."
    unread = stepping.fail(samples.verifying(), at=instant("2026-11-24 11:03"), problem=problem)
    content = request_card(RequestCard(request=unread))
    question = seen.button(content.blocks, "Retry")["confirm"]

    assert seen.headline(content) == ":warning: Failed: 3 done, not read back"
    assert lines(unread)[-2] == f"{problem} Retry reads it back once more, or leave it as is."
    assert seen.buttons(content.blocks) == ["Retry", "Leave as is…"]
    assert question["title"]["text"] == "Read request 1042 back?"
    assert question["text"]["text"] == "Lapse reads the cloud once more and asks it for nothing."
    assert told(unread) == f"Request 1042 failed: {problem}"
    assert seen.refused(content) == []


def test_a_dry_run_that_failed_is_not_done_by_hand():
    dry = replace(samples.unsent(), dry_run=True)
    late = replace(dry, deadline=samples.ASKED)
    unapproved = replace(dry, problem=objections.unapproved(dry))
    content = request_card(RequestCard(request=dry))

    assert seen.buttons(content.blocks) == ["Retry", "Leave as is…"]
    assert lines(dry)[-3] == f"{dry.problem} Retry when that is over, or leave it as is."
    assert lines(late)[-3] == f"{dry.problem} Leave it as is and ask again."
    assert lines(unapproved)[-3].endswith("leave it as is and ask again.")


def test_while_nobody_knows_who_may_approve_it_can_be_tried_again():
    unknown = replace(samples.unsent(), problem=objections.UNKNOWN)

    assert "Retry" in seen.buttons(request_card(RequestCard(request=unknown)).blocks)


def test_who_said_that_it_is_done_by_hand_did_not_leave_it():
    said = stepping.done_by_hand(
        samples.failed(), by=APPROVER_1, at=instant("2026-11-23 11:20"), why="In the console."
    )
    failed = stepping.fail(said, at=instant("2026-11-23 11:21"), problem="It is still there.")

    assert "@approver-1 said that it is done by hand, 11:20 GMT+08:00" in lines(failed)[-1]


def test_before_an_approval_it_says_whether_there_is_a_way_back():
    assert asks(samples.waiting()).endswith("After the first step there is no way back.")
    assert asks(samples.waiting(dry_run=True)).endswith("Dry run: nothing is changed at the cloud.")
    assert asks(samples.waiting(by_hand=True)).endswith(
        "A person ends it by hand, and a second one looks whether it is gone."
    )
    assert max(len(asks(samples.waiting(**{k: True}))) for k in ("dry_run", "by_hand")) <= 300


def test_a_dry_run_claims_nothing_of_the_cloud():
    dry = replace(samples.verifying(), dry_run=True)
    running = replace(samples.executing(), dry_run=True)

    assert "Nothing was sent, so there is nothing to read back." in lines(dry)
    assert not any(line.startswith("Gone from the cloud") for line in lines(dry))
    assert any(
        "1 SecMaster Professional, 50 ECS · would be done" in line for line in lines(running)
    )
    assert told(dry, State.VERIFYING) == ("Dry run: Request 1042: every step would have been made.")


def test_a_day_for_notice_is_not_the_end():
    expired = ended(State.EXPIRED)
    notice = {**expired.if_kept, "kind": "notice", "date": "2027-04-11", "at": ""}

    assert "Nothing was changed. It renews unless notice is given by Sun 11 Apr 2027." in lines(
        replace(expired, if_kept=notice)
    )
    assert contracts.waiting().if_kept["kind"] == "notice"


def test_of_a_failure_what_is_gone_and_what_is_left_stand_apart():
    shown = lines(samples.failed())

    assert "*Refund at the cloud so far*: USD 1,733.20" in shown
    assert "*Still open: refund (estimate)*: USD 324.97" in shown
    assert "*Still open: paid*: USD 900.00" in shown
    assert not [each for each in shown if "If kept" in each]


@pytest.mark.parametrize("ask", [decisions.by_hand, decisions.leave])
def test_a_form_about_what_is_open_names_it_and_its_money(ask):
    view = ask(samples.failed())

    assert seen.lines(view.blocks)[:2] == [
        "Request 1042 of staging, open:",
        "2 Large screen · refund USD 324.97 (estimate)",
    ]
    assert "SecMaster Professional" not in str(view.to_dict())
    assert seen.refused(view) == []


def test_a_form_about_what_is_open_of_other_kinds():
    switch, contract = switch_samples.waiting(), contracts.waiting()
    nothing = stuck(ItemState.GONE)

    assert seen.lines(decisions.leave(switch).blocks)[1] == (
        "1 SecMaster Standard, 20 ECS · USD 1,080.00 on Thu 3 Dec 2026, 03:00 GMT+08:00"
    )
    assert " · " not in seen.lines(decisions.leave(contract).blocks)[1]
    assert seen.lines(decisions.leave(nothing).blocks)[0].startswith(
        "Request 1042: SecMaster Professional, 50 ECS and 2 packages, staging."
    )


def test_after_a_retry_what_was_open_is_under_way():
    failed = samples.failed()
    again = stepping.retry(failed, by=APPROVER_1, at=instant("2026-11-23 11:20"))
    headline = seen.lines(request_card(RequestCard(request=again)).blocks)[0]

    assert headline == ":gear: Executing step 2 of 2: Large screen"
    [screen] = [item.key for item in again.items if item.state is not ItemState.GONE]
    sent = stepping.step_started(again, 2, at=instant("2026-11-23 11:21"))
    gone = stepping.step_gone(sent, 2, at=instant("2026-11-23 11:21"), gone=(screen,))
    late = replace(gone, state=State.EXECUTING)
    assert "Large screen" in seen.lines(request_card(RequestCard(request=late)).blocks)[0]


def test_what_was_never_taken_was_not_refused():
    untaken = replace(samples.failed(), items=tuple(_untaken(i) for i in samples.failed().items))
    untaken = replace(untaken, problem=None)

    assert "2 Large screen · not done: the cloud did not take it" in lines(untaken)
    assert lines(untaken)[-2].endswith("Retry what is open, or unsubscribe by hand and say so.")
    assert "Large screen is not done, the cloud did not take it, and stays paid for." in (
        told(untaken)
    )


def _untaken(item: Item) -> Item:
    if item.state is not ItemState.REFUSED:
        return item
    return replace(item, error_code="", error="The cloud did not take it.")


def test_after_a_retry_it_goes_on_with_what_was_open():
    again = stepping.retry(samples.failed(), by=APPROVER_1, at=samples.APPROVED)

    assert told(again, State.EXECUTING) == "Request 1042 goes on with what was open."


def refused_for(code: str, said: str) -> Request:
    """The large screen is refused for good; whatever else was asked for is gone."""
    request = replace(samples.failed(), problem=f"The cloud refused Large screen: {said}")
    screen = request.item(samples.SCREEN.key)
    return stepping.with_item(request, replace(screen, error_code=code, error=said))


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (
            "CBC.99003645",
            "Retry does not change that: turn off auto-renewal instead or unsubscribe by hand and "
            "say so.",
        ),
        ("CBC.99003649", "Retry does not change that: unsubscribe by hand and say so."),
    ],
)
def test_what_is_refused_for_good_is_not_offered_to_be_tried_again(code, advice):
    content = request_card(RequestCard(request=refused_for(code, "It is so.")))

    assert advice in " ".join(seen.lines(content.blocks))
    assert "when that is over" not in content.text + str(seen.lines(content.blocks))
    assert seen.buttons(content.blocks) == ["Retry", "Done by hand…", "Leave as is…"]
    assert "style" not in seen.button(content.blocks, "Retry")


def test_what_may_be_over_is_offered_to_be_tried_again_beside_what_is_refused_for_good():
    request = refused_for("CBC.99003645", "It is so.")
    other = request.item(samples.ORCHESTRATION.key)
    busy = replace(other, state=ItemState.REFUSED, error_code="CBC.99003651", error="It is busy.")
    content = request_card(RequestCard(request=stepping.with_item(request, busy)))

    assert (
        "Retry does not change what is said of Large screen: turn off auto-renewal instead or "
        "unsubscribe by hand and say so. Retry what else is open."
    ) in " ".join(seen.lines(content.blocks))
    assert seen.button(content.blocks, "Retry")["style"] == "primary"


def test_what_was_said_to_be_done_by_hand_and_is_listed_waits_for_nothing_to_be_over():
    at = instant("2026-11-23 11:14")
    claimed = stepping.done_by_hand(samples.failed(), by=APPROVER_1, at=at, why="Done.")
    problem = "Large screen is still at the cloud."
    content = request_card(RequestCard(request=stepping.fail(claimed, at=at, problem=problem)))

    assert (
        f"{problem} Retry what is open, or unsubscribe by hand and say so once the cloud lists it "
        "no more."
    ) in " ".join(seen.lines(content.blocks))


def test_what_the_requester_did_is_told_to_them_as_you():
    asked = samples.approved()
    at = instant("2026-11-23 10:56")
    own = deciding.stop(asked, by=asked.requested_by, at=at, may_stop=False)
    other = deciding.stop(asked, by=APPROVER_1, at=at, may_stop=True)
    left = stepping.leave_as_is(samples.failed(), by=asked.requested_by, at=at, why="Enough")

    assert told(own, State.STOPPED).startswith("You stopped request 1042")
    assert told(other, State.STOPPED).startswith("@approver-1 stopped request 1042")
    assert told(left) == 'You left request 1042 as it is: "Enough".'


@pytest.mark.parametrize(
    ("zone", "starts", "due"),
    [
        (samples.SHANGHAI, "10:58 GMT+08:00", "Thu 26 Nov 2026, 10:14 GMT+08:00"),
        (
            samples.BERLIN,
            "10:58 GMT+08:00, 03:58 Europe/Berlin",
            "Thu 26 Nov 2026, 10:14 GMT+08:00, Thu 26 Nov 03:14 Europe/Berlin",
        ),
        (
            ZoneInfo("America/New_York"),
            "10:58 GMT+08:00, Sun 22 Nov 21:58 America/New_York",
            "Thu 26 Nov 2026, 10:14 GMT+08:00, Wed 25 Nov 21:14 America/New_York",
        ),
    ],
)
def test_what_is_ahead_is_told_in_the_readers_zone_too(zone, starts, due):
    approved, waiting = samples.approved(), samples.waiting()
    note = RequesterNote(request=approved, state=State.APPROVED, link=None, zone=zone)
    assert f"It starts at {starts}; until then you can stop it." in requester_note(note).text

    note = RequesterNote(request=waiting, state=State.WAITING, link=None, zone=zone)
    assert f"Decision due by {due}." in requester_note(note).text
