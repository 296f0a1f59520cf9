"""Missing: what passed while nobody ran, and from when on leads count.

A cloud may be read again before arming runs, or long after it. So every pause beyond the horizon
is looked at with each new reading; what was told before bears the same ids.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from bot.billing import reminder, renewal
from bot.billing.account import Account
from bot.billing.reminder import Reminder, Schedule
from bot.billing.renewal import Anchor, AnchorKind
from bot.billing.subscription import Status, Subscription
from bot.ports.store import Transaction
from bot.services.armed import Span, Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One run of arming, and what the run before it had reached.

    It `goes_on` when that was not long ago and by the same settings but for leads. With `ahead`
    alone no lead is told that had passed already. `off` is when nobody ran for so long that leads
    fell due which were no rows.
    """

    now: datetime
    horizon: datetime
    before: Watch | None
    goes_on: bool
    ahead: bool = False
    off: Sequence[Span] = ()

    def known_since(self, tx: Transaction, subscription: Subscription) -> datetime:
        """Since when it is known, by this run's clock."""
        # A clock that stepped back since must not make what lies ahead look passed.
        return min(tx.catalogue.known_since(subscription.key) or self.now, self.now)

    def armed_until(self, known: datetime) -> datetime:
        """From when on its leads count: those before were armed by earlier runs, or not known."""
        if self.before is None:
            return known
        armed = self.before.until if self.goes_on else self.before.reached
        return max(known, min(armed, self.now))

    @property
    def is_first(self) -> bool:
        """Whether nobody ran for so long until now."""
        return self.before is None or self.before.until < self.now

    def was_off(self, at: datetime) -> bool:
        """Whether nobody could have told what fell due then."""
        return any(start <= at < end for start, end in self.off)


class Due(NamedTuple):
    """An anchor whose leads are to be told: from when on they count, and whether it is past.

    `known` is since when its subscription is.
    """

    anchor: Anchor
    since: datetime
    known: datetime
    passed: bool = False


def missed(
    tx: Transaction,
    subscription: Subscription,
    account: Account,
    schedule: Schedule,
    run: Pass,
) -> Iterator[Due]:
    """Every anchor that came while nobody ran, as far as it is known now, each date once."""
    if run.ahead or not run.off:
        return
    known = run.known_since(tx, subscription)
    renewing = _renews_itself(tx, subscription)
    dates: set[date] = set()
    for start, end in run.off:
        since = max(start, known)
        if since >= end:
            continue
        span, reader = (since, end), schedule.zone
        found: Sequence[Anchor] = ()
        if renewing:
            found = renewal.charges(subscription, account, span=span, reader=reader)
        # Of an earlier pause only a renewal or an expiry is news: a date that was moved is none.
        is_news = found or subscription.status is Status.EXPIRED
        if is_news or (run.is_first and end == run.now):
            found = (*found, *renewal.came(subscription, account, span=span, reader=reader))
        for each in found:
            if each.date not in dates:
                dates.add(each.date)
                yield Due(each, since, known, passed=True)


def owed(
    leads: Sequence[Reminder], due: Due, *, fresh: bool, new: bool, run: Pass
) -> Sequence[tuple[Reminder, datetime]]:
    """What to arm and when it is due: of the leads that had passed the nearest at most."""
    found = reminder.owed(leads, known_since=due.since, until=run.horizon)
    ahead = [(each, each.due_at) for each in found if each.due_at >= due.since]
    slept = any(due_at <= run.now for _, due_at in ahead)
    passed = [each for each in found if each.due_at < due.since and fresh and not slept]
    return (*((each, _at_once(each, due, new=new, run=run)) for each in passed), *ahead)


def _at_once(what: Reminder, due: Due, *, new: bool, run: Pass) -> datetime:
    """When a lead that had passed is due: now, and thus not late, unless it is Lapse's fault.

    It is where the anchor itself passed, and where nobody ran when the lead came of something that
    was known, and nobody was told of the anchor since.
    """
    if due.passed:
        return due.since
    by_fault = new and due.known <= what.due_at and run.was_off(what.due_at)
    return what.due_at if by_fault else run.now


def _renews_itself(tx: Transaction, subscription: Subscription) -> bool:
    """Whether auto-renewal is on, or was when something was announced.

    No order tells who renewed.
    """
    if subscription.auto_renew is True:
        return True
    rows = tx.reminders.of(subscription.key)
    return any(row.reminder.anchor.kind is not AnchorKind.EXPIRY for row in rows)
