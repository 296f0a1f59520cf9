"""A call to decide: the line in a request's thread that mentions those who still can."""

from bot.billing.unsubscription import Event, Request, Verb
from handlers import text
from handlers.blocks import request_facts as facts
from handlers.blocks.pieces import Content, Line, Who, rich


def call(request: Request, event: Event) -> Content:
    """Whom it calls, what waits, how much it is about, by when, what to do."""
    decided = {each.by for each in request.approvals}
    whom = [user for user in event.called if user not in decided]
    words = _words(request, event, anybody=bool(whom))
    shown = whom[: facts.SHOWN_PEOPLE]
    called: list[str | Who] = []
    for user in shown:
        called += [Who(user), " "]
    rest = len(whom) - len(shown)
    more = f"and {rest} more" if rest else ""
    line: Line = (*called[:-1], f" {more}: " if more else ": ", words) if whom else (words,)
    mentions = " ".join((*(text.mention(user) for user in shown), *([more] if more else [])))
    spoken = f"{mentions}: {text.esc(words)}" if whom else text.esc(words)
    return Content(spoken, [rich(line)])


def _words(request: Request, event: Event, *, anybody: bool) -> str:
    how = "waits again, with new figures" if _is_anew(request, event) else "still waits"
    waits = (
        f"equest {request.number} {how}: {facts.what(request)}. "
        f"{facts.least(request, first=True)}. "
    )
    by = text.instant(request.deadline)
    if anybody:
        return f"r{waits}Approve or reject by {by}."
    return (
        f"R{waits}Nobody can approve it now; an operator adds someone to `approvals.approvers` by "
        f"{by}."
    )


def _is_anew(request: Request, event: Event) -> bool:
    """Whether it is the first call about figures that were acknowledged in place of others."""
    newest = request.acknowledged_as
    called = [each.number for each in request.events if each.verb is Verb.CALLED]
    return 0 < newest < event.number and not any(newest < each < event.number for each in called)
