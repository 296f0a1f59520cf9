"""Every published limit: its last good value passes, its first bad value is refused."""

import json

import pytest

from bot.localslack.blockkit.block_shapes import BLOCKS, VIEWS
from bot.localslack.blockkit.element_shapes import ELEMENTS
from bot.localslack.blockkit.quality import missing_in_text, quality
from bot.localslack.blockkit.validator import block_problems, problems


def plain(length):
    return {"type": "plain_text", "text": "x" * length}


def mrkdwn(length):
    return {"type": "mrkdwn", "text": "x" * length}


def option(number=0, *, text=1, value=None, **more):
    return {
        "text": plain(text),
        "value": f"v{number}" if value is None else "x" * value,
        **more,
    }


def options(count):
    return [option(number) for number in range(count)]


def message(*blocks):
    return {"text": "t", "blocks": list(blocks)}, "message"


def modal(*blocks, **more):
    view = {"type": "modal", "title": plain(5), "submit": plain(4), "blocks": list(blocks), **more}
    return view, "modal"


def home(*blocks):
    return {"type": "home", "blocks": list(blocks)}, "home"


def section(**more):
    return {"type": "section", "text": mrkdwn(1), **more}


def button(**more):
    return {"type": "button", "text": plain(1), "action_id": "press", **more}


def actions(*elements):
    return {"type": "actions", "elements": list(elements)}


def field(element, **more):
    return {"type": "input", "label": plain(1), "element": element, **more}


def text_input(**more):
    return {"type": "plain_text_input", "action_id": "typed", **more}


def select(**more):
    return {"type": "static_select", "action_id": "choose", "options": options(2), **more}


def confirm(**more):
    return {
        "title": plain(1),
        "text": plain(1),
        "confirm": plain(1),
        "deny": plain(1),
        **more,
    }


def divider(**more):
    return {"type": "divider", **more}


def rich(*elements):
    return {"type": "rich_text", "elements": list(elements)}


def rich_section(*inline):
    return {"type": "rich_text_section", "elements": list(inline)}


def inline(text="x", **more):
    return {"type": "text", "text": text, **more}


def cells(rows, columns, length=1):
    return [[{"type": "raw_text", "text": "x" * length}] * columns for _ in range(rows)]


def pie(segments, *, label=1, title=1):
    slices = [{"label": "x" * label, "value": 1} for _ in range(segments)]
    chart = {"type": "pie", "segments": slices}
    return {"type": "data_visualization", "title": "x" * title, "chart": chart}


def bars(series, points):
    names = [f"c{number}" for number in range(points)]
    data = [{"label": name, "value": 1.5} for name in names]
    each = [{"name": f"s{number}", "data": data} for number in range(series)]
    chart = {"type": "bar", "series": each, "axis_config": {"categories": names}}
    return {"type": "data_visualization", "title": "t", "chart": chart}


def sized_view(size):
    view, _ = modal(*(section(text=mrkdwn(3000)) for _ in range(85)))
    length = len(json.dumps(view, separators=(",", ":")))
    view["private_metadata"] = ""
    rest = size - length - len(',"private_metadata":""')
    cut = -rest if rest < 0 else 0
    last = len(view["blocks"]) - 1
    while cut > 0:
        part = min(cut, 2999)
        view["blocks"][last]["text"] = mrkdwn(3000 - part)
        cut, last = cut - part, last - 1
    return view, "modal"


