"""A request that a person carries out by hand: its message, its thread, and what is asked."""

from dataclasses import replace
from datetime import timedelta
from itertools import chain
from typing import Any

import pytest
from slack_sdk.models.views import View

from bot.billing import by_hand, stepping
from bot.billing.rights import Action
from bot.billing.unsubscription import (
    AlreadyDecided,
    ChecklistChanged,
    NobodyElseLooks,
    OutOfOrder,
    Request,
    State,
    Verb,
)
from bot.facts.messages import Overdue, Receipt, RequestCard, RequesterNote, RequestLine
from bot.papers import receipt_lines
from bot.papers.receipt_json import receipt_json
from bot.services import objections
from bot.services.errors import ChecklistIncomplete, Incomplete, NotAllowed, RequestRefused
from handlers import ids, messenger
from handlers.blocks import (
    checklist,
    decisions,
    home,
    looking,
    requests,
    reviewing,
    unsubscribe,
)
from handlers.blocks.looking import Linked
from handlers.forms import Carried
from tests.factories import APPROVER_1, OWNER, REQUESTER
from tests.unit.handlers import contracts as sample
from tests.unit.handlers import samples, seen
from tests.unit.handlers.contracts import LINK
from tests.unit.handlers.looks import accepted, accepted_view

LIVE = "<!channel> *bold* <https://evil.example|Approve>"


def card(request: Request):
    return accepted(messenger.content(RequestCard(request=request)))


def shown(request: Request) -> str:
    return "\n".join(seen.lines(card(request).blocks))


def told(request: Request, verb: Verb) -> str:
    event = next(each for each in reversed(request.events) if each.verb is verb)
    return seen.spoken(accepted(messenger.content(RequestLine(request=request, event=event))))


def note(request: Request) -> str:
    message = RequesterNote(request=request, state=request.state, link="https://a/p")
    return seen.spoken(accepted(messenger.content(message)))


# The form


def test_the_form_of_a_contract_assumes_no_refund():
    draft = sample.draft()
    view = accepted_view(unsubscribe.form(draft, Carried.fresh(("contracts/status-page",))))
    said = "\n".join(seen.lines(view.blocks))

    assert "*Paid*: USD 348.00" in said
    assert "*What comes back*: The contract decides; no refund is assumed." in said
    assert "*Notice by*: Sat 10 Apr 2027" in said
    assert "A person ends it by hand, and a second one looks whether it is gone." in said
    assert "0.00" not in said
    assert "Show the working…" not in seen.buttons(view.blocks)
    tick = next(b.to_dict() for b in view.blocks if "handling fee" in str(b.to_dict()))
    assert "The contract decides; no fee is worked out." in str(tick)
    [details] = [b.to_dict() for b in view.blocks if b.to_dict().get("block_id") == ids.DETAILS]
    assert details["hint"]["text"] == (
        "Approvers read it, whoever carries it out does too. Needed when the reason is Other."
    )


def test_the_same_form_as_a_message_says_it_too():
    content = accepted(unsubscribe.message(sample.draft(), Carried.fresh(("a/b",))))

    assert "Paid: USD 348.00. The contract decides; no refund is assumed." in seen.spoken(content)
    assert "0.00" not in seen.spoken(content)


def test_what_was_paid_is_not_zero_where_nobody_knows_it():
    page = sample.PAGE
    unknown = replace(page, orders=(replace(page.orders[0], cash=None),))
    view = unsubscribe.form(sample.draft(unknown), Carried.fresh(("contracts/status-page",)))

    assert "*Paid*: amount not known" in seen.lines(view.blocks)


def test_that_more_approve_what_nobody_knows_the_price_of_is_said():
    draft = replace(sample.draft(), approvals_needed=2, more_as_unknown=True)
    view = accepted_view(unsubscribe.form(draft, Carried.fresh(("contracts/status-page",))))
    content = accepted(unsubscribe.message(draft, Carried.fresh(("a/b",))))

    said = "It needs 2 approvals since what was paid is not known."
    assert said in "\n".join(seen.lines(view.blocks))
    assert said in seen.spoken(content)


def test_the_form_of_an_account_without_rights_says_who_carries_it_out():
    draft = samples.draft(account=sample.WITHOUT_API)
    view = accepted_view(unsubscribe.form(draft, Carried.fresh(("staging/st-quota",))))

    assert "A person ends it by hand, and a second one looks whether it is gone." in (
        seen.lines(view.blocks)
    )


