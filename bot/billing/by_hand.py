"""What a person carries out: the checklist, by when, who did it, and who saw it gone (pure).

Contracts outside the cloud end this way, and whatever the settings of an account say. The moments
follow from the request alone, so that any replica finds the same ones in it. Nobody is asked to do
anything after the figures that were acknowledged hold no longer; contracts have none.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.billing import stepping
from bot.billing.subscription import Edition, Kind, SlackUser
from bot.billing.unsubscription import (
    AlreadyDecided,
    CannotConfirmOwn,
    ChecklistChanged,
    Event,
    FiguresOver,
    Item,
    ItemState,
    NobodyElseLooks,
    OutOfOrder,
    Request,
    State,
    StepState,
    Task,
    Verb,
    demand,
    noted,
)

BEFORE_DUE = timedelta(hours=24)
"""A call this long before it is due, and another when it is."""

LAST_CALL = timedelta(hours=1)
"""The other call comes so long before, where figures that were acknowledged hold no longer then."""

GRACE = timedelta(hours=1)
"""What is left after it was due to say that it is done; then it has failed."""

MORE_TIME = timedelta(hours=24)
"""What is there at least when the checklist opens again."""

WITHOUT_DATE = timedelta(days=7)
"""The time for something of which no date is known."""

LOOKS = (timedelta(hours=24), timedelta(hours=72))
"""When those who may look whether it is gone are called again."""

LOOKED_WITHIN = timedelta(days=7)
"""When it has failed, as nobody looked."""

APART = timedelta(hours=1)
"""Two calls are never nearer to each other."""

_CALLS = frozenset({Verb.REMINDED, Verb.VERIFYING, Verb.STILL_THERE})
TURNS = frozenset({Verb.STARTED, Verb.STILL_THERE, Verb.VERIFYING})
"""What opens it for those who do it, or for those who look."""


def start(
    request: Request, *, items: Sequence[Item], whom: Sequence[SlackUser], at: datetime
) -> Request:
    """Open the checklist when the cooling-off is over, and call those who are asked to do it.

    `items` are those of the request with what is to be done, by whom and by when.
    """
    started = replace(stepping.start(request, at=at), items=tuple(items))
    return noted(started, Verb.REMINDED, at=at, called=tuple(whom))


def rehearsed(request: Request, *, at: datetime, note: str) -> Request:
    """A dry run: nobody is asked for anything, and it ends as if all had been done and seen."""
    through = stepping.verify(_gone(stepping.start(request, at=at), at=at), at=at)
    return stepping.verified(through, at=at, note=note)


def carry_out(
    request: Request,
    *,
    numbers: Collection[int],
    by: SlackUser,
    at: datetime,
    evidence: str,
    note: str | None,
    whom: Sequence[SlackUser],
    stands: bool = True,
) -> Request:
    """A person did some of the items and shows it; when all are done, `whom` is called to look.

    What failed since it was not done in time goes on by it, as what has ended can always be said:
    `is_late` tells when. Only while the acknowledged figures hold, and its approvals count, so that
    it `stands`, does it open again for the rest. Raises AlreadyDecided when none of them is left to
    do, OutOfOrder for packages before their edition (R8), NobodyElseLooks when `whom` has nobody
    but those who did it.
    Source: EU secmaster_04_0018, 2024-01-05.
    """
    todo = sorted({number for number, _ in open_items(request)}.intersection(numbers))
    failed = request.state is State.FAILED and not request.closed
    if not todo or not (failed or request.state is State.EXECUTING):
        raise AlreadyDecided(request)
    _demand_order(request, todo)
    rest = len(open_items(request)) > len(todo)
    stays = rest and (not stands or is_over(request, at=at))
    opened = stepping.retry(request, by=by, at=at) if failed and not stays else request
    done = _in_state(opened, todo, ItemState.SENT)
    said = noted(done, Verb.CARRIED_OUT, by=by, at=at, note=note)
    said = _about(said, todo, evidence=evidence)
    others = demand_second(request, by=by, whom=whom)
    if open_items(said):
        return said
    verifying = replace(said, state=State.VERIFYING)
    return noted(verifying, Verb.VERIFYING, at=at, called=others)


def demand_second(
    request: Request, *, by: SlackUser, whom: Sequence[SlackUser]
) -> tuple[SlackUser, ...]:
    """Those of `whom` who can look when the person has done some of it; raises NobodyElseLooks."""
    others = tuple(each for each in whom if each != by and each not in doers(request))
    if not others:
        raise NobodyElseLooks(request.number)
    return others


def confirm(request: Request, *, by: SlackUser, at: datetime) -> Request:
    """A second person looked and saw that all of it is gone.

    What failed since nobody looked in time opens again by it. Raises AlreadyDecided when nothing
    waits for it, CannotConfirmOwn for whoever did any of it.
    """
    unseen = _unseen(request, by=by, at=at)
    if by in doers(request):
        raise CannotConfirmOwn(request.number)
    return noted(unseen, Verb.CONFIRMED, by=by, at=at)


def still_there(
    request: Request,
    *,
    numbers: Collection[int],
    by: SlackUser,
    at: datetime,
    why: str,
    stands: bool = True,
) -> Request:
    """Somebody looked and it is not gone: these are to be done again, the others stay done.

    Nobody is called for it where the acknowledged figures hold no longer, nor unless it `stands`:
    by the settings as they are now it is approved.
    """
    unseen = _unseen(request, by=by, at=at)
    again = sorted({n for n, _ in _numbered(request)}.intersection(numbers))
    if not again:
        raise AlreadyDecided(request)
    return _reopened(unseen, again, by=by, at=at, why=why, stands=stands)


def listed_still(
    request: Request, *, numbers: Collection[int], at: datetime, why: str, stands: bool = True
) -> Request:
    """The cloud still lists what a person has seen gone."""
    demand(request, State.VERIFYING)
    return _reopened(request, sorted(numbers), by=None, at=at, why=why, stands=stands)


def seen_gone(request: Request, *, at: datetime, note: str) -> Request:
    """The end: a second person has seen it."""
    demand(request, State.VERIFYING)
    return stepping.verified(_gone(request, at=at), at=at, note=note)


def not_read(request: Request, *, at: datetime, note: str) -> Request:
    """The cloud did not answer for so long that it is not asked any more."""
    demand(request, State.VERIFYING)
    return noted(request, Verb.NOT_READ, at=at, note=note)


def call(request: Request, *, whom: Sequence[SlackUser], at: datetime) -> Request:
    """Note that these people were called: to do it, or to look whether it is gone."""
    demand(request, State.EXECUTING, State.VERIFYING)
    return noted(request, Verb.REMINDED, at=at, called=tuple(whom))


def overdue(request: Request, *, at: datetime, problem: str) -> Request:
    """Nobody did it, or nobody looked, in time, or it is approved no more: people decide."""
    return stepping.fail(request, at=at, problem=problem)


def retry(request: Request, *, by: SlackUser, at: datetime) -> Request:
    """Open it again for those who do what is left, else for those who look.

    Raises FiguresOver where something is left and the acknowledged figures hold no longer.
    """
    if request.state is State.FAILED and open_items(request) and is_over(request, at=at):
        raise FiguresOver(request.number)
    opened = stepping.retry(request, by=by, at=at)
    return opened if open_items(opened) else replace(opened, state=State.VERIFYING)


def leave_as_is(request: Request, *, by: SlackUser, at: datetime, why: str) -> Request:
    """A person gives it up, also before it is due: it ends as failed, what was done stays done.

    Raises AlreadyDecided when it has ended, or a second person has seen it gone.
    """
    if request.state not in {State.EXECUTING, State.VERIFYING}:
        return stepping.leave_as_is(request, by=by, at=at, why=why)
    if confirmed(request) is not None:
        raise AlreadyDecided(request)
    left = replace(request, state=State.FAILED, closed=True)
    return noted(left, Verb.LEFT, by=by, at=at, note=why)


def turn(request: Request) -> int:
    """The number of the event that opened it for those who do it or look now; 0 before any did.

    Who says something of a checklist says it of just this turn.
    """
    if not request.by_hand:
        return 0
    return max((each.number for each in request.events if each.verb in TURNS), default=0)


def demand_shown(request: Request, shown: int) -> None:
    """Raise ChecklistChanged unless it is what was seen: the turn that the event `shown` opened.

    0 stands in messages of an earlier Lapse, which hold until somebody sends the work back.
    """
    sent_back = any(each.verb is Verb.STILL_THERE for each in request.events)
    if shown != turn(request) and (shown or sent_back):
        raise ChecklistChanged(request)


def open_items(request: Request) -> Sequence[tuple[int, Item]]:
    """What is left to do, with its numbers."""
    return [each for each in _numbered(request) if each[1].state is ItemState.PLANNED]


def whom_to_ask(request: Request) -> tuple[SlackUser, ...]:
    """Those who are asked to do what is left, each once."""
    asked = (item.asked for _, item in open_items(request))
    return tuple(dict.fromkeys(user for user in asked if user))


def waits_for(request: Request) -> tuple[SlackUser, ...]:
    """Those who are asked to do what is left or, once all is done, to look whether it is gone."""
    if not request.by_hand or request.state not in {State.EXECUTING, State.VERIFYING}:
        return ()
    if request.state is State.EXECUTING:
        return whom_to_ask(request)
    if confirmed(request) is not None:
        return ()
    asked = [e.called for e in request.events if e.verb is Verb.VERIFYING]
    return tuple(each for each in asked[-1] if each not in doers(request))


def done_by(request: Request, number: int) -> Event | None:
    """Who last said, with what evidence, that an item is done; None while nobody did."""
    if request.items[number - 1].state is ItemState.PLANNED:
        return None
    said = (each for each in reversed(request.events) if each.verb is Verb.CARRIED_OUT)
    return next((each for each in said if not each.items or number in each.items), None)


def doers(request: Request) -> frozenset[SlackUser]:
    """Everybody who did one of the items as it is done now."""
    said = (done_by(request, number) for number, _ in _numbered(request))
    return frozenset(each.by for each in said if each is not None and each.by)


def confirmed(request: Request) -> Event | None:
    """Who has seen it gone, since it was last said to be done; None when it was sent back since."""
    since = turn(request)
    seen = (e for e in request.events if e.verb is Verb.CONFIRMED and e.number > since)
    return next(seen, None)


def is_unseen(request: Request) -> bool:
    """Whether all of it is done and a second person can say that it is gone, or not."""
    if request.state is State.VERIFYING:
        return confirmed(request) is None
    return request.state is State.FAILED and not request.closed and not open_items(request)


def was_read(request: Request) -> bool:
    """Whether a cloud showed that all of it is gone; else people alone have seen it."""
    return all(item.auto_renew_off is not None for item in request.items)


def calls_to_look(request: Request, event: Event) -> bool:
    """Whether a call was for those who look whether it is gone, not for those who do it."""
    turns = [e for e in request.events if e.number <= event.number and e.verb in TURNS]
    return bool(turns) and turns[-1].verb is Verb.VERIFYING


def still_calls(request: Request, event: Event) -> bool:
    """Whether what a call was for still waits; nobody is called for nothing."""
    waits = State.VERIFYING if calls_to_look(request, event) else State.EXECUTING
    return request.state is waits and (waits is State.EXECUTING or confirmed(request) is None)


def is_over(request: Request, *, at: datetime) -> bool:
    """Whether the figures that were acknowledged hold no longer; a contract has none."""
    return request.has_figures and at > request.good_until


def is_late(request: Request, said: Event) -> bool:
    """Whether it was said to be done when the acknowledged figures held no longer."""
    return said.verb is Verb.CARRIED_OUT and is_over(request, at=said.at)


def opens_again(request: Request) -> bool:
    """Whether what failed can still be opened for those who do what is left."""
    failed = [e.at for e in request.events if e.verb is Verb.FAILED]
    return bool(failed) and not is_over(request, at=failed[-1])


def in_time(request: Request, due: datetime) -> datetime:
    """That moment, but none at which the acknowledged figures hold no longer."""
    return min(due, request.good_until) if request.has_figures else due


def due_at(request: Request) -> datetime | None:
    """By when what is left has to be done; opened again, there is at least a day for it.

    Never when the acknowledged figures hold no longer.
    """
    dates = [item.due_at for _, item in open_items(request) if item.due_at]
    if not dates:
        return None
    opened = [e.at for e in request.events if e.verb in {Verb.RETRIED, Verb.STILL_THERE}]
    due = max(min(dates), opened[-1] + MORE_TIME) if opened else min(dates)
    return in_time(request, due)


def fails_at(request: Request) -> datetime | None:
    """When it has failed, as nobody said that it is done, or nobody looked."""
    if request.state is State.VERIFYING:
        return _looks_since(request) + LOOKED_WITHIN
    due = due_at(request)
    return due + GRACE if due else None


def next_call(request: Request) -> datetime | None:
    """When people are called next, perhaps long ago; one call covers all that were due before."""
    calls = [e.at for e in request.events if e.verb in _CALLS]
    last = calls[-1] if calls else request.requested_at
    ahead = [moment for moment in _planned(request) if moment > last]
    return max(ahead[0], last + APART) if ahead else None


def next_move(request: Request) -> datetime | None:
    """When Lapse itself has something to do about it; None while only people can go on."""
    if request.state is State.VERIFYING and (seen := confirmed(request)) is not None:
        return seen.at
    return min((each for each in (next_call(request), fails_at(request)) if each), default=None)


def console_path(task: Task) -> tuple[str, ...]:
    """Where the cloud's console ends it, word by word; empty for what no page describes (R13).

    Source: EU secmaster_04_0018, 2024-01-05.
    """
    if task.kind not in {Kind.QUOTA, Kind.PACKAGE}:
        return ()
    row = "the row of the quota" if task.kind is Kind.QUOTA else "the row of the package"
    return (
        "Security & Compliance",
        "SecMaster",
        f"{_EDITIONS.get(task.edition, 'Standard or Professional')} at the upper right",
        row,
        "Unsubscribe",
    )


_EDITIONS: Mapping[Edition | None, str] = {
    Edition.STANDARD: "Standard",
    Edition.PROFESSIONAL: "Professional",
}


def _numbered(request: Request) -> Sequence[tuple[int, Item]]:
    return list(enumerate(request.items, 1))


def _about(request: Request, numbers: Sequence[int], *, evidence: str | None = None) -> Request:
    """The request whose newest event is about these items, and what shows it."""
    some = tuple(numbers) if len(numbers) < len(request.items) else ()
    *before, newest = request.events
    told = replace(newest, items=some, evidence=evidence)
    return replace(request, events=(*before, told))


def _planned(request: Request) -> Sequence[datetime]:
    if request.state is State.VERIFYING:
        since = _looks_since(request)
        return [since, *(since + each for each in LOOKS)]
    due = due_at(request)
    last = LAST_CALL if request.has_figures else timedelta()
    return [due - BEFORE_DUE, due - last] if due else []


def _looks_since(request: Request) -> datetime:
    """Since when those who may look have been asked to: when all was done, or by *Retry*."""
    return max(e.at for e in request.events if e.verb in {Verb.VERIFYING, Verb.RETRIED})


def _unseen(request: Request, *, by: SlackUser, at: datetime) -> Request:
    """The request while it waits for somebody to look, opened again where nobody did in time."""
    if not is_unseen(request):
        raise AlreadyDecided(request)
    return request if request.state is State.VERIFYING else retry(request, by=by, at=at)


def _demand_order(request: Request, numbers: Collection[int]) -> None:
    """What comes after a step needs all of that step to be done, before or at the same time."""
    left = {item.key for number, item in open_items(request) if number not in numbers}
    waiting = {step.number for step in request.steps if left.intersection(step.subscriptions)}
    going = {request.items[number - 1].key for number in numbers}
    for step in request.steps:
        if going.intersection(step.subscriptions) and waiting.intersection(step.after):
            raise OutOfOrder(request.number)


def _reopened(
    request: Request,
    numbers: Sequence[int],
    *,
    by: SlackUser | None,
    at: datetime,
    why: str,
    stands: bool,
) -> Request:
    opened = replace(_in_state(request, numbers, ItemState.PLANNED), state=State.EXECUTING)
    whom = whom_to_ask(opened) if stands and not is_over(request, at=at) else ()
    return _about(noted(opened, Verb.STILL_THERE, by=by, at=at, note=why, called=whom), numbers)


def _in_state(request: Request, numbers: Collection[int], state: ItemState) -> Request:
    items = tuple(
        replace(item, state=state) if number in numbers else item
        for number, item in _numbered(request)
    )
    return replace(request, items=items)


def _gone(request: Request, *, at: datetime) -> Request:
    items = tuple(
        replace(item, state=ItemState.GONE, gone_at=item.gone_at or at) for item in request.items
    )
    steps = tuple(replace(step, state=StepState.DONE) for step in request.steps)
    return replace(request, items=items, steps=steps)