BOUNDS = {
    # blocks
    "blocks per message": (50, lambda n: message(*(divider() for _ in range(n)))),
    "blocks per modal": (100, lambda n: modal(*(divider() for _ in range(n)))),
    "blocks per home": (100, lambda n: home(*(divider() for _ in range(n)))),
    "block_id": (255, lambda n: message(divider(block_id="x" * n))),
    "section text": (3000, lambda n: message(section(text=mrkdwn(n)))),
    "section field": (2000, lambda n: message({"type": "section", "fields": [mrkdwn(n)]})),
    "section fields": (10, lambda n: message({"type": "section", "fields": [plain(1)] * n})),
    "header": (150, lambda n: message({"type": "header", "text": plain(n)})),
    "context elements": (10, lambda n: message({"type": "context", "elements": [mrkdwn(1)] * n})),
    "context text": (3000, lambda n: message({"type": "context", "elements": [mrkdwn(n)]})),
    "actions elements": (
        25,
        lambda n: message(actions(*(button(action_id=f"a{i}") for i in range(n)))),
    ),
    "context_actions elements": (
        5,
        lambda n: message({"type": "context_actions", "elements": [{"type": "icon_button"}] * n}),
    ),
    "image alt_text": (
        2000,
        lambda n: message({"type": "image", "image_url": "https://x", "alt_text": "x" * n}),
    ),
    "image url": (
        3000,
        lambda n: message({"type": "image", "image_url": "x" * n, "alt_text": "x"}),
    ),
    "image title": (
        2000,
        lambda n: message(
            {"type": "image", "image_url": "https://x", "alt_text": "x", "title": plain(n)}
        ),
    ),
    "input label": (2000, lambda n: modal(field(text_input(), label=plain(n)))),
    "input hint": (2000, lambda n: modal(field(text_input(), hint=plain(n)))),
    "markdown": (12_000, lambda n: message({"type": "markdown", "text": "x" * n})),
    "markdown together": (
        6_000,
        lambda n: message(*({"type": "markdown", "text": "x" * n} for _ in range(2))),
    ),
    "table rows": (100, lambda n: message({"type": "table", "rows": cells(n, 1)})),
    "table columns": (20, lambda n: message({"type": "table", "rows": cells(1, n)})),
    "tables": (1, lambda n: message(*({"type": "table", "rows": cells(1, 1)} for _ in range(n)))),
    "data table rows": (
        201,
        lambda n: message({"type": "data_table", "caption": "c", "rows": cells(n, 1)}),
    ),
    "data table columns": (
        20,
        lambda n: message({"type": "data_table", "caption": "c", "rows": cells(2, n)}),
    ),
    "data table page": (
        100,
        lambda n: message(
            {"type": "data_table", "caption": "c", "rows": cells(2, 1), "page_size": n}
        ),
    ),
    "data table characters": (
        2_000,
        lambda n: message({"type": "data_table", "caption": "c", "rows": cells(10, 1, n)}),
    ),
    "charts": (2, lambda n: message(*(pie(1) for _ in range(n)))),
    "chart title": (50, lambda n: message(pie(1, title=n))),
    "pie segments": (12, lambda n: message(pie(n))),
    "chart label": (20, lambda n: message(pie(1, label=n))),
    "chart series": (12, lambda n: message(bars(n, 1))),
    "chart points": (20, lambda n: message(bars(1, n))),
    # elements and objects
    "action_id": (255, lambda n: message(actions(button(action_id="x" * n)))),
    "button text": (75, lambda n: message(actions(button(text=plain(n))))),
    "button value": (2000, lambda n: message(actions(button(value="x" * n)))),
    "button url": (3000, lambda n: message(actions(button(url="x" * n)))),
    "accessibility_label": (
        75,
        lambda n: message(actions(button(accessibility_label="x" * n))),
    ),
    "confirm title": (100, lambda n: message(actions(button(confirm=confirm(title=plain(n)))))),
    "confirm text": (300, lambda n: message(actions(button(confirm=confirm(text=mrkdwn(n)))))),
    "confirm confirm": (30, lambda n: message(actions(button(confirm=confirm(confirm=plain(n)))))),
    "confirm deny": (30, lambda n: message(actions(button(confirm=confirm(deny=plain(n)))))),
    "option text": (75, lambda n: message(actions(select(options=[option(text=n)])))),
    "option value": (150, lambda n: message(actions(select(options=[option(value=n)])))),
    "option description": (
        75,
        lambda n: message(actions(select(options=[option(description=plain(n))]))),
    ),
    "select options": (100, lambda n: message(actions(select(options=options(n))))),
    "option groups": (
        100,
        lambda n: message(
            actions(
                {
                    "type": "static_select",
                    "option_groups": [
                        {"label": plain(1), "options": [option(i)]} for i in range(n)
                    ],
                }
            )
        ),
    ),
    "options of a group": (
        100,
        lambda n: message(
            actions(
                {
                    "type": "static_select",
                    "option_groups": [{"label": plain(1), "options": options(n)}],
                }
            )
        ),
    ),
    "option group label": (
        75,
        lambda n: message(
            actions(
                {
                    "type": "static_select",
                    "option_groups": [{"label": plain(n), "options": options(1)}],
                }
            )
        ),
    ),
    "placeholder": (150, lambda n: message(actions(select(placeholder=plain(n))))),
    "overflow options": (
        5,
        lambda n: message(actions({"type": "overflow", "options": options(n)})),
    ),
    "overflow url": (
        3000,
        lambda n: message(actions({"type": "overflow", "options": [option(url="x" * n)]})),
    ),
    "checkboxes": (10, lambda n: modal(field({"type": "checkboxes", "options": options(n)}))),
    "radio buttons": (10, lambda n: modal(field({"type": "radio_buttons", "options": options(n)}))),
    "min_length": (3000, lambda n: modal(field(text_input(min_length=n)))),
    "max_length": (3000, lambda n: modal(field(text_input(max_length=n)))),
    "initial text": (3000, lambda n: modal(field(text_input(initial_value="x" * n)))),
    "files": (10, lambda n: modal(field({"type": "file_input", "max_files": n}))),
    "list indent": (
        8,
        lambda n: message(
            rich(
                {
                    "type": "rich_text_list",
                    "style": "bullet",
                    "indent": n,
                    "elements": [rich_section(inline())],
                }
            )
        ),
    ),
    # views
    "modal title": (24, lambda n: modal(divider(), title=plain(n))),
    "modal submit": (24, lambda n: modal(divider(), submit=plain(n))),
    "modal close": (24, lambda n: modal(divider(), close=plain(n))),
    "private_metadata": (3000, lambda n: modal(divider(), private_metadata="x" * n)),
    "callback_id": (255, lambda n: modal(divider(), callback_id="x" * n)),
    "external_id": (255, lambda n: modal(divider(), external_id="x" * n)),
    "view size": (250_000, sized_view),
    "attachments": (100, lambda n: ({"text": "t", "attachments": [{}] * n}, "message")),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_the_last_good_value_passes_and_the_first_bad_one_is_refused(name):
    most, build = BOUNDS[name]

    assert problems(*build(most)) == ()
    found = problems(*build(most + 1))
    assert found, f"{most + 1} passed"
    assert {each.code for each in found} <= {"too_long", "too_great"}


SMALLEST = {
    "section text": lambda n: message(section(text=mrkdwn(n))),
    "header": lambda n: message({"type": "header", "text": plain(n)}),
    "section fields": lambda n: message(section(fields=[plain(1)] * n)),
    "actions": lambda n: message(actions(*[button()] * n)),
    "context": lambda n: message({"type": "context", "elements": [plain(1)] * n}),
    "options": lambda n: message(actions(select(options=options(n)))),
    "overflow": lambda n: message(actions({"type": "overflow", "options": options(n)})),
    "max_length": lambda n: modal(field(text_input(max_length=n))),
    "rich text": lambda n: message(rich(*[rich_section(inline())] * n)),
    "rich piece": lambda n: message(rich(rich_section(inline("x" * n)))),
    "files": lambda n: modal(field({"type": "file_input", "max_files": n})),
    "alt_text": lambda n: message({"type": "image", "image_url": "https://x", "alt_text": "x" * n}),
}


@pytest.mark.parametrize("name", SMALLEST)
def test_nothing_may_be_empty(name):
    assert problems(*SMALLEST[name](1)) == ()
    assert {each.code for each in problems(*SMALLEST[name](0))} <= {"too_short", "too_small"}
    assert problems(*SMALLEST[name](0))


GOOD_INITIAL = option(1)
WRONG = {
    "unknown block": (message({"type": "banner"}), "/blocks/0/type", "unknown_type"),
    "no type": (message({}), "/blocks/0/type", "unknown_type"),
    "block is no object": (message("text"), "/blocks/0", "wrong_type"),
    "blocks is no list": (({"text": "t", "blocks": {}}, "message"), "/blocks", "wrong_type"),
    "unknown element": (message(actions({"type": "lever"})), "/blocks/0/elements/0/type", None),
    "unknown key of a block": (message(divider(colour="red")), "/blocks/0/colour", "unknown_key"),
    "unknown key of an element": (
        message(actions(button(size=2))),
        "/blocks/0/elements/0/size",
        "unknown_key",
    ),
    "unknown key of a text": (
        message(section(text={**mrkdwn(1), "bold": True})),
        "/blocks/0/text/bold",
        "unknown_key",
    ),
    "unknown key of a view": (modal(divider(), id="V1"), "/id", "unknown_key"),
    "emoji flag on mrkdwn": (
        message(section(text={**mrkdwn(1), "emoji": True})),
        "/blocks/0/text/emoji",
        "unknown_key",
    ),
    "section without text or fields": (message({"type": "section"}), "/blocks/0", "required"),
    "button without text": (
        message(actions({"type": "button"})),
        "/blocks/0/elements/0",
        "required",
    ),
    "input without label": (
        modal({"type": "input", "element": text_input()}),
        "/blocks/0",
        "required",
    ),
    "image without alt_text": (
        message({"type": "image", "image_url": "https://x"}),
        "/blocks/0",
        "required",
    ),
    "option without value": (
        message(actions(select(options=[{"text": plain(1)}]))),
        "/blocks/0/elements/0/options/0",
        "required",
    ),
    "header in mrkdwn": (
        message({"type": "header", "text": mrkdwn(1)}),
        "/blocks/0/text/type",
        "not_allowed",
    ),
    "button text in mrkdwn": (
        message(actions(button(text=mrkdwn(1)))),
        "/blocks/0/elements/0/text/type",
        "not_allowed",
    ),
    "title in mrkdwn": (modal(divider(), title=mrkdwn(1)), "/title/type", "not_allowed"),
    "button in an input": (modal(field(button())), "/blocks/0/element/type", "not_allowed"),
    "text input in actions": (
        message(actions(text_input())),
        "/blocks/0/elements/0/type",
        "not_allowed",
    ),
    "button in context": (
        message({"type": "context", "elements": [button()]}),
        "/blocks/0/elements/0/type",
        "not_allowed",
    ),
    "text input beside a section": (
        message(section(accessory=text_input())),
        "/blocks/0/accessory/type",
        "not_allowed",
    ),
    "number input in a message": (
        message(field({"type": "number_input", "is_decimal_allowed": False})),
        "/blocks/0/element/type",
        "not_allowed",
    ),
    "email input in a message": (
        message(field({"type": "email_text_input"})),
        "/blocks/0/element/type",
        "not_allowed",
    ),
    "markdown in a modal": (
        modal({"type": "markdown", "text": "x"}),
        "/blocks/0/type",
        "not_allowed",
    ),
    "alert in a message": (
        message({"type": "alert", "text": plain(1)}),
        "/blocks/0/type",
        "not_allowed",
    ),
    "table on home": (home({"type": "table", "rows": cells(1, 1)}), "/blocks/0/type", None),
    "options and groups": (
        message(actions(select(option_groups=[{"label": plain(1), "options": options(1)}]))),
        "/blocks/0/elements/0",
        "not_allowed",
    ),
    "same block_id twice": (
        message(divider(block_id="a"), divider(block_id="a")),
        "/blocks/1/block_id",
        "duplicate",
    ),
    "same action_id in a block": (
        message(actions(button(), button())),
        "/blocks/0/elements/1/action_id",
        "duplicate",
    ),
    "same option value twice": (
        message(actions(select(options=[option(1), option(1)]))),
        "/blocks/0/elements/0/options",
        "duplicate",
    ),
    "initial option not among the options": (
        message(actions(select(initial_option=option(9)))),
        "/blocks/0/elements/0/initial_option",
        "not_among",
    ),
    "initial checkbox not among the options": (
        modal(field({"type": "checkboxes", "options": options(2), "initial_options": [option(9)]})),
        "/blocks/0/element/initial_options/0",
        "not_among",
    ),
    "min above max": (
        modal(field(text_input(min_length=5, max_length=4))),
        "/blocks/0/element/min_length",
        "not_allowed",
    ),
    "two first focuses": (
        modal(field(text_input(focus_on_load=True)), field(text_input(focus_on_load=True))),
        "/blocks/1/element/focus_on_load",
        "duplicate",
    ),
    "button style": (
        message(actions(button(style="warning"))),
        "/blocks/0/elements/0/style",
        "not_among",
    ),
    "date": (
        modal(field({"type": "datepicker", "initial_date": "2026-1-1"})),
        "/blocks/0/element/initial_date",
        "wrong_form",
    ),
    "hour": (
        modal(field({"type": "timepicker", "initial_time": "24:00"})),
        "/blocks/0/element/initial_time",
        "wrong_form",
    ),
    "modal without title": (({"type": "modal", "blocks": []}, "modal"), "", "required"),
    "modal without blocks": (({"type": "modal", "title": plain(1)}, "modal"), "", "required"),
    "home with a title": (
        ({"type": "home", "title": plain(1), "blocks": []}, "home"),
        "/title",
        "unknown_key",
    ),
    "home sent as a modal": (({"type": "home", "blocks": []}, "modal"), "/type", "unknown_type"),
    "form without submit": (
        ({"type": "modal", "title": plain(1), "blocks": [field(text_input())]}, "modal"),
        "",
        "required",
    ),
    "boolean as text": (
        modal(field(text_input(), optional="yes")),
        "/blocks/0/optional",
        "wrong_type",
    ),
    "number as text": (
        modal(field(text_input(max_length="9"))),
        "/blocks/0/element/max_length",
        "wrong_type",
    ),
    "text is no string": (({"text": 5}, "message"), "/text", "wrong_type"),
    "rich text piece of unknown type": (
        message(rich(rich_section({"type": "blink"}))),
        "/blocks/0/elements/0/elements/0/type",
        "unknown_type",
    ),
    "rich text without a section": (
        message(rich(inline())),
        "/blocks/0/elements/0/type",
        "not_allowed",
    ),
    "list of something else": (
        message(rich({"type": "rich_text_list", "style": "bullet", "elements": [inline()]})),
        "/blocks/0/elements/0/elements/0/type",
        "not_allowed",
    ),
    "list style": (
        message(
            rich({"type": "rich_text_list", "style": "dash", "elements": [rich_section(inline())]})
        ),
        "/blocks/0/elements/0/style",
        "not_among",
    ),
    "user in preformatted": (
        message(
            rich({"type": "rich_text_preformatted", "elements": [{"type": "user", "user_id": "U"}]})
        ),
        "/blocks/0/elements/0/elements/0/type",
        "not_allowed",
    ),
    "unknown style of a piece": (
        message(rich(rich_section(inline(style={"blink": True})))),
        "/blocks/0/elements/0/elements/0/style/blink",
        "unknown_key",
    ),
    "chart labels in another order": (
        message(
            {
                **bars(1, 2),
                "chart": {
                    **bars(1, 2)["chart"],
                    "axis_config": {"categories": ["c1", "c0"]},
                },
            }
        ),
        "/blocks/0/chart/series/0/data",
        "not_among",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_slack_would_not_take_is_refused_where_it_stands(name):
    payload, pointer, code = WRONG[name]

    found = problems(*payload)

    assert (pointer, code) in {(each.pointer, code and each.code) for each in found}


GOOD = {
    "all elements of a form": modal(
        field(text_input(multiline=True, placeholder=plain(3))),
        field({"type": "number_input", "is_decimal_allowed": True, "min_value": "1"}),
        field({"type": "email_text_input"}),
        field({"type": "url_text_input"}),
        field({"type": "checkboxes", "options": [{**option(1), "text": mrkdwn(2)}]}),
        field({"type": "radio_buttons", "options": options(2), "initial_option": GOOD_INITIAL}),
        field({"type": "datepicker", "initial_date": "2026-11-23"}, dispatch_action=True),
        field({"type": "timepicker", "initial_time": "09:00"}),
        field({"type": "datetimepicker", "initial_date_time": 1_795_978_800}),
        field({"type": "external_select", "min_query_length": 0}),
        field({"type": "multi_users_select", "max_selected_items": 2}),
        field(select(initial_option=GOOD_INITIAL)),
    ),
    "rich text": message(
        rich(
            rich_section(inline(style={"bold": True}), {"type": "user", "user_id": "U1"}),
            {"type": "rich_text_list", "style": "ordered", "elements": [rich_section(inline())]},
            {"type": "rich_text_preformatted", "elements": [inline()], "border": 0},
            {"type": "rich_text_quote", "elements": [{"type": "link", "url": "https://x"}]},
        )
    ),
    "a message form": message(
        field(text_input()), actions(button(), button(action_id="b", style="danger"))
    ),
    "same action_id in two blocks": message(actions(button()), actions(button())),
    "empty modal": modal(),
    "verbatim": message(section(text={**mrkdwn(2), "verbatim": True}, accessory=button())),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_payloads_pass(name):
    assert problems(*GOOD[name]) == ()


def test_a_bare_list_of_blocks_is_judged_with_pointers_into_the_list():
    [found] = block_problems([divider(), {"type": "header", "text": plain(151)}], "message")

    assert (found.pointer, found.limit, found.got) == ("/1/text/text", 150, 151)
    assert found.sentence == "/1/text/text has 151 of 150 characters"


def test_every_block_and_element_of_the_platform_page_is_known():
    assert len(BLOCKS) == 20
    assert {"button", "external_select", "multi_channels_select", "file_input"} <= set(ELEMENTS)
    assert set(VIEWS) == {"modal", "home"}


def test_a_text_that_says_nothing_is_a_matter_of_quality_not_of_refusal():
    silent = {"blocks": [section()]}

    assert problems(silent, "message") == ()
    assert [each.code for each in quality(silent)] == ["no_text"]
    assert [each.code for each in quality({"text": "x" * 4001})] == ["too_long"]
    assert quality({"text": "x" * 4000}) == ()


def test_amounts_and_dates_that_the_text_leaves_out_are_named():
    blocks = [section(text={"type": "mrkdwn", "text": "USD\u00a03,600.00 on Mon 30 Nov 2026"})]

    assert missing_in_text({"text": "Soon.", "blocks": blocks}) == ("USD 3,600.00", "30 Nov 2026")
    told = {"text": "USD 3,600.00 will be deducted on Mon 30 Nov.", "blocks": blocks}
    assert missing_in_text(told) == ()


def test_a_number_before_a_word_that_begins_like_a_month_is_no_date():
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "*3 Decide as someone else*"}}]
    assert missing_in_text({"text": "Try it.", "blocks": blocks}) == ()
