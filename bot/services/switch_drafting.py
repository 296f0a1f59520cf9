"""What is shown before auto-renewal is asked to be switched, worked out at one instant."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from bot.billing import switching
from bot.billing.account import Account, CarriedOut, ExecuteMode
from bot.billing.change import Change
from bot.billing.days import CLOUD_ZONE, cloud_date
from bot.billing.deadline import deadline_for, too_late
from bot.billing.delegation import Deciders
from bot.billing.money import Money, sums
from bot.billing.renewal import Anchor, AnchorKind
from bot.billing.subscription import SlackUser, Subscription
from bot.billing.switching import CannotSwitch
from bot.facts.switching import SwitchDraft, SwitchItem
from bot.facts.unsubscribing import Kept
from bot.ports.store import Store, Transaction
from bot.services.drafting import demand_deciders
from bot.services.errors import (
    AlreadyOff,
    AlreadyOn,
    AlreadyRequested,
    NotRenewable,
    SwitchedByHand,
    TooLateToSwitch,
)
from bot.services.finding import account_of
from bot.services.forms import kept_facts
from bot.services.policy import Policy, Stake
from bot.services.switched import turned_off_by


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which way, by whom, who decides, and counted from when; `ignoring` is its own request."""

    change: Change
    by: SlackUser
    deciders: Deciders
    opened_at: datetime
    ignoring: int | None = None


class SwitchDrafting:
    """Works out drafts inside a transaction that somebody else opened."""

    def __init__(self, *, store: Store, policy: Policy) -> None:
        self._store = store
        self._policy = policy

    def draft(
        self, tx: Transaction, found: Sequence[Subscription], wanted: Wanted, *, now: datetime
    ) -> SwitchDraft:
        """The draft for these of one account.

        Raises SwitchedByHand, AlreadyOn, AlreadyOff, NotRenewable, AlreadyRequested, NoApprover,
        TooLateToSwitch.
        """
        change, opened_at = wanted.change, wanted.opened_at
        account = account_of(self._store, found[0].key.account)
        if account.carried_out is CarriedOut.BY_HAND:
            raise SwitchedByHand(account.name, change)
        _demand_free(tx, found, ignoring=wanted.ignoring)
        switched = _switchable(tx, found, change, account, at=now)
        deadline, at_once = self._deadline(switched, change, account, opened_at=opened_at, now=now)
        charges = [switching.charge(each, account, at=now) for each in switched]
        if at_once:
            charges = [switching.at_once(each) for each in charges]
        items = tuple(
            SwitchItem(subscription=each, charge=charged)
            for each, charged in zip(switched, charges, strict=True)
        )
        stake, known = _stake(items, account)
        needed = self._policy.required_for(switched, stake=stake, change=change)
        if_known = self._policy.required_for(switched, stake=known, change=change)
        others = demand_deciders(wanted.deciders, by=wanted.by, needed=needed)
        minutes = self._policy.cooling_off_minutes_of(account)
        return SwitchDraft(
            change=change,
            account=account,
            items=items,
            deadline=deadline,
            opened_at=opened_at,
            now=now,
            dry_run=account.execute is ExecuteMode.DRY_RUN,
            approvals_needed=needed,
            more_as_unknown=needed > if_known,
            approvers=others.approvers,
            cooling_off_minutes=minutes,
            fingerprint=_fingerprint(change, items, account, deadline),
        )

    def _deadline(
        self,
        switched: Sequence[Subscription],
        change: Change,
        account: Account,
        *,
        opened_at: datetime,
        now: datetime,
    ) -> tuple[datetime, bool]:
        """Until when it can be decided, and whether turning on may then deduct at once.

        As long as there is time before the last attempt, the deadline lies before it.
        """
        zone = self._policy.schedule.zone
        cutoffs = [
            switching.cutoffs(change, each, account, at=now, reader=zone) for each in switched
        ]
        dated = [each for each in cutoffs if each]
        for place in range(max((len(each) for each in dated), default=1)):
            last = [each[min(place, len(each) - 1)] for each in dated]
            deadline = deadline_for(
                opened_at=opened_at,
                expires_after_hours=self._policy.expires_after_hours,
                cooling_off_minutes=self._policy.cooling_off_minutes_of(account),
                last_safe=last,
            )
            if not too_late(deadline, opened_at=now):
                ends = [each.expires_at for each in switched]
                return deadline, change is Change.RENEWAL_ON and last == ends
        raise TooLateToSwitch(change, min((each[-1] for each in dated), default=now))


