"""The modals that ask why: reject, break the glass, done by hand, leave as is."""

from collections.abc import Sequence

from slack_sdk.models.blocks import Block, InputBlock, PlainTextInputElement, PlainTextObject
from slack_sdk.models.views import View

from bot.billing.unsubscription import Request
from handlers import ids, text
from handlers.blocks import request_body as body
from handlers.blocks import request_facts as facts
from handlers.blocks.pieces import Line, modal, rich

WHY_LIMIT = 500


def reject(request: Request) -> View:
    """*Reject request*: why, which the requester reads."""
    return _asks(
        request,
        "Reject request",
        ids.REJECT_FORM,
        "Reject",
        _lines("Why", ids.WHY, hint="The requester reads it."),
        says="Nothing is changed at the cloud; the requester can ask again.",
    )


def break_glass(request: Request) -> View:
    """*Break glass*: what it does, and why, which everybody in the channel reads.

    `request` is as it would be if that person broke it now.
    """
    needed = text.plural(request.required_approvals, "approval")
    broken, starts_at = request.broken_glass, request.starts_at
    starts = "It starts at once."
    if broken is not None and starts_at is not None and starts_at > broken.at:
        when = facts.moment(starts_at, request)
        starts = f"Sent now it starts at {when} and can be stopped until then."
        starts += facts.no_later(request)
    return _asks(
        request,
        "Break glass",
        ids.BREAK_GLASS_FORM,
        "Break glass",
        _lines("Why", ids.WHY, hint="Everybody in the channel reads it, and it is recorded."),
        says=f"You approve it alone, without the {needed} that it needs, and the whole channel is "
        f"told. {starts} {facts.stake(request, first=True)}.",
    )


def by_hand(request: Request) -> View:
    """*Done by hand*: what was done, and what proves it; then Lapse reads back."""
    return _asks(
        request,
        "Done by hand",
        ids.BY_HAND_FORM,
        "Read back",
        _lines("What was done", ids.WHY, hint="It goes into the request's history."),
        _lines("Evidence", ids.EVIDENCE, hint="For example the cloud's order id.", optional=True),
        says="Lapse reads the cloud and says what it finds.",
        about=_open(request),
    )


def leave(request: Request) -> View:
    """*Leave as is*: why; the request is closed as failed."""
    return _asks(
        request,
        "Leave as is",
        ids.LEAVE_FORM,
        "Leave as is",
        _lines("Why", ids.WHY, hint="It goes into the request's history and its receipt."),
        says="The request ends as failed; what was done stays done.",
        about=_open(request),
    )


def _open(request: Request) -> Sequence[Line]:
    """What is not done yet, each by its name and with its money; nothing where all of it is."""
    rows = body.open_rows(request)
    if not rows:
        return ()
    return ((f"Request {request.number} of {request.account}, open:",), *rows)


def _asks(
    request: Request,
    title: str,
    callback_id: str,
    submit: str,
    *inputs: Block,
    says: str,
    about: Sequence[Line] = (),
) -> View:
    subject = facts.subject(request, full=True)
    whole = (f"Request {request.number}: {subject}, {request.account}.",)
    return modal(
        title,
        [rich(*(about or (whole,)), (says,)), *inputs],
        callback_id=callback_id,
        submit=submit,
        close="Go back",
        metadata=facts.reference(request),
        dry_run=request.dry_run,
    )


def _lines(label: str, block_id: str, *, hint: str, optional: bool = False) -> Block:
    return InputBlock(
        label=PlainTextObject(text=label),
        element=PlainTextInputElement(action_id=block_id, multiline=True, max_length=WHY_LIMIT),
        block_id=block_id,
        hint=PlainTextObject(text=hint),
        optional=optional,
    )
