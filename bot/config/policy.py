"""The settings as the rules and the use cases need them."""

from collections.abc import Mapping
from datetime import time, timedelta
from zoneinfo import ZoneInfo

from bot.billing.account import Account, CarriedOut, ExecuteMode, Site
from bot.billing.money import Money
from bot.billing.reminder import Schedule
from bot.billing.rulesets import UnknownRuleSet, rule_set
from bot.billing.subscription import AccountName, SlackChannel, SlackUser
from bot.config.loading import WrongSetting
from bot.config.sections import AccountSection, Settings
from bot.services.pacing import Limits, Rate
from bot.services.policy import (
    ApprovalRule,
    NeedingApproval,
    Policy,
    Route,
    WhenUnknown,
)

POSTS_AT_ONCE = 6
UPDATES_AT_ONCE = 10
"""What may go out together after a calm while; the more it is, the slower the rest of the minute.

Of posts one more than 300 a minute are in a second, which is how often messages are sent: with
fewer some of each second's would be lost.
"""


def accounts_of(settings: Settings) -> Mapping[AccountName, Account]:
    """The accounts as the billing rules know them; raises WrongSetting for a foreign rule set."""
    accounts = {
        AccountName(name): _account(AccountName(name), section)
        for name, section in settings.accounts.items()
    }
    for account in accounts.values():
        try:
            rule_set(account)
        except UnknownRuleSet as error:
            raise WrongSetting(f"`accounts.{account.name}.rules`: {error}") from None
    return accounts


def _account(name: AccountName, section: AccountSection) -> Account:
    return Account(
        name=name,
        provider=section.provider,
        site=Site(section.site),
        rules=section.rules,
        execute=ExecuteMode(section.mode),
        deduction_days_before=section.deduction_days_before,
        customer_tier=section.customer_tier,
        five_day_returns_used=section.five_day_returns_used,
        fee_waiver=section.fee_waiver,
        cooling_off_minutes=section.cooling_off_minutes,
        carried_out=CarriedOut(section.carried_out),
    )


def limits_of(settings: Settings) -> Limits:
    """How fast messages go out."""
    slack = settings.slack
    return Limits(
        post=Rate.a_minute(slack.posts_per_minute, at_once=POSTS_AT_ONCE),
        update=Rate.a_minute(slack.updates_per_minute, at_once=UPDATES_AT_ONCE),
        channel=Rate.a_minute(slack.posts_per_minute_and_channel),
    )


def policy_of(settings: Settings) -> Policy:
    """The settings as use cases need them; without channels a bot cannot be started."""
    return Policy(
        approvals_channel=SlackChannel(settings.slack.approvals_channel or ""),
        reminders_channel=SlackChannel(settings.slack.reminders_channel or ""),
        schedule=Schedule(
            lead_days=settings.reminders.lead_days,
            at=time.fromisoformat(settings.reminders.at),
            zone=ZoneInfo(settings.reminders.timezone),
        ),
        routes=tuple(
            Route(
                channel=SlackChannel(route.channel),
                lead_days=route.lead_days,
                service=route.match.service,
                account=route.match.account,
                region=route.match.region,
                tag=route.match.tag,
            )
            for route in settings.slack.routes
        ),
        holidays=settings.reminders.holidays,
        approvers=settings.approvals.approvers,
        break_glass=settings.approvals.break_glass,
        required=settings.approvals.required,
        needing_approval=NeedingApproval(
            autorenew_off=settings.approvals.autorenew_off,
            autorenew_on=settings.approvals.autorenew_on,
            give_back=settings.approvals.give_back,
        ),
        rules=tuple(
            ApprovalRule(
                required=rule.required,
                account=rule.account,
                service=rule.service,
                tag=rule.tag,
                min_amount=Money(rule.min_amount, rule.currency)
                if rule.min_amount is not None and rule.currency
                else None,
            )
            for rule in settings.approvals.rules
        ),
        expires_after_hours=settings.approvals.expires_after_hours,
        cooling_off_minutes=settings.approvals.cooling_off_minutes,
        operators=tuple(SlackUser(user) for user in settings.operators.users),
        amounts_for_everyone=settings.privacy.amounts == "everyone",
        when_unknown=WhenUnknown(
            repeats=settings.slack.when_unknown == "repeat",
            after=timedelta(hours=settings.slack.unknown_after_hours),
        ),
    )
