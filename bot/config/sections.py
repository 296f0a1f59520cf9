"""What can be set, section by section, with the values that are allowed."""

import re
from decimal import Decimal
from typing import Annotated, Literal, Self
from zoneinfo import available_timezones

import holidays
from babel.numbers import list_currencies
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.billing import rulesets

PREFIX = "LAPSE_"
RULE_SETS = tuple(rules.id for rules in rulesets.RULE_SETS)
BASE_URL = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?")
AUDIT_KEY_LENGTH = 16
ENCRYPTION_KEY = re.compile(r"[A-Za-z0-9_-]{43}=")


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("allowed are IANA zones, for example Asia/Shanghai")
    return name


def _known_country(code: str) -> str:
    if code not in holidays.list_supported_countries(include_aliases=False):
        raise ValueError("allowed are ISO 3166 country codes, for example CN")
    return code


def _known_rules(name: str) -> str:
    if name and name not in RULE_SETS:
        raise ValueError("allowed are " + ", ".join(RULE_SETS))
    return name


def _base_url(url: str) -> str:
    if not BASE_URL.fullmatch(url):
        raise ValueError("allowed is an address like https://slack.com/api/")
    return url if url.endswith("/") else f"{url}/"


def _named(tag: str) -> str:
    if not tag.partition("=")[0]:
        raise ValueError("allowed is a tag's name, or name=value")
    return tag


LeadDays = Annotated[tuple[Annotated[int, Field(ge=1, le=366)], ...], Field(min_length=1)]
Hour = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Channel = Annotated[str, Field(pattern=r"^[CG][A-Z0-9]+$")]
User = Annotated[str, Field(pattern=r"^[UW][A-Z0-9]+$")]
Approver = Annotated[str, Field(pattern=r"^[UWS][A-Z0-9]+$")]
Tag = Annotated[str, AfterValidator(_named)]


class Section(BaseModel):
    """A part of the settings; unknown keys stop the start."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RouteMatch(Section):
    """Which subscriptions a route claims; what is not named matches everything."""

    service: str | None = None
    account: str | None = None
    region: str | None = None
    tag: Tag | None = None


class Route(Section):
    """Where reminders of the matching subscriptions go; the first match wins."""

    match: RouteMatch
    channel: Channel
    lead_days: LeadDays | None = None


class Slack(Section):
    """Channels, by id, how fast messages go out (0 sets no limit), and what stays unknown."""

    approvals_channel: Channel | None = None
    reminders_channel: Channel | None = None
    routes: tuple[Route, ...] = ()
    posts_per_minute: Annotated[int, Field(ge=0, le=10_000)] = 300
    posts_per_minute_and_channel: Annotated[int, Field(ge=0, le=1_000)] = 60
    updates_per_minute: Annotated[int, Field(ge=0, le=10_000)] = 50
    when_unknown: Literal["repeat", "silent"] = "repeat"
    unknown_after_hours: Annotated[int, Field(ge=1, le=168)] = 6


class Reminders(Section):
    """When reminders fall due, in the reader's zone."""

    lead_days: LeadDays = (30, 14, 7, 3, 1)
    at: Hour = "09:00"
    timezone: Annotated[str, AfterValidator(_known_zone)] = "Asia/Shanghai"
    holidays: tuple[Annotated[str, AfterValidator(_known_country)], ...] = ("CN",)


class ApprovalRule(Section):
    """More approvals from an amount on, or for an account, service or tag."""

    min_amount: Annotated[Decimal, Field(ge=0)] | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    account: str | None = None
    service: str | None = None
    tag: Tag | None = None
    required: Annotated[int, Field(ge=1, le=10)]

    @field_validator("currency", mode="after")
    @classmethod
    def _known_currency(cls, code: str | None) -> str | None:
        if code is not None and code not in list_currencies():
            raise ValueError("allowed are ISO 4217 codes, for example USD")
        return code

    @model_validator(mode="after")
    def _amount_has_currency(self) -> Self:
        if (self.min_amount is None) != (self.currency is None):
            raise ValueError("`min_amount` and `currency` go together")
        return self


