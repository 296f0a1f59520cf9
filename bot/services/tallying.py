"""Tallying: savings added up by currency, group and stage, each figure by its own date."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.billing.money import Money
from bot.billing.savings import Gain, Saved, Stage
from bot.billing.subscription import Subscription
from bot.facts.saving import By, Figures, Savings, SavingsQuery, SavingsRow

Place = tuple[str | None, str]
"""A group and a currency."""

Group = Callable[[Subscription, datetime, ZoneInfo], str | None]


class Tally:
    """The sums so far; what is added is not kept."""

    def __init__(self, query: SavingsQuery, zone: ZoneInfo) -> None:
        self._query = query
        self._zone = zone
        self._sums: dict[Place, dict[Stage, Figures]] = {}
        self._missed = Savings(query=query, zone=zone, rows=())

    def add(self, about: Subscription, things: Sequence[Saved]) -> None:
        """Count what was saved with one subscription, each thing at every stage it came to."""
        touched: set[tuple[Place, Stage]] = set()
        for saved in things:
            for stage in self._reached(saved):
                amount = _amount(saved, stage)
                if amount is not None:
                    place = (self._group(about, saved, stage), amount.currency)
                    self._put(place, stage, _column(saved, stage), amount)
                    touched.add((place, stage))
            self._note_unknown(saved)
        for place, stage in touched:
            figures = self._sums[place][stage]
            count = figures.subscriptions + 1
            self._sums[place][stage] = replace(figures, subscriptions=count)

    def hide(self, things: Iterable[Saved]) -> None:
        """Count a subscription some of whose amounts the reader may not see."""
        if any(self._reached(each) for each in things):
            self._missed = replace(self._missed, hidden=self._missed.hidden + 1)

    def rehearsed(self, decided: Iterable[datetime]) -> None:
        """Count a subscription of dry runs, which were decided then."""
        if any(self._is_within(at) for at in decided):
            self._missed = replace(self._missed, dry_runs=self._missed.dry_runs + 1)

    @property
    def savings(self) -> Savings:
        """Everything that was added, by group and currency; what belongs to no group comes last."""
        places = sorted(self._sums, key=lambda place: (place[0] is None, place[0] or "", place[1]))
        rows = (
            SavingsRow(group=group, currency=currency, figures=self._figures((group, currency)))
            for group, currency in places
        )
        return replace(self._missed, rows=tuple(rows))

    def _reached(self, saved: Saved) -> Sequence[Stage]:
        """The stages to which it came in the days that are asked for."""
        return [each for each in Stage if self._is_within(saved.at(each))]

    def _is_within(self, at: datetime | None) -> bool:
        if at is None:
            return False
        day = at.astimezone(self._zone).date()
        first, last = self._query.first, self._query.last
        return (first is None or first <= day) and (last is None or day <= last)

    def _group(self, about: Subscription, saved: Saved, stage: Stage) -> str | None:
        at = saved.at(stage)
        if self._query.by is None or at is None:
            return None
        return _GROUPS[self._query.by](about, at, self._zone)

    def _put(self, place: Place, stage: Stage, column: str, amount: Money) -> None:
        sums = self._sums.setdefault(place, {})
        figures = sums.get(stage) or _nothing(place[1])
        sums[stage] = replace(figures, **{column: getattr(figures, column) + amount})

    def _note_unknown(self, saved: Saved) -> None:
        """A renewal whose amount nobody knows, a verified refund that no order shows yet."""
        missed, reached = self._missed, self._reached(saved)
        if saved.gain is Gain.RENEWAL and saved.estimate is None and reached:
            self._missed = replace(missed, renewals_not_known=missed.renewals_not_known + 1)
        owed = saved.gain is Gain.REFUND and saved.actual is None and bool(saved.estimate)
        if owed and Stage.VERIFIED in reached:
            self._missed = replace(missed, refunds_not_found=missed.refunds_not_found + 1)

    def _figures(self, place: Place) -> Mapping[Stage, Figures]:
        found = self._sums[place]
        return {stage: found.get(stage) or _nothing(place[1]) for stage in Stage}


def _amount(saved: Saved, stage: Stage) -> Money | None:
    """What it comes to at a stage: a refund is estimated until the cloud shows it, then read."""
    if saved.gain is Gain.RENEWAL or stage is Stage.DECIDED:
        return saved.estimate
    if stage is Stage.VERIFIED:
        return saved.actual
    return saved.estimate if saved.actual is None else saved.actual


def _column(saved: Saved, stage: Stage) -> str:
    if saved.gain is Gain.RENEWAL:
        return "renewals"
    read = saved.actual is not None and stage is not Stage.DECIDED
    return "refund_at_cloud" if read else "refund_estimate"


def _nothing(currency: str) -> Figures:
    zero = Money.zero(currency)
    return Figures(refund_at_cloud=zero, refund_estimate=zero, renewals=zero, subscriptions=0)


_GROUPS: Mapping[By, Group] = {
    By.MONTH: lambda _, at, zone: f"{at.astimezone(zone):%Y-%m}",
    By.ACCOUNT: lambda about, _at, _zone: about.key.account,
    By.SERVICE: lambda about, _at, _zone: about.service,
    By.OWNER: lambda about, _at, _zone: about.owner,
}
