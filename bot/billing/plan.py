"""The plan: in which order subscriptions go, what goes along, what is left behind (R8, R9, R35)."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from bot.billing.account import Account
from bot.billing.coherence import UnclearFacts
from bot.billing.edition import is_live_quota
from bot.billing.notices import COLLECTORS
from bot.billing.quote import Case, Notice, Quote, QuoteTotal, Refusal, Scope
from bot.billing.refund import combined, quote
from bot.billing.subscription import (
    BillingMode,
    Kind,
    Package,
    Status,
    Subscription,
    SubscriptionKey,
)

BATCH = 10
"""The cloud takes at most ten main ids a call (API reference, section 2.2)."""

_OVER = frozenset({Status.UNSUBSCRIBED, Status.FAILED, Status.EXPIRED})

Region = str | None
Quotes = dict[SubscriptionKey, Quote]
Refusals = dict[SubscriptionKey, Refusal]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStep:
    """One call to the cloud; starts when the steps it comes `after` (counted from 1) are gone."""

    number: int
    subscriptions: tuple[SubscriptionKey, ...]
    after: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An executable order with its figures; `refused` never appears in a step.

    `subscriptions` are the chosen ones and all around them, at `at`, with `scope`. `total` adds up
    the quotes of the steps; None when nothing goes or currencies differ.
    """

    account: Account
    at: datetime
    scope: Scope
    subscriptions: Mapping[SubscriptionKey, Subscription]
    steps: tuple[PlanStep, ...]
    quotes: Mapping[SubscriptionKey, Quote]
    total: QuoteTotal | None
    refused: Mapping[SubscriptionKey, Refusal]
    left_behind: tuple[SubscriptionKey, ...]
    warnings: tuple[Notice, ...]

    @property
    def going(self) -> tuple[SubscriptionKey, ...]:
        """What goes, in the order in which it goes."""
        return tuple(key for step in self.steps for key in step.subscriptions)

    def total_of(self, step: PlanStep) -> QuoteTotal | None:
        """The figures of one call; None when currencies differ."""
        return _total([self.quotes[key] for key in step.subscriptions])


def plan(
    chosen: Sequence[Subscription],
    *,
    group: Sequence[Subscription],
    account: Account,
    at: datetime,
    scope: Scope = Scope.ALL,
) -> Plan:
    """Order the chosen subscriptions of one account; `group` holds all quotas and packages there.

    Quotas go first; packages follow when the edition of their region reads basic (R8), so they are
    refused while another quota of that account and region stays, which is named. Packages of a
    quota that goes and that are not chosen are left behind (R9). Giving back renewal periods takes
    nothing away, so there is no order and nothing left behind. Source: EU secmaster_04_0018,
    2024-01-05; intl/pt-br secmaster_04_0027.
    """
    wanted = {each.key: each for each in chosen}
    around = {each.key: each for each in group} | wanted
    parts = [each for each in wanted.values() if _is_part(each, wanted)]
    mains = [each for each in wanted.values() if each not in parts]
    packages = [each for each in mains if each.kind is Kind.PACKAGE and scope is Scope.ALL]
    first = sorted((each for each in mains if each not in packages), key=_is_no_quota)

    quotes, refused = _judge(first, account, at=at, scope=scope)
    staying = [each for each in around.values() if is_live_quota(each) and each.key not in quotes]
    blocked = _blocked(packages, staying)
    free = sorted((each for each in packages if each.key not in blocked), key=_package_rank)
    used = sum(each.case is Case.FIVE_DAY for each in quotes.values())
    more, also = _judge(free, _after_returns(account, used), at=at, scope=scope)
    along = [each for each in around.values() if _goes_along(each, quotes)]
    left = [each for each in parts if each not in along]
    _, stuck = _judge(left, account, at=at, scope=scope)
    quotes, refused = quotes | more, refused | blocked | also | stuck

    gone = [around[key] for key in quotes] if scope is Scope.ALL else []
    leaving = [*gone, *along] if scope is Scope.ALL else []
    behind = _left_behind(around.values(), leaving, staying)
    return Plan(
        account=account,
        at=at,
        scope=scope,
        subscriptions=around,
        steps=_steps([around[key] for key in quotes], ordered=scope is Scope.ALL),
        quotes=quotes,
        total=_total(quotes.values()),
        refused=refused,
        left_behind=tuple(each.key for each in behind),
        warnings=(
            *_refusal_notices(refused, around),
            *(_left_behind_notice(each) for each in behind),
            *_afterwards(gone, staying),
            *(_along_notice(each) for each in along if scope is Scope.ALL),
        ),
    )


def _is_part(subscription: Subscription, wanted: Mapping[SubscriptionKey, Subscription]) -> bool:
    """Whether the main resource that it belongs to is chosen as well (R35)."""
    return any(subscription.parent_id == key.id for key in wanted)


def _goes_along(subscription: Subscription, going: Collection[SubscriptionKey]) -> bool:
    """An associated resource goes when its main one does, and is not named in a call (R35).

    One that is merely attached has no main one and is named itself. Source: en-us
    unsubscription_topic_20000083; INTL api_order_00019, 2025-12-29.
    """
    return any(subscription.parent_id == key.id for key in going if key != subscription.key)


def _package_rank(subscription: Subscription) -> int:
    """Packages stand in the order in which the guides name them (R3).

    Source: INTL secmaster_02_1003, 2024-09-27.
    """
    return list(Package).index(subscription.package) if subscription.package else len(Package)


def _is_no_quota(subscription: Subscription) -> bool:
    return subscription.kind is not Kind.QUOTA