# The message


def test_while_it_waits_no_figure_is_shown_that_nobody_knows():
    request = sample.waiting()

    assert "The contract decides what comes back, no refund is assumed." in card(request).text
    assert "*If kept*: USD 348.00, unless notice is given by Sat 10 Apr 2027" in shown(request)
    assert "as the contract says · carried out by hand" in shown(request)
    assert "0.00" not in card(request).text + shown(request)
    assert "Show the working…" not in seen.buttons(card(request).blocks)
    confirmed = seen.button(card(request).blocks, "Approve")["confirm"]["text"]["text"]
    assert "The contract decides what comes back" in confirmed


def test_lists_assume_no_refund_either():
    linked = Linked(request=sample.waiting(), link=None)
    for content in (looking.request(linked), looking.requests([linked], [])):
        assert "no refund is assumed" in content.text
        assert "0.00" not in content.text
    row = home._waiting_row(sample.waiting(), {}).to_dict()["text"]["text"]
    assert "no refund is assumed" in row


def test_the_checklist_says_what_where_by_when_and_of_whom():
    request = sample.opened()

    assert seen.headline(card(request)) == ":gear: Executing by hand: give notice of Status page"
    assert "To do by hand by Sat 10 Apr 2027, 23:59 GMT+08:00" in shown(request)
    assert "1 Status page, Team plan · to do, asked of @owner" in shown(request)
    assert "Give notice to Status page as the contract asks for it" in shown(request)
    assert seen.buttons(card(request).blocks) == ["Done…", "Leave as is…"]
    assert "by Sat 10 Apr 2027, 23:59 GMT+08:00: Status page (contracts)." in card(request).text


def test_r13_the_checklist_of_an_account_without_rights_is_the_console_s_own_path():
    request = sample.opened(sample.cloud())
    lines = shown(request).split("\n")

    path = "Security & Compliance > SecMaster > Professional at the upper right > the row of the "
    quota = next(line for line in lines if line.startswith(f"{path}quota > Unsubscribe"))
    assert "the reason Features are not enough, tick that a handling fee applies" in quota
    assert sum(f"When the edition reads basic: {path}package" in line for line in lines) == 2
    assert seen.buttons(card(request).blocks) == ["Done…", "Leave as is…", "Show the working…"]


def test_items_with_dates_of_their_own_say_them():
    request = sample.many(3)
    later = replace(request.items[1], due_at=sample.DUE.replace(month=5))
    request = replace(request, items=(request.items[0], later, request.items[2]))

    assert "· to do by Mon 10 May 2027, 23:59 GMT+08:00, asked of" in shown(request)
    cloud = sample.opened(sample.cloud())
    soon = replace(cloud.items[0], due_at=sample.SEEN)
    cloud = replace(cloud, items=(soon, *cloud.items[1:]))
    assert "Large screen · to do by Thu 26 Nov 2026, 11:18 GMT+08:00, asked of" in shown(cloud)


def test_of_several_the_message_shows_who_did_which():
    request = sample.said(sample.opened(sample.cloud()), numbers=(1,))

    assert f"1 SecMaster Professional, 50 ECS · done by @owner, 11:30 GMT+08:00: {LINK}" in (
        shown(request)
    )
    assert "2 Large screen · to do" in shown(request)


def test_a_second_person_is_asked_to_look():
    request = sample.said()

    assert seen.headline(card(request)) == ":gear: Verifying: is notice given for Status page?"
    assert "@approver-1, @approver-2 can look" in shown(request)
    assert seen.buttons(card(request).blocks) == ["Notice is given", "Still there…", "Leave as is…"]
    looked = sample.seen()
    assert "@approver-1 looked, 12:00 GMT+08:00" in shown(looked)
    assert "the cloud is being read" not in shown(looked)
    cloud = sample.seen(sample.said(sample.opened(sample.cloud())))
    assert "@approver-1 looked, 12:00 GMT+08:00, the cloud is being read" in shown(cloud)
    assert seen.buttons(card(looked).blocks) == []


def test_done_names_who_did_it_and_who_has_seen_it():
    request = sample.done()

    assert (
        seen.headline(card(request))
        == ":white_check_mark: Done: notice given, Status page ends Mon 10 May 2027"
    )
    assert "done by @owner · seen by @approver-1 · verified 12:00 GMT+08:00" in shown(request)
    assert LINK in shown(request)
    assert "If kept" not in shown(request)
    assert "0.00" not in card(request).text + shown(request)


