"""A request to change something at the cloud: its states, and who may move it (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

from bot.billing.change import Change, Charge
from bot.billing.deadline import STEPS, latest_execution
from bot.billing.money import Money
from bot.billing.next_renewal import NextRenewal
from bot.billing.quote import CONTRACT, Quote, Scope
from bot.billing.subscription import AccountName, Edition, Kind, SlackUser, SubscriptionKey
from bot.billing.worst import Worst

ACKNOWLEDGEMENT = "I understand a handling fee will be charged for this unsubscription."


SECOND_LOOK_AFTER = timedelta(hours=24)
"""When what was done is read once more, since a cloud may show for a while what is not so."""


class State(StrEnum):
    """The states of contract section 6."""

    WAITING = "waiting"
    APPROVED = "approved"
    EXECUTING = "executing"
    VERIFYING = "verifying"
    DONE = "done"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    STOPPED = "stopped"
    STALE = "stale"
    FAILED = "failed"


OPEN = frozenset(
    {State.WAITING, State.APPROVED, State.EXECUTING, State.VERIFYING, State.STALE, State.FAILED}
)


class Reason(IntEnum):
    """The cloud's reason types (R51).

    Source: the SDK's documentation of CancelResourcesSubscriptionReq.
    """

    HARD_TO_USE = 1
    FEATURES_INSUFFICIENT = 2
    TOO_COMPLEX = 3
    DISSATISFIED = 4
    OTHER = 5


class ItemState(StrEnum):
    """What became of one subscription."""

    PLANNED = "planned"
    SENT = "sent"
    GONE = "gone"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class StepState(StrEnum):
    """What became of one call: `started` is written before the cloud is called."""

    PLANNED = "planned"
    STARTED = "started"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a person has to know to end a subscription where it is sold."""

    kind: Kind | None
    service: str | None
    edition: Edition | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One subscription of a request: what was seen when it was asked for, what happened since.

    `promotion` says whether an order of it was one then; None: an earlier Lapse did not look.
    `charge` is what was acknowledged where auto-renewal is switched; the quote has no figures then.
    `renewal` is the one that came next then, and that ends with it.
    `task`, `asked` and `due_at` say what whom is asked to do by hand, and before when.
    """

    key: SubscriptionKey
    label: str
    region: str | None
    quote: Quote
    state: ItemState = ItemState.PLANNED
    error_code: str | None = None
    error: str | None = None
    gone_at: datetime | None = None
    refund_order: str | None = None
    refund_actual: Money | None = None
    fee_actual: Money | None = None
    auto_renew_off: bool | None = None
    promotion: bool | None = None
    charge: Charge | None = None
    renewal: NextRenewal | None = None
    task: Task | None = None
    asked: SlackUser | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One provider call of one to ten ids; carried by claim, intent, outcome."""

    number: int
    subscriptions: tuple[SubscriptionKey, ...]
    after: tuple[int, ...]
    state: StepState = StepState.PLANNED
    attempt: int = 0
    started_at: datetime | None = None
    accepted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """What the requester ticked: the sentence, and the worst figures reachable by the deadline.

    `required_approvals` is how many the form said, where the settings have asked for more since.
    """

    by: SlackUser
    at: datetime
    text: str
    worst: Worst
    required_approvals: int | None = None


class Verb(StrEnum):
    """What a person, or Lapse itself, did to a request."""

    ASKED = "asked"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDREW = "withdrew"
    STOPPED = "stopped"
    EXPIRED = "expired"
    READ_AGAIN = "read-again"
    STALE = "stale"
    ACKNOWLEDGED = "acknowledged"
    CALLED = "called"
    BROKE_GLASS = "broke-glass"
    STARTED = "started"
    STEP_DONE = "step-done"
    STEP_REFUSED = "step-refused"
    VERIFYING = "verifying"
    VERIFIED = "verified"
    FAILED = "failed"
    RETRIED = "retried"
    BY_HAND = "by-hand"
    LEFT = "left"
    LOOKED_AGAIN = "looked-again"
    CAME_BACK = "came-back"
    REMINDED = "reminded"
    CARRIED_OUT = "carried-out"
    CONFIRMED = "confirmed"
    STILL_THERE = "still-there"
    NOT_READ = "not-read"
    HELD_UP = "held-up"
    NOT_LOOKED = "not-looked"
    ASKED_TO_LOOK = "asked-to-look"


_ENDED_BY = frozenset({Verb.VERIFIED, Verb.LEFT})
_SECOND_LOOK = frozenset({*_ENDED_BY, Verb.LOOKED_AGAIN, Verb.CAME_BACK, Verb.NOT_LOOKED})
"""What comes before it, and each way in which it ends."""

