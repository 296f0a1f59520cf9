"""The receipt of a finished request: what, why, who, the figures, and what proves them (pure).

The message, the JSON and the page arrange this; none of them works anything out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from bot.billing.by_hand import confirmed, done_by, is_late, was_read
from bot.billing.change import Change, Charge
from bot.billing.money import Money
from bot.billing.quote import Scope
from bot.billing.subscription import AccountName, SlackUser, SubscriptionKey
from bot.billing.unsubscription import Acknowledgement, Event, Item, ItemState, Request, State, Verb
from bot.facts.reasons import REASONS

NONE: Mapping[str, str] = MappingProxyType({})

LOOKS = frozenset({Verb.LOOKED_AGAIN, Verb.CAME_BACK, Verb.NOT_LOOKED})
"""What the second look found: all gone still, or something there again."""


class Form(StrEnum):
    """The files that a receipt comes as, named by their endings."""

    PDF = "pdf"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordHead:
    """How far the audit record went at a moment: so many entries, the last with this digest."""

    entries: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A refund and a handling fee; None where the figure is not known."""

    refund: Money | None
    handling_fee: Money | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptItem:
    """One subscription in the order of going: what was estimated, what the cloud did.

    `difference` is the actual refund less the estimated one, in cents. `step` is the number of the
    call that carried it, `cloud_request` what the cloud called that call, where it told. `charge`
    is what was acknowledged where auto-renewal was switched. `back` says whether the second look
    found it at the cloud again; None while nobody looked, or where it was not noted of which one.
    """

    number: int
    key: SubscriptionKey
    label: str
    region: str | None
    step: int | None
    state: ItemState
    estimate: Figures
    actual: Figures
    difference: Money | None
    order: str | None
    cloud_request: str | None
    gone_at: datetime | None
    auto_renew_off: bool | None
    error_code: str | None
    error: str | None
    charge: Charge | None = None
    back: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Who did something to the request, when, for whom, and what they said about it."""

    by: SlackUser
    at: datetime
    words: str | None = None
    behalf: SlackUser | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Handwork:
    """Who said that items, by their numbers, are done by hand, when, and the link that shows it.

    `after` is until when the acknowledged figures held, where it was said later than that.
    """

    by: SlackUser
    at: datetime
    items: tuple[int, ...]
    words: str | None
    evidence: str | None
    after: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What reading back showed: how many are gone and have a refund order, of how many.

    `note` is what was noted then. What a second look has read since of refund orders and
    auto-renewal stands there, and here is None.
    """

    at: datetime
    gone: int
    refund_orders: int | None
    of: int
    auto_renew_off: bool | None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondLook:
    """What was read a day later, or when that is `due`; `back` says what is at the cloud again.

    `unread` is why nobody could look. `gone` is how many of all were gone then, where people had
    left the rest as it was; None: all of them.
    """

    due: datetime | None = None
    at: datetime | None = None
    back: str | None = None
    unread: str | None = None
    gone: int | None = None
    refund_orders: int | None = None
    auto_renew_off: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptFacts:
    """Everything that the receipt of a request says.

    `total` adds up the items that are gone. `broken_glass` names who approved it alone in an
    emergency and why, `by_hand` who finished it at the cloud's console
    and the evidence, `left` who accepted what was not done. `head` is None of a request that
    finished before receipts bore it. Of what `by_people` was carried out `handwork` says who did
    what, `seen_gone` who has seen it and `not_read` why no cloud was read about it; a `contract`
    has no estimate, as it says itself what comes back. `as_of` is when the last thing happened that
    it tells: what comes later is in a newer one.
    """

    number: int
    account: AccountName
    scope: Scope
    state: State
    dry_run: bool
    asked: Said
    reason: int
    reason_words: str
    acknowledged: Acknowledgement
    approvals: tuple[Said, ...]
    approvals_required: int
    broken_glass: Said | None
    items: tuple[ReceiptItem, ...]
    estimate: Figures
    actual: Figures
    difference: Money | None
    left_behind: tuple[str, ...]
    verified: Verification | None
    problem: str | None
    by_hand: Said | None
    left: Said | None
    contract: bool
    handwork: tuple[Handwork, ...]
    seen_gone: Said | None
    by_people: bool
    not_read: str | None
    ended_at: datetime
    as_of: datetime
    rules: str
    head: RecordHead | None
    change: Change = Change.UNSUBSCRIBE
    second_look: SecondLook | None = None

    @property
    def is_switch(self) -> bool:
        """Whether auto-renewal was switched, where nothing is paid back."""
        return self.change is not Change.UNSUBSCRIBE

    @property
    def is_back(self) -> bool:
        """Whether what was gone is at the cloud again."""
        return self.second_look is not None and self.second_look.back is not None

    @property
    def nothing_went(self) -> bool:
        """Whether nothing is gone, and nothing sent of which that is not known."""
        still = {ItemState.PLANNED, ItemState.REFUSED}
        return bool(self.items) and all(item.state in still for item in self.items)

    @property
    def refund_known(self) -> Money | None:
        """What came back as far as it is known; None where nothing of it is."""
        known = [amount for amount in self._refunds if amount is not None]
        return sum(known[1:], known[0]) if known else None

    @property
    def refunds_unknown(self) -> int:
        """Of how many that are gone the refund is not known."""
        return sum(amount is None for amount in self._refunds)

    @property
    def _refunds(self) -> Sequence[Money | None]:
        return [item.actual.refund for item in self.items if item.state is ItemState.GONE]

    @property
    def charges(self) -> Sequence[Charge]:
        """What was acknowledged of each item that was to be switched."""
        return [item.charge for item in self.items if item.charge is not None]


