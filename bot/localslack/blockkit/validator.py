"""Judges payloads as Slack does, from the tables in `limits`."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from bot.localslack.blockkit import limits
from bot.localslack.blockkit.block_shapes import BLOCKS, TYPED, VIEWS
from bot.localslack.blockkit.element_shapes import ELEMENTS, OBJECTS
from bot.localslack.blockkit.problem import Problem, missing, too_long, too_short, wrong_type
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
from bot.localslack.blockkit.together import together, view_together

Found = Iterator[Problem]


def problems(payload: Mapping[str, Any], surface: Surface) -> tuple[Problem, ...]:
    """Everything for which Slack would refuse `payload`: a message's arguments, or a view."""
    if surface == "message":
        return tuple(_message(payload))
    return tuple(_view(payload, surface))


def block_problems(blocks: object, surface: Surface) -> tuple[Problem, ...]:
    """The same for a bare list of blocks; pointers begin inside the list."""
    return tuple(_blocks(blocks, surface, pointer=""))


def _message(payload: Mapping[str, Any]) -> Found:
    text = payload.get("text")
    if text is not None and not isinstance(text, str):
        yield wrong_type("/text", expected="string", got=text)
    blocks = payload.get("blocks")
    if blocks is not None:
        yield from _blocks(blocks, "message", pointer="/blocks")
    attachments = payload.get("attachments")
    if isinstance(attachments, list) and len(attachments) > 100:
        yield too_long("/attachments", got=len(attachments), most=100, unit="attachments")


def _view(view: Mapping[str, Any], surface: Surface) -> Found:
    if view.get("type") != surface:
        message = f"must be {surface}, not {view.get('type')!r}"
        yield Problem(pointer="/type", code="unknown_type", message=message)
    yield from _fields(view, VIEWS[surface], surface, pointer="")
    if "blocks" in view:
        yield from _blocks(view["blocks"], surface, pointer="/blocks")
    yield from view_together(view, surface)
    size = len(json.dumps(view, ensure_ascii=False, separators=(",", ":")).encode())
    if size > limits.VIEW_BYTES:
        yield too_long("", got=size, most=limits.VIEW_BYTES, unit="bytes")


def _blocks(blocks: object, surface: Surface, *, pointer: str) -> Found:
    if not isinstance(blocks, list):
        yield wrong_type(pointer, expected="array", got=blocks)
        return
    most = limits.BLOCKS_PER[surface]
    if len(blocks) > most:
        yield too_long(pointer, got=len(blocks), most=most, unit="blocks")
    for number, block in enumerate(blocks):
        yield from _block(block, surface, pointer=f"{pointer}/{number}")
    yield from together(cast("Sequence[Any]", blocks), surface, pointer=pointer)


def _block(block: object, surface: Surface, *, pointer: str) -> Found:
    if not isinstance(block, dict):
        yield wrong_type(pointer, expected="object", got=block)
        return
    kind = block.get("type")
    shape = BLOCKS.get(kind) if isinstance(kind, str) else None
    if shape is None:
        message = f"is not a block of Slack: {kind!r}"
        yield Problem(pointer=f"{pointer}/type", code="unknown_type", message=message)
        return
    if surface not in shape.surfaces:
        message = f"is {kind}, which is not allowed in a {surface}"
        yield Problem(pointer=f"{pointer}/type", code="not_allowed", message=message)
        return
    yield from _fields(block, shape, surface, pointer=pointer)


def _fields(value: Mapping[str, Any], shape: Shape, surface: Surface, *, pointer: str) -> Found:
    for name, rule in shape.fields.items():
        if value.get(name) is None:
            if rule.required:
                yield missing(pointer, name)
            continue
        yield from _check(value[name], rule, surface, pointer=f"{pointer}/{name}")
    for group in shape.one_of:
        yield from _one_of(value, group, exactly=shape.exactly, pointer=pointer)
    if not shape.closed:
        return
    for name in value:
        if name not in shape.fields and name != "type":
            message = "is not a field of Slack"
            yield Problem(pointer=f"{pointer}/{name}", code="unknown_key", message=message)


def _one_of(
    value: Mapping[str, Any], group: tuple[str, ...], *, exactly: bool, pointer: str
) -> Found:
    there = [name for name in group if value.get(name) is not None]
    if not there:
        yield missing(pointer, " or ".join(group))
    elif exactly and len(there) > 1:
        message = f"has {' and '.join(there)}, only one is allowed"
        yield Problem(pointer=pointer, code="not_allowed", message=message)