_CALLED_FOR = frozenset({ItemState.GONE, ItemState.SENT, ItemState.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of a request's history; `by` is None when Lapse acted by itself.

    `behalf` is the approver for whom a delegate decided, `called` are those whom a call names.
    `items` are the numbers, from 1, of the items that it is about where it is not about all, and
    `evidence` is the link that shows what a person says of them.
    """

    number: int
    verb: Verb
    at: datetime
    by: SlackUser | None = None
    note: str | None = None
    behalf: SlackUser | None = None
    called: tuple[SlackUser, ...] = ()
    items: tuple[int, ...] = ()
    evidence: str | None = None

    @property
    def authority(self) -> SlackUser | None:
        """Whose decision it is: that of the person, or of the approver who delegated it."""
        return self.behalf or self.by


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request and everything that was seen, decided and done; never changed in place.

    `number` is counted per workspace from 1001. `deadline` is the last instant for a decision.
    `version` rises with every save and breaks ties between people and replicas. `dependents` were
    there when it was acknowledged; None: an earlier Lapse did not look. What is approved `by_hand`
    is carried out by a person and seen by a second one.
    """

    number: int
    account: AccountName
    scope: Scope
    items: tuple[Item, ...]
    steps: tuple[Step, ...]
    left_behind: tuple[str, ...]
    state: State
    requested_by: SlackUser
    requested_at: datetime
    reason: Reason
    details: str
    acknowledgement: Acknowledgement
    deadline: datetime
    required_approvals: int
    approvers: tuple[SlackUser, ...]
    dry_run: bool
    cooling_off_minutes: int
    rules: str
    if_kept: Mapping[str, str]
    change: Change = Change.UNSUBSCRIBE
    starts_at: datetime | None = None
    closed: bool = False
    problem: str | None = None
    dependents: tuple[SubscriptionKey, ...] | None = None
    by_hand: bool = False
    events: tuple[Event, ...] = ()
    version: int = 0

    @property
    def is_contract(self) -> bool:
        """Whether its items are contracts outside the cloud, which say themselves what is due."""
        return self.rules == CONTRACT

    @property
    def has_figures(self) -> bool:
        """Whether Lapse worked out what comes back: not of a switch, nor of a contract."""
        return self.change is Change.UNSUBSCRIBE and not self.is_contract

    @property
    def good_until(self) -> datetime:
        """Until when the figures hold that were acknowledged: nothing is asked for after it."""
        return latest_execution(self.deadline, cooling_off_minutes=self.cooling_off_minutes)

    @property
    def acknowledged_approvals(self) -> int:
        """How many approvals were acknowledged; `required_approvals` may be more by now."""
        before = self.acknowledgement.required_approvals
        return self.required_approvals if before is None else before

    @property
    def starts_by(self) -> datetime:
        """When it has to start, so that its steps are over while the figures hold."""
        return self.good_until - STEPS

    @property
    def starts_at_last(self) -> bool:
        """Whether it cools off just until it has to start, for longer than was acknowledged."""
        decided = self.broken_glass or next(reversed(self.approvals), None)
        if decided is None or self.starts_at != self.starts_by:
            return False
        return decided.at + timedelta(minutes=self.cooling_off_minutes) < self.starts_by

    @property
    def acknowledged_as(self) -> int:
        """The number of the event that acknowledged new figures last; 0 while none did."""
        return max((e.number for e in self.events if e.verb is Verb.ACKNOWLEDGED), default=0)

    @property
    def approvals(self) -> tuple[Event, ...]:
        """The approvals that count: those of people since the newest acknowledgement."""
        newest = self.acknowledged_as
        given = (e for e in self.events if e.verb is Verb.APPROVED and e.by is not None)
        return tuple(e for e in given if e.number > newest)

    @property
    def broken_glass(self) -> Event | None:
        """Who approved it alone in an emergency, since the newest acknowledgement."""
        newest = self.acknowledged_as
        broken = (e for e in self.events if e.verb is Verb.BROKE_GLASS and e.number > newest)
        return next(broken, None)

    @property
    def second_look_at(self) -> datetime | None:
        """When what is gone is read once more; None before and after, and of a dry run.

        And what the cloud was called for where people left the rest as it is. Auto-renewal is not:
        people may switch it as they like when the request is over. Nor is a contract, nor what was
        done by hand where no cloud is read.
        """
        if self.change is not Change.UNSUBSCRIBE or self.is_contract or self.dry_run:
            return None
        if not self.closed or not self._is_of_a_cloud or not self.was_called_for:
            return None
        ended = [each for each in self.events if each.verb in _SECOND_LOOK]
        if not ended or ended[-1].verb not in _ENDED_BY:
            return None
        return ended[-1].at + SECOND_LOOK_AFTER

    @property
    def was_called_for(self) -> tuple[Item, ...]:
        """What is done, or was asked of the cloud and may have been."""
        if self.state is State.DONE:
            return self.items
        if self.by_hand:
            return ()
        return tuple(each for each in self.items if each.state in _CALLED_FOR)

    @property
    def _is_of_a_cloud(self) -> bool:
        """Whether a cloud is called, or was read or tried to be, about what a person did."""
        tried = any(each.verb is Verb.NOT_READ for each in self.events)
        read = any(each.auto_renew_off is not None for each in self.items)
        return tried or read or not self.by_hand

    @property
    def ends_items(self) -> bool:
        """Whether the subscriptions themselves end, not only their renewals."""
        return self.change is Change.UNSUBSCRIBE and self.scope is Scope.ALL

    @property
    def is_open_at_the_cloud(self) -> bool:
        """Whether an answer is missing that reading the cloud may give."""
        if self.by_hand:
            return False
        unknown = any(step.state is StepState.UNKNOWN for step in self.steps)
        return self.state is State.VERIFYING or (self.state is State.EXECUTING and unknown)

    def item(self, key: SubscriptionKey) -> Item:
        """The item of a subscription; KeyError when it is not part of this request."""
        for each in self.items:
            if each.key == key:
                return each
        raise KeyError(key)


class UnsubscriptionError(Exception):
    """An expected refusal; each kind has a sentence for the person."""


class CannotApproveOwnRequest(UnsubscriptionError):
    """The person who asks may not also approve."""


class CannotApproveForRequester(UnsubscriptionError):
    """Whoever decides for the person who asks may not approve it for them."""


class NotAnApprover(UnsubscriptionError):
    """Only those whom the settings name decide."""


class MayNotBreakGlass(UnsubscriptionError):
    """Only those whom the settings name for emergencies approve alone."""


class OnlyTheRequester(UnsubscriptionError):
    """Withdrawing and acknowledging again belong to the person who asked."""


class CannotConfirmOwn(UnsubscriptionError):
    """Whoever did it by hand does not verify it."""


class NobodyElseLooks(UnsubscriptionError):
    """Nobody would be left to verify what this person did by hand."""


class OnlyRehearsed(UnsubscriptionError):
    """A dry run changes nothing, so nobody finishes it by hand: it would be said to be done."""


class OutOfOrder(UnsubscriptionError):
    """Packages go after their edition, by hand as well (R8)."""


class FiguresOver(UnsubscriptionError):
    """The acknowledged figures hold no longer, so nobody is asked to do it by hand again."""


class DecidedMeanwhile(UnsubscriptionError):
    """The request is not where the person saw it; `request` says where it is now."""

    def __init__(self, request: Request) -> None:
        super().__init__(request.number)
        self.request = request


class AlreadyDecided(DecidedMeanwhile):
    """Somebody was faster; the first decision stands."""


class ApprovedByYou(AlreadyDecided):
    """It is the person's own approval that is there; another person has to approve as well."""


class ApprovedAlready(DecidedMeanwhile):
    """Everybody for whom the person decides has approved it; one approver counts once."""


class RequestExpired(DecidedMeanwhile):
    """Nobody decided before the deadline; it has to be asked again."""


class SnapshotChanged(DecidedMeanwhile):
    """Other figures were acknowledged since than those that the person saw who decides."""


class ChecklistChanged(DecidedMeanwhile):
    """It was done, or sent back, since the person saw what has to be done or looked at by hand."""


class RequestStale(DecidedMeanwhile):
    """The figures got worse; the requester has to acknowledge them again first."""


class StopTooLate(DecidedMeanwhile):
    """The first step has gone to the cloud, so it cannot be stopped any more."""


class NothingMissing(DecidedMeanwhile):
    """The cloud has answered meanwhile, so that there is nothing to look for."""


class ApprovalsGone(DecidedMeanwhile):
    """By the settings as they are now what was approved is not, so that nothing is tried again."""


class NothingLeft(DecidedMeanwhile):
    """Nothing of a stale request is at the cloud any more, so there is nothing to acknowledge."""


class IllegalMove(Exception):
    """Lapse tried a move that the state does not have: a mistake in the program, not a refusal."""


def noted(
    request: Request,
    verb: Verb,
    *,
    at: datetime,
    by: SlackUser | None = None,
    note: str | None = None,
    behalf: SlackUser | None = None,
    called: tuple[SlackUser, ...] = (),
    items: tuple[int, ...] = (),
) -> Request:
    """The request with one more line of history, numbered from 1."""
    event = Event(
        number=len(request.events) + 1,
        verb=verb,
        at=at,
        by=by,
        note=note,
        behalf=behalf,
        called=called,
        items=items,
    )
    return replace(request, events=(*request.events, event))


def demand(request: Request, *states: State) -> None:
    """Raise IllegalMove unless the request is in one of the states."""
    if request.state not in states:
        raise IllegalMove(f"request {request.number} is {request.state}, not {' or '.join(states)}")
