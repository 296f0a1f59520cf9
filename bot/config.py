"""The settings: `lapse.toml`, overridden by `LAPSE_SECTION__KEY`; secrets from the environment."""

import difflib
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args
from zoneinfo import ZoneInfo, available_timezones

import holidays
from babel.numbers import list_currencies
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from bot.billing import rulesets

PREFIX = "LAPSE_"
RULE_SETS = tuple(rules.id for rules in rulesets.RULE_SETS)
ENCRYPTION_KEY = re.compile(r"[A-Za-z0-9_-]{43}=")


class WrongSetting(Exception):
    """A setting is unknown, missing or not allowed; the message says which and what is."""


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


LeadDays = Annotated[tuple[Annotated[int, Field(ge=1, le=366)], ...], Field(min_length=1)]
Hour = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Channel = Annotated[str, Field(pattern=r"^[CG][A-Z0-9]+$")]
User = Annotated[str, Field(pattern=r"^[UW][A-Z0-9]+$")]
Approver = Annotated[str, Field(pattern=r"^[UWS][A-Z0-9]+$")]


class Section(BaseModel):
    """A part of the settings; unknown keys stop the start."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RouteMatch(Section):
    """Which subscriptions a route claims; what is not named matches everything."""

    service: str | None = None
    account: str | None = None
    region: str | None = None
    tag: str | None = None


class Route(Section):
    """Where reminders of the matching subscriptions go; the first match wins."""

    match: RouteMatch
    channel: Channel
    lead_days: LeadDays | None = None


class Slack(Section):
    """Channels, by id."""

    approvals_channel: Channel | None = None
    reminders_channel: Channel | None = None
    routes: tuple[Route, ...] = ()


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
    """Who decides, how many of them, and for how long."""

    approvers: tuple[Approver, ...] = ()
    required: Annotated[int, Field(ge=1, le=10)] = 1
    expires_after_hours: Annotated[int, Field(ge=1, le=720)] = 72
    cooling_off_minutes: Annotated[int, Field(ge=0, le=1440)] = 5
    rules: tuple[ApprovalRule, ...] = ()


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
    slack_api_url: str = "https://slack.com/api/"
    lapse_database_url: str = "sqlite:///lapse.db"
    lapse_transport: Literal["socket", "http"] = "socket"
    lapse_http_host: str = "127.0.0.1"
    lapse_http_port: Annotated[int, Field(ge=0, le=65535)] = 3000
    lapse_audit_key: Annotated[SecretStr, Field(min_length=16)] | None = None
    lapse_encryption_key: SecretStr | None = None

    @field_validator("lapse_encryption_key", mode="after")
    @classmethod
    def _fernet(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and not ENCRYPTION_KEY.fullmatch(key.get_secret_value()):
            raise ValueError("allowed is a Fernet key: 32 bytes in URL-safe base64")
        return key


class _Given(EnvSettingsSource):
    """The environment that was handed in, instead of the process's own."""

    def __init__(self, settings: type[BaseSettings], environ: Mapping[str, str]) -> None:
        self._given = {name.lower(): value for name, value in environ.items()}
        super().__init__(settings)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self._given


