"""Deciding for somebody else: who does, from when to when, and as whom a person decides (pure)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo

from bot.billing.subscription import SlackUser

MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """An approver lets one other person decide for them from `starts_at` until before `ends_at`.

    Whoever ended it early is `ended_by`, from `ended_at` on.
    """

    id: str
    approver: SlackUser
    delegate: SlackUser
    starts_at: datetime
    ends_at: datetime
    why: str
    made_at: datetime
    ended_at: datetime | None = None
    ended_by: SlackUser | None = None

    def holds(self, at: datetime) -> bool:
        """Whether it is in force at an instant."""
        return self.starts_at <= at and not self.is_over(at)

    def days(self, zone: tzinfo) -> tuple[date, date]:
        """The first and the last day of it, in the zone in which it was made."""
        last = self.ends_at.astimezone(zone) - MOMENT
        return self.starts_at.astimezone(zone).date(), last.date()

    def is_over(self, at: datetime) -> bool:
        """Whether it will never be in force again."""
        return at >= self.ends_at or (self.ended_at is not None and at >= self.ended_at)


def authorities(
    user: SlackUser, *, approvers: Sequence[SlackUser], in_force: Collection[Delegation]
) -> tuple[SlackUser, ...]:
    """As whom a person may decide now: as themselves first, then for others, as they are set.

    `approvers` are those that the settings name now. What anybody else delegated counts nothing, so
    a delegate passes nothing on, and a former approver has nothing to give.
    """
    lent = {each.approver for each in in_force if each.delegate == user}
    own = (user,) if user in approvers else ()
    return (*own, *(each for each in approvers if each in lent and each != user))


@dataclass(frozen=True, slots=True, kw_only=True)
class Deciders:
    """Who decides at an instant: for each person who is there, as whom, best first.

    `approvers` are those for whom any of them does, in the order of the settings, and `unread` the
    user groups of which nobody knows now who is in them.
    """

    approvers: tuple[SlackUser, ...] = ()
    as_whom: Mapping[SlackUser, tuple[SlackUser, ...]] = field(default_factory=dict)
    unread: tuple[str, ...] = ()

    def besides(self, requester: SlackUser) -> "Deciders":
        """Those for a request of this person, who does not decide, and for whom nobody does."""
        return self.without(people={requester}, authorities={requester})

    def without(
        self, *, people: Collection[SlackUser], authorities: Collection[SlackUser]
    ) -> "Deciders":
        """The others, as whom else they decide."""
        others = {
            each: tuple(authority for authority in may if authority not in authorities)
            for each, may in self.as_whom.items()
            if each not in people
        }
        return replace(self, approvers=_decided_for(others, self.approvers), as_whom=others)

    @property
    def most_approvals(self) -> int:
        """How many of them can approve the same request: each once, and each as somebody else."""
        taken: dict[SlackUser, SlackUser] = {}
        return sum(_finds_authority(each, self.as_whom, taken, set()) for each in self.as_whom)


def deciders(
    approvers: Sequence[SlackUser],
    *,
    in_force: Collection[Delegation],
    away: Collection[SlackUser],
    unread: Sequence[str] = (),
) -> Deciders:
    """Who decides: the approvers, as they are set, and then delegates; nobody who is `away`."""
    delegates = dict.fromkeys(each.delegate for each in in_force)
    may = {
        each: authorities(each, approvers=approvers, in_force=in_force)
        if each in delegates
        else (each,)
        for each in dict.fromkeys((*approvers, *delegates))
        if each not in away
    }
    there = {each: as_whom for each, as_whom in may.items() if as_whom}
    return Deciders(approvers=_decided_for(there, approvers), as_whom=there, unread=tuple(unread))


def _decided_for(
    as_whom: Mapping[SlackUser, Sequence[SlackUser]], approvers: Sequence[SlackUser]
) -> tuple[SlackUser, ...]:
    found = {authority for may in as_whom.values() for authority in may}
    return tuple(each for each in approvers if each in found)


def _finds_authority(
    person: SlackUser,
    as_whom: Mapping[SlackUser, Sequence[SlackUser]],
    taken: dict[SlackUser, SlackUser],
    asked: set[SlackUser],
) -> bool:
    """Whether one can be found for the person, others making room where they can (Kuhn, 1955)."""
    for authority in as_whom[person]:
        if authority in asked:
            continue
        asked.add(authority)
        holder = taken.get(authority)
        if holder is None or _finds_authority(holder, as_whom, taken, asked):
            taken[authority] = person
            return True
    return False
