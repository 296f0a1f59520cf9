"""Slack's blocks, rich text and views as data: what each may hold, and on which surface."""

from types import MappingProxyType
from typing import Final

from bot.localslack.blockkit.element_shapes import (
    ADDRESS,
    BOTH,
    ELEMENTS,
    IDENTIFIER,
    IN_ACTIONS,
    IN_INPUT,
    IN_SECTION,
)
from bot.localslack.blockkit.limits import MARKDOWN_SUM
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
                "url": ADDRESS,
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
    fields = {"block_id": IDENTIFIER, **rules}
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
                "image_url": ADDRESS,
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
                "title_url": ADDRESS,
                "description": Text(most=200),
                "video_url": String(most=3000, least=1, required=True),
                "thumbnail_url": String(most=3000, least=1, required=True),
                "alt_text": String(most=2000, least=1, required=True),
                "author_name": String(most=50),
                "provider_name": String(),
                "provider_icon_url": ADDRESS,
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
                "callback_id": IDENTIFIER,
                "external_id": IDENTIFIER,
                "clear_on_close": Flag(),
                "notify_on_close": Flag(),
                "submit_disabled": Flag(),
            }
        ),
        "home": Shape(
            fields={
                "blocks": Anything(required=True),
                "private_metadata": String(most=3000),
                "callback_id": IDENTIFIER,
                "external_id": IDENTIFIER,
            }
        ),
    }
)

TYPED: Final = MappingProxyType(
    {**ELEMENTS, **RICH_TEXT, **CELLS, **CHARTS, "rich_text": BLOCKS["rich_text"]}
)
"""Everything below a block that says its own type, by that type."""
