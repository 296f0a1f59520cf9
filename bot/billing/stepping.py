"""What happens to an approved request: start, calls step by step, reading back, and repair.

A step is started before the cloud is called. Its answer may accept some ids and refuse others;
the step settles when each of its items is gone or refused.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from bot.billing.change import Change
from bot.billing.subscription import SlackUser, SubscriptionKey
from bot.billing.unsubscription import (
    AlreadyDecided,
    IllegalMove,
    Item,
    ItemState,
    NothingMissing,
    OnlyRehearsed,
    Request,
    State,
    Step,
    StepState,
    Verb,
    demand,
    noted,
)

REFUNDS_WITHIN = timedelta(minutes=15)

_SETTLED = frozenset({StepState.DONE, StepState.REFUSED})
_ANSWERED = frozenset({Verb.STEP_DONE, Verb.STEP_REFUSED})
_OPEN = frozenset({StepState.STARTED, StepState.ACCEPTED, StepState.UNKNOWN})


def start(request: Request, *, at: datetime) -> Request:
    """Begin to execute when the cooling-off is over."""
    demand(request, State.APPROVED)
    if request.starts_at is None or at < request.starts_at:
        raise IllegalMove(f"request {request.number} cools off until {request.starts_at}")
    return noted(replace(request, state=State.EXECUTING), Verb.STARTED, at=at)


def next_step(request: Request) -> Step | None:
    """The step to work on: one in flight, else the first whose predecessors are done (R8).

    None when every step is settled or waits for one that was refused.
    """
    done = {step.number for step in request.steps if step.state is StepState.DONE}
    open_steps = [step for step in request.steps if step.state not in _SETTLED]
    ready = [step for step in open_steps if done.issuperset(step.after)]
    return next((step for step in ready if step.state in _OPEN), None) or next(iter(ready), None)


def open_items(request: Request, number: int) -> tuple[SubscriptionKey, ...]:
    """Those of a step that are still to go: on a repeat only they are sent."""
    return tuple(
        key for key in _step(request, number).subscriptions if not _settled(request.item(key))
    )


def ahead(request: Request) -> tuple[SubscriptionKey, ...]:
    """Everything that is still to go, in this step or a later one.

    Not what waits for a step that was refused: nothing of it goes before somebody retries.
    """
    stuck: set[int] = set()
    for step in request.steps:
        if step.state is StepState.REFUSED or stuck.intersection(step.after):
            stuck.add(step.number)
    waits = {key for s in request.steps if s.number in stuck for key in s.subscriptions}
    return tuple(i.key for i in request.items if not _settled(i) and i.key not in waits)


def sends_again(request: Request) -> bool:
    """Whether *Retry* sends what is left: nothing is at the cloud that would be read before."""
    states = {step.state for step in request.steps}
    return not states.issubset({StepState.DONE}) and _OPEN.isdisjoint(states)


def first_sent(request: Request) -> datetime | None:
    """When the first call went to the cloud; None while none did, and of what never calls it.

    A call that never arrived, as reading showed, did not go there.
    """
    if request.dry_run or request.by_hand:
        return None
    answered = any(each.verb in _ANSWERED for each in request.events)
    went = [step for step in request.steps if answered or step.state is not StepState.PLANNED]
    return min((step.started_at for step in went if step.started_at), default=None)


def left_at_the_cloud(request: Request) -> frozenset[SubscriptionKey]:
    """What a request that is over asked the cloud to end without reading what became of it."""
    return frozenset(key for key in called_for(request) if not _settled(request.item(key)))


def called_for(request: Request) -> frozenset[SubscriptionKey]:
    """What a request that is over may have asked a cloud to end."""
    if request.by_hand or request.dry_run or request.change is not Change.UNSUBSCRIBE:
        return frozenset()
    return frozenset(item.key for item in request.was_called_for)


def step_started(request: Request, number: int, *, at: datetime) -> Request:
    """Record the intent to call the cloud, before it is called."""
    step = _expect(request, number, StepState.PLANNED)
    started = replace(
        step, state=StepState.STARTED, attempt=step.attempt + 1, started_at=at, accepted_at=None
    )
    sent = dict.fromkeys(open_items(request, number), ItemState.SENT)
    return _in_state(_with_step(request, started), sent)


def step_accepted(
    request: Request,
    number: int,
    *,
    at: datetime,
    orders: Mapping[SubscriptionKey, str | None],
) -> Request:
    """The cloud took these ids, with the order that it made of each where it says so."""
    step = _expect(request, number, StepState.STARTED, StepState.UNKNOWN, StepState.ACCEPTED)
    accepted = replace(step, state=StepState.ACCEPTED, accepted_at=step.accepted_at or at)
    moved = _with_step(request, accepted)
    for key, order in orders.items():
        item = moved.item(key)
        known = order or item.refund_order
        moved = with_item(moved, replace(item, state=ItemState.SENT, refund_order=known))
    return moved


def step_unknown(request: Request, number: int) -> Request:
    """The answer was lost: the cloud may have done it, so it is read and never repeated blindly."""
    step = _expect(request, number, StepState.STARTED, StepState.UNKNOWN)
    unknown = dict.fromkeys(open_items(request, number), ItemState.UNKNOWN)
    return _in_state(_with_step(request, replace(step, state=StepState.UNKNOWN)), unknown)


def step_not_done(request: Request, number: int) -> Request:
    """Reading shows that the call never arrived: the step may be sent again."""
    step = _expect(request, number, StepState.STARTED, StepState.UNKNOWN)
    planned = dict.fromkeys(open_items(request, number), ItemState.PLANNED)
    return _in_state(_with_step(request, replace(step, state=StepState.PLANNED)), planned)


def step_gone(
    request: Request,
    number: int,
    *,
    at: datetime,
    gone: Collection[SubscriptionKey],
    note: str | None = None,
) -> Request:
    """These are gone from the cloud's list; the step is done when all of its items are."""
    _expect(request, number, *_OPEN)
    moved = request
    for key in gone:
        moved = with_item(moved, replace(moved.item(key), state=ItemState.GONE, gone_at=at))
    return _settle(moved, number, at=at, note=note)