def test_done_at_a_cloud_says_what_is_not_known_and_what_may_still_cost():
    request = sample.done(sample.said(sample.opened(sample.cloud())))

    assert "*Refund at the cloud*: amount not known" in shown(request)
    assert "*May still cost*: collector servers, VPC endpoints" in shown(request)
    assert "The refund is not known yet. Collector servers" in card(request).text


def test_done_where_a_cloud_was_read_says_when_it_is_read_once_more():
    request = sample.read_back()

    assert "verified 12:00 GMT+08:00 · second look Tue 24 Nov, 12:00 GMT+08:00" in (shown(request))
    looked = stepping.looked_again(request, at=sample.SEEN + timedelta(days=1), note="all gone")
    assert "still gone Tue 24 Nov, 12:00 GMT+08:00" in shown(looked)
    assert "not read at the cloud" not in shown(request)


def test_done_where_no_cloud_was_read_says_so():
    request = sample.done(sample.said(sample.opened(sample.cloud())))

    assert "verified 12:00 GMT+08:00 · not read at the cloud" in shown(request)
    assert "not read at the cloud" not in shown(sample.done())


def test_what_is_at_the_cloud_again_is_a_warning_to_all():
    request = stepping.came_back(
        sample.read_back(),
        at=sample.SEEN + timedelta(days=1),
        problem="Large screen is at the cloud again.",
    )

    assert seen.headline(card(request)).startswith(":warning: Back at the cloud")
    assert "look at the cloud's console" in shown(request)
    assert note(request).startswith("Request 1042: Large screen is at the cloud again.")


def test_that_the_cloud_did_not_answer_is_told():
    away = by_hand.not_read(sample.seen(), at=sample.SEEN, note="the cloud could not be read")

    assert told(away, Verb.NOT_READ) == "12:00 not read back: the cloud could not be read"


def test_a_dry_run_tells_nobody_to_look():
    request = by_hand.rehearsed(
        replace(sample.cloud(), dry_run=True), at=sample.STARTS, note="dry run: nobody was asked"
    )

    assert told(request, Verb.VERIFYING) == "Dry run: 10:58 verifying: reading back"
    assert note(request).startswith("Dry run: Done: SecMaster Professional and 2 packages would")


def test_what_was_not_done_in_time_offers_to_go_on():
    request = sample.failed()

    assert seen.headline(card(request)) == ":warning: Failed: not done by hand in time"
    assert seen.buttons(card(request).blocks) == ["Done…", "Retry", "Leave as is…"]
    question = seen.button(card(request).blocks, "Retry")["confirm"]["text"]["text"]
    assert "Nothing is called at the cloud." in question
    left = replace(request, closed=True)
    assert "Retry opens the checklist for another day." in " ".join(
        seen.lines(card(request).blocks)
    )
    assert "Retry" not in " ".join(seen.lines(card(left).blocks))
    assert seen.buttons(card(left).blocks) == []
    assert "left as it is" in seen.headline(card(left))


def late(request: Request | None = None) -> Request:
    """What nobody did while the acknowledged figures held."""
    request = request or sample.opened(sample.cloud())
    problem = "Nobody said in time that it is done."
    return by_hand.overdue(request, at=request.good_until + by_hand.GRACE, problem=problem)


def test_what_was_not_done_while_the_figures_held_does_not_open_again():
    said = (
        "The acknowledged figures hold no longer, so nobody is asked to do it: leave it as is and "
        "ask again. Done… still takes what is gone already."
    )
    request = late()

    assert seen.buttons(card(request).blocks)[:2] == ["Done…", "Leave as is…"]
    assert "Retry" not in seen.buttons(card(request).blocks)
    assert said in shown(request)
    overdue = Overdue(request=request, link="https://a/p", event=request.events[-1])
    assert said in seen.spoken(accepted(messenger.content(overdue)))
    in_time = by_hand.overdue(sample.opened(sample.cloud()), at=sample.SEEN, problem="Late.")
    assert "Retry" in seen.buttons(card(in_time).blocks)