def _switchable(
    tx: Transaction,
    found: Sequence[Subscription],
    change: Change,
    account: Account,
    *,
    at: datetime,
) -> Sequence[Subscription]:
    """Those that are not as they should be already; turned on only what the cloud renews."""
    wanted = [each for each in found if each.auto_renew is not change.renews]
    if not wanted:
        known = turned_off_by(tx, found[0].key)
        off = AlreadyOff(*known) if known else AlreadyOff(None, None)
        raise AlreadyOn if change is Change.RENEWAL_ON else off
    if change is Change.RENEWAL_ON:
        for each in wanted:
            try:
                switching.demand_can_renew(each, account, at=at)
            except CannotSwitch as why:
                raise NotRenewable(why.sentence, why.advice) from why
    return wanted


def _demand_free(tx: Transaction, found: Sequence[Subscription], *, ignoring: int | None) -> None:
    for each in found:
        held = tx.requests.open_with(each.key)
        if held is not None and held.number != ignoring:
            raise AlreadyRequested(held.number)


def if_kept(draft: SwitchDraft) -> Mapping[str, str]:
    """What comes when nothing is switched, as a request remembers it."""
    return kept_facts(_if_kept(draft))


def _if_kept(draft: SwitchDraft) -> Kept | None:
    """What comes when nothing is switched: the end of the term, or the deduction."""
    if draft.change is Change.RENEWAL_ON:
        ends = min((each.expires_at for each in draft.ordered if each.expires_at), default=None)
        return None if ends is None else _kept(AnchorKind.EXPIRY, ends, ())
    dated = [each.charge for each in draft.items if each.charge.at is not None]
    first = min((each.at for each in dated if each.at is not None), default=None)
    same = [each.amount for each in dated if each.at == first]
    return None if first is None else _kept(AnchorKind.DEDUCTION, first, same)


def _kept(kind: AnchorKind, at: datetime, amounts: Sequence[Money | None]) -> Kept:
    known = [each for each in amounts if each is not None]
    return Kept(
        anchor=Anchor(kind=kind, date=cloud_date(at), at=at),
        amounts=tuple(sums(known).values()),
        unknown=len(amounts) - len(known),
    )


def _stake(items: Sequence[SwitchItem], account: Account) -> tuple[Stake, Stake]:
    """What is deducted or no longer is; and as if all that is not known were nothing."""
    amounts = [each.charge.amount for each in items if each.charge.amount is not None]
    dark = [each.subscription for each in items if each.charge.amount is None]
    known = Stake(known=tuple(sums(amounts).values()))
    unknown = frozenset(each.currency or account.currency for each in dark)
    return replace(known, unknown=unknown), known


def _fingerprint(
    change: Change, items: Sequence[SwitchItem], account: Account, deadline: datetime
) -> str:
    """Everything that the person sees of what it means."""
    seen = [
        [
            str(each.subscription.key),
            str(each.charge.amount),
            str(each.charge.at.astimezone(CLOUD_ZONE) if each.charge.at else ""),
            each.charge.at_once,
            each.charge.months,
        ]
        for each in items
    ]
    facts = [change, account.execute, deadline.astimezone(CLOUD_ZONE).isoformat(), seen]
    return sha256(json.dumps(facts).encode()).hexdigest()[:16]
