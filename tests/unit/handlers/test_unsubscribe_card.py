"""The request's message reads as the screens say, in every state."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.billing import deciding, standstill, stepping
from bot.billing.unsubscription import ItemState, Request, State, Verb
from bot.facts.messages import Receipt, RequestCard, RequesterNote
from bot.facts.receipt import receipt_of
from bot.papers import receipt_lines
from bot.services import objections
from handlers.blocks import receipts
from handlers.blocks.requester_notes import requester_note
from handlers.blocks.requests import FACES, request_card
from tests.factories import APPROVER_1, APPROVER_2, OUTSIDER, REQUESTER, instant, usd
from tests.unit.handlers import samples, seen

ONE_SECOND = timedelta(seconds=1)
SMALL_PRINT = (
    "0 of 1 approvals · for @approver-1, @approver-2 · by Thu 26 Nov 2026, 10:14 GMT+08:00 · "
    "rule set huaweicloud-intl/2025-07-25"
)
LATER = instant("2026-11-23 10:40")


def card(request: Request):
    return request_card(RequestCard(request=request))


def ended(state: State) -> Request:
    request = samples.waiting()
    moves = {
        State.REJECTED: lambda: deciding.reject(
            request,
            by=APPROVER_2,
            at=LATER,
            why="Wait until the audit of 1 December is over.",
            authorities=(APPROVER_2,),
        ),
        State.WITHDRAWN: lambda: deciding.withdraw(
            request, by=REQUESTER, at=instant("2026-11-23 10:31")
        ),
        State.STOPPED: lambda: deciding.stop(
            samples.approved(), by=APPROVER_2, at=instant("2026-11-23 10:56"), may_stop=True
        ),
        State.EXPIRED: lambda: deciding.expire(request, at=request.deadline + ONE_SECOND),
        State.STALE: lambda: deciding.go_stale(
            samples.approved(), at=instant("2026-11-24 08:55"), note="A coupon appeared."
        ),
    }
    return moves[state]()


EVERY_STATE = [
    samples.waiting(),
    samples.approved(),
    samples.executing(),
    samples.verifying(),
    samples.done(),
    samples.failed(),
    *(ended(s) for s in (State.REJECTED, State.WITHDRAWN, State.STOPPED, State.EXPIRED)),
    ended(State.STALE),
]


STANDING = {
    "approved, held up": samples.held_up(samples.approved()),
    "executing, held up": samples.held_up(samples.executing()),
    "verifying, held up": samples.held_up(samples.verifying()),
    "taken and listed still": samples.given_up(),
    "an answer that was never read": samples.unread(),
    "nothing was sent": samples.unsent(),
    "not in time": samples.not_in_time(),
    "no second look": samples.not_looked(),
}
"""What the message says of requests that cannot go on, or could not."""


def test_every_state_has_a_face():
    assert set(FACES) == set(State)


@pytest.mark.parametrize("request_", EVERY_STATE, ids=lambda r: r.state.value)
def test_slack_accepts_the_message_in_every_state(request_):
    assert seen.refused(card(request_)) == []


@pytest.mark.parametrize("name", STANDING)
def test_slack_accepts_the_message_of_what_cannot_go_on(name):
    content = card(STANDING[name])

    assert seen.refused(content) == []
    assert len(content.text) <= 600
    assert "<not>" not in content.text
    assert card(replace(STANDING[name], dry_run=True)).text.startswith("Dry run: ")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("approved, held up", f"Cannot go on yet, 11:20 GMT+08:00: {samples.STANDS}"),
        ("executing, held up", f"Cannot go on yet, 11:20 GMT+08:00: {samples.STANDS}"),
        ("verifying, held up", f"Cannot go on yet, 11:20 GMT+08:00: {samples.STANDS}"),
        (
            "taken and listed still",
            "2 Large screen · not known, sent 11:01, taken by the cloud, not seen gone yet",
        ),
        (
            "an answer that was never read",
            "2 Large screen · not known: no clear answer came, and none was read since",
        ),
        ("nothing was sent", "2 Large screen · not sent"),
        (
            "not in time",
            "It could not start by Thu 26 Nov 2026, 11:19 GMT+08:00. The cloud was &lt;away&gt;. "
            "Nothing was changed. Next deduction: USD 5,700.00 on Mon 3 May 2027, 03:00 GMT+08:00.",
        ),
        (
            "no second look",
            "Asked by @requester · approved by @approver-1 · verified 11:06 GMT+08:00 · "
            "no second look, not readable Wed 25 Nov, 11:07 GMT+08:00 · receipt in the thread",
        ),
    ],
)
def test_what_cannot_go_on_says_so(name, said):
    assert said in seen.lines(card(STANDING[name]).blocks)


@pytest.mark.parametrize(
    ("name", "headline"),
    [
        ("taken and listed still", ":warning: Failed: 1 done, 2 not known"),
        ("an answer that was never read", ":warning: Failed: 1 done, 2 not known"),
        ("nothing was sent", ":warning: Failed: 3 not sent"),
        ("not in time", ":no_entry_sign: Expired: it could not start in time"),
    ],
)
def test_how_it_ended_that_it_could_not_go_on(name, headline):
    content = card(STANDING[name])

    assert seen.headline(content) == headline
    failed = headline.startswith(":warning:")
    repairs = ["Retry", "Done by hand…", "Leave as is…"]
    assert seen.buttons(content.blocks) == (repairs if failed else ["Ask again…"])


def test_once_it_goes_on_nothing_is_said_of_a_standstill():
    gone_on = stepping.step_gone(
        samples.held_up(samples.executing()),
        2,
        at=instant("2026-11-23 11:40"),
        gone=(samples.SCREEN.key, samples.ORCHESTRATION.key),
    )

    assert "Cannot go on" not in " ".join(seen.lines(card(gone_on).blocks))


def test_once_the_cloud_took_the_call_nothing_is_said_of_a_standstill():
    taken = stepping.step_accepted(
        samples.held_up(samples.executing()),
        2,
        at=instant("2026-11-23 11:40"),
        orders={samples.SCREEN.key: None},
    )
    content = card(taken)

    assert taken.events[-1].verb is Verb.HELD_UP, "what the cloud took is no line of the history"
    assert "Cannot go on" not in f"{content.text} {' '.join(seen.lines(content.blocks))}"


def test_it_is_said_as_long_as_it_stands_still():
    before = stepping.step_accepted(
        samples.executing(),
        2,
        at=instant("2026-11-23 11:01"),
        orders={samples.SCREEN.key: None},
    )

    assert "Cannot go on yet" in " ".join(seen.lines(card(samples.held_up(before)).blocks))


@pytest.mark.parametrize(
    "state", [State.REJECTED, State.WITHDRAWN, State.STOPPED, State.EXPIRED], ids=str
)
def test_nothing_that_ended_without_effect_reads_as_a_price(state):
    shown = seen.lines(card(ended(state)).blocks)

    assert "1 SecMaster Professional, 50 ECS" in shown
    assert "2 Large screen" in shown
    assert not [each for each in shown if "1,299.90" in each]


@pytest.mark.parametrize("request_", EVERY_STATE, ids=lambda r: r.state.value)
def test_the_spoken_text_fits_and_has_no_date_token(request_):
    spoken = card(request_).text

    assert len(spoken) <= 600
    assert "<!date" not in spoken


@pytest.mark.parametrize("request_", EVERY_STATE, ids=lambda r: r.state.value)
def test_a_dry_run_says_so_in_every_state(request_):
    content = card(replace(request_, dry_run=True))

    assert content.text.startswith("Dry run: ")
    assert seen.headline(content).split(": ", 2)[1].endswith("Dry run")
    assert "Dry run: nothing is changed at the cloud." in seen.lines(content.blocks)
    assert seen.refused(content) == []


def test_a_waiting_request_is_told_whole():
    assert seen.spoken(card(samples.waiting())) == (
        "Request 1042 waits: @requester asks to unsubscribe SecMaster Professional, 50 ECS and 2 "
        "packages (staging). Refund at least USD 2,010.76, handling fee at most USD 570.00 "
        "(estimate). Approve or reject by Thu 26 Nov 2026, 10:14 GMT+08:00."
    )


def test_a_waiting_request_shows_who_why_figures_items_and_deadline_in_this_order():
    assert seen.lines(card(samples.waiting()).blocks) == [
        ":hourglass_flowing_sand: Waiting: unsubscribe SecMaster Professional and 2 packages",
        "@requester asks to unsubscribe 3 subscriptions of staging, ap-southeast-1. Request 1042.",
        "Reason: Features are not enough",
        "The staging servers moved to another account in October.",
        "Acknowledged by @requester, 10:14 GMT+08:00: I understand a handling fee will be charged "
        "for this unsubscription.",
        "*Refund now (estimate)*: USD 2,058.17",
        "*At least, until the deadline*: USD 2,010.76",
        "*Handling fee, at most*: USD 570.00",
        "*Paid*: USD 5,700.00",
        "*Coupons lost*: USD 0.00",
        "*If kept*: USD 5,700.00 on Mon 3 May 2027",
        "1 SecMaster Professional, 50 ECS · USD 1,299.90",
        "2 Large screen · USD 324.97",
        "3 Security orchestration · USD 433.30",
        SMALL_PRINT,
    ]


def test_a_waiting_request_can_be_approved_rejected_and_withdrawn():
    blocks = card(samples.waiting()).blocks

    assert seen.buttons(blocks) == ["Approve", "Reject", "Withdraw", "Show the working…"]
    assert seen.button(blocks, "Approve")["style"] == "primary"
    assert seen.button(blocks, "Approve")["accessibility_label"] == "Approve request 1042"
    assert seen.button(blocks, "Approve")["value"] == "1042#0"
    assert seen.button(blocks, "Reject")["value"] == "1042"


def test_approve_asks_first_with_what_is_at_stake():
    asks = seen.button(card(samples.waiting()).blocks, "Approve")["confirm"]

    assert asks["title"]["text"] == "Approve request 1042?"
    assert seen.named(asks["text"]["text"]) == (
        "3 subscriptions of staging end, from 5 minutes after the last approval. Refund at least "
        "USD 2,010.76, handling fee at most USD 570.00 (estimate). After the first step there is "
        "no way back."
    )
    assert (asks["confirm"]["text"], asks["deny"]["text"]) == ("Approve", "Go back")


def test_the_first_of_two_approvals_is_counted_by_name():
    two = deciding.approve(
        samples.waiting(required_approvals=2),
        by=APPROVER_1,
        at=samples.APPROVED,
        authorities=(APPROVER_1,),
    )

    assert seen.lines(card(two).blocks)[-1].startswith(
        "1 of 2 approvals: @approver-1, 10:53 GMT+08:00 · for "
    )


def test_of_several_approvals_it_says_why():
    both = replace(samples.waiting(), required_approvals=2)
    content = request_card(RequestCard(request=both, several="for <prod>, from USD 5,000.00"))

    assert seen.lines(content.blocks)[-1].startswith(
        "0 of 2 approvals (for &lt;prod&gt;, from USD 5,000.00) · for @approver-1, @approver-2 · "
    )
    assert seen.refused(content) == []


def test_who_has_approved_is_not_waited_for():
    both = replace(samples.waiting(), required_approvals=2)
    one = deciding.approve(both, by=APPROVER_1, at=LATER, authorities=(APPROVER_1,))
    for_another = deciding.approve(both, by=OUTSIDER, at=LATER, authorities=(APPROVER_1,))
    alone = replace(one, approvers=(APPROVER_1,))

    for each in (one, for_another):
        assert " · for @approver-2 · by " in seen.lines(card(each).blocks)[-1]
    assert seen.lines(card(alone).blocks)[-1].startswith(
        "1 of 2 approvals: @approver-1, 10:40 GMT+08:00 · by "
    )


def test_an_approved_request_says_until_when_it_can_be_stopped():
    content = card(samples.approved())

    assert seen.spoken(content) == (
        "Request 1042 is approved by @approver-1 and starts at 10:58 GMT+08:00: 3 subscriptions of "
        "staging, refund at least USD 2,010.76 (estimate). Until then it can be stopped."
    )
    assert seen.headline(content) == ":hourglass_flowing_sand: Approved: starts at 10:58 GMT+08:00"
    assert seen.lines(content.blocks)[-1] == (
        "Approved by @approver-1, 10:53 GMT+08:00 · requester and approvers can stop it until 10:58"
    )
    assert seen.button(content.blocks, "Stop")["style"] == "danger"


def test_an_approved_request_that_cannot_start_names_no_hour_that_has_passed():
    content = card(samples.held_up(samples.approved()))

    assert seen.headline(content) == (
        ":hourglass_flowing_sand: Approved, waits: the cloud of staging could not be read"
    )
    assert seen.lines(content.blocks)[-1] == (
        "Approved by @approver-1, 10:53 GMT+08:00 · requester and approvers can stop it until it "
        "starts"
    )
    assert seen.spoken(content).startswith(
        "Request 1042 is approved by @approver-1 and waits: 3 subscriptions of staging, refund at "
        "least USD 2,010.76 (estimate). Until it starts it can be stopped. Cannot go on yet, "
    )
    assert seen.buttons(content.blocks) == ["Stop", "Show the working…"]


def test_what_does_not_start_for_another_reason_says_so_in_its_headline():
    held = standstill.held_up(
        samples.approved(), at=instant("2026-11-23 11:20"), note=objections.UNKNOWN
    )

    assert seen.headline(card(held)) == (
        ":hourglass_flowing_sand: Approved, waits: it cannot start yet"
    )


def test_an_executing_request_says_what_became_of_each_item():
    content = card(samples.executing())

    assert seen.headline(content) == (
        ":gear: Executing step 2 of 2: SecMaster Professional and 2 packages"
    )
    shown = seen.lines(content.blocks)
    assert "1 SecMaster Professional, 50 ECS · done 11:01 GMT+08:00, edition is basic" in shown
    assert "2 Large screen · now, sent 11:01, waiting until it is gone" in shown


def test_what_was_not_read_back_yet_is_not_counted_as_nothing():
    request = samples.verifying()
    items = tuple(replace(item, auto_renew_off=None) for item in request.items)

    shown = seen.lines(card(replace(request, items=items)).blocks)

    assert "Auto-renewal off: not read yet" in shown


def test_a_verifying_request_counts_what_was_read_back():
    shown = seen.lines(card(samples.verifying()).blocks)

    assert ":gear: Verifying: reading 3 subscriptions back" in shown
    assert "Gone from the cloud's list: 3 of 3" in shown
    assert "Auto-renewal off: 3 of 3" in shown
    assert "Refund orders found: 2 of 3, looking again until 11:17 GMT+08:00" in shown


def test_what_is_gone_is_not_said_to_come_to_something_now_or_when_kept():
    shown = " ".join(seen.lines(card(samples.verifying()).blocks))
    dry = seen.lines(card(replace(samples.verifying(), dry_run=True)).blocks)

    assert "*Refund (estimate)*: USD 2,058.17" in shown
    assert "If kept" not in shown
    assert "*Refund now (estimate)*: USD 2,058.17" in dry


def partly_known() -> Request:
    """Done, and of Large screen no refund order was found."""
    done = samples.done()
    screen = replace(done.item(samples.SCREEN.key), refund_actual=None, fee_actual=None)
    return stepping.with_item(done, screen)


def test_what_is_known_of_a_refund_is_said_beside_what_is_not():
    content = card(partly_known())
    shown = seen.lines(content.blocks)
    note = requester_note(RequesterNote(request=partly_known(), state=State.DONE, link=None))
    receipt = receipts.receipt(Receipt(request=partly_known()))

    assert "*Refund at the cloud*: USD 1,733.06, 1 not known" in shown
    assert "*Handling fee*: USD 480.00, 1 not known" in shown
    assert not [each for each in shown if "Against the estimate" in each]
    assert "are gone. Refund at the cloud: USD 1,733.06, 1 not known." in seen.spoken(content)
    assert "Refund at the cloud: USD 1,733.06, 1 not known." in seen.spoken(note)
    assert seen.headline(receipt) == "Receipt of request 1042: USD 1,733.06 back, 1 not known"
    assert "Refund at the cloud: USD 1,733.06, 1 not known." in seen.spoken(receipt)
    page = receipt_lines.outcome(receipt_of(partly_known(), head=None))
    assert page.endswith("USD 1,733.06 back; of 1 it is not known.")


def test_where_no_refund_is_known_it_is_said_once():
    items = tuple(replace(i, refund_actual=None, fee_actual=None) for i in samples.done().items)
    request = replace(samples.done(), items=items)

    assert "*Refund at the cloud*: amount not known" in seen.lines(card(request).blocks)
    assert "The refund is not known yet." in seen.spoken(card(request))
    assert seen.headline(receipts.receipt(Receipt(request=request))) == (
        "Receipt of request 1042: refund not known"
    )


def test_a_request_that_is_done_compares_the_refund_with_the_estimate():
    content = card(samples.done())

    assert seen.spoken(content) == (
        "Request 1042 is done: SecMaster Professional and 2 packages are gone. Refund at the cloud "
        "USD 2,057.93, USD 0.24 less than the estimate. Collector servers and VPC endpoints, if "
        "used, keep costing until someone releases them."
    )
    shown = seen.lines(content.blocks)
    assert shown[0] == ":white_check_mark: Done: SecMaster Professional and 2 packages are gone"
    assert "*Refund at the cloud*: USD 2,057.93" in shown
    assert "*Against the estimate*: USD 0.24 less" in shown
    assert shown[-1] == (
        "Asked by @requester · approved by @approver-1 · verified 11:06 GMT+08:00 · second look "
        "Tue 24 Nov, 11:06 GMT+08:00 · receipt in the thread"
    )


def test_a_renewal_period_that_can_be_deducted_again_says_so_with_the_way_to_end_it():
    content = card(samples.given_back())

    said = "Auto-renewal is still on: USD 1,080.00 can be deducted again."
    assert said in seen.spoken(content)
    assert said in seen.lines(content.blocks)
    assert seen.buttons(content.blocks) == ["Turn off auto-renewal", "Receipt…"]
    assert seen.button(content.blocks, "Turn off auto-renewal")["value"] == "lab/lab-quota"
    note = RequesterNote(request=samples.given_back(), state=State.DONE, link=None)
    assert said in seen.named(requester_note(note).text)


def test_with_auto_renewal_off_nothing_is_said_of_it():
    content = card(samples.given_back(off=True))

    assert "Auto-renewal" not in seen.spoken(content) + str(seen.lines(content.blocks))
    assert seen.buttons(content.blocks) == ["Receipt…"]


def test_what_may_still_cost_is_said_only_where_an_edition_goes():
    done = samples.done()
    without = tuple(replace(i, quote=replace(i.quote, warnings=())) for i in done.items)

    line = "*May still cost*: collector servers, VPC endpoints"
    assert line in seen.lines(card(done).blocks)
    assert line not in seen.lines(card(replace(done, items=without)).blocks)


@pytest.mark.parametrize(
    ("state", "headline", "sentence"),
    [
        (
            State.REJECTED,
            ":no_entry_sign: Rejected: SecMaster Professional and 2 packages stay",
            "@approver-2 rejected it, 10:40 GMT+08:00. Nothing was changed.",
        ),
        (
            State.WITHDRAWN,
            ":no_entry_sign: Withdrawn: SecMaster Professional and 2 packages stay",
            "@requester withdrew it, 10:31 GMT+08:00. Nothing was changed.",
        ),
        (
            State.STOPPED,
            ":no_entry_sign: Stopped: SecMaster Professional and 2 packages stay",
            "@approver-2 stopped it during the cooling-off, 10:56 GMT+08:00. Nothing was changed.",
        ),
        (
            State.EXPIRED,
            ":no_entry_sign: Expired: nobody decided by Thu 26 Nov, 10:14 GMT+08:00",
            "Nothing was changed. Next deduction: USD 5,700.00 on Mon 3 May 2027, 03:00 GMT+08:00.",
        ),
    ],
)
def test_an_ended_request_names_who_and_when_and_can_be_asked_again(state, headline, sentence):
    shown = seen.lines(card(ended(state)).blocks)

    assert shown[:2] == [headline, sentence]
    assert seen.buttons(card(ended(state)).blocks) == ["Ask again…"]


@pytest.mark.parametrize("request_", EVERY_STATE, ids=lambda r: r.state.value)
def test_asking_is_past_once_nothing_more_can_come_of_it(request_):
    shown = " ".join(seen.lines(card(request_).blocks))
    over = {State.DONE, State.REJECTED, State.WITHDRAWN, State.STOPPED, State.EXPIRED}

    assert ("@requester asked to unsubscribe 3 subscriptions" in shown) is (request_.state in over)


def test_asking_for_what_failed_and_was_left_is_past():
    shown = seen.lines(card(replace(samples.failed(), closed=True)).blocks)

    assert any(line.startswith("@requester asked to unsubscribe ") for line in shown)


def test_a_rejection_quotes_its_reason():
    content = card(ended(State.REJECTED))

    assert "Wait until the audit of 1 December is over." in seen.lines(content.blocks)
    assert "Wait until the audit of 1 December is over." in content.text


def test_a_stale_request_asks_its_requester_to_acknowledge_again():
    problem = "Coupons lost USD 400.00, acknowledged USD 0.00."
    content = card(replace(ended(State.STALE), problem=problem))

    assert seen.headline(content) == ":warning: Stale: the figures got worse, nothing was executed"
    assert (
        f"{problem} @requester must acknowledge again, then approvers decide again."
        in seen.lines(content.blocks)
    )
    assert seen.buttons(content.blocks) == ["Review new figures…", "Withdraw"]


def test_a_request_that_is_stale_for_other_facts_does_not_speak_of_figures():
    problem = "A new one depends on what goes and was not there when it was acknowledged."
    content = card(replace(ended(State.STALE), problem=problem))

    assert seen.headline(content) == ":warning: Stale: the facts changed, nothing was executed"
    assert problem in content.text


def test_a_failed_request_says_what_was_done_and_what_was_not():
    content = card(samples.failed())
    shown = seen.lines(content.blocks)

    assert shown[0] == ":warning: Failed: 2 done, 1 refused"
    assert (
        "2 Large screen · refused: another transaction is in progress (CBC.99003651), nothing "
        "changed" in shown
    )
    assert seen.buttons(content.blocks) == ["Retry", "Done by hand…", "Leave as is…"]
    assert seen.button(content.blocks, "Retry")["confirm"]["title"]["text"] == "Retry 1 open item?"


def test_a_failed_request_that_was_left_can_be_asked_for_again():
    left = card(replace(samples.failed(), closed=True))
    assert seen.buttons(left.blocks) == ["Ask again…", "Receipt…"]


def test_an_outcome_that_is_open_reads_not_known():
    request = samples.executing()
    item = replace(request.item(samples.SCREEN.key), state=ItemState.UNKNOWN)
    items = tuple(item if each.key == item.key else each for each in request.items)

    assert (
        "2 Large screen · not known: no clear answer came; Lapse reads the cloud every 5 seconds, "
        "repeats nothing" in seen.lines(card(replace(request, items=items)).blocks)
    )


def test_of_more_than_ten_items_ten_are_shown_and_the_rest_counted():
    one = samples.waiting().items[1]
    many = tuple(
        replace(one, key=replace(one.key, id=f"p-{n:02}"), label=f"Package {n}") for n in range(33)
    )
    content = card(samples.waiting(items=many, steps=()))

    assert "and 23 more" in seen.lines(content.blocks)
    assert len([x for x in seen.lines(content.blocks) if " Package " in x and "·" in x]) == 10
    assert seen.refused(content) == []


def test_foreign_text_cannot_come_alive():
    evil = "<!channel> <https://evil.example|Pay> *bold*"
    request = samples.waiting(
        details=evil,
        items=tuple(replace(item, label=evil) for item in samples.waiting().items),
    )
    content = card(request)

    for block in (each.to_dict() for each in content.blocks):
        for field in (block.get("text"), *(block.get("fields") or ()), *_context(block)):
            if field and field["type"] == "mrkdwn":
                assert "<!channel>" not in field["text"]
                assert field["verbatim"] is True
    assert "<!channel>" not in content.text


def _context(block):
    return block["elements"] if block["type"] == "context" else ()


def test_a_later_day_is_named_beside_the_hour():
    late = deciding.approve(
        samples.waiting(),
        by=APPROVER_1,
        at=instant("2026-11-24 09:00"),
        authorities=(APPROVER_1,),
    )

    assert seen.headline(card(late)).endswith("starts at Tue 24 Nov, 09:05 GMT+08:00")


def test_a_refund_above_the_estimate_is_more():
    done = samples.done()
    first = replace(done.items[0], refund_actual=usd(Decimal("1300.90")))
    content = card(replace(done, items=(first, *done.items[1:])))

    assert "*Against the estimate*: USD 0.76 more" in seen.lines(content.blocks)


def test_after_the_second_look_it_says_that_it_is_still_gone():
    shown = seen.lines(card(samples.looked_again()).blocks)

    assert shown[0] == ":white_check_mark: Done: SecMaster Professional and 2 packages are gone"
    assert "still gone Tue 24 Nov, 11:06 GMT+08:00" in shown[-1]


def test_what_is_listed_again_is_said_first():
    content = card(samples.came_back())

    assert seen.spoken(content) == (
        "Request 1042 was done, but: Large screen is at the cloud again. Lapse changed nothing: "
        "look at the cloud's console, then ask again or keep it."
    )
    shown = seen.lines(content.blocks)
    assert shown[0] == ":warning: Back at the cloud: SecMaster Professional and 2 packages"
    assert seen.buttons(content.blocks) == ["Ask again…", "Receipt…"]


def test_an_answer_that_is_missing_can_be_looked_for_now():
    assert "Look now" in seen.buttons(card(samples.unanswered()).blocks)
    assert "Look now" not in seen.buttons(card(samples.executing()).blocks)
