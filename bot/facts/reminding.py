"""Snoozing: the moments to choose from, all before the last safe one."""

from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from bot.billing.reminder import SnoozeChoice
from bot.billing.subscription import Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class SnoozeOptions:
    """What the modal *Snooze* offers; hour and zone are the reader's, `safe_until` exclusive."""

    subscriptions: tuple[Subscription, ...]
    choices: tuple[SnoozeChoice, ...]
    hour: time
    zone: ZoneInfo
    safe_until: datetime
    now: datetime
