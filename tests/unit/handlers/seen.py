"""What a message or a modal says, so that tests speak of words instead of JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from bot.localslack.blockkit.validator import problems
from handlers.blocks.pieces import Content

PEOPLE = {
    "U0OWNER": "owner",
    "U0REQUESTER": "requester",
    "U0APPROVER1": "approver-1",
    "U0APPROVER2": "approver-2",
    "U0OUTSIDER": "outsider",
}


def spoken(content: Content) -> str:
    """The top-level text with mentions as names and no-break spaces as spaces."""
    return named(content.text)


def named(text: str) -> str:
    """Mentions as `@role`, no-break spaces as spaces."""
    for user, role in PEOPLE.items():
        text = text.replace(f"<@{user}>", f"@{role}")
    return text.replace("\u00a0", " ")


def lines(blocks: Sequence[Block]) -> list[str]:
    """Every line of text that the blocks show, in order."""
    shown: list[str] = []
    for block in blocks:
        shown.extend(_lines(block.to_dict()))
    return [named(line) for text in shown for line in text.split("\n") if line]


def headline(content: Content) -> str:
    """The header of a message."""
    return next(
        named(block.to_dict()["text"]["text"])
        for block in content.blocks
        if block.to_dict()["type"] == "header"
    )


def buttons(blocks: Sequence[Block]) -> list[str]:
    """The labels of the buttons in rows and beside sections, in order."""
    return [each["text"]["text"] for each in elements(blocks) if each["type"] == "button"]


def button(blocks: Sequence[Block], label: str) -> Mapping[str, Any]:
    """One button by its label."""
    return next(
        each
        for each in elements(blocks)
        if each["type"] == "button" and each["text"]["text"] == label
    )


def elements(blocks: Sequence[Block]) -> list[dict[str, Any]]:
    """Everything that can be pressed or filled in."""
    found: list[dict[str, Any]] = []
    for block in (each.to_dict() for each in blocks):
        found += [block["accessory"]] if block.get("accessory") else []
        found += [block["element"]] if block.get("element") else []
        found += block["elements"] if block["type"] == "actions" else []
    return found


def inputs(blocks: Sequence[Block]) -> dict[str, Mapping[str, Any]]:
    """The input blocks by their label."""
    return {
        block["label"]["text"]: block
        for block in (each.to_dict() for each in blocks)
        if block["type"] == "input"
    }


def refused(shown: Content | View) -> list[str]:
    """For what Slack would refuse it; empty when it would not."""
    if isinstance(shown, View):
        return [each.sentence for each in problems(shown.to_dict(), "modal")]
    payload = {"text": shown.text, "blocks": [block.to_dict() for block in shown.blocks]}
    return [each.sentence for each in problems(payload, "message")]


def _lines(block: Mapping[str, Any]) -> list[str]:
    if block["type"] == "rich_text":
        return ["".join(_part(part) for part in each["elements"]) for each in block["elements"]]
    if block["type"] == "context":
        return [each["text"] for each in block["elements"]]
    texts = [block["text"]["text"]] if block.get("text") else []
    texts += [each["text"].replace("\n", ": ", 1) for each in block.get("fields") or ()]
    return texts


def _part(part: Mapping[str, Any]) -> str:
    return f"<@{part['user_id']}>" if part["type"] == "user" else str(part["text"])