def step_refused(
    request: Request,
    number: int,
    *,
    at: datetime,
    refusals: Mapping[SubscriptionKey, tuple[str, str]],
) -> Request:
    """The cloud refused these, each with its code and a sentence, and changed nothing."""
    _expect(request, number, *_OPEN)
    moved = request
    for key, (code, sentence) in refusals.items():
        item = moved.item(key)
        refused = replace(item, state=ItemState.REFUSED, error_code=code, error=sentence)
        moved = with_item(moved, refused)
    return _settle(moved, number, at=at)


def look_now(request: Request, *, by: SlackUser, at: datetime) -> Request:
    """A person wants the cloud read at once for an answer that is missing; NothingMissing else."""
    if not request.is_open_at_the_cloud:
        raise NothingMissing(request)
    return noted(request, Verb.ASKED_TO_LOOK, by=by, at=at)


def verify(request: Request, *, at: datetime) -> Request:
    """Every step is done: read back that it is gone, auto-renewal off, the refund paid."""
    demand(request, State.EXECUTING)
    if any(step.state is not StepState.DONE for step in request.steps):
        raise IllegalMove(f"request {request.number} has steps that are not done")
    return noted(replace(request, state=State.VERIFYING), Verb.VERIFYING, at=at)


def with_item(request: Request, item: Item) -> Request:
    """The request with one item replaced by what is known of it now."""
    items = tuple(item if each.key == item.key else each for each in request.items)
    return replace(request, items=items)


def still_there(request: Request, keys: Collection[SubscriptionKey]) -> Request:
    """Reading back finds these as they were, which counted as done.

    What the cloud took was sent, no more, and what it may have taken is not known. What no call
    ever asked for is to be done as before.
    """
    back = {key for key in keys if request.item(key).state is ItemState.GONE}
    moved = request
    for step in request.steps:
        there = [request.item(key) for key in step.subscriptions if key in back]
        asked = [item for item in there if _was_asked_for(item, step)]
        to_read = _to_be_read(request, step)
        sent = ItemState.SENT if to_read.state is StepState.ACCEPTED else ItemState.UNKNOWN
        for item in there:
            state = sent if item in asked else ItemState.PLANNED
            moved = with_item(moved, replace(item, state=state, gone_at=None))
        if asked:
            moved = _with_step(moved, to_read)
        elif there:
            moved = _with_step(moved, replace(step, state=StepState.PLANNED, started_at=None))
    return moved


def read_back_since(request: Request) -> datetime:
    """When what is verified began to be, the last time."""
    return max(e.at for e in request.events if e.verb in {Verb.VERIFYING, Verb.BY_HAND})


def refunds_read_until(request: Request) -> datetime:
    """Until when reading back looks for refund orders before it says that some are missing."""
    return read_back_since(request) + REFUNDS_WITHIN


def verified(request: Request, *, at: datetime, note: str | None = None) -> Request:
    """Reading back agrees: the request is done."""
    demand(request, State.VERIFYING)
    done = replace(request, state=State.DONE, closed=True, problem=None)
    return noted(done, Verb.VERIFIED, at=at, note=note)


def looked_again(request: Request, *, at: datetime, note: str) -> Request:
    """A day later what was done is still so; what people left may be done by now."""
    demand(request, State.DONE, State.FAILED)
    return noted(request, Verb.LOOKED_AGAIN, at=at, note=note)


def came_back(
    request: Request, *, at: datetime, problem: str, items: tuple[int, ...] = ()
) -> Request:
    """A day later the cloud lists some of it again: it stays as it was, and people are told.

    `items` are the numbers of what is there.
    """
    demand(request, State.DONE, State.FAILED)
    told = replace(request, problem=problem)
    return noted(told, Verb.CAME_BACK, at=at, note=problem, items=items)


