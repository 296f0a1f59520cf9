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
        self._quiet_until: dict[str, datetime] = {}
        self._repeats: dict[str, tuple[str, datetime]] = {}
        self.must: set[str] = set()
        self.may: set[str] = set()
        self._account = account
        self._awaited: Dues = {}
        self._ever: dict[str, datetime] = {}
        self._last = now

    def snooze(self, about: str, repeat: str, *, until: datetime) -> None:
        """Nothing about this date before then, and the repeat instead of an earlier one."""
        self._forget(about)
        self.kept.discard(about)
        self._quiet_until[about] = until
        self._repeats[about] = repeat, until

    def change(self, key: SubscriptionKey, item: Subscription | None) -> None:
        """It is another now, or gone: a repeat of what was announced need not come."""
        for about in [each for each in self._repeats if each.startswith(f"{key}/")]:
            self._forget(about)
        self.items.pop(key, None)
        if item is not None:
            self.items[key] = item

    def pass_to(self, now: datetime) -> None:
        """Time came here, facts have changed, or both."""
        wanted: Dues = {}
        for key, item in self.items.items():
            for at in (self._last, now):
                wanted |= self._wanted(key, item, at=at)
        due = {each for each, when in wanted.items() if when <= now}
        awaited = {each for each in due if self._awaited.get(each) == wanted[each]}
        self.must |= awaited
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
        if about in self._quiet_until:
            until = self._quiet_until[about]
            wanted = {each: when for each, when in wanted.items() if when >= until}
        if about in self._repeats:
            wanted |= dict([self._repeats[about]])
        return wanted

    def _forget(self, about: str) -> None:
        if about in self._repeats:
            self.may.add(self._repeats.pop(about)[0])

    def _nearest(self, passed: set[str], wanted: Dues) -> set[str]:
        """Of the leads of one date that had passed, the last one."""
        last: dict[str, str] = {}
        for each in sorted(passed, key=lambda each: wanted[each]):
            last["/".join(each.split("/")[:3])] = each
        return set(last.values())


def about_date(key: SubscriptionKey, date: str) -> str:
    """What the ids of one subscription and date begin with."""
    return f"{key}/{date}"