class Approvals(Section):
    """Who decides, how many of them, and for how long; which small changes need a decision."""

    approvers: tuple[Approver, ...] = ()
    required: Annotated[int, Field(ge=1, le=10)] = 1
    expires_after_hours: Annotated[int, Field(ge=1, le=720)] = 72
    cooling_off_minutes: Annotated[int, Field(ge=0, le=1440)] = 5
    rules: tuple[ApprovalRule, ...] = ()
    break_glass: tuple[Approver, ...] = ()
    autorenew_off: bool = False
    autorenew_on: bool = True
    give_back: bool = True


class Operators(Section):
    """Who hears of trouble."""

    users: tuple[User, ...] = ()
    webhook: str = ""


class Privacy(Section):
    """Who sees amounts in channels."""

    amounts: Literal["everyone", "owners-and-approvers"] = "everyone"


class AccountSection(Section):
    """One account at a cloud; every key is valid for every provider."""

    provider: Literal["ledger", "huaweicloud"] = "ledger"
    site: Literal["cn", "intl", "eu"] = "intl"
    rules: Annotated[str, AfterValidator(_known_rules)] = ""
    endpoint: str = ""
    secmaster_endpoint: str = ""
    secmaster_projects: dict[str, str] = Field(default_factory=dict)
    execute: Literal["dry-run", "live"] | None = None
    deduction_days_before: Annotated[int, Field(ge=2, le=7)] = 7
    customer_tier: Literal["V0", "V1", "V2", "V3", "V4", "V5"] = "V3"
    five_day_returns_used: Annotated[int, Field(ge=0, le=10)] = 0
    fee_waiver: bool = False
    cooling_off_minutes: Annotated[int, Field(ge=0, le=1440)] | None = None
    carried_out: Literal["api", "by-hand"] = "api"

    @property
    def mode(self) -> str:
        """Dry run for real clouds unless set to live; the ledger is live."""
        return self.execute or ("live" if self.provider == "ledger" else "dry-run")


class Settings(BaseSettings):
    """Everything of `lapse.toml`."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=PREFIX, env_nested_delimiter="__"
    )

    slack: Slack = Slack()
    reminders: Reminders = Reminders()
    approvals: Approvals = Approvals()
    operators: Operators = Operators()
    privacy: Privacy = Privacy()
    accounts: dict[str, AccountSection] = Field(default_factory=dict)

    @field_validator("accounts", mode="after")
    @classmethod
    def _default_account(cls, accounts: dict[str, AccountSection]) -> dict[str, AccountSection]:
        """`default` exists without settings: a ledger of the Intl site."""
        return {"default": AccountSection(), **accounts}


class Secrets(BaseModel):
    """What only the environment says; printing it shows no secret."""

    model_config = ConfigDict(frozen=True)

    slack_bot_token: SecretStr | None = None
    slack_app_token: SecretStr | None = None
    slack_signing_secret: SecretStr | None = None
    slack_client_id: str | None = None
    slack_client_secret: SecretStr | None = None
    slack_api_url: Annotated[str, AfterValidator(_base_url)] = "https://slack.com/api/"
    lapse_database_url: str = "sqlite:///lapse.db"
    lapse_transport: Literal["socket", "http"] = "socket"
    lapse_http_host: str = "127.0.0.1"
    lapse_http_port: Annotated[int, Field(ge=0, le=65535)] = 3000
    lapse_audit_key: SecretStr | None = None
    lapse_encryption_key: SecretStr | None = None

    @field_validator("lapse_audit_key", mode="after")
    @classmethod
    def _long_enough(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value()) < AUDIT_KEY_LENGTH:
            raise ValueError(f"allowed is text of {AUDIT_KEY_LENGTH} characters or more")
        return key

    @field_validator("lapse_encryption_key", mode="after")
    @classmethod
    def _fernet(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and not ENCRYPTION_KEY.fullmatch(key.get_secret_value()):
            raise ValueError("allowed is a Fernet key: 32 bytes in URL-safe base64")
        return key
