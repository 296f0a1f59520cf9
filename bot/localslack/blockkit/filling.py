"""Gives blocks and elements the ids that Slack makes up when the app names none."""

import copy
from collections.abc import Sequence
from typing import Any

from bot.localslack.blockkit.elements import INTERACTIVE
from bot.localslack.stamps import new_id


def filled(blocks: Sequence[Any]) -> list[dict[str, Any]]:
    """A copy in which every block has a `block_id` and every element an `action_id`."""
    done = copy.deepcopy(list(blocks))
    for block in done:
        if not block.get("block_id"):
            block["block_id"] = new_id("", length=5)
        inside = [block.get("accessory"), block.get("element")]
        if block["type"] == "actions":
            inside += block.get("elements") or []
        for element in inside:
            if element and element.get("type") in INTERACTIVE and not element.get("action_id"):
                element["action_id"] = new_id("", length=5)
    return done
