"""Turns what the page sends into Slack's own shapes, and checks forms as Slack's client does.

The page speaks in compact values: an option's value, a date, a list of ids; None is empty.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from bot.localslack.blockkit.elements import STATEFUL, Placed, options_of, placed
from bot.localslack.failure import SlackError

State = Mapping[str, Mapping[str, Any]]
"""Compact values by block id and action id."""

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_URL: Final = re.compile(r"https?://[^\s/]+\S*")

# element type: (key of the chosen value in a payload, key of the initial value, compact kind)
_FORMS: Final[Mapping[str, tuple[str, str, str]]] = {
    "static_select": ("selected_option", "initial_option", "option"),
    "radio_buttons": ("selected_option", "initial_option", "option"),
    "external_select": ("selected_option", "initial_option", "whole"),
    "overflow": ("selected_option", "initial_option", "option"),
    "checkboxes": ("selected_options", "initial_options", "options"),
    "multi_static_select": ("selected_options", "initial_options", "options"),
    "multi_external_select": ("selected_options", "initial_options", "wholes"),
    "users_select": ("selected_user", "initial_user", "plain"),
    "conversations_select": ("selected_conversation", "initial_conversation", "plain"),
    "channels_select": ("selected_channel", "initial_channel", "plain"),
    "multi_users_select": ("selected_users", "initial_users", "list"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations", "list"),
    "multi_channels_select": ("selected_channels", "initial_channels", "list"),
    "datepicker": ("selected_date", "initial_date", "plain"),
    "timepicker": ("selected_time", "initial_time", "plain"),
    "datetimepicker": ("selected_date_time", "initial_date_time", "plain"),
    "plain_text_input": ("value", "initial_value", "text"),
    "number_input": ("value", "initial_value", "text"),
    "email_text_input": ("value", "initial_value", "text"),
    "url_text_input": ("value", "initial_value", "text"),
    "rich_text_input": ("rich_text_value", "initial_value", "rich"),
    "file_input": ("files", "initial_files", "files"),
}


def expanded(element: Mapping[str, Any], compact: Any) -> dict[str, Any]:
    """An element's value as Slack's payloads carry it; raises `no_such_element` for no option."""
    kind = str(element["type"])
    key, _, form = _FORMS[kind]
    value: dict[str, Any] = {"type": kind, key: _EXPAND[form](element, compact)}
    if kind == "timepicker" and element.get("timezone"):
        value["timezone"] = element["timezone"]
    return value


def _option(element: Mapping[str, Any], compact: Any) -> Any:
    if compact in (None, ""):
        return None
    for option in options_of(element):
        if option.get("value") == compact:
            return dict(option)
    raise SlackError("no_such_element")


def _options(element: Mapping[str, Any], compact: Any) -> Any:
    if compact is not None and not isinstance(compact, list):
        raise SlackError("no_such_element")
    return [_option(element, each) for each in compact or []]


def _whole(_element: Mapping[str, Any], compact: Any) -> Any:
    if compact is None:
        return None
    if not isinstance(compact, dict) or "value" not in compact or "text" not in compact:
        raise SlackError("no_such_element")
    return {name: compact[name] for name in ("text", "value", "description") if name in compact}


def _wholes(element: Mapping[str, Any], compact: Any) -> Any:
    return [_whole(element, each) for each in compact or []]


def _plain(_element: Mapping[str, Any], compact: Any) -> Any:
    return None if compact == "" else compact


def _list(_element: Mapping[str, Any], compact: Any) -> Any:
    return list(compact or [])


def _files(_element: Mapping[str, Any], compact: Any) -> Any:
    """Files stay whole, as the page was told of them when they were given."""
    if not all(isinstance(each, dict) and each.get("id") for each in compact or []):
        raise SlackError("no_such_element")
    return list(compact or [])


def _rich(_element: Mapping[str, Any], compact: Any) -> Any:
    if not isinstance(compact, str):
        return compact
    inside = {"type": "rich_text_section", "elements": [{"type": "text", "text": compact}]}
    return {"type": "rich_text", "elements": [inside]} if compact else None


_EXPAND: Final[Mapping[str, Callable[[Mapping[str, Any], Any], Any]]] = {
    "option": _option,
    "options": _options,
    "whole": _whole,
    "wholes": _wholes,
    "plain": _plain,
    "text": _plain,
    "list": _list,
    "files": _files,
    "rich": _rich,
}


def initial(element: Mapping[str, Any]) -> Any:
    """The compact value that an element starts with."""
    _, name, form = _FORMS[str(element["type"])]
    value = element.get(name)
    if value is None:
        return None
    if form == "option":
        return value.get("value")
    if form == "options":
        return [each.get("value") for each in value]
    return value


def compact_of(each: Placed, state: State) -> Any:
    """What a stateful element holds now."""
    touched = state.get(each.block_id, {})
    return touched[each.action_id] if each.action_id in touched else initial(each.element)


def values(blocks: Sequence[Any], state: State) -> dict[str, Any]:
    """`state.values` of a payload: every stateful element, touched or not."""
    found: dict[str, Any] = {}
    for each in placed(blocks):
        if each.kind in STATEFUL:
            value = expanded(each.element, compact_of(each, state))
            found.setdefault(each.block_id, {})[each.action_id] = value
    return found


def kept(blocks: Sequence[Any], state: State) -> dict[str, dict[str, Any]]:
    """What is left of a state when the blocks changed: elements that kept both their ids."""
    found: dict[str, dict[str, Any]] = {}
    for each in placed(blocks):
        touched = state.get(each.block_id, {})
        if each.kind in STATEFUL and each.action_id in touched:
            try:
                expanded(each.element, touched[each.action_id])
            except SlackError:
                continue  # the option is gone, so the element starts anew
            found.setdefault(each.block_id, {})[each.action_id] = touched[each.action_id]
    return found


def form_errors(blocks: Sequence[Any], state: State) -> dict[str, str]:
    """What Slack's client itself would not let through, by block id."""
    errors: dict[str, str] = {}
    for each in placed(blocks):
        if not each.is_input:
            continue
        value = compact_of(each, state)
        if isinstance(value, str) and not value.strip():
            value = None
        if value in (None, []):
            if not each.block.get("optional"):
                errors[each.block_id] = "Fill in this field."
            continue
        sentence = _CHECK.get(each.kind, _fine)(each.element, value)
        if sentence:
            errors[each.block_id] = sentence
    return errors


