"""Deciding for somebody else: who does, from when to when, and as whom a person decides (pure)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
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