def test_what_is_said_after_the_figures_held_says_so_everywhere():
    request = sample.said(late(), at=sample.SEEN.replace(month=12))
    held = ", said after Thu 26 Nov 2026, 11:19 GMT+08:00, until when the acknowledged figures held"
    found = Receipt(request=sample.done(request))
    rows = {row.name: row.words for row in receipt_lines.end(found.facts)}

    assert held in told(request, Verb.CARRIED_OUT)
    assert held in seen.spoken(accepted(messenger.content(found)))
    assert held.removeprefix(", said") in rows["Done by hand"]
    [done] = receipt_json(found.facts)["handwork"]
    assert done["figures_held_until"] == "2026-11-26T11:19:00+08:00"
    assert held not in told(sample.said(), Verb.CARRIED_OUT)


def test_what_is_given_up_says_so_and_not_that_it_is_late():
    request = sample.given_up()

    assert seen.headline(card(request)) == ":warning: Failed: not done by hand, left as it is"
    assert "It was given up: We keep it." in shown(request)
    assert "not done, asked of @owner" in shown(request)
    assert seen.buttons(card(request).blocks) == []
    assert told(request, Verb.LEFT) == "12:00 @requester left it as it is: We keep it"
    assert note(request) == 'You left request 1042 as it is: "We keep it".'
    done = sample.given_up(sample.said())
    assert seen.headline(card(done)) == ":warning: Failed: not seen gone, left as it is"
    assert "done by @owner, 11:30 GMT+08:00, not seen gone" in shown(done)


def test_what_nobody_looked_at_offers_to_call_them_again():
    request = sample.nobody_looked()

    assert seen.headline(card(request)) == ":warning: Failed: not seen gone in time"
    assert seen.buttons(card(request).blocks) == [
        "Notice is given",
        "Still there…",
        "Retry",
        "Leave as is…",
    ]
    question = seen.button(card(request).blocks, "Retry")["confirm"]["text"]["text"]
    assert question.startswith("Those who may look whether it is gone are called again.")
    late = Overdue(request=request, event=request.events[-1], link="https://a/p")
    assert seen.spoken(accepted(messenger.content(late))) == (
        "Overdue: unsubscribe Status page. @approver-1, @approver-2 were asked to look whether "
        "it is gone, request 1042. Nobody looked whether it is gone. Retry calls those who may "
        "look once more."
    )


def test_the_channel_is_told_what_nobody_did_in_time():
    request = sample.failed()
    message = Overdue(request=request, event=request.events[-1], link="https://a/p")
    content = accepted(messenger.content(message))

    assert seen.spoken(content) == (
        "Overdue: unsubscribe Status page. @owner was asked to do request 1042 by hand. "
        "Nobody said in time that it is done. Retry opens the checklist for another day."
    )
    assert seen.buttons(content.blocks) == ["Open request"]


def test_what_is_approved_no_more_opens_for_nobody():
    problem = objections.unapproved(sample.failed())
    request = replace(sample.failed(), problem=problem)
    message = Overdue(request=request, event=request.events[-1], link=None)
    what_to_do = (
        f"{problem} Nothing more of it is done with these approvals: leave it as is and ask again. "
        "Done… still takes what is gone already."
    )

    assert what_to_do in shown(request)
    assert seen.headline(card(request)) == ":warning: Failed: not done by hand"
    assert seen.buttons(card(request).blocks) == ["Done…", "Leave as is…"]
    told = accepted(messenger.content(message))
    assert seen.headline(told) == ":warning: Approved no more: unsubscribe Status page"
    assert seen.spoken(told).endswith(what_to_do)


def test_a_dry_run_looks_as_any_other():
    request = replace(sample.opened(), dry_run=True)

    assert card(request) == requests.request_card(RequestCard(request=request))
    assert seen.headline(card(request)).startswith(":gear: Dry run: Executing")


def test_a_request_of_the_cloud_looks_as_ever():
    for request in (samples.waiting(), samples.executing(), samples.done(), samples.failed()):
        message = RequestCard(request=request)
        assert checklist.card(message) == requests.request_card(message)


def test_foreign_text_stays_text():
    request = sample.said(note=LIVE)
    hostile = replace(
        request, items=(replace(request.items[0], label=LIVE),), problem=LIVE, details=LIVE
    )
    opened = sample.opened()
    service = replace(opened.items[0].task, service=LIVE)
    named = replace(opened, items=(replace(opened.items[0], task=service, label=LIVE),))
    failed = replace(sample.failed(), problem=LIVE, items=named.items)
    texts = [card(each).text for each in (hostile, named, failed)]
    texts += [told(hostile, Verb.CARRIED_OUT), note(failed), told(sample.still_there(), Verb.ASKED)]
    texts.append(
        messenger.content(Overdue(request=failed, event=failed.events[-1], link=None)).text
    )
    texts.append(
        messenger.content(Receipt(request=replace(sample.done(), items=hostile.items))).text
    )

    for text in texts:
        assert "<!channel>" not in text
        assert "<https://evil" not in text


