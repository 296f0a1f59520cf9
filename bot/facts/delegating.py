"""Deciding for somebody else: what was filled in, and who decides for whom now."""

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from bot.billing.delegation import Delegation
from bot.billing.subscription import SlackUser


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegationWish:
    """The form filled in: whole days, the last one included. `form` identifies the opened form."""

    form: str
    by: SlackUser
    delegate: SlackUser | None
    first: date | None
    last: date | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lent:
    """One delegation as a person sees it, who may perhaps end it.

    One that `counts` not was made by somebody who is no approver now.
    """

    delegation: Delegation
    may_end: bool
    counts: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegationList:
    """Those in force and ahead, and the newest that are over.

    `zone` is that of their days, which the settings name.
    """

    lent: tuple[Lent, ...]
    over: tuple[Delegation, ...]
    may_delegate: bool
    zone: ZoneInfo
