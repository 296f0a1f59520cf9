"""A reference model of reminding: which reminders have to be told by now, and which may be.

It knows the rules of the contract and nothing of rows, leases or deliveries. What was awaited and
falls due has to be told. What had passed when it became known may be told, the nearest lead alone.
"""

from datetime import datetime

from bot.billing.account import Account
from bot.billing.reminder import Schedule, reminders
from bot.billing.renewal import anchor
from bot.billing.subscription import Subscription, SubscriptionKey

Dues = dict[str, datetime]


class Expected:
    """The items as they are known, what people settled about them, and what follows."""

    def __init__(self, account: Account, schedule: Schedule, *, now: datetime) -> None:
        self.schedule = schedule
        self.items: dict[SubscriptionKey, Subscription] = {}
        self.kept: set[str] = set()
        self.quiet_until: dict[str, datetime] = {}
        self.repeats: dict[SubscriptionKey, tuple[str, datetime]] = {}
        self.must: set[str] = set()
        self.may: set[str] = set()
        self._account = account
        self._awaited: Dues = {}
        self._ever: dict[str, datetime] = {}
        self._last = now

    def forget(self, key: SubscriptionKey) -> None:
        """It is gone, or its date is another: a repeat of the old one need not come."""
        repeat = self.repeats.pop(key, None)
        if repeat is not None:
            self.may.add(repeat[0])

    def pass_to(self, now: datetime) -> None:
        """Time came here, facts have changed, or both."""
        wanted: Dues = {}
        for key, item in self.items.items():
            for at in (self._last, now):
                wanted |= self._wanted(key, item, at=at)
        due = {each for each, when in wanted.items() if when <= now}
        self.must |= {each for each in due if self._awaited.get(each) == wanted[each]}
        self.may |= self.must | {each for each in due if each in self._ever}
        self.may |= {each for each, when in self._ever.items() if when <= now and each in wanted}
        self.may |= self._nearest(due - self._ever.keys(), wanted)
        self._awaited = {each: when for each, when in wanted.items() if when > now}
        for each, when in self._awaited.items():
            self._ever[each] = min(when, self._ever.get(each, when))
        self._last = now

    def _wanted(self, key: SubscriptionKey, item: Subscription, *, at: datetime) -> Dues:
        """The leads of what comes next, unless it was kept; a snooze silences those before it."""
        ahead = anchor(item, self._account, at=at)
        about = about_date(key, ahead.date.isoformat()) if ahead else None
        if ahead is None or about is None or about in self.kept:
            return {}
        wanted = {each.id: each.due_at for each in reminders(key, ahead, self.schedule)}
        if about in self.quiet_until:
            until = self.quiet_until[about]
            wanted = {each: when for each, when in wanted.items() if when >= until}
        if key in self.repeats:
            wanted |= dict([self.repeats[key]])
        return wanted

    def _nearest(self, passed: set[str], wanted: Dues) -> set[str]:
        """Of the leads of one date that had passed, the last one."""
        last: dict[str, str] = {}
        for each in sorted(passed, key=lambda each: wanted[each]):
            last["/".join(each.split("/")[:3])] = each
        return set(last.values())


def about_date(key: SubscriptionKey, date: str) -> str:
    """What the ids of one subscription and date begin with."""
    return f"{key}/{date}"