# The thread, direct messages, the receipt


def test_the_thread_tells_the_story():
    assert told(sample.opened(), Verb.REMINDED) == (
        "10:58 @owner: request 1042 is to be done by hand by Sat 10 Apr 2027, 23:59 GMT+08:00: "
        "Status page. Press Done… in the request when it is."
    )
    assert told(sample.done(), Verb.CARRIED_OUT) == (
        "11:30 @owner did it by hand, Status page, Team plan: By e-mail to the vendor. "
        f"{LINK.replace('&', '&amp;')}"
    )
    assert told(sample.done(), Verb.VERIFYING) == (
        "11:30 @approver-1, @approver-2: look whether notice is given for Status page, then "
        "press Notice is given or Still there… in the request."
    )
    assert told(sample.done(), Verb.CONFIRMED) == "12:00 @approver-1 looked: notice is given"
    assert told(sample.done(), Verb.VERIFIED) == "12:00 verified: seen by a second person"
    assert told(sample.still_there(), Verb.STILL_THERE) == (
        "12:00 @approver-1 looked: Status page, Team plan is still there: Still billed. "
        "To be done again: @owner."
    )


def test_a_later_call_is_for_those_who_look():
    assert "look whether notice is given for Status page" in told(
        sample.called_to_look(), Verb.REMINDED
    )


def test_nobody_left_to_look_is_said():
    before = sample.said()
    alone = replace(before, events=(*before.events[:-1], replace(before.events[-1], called=())))

    assert "nobody is named who may look whether it is gone" in told(alone, Verb.VERIFYING)
    assert "Nobody is named who may look; an admin can" in shown(alone)


def test_what_the_cloud_still_lists_is_said_of_the_cloud():
    assert told(sample.still_listed(), Verb.STILL_THERE) == (
        "12:00 the cloud was read: Large screen is still at the cloud. To be done again: @owner."
    )


def test_the_requester_hears_of_every_change():
    due = "Sat 10 Apr 2027, 23:59 GMT+08:00"
    assert note(sample.opened()) == (
        f"Request 1042: Status page is to be done by hand. @owner is asked to do it by {due}."
    )
    assert note(sample.said()) == (
        "Request 1042: @owner said that notice is given for Status page; a second person looks."
    )
    assert note(sample.still_there()) == (
        f"Request 1042: Status page is still there. @owner is asked to do it by {due}."
    )
    assert note(sample.done()) == (
        "Done: notice given, Status page ends Mon 10 May 2027, seen by @approver-1. "
        "The contract decides what comes back, no refund is assumed."
    )
    assert note(sample.failed()) == "Request 1042 failed: Nobody said in time that it is done."


def test_stale_names_no_figure_that_nobody_knows():
    request = replace(sample.waiting(), state=State.STALE, problem="It has expired.")

    assert "0.00" not in shown(request)
    assert note(request).endswith(
        "You acknowledged that the contract decides what comes back, no refund is assumed."
    )


def test_new_facts_of_a_contract_are_shown_without_figures():
    view = accepted_view(reviewing.form(sample.new_facts()))

    said = "\n".join(seen.lines(view.blocks))
    assert "The contract decides; no refund is assumed." in said
    assert "0.00" not in said


def test_the_receipt_names_who_did_it_what_shows_it_and_who_has_seen_it():
    content = accepted(messenger.content(Receipt(request=sample.done())))
    lines = seen.lines(content.blocks)

    assert lines[0] == "Receipt of request 1042: ended by hand"
    assert f"Done by hand 11:30 by @owner: By e-mail to the vendor. {LINK}" in lines
    assert "Seen gone 12:00 by @approver-1" in lines
    assert "1 Status page, Team plan · gone" in lines
    assert lines[-1] == "As the contract says"
    assert "0.00" not in content.text + "\n".join(lines)


