"""Slack's JSON in: what a person typed or pressed becomes a value, here and nowhere else."""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from bot.billing.renewal import CLOUD_ZONE
from bot.billing.subscription import AccountName, Kind, SlackUser, Status, SubscriptionKey
from bot.facts.saving import By, SavingsQuery
from bot.ports.store import ListQuery
from bot.services.errors import DaysOutOfRange, Refused

FILTERS = ("service", "account", "region", "status", "owner", "auto-renew", "due", "kind")
COMMANDS = (
    "list",
    "show",
    "upcoming",
    "unsubscribe",
    "autorenew",
    "requests",
    "savings",
    "delegate",
    "remind",
    "reminders",
    "status",
    "help",
)
DEFAULT_SPAN = 30
LONGEST_SPAN = 366
ME = "@me"
ALL = "all"
NEW = "new"
WAYS = ("on", "off")

_TOKEN = re.compile(r"""(?:[^\s"]|"[^"]*")+""")
_WORD = re.compile(r'"[^"]+"|[^\s,]+')
_USER = re.compile(r"<@([A-Z0-9_-]+)(?:\|[^>]*)?>")
_DUE = re.compile(r"(\d{1,4})d?")

Choice = TypeVar("Choice", bound=StrEnum)


class NotUnderstood(Refused):
    """What was typed has no meaning for Lapse; the advice shows how to write it."""


@dataclass(frozen=True, slots=True)
class Command:
    """The first word after `/lapse`, in lower case, and all that follows."""

    word: str
    rest: str


@dataclass(frozen=True, slots=True)
class Switch:
    """`autorenew on|off ID`."""

    on: bool
    ref: str


def command(body: Mapping[str, Any]) -> Command:
    """Read a slash command; entities are undone, so that ids and names are as typed."""
    word, _, rest = unescaped(body.get("text", "")).strip().partition(" ")
    return Command(word.lower(), rest.strip())


def unescaped(typed: str) -> str:
    """Undo Slack's three entities."""
    return typed.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def nearest_command(word: str) -> str | None:
    """The command that is spelled most like a word that is none."""
    return next(iter(difflib.get_close_matches(word, COMMANDS, n=1, cutoff=0.5)), None)


def list_query(filters: str, *, user: SlackUser, now: datetime, page: int = 1) -> ListQuery:
    """Read `service:SecMaster due:30d words`; raises NotUnderstood with the way to write it.

    `owner:@me` is `user`; `due:30d` counts days from `now` to the end of a day at the cloud.
    """
    query = ListQuery(page=page)
    for token in _TOKEN.findall(filters):
        name, separator, value = token.partition(":")
        if not separator:
            query = replace(query, words=(*query.words, _bare(token)))
        elif name.lower() in _READERS:
            read = _READERS[name.lower()]
            query = read(query, _bare(value), _Asking(user=user, now=now))
        else:
            raise NotUnderstood(f"`{_shown(token)}` is not a filter.", _filters_advice())
    return query


def span(typed: str) -> int:
    """The days of `upcoming`; raises DaysOutOfRange when they are none or too many."""
    digits = typed.strip().lower().removesuffix("d")
    if not digits:
        return DEFAULT_SPAN
    if not (digits.isascii() and digits.isdigit() and 1 <= int(digits[:5]) <= LONGEST_SPAN):
        raise DaysOutOfRange
    return int(digits)


def savings_query(typed: str) -> SavingsQuery:
    """Read `by:month from:2026-01-01 until:2026-12-31`; raises NotUnderstood with the way to."""
    query = SavingsQuery()
    for token in typed.lower().split():
        name, _, value = token.partition(":")
        if name == "by":
            query = replace(query, by=_one_of(By, "by", value))
        elif name == "from":
            query = replace(query, first=_date(name, value))
        elif name == "until":
            query = replace(query, last=_date(name, value))
        elif token != ALL:
            advice = "Write `/lapse savings by:month from:2026-01-01 until:2026-12-31`."
            raise NotUnderstood(f"`{_shown(token)}` says nothing about savings.", advice)
    if query.first and query.last and query.last < query.first:
        raise NotUnderstood(
            f"`until:{query.last}` is before `from:{query.first}`.", "Write the earlier day first."
        )
    return query


