"""Reads the settings and says what is wrong with them, key by key."""

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsError,
    TomlConfigSettingsSource,
)

from bot.config.sections import PREFIX, Approver, Channel, Hour, Secrets, Settings, User

PLAIN = ("LAPSE_CONFIG", "LAPSE_LOG")
CREDENTIAL = re.compile(r"LAPSE_ACCOUNT_\w+_(AK|SK|DOMAIN_ID)")


class WrongSetting(Exception):
    """A setting is unknown, missing or not allowed; the message says which and what is."""


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
        raise WrongSetting(_sentences(error, Settings, given=overrides)) from None
    except SettingsError as error:
        names = ", ".join(sorted(overrides))
        raise WrongSetting(
            f"One of {names} cannot be read. Write lists and tables as JSON in the environment."
        ) from error
    except ValueError as error:  # tomllib's own error says line and column
        raise WrongSetting(f"{path} is not TOML: {error}. Correct it, start again.") from None


def load_secrets(environ: Mapping[str, str]) -> Secrets:
    """Read the secrets and the few plain environment settings; raises WrongSetting."""
    _demand_known_names(environ)
    values = {
        name: environ[name.upper()] for name in Secrets.model_fields if environ.get(name.upper())
    }
    try:
        return Secrets.model_validate(values)
    except ValidationError as error:
        raise WrongSetting(_sentences(error, Secrets, given=environ)) from None


def _file(environ: Mapping[str, str], directory: Path) -> Path | None:
    named = environ.get("LAPSE_CONFIG")
    if named:
        if not Path(named).is_file():
            raise WrongSetting(f"LAPSE_CONFIG names {named}, which is not there. Correct the path.")
        return Path(named)
    default = directory / "lapse.toml"
    return default if default.is_file() else None


def _demand_known_names(environ: Mapping[str, str]) -> None:
    own = [name.upper() for name in Secrets.model_fields if name.upper().startswith(PREFIX)]
    known = sorted((*own, *PLAIN))
    for name in environ:
        plain = name.startswith(PREFIX) and "__" not in name
        if plain and name not in known and not CREDENTIAL.fullmatch(name):
            raise WrongSetting(_unknown(name, known, name))


def _demand_known_sections(overrides: Mapping[str, str]) -> None:
    for name in overrides:
        section = name[len(PREFIX) :].split("__", 1)[0].lower()
        if section and section not in Settings.model_fields and not section.startswith("account_"):
            sections = {f"{PREFIX}{field.upper()}__": field for field in Settings.model_fields}
            near = difflib.get_close_matches(section, sections.values(), n=1, cutoff=0.5)
            known = next((k for k, field in sections.items() if field in near), None)
            hint = f"Did you mean `{known}…`?" if known else f"Known are {', '.join(sections)}."
            raise WrongSetting(f"`{name}` is not a setting. {hint}")


def _sentences(error: ValidationError, model: type[BaseModel], *, given: Collection[str]) -> str:
    """What is wrong; `given` are the names in the environment that could have said it."""
    return " ".join(_sentence(each, model, given) for each in error.errors(include_url=False))


def _sentence(error: ErrorDetails, model: type[BaseModel], given: Collection[str]) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if model is Secrets:
        key = key.upper()
    if error["type"] == "extra_forbidden":
        return _unknown(key, _siblings(error["loc"], model), str(error["loc"][-1]))
    if error["type"] == "missing":
        return f"`{key}` is missing. Add it to lapse.toml."
    variable = PREFIX + key.upper().replace(".", "__")
    said_there = model is Secrets or variable in {name.upper() for name in given}
    where = "Correct the environment." if said_there else "Correct lapse.toml."
    shown = "not allowed" if _is_secret(key) else _shown(error["input"])
    return f"`{key}` is {shown}; {_allowed(error)}. {where}"


def _is_secret(key: str) -> bool:
    return any(word in key for word in ("TOKEN", "SECRET", "KEY"))


def _shown(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _allowed(error: ErrorDetails) -> str:
    context: Mapping[str, Any] = error.get("ctx", {})
    match error["type"]:
        case "int_parsing" | "int_type" | "int_from_float":
            return "allowed are " + _LIMITS.get(str(error["loc"][-1]), "whole numbers")
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
    "unknown_after_hours": "1 to 168",
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