def test_the_receipt_as_a_page_and_as_json_says_the_same():
    facts = Receipt(request=sample.done()).facts
    rows = {row.name: row.words for row in receipt_lines.end(facts)}

    assert receipt_lines.outcome(facts) == (
        "Done: 1 of 1 item gone. The contract decides what comes back; no refund is assumed."
    )
    assert rows["Done by hand"] == (
        f"Mon 23 Nov 2026, 11:30 GMT+08:00 by {OWNER} (1): By e-mail to the vendor. {LINK}"
    )
    assert rows["Seen gone"] == f"Mon 23 Nov 2026, 12:00 GMT+08:00 by {APPROVER_1}"
    assert rows["Rule set"] == "as the contract says"
    assert "Verified" not in rows
    found = receipt_json(facts)
    assert found["contract"] is True
    assert found["seen_gone"] is not None
    assert found["handwork"] == [
        {
            "by": OWNER,
            "at": "2026-11-23T11:30:00+08:00",
            "items": [1],
            "note": "By e-mail to the vendor.",
            "evidence": LINK,
            "figures_held_until": None,
        }
    ]
    assert found["items"][0]["estimate"] == {"refund": None, "handling_fee": None}


def test_the_receipt_of_a_cloud_that_nobody_could_read_claims_no_reading():
    facts = Receipt(request=sample.done(sample.said(sample.opened(sample.cloud())))).facts

    assert facts.verified is None
    assert facts.seen_gone is not None
    assert facts.not_read == "seen by a second person"


def test_the_receipt_says_why_no_cloud_was_read():
    seen_gone = sample.seen(sample.said(sample.opened(sample.cloud())))
    away = by_hand.not_read(seen_gone, at=sample.SEEN, note="the cloud could not be read")
    request = by_hand.seen_gone(away, at=sample.SEEN, note="seen by a second person")
    facts = Receipt(request=request).facts

    assert "Not read back: the cloud could not be read" in seen.lines(
        accepted(messenger.content(Receipt(request=request))).blocks
    )
    rows = {row.name: row.words for row in receipt_lines.end(facts)}
    assert rows["Not read back"] == "the cloud could not be read"
    assert receipt_json(facts)["not_read"] == "the cloud could not be read"
    for read in (sample.read_back(), sample.done(), sample.given_up()):
        assert Receipt(request=read).facts.not_read is None


def test_the_receipt_of_what_was_given_up_says_what_is_done_by_whom_and_what_is_not():
    request = sample.given_up(sample.said(sample.opened(sample.cloud()), numbers=(1,)))
    facts = Receipt(request=request).facts
    lines = seen.lines(accepted(messenger.content(Receipt(request=request))).blocks)

    assert lines[0] == "Receipt of request 1042: not ended"
    assert "1 SecMaster Professional, 50 ECS · said to be done by hand, not seen gone" in lines
    assert "2 Large screen · not done" in lines
    assert f"Done by hand, 1 11:30 by @owner: By e-mail to the vendor. {LINK}" in lines
    assert "Left as it is 12:00 by @requester: We keep it" in lines
    assert receipt_lines.outcome(facts) == (
        "Failed: 0 of 3 items gone, 1 said to be done by hand and not seen gone. "
        "The refund is not known."
    )
    assert [row.outcome for row in receipt_lines.items(facts)] == [
        "done, not seen gone",
        "not done",
        "not done",
    ]
    assert "sent" not in " ".join(lines)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (sample.given_up(), "not ended"),
        (sample.given_up(sample.said()), "not seen gone"),
    ],
)
def test_the_receipt_of_a_contract_claims_no_more_than_was_seen(request_: Request, said: str):
    lines = seen.lines(accepted(messenger.content(Receipt(request=request_))).blocks)

    assert lines[0] == f"Receipt of request 1042: {said}"


# The modals


def test_the_modal_asks_which_and_what_shows_it():
    one = accepted_view(checklist.done_form(sample.opened())).to_dict()
    three = accepted_view(checklist.done_form(sample.opened(sample.cloud()))).to_dict()

    assert (one["title"]["text"], one["submit"]["text"]) == ("Done by hand", "Done")
    ticks = [view["blocks"][1]["element"] for view in (one, three)]
    assert [len(each["options"]) for each in ticks] == [1, 3]
    assert len(ticks[0]["initial_options"]) == 1
    assert "initial_options" not in ticks[1]
    assert [bool(b.get("optional")) for b in one["blocks"][1:]] == [False, True, True, True]
    file = one["blocks"][3]["element"]
    assert (file["type"], file["max_files"]) == ("file_input", 1)
    accepted_view(checklist.still_form(sample.said()))


def boxes(view: View) -> list[list[str]]:
    """The values that can be ticked, group by group."""
    inputs = [each.to_dict() for each in accepted_view(view).blocks if each.type == "input"]
    fields = [each["element"] for each in inputs if each["element"]["type"] == "checkboxes"]
    return [[option["value"] for option in field["options"]] for field in fields]


