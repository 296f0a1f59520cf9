"""Finds the elements inside blocks: what can be pressed, typed into or chosen from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

STATEFUL: Final = frozenset(
    {
        "static_select", "external_select", "users_select", "conversations_select",
        "channels_select", "multi_static_select", "multi_external_select", "multi_users_select",
        "multi_conversations_select", "multi_channels_select", "checkboxes", "radio_buttons",
        "datepicker", "timepicker", "datetimepicker", "plain_text_input", "rich_text_input",
        "number_input", "email_text_input", "url_text_input", "file_input",
    }
)  # fmt: skip
INTERACTIVE: Final = STATEFUL | {"button", "overflow", "workflow_button"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An element, the block that holds it and its JSON pointer below the list of blocks."""

    block: Mapping[str, Any]
    element: Mapping[str, Any]
    pointer: str

    @property
    def block_id(self) -> str:
        """The block's id, empty when it has none."""
        return str(self.block.get("block_id") or "")

    @property
    def action_id(self) -> str:
        """The element's id, empty when it has none."""
        return str(self.element.get("action_id") or "")

    @property
    def kind(self) -> str:
        """The element's type."""
        return str(self.element.get("type"))

    @property
    def is_input(self) -> bool:
        """Whether it stands in an input block."""
        return self.block.get("type") == "input"


def placed(blocks: Sequence[Any]) -> Iterator[Placed]:
    """Every interactive element, in reading order; whatever is no object is passed over."""
    for number, block in enumerate(blocks):
        if not isinstance(block, dict):
            continue
        for where, element in _inside(block):
            if isinstance(element, dict) and element.get("type") in INTERACTIVE:
                yield Placed(block=block, element=element, pointer=f"/{number}{where}")


def _inside(block: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if "accessory" in block:
        yield "/accessory", block["accessory"]
    if "element" in block:
        yield "/element", block["element"]
    elements = block.get("elements")
    if block.get("type") == "actions" and isinstance(elements, list):
        for number, element in enumerate(elements):
            yield f"/elements/{number}", element


def options_of(element: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The options of a select, overflow menu, checkboxes or radio buttons, groups flattened."""
    found: list[Mapping[str, Any]] = [
        each for each in element.get("options") or [] if isinstance(each, dict)
    ]
    for group in element.get("option_groups") or []:
        if isinstance(group, dict):
            found += [each for each in group.get("options") or [] if isinstance(each, dict)]
    return found