def switch(typed: str) -> Switch:
    """Read `on ID` or `off ID`; raises NotUnderstood, which repeats what was said already."""
    word, _, ref = typed.partition(" ")
    way = word.lower()
    if way not in WAYS or not ref.strip():
        raise _incomplete_switch(typed.split())
    return Switch(on=way == "on", ref=reference(ref))


def everywhere(typed: str) -> bool:
    """Whether `reminders` is asked for all destinations; raises NotUnderstood for another word."""
    word = typed.strip().lower()
    if word not in {"", ALL}:
        raise NotUnderstood(
            f"`{_shown(typed)}` says nothing about reminders.",
            "Write `/lapse reminders` for this channel, or `/lapse reminders all`.",
        )
    return word == ALL


def person(typed: str) -> SlackUser | None:
    """The person who is mentioned; None for `new`; raises NotUnderstood for anything else."""
    if typed.strip().lower() == NEW:
        return None
    if found := _USER.fullmatch(typed.strip()):
        return SlackUser(found.group(1))
    raise NotUnderstood(
        f"`{_shown(typed)}` is not a person.",
        "Write `/lapse delegate` alone, or choose a name after @.",
    )


def reference(typed: str) -> str:
    """One subscription's id as typed, backticks and quotation marks taken off."""
    ref = typed.strip().strip("`\"'")
    if not ref:
        raise NotUnderstood("Say which one.", "Write `/lapse show sm-quota`.")
    return ref


def references(typed: str) -> tuple[str, ...]:
    """Several ids, blanks or commas between them, none twice; one with blanks in double quotes."""
    words = (reference(each) for each in _WORD.findall(typed))
    return tuple(dict.fromkeys(words))


def pressed(body: Mapping[str, Any]) -> str:
    """The value of the button, or of the option, that was pressed."""
    [action] = body["actions"]
    option = action.get("selected_option") or {}
    return str(action.get("value") or option.get("value") or "")


def is_button(body: Mapping[str, Any]) -> bool:
    """Whether what was pressed is a button or an entry of a menu, and not a field."""
    return all(action.get("type") in {"button", "overflow"} for action in body["actions"])


def number(body: Mapping[str, Any]) -> int:
    """The request that a button is about."""
    return int(pressed(body))


def tab(body: Mapping[str, Any]) -> str:
    """Which tab of the app was opened: home, messages or about."""
    return str(body["event"].get("tab", ""))


def ticked(body: Mapping[str, Any], action_id: str) -> Sequence[str]:
    """The values of a form's ticked boxes."""
    blocks: Mapping[str, Mapping[str, Any]] = body["view"]["state"]["values"]
    boxes = [block[action_id] for block in blocks.values() if action_id in block]
    return [option["value"] for box in boxes for option in box["selected_options"]]


def typed_so_far(body: Mapping[str, Any]) -> str:
    """What a person has typed into a menu that asks while they type."""
    return str(body.get("value") or "")


def keys(value: str) -> tuple[SubscriptionKey, ...]:
    """The subscriptions that a button carries, each `account/id` on a line of its own."""
    return tuple(_key(each) for each in value.split("\n") if each)


def _key(reference: str) -> SubscriptionKey:
    account, _, id_ = reference.partition("/")
    return SubscriptionKey(AccountName(account), id_)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    user: SlackUser
    now: datetime


