"""Why a request expired is said as it was: nobody decided, too few did, or it was stale."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.billing import deciding
from bot.billing.unsubscription import Request, State
from bot.facts.messages import RequestCard, RequesterNote, RequestLine
from handlers.blocks.receipts import request_line
from handlers.blocks.requester_notes import requester_note
from handlers.blocks.requests import request_card
from tests.factories import APPROVER_1, instant
from tests.unit.handlers import samples, seen

WORSE = "Refund at least USD 1,869.65, acknowledged USD 2,010.76."
ONE_SECOND = timedelta(seconds=1)


def expired(request: Request) -> Request:
    return deciding.expire(request, at=request.deadline + ONE_SECOND)


def half_approved() -> Request:
    """One of two approvals."""
    waiting = samples.waiting(required_approvals=2)
    at = instant("2026-11-23 10:53")
    return deciding.approve(waiting, by=APPROVER_1, at=at, authorities=(APPROVER_1,))


def stale(at: str) -> Request:
    gone = deciding.go_stale(samples.approved(), at=instant(at), note=WORSE)
    return replace(gone, problem=WORSE)


BY = "Thu 26 Nov, 10:14 GMT+08:00"
BY_YEAR = "Thu 26 Nov 2026, 10:14 GMT+08:00"
CASES = [
    pytest.param(
        samples.waiting(),
        f"Expired: nobody decided by {BY}",
        "nobody decided",
        f"nobody decided by {BY_YEAR}",
        id="nobody",
    ),
    pytest.param(
        half_approved(),
        f"Expired: 1 of 2 approvals by {BY}",
        "it had 1 of 2 approvals",
        f"it had 1 of 2 approvals by {BY_YEAR}",
        id="too few",
    ),
    pytest.param(
        stale("2026-11-24 08:55"),
        f"Expired: nobody acknowledged by {BY}",
        "it was not acknowledged again",
        f"the figures got worse, and @requester did not acknowledge it again by {BY_YEAR}",
        id="stale",
    ),
    pytest.param(
        stale("2026-11-26 10:18"),
        f"Expired: went stale after {BY}",
        "it was approved, but went stale after its deadline",
        f"it was approved, but the figures got worse after its deadline, {BY_YEAR}",
        id="stale too late",
    ),
]


@pytest.mark.parametrize(("request_", "headline", "line", "sentence"), CASES)
def test_every_message_about_the_end_says_what_was(request_, headline, line, sentence):
    request = expired(request_)
    card = request_card(RequestCard(request=request))
    told = request_line(RequestLine(request=request, event=request.events[-1]))
    note = requester_note(RequesterNote(request=request, state=State.EXPIRED, link=None))

    assert seen.headline(card) == f":no_entry_sign: {headline}"
    assert len(headline) <= 60
    assert sentence in seen.spoken(card)
    assert seen.spoken(told).endswith(f" expired, {line}")
    assert seen.spoken(note) == f"Request 1042 expired: {sentence}."
    said = seen.lines(card.blocks)[1]
    assert said.startswith("Nothing was changed. ") is (line == "nobody decided")
    assert sentence[1:] in said or line == "nobody decided"


def test_what_was_acknowledged_again_and_then_forgotten_was_decided_by_nobody():
    request = stale("2026-11-24 08:55")
    again = deciding.waits_again(
        request,
        stale=request,
        acknowledgement=replace(request.acknowledgement, at=instant("2026-11-24 09:30")),
    )

    headline = seen.headline(request_card(RequestCard(request=expired(again))))

    assert headline == f":no_entry_sign: Expired: nobody decided by {BY}"
