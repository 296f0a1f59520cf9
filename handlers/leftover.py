"""What nothing else is bound to: acknowledged all the same, and never left without an answer."""

import re

from slack_bolt import Ack, App

from handlers import ids, payloads
from handlers.blocks.pieces import Content, section
from handlers.turns import Turn, Turns

ANYTHING = re.compile("")
OLD_BUTTON = "This button is of an older Lapse and does nothing any more. Type `/lapse help`."
OTHER_COMMAND = "Lapse answers to `/lapse`. Type `/lapse help`."


def register(app: App, turns: Turns) -> None:
    """Bind what is left; to be called last, as Bolt takes the first listener that fits."""
    turns.action(ids.OPEN_LINK, followed)
    turns.action(ANYTHING, unknown_action)
    turns.command(ANYTHING, lambda turn: turn.answer(_sentence(OTHER_COMMAND)))
    app.view_submission(ANYTHING)(_acknowledge)
    app.view_closed(ANYTHING)(_acknowledge)
    app.block_suggestion(ANYTHING)(_offer_nothing)
    app.event(ANYTHING)(_acknowledge)


def followed(_: Turn) -> None:
    """A link was followed: Slack tells, and there is nothing to do."""


def unknown_action(turn: Turn) -> None:
    """A button that is left over gets an answer; a field of a form that changed gets none."""
    if payloads.is_button(turn.body):
        turn.answer(_sentence(OLD_BUTTON))


def _sentence(words: str) -> Content:
    return Content(words, [section(words)])


def _acknowledge(ack: Ack) -> None:
    ack()


def _offer_nothing(ack: Ack) -> None:
    ack(options=[])