def not_looked(request: Request, *, at: datetime, note: str) -> Request:
    """A day later the cloud could not be read, nor for another day: nobody knows better."""
    demand(request, State.DONE, State.FAILED)
    return noted(request, Verb.NOT_LOOKED, at=at, note=note)


def fail(request: Request, *, at: datetime, problem: str) -> Request:
    """Something was refused or does not read back: people decide how to go on."""
    demand(request, State.EXECUTING, State.VERIFYING)
    failed = replace(request, state=State.FAILED, problem=problem)
    return noted(failed, Verb.FAILED, at=at, note=problem)


def retry(request: Request, *, by: SlackUser, at: datetime) -> Request:
    """Repeat what was refused, within the approved figures; what is gone stays gone."""
    _demand_failed(request)
    steps = tuple(
        replace(step, state=StepState.PLANNED) if step.state is StepState.REFUSED else step
        for step in request.steps
    )
    items = tuple(
        replace(item, state=ItemState.PLANNED, error_code=None, error=None)
        if item.state is ItemState.REFUSED
        else item
        for item in request.items
    )
    again = replace(request, state=State.EXECUTING, steps=steps, items=items, problem=None)
    return noted(again, Verb.RETRIED, by=by, at=at)


def done_by_hand(request: Request, *, by: SlackUser, at: datetime, why: str) -> Request:
    """A person finished it at the cloud's console and says so; Lapse reads it back.

    What was approved to be done by hand has a checklist instead, where a second person looks.
    Raises OnlyRehearsed for a dry run, which ends well by its own steps alone.
    """
    _demand_failed(request)
    if request.dry_run:
        raise OnlyRehearsed(request.number)
    if request.by_hand:
        raise AlreadyDecided(request)
    return noted(
        replace(request, state=State.VERIFYING, problem=None), Verb.BY_HAND, by=by, at=at, note=why
    )


def leave_as_is(request: Request, *, by: SlackUser, at: datetime, why: str) -> Request:
    """A person accepts what was not done: the request stays failed and is closed."""
    _demand_failed(request)
    return noted(replace(request, closed=True), Verb.LEFT, by=by, at=at, note=why)


def _was_asked_for(item: Item, step: Step) -> bool:
    """Whether a call about it may have reached the cloud; in doubt it has.

    None has where it was gone already when its step began, or the cloud refused the only call.
    """
    if item.refund_order is not None or step.state in _OPEN:
        return True
    if step.accepted_at is None:
        return step.attempt > 1
    was_gone = item.gone_at == step.started_at and step.started_at != step.accepted_at
    return not was_gone


def _to_be_read(request: Request, step: Step) -> Step:
    """The step with what was asked for by it open at the cloud, whichever attempt asked for it."""
    state = StepState.ACCEPTED if step.accepted_at else StepState.UNKNOWN
    if step.attempt <= 1:
        return replace(step, state=state)
    began = next((each.at for each in request.events if each.verb is Verb.STARTED), None)
    return replace(step, state=state, started_at=began or request.requested_at)


def _settled(item: Item) -> bool:
    return item.state in {ItemState.GONE, ItemState.REFUSED}


def _settle(request: Request, number: int, *, at: datetime, note: str | None = None) -> Request:
    """Close the step when each item is gone or refused, and note how it ended.

    A refused one is noted with what the cloud said, whichever item was settled last.
    """
    step = _step(request, number)
    items = [request.item(key) for key in step.subscriptions]
    if not all(_settled(item) for item in items):
        return request
    refused = [item for item in items if item.state is ItemState.REFUSED]
    if not refused:
        done = _with_step(request, replace(step, state=StepState.DONE))
        return noted(done, Verb.STEP_DONE, at=at, note=note or None)
    said = " ".join(dict.fromkeys(item.error for item in refused if item.error))
    ended = _with_step(request, replace(step, state=StepState.REFUSED))
    return noted(ended, Verb.STEP_REFUSED, at=at, note=said or None)


def _in_state(request: Request, states: Mapping[SubscriptionKey, ItemState]) -> Request:
    for key, state in states.items():
        request = with_item(request, replace(request.item(key), state=state))
    return request


def _step(request: Request, number: int) -> Step:
    return next(step for step in request.steps if step.number == number)


def _expect(request: Request, number: int, *states: StepState) -> Step:
    """The step, when the request executes and the step stands where the move needs it."""
    demand(request, State.EXECUTING)
    step = _step(request, number)
    if step.state not in states:
        raise IllegalMove(f"step {number} of request {request.number} is {step.state}")
    return step


def _with_step(request: Request, step: Step) -> Request:
    steps = tuple(step if each.number == step.number else each for each in request.steps)
    return replace(request, steps=steps)


def _demand_failed(request: Request) -> None:
    """Repair is for a failed request that nobody closed; AlreadyDecided otherwise."""
    if request.state is not State.FAILED or request.closed:
        raise AlreadyDecided(request)
