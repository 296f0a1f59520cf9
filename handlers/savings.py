"""Savings: `/lapse savings`, private, with the amounts that the reader may see."""

from collections.abc import Callable, Mapping

from handlers import ids, payloads
from handlers.blocks import savings
from handlers.blocks.pieces import Content
from handlers.services import Services
from handlers.turns import Turn, Turns


class Savings:
    """What was decided, executed and verified; the buttons group it in place."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @property
    def commands(self) -> Mapping[str, Callable[[Turn, str], None]]:
        """The word after `/lapse` that this conversation answers."""
        return {"savings": self.command}

    def register(self, turns: Turns) -> None:
        """Bind the button of the Home and those that group."""
        turns.action(ids.SAVINGS, lambda turn: self.command(turn, payloads.pressed(turn.body)))
        for action_id in ids.SAVINGS_GROUPS:
            turns.action(action_id, self.group)

    def command(self, turn: Turn, typed: str) -> None:
        """Everything so far, or what the filters let through."""
        turn.answer(self._found(turn, typed))

    def group(self, turn: Turn) -> None:
        """The same days grouped in another way, in place."""
        turn.answer(self._found(turn, payloads.pressed(turn.body)), replace=True)

    def _found(self, turn: Turn, typed: str) -> Content:
        query = payloads.savings_query(typed)
        sees = self._services.discretion.eyes_of(turn.user)
        return savings.savings(self._services.saving.savings(query, sees=sees))
