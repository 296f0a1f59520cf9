"""Reach: where the anchors lie of which a run of arming enters leads."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

from bot.billing import reminder
from bot.billing.days import beginning
from bot.services.armed import Lead, Span, Watch
from bot.services.missing import Pass
from bot.services.policy import Policy
from bot.services.wanting import ONE_DAY

SOON = timedelta(minutes=10)
"""How far ahead a run enters first that has much to read; after it runs are seconds apart."""

FAR = timedelta(days=430)

MOVED_AT_MOST = 3
"""Days by which a lead comes earlier than it says, to lie before the safe cut-off in every zone."""

Part = tuple[datetime, datetime, Pass]
"""From when until when anchors lie that are looked at, and as which run."""


class Reach:
    """Knows by the settings how far before an anchor its leads fall due."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    @property
    def leads(self) -> frozenset[Lead]:
        """The leads of the settings; a route without its own has the common ones."""
        common = self._policy.schedule.lead_days
        of_routes = (
            common if each.lead_days is None else each.lead_days for each in self._policy.routes
        )
        return frozenset(
            Lead(route, days) for route, leads in enumerate((common, *of_routes)) for days in leads
        )

    @property
    def days(self) -> frozenset[int]:
        """How many days ahead any of them is."""
        return _days(self.leads)

    def looked_at(self, run: Pass) -> Iterator[Part]:
        """Where the anchors lie of which a run enters leads."""
        before = run.before
        if before is not None and run.goes_on:
            yield from self._news(run, before)
        else:  # every anchor that any lead could reach, or that follows another in a pause
            start = min(before.at if before else run.now, run.now) - ONE_DAY
            ahead = max((max(self.days) + 2) * ONE_DAY, _longest(run.off))
            yield start, run.horizon + ahead, run

    def due_after(
        self, after: datetime, run: Pass, leads: Collection[Lead] | None = None
    ) -> Iterator[Part]:
        """Where they lie of which leads, or any, fall due after an instant, within the horizon."""
        days = _days(self.leads if leads is None else leads)
        for start, end in _spans(self._reached(days, after=after, until=run.horizon)):
            yield start, end, run

    def _news(self, run: Pass, before: Watch) -> Iterator[Part]:
        """What the horizon reached, and leads that are new in the settings.

        A lead counts from when it was set: what it would have told before is not told. Rows of one
        that was taken out are not sent in any case, and are cancelled by the run after.
        """
        leads = self.leads
        yield from self.due_after(before.until, run, leads & before.leads)
        new = leads - before.leads
        soon = replace(run, ahead=True, horizon=run.now + SOON)
        yield from self.due_after(run.now, soon, new - before.coming.keys())
        for since in set(before.coming.values()):
            of_then = {lead for lead in new if before.coming.get(lead) == since}
            run_since = replace(run, ahead=True, before=replace(before, until=since))
            yield from self.due_after(since, run_since, of_then)

    def _reached(
        self, days: Collection[int], *, after: datetime, until: datetime
    ) -> Iterator[date]:
        """The dates of the anchors that fall due in (after, until] by a lead of so many days."""
        schedule = self._policy.schedule
        day = after.astimezone(schedule.zone).date()
        while (due := reminder.local_instant(day, schedule.at, schedule.zone)) <= until:
            if due > after:
                for lead in days:
                    moved = MOVED_AT_MOST if lead < MOVED_AT_MOST else 0
                    yield from (day + (lead + each) * ONE_DAY for each in range(moved + 1))
            day += ONE_DAY


def _days(leads: Iterable[Lead]) -> frozenset[int]:
    return frozenset(each.days for each in leads)


def _longest(pauses: Iterable[Span]) -> timedelta:
    """How long the longest was; nobody was off before the first run."""
    lengths = [end - start for start, end in pauses]
    return max((each for each in lengths if each <= FAR), default=timedelta(0))


def _spans(dates: Iterable[date]) -> Iterator[tuple[datetime, datetime]]:
    """Days of the cloud's zone as spans of time, those that follow each other as one."""
    days = sorted(set(dates))
    first = 0
    for at, day in enumerate(days, start=1):
        if at == len(days) or days[at] != day + ONE_DAY:
            yield beginning(days[first]), beginning(day + ONE_DAY)
            first = at