def _string(value: object, rule: String, _surface: Surface, *, pointer: str) -> Found:
    if not isinstance(value, str):
        yield wrong_type(pointer, expected="string", got=value)
        return
    if rule.most is not None and len(value) > rule.most:
        yield too_long(pointer, got=len(value), most=rule.most)
    if len(value) < rule.least:
        yield too_short(pointer, got=len(value), least=rule.least)
    if rule.pattern is not None and not re.fullmatch(rule.pattern, value):
        message = f"is {value!r}, which is not in Slack's form"
        yield Problem(pointer=pointer, code="wrong_form", message=message)


def _text(value: object, rule: Text, surface: Surface, *, pointer: str) -> Found:
    if not isinstance(value, dict):
        yield wrong_type(pointer, expected="text object", got=value)
        return
    kind = value.get("type")
    if kind not in rule.kinds:
        message = f"is {kind!r}, allowed is {' or '.join(rule.kinds)}"
        yield Problem(pointer=f"{pointer}/type", code="not_allowed", message=message)
        return
    length = String(most=rule.most, least=rule.least, required=True)
    fields = {**ELEMENTS[kind].fields, "text": length}
    yield from _fields(value, Shape(fields=fields), surface, pointer=pointer)


def _number(value: object, rule: Number, _surface: Surface, *, pointer: str) -> Found:
    kinds = (int,) if rule.whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds):
        yield wrong_type(pointer, expected="integer" if rule.whole else "number", got=value)
        return
    number = cast("int", value)
    if rule.most is not None and number > rule.most:
        message = f"is {number:,}, at most {rule.most:,} is allowed"
        yield Problem(
            pointer=pointer, code="too_great", message=message, limit=rule.most, got=number
        )
    if rule.least is not None and number < rule.least:
        message = f"is {number:,}, at least {rule.least:,} is needed"
        yield Problem(
            pointer=pointer, code="too_small", message=message, limit=rule.least, got=number
        )


def _flag(value: object, _rule: Flag, _surface: Surface, *, pointer: str) -> Found:
    if not isinstance(value, bool):
        yield wrong_type(pointer, expected="boolean", got=value)


def _one(value: object, rule: One, _surface: Surface, *, pointer: str) -> Found:
    if isinstance(value, bool) or value not in rule.of:
        allowed = ", ".join(str(each) for each in rule.of)
        message = f"is {value!r}, allowed are {allowed}"
        yield Problem(pointer=pointer, code="not_among", message=message)


def _thing(value: object, rule: Thing, surface: Surface, *, pointer: str) -> Found:
    if not isinstance(value, dict):
        yield wrong_type(pointer, expected=rule.shape, got=value)
        return
    yield from _fields(value, OBJECTS[rule.shape], surface, pointer=pointer)


def _typed(value: object, rule: Typed, surface: Surface, *, pointer: str) -> Found:
    if not isinstance(value, dict):
        yield wrong_type(pointer, expected="object", got=value)
        return
    kind = value.get("type")
    shape = TYPED.get(kind) if isinstance(kind, str) else None
    if shape is None:
        message = f"is not an element of Slack: {kind!r}"
        yield Problem(pointer=f"{pointer}/type", code="unknown_type", message=message)
    elif kind not in rule.among:
        message = f"is {kind}, which is not allowed here"
        yield Problem(pointer=f"{pointer}/type", code="not_allowed", message=message)
    elif surface not in shape.surfaces:
        message = f"is {kind}, which is not allowed in a {surface}"
        yield Problem(pointer=f"{pointer}/type", code="not_allowed", message=message)
    else:
        yield from _fields(value, shape, surface, pointer=pointer)


def _items(value: object, rule: Items, surface: Surface, *, pointer: str) -> Found:
    if not isinstance(value, list):
        yield wrong_type(pointer, expected="array", got=value)
        return
    if rule.most is not None and len(value) > rule.most:
        yield too_long(pointer, got=len(value), most=rule.most, unit="items")
    if len(value) < rule.least:
        yield too_short(pointer, got=len(value), least=rule.least, unit="items")
    for number, each in enumerate(value):
        yield from _check(each, rule.of, surface, pointer=f"{pointer}/{number}")


def _anything(_value: object, _rule: Anything, _surface: Surface, *, pointer: str) -> Found:  # noqa: ARG001 - one signature for every rule
    return iter(())


_CHECKS: dict[type, Callable[..., Found]] = {
    String: _string,
    Text: _text,
    Number: _number,
    Flag: _flag,
    One: _one,
    Thing: _thing,
    Typed: _typed,
    Items: _items,
    Anything: _anything,
}


def _check(value: object, rule: Rule, surface: Surface, *, pointer: str) -> Found:
    yield from _CHECKS[type(rule)](value, rule, surface, pointer=pointer)