@pytest.mark.parametrize("form", [checklist.done_form, checklist.still_form])
def test_of_many_every_one_can_be_ticked(form):
    view = form(sample.many(23))

    assert [len(each) for each in boxes(view)] == [10, 10, 3]
    assert list(chain(*boxes(view))) == [str(number) for number in range(1, 24)]
    first, *_, last = (b.to_dict() for b in view.blocks if "checklist.items" in str(b.to_dict()))
    assert first["block_id"] == ids.CHECKLIST_ITEMS
    assert first["label"]["text"].endswith(", 1 to 10")
    assert last["label"]["text"].endswith(", 21 to 23")
    assert first["optional"] is last["optional"] is True
    assert "and 13 more" in shown(sample.many(23))


def test_of_few_a_tick_is_asked_for_by_slack_itself():
    for form in (checklist.done_form, checklist.still_form):
        assert [len(each) for each in boxes(form(sample.many(10)))] == [10]
        [field] = [b for b in form(sample.many(10)).blocks if b.block_id == ids.CHECKLIST_ITEMS]
        assert not field.to_dict()["optional"]


def test_beyond_what_one_modal_takes_the_others_come_after():
    view = checklist.done_form(sample.many(checklist.SHOWN + 3))

    assert len(boxes(view)) == len(ids.CHECKLIST_GROUPS)
    assert "The other 3 come after these." in str(view.blocks[0].to_dict())


def sent(
    stage, form: str, *, items=("1",), metadata: str = "1042#4", file=None, **texts: str
) -> dict[str, Any]:
    """A modal filled in, its number and turn the sample's."""
    options = [{"text": {"type": "plain_text", "text": "x"}, "value": each} for each in items]
    values = {
        ids.CHECKLIST_ITEMS: {
            ids.CHECKLIST_ITEMS: {"type": "checkboxes", "selected_options": options}
        }
    }
    if file is not None:
        field = {"type": "file_input", "files": [file]}
        values[ids.EVIDENCE_FILE] = {ids.EVIDENCE_FILE: field}
    for block, text in texts.items():
        field = {"type": "plain_text_input", "value": text}
        values[BLOCKS[block]] = {BLOCKS[block]: field}
    return stage.submit(form, values, metadata=metadata)


BLOCKS = {"link": ids.EVIDENCE, "note": ids.WHY}


def test_what_was_ticked_in_any_group_goes_in(stage, checklists):
    groups = {ids.CHECKLIST_GROUPS[0]: "10", ids.CHECKLIST_GROUPS[1]: "12"}
    values: dict[str, Any] = {
        group: {group: {"type": "checkboxes", "selected_options": [{"value": number}]}}
        for group, number in groups.items()
    }
    values[ids.WHY] = {ids.WHY: {"type": "plain_text_input", "value": "Both are listed"}}
    stage.submit(ids.CHECKLIST_STILL_FORM, values, metadata="1042#4")

    assert checklists.said == [("still there", 1042, "U0OWNER", (10, 12), "Both are listed", 4)]


@pytest.fixture
def checklists(stage, fakes):
    fakes.vouching.request = sample.opened()
    return fakes.vouching


def test_done_opens_the_modal_for_who_may(stage, client, checklists):
    stage.press(ids.CHECKLIST_DONE, "1042")

    [opened] = client.of("views.open")
    assert opened["view"]["callback_id"] == ids.CHECKLIST_DONE_FORM
    assert checklists.said == [("open", 1042, "U0OWNER")]


def test_done_goes_in_as_it_was_filled_in(stage, checklists):
    assert sent(stage, ids.CHECKLIST_DONE_FORM, items=("1", "3"), link=LINK, note="Mail") == {}

    assert checklists.said == [("done", 1042, "U0OWNER", (1, 3), LINK, "Mail", 4)]


def test_a_file_goes_in_by_where_slack_shows_it(stage, checklists):
    file = {"id": "F0A1B2C3D4", "name": "answer.png", "permalink": "https://a/files/F0A1B2C3D4"}
    assert sent(stage, ids.CHECKLIST_DONE_FORM, file=file) == {}

    assert checklists.said == [("done", 1042, "U0OWNER", (1,), file["permalink"], "", 4)]


