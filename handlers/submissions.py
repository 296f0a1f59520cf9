"""Slack's JSON in, for forms and decisions: what was filled in, pressed or chosen, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from bot.billing.quote import Scope
from bot.billing.subscription import SlackUser, SubscriptionKey
from bot.billing.unsubscription import Reason
from bot.facts.delegating import DelegationWish
from bot.facts.unsubscribing import Submission
from handlers import forms, ids
from handlers.forms import Carried, Filled, read_key

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """A reminder's button or menu: the message, the subscriptions, what was chosen in a menu."""

    delivery: str
    keys: tuple[SubscriptionKey, ...]
    choice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """The reason that a modal asked for, and the evidence where it asks for that too.

    `file` is where Slack shows the file that was given as evidence.
    `shown` is the acknowledgement, or the turn of a checklist, that the modal was about.
    """

    number: int
    shown: int
    why: str
    evidence: str
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A modal as Slack has it: its id, and the hash that guards newer content."""

    id: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snoozed:
    """The modal *Snooze*: the reminder, and the instant chosen, None when none is."""

    press: Press
    until: datetime | None
    another: bool


class _Reference(NamedTuple):
    number: int
    shown: int


def number(body: Body) -> int:
    """The request that a button is about."""
    return _reference(value(body)).number


def shown(body: Body) -> int:
    """The acknowledgement, or the turn of a checklist, that the message of a button showed."""
    return _reference(value(body)).shown


def value(body: Body) -> str:
    """What the pressed button carries, or the chosen entry of a menu."""
    [action] = body["actions"]
    option = action.get("selected_option") or {}
    return str(action.get("value") or option.get("value") or "")


def refs(body: Body) -> tuple[str, ...]:
    """The subscriptions that a button names, each on a line."""
    return tuple(each for each in value(body).split("\n") if each)


def chosen(body: Body) -> str:
    """The option that was chosen in a menu."""
    [action] = body["actions"]
    option: Mapping[str, Any] = action.get("selected_option") or {}
    return str(option.get("value", ""))


def carried(body: Body) -> Carried:
    """What the modal carries."""
    return forms.decode(body["view"]["private_metadata"])


def carried_by_button(body: Body) -> Carried:
    """What the form in a message carries, in its buttons."""
    return forms.decode(value(body))


def opened(body: Body) -> Opened:
    """The modal in which something was pressed."""
    view = body["view"]
    return Opened(id=view["id"], hash=view.get("hash", ""))


def filled(body: Body) -> Filled:
    """What stands in the form's fields, in a modal or in a message."""
    fields = _fields(body)
    reason = _option(fields.get(ids.REASON))
    scope = _option(fields.get(ids.SCOPE))
    return Filled(
        reason=Reason(int(reason)) if reason else None,
        details=_text(fields.get(ids.DETAILS)),
        acknowledged=bool(_ticked(fields.get(ids.FEE))),
        packages=_packages(fields),
        scope=Scope(scope) if scope else None,
    )


def submission(carried: Carried, filled: Filled, *, by: SlackUser) -> Submission:
    """The form filled in; ValueError for one that never showed figures."""
    if carried.shown is None or carried.opened_at is None:
        raise ValueError("a form without figures cannot be sent")
    return Submission(
        form=carried.form,
        refs=carried.refs,
        packages=carried.packages,
        scope=carried.scope,
        reason=filled.reason,
        details=filled.details.strip(),
        acknowledged=filled.acknowledged,
        by=by,
        opened_at=carried.opened_at,
        deadline=carried.shown.deadline,
        worst=carried.shown.worst,
        fingerprint=carried.shown.fingerprint,
    )


def fee_block(body: Body) -> str:
    """The block of the checkbox, under which its error stands."""
    values = body["view"]["state"]["values"]
    return next((block for block, inputs in values.items() if ids.FEE in inputs), ids.FEE)


def why(body: Body) -> Why:
    """A modal that asks why; the request's number is its metadata."""
    fields, about = _fields(body), _reference(body["view"]["private_metadata"])
    return Why(
        number=about.number,
        shown=about.shown,
        why=_text(fields.get(ids.WHY)).strip(),
        evidence=_text(fields.get(ids.EVIDENCE)).strip(),
        file=_file(fields.get(ids.EVIDENCE_FILE)),
    )


def ticked_items(body: Body) -> tuple[int, ...]:
    """The numbers of the items that are ticked in a modal about a checklist."""
    fields = _fields(body)
    groups = (_ticked(fields.get(group)) for group in ids.CHECKLIST_GROUPS)
    return tuple(int(each) for ticked in groups for each in ticked)


