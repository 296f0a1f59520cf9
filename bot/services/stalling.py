"""Stalling: a request that cannot go on is tried again, told once, and at last left to people."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bot.billing import deciding, standstill, stepping
from bot.billing.deadline import last_safe
from bot.billing.plan import Plan
from bot.billing.standstill import TAKEN_TOLD_AFTER, Hindrance
from bot.billing.subscription import AccountName, SlackUser, SubscriptionKey
from bot.billing.unsubscription import ItemState, Request, State, StepState, Verb
from bot.ports.provider import ProviderError
from bot.ports.store import Transaction
from bot.services import objections
from bot.services.alarming import Trouble, alarm
from bot.services.filing import Called
from bot.services.finding import account_of
from bot.services.phrases import instant, listed
from bot.services.progress import Progress
from bot.services.relieving import stand

AT_ONCE = timedelta(0)
SELDOM, SELDOMEST = timedelta(minutes=5), timedelta(minutes=15)
"""How often it is tried once people know; after a while a tenth of the time waited so far."""

_UNCHANGED = "Nothing was changed yet."

_UNDECIDED = frozenset({State.WAITING, State.STALE})


class Stalling:
    """Decides about one claimed request that cannot go on; safe with several replicas.

    That people are told is an event of the request, saved with a version check together with what
    is owed for it, so that it happens once.
    """

    def __init__(self, *, progress: Progress, operators: Callable[[], Sequence[SlackUser]]) -> None:
        self._progress = progress
        self._operators = operators

    def hold(
        self,
        request: Request,
        hindrance: Hindrance,
        *,
        again: datetime,
        moved: Request | None = None,
        called: Called | None = None,
    ) -> None:
        """Try it `again`, tell people, or give it up: as long as it has not gone on.

        `moved` is what became of it, with what the record says of a call, where that is to be
        saved in any case. Of what people have to decide first, and can all the same, operators
        alone are told; it expires in time.
        """
        now = self._progress.clock.now()
        stands = moved or request
        if stands.state in _UNDECIDED:
            self._leave_undecided(stands, hindrance, again=again)
            return
        until = standstill.gives_up_at(stands, hindrance, last_safe=self._last_safe(stands))
        told = standstill.is_told(stands)
        if now > until:
            ended = _given_up(stands, hindrance, at=now)
            self._tell(request, ended, hindrance, stands=stands, called=called)
        elif standstill.is_to_be_told(stands, hindrance, at=now):
            held = standstill.held_up(stands, at=now, note=_said(stands, hindrance, until=until))
            self._tell(request, held, hindrance, stands=stands, again=again, called=called)
        else:
            waited = now - standstill.stands_since(stands)
            seldom = max(SELDOM, min(waited / 10, SELDOMEST))
            when = max(again, now + seldom) if told else again
            if moved is None:
                self._progress.again(request, at=when, called=called)
            else:
                self._progress.save(request, moved, again=when, called=called)

    def _leave_undecided(self, request: Request, hindrance: Hindrance, *, again: datetime) -> None:
        now = self._progress.clock.now()
        if standstill.is_to_be_told(request, hindrance, at=now):
            trouble = _trouble(request, hindrance)
            operators = self._operators()
            with self._progress.store.transaction() as tx:
                alarm(tx, trouble, operators=operators, at=now)
            again = max(again, now + SELDOM)
        self._progress.again(request, at=again)

    def _tell(
        self,
        request: Request,
        moved: Request,
        hindrance: Hindrance,
        *,
        stands: Request,
        again: datetime | None = None,
        called: Called | None = None,
    ) -> None:
        operators = self._operators()
        now = self._progress.clock.now()
        trouble = _trouble(stands, hindrance)

        def owe(tx: Transaction) -> None:
            told = alarm(tx, trouble, operators=operators, at=now)
            stand(tx, trouble, moved, posts=told, over=hindrance.over, at=now)

        self._progress.save(request, moved, again=again, called=called, also=owe)

    def _last_safe(self, request: Request) -> datetime | None:
        """Before when what is still to go has to be gone (R25), as the catalogue knows it."""
        since = standstill.stands_since(request)
        store = self._progress.store
        account = account_of(store, request.account)
        with store.reading() as tx:
            held = [tx.catalogue.get(key) for key in stepping.ahead(request)]
        safe = [last_safe(h, account, at=since, scope=request.scope) for h in held if h is not None]
        return min((moment for moment in safe if moment is not None), default=None)


def unread(account: AccountName, error: ProviderError) -> Hindrance:
    """The cloud does not let itself be read."""
    return Hindrance(
        why=f"The cloud of {account} could not be read: {_sentence(error)}",
        about=f"cloud/{account}",
        subject=f"Lapse cannot read account {account}",
        over=f"account {account} is read again",
    )


def takes_no_calls(account: AccountName, error: ProviderError) -> Hindrance:
    """The cloud can be read and takes nothing."""
    return Hindrance(
        why=f"The cloud of {account} takes no call: {_sentence(error)}",
        about=f"cloud/{account}",
        subject=f"The cloud of account {account} takes no call",
        over=f"the cloud of account {account} takes calls again",
    )


def no_cloud(account: AccountName) -> Hindrance:
    """Nothing is there that could be asked."""
    return Hindrance(
        why=f"The settings name no cloud for {account}.",
        about=f"cloud/{account}",
        subject=f"The settings name no cloud for account {account}",
        over=f"the settings name a cloud for account {account} again",
    )


def surprised(request: Request) -> Hindrance:
    """Lapse, or what it was told, is not as it should be."""
    return Hindrance(
        why="Lapse came upon an error that it does not know; its log says which.",
        about=f"request/{request.number}",
    )


def busy(request: Request, why: str) -> Hindrance:
    """The rules let it go when another transaction is over."""
    return Hindrance(why=why, about=f"request/{request.number}")


def kept_now(request: Request, plan: Plan) -> str | Hindrance | None:
    """Why the rules let something of it not go now; what is over by itself is waited for."""
    refused = objections.refused(request, plan)
    if refused is None or not objections.are_over_by_themselves(plan):
        return refused
    return busy(request, refused)


def still_listed(request: Request, keys: Sequence[SubscriptionKey]) -> Hindrance:
    """What the cloud took does not become what was asked for."""
    labels = listed([request.item(key).label for key in keys])
    them = "it" if len(keys) == 1 else "them"
    return Hindrance(
        why=f"The cloud took the call about {labels} and lists {them} still.",
        about=f"request/{request.number}",
        told_after=TAKEN_TOLD_AFTER,
    )


def not_over(left: Request, keys: Sequence[SubscriptionKey]) -> Hindrance:
    """What an earlier request left at the cloud is not done there yet."""
    labels = listed([left.item(key).label for key in keys])
    them = "it" if len(keys) == 1 else "them"
    taken = f"The cloud took the call of request {left.number} about {labels}"
    return Hindrance(
        why=f"{taken} and lists {them} still.", about=f"request/{left.number}", told_after=AT_ONCE
    )


def _trouble(request: Request, hindrance: Hindrance) -> Trouble:
    """What operators are told, whether it was told or given up first."""
    means = f"Request {request.number} says what that means for it."
    if request.state in _UNDECIDED:
        means = "People can go on with it as before; nobody is called to until that is over."
    look = " Look at it with `lapse doctor`." if hindrance.subject else ""
    return Trouble(
        about=hindrance.about,
        subject=hindrance.subject or f"Request {request.number} cannot go on",
        text=f"{hindrance.why} {means}{look}",
        since=standstill.stands_since(request),
    )


def _given_up(request: Request, hindrance: Hindrance, *, at: datetime) -> Request:
    if request.state is State.APPROVED:
        return deciding.expire(request, at=at, why=f"{_too_late(request)} {hindrance.why}")
    if request.closed:
        return stepping.not_looked(request, at=at, note=hindrance.why)
    unknown = _unknown(request)
    known = f" It is not known what became of {listed(unknown)}." if unknown else ""
    problem = f"{hindrance.why}{known}"
    return stepping.fail(request, at=at, problem=problem)


def not_in_time(request: Request) -> str:
    """Why what was approved does not start any more, with what kept it as people were told."""
    told = [e.note or "" for e in request.events if e.verb is Verb.HELD_UP]
    if not told or not standstill.is_told(request):
        return _too_late(request)
    return f"{_too_late(request)} {told[-1].partition(f' {_UNCHANGED}')[0]}"


def _too_late(request: Request) -> str:
    until = instant(request.good_until)
    return f"It could not start by {until}, until when the acknowledged figures held."


def _said(request: Request, hindrance: Hindrance, *, until: datetime) -> str:
    so_far = "Nothing is asked for twice."
    if request.state is State.APPROVED:
        so_far = _UNCHANGED
    elif request.by_hand:
        so_far = "What people say of it is kept."
    return f"{hindrance.why} {so_far} Lapse goes on trying until {instant(until)}."


def _unknown(request: Request) -> list[str]:
    """The names of those of which no answer was read."""
    asked = [
        key
        for step in request.steps
        if step.state in {StepState.STARTED, StepState.UNKNOWN}
        for key in step.subscriptions
    ]
    open_items = (request.item(key) for key in asked)
    return [i.label for i in open_items if i.state in {ItemState.SENT, ItemState.UNKNOWN}]


def _sentence(error: ProviderError) -> str:
    said = error.sentence.strip() or "it gives no reason"
    return said if said.endswith((".", "!", "?")) else f"{said}."
