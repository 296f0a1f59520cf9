"""A stale request shows what was acknowledged and what it means now, side by side."""

from dataclasses import replace

import pytest

from bot.billing import deciding
from bot.billing.account import CarriedOut, ExecuteMode
from bot.billing.unsubscription import Request, State, Verb
from bot.facts.messages import Fresh, Receipt, RequestCard, RequesterNote, RequestLine
from bot.services import objections
from handlers.blocks.receipts import receipt, request_line
from handlers.blocks.requester_notes import requester_note
from handlers.blocks.requests import request_card
from tests.factories import instant, usd
from tests.unit.handlers import samples, seen, switch_samples

READ = instant("2026-11-24 08:55")
WORSE = "Coupons lost USD 400.00, acknowledged USD 0.00."


def stale(request: Request, problem: str = WORSE) -> Request:
    return replace(deciding.go_stale(request, at=READ, note=problem), problem=problem)


def fresh(**worst: str) -> Fresh:
    was = samples.waiting().acknowledgement.worst
    now = replace(was, **{name: usd(amount) for name, amount in worst.items()})
    return Fresh(at=READ, read_at=READ, refund=usd("1900.45"), worst=now)


NOW = fresh(refund="1869.65", handling_fee="530.00", coupons_lost="400.00")


def test_the_card_has_both_columns():
    content = request_card(RequestCard(request=stale(samples.approved()), fresh=NOW))
    shown = " ".join(seen.lines(content.blocks))

    assert (
        "*Acknowledged Mon 23 Nov, 10:14 GMT+08:00*: Refund at least USD 2,010.76 Fee at most "
        "USD 570.00 Coupons lost USD 0.00"
    ) in shown
    assert (
        "*Read Tue 24 Nov, 08:55 GMT+08:00*: Refund now USD 1,900.45 Refund at least USD 1,869.65 "
        "Fee at most USD 530.00 Coupons lost USD 400.00"
    ) in shown
    assert (
        "Now: refund USD 1,900.45, at least USD 1,869.65, handling fee at most USD 530.00, coupons "
        "lost USD 400.00 (estimate)."
    ) in seen.spoken(content)
    assert seen.refused(content) == []


def test_where_the_new_figures_are_not_known_what_was_acknowledged_stands_alone():
    shown = seen.lines(request_card(RequestCard(request=stale(samples.approved()))).blocks)

    assert any(line.startswith("*Acknowledged Mon 23 Nov") for line in shown)
    assert not any(line.startswith("*Read ") for line in shown)


def test_in_another_state_nothing_is_compared():
    content = request_card(RequestCard(request=samples.waiting(), fresh=NOW))

    assert "1,869.65" not in str([block.to_dict() for block in content.blocks])


def test_the_requester_reads_what_got_worse_beside_what_was_acknowledged():
    note = RequesterNote(request=stale(samples.approved()), state=State.STALE, link=None, fresh=NOW)

    assert seen.spoken(requester_note(note)) == (
        "Request 1042 is stale, nothing was executed: refund at least USD 1,869.65, you "
        "acknowledged USD 2,010.76; coupons lost USD 400.00, you acknowledged USD 0.00."
    )


def told(request: Request, now: Fresh | None) -> tuple[str, str]:
    """What the message and its thread say of why."""
    card = request_card(RequestCard(request=request, fresh=now))
    line = request_line(RequestLine(request=request, event=request.events[-1], fresh=now))
    [why] = [each for each in seen.lines(card.blocks) if "must acknowledge again" in each]
    return why, seen.spoken(line)


def test_no_figure_stands_beside_another_one_of_another_deadline():
    """What was noted holds until the deadline that was, the columns until the one that comes."""
    noted = "Refund at least USD 1,900.32, acknowledged USD 2,010.76."
    request = stale(samples.approved(), noted)
    worse = (
        "Refund at least USD 1,869.65, acknowledged USD 2,010.76; coupons lost USD 400.00, "
        "acknowledged USD 0.00."
    )
    again = "@requester must acknowledge again, then approvers decide again."

    assert told(request, NOW) == (
        f"{worse} {again}",
        f"Tue 24 Nov, 08:55 stale, nothing was executed: {worse}",
    )
    assert told(request, None) == (
        f"{noted} {again}",
        f"Tue 24 Nov, 08:55 stale, nothing was executed: {noted}",
    )
    assert told(request, fresh()) == told(request, None), "by now nothing is worse"


def acknowledged_again(request: Request) -> Request:
    """Its requester acknowledged the new figures at 09:10 on the next day."""
    again = replace(request.acknowledgement, at=instant("2026-11-24 09:10"))
    return deciding.waits_again(request, stale=request, acknowledgement=again)


def shows(request: Request) -> str:
    """What its message, the newest line of its thread and its receipt say of who acknowledged."""
    card = seen.lines(request_card(RequestCard(request=request)).blocks)
    line = request_line(RequestLine(request=request, event=request.events[-1]))
    paper = seen.lines(receipt(Receipt(request=request)).blocks)
    said = [each.partition(": I")[0] for each in (*card, *paper) if each.startswith("Acknow")]
    return " | ".join([*said, seen.spoken(line)])


def test_new_figures_say_who_acknowledged_them_when_and_that_approvals_fell():
    request = acknowledged_again(stale(samples.approved()))

    assert shows(request) == (
        "Acknowledged again by @requester, Tue 24 Nov, 09:10 GMT+08:00; earlier approvals do not "
        "count | "
        'Acknowledged again Tue 24 Nov, 09:10: "I understand a handling fee will be charged for '
        'this unsubscription.", fee at most USD 570.00, refund at least USD 2,010.76 | '
        "Tue 24 Nov, 09:10 @requester acknowledged the new figures; earlier approvals do not count"
    )
    [line] = [
        each
        for each in seen.lines(request_card(RequestCard(request=request)).blocks)
        if each.startswith("Acknowledged again")
    ]
    assert line.endswith(
        "GMT+08:00; earlier approvals do not count: I understand a handling fee will be charged "
        "for this unsubscription."
    )


