"""Sentences for what the rules of a request refuse (ux, section 2.9)."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from bot.billing import by_hand
from bot.billing.days import cloud_date
from bot.billing.stepping import first_sent
from bot.billing.subscription import SlackUser
from bot.billing.unsubscription import (
    AlreadyDecided,
    ApprovalsGone,
    ApprovedAlready,
    ApprovedByYou,
    CannotApproveForRequester,
    CannotApproveOwnRequest,
    CannotConfirmOwn,
    ChecklistChanged,
    DecidedMeanwhile,
    Event,
    FiguresOver,
    MayNotBreakGlass,
    NobodyElseLooks,
    NotAnApprover,
    NothingLeft,
    NothingMissing,
    OnlyRehearsed,
    OnlyTheRequester,
    OutOfOrder,
    Request,
    RequestExpired,
    RequestStale,
    SnapshotChanged,
    State,
    StopTooLate,
    UnsubscriptionError,
    Verb,
)
from bot.services.phrases import hour, instant, listed


class Verdict(NamedTuple):
    """What happened, what to do, and the user ids that stand in both as `@U…`."""

    sentence: str
    advice: str
    people: tuple[SlackUser, ...] = ()


def verdict(cause: UnsubscriptionError, request: Request) -> Verdict:
    """The words for a refusal, with the facts of the request as it stands."""
    return SENTENCES[type(cause)](request)


def _own(_: Request) -> Verdict:
    return Verdict(
        "You asked for this one, so a colleague has to approve it.", "You can withdraw it."
    )


def _for_the_requester(request: Request) -> Verdict:
    return Verdict(
        f"You decide for @{request.requested_by}, who asked for this one.",
        "A colleague who decides for themselves or for somebody else has to approve it.",
        (request.requested_by,),
    )


def _approved_already(request: Request) -> Verdict:
    told = [event for event in request.approvals if event.by]
    said = listed([f"{_decider(event)} {_when(event.at, request)}" for event in told])
    people = [user for event in told for user in (event.by, event.behalf) if user]
    return Verdict(
        f"That approval of request {request.number} is there already: {said}.",
        "Each approver counts once, so a different one has to approve too.",
        tuple(dict.fromkeys(people)),
    )


def _approved_by_you(request: Request) -> Verdict:
    """With the hour where no other approval is there, so that it is certainly theirs."""
    given = request.approvals
    when = f" {_when(given[0].at, request)}" if len(given) == 1 else ""
    left = request.required_approvals - len(given)
    people = "One more person is" if left <= 1 else f"{left} more people are"
    return Verdict(f"You approved request {request.number}{when}.", f"{people} needed.")


def _may_not_break(_: Request) -> Verdict:
    return Verdict(
        "You cannot break the glass here.",
        "An operator names people in `approvals.break_glass`.",
    )


def _did_it(_: Request) -> Verdict:
    return Verdict(
        "You did this one, so somebody else has to look whether it is gone.",
        "Another owner or approver can.",
    )


def _nobody_else(request: Request) -> Verdict:
    which = "it is" if len(request.items) == 1 else "all are"
    return Verdict(
        f"Nobody but who did it could look whether {which} gone.",
        "An operator adds someone to `approvals.approvers`, or somebody else does it and says so.",
    )


def _done_or_sent_back(request: Request) -> Verdict:
    number, about = request.number, by_hand.turn(request)
    since = next(event for event in reversed(request.events) if event.number <= about)
    did, people = f"sent request {number} back", [since.by] if since.by else []
    if since.verb is Verb.VERIFYING:
        did, people = f"did request {number} again", sorted(by_hand.doers(request))
    who = listed([f"@{each}" for each in people]) or "The cloud's list"
    return Verdict(
        f"{who} {did} at {hour(since.at)}, after what you saw of it.",
        "Read its message again, and look again.",
        tuple(people),
    )


def _only_rehearsed(request: Request) -> Verdict:
    return Verdict(
        f"Request {request.number} is a dry run that changes nothing, so nobody does it by hand.",
        "Retry it, or leave it as it is.",
    )


def _out_of_order(_: Request) -> Verdict:
    return Verdict(
        "Packages go when the edition is basic (R8).", "Say first that their edition is gone."
    )


def _figures_over(request: Request) -> Verdict:
    return Verdict(
        f"The acknowledged figures of request {request.number} held until "
        f"{instant(request.good_until)}, so nobody is asked to do it any more.",
        "Leave it as is and ask again; what is gone already can still be said with Done….",
    )


def _not_an_approver(request: Request) -> Verdict:
    if not request.approvers:
        return Verdict(
            "You cannot decide this one.", "An operator adds someone to `approvals.approvers`."
        )
    names = listed([f"@{user}" for user in request.approvers])
    return Verdict("You cannot decide this one.", f"{names} can.", request.approvers)


def _only_the_requester(request: Request) -> Verdict:
    also = " or acknowledge its new figures" if request.state is State.STALE else ""
    return Verdict(
        f"Only @{request.requested_by} can withdraw request {request.number}{also}.",
        "You can ask them in the thread.",
        (request.requested_by,),
    )


def _other_figures(request: Request) -> Verdict:
    seen = request.acknowledgement
    return Verdict(
        f"@{seen.by} acknowledged other figures of request {request.number} "
        f"{_when(seen.at, request)}, after what you saw.",
        "Read its message again, then decide.",
        (seen.by,),
    )


def _expired(request: Request) -> Verdict:
    event = next((e for e in request.events if e.verb is Verb.EXPIRED), None)
    if event is not None and event.note:
        return Verdict(
            f"Request {request.number} could not start in time and expired on {instant(event.at)}.",
            "Ask again to go on.",
        )
    return Verdict(
        f"Request {request.number} expired on {instant(request.deadline)}.", "Ask again to go on."
    )


def _stale(request: Request) -> Verdict:
    return Verdict(
        "The figures changed since it was sent.",
        f"Wait until @{request.requested_by} acknowledges.",
        (request.requested_by,),
    )


def _already_decided(request: Request) -> Verdict:
    event = _decision(request)
    if event is None or event.by is None:
        return Verdict(
            f"Request {request.number} is {request.state.value} already.", "Nothing to do."
        )
    did = _DECIDED[event.verb].format(f"request {request.number}")
    return Verdict(
        f"{_decider(event)} {did} {_when(event.at, request)}, before your click.",
        "Nothing was done twice.",
        tuple(user for user in (event.by, event.behalf) if user),
    )


def _too_late_to_stop(request: Request) -> Verdict:
    """What is true of it: over, failed, with people, a rehearsal, or with the cloud."""
    if request.state is State.DONE:
        ended = _since(request, Verb.VERIFIED)
        return Verdict(f"Request {request.number} is done{ended}.", "Its receipt is in the thread.")
    if request.state is State.FAILED:
        return _failed(request)
    if request.by_hand and not request.dry_run:
        return _with_people(request)
    return _under_way(request)


def _under_way(request: Request) -> Verdict:
    """A call may be with the cloud, or none was made yet, or none ever is."""
    number, sent, follows = request.number, first_sent(request), "the receipt follows."
    began = _since(request, Verb.STARTED)
    if sent is not None:
        return Verdict(
            f"The first step went to the cloud {_when(sent, request)}.",
            f"It cannot be stopped; {follows}",
        )
    if request.dry_run:
        said = f"Request {number} is a dry run that began{began}: nothing goes to the cloud."
    elif request.state is State.VERIFYING:
        said = f"Nothing of request {number} went to the cloud; Lapse reads it back."
    else:
        said = f"Request {number} began{began}; no step has gone to the cloud so far."
        return Verdict(said, f"It cannot be stopped any more; {follows}")
    return Verdict(said, f"Nothing to stop; {follows}")


def _failed(request: Request) -> Verdict:
    """It does nothing more by itself, whether or not a call went out before."""
    sent = first_sent(request)
    how = "and nothing went to the cloud"
    if sent is not None:
        how = f"after its first step went to the cloud {_when(sent, request)}"
    left = "It is left as it is." if request.closed else "Its message says what can be done."
    when = _since(request, Verb.FAILED)
    return Verdict(f"Request {request.number} failed{when}, {how}.", f"Nothing to stop. {left}")


def _with_people(request: Request) -> Verdict:
    """Lapse calls nothing there; people have been asked to do it, or did it."""
    number = request.number
    if request.state is State.VERIFYING:
        done = _since(request, Verb.CARRIED_OUT)
        return Verdict(f"Request {number} was done by hand{done}.", "It cannot be stopped.")
    asked = [item.asked for _, item in by_hand.open_items(request) if item.asked]
    whom = tuple(dict.fromkeys(asked))
    names = listed([f"@{user}" for user in whom]) or "Somebody"
    asks = f"{names} {'were' if len(whom) > 1 else 'was'} asked to do request {number} by hand"
    when = _since(request, Verb.STARTED)
    return Verdict(
        f"{asks}{when}; the cloud is not called.", "Say in the thread that it is to stay.", whom
    )


def _since(request: Request, verb: Verb) -> str:
    """When it last happened, after a verb: `, Mon 23 Nov 2026, 10:58 GMT+08:00`, or nothing."""
    found = [event.at for event in request.events if event.verb is verb]
    return f", {instant(found[-1])}" if found else ""


def _when(at: datetime, request: Request) -> str:
    """`at 10:53 GMT+08:00`; on another day than it was asked for that day too."""
    same = cloud_date(at) == cloud_date(request.requested_at)
    return f"at {hour(at)}" if same else f"on {instant(at)}"


def _decider(event: Event) -> str:
    return f"@{event.by} for @{event.behalf}" if event.behalf else f"@{event.by}"


def _nothing_missing(request: Request) -> Verdict:
    return Verdict(
        f"The cloud has answered, nothing of request {request.number} is missing.", "Nothing to do."
    )


def _nothing_left(request: Request) -> Verdict:
    return Verdict(f"Nothing of request {request.number} is at the cloud any more.", "Withdraw it.")


def _approvals_gone(request: Request) -> Verdict:
    return Verdict(
        f"The settings name others now, or ask for more approvals than request {request.number} "
        "has.",
        "Leave it as it is and ask again.",
    )


def _decision(request: Request) -> Event | None:
    decided = (event for event in reversed(request.events) if event.verb in _DECIDED)
    return next(decided, None)


_DECIDED: Mapping[Verb, str] = {
    Verb.APPROVED: "approved {}",
    Verb.BROKE_GLASS: "broke the glass for {}",
    Verb.REJECTED: "rejected {}",
    Verb.WITHDREW: "withdrew {}",
    Verb.STOPPED: "stopped {}",
    Verb.ACKNOWLEDGED: "acknowledged the new figures of {}",
    Verb.RETRIED: "retried {}",
    Verb.BY_HAND: "said that {} is done by hand",
    Verb.LEFT: "left {} as it is",
    Verb.CARRIED_OUT: "carried out {}",
    Verb.CONFIRMED: "verified {}",
    Verb.STILL_THERE: "sent {} back",
}
"""What somebody did to a request, which stands at the place of the braces."""

SENTENCES: Mapping[type[UnsubscriptionError], Callable[[Request], Verdict]] = {
    CannotApproveOwnRequest: _own,
    CannotApproveForRequester: _for_the_requester,
    MayNotBreakGlass: _may_not_break,
    CannotConfirmOwn: _did_it,
    NobodyElseLooks: _nobody_else,
    ChecklistChanged: _done_or_sent_back,
    OnlyRehearsed: _only_rehearsed,
    OutOfOrder: _out_of_order,
    FiguresOver: _figures_over,
    NotAnApprover: _not_an_approver,
    OnlyTheRequester: _only_the_requester,
    DecidedMeanwhile: _already_decided,
    AlreadyDecided: _already_decided,
    ApprovedByYou: _approved_by_you,
    ApprovedAlready: _approved_already,
    RequestExpired: _expired,
    RequestStale: _stale,
    SnapshotChanged: _other_figures,
    StopTooLate: _too_late_to_stop,
    NothingMissing: _nothing_missing,
    NothingLeft: _nothing_left,
    ApprovalsGone: _approvals_gone,
}
"""One for every error of the tree; a test fails when one is missing."""