def is_finished(request: Request) -> bool:
    """Whether a request has a receipt: it was tried, or rehearsed, and has ended."""
    return request.closed and request.state in {State.DONE, State.FAILED}


def receipt_of(
    request: Request, *, head: RecordHead | None, cloud_requests: Mapping[str, str] = NONE
) -> ReceiptFacts:
    """The receipt of a request as it stands; its amounts may be hidden already.

    `cloud_requests` says of the ids of subscriptions what the cloud called the call for them.
    """
    items = tuple(
        _item(request, item, number=number, cloud_request=cloud_requests.get(item.key.id))
        for number, item in enumerate(in_order(request), 1)
    )
    estimate = Figures(
        refund=_added(items, lambda item: item.estimate.refund),
        handling_fee=_added(items, lambda item: item.estimate.handling_fee),
    )
    gone = [item for item in items if item.state is ItemState.GONE]
    actual = Figures(
        refund=_added(gone, lambda item: item.actual.refund),
        handling_fee=_added(gone, lambda item: item.actual.handling_fee),
    )
    return ReceiptFacts(
        number=request.number,
        account=request.account,
        scope=request.scope,
        state=request.state,
        dry_run=request.dry_run,
        asked=Said(by=request.requested_by, at=request.requested_at, words=request.details or None),
        reason=int(request.reason),
        reason_words=REASONS[request.reason],
        acknowledged=request.acknowledgement,
        approvals=tuple(said for e in request.approvals if (said := _said(e)) is not None),
        approvals_required=request.required_approvals,
        broken_glass=_said(request.broken_glass),
        items=items,
        estimate=estimate,
        actual=actual,
        difference=_less(actual.refund, estimate.refund) if len(gone) == len(items) else None,
        left_behind=request.left_behind,
        verified=_verified(request),
        problem=request.problem,
        by_hand=_said(_last(request, Verb.BY_HAND)),
        left=_said(_last(request, Verb.LEFT)),
        contract=request.is_contract,
        by_people=request.by_hand,
        not_read=_not_read(request),
        handwork=_handwork(request),
        seen_gone=_said(confirmed(request)),
        ended_at=_ended_at(request),
        as_of=request.events[-1].at if request.events else request.requested_at,
        rules=request.rules,
        head=head,
        change=request.change,
        second_look=_second_look(request),
    )


def in_order(request: Request) -> Sequence[Item]:
    """The items of a request in the order in which they go."""
    place = {
        key: (step.number, at)
        for step in request.steps
        for at, key in enumerate(step.subscriptions)
    }
    last = (len(request.steps) + 1, 0)
    return sorted(request.items, key=lambda item: place.get(item.key, last))


