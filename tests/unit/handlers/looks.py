"""What a person and a screen reader get of blocks, and what Slack would refuse in them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from bot.localslack.blockkit.validator import problems
from handlers.blocks.pieces import Content

NBSP = "\u00a0"


def as_json(blocks: Sequence[Block]) -> list[dict[str, Any]]:
    """The blocks as they travel."""
    return [block.to_dict() for block in blocks]


def accepted(content: Content) -> Content:
    """The same content, after every surface that it may appear on has taken it."""
    message = {"text": content.text, "blocks": as_json(content.blocks)}
    found = problems(message, "message")
    assert not found, found
    assert content.text
    assert len(content.text) <= 4000
    return content


def accepted_view(view: View) -> View:
    """The same view, after Slack's rules have taken it."""
    found = problems(view.to_dict(), view.type)
    assert not found, found
    return view


def words(blocks: Sequence[Block]) -> list[str]:
    """Every block as one text: lines as they break, bold as `**`, fields with `|` between."""
    return read(as_json(blocks))


def read(blocks: Sequence[Mapping[str, Any]]) -> list[str]:
    """The same of blocks as they travelled."""
    return [_words(block) for block in blocks]


def plain(text: str) -> str:
    """With plain blanks, so that expected figures can be typed."""
    return text.replace(NBSP, " ")


def buttons(blocks: Sequence[Block]) -> list[str]:
    """The labels of everything that can be pressed, in order."""
    return [_label(element) for element in elements(blocks)]


def elements(blocks: Sequence[Block]) -> list[Mapping[str, Any]]:
    """Everything that can be pressed, in order."""
    found: list[Mapping[str, Any]] = []
    for block in as_json(blocks):
        if block["type"] == "actions":
            found += block["elements"]
        elif "accessory" in block:
            found.append(block["accessory"])
    return found


def _label(element: Mapping[str, Any]) -> str:
    shown = element.get("text") or element.get("placeholder") or {"text": "⋯"}
    return str(shown["text"])


def _words(block: Mapping[str, Any]) -> str:
    return plain(_READERS.get(block["type"], lambda _: "")(block))


def _section(block: Mapping[str, Any]) -> str:
    if "fields" in block:
        return " | ".join(_bold(field["text"]) for field in block["fields"])
    accessory = block.get("accessory")
    pressed = f" → [{_label(accessory)}]" if accessory else ""
    return _bold(block["text"]["text"]) + pressed


def _bold(mrkdwn: str) -> str:
    return mrkdwn.replace("*", "**")


def _rich(block: Mapping[str, Any]) -> str:
    return "".join(_pieces(block["elements"]))


def _pieces(parts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for part in parts:
        if "elements" in part:
            yield from _pieces(part["elements"])
        elif part["type"] == "user":
            yield f"<@{part['user_id']}>"
        elif part["type"] == "channel":
            yield f"<#{part['channel_id']}>"
        else:
            bold = part.get("style", {}).get("bold")
            yield f"**{part['text']}**" if bold else part["text"]


_READERS = {
    "header": lambda block: block["text"]["text"],
    "section": _section,
    "rich_text": _rich,
    "context": lambda block: " / ".join(each["text"] for each in block["elements"]),
    "actions": lambda block: " ".join(f"[{_label(each)}]" for each in block["elements"]),
    "input": lambda block: block["label"]["text"],
}
