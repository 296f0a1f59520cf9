"""The rules that look at several parts of a payload at once."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.localslack.blockkit import limits
from bot.localslack.blockkit.elements import Placed, options_of, placed
from bot.localslack.blockkit.problem import Problem, missing, too_long
from bot.localslack.blockkit.shapes import Surface

Found = Iterator[Problem]


def together(blocks: Sequence[Any], surface: Surface, *, pointer: str) -> Found:
    """What is wrong with the blocks of one payload as a whole."""
    yield from _same_block_ids(blocks, pointer=pointer)
    elements = [
        Placed(block=each.block, element=each.element, pointer=pointer + each.pointer)
        for each in placed(blocks)
    ]
    yield from _same_action_ids(elements)
    for each in elements:
        yield from _initials(each)
        yield from _bounds(each)
    yield from _focus(elements)
    if surface == "message":
        yield from _message_sums(blocks, pointer=pointer)
    yield from _charts(blocks, pointer=pointer)


def view_together(view: Mapping[str, Any], surface: Surface) -> Found:
    """What is wrong with a view beside its blocks: a form needs a button to send it."""
    blocks = view.get("blocks")
    if surface != "modal" or not isinstance(blocks, list) or view.get("submit") is not None:
        return
    if any(isinstance(block, dict) and block.get("type") == "input" for block in blocks):
        yield missing("", "submit, which a modal with an input block needs")


def _same_block_ids(blocks: Sequence[Any], *, pointer: str) -> Found:
    seen: set[str] = set()
    for number, block in enumerate(blocks):
        name = block.get("block_id") if isinstance(block, dict) else None
        if not isinstance(name, str) or not name:
            continue
        if name in seen:
            message = f"repeats {name!r} of another block"
            yield Problem(pointer=f"{pointer}/{number}/block_id", code="duplicate", message=message)
        seen.add(name)


def _same_action_ids(elements: Sequence[Placed]) -> Found:
    seen: set[tuple[int, str]] = set()
    for each in elements:
        name = (id(each.block), each.action_id)
        if each.action_id and name in seen:
            message = f"repeats {each.action_id!r} of the same block"
            yield Problem(pointer=f"{each.pointer}/action_id", code="duplicate", message=message)
        seen.add(name)


def _initials(each: Placed) -> Found:
    if each.kind not in ("static_select", "multi_static_select", "checkboxes", "radio_buttons"):
        return
    options = options_of(each.element)
    chosen: list[tuple[str, Any]] = []
    if each.element.get("initial_option") is not None:
        chosen.append(("/initial_option", each.element["initial_option"]))
    many = each.element.get("initial_options")
    if isinstance(many, list):
        chosen += [(f"/initial_options/{number}", one) for number, one in enumerate(many)]
    for where, one in chosen:
        if one not in options:
            message = "is not exactly one of the options"
            yield Problem(pointer=each.pointer + where, code="not_among", message=message)
    values = Counter(str(option.get("value")) for option in options)
    for value, count in values.items():
        if count > 1:
            message = f"holds the value {value!r} {count} times"
            yield Problem(pointer=f"{each.pointer}/options", code="duplicate", message=message)


def _bounds(each: Placed) -> Found:
    least, most = each.element.get("min_length"), each.element.get("max_length")
    if isinstance(least, int) and isinstance(most, int) and least > most:
        message = f"is {least:,}, above max_length {most:,}"
        yield Problem(pointer=f"{each.pointer}/min_length", code="not_allowed", message=message)


def _focus(elements: Sequence[Placed]) -> Found:
    focused = [each for each in elements if each.element.get("focus_on_load") is True]
    for each in focused[1:]:
        message = "is set on a second element"
        yield Problem(pointer=f"{each.pointer}/focus_on_load", code="duplicate", message=message)


def _message_sums(blocks: Sequence[Any], *, pointer: str) -> Found:
    kinds = Counter(block.get("type") for block in blocks if isinstance(block, dict))
    if kinds["table"] > limits.TABLES_PER_MESSAGE:
        yield too_long(pointer, got=kinds["table"], most=limits.TABLES_PER_MESSAGE, unit="tables")
    if kinds["data_visualization"] > limits.CHARTS_PER_MESSAGE:
        got, most = kinds["data_visualization"], limits.CHARTS_PER_MESSAGE
        yield too_long(pointer, got=got, most=most, unit="charts")
    markdown = sum(
        len(str(block.get("text") or ""))
        for block in blocks
        if isinstance(block, dict) and block.get("type") == "markdown"
    )
    if kinds["markdown"] > 1 and markdown > limits.MARKDOWN_SUM:
        yield too_long(pointer, got=markdown, most=limits.MARKDOWN_SUM, unit="markdown characters")
    cells = sum(
        text_sum(block.get("rows"))
        for block in blocks
        if isinstance(block, dict) and block.get("type") == "data_table"
    )
    if cells > limits.DATA_TABLE_CHARACTERS:
        yield too_long(
            pointer, got=cells, most=limits.DATA_TABLE_CHARACTERS, unit="characters in cells"
        )


def text_sum(value: object) -> int:
    """The length of every `text` string inside, at any depth."""
    if isinstance(value, list):
        return sum(text_sum(each) for each in value)
    if not isinstance(value, dict):
        return 0
    own = value.get("text")
    length = len(own) if isinstance(own, str) else text_sum(own)
    return length + sum(text_sum(each) for name, each in value.items() if name != "text")


def _charts(blocks: Sequence[Any], *, pointer: str) -> Found:
    for number, block in enumerate(blocks):
        chart = block.get("chart") if isinstance(block, dict) else None
        if not isinstance(chart, dict) or not isinstance(chart.get("series"), list):
            continue
        config = chart.get("axis_config")
        categories = config.get("categories") if isinstance(config, dict) else None
        for index, series in enumerate(chart["series"]):
            data = series.get("data") if isinstance(series, dict) else None
            if not isinstance(data, list) or not isinstance(categories, list):
                continue
            labels = [point.get("label") for point in data if isinstance(point, dict)]
            if labels != categories:
                where = f"{pointer}/{number}/chart/series/{index}/data"
                message = "does not have one point per category, in their order"
                yield Problem(pointer=where, code="not_among", message=message)
