"""Slack's elements and composition objects as data: what each may hold, and where it may stand."""

from types import MappingProxyType
from typing import Final

from bot.localslack.blockkit.limits import (
    ID_MOST,
    OPTION_TEXT,
    OPTION_VALUE,
    SELECT_OPTIONS,
)
from bot.localslack.blockkit.shapes import (
    Anything,
    Flag,
    Items,
    Number,
    One,
    Rule,
    Shape,
    String,
    Surface,
    Text,
    Thing,
    Typed,
)

BOTH: Final = ("plain_text", "mrkdwn")
PLAIN: Final = ("plain_text",)

IDENTIFIER: Final = String(most=ID_MOST)
_DATE: Final = String(pattern=r"\d{4}-\d{2}-\d{2}")
_HOUR: Final = String(pattern=r"([01]\d|2[0-3]):[0-5]\d")
ADDRESS: Final = String(most=3000, least=1)
_PLACEHOLDER: Final = Text(most=150)
_CONFIRM: Final = Thing(shape="confirm")
_OPTIONS: Final = Items(of=Thing(shape="option"), most=SELECT_OPTIONS)

# reference/block-kit/composition-objects
OBJECTS: Final = MappingProxyType(
    {
        "option": Shape(
            fields={
                "text": Text(most=OPTION_TEXT, required=True),
                "value": String(most=OPTION_VALUE, required=True),
                "description": Text(most=75),
            }
        ),
        # checkboxes and radio buttons may format their texts
        "choice": Shape(
            fields={
                "text": Text(most=OPTION_TEXT, kinds=BOTH, required=True),
                "value": String(most=OPTION_VALUE, required=True),
                "description": Text(most=75, kinds=BOTH),
            }
        ),
        "overflow_option": Shape(
            fields={
                "text": Text(most=OPTION_TEXT, required=True),
                "value": String(most=OPTION_VALUE, required=True),
                "description": Text(most=75),
                "url": ADDRESS,
            }
        ),
        "option_group": Shape(
            fields={
                "label": Text(most=75, required=True),
                "options": Items(of=Thing(shape="option"), most=SELECT_OPTIONS, required=True),
            }
        ),
        "confirm": Shape(
            fields={
                "title": Text(most=100, required=True),
                "text": Text(most=300, kinds=BOTH, required=True),
                "confirm": Text(most=30, required=True),
                "deny": Text(most=30, required=True),
                "style": One(of=("primary", "danger")),
            }
        ),
        "slack_file": Shape(fields={"id": String(), "url": ADDRESS}, one_of=(("id", "url"),)),
        "filter": Shape(
            fields={
                "include": Items(of=One(of=("im", "mpim", "private", "public"))),
                "exclude_external_shared_channels": Flag(),
                "exclude_bot_users": Flag(),
            }
        ),
        "dispatch_action_config": Shape(
            fields={
                "trigger_actions_on": Items(
                    of=One(of=("on_enter_pressed", "on_character_entered")), most=2
                )
            }
        ),
        "style": Shape(
            fields={
                key: Flag()
                for key in ("bold", "italic", "strike", "code", "underline", "highlight")
            }
            | {"client_highlight": Flag(), "unlink": Flag()}
        ),
        "column_setting": Shape(
            fields={"align": One(of=("left", "center", "right")), "is_wrapped": Flag()}
        ),
        # reference/block-kit/blocks/data-visualization-block
        "segment": Shape(
            fields={
                "label": String(most=20, least=1, required=True),
                "value": Number(whole=False, required=True),
            }
        ),
        "series": Shape(
            fields={
                "name": String(most=20, least=1, required=True),
                "data": Items(of=Thing(shape="segment"), most=20, required=True),
            }
        ),
        "axis_config": Shape(
            fields={
                "categories": Items(of=String(most=20, least=1), most=20, required=True),
                "x_label": String(most=50),
                "y_label": String(most=50),
            }
        ),
    }
)


def _element(rules: dict[str, Rule], *, modal_only: bool = False, **more: Rule) -> Shape:
    surfaces: frozenset[Surface] = frozenset({"modal"}) if modal_only else Shape().surfaces
    return Shape(fields={"action_id": IDENTIFIER, **rules, **more}, surfaces=surfaces)


def _select(**rules: Rule) -> Shape:
    return _element(
        {"placeholder": _PLACEHOLDER, "confirm": _CONFIRM, "focus_on_load": Flag(), **rules}
    )


def _static(**rules: Rule) -> Shape:
    groups = Items(of=Thing(shape="option_group"), most=SELECT_OPTIONS)
    base = _select(options=_OPTIONS, option_groups=groups, **rules)
    return Shape(fields=base.fields, one_of=(("options", "option_groups"),), exactly=True)


_MANY: Final = {"max_selected_items": Number(least=1)}
_INITIALS: Final = Items(of=Thing(shape="option"), most=SELECT_OPTIONS)
_ID_LIST: Final = Items(of=String(least=1))
_TYPED_INPUT: Final[dict[str, Rule]] = {
    "placeholder": _PLACEHOLDER,
    "focus_on_load": Flag(),
    "dispatch_action_config": Thing(shape="dispatch_action_config"),
}

