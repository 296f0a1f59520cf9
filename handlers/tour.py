"""The tour of the demo: its steps are buttons of other conversations, only skipping is its own."""

from handlers import ids
from handlers.services import Services
from handlers.turns import Turn, Turns


class Tours:
    """The one button that belongs to the tour alone."""

    def __init__(self, services: Services) -> None:
        self._touring = services.touring

    def register(self, turns: Turns) -> None:
        """Bind the button."""
        turns.action(ids.TOUR_SKIP, self.skip)

    def skip(self, _: Turn) -> None:
        """*Skip the tour*: the message says so, for everyone."""
        self._touring.skip()
