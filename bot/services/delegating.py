"""Delegating: an approver lets somebody else decide for some days; told to all, and recorded."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.billing.delegation import Delegation
from bot.billing.rights import Action
from bot.billing.subscription import SlackUser
from bot.facts.delegating import DelegationList, DelegationWish, Lent
from bot.facts.messages import DelegationNote
from bot.ports.clock import Clock
from bot.ports.record import Personal
from bot.ports.store import Delivery, Store, Transaction
from bot.services.errors import DelegationIncomplete, NotDelegated
from bot.services.filing import who
from bot.services.owing import delivery_id
from bot.services.people import People
from bot.services.policy import Policy

DELEGATION = "delegation"
LONGEST = timedelta(days=366)
WHY_LIMIT = 500

ONE_DAY = timedelta(days=1)


class Delegating:
    """Makes and ends delegations; rights are checked at every call."""

    def __init__(self, *, store: Store, clock: Clock, policy: Policy, people: People) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._people = people

    def listed(self, *, by: SlackUser) -> DelegationList:
        """Those in force and ahead, what the person may do about them, and some that are over."""
        actor, approvers = self._people.actor(by), self._people.approvers()
        now = self._clock.now()
        with self._store.reading() as tx:
            found, over = tx.delegations.open(at=now), tx.delegations.over(at=now)
        return DelegationList(
            lent=tuple(
                Lent(
                    delegation=each,
                    may_end=actor.admin or each.approver == by,
                    counts=each.approver in approvers,
                )
                for each in found
            ),
            over=tuple(over),
            may_delegate=actor.approver,
            zone=self._policy.schedule.zone,
        )

    def demand(self, by: SlackUser) -> None:
        """Raise NotAllowed unless the person is an approver now."""
        self._people.demand(by, Action.DELEGATE)

    def delegate(self, wish: DelegationWish) -> Delegation:
        """Let somebody decide from the first day to the last; the same form twice is one.

        Raises NotAllowed and DelegationIncomplete.
        """
        self.demand(wish.by)
        now = self._clock.now()
        delegation = self._complete(wish, now=now)
        with self._store.transaction() as tx:
            if tx.delegations.add(delegation):
                tx.outbox.owe(_post(delegation, policy=self._policy, at=now))
                _file(tx, delegation, "made", by=wish.by, at=now)
        return delegation

    def decides_already(self, user: SlackUser) -> bool:
        """Whether the person is an approver, and so decides in their own name as well."""
        return user in self._people.approvers()

    def end(self, id: str, *, by: SlackUser) -> Delegation:  # noqa: A002 - the field's own word
        """End one now; raises NotDelegated when it is over, and NotAllowed."""
        now = self._clock.now()
        with self._store.reading() as tx:
            held = tx.delegations.get(id)
        if held is None or held.is_over(now):
            raise NotDelegated(held)
        self._people.demand(by, Action.END_DELEGATION, requester=held.approver)
        with self._store.transaction() as tx:
            if not tx.delegations.end(id, at=now, by=by):
                raise NotDelegated(tx.delegations.get(id))
            ended = tx.delegations.get(id) or held
            tx.outbox.owe(_update(ended, policy=self._policy, at=now))
            _file(tx, ended, "ended", by=by, at=now)
        return ended

    def _complete(self, wish: DelegationWish, *, now: datetime) -> Delegation:
        """The delegation of a form; raises DelegationIncomplete with a sentence for each field."""
        zone = self._policy.schedule.zone
        missing = {
            "delegate": self._wrong_person(wish),
            "first": _wrong_first(wish, now=now.astimezone(zone)),
            "last": _wrong_last(wish),
            "why": _wrong_why(wish.why.strip()),
        }
        said = {field: text for field, text in missing.items() if text}
        if said or wish.delegate is None or wish.first is None or wish.last is None:
            raise DelegationIncomplete(said)
        return Delegation(
            id=wish.form,
            approver=wish.by,
            delegate=wish.delegate,
            starts_at=datetime.combine(wish.first, time(), zone),
            ends_at=datetime.combine(wish.last + ONE_DAY, time(), zone),
            why=wish.why.strip(),
            made_at=now,
        )

    def _wrong_person(self, wish: DelegationWish) -> str:
        if wish.delegate is None:
            return "Choose who decides for you."
        if wish.delegate == wish.by:
            return "Choose somebody else."
        if self._people.is_guest(wish.delegate):
            return "Guests cannot use Lapse here; choose somebody else."
        return ""


def read_delegation(tx: Transaction, delivery: Delivery) -> DelegationNote | None:
    """What the message about a delegation says now, in the zone in which its days were chosen."""
    held = tx.delegations.get(str(delivery.subject.get("delegation")))
    if held is None:
        return None
    return DelegationNote(delegation=held, zone=ZoneInfo(str(delivery.subject["zone"])))


def _wrong_first(wish: DelegationWish, *, now: datetime) -> str:
    if wish.first is None:
        return "Choose the first day."
    return "This day is over; choose today or a later one." if wish.first < now.date() else ""


def _wrong_last(wish: DelegationWish) -> str:
    if wish.last is None:
        return "Choose the last day."
    if wish.first is None:
        return ""
    if wish.last < wish.first:
        return "The last day is before the first."
    return f"At most {LONGEST.days} days." if wish.last - wish.first >= LONGEST else ""


def _wrong_why(why: str) -> str:
    if not why:
        return "Say why; it is recorded."
    return f"At most {WHY_LIMIT} characters; this has {len(why):,}." if len(why) > WHY_LIMIT else ""


def _subject(delegation: Delegation) -> str:
    return f"delegation/{delegation.id}"


def _post(delegation: Delegation, *, policy: Policy, at: datetime) -> Delivery:
    key = _subject(delegation)
    return Delivery(
        id=delivery_id(key),
        key=key,
        kind=DELEGATION,
        destination=policy.approvals_channel,
        stream=key,
        due_at=at,
        subject={"delegation": delegation.id, "zone": policy.schedule.zone.key},
    )


def _update(delegation: Delegation, *, policy: Policy, at: datetime) -> Delivery:
    """The same message, which says then that it was ended."""
    post = _post(delegation, policy=policy, at=at)
    key = f"{post.key}/ended"
    return replace(post, id=delivery_id(key), key=key, update_of=post.id, sequence=1)


def _file(
    tx: Transaction, delegation: Delegation, did: str, *, by: SlackUser, at: datetime
) -> None:
    tx.audit.append(
        at=at,
        actor=who(by),
        action=f"delegation.{did}",
        subject=_subject(delegation),
        facts={
            "approver": Personal.id(delegation.approver),
            "delegate": Personal.id(delegation.delegate),
            "starts_at": delegation.starts_at,
            "ends_at": delegation.ends_at,
            "why": Personal(delegation.why, delegation.approver),
        },
    )
