"""What the settings decide for use cases: where reminders go, who approves, how long it takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.billing.account import Account
from bot.billing.change import Change
from bot.billing.money import Money
from bot.billing.quote import Scope
from bot.billing.reminder import Schedule
from bot.billing.subscription import Kind, SlackChannel, SlackUser, Subscription

NOT_REPEATED = "Slack has not confirmed it, and the settings forbid to repeat it."


@dataclass(frozen=True, slots=True, kw_only=True)
class WhenUnknown:
    """What becomes of a message whose conversation cannot be read for so long.

    It `repeats` with a note that it may be there already, or is never posted again.
    """

    repeats: bool = True
    after: timedelta = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where reminders of matching subscriptions go; what is None matches everything.

    `tag` is a label's name, or `name=value`. `lead_days` None means the common ones.
    """

    channel: SlackChannel
    service: str | None = None
    account: str | None = None
    region: str | None = None
    kind: Kind | None = None
    tag: str | None = None
    lead_days: tuple[int, ...] | None = None

    @property
    def matches(self) -> str:
        """The conditions as they are written in filters, `account:prod service:SecMaster`."""
        conditions = {
            "service": self.service,
            "account": self.account,
            "region": self.region,
            "kind": self.kind,
            "tag": self.tag,
        }
        return " ".join(f"{name}:{value}" for name, value in conditions.items() if value)

    def claims(self, subscription: Subscription) -> bool:
        """Whether every condition of this route holds for a subscription."""
        pairs = (
            (self.service, subscription.service),
            (self.account, subscription.key.account),
            (self.region, subscription.region),
            (self.kind, subscription.kind),
        )
        if any(wanted is not None and wanted != found for wanted, found in pairs):
            return False
        return self.tag is None or bears(subscription, self.tag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stake:
    """What a request is about in money: a sum per currency, and in which an amount is not known."""

    known: tuple[Money, ...]
    unknown: frozenset[str] = frozenset()

    def reaches(self, least: Money) -> bool:
        """Whether it may be so much: what is not known may be."""
        same = (each for each in self.known if each.currency == least.currency)
        return least.currency in self.unknown or any(each >= least for each in same)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRule:
    """More approvals for some requests; what is None matches everything.

    One subscription has to fit `account`, `service` and `tag` (a label's name, or `name=value`).
    `min_amount` compares with the sum that is at stake, in its own currency alone.
    """

    required: int
    min_amount: Money | None = None
    account: str | None = None
    service: str | None = None
    tag: str | None = None

    @property
    def words(self) -> str:
        """What it is about, `for prod, from USD 10,000.00`; nothing of one without conditions."""
        about = [each for each in (self.account, self.service, self.tag) if each]
        least = [f"from {self.min_amount}"] if self.min_amount is not None else []
        return ", ".join([*([f"for {' '.join(about)}"] if about else []), *least])

    def applies(self, subscriptions: Sequence[Subscription], *, stake: Stake) -> bool:
        """Whether the rule is about a request for these subscriptions of one account."""
        if not any(self._fits(each) for each in subscriptions):
            return False
        return self.min_amount is None or stake.reaches(self.min_amount)

    def _fits(self, subscription: Subscription) -> bool:
        pairs = ((self.account, subscription.key.account), (self.service, subscription.service))
        if any(wanted is not None and wanted != found for wanted, found in pairs):
            return False
        return self.tag is None or bears(subscription, self.tag)


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedingApproval:
    """Which of the small changes a second person has to approve; unsubscribing always is."""

    autorenew_off: bool = False
    autorenew_on: bool = True
    give_back: bool = True

    def of(self, change: Change, scope: Scope = Scope.ALL) -> bool:
        """Whether such a request waits for somebody."""
        if change is Change.RENEWAL_ON:
            return self.autorenew_on
        if change is Change.RENEWAL_OFF:
            return self.autorenew_off
        return scope is Scope.ALL or self.give_back


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The settings that use cases need (contract, section 3).

    `approvers` and `break_glass` are users (U…, W…) and user groups (S…); `holidays` are ISO 3166
    codes.
    """

    approvals_channel: SlackChannel
    reminders_channel: SlackChannel
    schedule: Schedule
    routes: tuple[Route, ...] = ()
    holidays: tuple[str, ...] = ("CN",)
    approvers: tuple[str, ...] = ()
    break_glass: tuple[str, ...] = ()
    required: int = 1
    needing_approval: NeedingApproval = NeedingApproval()
    rules: tuple[ApprovalRule, ...] = ()
    expires_after_hours: int = 72
    cooling_off_minutes: int = 5
    operators: tuple[SlackUser, ...] = ()
    amounts_for_everyone: bool = True
    when_unknown: WhenUnknown = WhenUnknown()

    def route(self, subscription: Subscription) -> Route | None:
        """The first route that claims a subscription."""
        return next((route for route in self.routes if route.claims(subscription)), None)

    def destination(self, subscription: Subscription) -> tuple[SlackChannel, Schedule]:
        """Its own channel, else the first matching route, else the common one; with the leads.

        A subscription with a channel of its own takes the leads of its first matching route.
        """
        route = self.route(subscription)
        schedule = self.schedule
        if route is not None and route.lead_days is not None:
            schedule = Schedule(
                lead_days=route.lead_days, at=self.schedule.at, zone=self.schedule.zone
            )
        routed = route.channel if route is not None else self.reminders_channel
        return subscription.channel or routed, schedule

    def required_for(
        self,
        subscriptions: Sequence[Subscription],
        *,
        stake: Stake,
        change: Change = Change.UNSUBSCRIBE,
        scope: Scope = Scope.ALL,
    ) -> int:
        """How many approvals a request needs: the strictest of the rules that apply.

        None where the settings ask for none of such a change. At stake is what was paid for what
        goes, or is deducted when auto-renewal is on.
        """
        if not self.needing_approval.of(change, scope):
            return 0
        strict = (rule.required for rule in self.rules if rule.applies(subscriptions, stake=stake))
        return max(self.required, *strict, 1)

    def asks_for(
        self, required: int, subscriptions: Sequence[Subscription], *, stake: Stake
    ) -> str | None:
        """What makes a request need so many approvals, where that is a rule and not all of them."""
        if required <= max(self.required, 1):
            return None
        asking = (rule for rule in self.rules if rule.required == required)
        applying = (rule.words for rule in asking if rule.applies(subscriptions, stake=stake))
        return next(applying, None) or None

    def cooling_off_minutes_of(self, account: Account) -> int:
        """The minutes between the last approval and the execution, as the account or all set it."""
        own = account.cooling_off_minutes
        return self.cooling_off_minutes if own is None else own


def bears(subscription: Subscription, tag: str) -> bool:
    """Whether a subscription has a label `name`, or `name=value`."""
    name, separator, value = tag.partition("=")
    return name in subscription.tags and (not separator or subscription.tags[name] == value)