def test_what_is_missing_stands_under_its_field(stage, checklists):
    missing = {"items": "Tick.", "evidence": "A link.", "file": "Not both."}
    checklists.refusal = ChecklistIncomplete(missing)

    answer = sent(stage, ids.CHECKLIST_DONE_FORM, items=(), link="")

    assert answer["errors"] == {
        ids.CHECKLIST_ITEMS: "Tick.",
        ids.EVIDENCE: "A link.",
        ids.EVIDENCE_FILE: "Not both.",
    }


def test_that_nobody_else_could_look_stands_under_the_field(stage, checklists):
    checklists.refusal = RequestRefused(NobodyElseLooks(1042), sample.opened())

    answer = sent(stage, ids.CHECKLIST_DONE_FORM, link=LINK)

    assert answer["errors"] == {
        ids.CHECKLIST_ITEMS: "Nobody but who did it could look whether it is gone. An operator "
        "adds someone to `approvals.approvers`, or somebody else does it and says so."
    }


def test_packages_before_their_edition_stand_under_the_field(stage, checklists):
    checklists.refusal = RequestRefused(OutOfOrder(1042), sample.opened())

    answer = sent(stage, ids.CHECKLIST_DONE_FORM, items=("2",), link=LINK)

    assert answer["errors"] == {
        ids.CHECKLIST_ITEMS: "Packages go when the edition is basic (R8). "
        "Say first that their edition is gone."
    }


@pytest.mark.parametrize(("value", "turn"), [("1042#7", 7), ("1042", 0)])
def test_it_is_gone_is_said_at_once_of_what_was_shown(stage, checklists, value: str, turn: int):
    stage.press(ids.CHECKLIST_GONE, value)

    assert checklists.said == [("gone", 1042, "U0OWNER", turn)]


def test_what_is_pressed_or_sent_carries_the_turn_that_is_shown():
    opened, said = sample.opened(), sample.said()

    assert checklist.done_form(opened).private_metadata == f"1042#{by_hand.turn(opened)}"
    assert checklist.still_form(said).private_metadata == f"1042#{by_hand.turn(said)}"
    assert decisions.leave(opened).private_metadata == f"1042#{by_hand.turn(opened)}"
    button = seen.button(card(said).blocks, "Notice is given")
    assert button["value"] == f"1042#{by_hand.turn(said)}"
    assert by_hand.turn(said) > by_hand.turn(opened)


def test_who_saw_an_earlier_turn_hears_what_happened_since(stage, checklists):
    again = sample.said(sample.still_there(), at=sample.SEEN + timedelta(hours=1))
    checklists.refusal = RequestRefused(ChecklistChanged(again), again)

    stage.press(ids.CHECKLIST_GONE, "1042#7")

    assert stage.answers[-1]["text"].startswith(
        "<@U0OWNER> did request 1042 again at 13:00 GMT+08:00, after what you saw of it. "
        "Read its message again, and look again."
    )


def test_still_there_asks_those_who_may_look_and_sends_what_they_saw(stage, client, checklists):
    checklists.request = sample.said()
    stage.press(ids.CHECKLIST_STILL, "1042")
    [opened] = client.of("views.open")
    assert opened["view"]["callback_id"] == ids.CHECKLIST_STILL_FORM

    assert sent(stage, ids.CHECKLIST_STILL_FORM, note="Still billed") == {}

    assert checklists.said == [
        ("demand", 1042, Action.CONFIRM, "U0OWNER"),
        ("still there", 1042, "U0OWNER", (1,), "Still billed", 4),
    ]


def test_still_there_needs_what_was_seen(stage, checklists):
    checklists.refusal = Incomplete(why=True)

    answer = sent(stage, ids.CHECKLIST_STILL_FORM, note="")

    assert answer["errors"] == {ids.WHY: "Say what you saw; who did it reads it."}


def test_who_may_not_hears_who_can(stage, client, checklists):
    checklists.refusal = NotAllowed.caring([OWNER, REQUESTER])

    stage.press(ids.CHECKLIST_DONE, "1042")

    assert client.of("views.open") == []
    assert "<@U0OWNER>, <@U0REQUESTER> or an approver" in stage.answers[-1]["text"]


def test_who_is_second_hears_who_was_first(stage, checklists):
    checklists.refusal = RequestRefused(AlreadyDecided(sample.said()), sample.said())

    stage.press(ids.CHECKLIST_GONE, "1042")

    assert "<@U0OWNER> carried out request 1042 at 11:30" in stage.answers[-1]["text"]
