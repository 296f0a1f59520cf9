"""Who a person is at the moment of a click, and whether they may do what they ask."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from bot.billing.rights import Action, Actor, may
from bot.billing.subscription import SlackUser, Subscription
from bot.ports.messenger import Directory
from bot.services.errors import GuestRefused, NotAllowed
from bot.services.policy import Policy

_GROUP = "S"


class People:
    """Knows people by the settings and the workspace; every use case asks it before it acts."""

    def __init__(self, *, directory: Directory, policy: Policy) -> None:
        self._directory = directory
        self._policy = policy

    def actor(self, user: SlackUser) -> Actor:
        """The person's rights now; `admin` is Slack's own or one of the settings' operators."""
        return Actor(
            user=user,
            approver=user in self.approvers(),
            admin=user in self._policy.operators or self._directory.is_admin(user),
            guest=self._directory.is_guest(user),
        )

    def approvers(self) -> tuple[SlackUser, ...]:
        """Everybody who may decide, user groups expanded, in the order of the settings."""
        found: dict[SlackUser, None] = {}
        for each in self._policy.approvers:
            members = (
                self._directory.group_members(each)
                if each.startswith(_GROUP)
                else (SlackUser(each),)
            )
            found.update(dict.fromkeys(members))
        return tuple(found)

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
        """Refuse unless the person may; raises GuestRefused, or NotAllowed naming who can."""
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

    def _refusal(
        self, action: Action, *, subscription: Subscription | None, requester: SlackUser | None
    ) -> NotAllowed:
        if action is Action.DECIDE:
            return NotAllowed.deciding(self.approvers())
        if action is Action.WITHDRAW and requester:
            return NotAllowed.withdrawing(requester)
        if action in {Action.STOP, Action.REPAIR} and requester:
            return NotAllowed.following(requester)
        if subscription is not None:
            owners = (subscription.owner, subscription.deputy)
            return NotAllowed.caring([user for user in owners if user])
        return NotAllowed.configuring()