def _fine(_element: Mapping[str, Any], _value: Any) -> str | None:
    return None


def _length(element: Mapping[str, Any], value: Any) -> str | None:
    least, most = element.get("min_length"), element.get("max_length") or 3000
    if least and len(str(value)) < least:
        return f"Write at least {least:,} characters."
    if len(str(value)) > most:
        return f"Write at most {most:,} characters."
    return None


def _figure(element: Mapping[str, Any], value: Any) -> str | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return "Write a number."
    if not number.is_finite():
        return "Write a number."
    if not element.get("is_decimal_allowed") and number != number.to_integral_value():
        return "Write a whole number."
    least, most = element.get("min_value"), element.get("max_value")
    if least is not None and number < Decimal(str(least)):
        return f"Write a number from {least}."
    if most is not None and number > Decimal(str(most)):
        return f"Write a number up to {most}."
    return None


def _email(_element: Mapping[str, Any], value: Any) -> str | None:
    return None if _EMAIL.fullmatch(str(value)) else "Write an email address."


def _address(_element: Mapping[str, Any], value: Any) -> str | None:
    return None if _URL.fullmatch(str(value)) else "Write an address that begins with https://."


def _some(element: Mapping[str, Any], value: Any) -> str | None:
    most = element.get("max_selected_items")
    return f"Choose at most {most:,}." if most and len(value) > most else None


def _enclosed(element: Mapping[str, Any], value: Any) -> str | None:
    most, kinds = element.get("max_files") or 10, element.get("filetypes")
    if len(value) > most:
        return f"Add at most {most} file{'' if most == 1 else 's'}."
    if kinds and not all(each.get("filetype") in kinds for each in value):
        return f"Files of these kinds are taken: {', '.join(kinds)}."
    return None


_CHECK: Final[Mapping[str, Callable[[Mapping[str, Any], Any], str | None]]] = {
    "plain_text_input": _length,
    "number_input": _figure,
    "email_text_input": _email,
    "url_text_input": _address,
    "file_input": _enclosed,
    **{kind: _some for kind in _FORMS if kind.startswith("multi_")},
}