def delegation(body: Body, *, by: SlackUser) -> DelegationWish:
    """The form *Delegate* filled in; its metadata tells one opened form from another."""
    fields = _fields(body)
    delegate = str(fields.get(ids.DELEGATE_TO, {}).get("selected_user") or "")
    return DelegationWish(
        form=str(body["view"]["private_metadata"]),
        by=by,
        delegate=SlackUser(delegate) if delegate else None,
        first=_day(fields.get(ids.DELEGATE_FIRST)),
        last=_day(fields.get(ids.DELEGATE_LAST)),
        why=_text(fields.get(ids.DELEGATE_WHY)),
    )


def press(body: Body) -> Press:
    """A reminder's button: `delivery account/id`; in a digest's menu the block says it."""
    [action] = body["actions"]
    choice = chosen(body)
    return _press(str(action["block_id"]) if choice else value(body), choice=choice)


def carried_press(body: Body) -> Press:
    """The reminder that a modal carries."""
    return _press(body["view"]["private_metadata"])


def carry(pressed: Press) -> str:
    """A reminder for a modal to carry."""
    return f"{pressed.delivery} {forms.write_keys(pressed.keys)}"


def ticked_keys(body: Body) -> tuple[SubscriptionKey, ...]:
    """The subscriptions that are ticked in *Turn off several*."""
    return tuple(read_key(each) for each in _ticked(_fields(body).get(ids.REMINDER_TICKS)))


def snoozed(body: Body) -> Snoozed:
    """The modal *Snooze*; the instant comes from the radio, or from the picker beside it."""
    fields = _fields(body)
    picked = fields.get(ids.REMINDER_SNOOZE_DAY, {}).get("selected_date_time")
    choice = _option(fields.get(ids.REMINDER_SNOOZE_UNTIL))
    another = not choice.isdigit()
    seconds = picked if another else choice
    return Snoozed(
        press=carried_press(body),
        until=datetime.fromtimestamp(int(seconds), UTC) if seconds else None,
        another=another,
    )


def about(body: Body) -> Sequence[str]:
    """What a button or a modal is about: `request/1042`, or subscriptions as `account/id`."""
    view = body.get("view") or {}
    for action in body.get("actions") or ():
        told = str(action.get("value") or "") or str(action.get("block_id") or "")
        break
    else:
        told = str(view.get("private_metadata") or "")
    return _about(told) or _about(str(view.get("private_metadata") or ""))


def _about(told: str) -> Sequence[str]:
    """Read as whichever of the texts it is that buttons and modals carry."""
    request, _, _ = told.partition("#")
    if request.isdigit():
        return [f"request/{request}"]
    try:
        carried = forms.decode(told)
    except (KeyError, ValueError):
        head, _, keys = told.partition(" ")
        lines = (told if "/" in head else keys).split("\n")
        return [each for each in lines if "/" in each]
    if carried.review_of is not None:
        return [f"request/{carried.review_of}"]
    return carried.refs


def _press(text: str, *, choice: str = "") -> Press:
    head, _, keys = text.partition(" ")
    delivery, _, _ = head.partition("#")  # in a digest the number of the row follows
    return Press(delivery=delivery, keys=forms.read_keys(keys), choice=choice)


def _fields(body: Body) -> Mapping[str, Mapping[str, Any]]:
    """Every input by its action id; of two with the same one, the last."""
    state = body.get("state") or body.get("view", {}).get("state") or {}
    return {
        action: field
        for block in state.get("values", {}).values()
        for action, field in block.items()
    }


def _packages(fields: Mapping[str, Mapping[str, Any]]) -> tuple[SubscriptionKey, ...] | None:
    if ids.PACKAGES not in fields:
        return None
    return tuple(read_key(each) for each in _ticked(fields[ids.PACKAGES]))


def _day(field: Mapping[str, Any] | None) -> date | None:
    chosen = (field or {}).get("selected_date")
    return date.fromisoformat(chosen) if chosen else None


def _option(field: Mapping[str, Any] | None) -> str:
    option = (field or {}).get("selected_option") or {}
    return str(option.get("value", ""))


def _ticked(field: Mapping[str, Any] | None) -> Sequence[str]:
    return [str(option["value"]) for option in (field or {}).get("selected_options") or ()]


def _file(field: Mapping[str, Any] | None) -> str:
    """Where Slack shows the file that was given; its address has the id of the file in it."""
    files = (field or {}).get("files") or ()
    return next((str(each.get("permalink") or "") for each in files), "")


def _text(field: Mapping[str, Any] | None) -> str:
    return str((field or {}).get("value") or "")


def _reference(value: str) -> _Reference:
    """What `request_facts.reference` wrote; a message of an earlier Lapse has the number alone."""
    number, _, shown = value.partition("#")
    return _Reference(int(number), int(shown or 0))
