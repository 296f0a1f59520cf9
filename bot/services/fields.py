"""The fields of a subscription and its orders, as text of a CSV cell and as a JSON value.

One table for both directions (contract, section 4), so that what is written can be read again.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum

from bot.billing.renewal import CLOUD_ZONE
from bot.billing.subscription import (
    BillingMode,
    Edition,
    Kind,
    OrderType,
    Package,
    Status,
)
from bot.services.phrases import listed, quoted


class BadValue(ValueError):
    """A value that a field does not take; the text says why, for a person."""


@dataclass(frozen=True, slots=True)
class Codec:
    """How a value is read and written; `from_json` gets what a JSON parser made of it."""

    from_text: Callable[[str], object]
    from_json: Callable[[object], object]
    to_text: Callable[[object], str]
    to_json: Callable[[object], object]


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the file, a key of the object and an attribute in one name."""

    name: str
    codec: Codec


LONGEST_ID = 100
"""Characters; with its account it is the value of a choice in Slack, which holds 150."""

_AMOUNT = re.compile(r"[0-9]{1,18}(\.[0-9]{1,8})?")
_WHOLE = re.compile(r"[0-9]{1,9}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_USER = re.compile(r"[UW][A-Z0-9]{1,30}")
_CHANNEL = re.compile(r"[CGD][A-Z0-9]{1,30}")
_YEARS = range(1990, 2200)


def _text(text: str) -> str:
    if "\0" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
        raise BadValue("has a character that no text may have")
    return text


def _id(text: str) -> str:
    if len(text) > LONGEST_ID:
        raise BadValue(f"is longer than {LONGEST_ID} characters")
    return _text(text)


def _amount(text: str) -> Decimal:
    if not _AMOUNT.fullmatch(text):
        raise BadValue(f"{quoted(text)} is not an amount; write it like `3600.00`")
    return Decimal(text)


def _whole(minimum: int, maximum: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not _WHOLE.fullmatch(text) or not minimum <= int(text) <= maximum:
            raise BadValue(f"{quoted(text)} is not a whole number from {minimum} to {maximum:,}")
        return int(text)

    return read


def _flag(text: str) -> bool:
    if text not in {"true", "false"}:
        raise BadValue(f"{quoted(text)} is neither `true` nor `false`")
    return text == "true"


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadValue(
            f"{quoted(text)} is not an instant; write it like `2026-12-07T23:59:59+08:00`"
        ) from None
    if at.tzinfo is None:
        lacking = "offset" if re.search(r"[T ]\d", text) else "hour and offset"
        raise BadValue(f"{quoted(text)} has no {lacking}")
    if at.year not in _YEARS:
        raise BadValue(f"{quoted(text)} is not between {_YEARS[0]} and {_YEARS[-1]}")
    return at.astimezone(CLOUD_ZONE)


def _shaped(pattern: re.Pattern[str], what: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not pattern.fullmatch(text):
            raise BadValue(f"{quoted(text)} is not {what}")
        return text

    return read


def _word(words: type[StrEnum]) -> Callable[[str], StrEnum]:
    def read(text: str) -> StrEnum:
        try:
            return words(text)
        except ValueError:
            known = [word.value for word in words]
            near = get_close_matches(text, known, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"allowed are {listed(known)}"
            raise BadValue(f"{quoted(text)} is not known; {hint}") from None

    return read


def _tags(value: object) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise BadValue('is not a JSON object like `{"team": "security"}`')
    for name, tag in value.items():
        if not isinstance(name, str) or not isinstance(tag, str):
            raise BadValue(f"the label {quoted(str(name))} is not text")
        _text(name + tag)
    return dict(sorted(value.items()))


def _tags_text(text: str) -> Mapping[str, str]:
    try:
        return _tags(json.loads(text))
    except (ValueError, RecursionError) as error:
        if isinstance(error, BadValue):
            raise
        raise BadValue(f"{quoted(text)} is not a JSON object") from None


def _is_text(read: Callable[[str], object]) -> Callable[[object], object]:
    def check(value: object) -> object:
        if not isinstance(value, str):
            raise BadValue(f"{quoted(json.dumps(value))} is not text; put it in quotes")
        return read(_text(value)) if value else None

    return check


def _is_whole(read: Callable[[str], int]) -> Callable[[object], object]:
    def check(value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int):
            raise BadValue(f"{quoted(json.dumps(value))} is not a whole number")
        return read(str(value))

    return check


def _is_flag(value: object) -> object:
    if not isinstance(value, bool):
        raise BadValue(f"{quoted(json.dumps(value))} is neither `true` nor `false`")
    return value


def written_instant(at: datetime) -> str:
    """An instant as files and JSON have it: ISO 8601 at +08:00."""
    return at.astimezone(CLOUD_ZONE).isoformat()


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return written_instant(value)
    return str(value)


def _written_tags(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True) if value else ""


def _sorted_tags(value: object) -> object:
    return dict(sorted(value.items())) if isinstance(value, Mapping) else value


def _same(value: object) -> object:
    return value


def _textual(read: Callable[[str], object]) -> Codec:
    return Codec(read, _is_text(read), _written, _written)


def _numeric(read: Callable[[str], int]) -> Codec:
    return Codec(read, _is_whole(read), _written, _same)


TEXT = _textual(_text)
ID = _textual(_id)
AMOUNT = _textual(_amount)
INSTANT = _textual(_instant)
FLAG = Codec(_flag, _is_flag, _written, _same)
TAGS = Codec(_tags_text, _tags, _written_tags, _sorted_tags)
MONTHS = _numeric(_whole(1, 1200))
DAYS = _numeric(_whole(0, 3660))
USER = _textual(_shaped(_USER, "a Slack user id like `U0123ABCD`"))
CHANNEL = _textual(_shaped(_CHANNEL, "a Slack channel id like `C0123ABCD`"))
CURRENCY = _textual(_shaped(_CURRENCY, "a currency code like `USD`"))

KEY_FIELDS = (Field("account", TEXT), Field("id", ID))

OWN_FIELDS = (
    Field("name", TEXT),
    Field("service", TEXT),
    Field("region", TEXT),
    Field("spec", TEXT),
    Field("quantity", AMOUNT),
    Field("kind", _textual(_word(Kind))),
    Field("edition", _textual(_word(Edition))),
    Field("package", _textual(_word(Package))),
    Field("parent_id", TEXT),
    Field("billing_mode", _textual(_word(BillingMode))),
    Field("status", _textual(_word(Status))),
    Field("auto_renew", FLAG),
    Field("auto_renew_months", MONTHS),
    Field("renewal_price", AMOUNT),
    Field("notice_days", DAYS),
    Field("owner", USER),
    Field("deputy", USER),
    Field("channel", CHANNEL),
    Field("tags", TAGS),
    Field("note", TEXT),
    Field("transaction_in_progress", FLAG),
    Field("renewals_locked", FLAG),
)

ORDER_FIELDS = (
    Field("order_type", _textual(_word(OrderType))),
    Field("term_months", MONTHS),
    Field("effective_at", INSTANT),
    Field("expires_at", INSTANT),
    Field("provisioned_at", INSTANT),
    Field("currency", CURRENCY),
    Field("cash", AMOUNT),
    Field("cash_coupon", AMOUNT),
    Field("flexi_coupon", AMOUNT),
    Field("stored_value", AMOUNT),
    Field("discount_coupon", AMOUNT),
    Field("cash_coupon_expires_at", INSTANT),
    Field("promotion", FLAG),
    Field("invoiced", FLAG),
)

SUBSCRIPTION_FIELDS = KEY_FIELDS + OWN_FIELDS
FIELDS = SUBSCRIPTION_FIELDS + ORDER_FIELDS
COLUMNS = tuple(field.name for field in FIELDS)
BY_NAME = {field.name: field for field in FIELDS}


def nearest(name: str, known: tuple[str, ...]) -> str | None:
    """The known name that an unknown one was probably meant to be; `prise` is `renewal_price`."""
    whole = get_close_matches(name, known, n=1)
    if whole:
        return whole[0]
    parts = {part: each for each in reversed(known) for part in each.split("_")}
    part = get_close_matches(name, parts, n=1)
    return parts[part[0]] if part else None