# reference/block-kit/block-elements; slack-platform.md section 4 for the surfaces
ELEMENTS: Final = MappingProxyType(
    {
        "button": _element(
            {
                "text": Text(most=75, required=True),
                "value": String(most=2000),
                "url": ADDRESS,
                "style": One(of=("primary", "danger")),
                "confirm": _CONFIRM,
                "accessibility_label": String(most=75),
            }
        ),
        "overflow": _element(
            {
                "options": Items(of=Thing(shape="overflow_option"), most=5, required=True),
                "confirm": _CONFIRM,
            }
        ),
        "static_select": _static(initial_option=Thing(shape="option")),
        "multi_static_select": _static(initial_options=_INITIALS, **_MANY),
        "external_select": _select(
            initial_option=Thing(shape="option"), min_query_length=Number(least=0)
        ),
        "multi_external_select": _select(
            initial_options=_INITIALS, min_query_length=Number(least=0), **_MANY
        ),
        "users_select": _select(initial_user=String(least=1)),
        "multi_users_select": _select(initial_users=_ID_LIST, **_MANY),
        "conversations_select": _select(
            initial_conversation=String(least=1),
            default_to_current_conversation=Flag(),
            response_url_enabled=Flag(),
            filter=Thing(shape="filter"),
        ),
        "multi_conversations_select": _select(
            initial_conversations=_ID_LIST,
            default_to_current_conversation=Flag(),
            filter=Thing(shape="filter"),
            **_MANY,
        ),
        "channels_select": _select(initial_channel=String(least=1), response_url_enabled=Flag()),
        "multi_channels_select": _select(initial_channels=_ID_LIST, **_MANY),
        "checkboxes": _element(
            {
                "options": Items(of=Thing(shape="choice"), most=10, required=True),
                "initial_options": Items(of=Thing(shape="choice"), most=10),
                "confirm": _CONFIRM,
                "focus_on_load": Flag(),
            }
        ),
        "radio_buttons": _element(
            {
                "options": Items(of=Thing(shape="choice"), most=10, required=True),
                "initial_option": Thing(shape="choice"),
                "confirm": _CONFIRM,
                "focus_on_load": Flag(),
            }
        ),
        "datepicker": _select(initial_date=_DATE),
        "timepicker": _select(initial_time=_HOUR, timezone=String()),
        "datetimepicker": _element(
            {
                "initial_date_time": Number(least=1_000_000_000, most=9_999_999_999),
                "confirm": _CONFIRM,
                "focus_on_load": Flag(),
            }
        ),
        "plain_text_input": _element(
            _TYPED_INPUT,
            initial_value=String(most=3000),
            multiline=Flag(),
            min_length=Number(least=0, most=3000),
            max_length=Number(least=1, most=3000),
        ),
        "rich_text_input": _element(_TYPED_INPUT, initial_value=Typed(among=("rich_text",))),
        "number_input": _element(
            _TYPED_INPUT,
            modal_only=True,
            is_decimal_allowed=Flag(required=True),
            initial_value=String(),
            min_value=String(),
            max_value=String(),
        ),
        "email_text_input": _element(_TYPED_INPUT, modal_only=True, initial_value=String()),
        "url_text_input": _element(_TYPED_INPUT, modal_only=True, initial_value=String()),
        "file_input": _element(
            {"filetypes": Items(of=String()), "max_files": Number(least=1, most=10)},
            modal_only=True,
        ),
        "workflow_button": _element(
            {
                "text": Text(most=75, required=True),
                "workflow": Anything(required=True),
                "style": One(of=("primary", "danger")),
                "accessibility_label": String(most=75),
            }
        ),
        "image": Shape(
            fields={
                "image_url": ADDRESS,
                "slack_file": Thing(shape="slack_file"),
                "alt_text": String(most=2000, least=1, required=True),
            },
            one_of=(("image_url", "slack_file"),),
            exactly=True,
        ),
        "feedback_buttons": Shape(closed=False),
        "icon_button": Shape(closed=False),
        # composition-objects/text-object: 1 to 3,000 characters
        "plain_text": Shape(
            fields={"text": String(most=3000, least=1, required=True), "emoji": Flag()}
        ),
        "mrkdwn": Shape(
            fields={"text": String(most=3000, least=1, required=True), "verbatim": Flag()}
        ),
    }
)

_SELECTS: Final = (
    "static_select",
    "external_select",
    "users_select",
    "conversations_select",
    "channels_select",
)
_MULTI_SELECTS: Final = tuple(f"multi_{name}" for name in _SELECTS)
_PICKERS: Final = ("checkboxes", "radio_buttons", "datepicker", "timepicker")
IN_SECTION: Final = (
    "button", "overflow", "image", "workflow_button", *_PICKERS, *_SELECTS, *_MULTI_SELECTS,
)  # fmt: skip
IN_ACTIONS: Final = (
    "button", "overflow", "datetimepicker", "workflow_button", *_PICKERS, *_SELECTS,
)  # fmt: skip
IN_INPUT: Final = (
    "plain_text_input", "rich_text_input", "number_input", "email_text_input", "url_text_input",
    "file_input", "datetimepicker", *_PICKERS, *_SELECTS, *_MULTI_SELECTS,
)  # fmt: skip