def test_where_nobody_had_approved_nothing_fell():
    request = acknowledged_again(stale(samples.waiting()))
    twice = acknowledged_again(stale(acknowledged_again(stale(samples.approved()))))

    for each in (request, twice):
        assert "earlier approvals" not in shows(each)
        card = request_card(RequestCard(request=each))
        assert "earlier approvals" not in str([block.to_dict() for block in card.blocks])


def test_the_fact_that_makes_the_figures_worse_is_named():
    cause = (
        "The order of SecMaster Professional, 50 ECS shows a cash coupon of USD 400.00, which is "
        "not returned."
    )
    why, line = told(stale(samples.approved()), replace(NOW, cause=cause))

    assert why.startswith(cause)
    assert line.endswith(f"nothing was executed: {cause}")
    other = "A new one depends on what goes and was not there when it was acknowledged."
    assert told(stale(samples.approved(), other), replace(NOW, cause=cause))[0].startswith(other)


def test_where_other_facts_changed_the_requester_reads_them_and_the_figures():
    problem = "A new one depends on what goes and was not there when it was acknowledged."
    request = stale(samples.approved(), problem)
    note = RequesterNote(request=request, state=State.STALE, link=None, fresh=fresh())

    assert seen.spoken(requester_note(note)) == (
        f"Request 1042 is stale, nothing was executed: the facts changed. {problem} You "
        "acknowledged refund at least USD 2,010.76. Now: refund USD 1,900.45, at least USD "
        "2,010.76, handling fee at most USD 570.00, coupons lost USD 0.00 (estimate)."
    )


def test_a_switch_has_what_it_deducts_in_both_columns():
    request = switch_samples.stale(switch_samples.waiting())
    [charge] = [item.charge for item in request.items if item.charge]
    dearer = Fresh(at=READ, read_at=READ, charges=(replace(charge, amount=usd("1200")),))
    content = request_card(RequestCard(request=request, fresh=dearer))
    shown = " ".join(seen.lines(content.blocks))

    on = "will be deducted on Thu 3 Dec 2026, 03:00 GMT+08:00"
    assert f": USD 1,080.00 {on}" in shown
    assert f"*Read Tue 24 Nov, 08:55 GMT+08:00*: USD 1,200.00 {on}" in shown
    assert f"Now: USD 1,200.00 {on}." in seen.spoken(content)


@pytest.mark.parametrize(
    ("read_at", "said"),
    [
        ("2026-11-24 06:10", "Read Tue 24 Nov, 06:10 GMT+08:00, worked out 08:55 GMT+08:00"),
        (
            "2026-11-23 22:10",
            "Read Mon 23 Nov, 22:10 GMT+08:00, worked out Tue 24 Nov, 08:55 GMT+08:00",
        ),
        (None, "Worked out Tue 24 Nov, 08:55 GMT+08:00"),
    ],
)
def test_the_column_says_when_the_cloud_was_really_read(read_at, said):
    now = replace(NOW, read_at=instant(read_at) if read_at else None)
    content = request_card(RequestCard(request=stale(samples.approved()), fresh=now))

    assert f"*{said}*: Refund now USD 1,900.45" in " ".join(seen.lines(content.blocks))


def reasons() -> dict[str, tuple[str, str]]:
    """Every sentence of why a request cannot start that is not about its facts."""
    approved = samples.approved()
    glass = replace(
        approved, events=tuple(replace(e, verb=GLASS.get(e.verb, e.verb)) for e in approved.events)
    )
    account = samples.ACCOUNT
    told = {
        "approval": (objections.unapproved(approved), "an approval no longer counted"),
        "glass": (objections.unapproved(glass), "breaking the glass no longer counted"),
        "group": (objections.UNKNOWN, "nobody knew who may approve"),
    }
    otherwise = {
        "dry run": replace(account, execute=ExecuteMode.DRY_RUN),
        "live": account,
        "by hand": replace(account, carried_out=CarriedOut.BY_HAND),
    }
    more = "The settings ask for 2 approvals of it now, and it has 1."
    told["more"] = (more, "the settings changed")
    for name, each in otherwise.items():
        asked = replace(approved, dry_run=name == "live")
        told[name] = (objections.set_otherwise(asked, each) or "", "the settings changed")
    return told


GLASS = {Verb.APPROVED: Verb.BROKE_GLASS}


@pytest.mark.parametrize(("problem", "why"), reasons().values(), ids=list(reasons()))
def test_what_is_not_about_facts_is_said_in_words_of_its_own(problem, why):
    request = stale(samples.approved(), problem)
    card = request_card(RequestCard(request=request))
    note = requester_note(RequesterNote(request=request, state=State.STALE, link=None))

    assert seen.headline(card) == f":warning: Stale: {why}, nothing was executed"
    assert seen.spoken(note) == (
        f"Request 1042 is stale, nothing was executed. {problem} You acknowledged refund at least "
        "USD 2,010.76."
    )


def test_a_late_note_keeps_why_it_was_stale():
    gone_on = replace(stale(samples.approved(), objections.UNKNOWN), state=State.WAITING)
    note = RequesterNote(request=gone_on, state=State.STALE, link=None)

    assert seen.spoken(requester_note(note)) == (
        "Request 1042 was stale, nothing was executed: nobody knew who may approve."
    )
