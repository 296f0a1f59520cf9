"""Slack's published limits and rules for messages, modals and Home, as data.

Every table names the page of docs.slack.dev it comes from; `[mem]` marks what is well known but
was not read again, `[issue]` what Slack's maintainers said in public threads.
"""

from types import MappingProxyType
from typing import Final

from bot.localslack.shapes import (
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

# reference/block-kit/blocks: blocks per surface
BLOCKS_PER: Final = MappingProxyType({"message": 50, "modal": 100, "home": 100})
# methods/chat.postMessage: cut above; methods/chat.update: refused above
TEXT_CUT: Final = 40_000
UPDATE_TEXT_MOST: Final = 4_000
# reference/block-kit/blocks/markdown-block: all markdown blocks of one payload together
MARKDOWN_SUM: Final = 12_000
# [issue] bolt-js 2509: "12,000 text characters with a buffer"; the exact sum is not published
BLOCKS_TEXT_SUM: Final = 12_000
# methods/views.push: view_too_large, in bytes of UTF-8 JSON
VIEW_BYTES: Final = 250_000
# [mem] metadata_too_large; the exact figure is not published
METADATA_BYTES: Final = 16_000
# surfaces/modals: views open on top of each other
VIEW_STACK: Final = 3
# reference/block-kit/blocks: one of them per message
TABLES_PER_MESSAGE: Final = 1
CHARTS_PER_MESSAGE: Final = 2
# reference/block-kit/blocks/data-table-block: characters in all cells of a message
DATA_TABLE_CHARACTERS: Final = 20_000
# interactivity/handling-user-interaction
RESPONSE_URL_USES: Final = 5
RESPONSE_URL_SECONDS: Final = 30 * 60

ID_MOST: Final = 255  # block_id, action_id, callback_id, external_id
OPTION_TEXT: Final = 75
OPTION_VALUE: Final = 150
SELECT_OPTIONS: Final = 100

BOTH: Final = ("plain_text", "mrkdwn")
PLAIN: Final = ("plain_text",)

_ID: Final = String(most=ID_MOST)
_DATE: Final = String(pattern=r"\d{4}-\d{2}-\d{2}")
_HOUR: Final = String(pattern=r"([01]\d|2[0-3]):[0-5]\d")
_URL: Final = String(most=3000, least=1)
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
                "url": _URL,
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
        "slack_file": Shape(fields={"id": String(), "url": _URL}, one_of=(("id", "url"),)),
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
    return Shape(fields={"action_id": _ID, **rules, **more}, surfaces=surfaces)


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
                "url": _URL,
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
                "image_url": _URL,
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

# reference/block-kit/blocks/rich-text-block
_STYLED: Final[dict[str, Rule]] = {"style": Thing(shape="style")}
INLINE: Final = (
    "text", "link", "emoji", "user", "usergroup", "channel", "broadcast", "date", "color", "team",
)  # fmt: skip
RICH_TEXT: Final = MappingProxyType(
    {
        "rich_text_section": Shape(
            fields={"elements": Items(of=Typed(among=INLINE), required=True)}
        ),
        "rich_text_quote": Shape(
            fields={
                "elements": Items(of=Typed(among=INLINE), required=True),
                "border": One(of=(0, 1)),
            }
        ),
        "rich_text_preformatted": Shape(
            fields={
                "elements": Items(of=Typed(among=("text", "link")), required=True),
                "border": One(of=(0, 1)),
                "language": String(),
            }
        ),
        "rich_text_list": Shape(
            fields={
                "elements": Items(of=Typed(among=("rich_text_section",)), required=True),
                "style": One(of=("bullet", "ordered"), required=True),
                "indent": Number(least=0, most=8),
                "offset": Number(least=0),
                "border": One(of=(0, 1)),
            }
        ),
        "text": Shape(fields={"text": String(least=1, required=True), **_STYLED}),
        "link": Shape(
            fields={
                "url": String(most=3000, least=1, required=True),
                "text": String(),
                "unsafe": Flag(),
                **_STYLED,
            }
        ),
        "emoji": Shape(
            fields={
                "name": String(least=1, required=True),
                "unicode": String(),
                "skin_tone": Number(least=1, most=6),
                **_STYLED,
            }
        ),
        "user": Shape(fields={"user_id": String(least=1, required=True), **_STYLED}),
        "usergroup": Shape(fields={"usergroup_id": String(least=1, required=True), **_STYLED}),
        "channel": Shape(fields={"channel_id": String(least=1, required=True), **_STYLED}),
        "team": Shape(fields={"team_id": String(least=1, required=True), **_STYLED}),
        "broadcast": Shape(
            fields={"range": One(of=("here", "channel", "everyone"), required=True), **_STYLED}
        ),
        "date": Shape(
            fields={
                "timestamp": Number(required=True),
                "format": String(least=1, required=True),
                "url": _URL,
                "fallback": String(),
                **_STYLED,
            }
        ),
        "color": Shape(fields={"value": String(least=1, required=True), **_STYLED}),
    }
)
RICH_TEXT_TOP: Final = (
    "rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote",
)  # fmt: skip

# reference/block-kit/blocks/table-block and data-table-block
CELLS: Final = MappingProxyType(
    {
        "raw_text": Shape(fields={"text": String(required=True)}),
        "raw_number": Shape(fields={"value": Number(whole=False, required=True), "text": String()}),
    }
)
_CELL: Final = Typed(among=("raw_text", "raw_number", "rich_text"))

# reference/block-kit/blocks/data-visualization-block
_XY: Final[dict[str, Rule]] = {
    "series": Items(of=Thing(shape="series"), most=12, required=True),
    "axis_config": Thing(shape="axis_config", required=True),
}
CHARTS: Final = MappingProxyType(
    {
        "pie": Shape(fields={"segments": Items(of=Thing(shape="segment"), most=12, required=True)}),
        "bar": Shape(fields=_XY),
        "area": Shape(fields=_XY),
        "line": Shape(fields=_XY),
    }
)

_MESSAGE: Final[frozenset[Surface]] = frozenset({"message"})


def _block(
    rules: dict[str, Rule],
    *,
    surfaces: frozenset[Surface] = Shape().surfaces,
    one_of: tuple[tuple[str, ...], ...] = (),
    exactly: bool = False,
    closed: bool = True,
) -> Shape:
    fields = {"block_id": _ID, **rules}
    return Shape(fields=fields, surfaces=surfaces, one_of=one_of, exactly=exactly, closed=closed)


# reference/block-kit/blocks; slack-platform.md section 4 for the surfaces
BLOCKS: Final = MappingProxyType(
    {
        "section": _block(
            {
                "text": Text(most=3000, kinds=BOTH),
                "fields": Items(of=Text(most=2000, kinds=BOTH), most=10),
                "accessory": Typed(among=IN_SECTION),
                "expand": Flag(),
            },
            one_of=(("text", "fields"),),
        ),
        "divider": _block({}),
        "header": _block({"text": Text(most=150, required=True)}),
        "image": _block(
            {
                "image_url": _URL,
                "slack_file": Thing(shape="slack_file"),
                "alt_text": String(most=2000, least=1, required=True),
                "title": Text(most=2000),
            },
            one_of=(("image_url", "slack_file"),),
            exactly=True,
        ),
        "context": _block(
            {
                "elements": Items(
                    of=Typed(among=("plain_text", "mrkdwn", "image")), most=10, required=True
                )
            }
        ),
        "actions": _block({"elements": Items(of=Typed(among=IN_ACTIONS), most=25, required=True)}),
        "input": _block(
            {
                "label": Text(most=2000, required=True),
                "element": Typed(among=IN_INPUT, required=True),
                "hint": Text(most=2000),
                "optional": Flag(),
                "dispatch_action": Flag(),
            }
        ),
        "rich_text": _block({"elements": Items(of=Typed(among=RICH_TEXT_TOP), required=True)}),
        "video": _block(
            {
                "title": Text(most=200, required=True),
                "title_url": _URL,
                "description": Text(most=200),
                "video_url": String(most=3000, least=1, required=True),
                "thumbnail_url": String(most=3000, least=1, required=True),
                "alt_text": String(most=2000, least=1, required=True),
                "author_name": String(most=50),
                "provider_name": String(),
                "provider_icon_url": _URL,
            }
        ),
        "markdown": _block(
            {"text": String(most=MARKDOWN_SUM, least=1, required=True)}, surfaces=_MESSAGE
        ),
        "table": _block(
            {
                "rows": Items(of=Items(of=_CELL, most=20), most=100, required=True),
                "column_settings": Items(of=Thing(shape="column_setting"), most=20),
            },
            surfaces=_MESSAGE,
        ),
        # the first row is the header: 1 to 200 rows of data
        "data_table": _block(
            {
                "caption": String(least=1, required=True),
                "rows": Items(of=Items(of=_CELL, most=20), least=2, most=201, required=True),
                "page_size": Number(least=1, most=100),
                "row_header_column_index": Number(least=0, most=19),
            },
            surfaces=_MESSAGE,
        ),
        "data_visualization": _block(
            {
                "title": String(most=50, least=1, required=True),
                "chart": Typed(among=tuple(CHARTS), required=True),
            },
            surfaces=_MESSAGE,
        ),
        "alert": _block(
            {
                "text": Text(most=3000, kinds=BOTH, required=True),
                "level": One(of=("default", "info", "warning", "error", "success")),
            },
            surfaces=frozenset({"modal"}),
        ),
        # the insides of these are not checked: Slack has published them too recently
        "card": _block({}, surfaces=frozenset({"message", "home"}), closed=False),
        "carousel": _block({}, surfaces=frozenset({"message", "home"}), closed=False),
        "container": _block({}, surfaces=_MESSAGE, closed=False),
        "plan": _block({}, surfaces=_MESSAGE, closed=False),
        "task_card": _block({}, surfaces=_MESSAGE, closed=False),
        "context_actions": _block(
            {
                "elements": Items(
                    of=Typed(among=("feedback_buttons", "icon_button")), most=5, required=True
                )
            },
            surfaces=_MESSAGE,
        ),
    }
)

# reference/views and surfaces/modals
VIEWS: Final = MappingProxyType(
    {
        "modal": Shape(
            fields={
                "title": Text(most=24, required=True),
                "submit": Text(most=24),
                "close": Text(most=24),
                "blocks": Anything(required=True),
                "private_metadata": String(most=3000),
                "callback_id": _ID,
                "external_id": _ID,
                "clear_on_close": Flag(),
                "notify_on_close": Flag(),
                "submit_disabled": Flag(),
            }
        ),
        "home": Shape(
            fields={
                "blocks": Anything(required=True),
                "private_metadata": String(most=3000),
                "callback_id": _ID,
                "external_id": _ID,
            }
        ),
    }
)

TYPED: Final = MappingProxyType(
    {**ELEMENTS, **RICH_TEXT, **CELLS, **CHARTS, "rich_text": BLOCKS["rich_text"]}
)
"""Everything below a block that says its own type, by that type."""
