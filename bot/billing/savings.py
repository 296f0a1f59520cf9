"""What was saved: decided, executed and verified are three figures, never one (pure).

A refund is money back, a renewal avoided is money that is not spent; they are never added up. What
was rejected, withdrawn, stopped, expired or is stale counts nothing, and a dry run never.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_FLOOR
from enum import StrEnum

from bot.billing.change import Change
from bot.billing.money import CENT, NOTHING, Money, added
from bot.billing.next_renewal import NextRenewal
from bot.billing.subscription import SlackUser, Subscription, SubscriptionKey
from bot.billing.unsubscription import Item, ItemState, Request, State, StepState, Verb

COUNTED = frozenset(
    {State.APPROVED, State.EXECUTING, State.VERIFYING, State.DONE, State.FAILED},
)
"""The states of a request that enough people approved, and that nobody stopped."""


class Stage(StrEnum):
    """How far it got: approved, accepted by the cloud, read back there and not contradicted."""

    DECIDED = "decided"
    EXECUTED = "executed"
    VERIFIED = "verified"


class Gain(StrEnum):
    """What is saved: money that comes back, or a renewal that is not deducted."""

    REFUND = "refund"
    RENEWAL = "renewal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """One thing that was saved once, with the instants at which it came so far.

    `estimate` is the refund that was acknowledged, or what the renewal would have cost; None is not
    known. `actual` is the refund at the cloud. `term_ends` is that of the term which the renewal
    would have followed; None of a refund, and where an earlier Lapse did not note it. `switched`:
    auto-renewal was turned off, so that it may be on again.
    """

    key: SubscriptionKey
    gain: Gain
    estimate: Money | None
    decided_at: datetime
    executed_at: datetime | None
    verified_at: datetime | None
    actual: Money | None = None
    term_ends: datetime | None = None
    switched: bool = False
    requested_by: SlackUser | None = None

    def at(self, stage: Stage) -> datetime | None:
        """When it came to a stage; None while it has not."""
        return {
            Stage.DECIDED: self.decided_at,
            Stage.EXECUTED: self.executed_at,
            Stage.VERIFIED: self.verified_at,
        }[stage]

    @property
    def reach(self) -> tuple[int, datetime]:
        """What orders several attempts at the same thing: how far it came, then when decided."""
        return sum(self.at(stage) is not None for stage in Stage), self.decided_at


def asked_for(request: Request, key: SubscriptionKey) -> Iterator[Saved]:
    """What a request saves with one of its subscriptions; nothing of a dry run or an undecided one.

    The refund is the acknowledged one, at least; with everything that ends, its next renewal is
    avoided too. Giving back a renewal period avoids none.
    """
    if request.dry_run or request.state not in COUNTED:
        return
    item = request.item(key)
    base = Saved(
        key=key,
        gain=Gain.RENEWAL,
        estimate=None,
        decided_at=decided_at(request),
        executed_at=_executed_at(request, item),
        verified_at=_verified_at(request, item),
        switched=request.change is Change.RENEWAL_OFF,
        requested_by=request.requested_by,
    )
    refund = at_least(request).get(key)
    if refund is not None:
        yield replace(base, gain=Gain.REFUND, estimate=refund, actual=item.refund_actual)
    if item.renewal is not None:
        yield replace(base, estimate=item.renewal.amount, term_ends=item.renewal.term_ends)


def turned_off(key: SubscriptionKey, renewal: NextRenewal | None, *, at: datetime) -> Saved:
    """What turning auto-renewal off saves; it is read back in the same breath.

    `renewal` None: an earlier Lapse did not record which one it was.
    """
    return Saved(
        key=key,
        gain=Gain.RENEWAL,
        estimate=renewal.amount if renewal else None,
        decided_at=at,
        executed_at=at,
        verified_at=at,
        term_ends=renewal.term_ends if renewal else None,
        switched=True,
    )


def decided_at(request: Request) -> datetime:
    """When the last approval that it needed was given; of one that needed none, when asked."""
    decisive = {Verb.APPROVED, Verb.BROKE_GLASS}
    given = [event.at for event in request.events if event.verb in decisive]
    return given[-1] if given else request.acknowledgement.at


def at_least(request: Request) -> Mapping[SubscriptionKey, Money]:
    """The acknowledged refund by subscription, in proportion to their quotes; it adds up to it.

    What is acknowledged is one figure for the whole request. Cents that are left over go to the
    first.
    """
    floor = request.acknowledgement.worst.refund
    quoted = {item.key: item.quote.total.refund for item in request.items if item.quote.total}
    whole = added(quoted.values(), floor.currency).amount
    shares = {
        key: Money(
            (floor.amount * each.amount / whole).quantize(CENT, rounding=ROUND_FLOOR)
            if whole
            else NOTHING,
            floor.currency,
        )
        for key, each in quoted.items()
    }
    rest = floor - added(shares.values(), floor.currency)
    return {key: each + rest if key == next(iter(shares)) else each for key, each in shares.items()}


def distinct(attempts: Iterable[Saved]) -> Sequence[Saved]:
    """Each thing once, of the attempts at one subscription in the order of their decisions.

    Of several attempts at the same thing the one that came furthest counts, of those the latest. A
    renewal is the same while it follows the same term. A refund is another one once the one before
    was verified.
    """
    renewals: dict[datetime | None, Saved] = {}
    refunds: list[Saved] = []
    for each in attempts:
        if each.gain is Gain.RENEWAL:
            known = renewals.get(each.term_ends)
            renewals[each.term_ends] = _further(known, each) if known else each
        elif refunds and refunds[-1].verified_at is None:
            refunds[-1] = _further(refunds[-1], each)
        else:
            refunds.append(each)
    return (*refunds, *renewals.values())


def as_it_is_now(saved: Saved, held: Subscription | None) -> Saved:
    """Without its verification where the cloud shows that the renewal comes, or came, after all.

    `held` is the subscription as it was read last; None where the cloud does not list it any more.
    """
    if saved.switched and held is not None and _renews_after_all(saved, held):
        return replace(saved, verified_at=None)
    return saved


def _renews_after_all(saved: Saved, held: Subscription) -> bool:
    ends = held.expires_at
    if saved.term_ends is None or ends is None or ends == saved.term_ends:
        return held.auto_renew is True
    return ends > saved.term_ends


def _further(one: Saved, other: Saved) -> Saved:
    return max(one, other, key=lambda each: each.reach)


def _executed_at(request: Request, item: Item) -> datetime | None:
    """When the cloud accepted it, or it was gone; what was refused or is not known was not."""
    if item.state is ItemState.GONE:
        return item.gone_at
    if item.state is not ItemState.SENT:
        return None
    accepted = (step for step in request.steps if step.state is StepState.ACCEPTED)
    return next((step.accepted_at for step in accepted if item.key in step.subscriptions), None)


def _verified_at(request: Request, item: Item) -> datetime | None:
    """When it was read back, unless the second look found any of it at the cloud again."""
    if request.state is not State.DONE or item.state is not ItemState.GONE:
        return None
    if any(event.verb is Verb.CAME_BACK for event in request.events):
        return None
    read = [event.at for event in request.events if event.verb is Verb.VERIFIED]
    return read[-1] if read else None