def load_settings(environ: Mapping[str, str], *, directory: Path) -> Settings:
    """Read `LAPSE_CONFIG` or `lapse.toml` in the directory; raises WrongSetting."""
    path = _file(environ, directory)
    overrides = {k: v for k, v in environ.items() if k.upper().startswith(PREFIX) and "__" in k}
    _demand_known_sections(overrides)

    class Reading(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
            env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            file = (TomlConfigSettingsSource(settings_cls, toml_file=path),) if path else ()
            return (_Given(settings_cls, overrides), *file)

    try:
        return Reading()
    except ValidationError as error:
        raise WrongSetting(_sentences(error, Settings)) from None
    except SettingsError as error:
        names = ", ".join(sorted(overrides))
        raise WrongSetting(
            f"One of {names} cannot be read. Write lists and tables as JSON in the environment."
        ) from error
    except ValueError as error:  # tomllib's own error says line and column
        raise WrongSetting(f"{path} is not TOML: {error}. Correct it, start again.") from None


def load_secrets(environ: Mapping[str, str]) -> Secrets:
    """Read the secrets and the few plain environment settings; raises WrongSetting."""
    values = {
        name: environ[name.upper()] for name in Secrets.model_fields if environ.get(name.upper())
    }
    try:
        return Secrets.model_validate(values)
    except ValidationError as error:
        raise WrongSetting(_sentences(error, Secrets)) from None


def _file(environ: Mapping[str, str], directory: Path) -> Path | None:
    named = environ.get("LAPSE_CONFIG")
    if named:
        if not Path(named).is_file():
            raise WrongSetting(f"LAPSE_CONFIG names {named}, which is not there. Correct the path.")
        return Path(named)
    default = directory / "lapse.toml"
    return default if default.is_file() else None


def _demand_known_sections(overrides: Mapping[str, str]) -> None:
    for name in overrides:
        section = name[len(PREFIX) :].split("__", 1)[0].lower()
        if section and section not in Settings.model_fields and not section.startswith("account_"):
            sections = {f"{PREFIX}{field.upper()}__": field for field in Settings.model_fields}
            near = difflib.get_close_matches(section, sections.values(), n=1, cutoff=0.5)
            known = next((k for k, field in sections.items() if field in near), None)
            hint = f"Did you mean `{known}…`?" if known else f"Known are {', '.join(sections)}."
            raise WrongSetting(f"`{name}` is not a setting. {hint}")


def _sentences(error: ValidationError, model: type[BaseModel]) -> str:
    return " ".join(_sentence(each, model) for each in error.errors(include_url=False))


def _sentence(error: ErrorDetails, model: type[BaseModel]) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if model is Secrets:
        key = key.upper()
    if error["type"] == "extra_forbidden":
        return _unknown(key, _siblings(error["loc"], model), str(error["loc"][-1]))
    if error["type"] == "missing":
        return f"`{key}` is missing. Add it to lapse.toml."
    where = "Correct the environment." if model is Secrets else "Correct lapse.toml."
    shown = "not allowed" if _is_secret(key) else _shown(error["input"])
    return f"`{key}` is {shown}; {_allowed(error)}. {where}"


def _is_secret(key: str) -> bool:
    return any(word in key for word in ("TOKEN", "SECRET", "KEY"))


def _shown(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _allowed(error: ErrorDetails) -> str:
    context: Mapping[str, Any] = error.get("ctx", {})
    match error["type"]:
        case "greater_than_equal" | "less_than_equal":
            return "allowed are " + _LIMITS.get(str(error["loc"][-1]), error["msg"].lower())
        case "literal_error":
            return f"allowed are {context['expected']}"
        case "value_error":
            return str(context["error"])
        case "string_pattern_mismatch":
            return _PATTERNS.get(str(context["pattern"]), error["msg"])
        case _:
            return error["msg"][0].lower() + error["msg"][1:]


_LIMITS = {
    "deduction_days_before": "2 to 7",
    "five_day_returns_used": "0 to 10",
    "required": "1 to 10",
    "expires_after_hours": "1 to 720",
    "cooling_off_minutes": "0 to 1440",
    "LAPSE_HTTP_PORT": "0 to 65535",
    "lapse_http_port": "0 to 65535",
}
_PATTERNS = {
    get_args(Hour)[1].metadata[0].pattern: "allowed is an hour, for example 09:00",
    get_args(Channel)[1].metadata[0].pattern: "allowed is a channel id, for example C0FINOPS",
    get_args(User)[1].metadata[0].pattern: "allowed are user ids, for example U0OPERATOR",
    get_args(Approver)[1].metadata[0].pattern: (
        "allowed are user ids and user group ids, for example U0APPROVER"
    ),
}


def _unknown(key: str, known: Sequence[str], wrong: str) -> str:
    near = difflib.get_close_matches(wrong, known, n=1, cutoff=0.5)
    parent = key.rsplit(".", 1)[0] + "." if "." in key else ""
    others = ", ".join(sorted(known))
    hint = f"Did you mean `{parent}{near[0]}`?" if near else f"Known are {others}."
    return f"`{key}` is not a setting. {hint}"


def _siblings(loc: tuple[int | str, ...], model: type[BaseModel]) -> list[str]:
    """The keys that are known where the unknown one stands."""
    fields = model.model_fields
    for part in loc[:-1]:
        inner = _section_of(fields[part].annotation) if part in fields else None
        fields = inner.model_fields if inner else fields
    return list(fields)


def _section_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_section_of(inner) for inner in get_args(annotation))
    return next((section for section in found if section), None)


def reader_zone(settings: Settings) -> ZoneInfo:
    """The zone of the reader that reminders are written for."""
    return ZoneInfo(settings.reminders.timezone)
