"""Messages whose figures are hidden: the button that asks for them, and the private answer."""

import json
from copy import copy

from slack_sdk.models.blocks import ActionsBlock, Block, SectionBlock

from bot.billing.money import HIDDEN
from handlers import ids
from handlers.blocks.pieces import Content, actions, button, context


def with_button(content: Content, delivery_id: str) -> Content:
    """The message with *Show figures* below, when one of them is hidden."""
    if not _hides(content):
        return content
    show = button(
        "Show figures", ids.SHOW_FIGURES, delivery_id, says="Show the figures of this message"
    )
    return Content(content.text, [*content.blocks, *actions(show)], content.title)


def with_figures(content: Content) -> Content:
    """The whole message to read for one person; what can be pressed stays where everybody is."""
    shown = [_quiet(block) for block in content.blocks if not isinstance(block, ActionsBlock)]
    return Content(content.text, [*shown, context("Only you see this.")], content.title)


def _hides(content: Content) -> bool:
    words = json.dumps([block.to_dict() for block in content.blocks])
    return HIDDEN in f"{content.text} {words}".lower()


def _quiet(block: Block) -> Block:
    if not isinstance(block, SectionBlock):
        return block
    alone = copy(block)
    alone.accessory = None
    return alone