def _date(name: str, value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        said = f"`{name}:{_shown(value)}` is not a date."
        raise NotUnderstood(said, f"Write `{name}:2026-12-31`.") from None


def _incomplete_switch(words: Sequence[str]) -> NotUnderstood:
    ways = [each.lower() for each in words if each.lower() in WAYS]
    refs = [shown for each in words if each.lower() not in WAYS and (shown := _shown(each))]
    missing = [*([] if ways else ["on or off"]), *([] if refs else ["which one"])]
    said = f"Say {', and '.join(missing)}." if missing else "Say on or off first."
    way, ref = (ways or ["off"])[0], (refs or ["sm-quota"])[-1]
    return NotUnderstood(said, f"Write `/lapse autorenew {way} {ref}`.")


def _bare(token: str) -> str:
    return token.replace('"', "")


def _shown(token: str) -> str:
    return token.replace("`", "")[:60]


def _filters_advice() -> str:
    return f"Filters: {', '.join(FILTERS)}."


def _owner(query: ListQuery, value: str, asking: _Asking) -> ListQuery:
    if value.lower() in {ME, "me"}:
        return replace(query, owner=asking.user)
    if found := _USER.fullmatch(value):
        return replace(query, owner=SlackUser(found.group(1)))
    raise NotUnderstood(
        f"`owner:{_shown(value)}` is not a person.", "Write `owner:@me` or choose a name after @."
    )


def _auto_renew(query: ListQuery, value: str, _: _Asking) -> ListQuery:
    if value.lower() not in {"on", "off"}:
        raise NotUnderstood(
            f"`auto-renew:{_shown(value)}` is neither on nor off.", "Write `auto-renew:on`."
        )
    return replace(query, auto_renew=value.lower() == "on")


def _due(query: ListQuery, value: str, asking: _Asking) -> ListQuery:
    found = _DUE.fullmatch(value.lower())
    if not found:
        raise NotUnderstood(f"`due:{_shown(value)}` is not a number of days.", "Write `due:30d`.")
    last = asking.now.astimezone(CLOUD_ZONE).date() + timedelta(days=int(found.group(1)) + 1)
    return replace(query, due_before=datetime.combine(last, time(), CLOUD_ZONE))


def _status(query: ListQuery, value: str, _: _Asking) -> ListQuery:
    return replace(query, status=_one_of(Status, "status", value))


def _kind(query: ListQuery, value: str, _: _Asking) -> ListQuery:
    return replace(query, kind=_one_of(Kind, "kind", value))


def _service(query: ListQuery, value: str, _: _Asking) -> ListQuery:
    return replace(query, service=_given("service", value))


def _account(query: ListQuery, value: str, _: _Asking) -> ListQuery:
    return replace(query, account=_given("account", value))


def _region(query: ListQuery, value: str, _: _Asking) -> ListQuery:
    return replace(query, region=_given("region", value))


def _given(name: str, value: str) -> str:
    if not value:
        raise NotUnderstood(f"`{name}:` has no value.", f"Write the {name} right after the colon.")
    return value


def _one_of(choices: type[Choice], name: str, value: str) -> Choice:
    known = [choice.value for choice in choices]
    if value.lower() in known:
        return choices(value.lower())
    near = difflib.get_close_matches(value.lower(), known, n=1, cutoff=0.5)
    advice = f"Write `{name}:{near[0]}`." if near else f"It is one of {', '.join(known)}."
    raise NotUnderstood(f"`{name}:{_shown(value)}` is not a {name}.", advice)


_READERS: Mapping[str, Callable[[ListQuery, str, _Asking], ListQuery]] = {
    "service": _service,
    "account": _account,
    "region": _region,
    "status": _status,
    "owner": _owner,
    "auto-renew": _auto_renew,
    "due": _due,
    "kind": _kind,
}


def button(body: Mapping[str, Any]) -> str:
    """The name of what was pressed or sent; of a command, with its first word."""
    if "command" in body:
        return " ".join([str(body["command"]), *str(body.get("text") or "").split()[:1]])
    for action in body.get("actions") or ():
        return str(action.get("action_id", ""))
    return str(body.get("view", {}).get("callback_id", ""))


def origin(body: Mapping[str, Any], channel: str) -> Mapping[str, object]:
    """Where in Slack somebody acted: the workspace, and the channel unless it is a private one."""
    team = body.get("team_id") or (body.get("team") or {}).get("id") or ""
    where = "direct" if channel.startswith("D") else channel
    told = {"slack": team, "channel": where}
    return {name: value for name, value in told.items() if value}
