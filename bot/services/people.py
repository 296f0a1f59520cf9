"""Who a person is at the moment of a click, and whether they may do what they ask."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from bot.billing import deciding
from bot.billing.delegation import Deciders, Delegation, authorities, deciders
from bot.billing.rights import Action, Actor, may
from bot.billing.subscription import SlackUser, Subscription
from bot.billing.unsubscription import Request
from bot.ports.clock import Clock
from bot.ports.messenger import Directory
from bot.ports.store import Store, Transaction
from bot.services.errors import GroupUnread, GuestRefused, NotAllowed, Refused
from bot.services.policy import Policy

_GROUP = "S"

LOOKED_UP = 25
"""Of so many people is asked whether they are there, each a call to Slack; the others count so."""


def in_force(tx: Transaction, *, at: datetime) -> Sequence[Delegation]:
    """The delegations by which people decide for others at an instant."""
    return [each for each in tx.delegations.open(at=at) if each.holds(at)]


def in_force_now(store: Store, clock: Clock) -> Sequence[Delegation]:
    """The same in a read of its own."""
    with store.reading() as tx:
        return in_force(tx, at=clock.now())


class People:
    """Knows people by the settings and the workspace; every use case asks it before it acts.

    `in_force` are the delegations of this moment.
    """

    def __init__(
        self,
        *,
        directory: Directory,
        policy: Policy,
        in_force: Callable[[], Sequence[Delegation]] = tuple,
    ) -> None:
        self._directory = directory
        self._policy = policy
        self._in_force = in_force

    def actor(self, user: SlackUser) -> Actor:
        """The person's rights now; `admin` is Slack's own or one of the settings' operators."""
        return Actor(
            user=user,
            approver=user in self.approvers(),
            delegate=any(each != user for each in self.authorities(user)),
            breaks_glass=user in self.glass_breakers(),
            admin=user in self._policy.operators or self._directory.is_admin(user),
            guest=self._directory.is_guest(user),
        )

    def approvers(self) -> tuple[SlackUser, ...]:
        """Everybody who may decide, user groups expanded, in the order of the settings."""
        return self._members(self._policy.approvers)

    def deciders(self) -> Deciders:
        """Who decides now, and as whom: approvers and delegates who did not leave, no guests."""
        approvers, lent = self.approvers(), self._in_force()
        named = [SlackUser(each) for each in self._policy.approvers if not each.startswith(_GROUP)]
        everybody = dict.fromkeys((*named, *(each.delegate for each in lent), *approvers))
        away = {each for each in islice(everybody, LOOKED_UP) if self._is_away(each)}
        return deciders(approvers, in_force=lent, away=away, unread=self.unread())

    def stands(self, request: Request, *, required: int) -> bool | None:
        """Whether `required` who approved it may decide now; None while nobody knows who may."""
        found = deciding.stands(
            request,
            approvers=self.approvers(),
            glass_breakers=self.glass_breakers(),
            required=required,
        )
        named = self._policy.break_glass if request.broken_glass else self._policy.approvers
        return None if not found and self._unread(named) else found

    def unread(self) -> tuple[str, ...]:
        """The approvers' user groups of which nobody knows who is in them."""
        return self._unread(self._policy.approvers)

    def unread_for(self) -> Mapping[str, timedelta]:
        """For how long each user group of the settings could not be read."""
        named = dict.fromkeys((*self._policy.approvers, *self._policy.break_glass))
        groups = [each for each in named if each.startswith(_GROUP)]
        return {each: self._directory.unread_for(each) for each in groups}

    def operators(self) -> tuple[SlackUser, ...]:
        """Those whom the settings name as operators."""
        return tuple(SlackUser(each) for each in self._policy.operators)

    def alarmed(self) -> tuple[SlackUser, ...]:
        """Whom trouble is written to: operators, else approvers, else the approvals channel.

        So somebody reads it also while nobody knows who is in the approvers' group; Slack takes
        the id of a channel wherever it takes a person's.
        """
        return self.operators() or self.approvers() or (SlackUser(self._policy.approvals_channel),)

    def there(self, users: Iterable[SlackUser]) -> tuple[SlackUser, ...]:
        """Those of them who can do something here, each once: no guests, and nobody who left."""
        return tuple(each for each in dict.fromkeys(users) if not self._is_away(each))

    def glass_breakers(self) -> tuple[SlackUser, ...]:
        """Everybody who may break the glass; nobody unless the settings name them."""
        return self._members(self._policy.break_glass)

    def authorities(self, user: SlackUser) -> tuple[SlackUser, ...]:
        """As whom the person may decide now: as themselves, and for whoever delegated it."""
        return authorities(user, approvers=self.approvers(), in_force=self._in_force())

    def is_guest(self, user: SlackUser) -> bool:
        """Whether the person is a guest, who may do nothing here."""
        return self._directory.is_guest(user)

    def zone(self, user: SlackUser) -> ZoneInfo:
        """The person's time zone; UTC when unknown."""
        return self._directory.zone(user)

    def demand(
        self,
        user: SlackUser,
        action: Action,
        *,
        subscription: Subscription | None = None,
        requester: SlackUser | None = None,
    ) -> Actor:
        """Refuse unless the person may; raises GuestRefused, or NotAllowed naming who can.

        GroupUnread instead where it is not known who can.
        """
        actor = self.actor(user)
        self.check(actor, action, subscription=subscription, requester=requester)
        return actor

    def check(
        self,
        actor: Actor,
        action: Action,
        *,
        subscription: Subscription | None = None,
        requester: SlackUser | None = None,
    ) -> None:
        """`demand` for a person who was looked up before, which needs no workspace."""
        if may(actor, action, subscription=subscription, requester=requester):
            return
        if actor.guest:
            raise GuestRefused
        raise self._refusal(action, subscription=subscription, requester=requester)

    @property
    def everybody_sees(self) -> bool:
        """Whether the settings hide amounts from nobody."""
        return self._policy.amounts_for_everyone

    def sees(
        self, actor: Actor, about: Sequence[Subscription], *, requester: SlackUser | None = None
    ) -> bool:
        """Whether the settings and the person's rights let them see the amounts of all these."""
        if self.everybody_sees:
            return True
        if may(actor, Action.SEE_AMOUNTS, requester=requester):
            return True
        own = [may(actor, Action.SEE_AMOUNTS, subscription=each) for each in about]
        return bool(own) and all(own)

    def _is_away(self, user: SlackUser) -> bool:
        there = self._directory
        return there.has_left(user) or there.is_guest(user) or there.is_bot(user)

    def _unread(self, named: Sequence[str]) -> tuple[str, ...]:
        groups = [each for each in named if each.startswith(_GROUP)]
        return tuple(each for each in groups if self._directory.group_members(each) is None)

    def _members(self, named: Sequence[str]) -> tuple[SlackUser, ...]:
        found: dict[SlackUser, None] = {}
        for each in named:
            members = (
                self._directory.group_members(each)
                if each.startswith(_GROUP)
                else (SlackUser(each),)
            )
            found.update(dict.fromkeys(members or ()))
        return tuple(found)

    def _refusal(
        self, action: Action, *, subscription: Subscription | None, requester: SlackUser | None
    ) -> Refused:
        glass = action is Action.BREAK_GLASS
        named = self._policy.break_glass if glass else self._policy.approvers
        if (glass or action in _BY_NAME) and (unread := self._unread(named)):
            return GroupUnread(unread)
        if glass:
            return NotAllowed.breaking_glass(self.glass_breakers())
        if action in _BY_NAME:
            return _BY_NAME[action](self.approvers())
        if action in _ABOUT and requester:
            return _ABOUT[action](requester)
        if subscription is not None:
            owners = (subscription.owner, subscription.deputy)
            return NotAllowed.caring([user for user in owners if user])
        return NotAllowed.configuring()


_BY_NAME: Mapping[Action, Callable[[Sequence[SlackUser]], NotAllowed]] = {
    Action.DECIDE: NotAllowed.deciding,
    Action.DELEGATE: NotAllowed.delegating,
}
"""What approvers alone may do, who are named."""

_ABOUT: Mapping[Action, Callable[[SlackUser], NotAllowed]] = {
    Action.WITHDRAW: NotAllowed.withdrawing,
    Action.STOP: NotAllowed.following,
    Action.REPAIR: NotAllowed.following,
    Action.END_DELEGATION: NotAllowed.ending,
}
"""What is said of the person whose request or delegation it is."""