def _judge(
    subscriptions: Iterable[Subscription], account: Account, *, at: datetime, scope: Scope
) -> tuple[Quotes, Refusals]:
    """Quotes of those that may go; each five-day return uses one of the year's (R37)."""
    quotes: Quotes = {}
    refused: Refusals = {}
    used = 0
    for each in subscriptions:
        try:
            found = quote(each, _after_returns(account, used), at=at, scope=scope)
        except UnclearFacts as unclear:
            refused[each.key] = Refusal(rule=unclear.rule, reason=unclear.sentence)
            continue
        if found.refused is not None:
            refused[each.key] = found.refused
            continue
        quotes[each.key] = found
        used += found.case is Case.FIVE_DAY
    return quotes, refused


def _after_returns(account: Account, used: int) -> Account:
    return replace(account, five_day_returns_used=account.five_day_returns_used + used)


def _blocked(packages: Iterable[Subscription], staying: Sequence[Subscription]) -> Refusals:
    """R8: packages go only when the edition of their region has fallen back to basic."""
    blocked: Refusals = {}
    for each in packages:
        names = [quota.label for quota in staying if quota.region == each.region]
        if names:
            stays = f"{' and '.join(names)} {'stays' if len(names) == 1 else 'stay'}"
            reason = f"{each.label} cannot go before its edition; {stays}."
            blocked[each.key] = Refusal(rule="R8", reason=reason)
    return blocked


def _left_behind(
    around: Iterable[Subscription], gone: Sequence[Subscription], staying: Sequence[Subscription]
) -> list[Subscription]:
    """R9: prepaid packages of a region that loses its last quota, and that do not go themselves.

    Pay-per-use ones are cancelled together with their quota, so none of them stays (R10). Source:
    EU secmaster_04_0018, 2024-01-05; intl/pt-br secmaster_02_1006, 2025-01-20.
    """
    basic = _regions_without_edition(gone, staying)
    keys = {each.key for each in gone}
    return [
        each
        for each in around
        if each.kind is Kind.PACKAGE
        and each.region in basic
        and each.key not in keys
        and each.status not in _OVER
        and each.billing_mode is not BillingMode.PAY_PER_USE
    ]


def _regions_without_edition(
    gone: Iterable[Subscription], staying: Iterable[Subscription]
) -> Collection[Region]:
    kept = {each.region for each in staying}
    return {each.region for each in gone if each.kind is Kind.QUOTA} - kept


def _steps(going: Sequence[Subscription], *, ordered: bool) -> tuple[PlanStep, ...]:
    """Calls of at most ten: quotas by region, everything else, then packages by region."""
    steps: list[PlanStep] = []
    quotas = [each for each in going if each.kind is Kind.QUOTA and ordered]
    packages = [each for each in going if each.kind is Kind.PACKAGE and ordered]
    others = [each for each in going if each not in quotas and each not in packages]
    after: dict[Region, tuple[int, ...]] = {}
    for region, members in _by_region(quotas):
        after[region] = _add(steps, members, after=())
    _add(steps, others, after=())
    for region, members in _by_region(packages):
        _add(steps, members, after=after.get(region, ()))
    return tuple(steps)


def _by_region(
    subscriptions: Iterable[Subscription],
) -> Iterable[tuple[Region, list[Subscription]]]:
    regions: dict[Region, list[Subscription]] = {}
    for each in subscriptions:
        regions.setdefault(each.region, []).append(each)
    return regions.items()


def _add(
    steps: list[PlanStep], members: Iterable[Subscription], *, after: tuple[int, ...]
) -> tuple[int, ...]:
    """Append calls of at most ten; returns their numbers."""
    numbers = []
    for batch in _batches(members):
        number = len(steps) + 1
        steps.append(PlanStep(number=number, subscriptions=batch, after=after))
        numbers.append(number)
    return tuple(numbers)


def _batches(members: Iterable[Subscription]) -> Iterator[tuple[SubscriptionKey, ...]]:
    keys = (each.key for each in members)
    while batch := tuple(islice(keys, BATCH)):
        yield batch


def _total(quotes: Collection[Quote]) -> QuoteTotal | None:
    totals = [each.total for each in quotes if each.total is not None]
    return combined(totals) if len({each.currency for each in quotes}) == 1 else None


def _refusal_notices(
    refused: Refusals, around: Mapping[SubscriptionKey, Subscription]
) -> Iterator[Notice]:
    """What was chosen and does not go, so that a plan never leaves it out silently."""
    for key, why in refused.items():
        label = around[key].label
        text = why.reason if why.reason.startswith(label) else f"{label}: {why.reason}"
        yield Notice(rule=why.rule, text=text)


_ENDS = {
    True: "renews by itself",
    False: "runs to the end of its term",
    None: "renews by itself if auto-renewal is on, which is not known",
}


def _left_behind_notice(package: Subscription) -> Notice:
    ends = _ENDS[package.auto_renew]
    text = f"{package.label} stops working without its edition, stays paid for and {ends}."
    return Notice(rule="R9", text=text)


def _afterwards(gone: Sequence[Subscription], staying: Sequence[Subscription]) -> Iterator[Notice]:
    """R11: what data collection leaves behind keeps costing."""
    if _regions_without_edition(gone, staying):
        yield Notice(rule="R11", text=COLLECTORS)


def _along_notice(subscription: Subscription) -> Notice:
    text = f"{subscription.label} goes along with {subscription.parent_id}."
    return Notice(rule="R35", text=text)