def _item(request: Request, item: Item, *, number: int, cloud_request: str | None) -> ReceiptItem:
    total = item.quote.total
    known = None if request.is_contract else total
    estimate = Figures(
        refund=known.refund if known else None, handling_fee=known.handling_fee if known else None
    )
    step = next((each.number for each in request.steps if item.key in each.subscriptions), None)
    return ReceiptItem(
        number=number,
        key=item.key,
        label=item.label,
        region=item.region,
        step=step,
        state=item.state,
        estimate=estimate,
        actual=Figures(refund=item.refund_actual, handling_fee=item.fee_actual),
        difference=_less(item.refund_actual, estimate.refund),
        order=item.refund_order,
        cloud_request=cloud_request,
        gone_at=item.gone_at,
        auto_renew_off=item.auto_renew_off,
        error_code=item.error_code,
        error=item.error,
        charge=item.charge,
        back=_is_back(request, item),
    )


def _added(
    items: Iterable[ReceiptItem], figure: Callable[[ReceiptItem], Money | None]
) -> Money | None:
    """The sum of a figure; None where it is not known of one of them, or there is none."""
    amounts = [figure(item) for item in items]
    known = [amount for amount in amounts if amount is not None]
    if not known or len(known) < len(amounts):
        return None
    return sum(known[1:], known[0])


def _less(actual: Money | None, estimate: Money | None) -> Money | None:
    if actual is None or estimate is None:
        return None
    return actual.rounded() - estimate.rounded()


def _verified(request: Request) -> Verification | None:
    """What reading back showed; a dry run, and what nobody could read, has nothing to show."""
    event = _last(request, Verb.VERIFIED)
    if event is None or request.dry_run or (request.by_hand and not was_read(request)):
        return None
    as_then = _last(request, Verb.LOOKED_AGAIN) is None
    return Verification(
        at=event.at,
        gone=sum(item.state is ItemState.GONE for item in request.items),
        refund_orders=_refund_orders(request) if as_then else None,
        of=len(request.items),
        auto_renew_off=_is_off(request) if as_then else None,
        note=event.note,
    )


def _not_read(request: Request) -> str | None:
    """Why no cloud was read about what people have seen gone; contracts are outside of any."""
    ended = _last(request, Verb.VERIFIED)
    if not request.by_hand or request.is_contract or request.dry_run or ended is None:
        return None
    return None if was_read(request) else (_last(request, Verb.NOT_READ) or ended).note


def _second_look(request: Request) -> SecondLook | None:
    looked = _last(request, *LOOKS)
    if looked is None:
        due = request.second_look_at
        return None if due is None else SecondLook(due=due)
    if looked.verb is Verb.NOT_LOOKED:
        return SecondLook(at=looked.at, unread=looked.note or "")
    if looked.verb is Verb.CAME_BACK:
        return SecondLook(at=looked.at, back=looked.note or request.problem or "")
    gone = sum(item.state is ItemState.GONE for item in request.items)
    return SecondLook(
        at=looked.at,
        gone=gone if request.state is State.FAILED else None,
        refund_orders=_refund_orders(request),
        auto_renew_off=_is_off(request),
    )


def _is_back(request: Request, item: Item) -> bool | None:
    looked = _last(request, *LOOKS)
    if looked is None or looked.verb is Verb.LOOKED_AGAIN:
        return None if looked is None else False
    return request.items.index(item) + 1 in looked.items if looked.items else None


def _refund_orders(request: Request) -> int:
    return sum(item.refund_actual is not None for item in request.items)


def _is_off(request: Request) -> bool:
    return all(item.auto_renew_off is not False for item in request.items)


def _handwork(request: Request) -> tuple[Handwork, ...]:
    """Of each item who last said that it is done, those of one saying together."""
    done: dict[Event, list[int]] = {}
    for number in range(1, len(request.items) + 1) if request.by_hand else ():
        event = done_by(request, number)
        if event is not None:
            done.setdefault(event, []).append(number)
    return tuple(
        Handwork(
            by=event.by,
            at=event.at,
            items=tuple(items),
            words=event.note,
            evidence=event.evidence,
            after=request.good_until if is_late(request, event) else None,
        )
        for event, items in done.items()
        if event.by
    )


def _said(event: Event | None) -> Said | None:
    if event is None or event.by is None:
        return None
    return Said(by=event.by, at=event.at, words=event.note, behalf=event.behalf)


def _last(request: Request, *verbs: Verb) -> Event | None:
    return next((event for event in reversed(request.events) if event.verb in verbs), None)


def _ended_at(request: Request) -> datetime:
    """When it ended; what is looked at later ends nothing."""
    ended = [event for event in request.events if event.verb not in LOOKS]
    return ended[-1].at if ended else request.requested_at
