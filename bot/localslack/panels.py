"""What the host hands in: a clock, and control panels that the page draws from data."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol


class Clock(Protocol):
    """Tells the workspace's time."""

    def now(self) -> datetime:
        """The current instant, aware."""


class Panel(Protocol):
    """A group of controls in the page's top bar.

    The description is JSON: `id`, `title`, `badge` (text or None), `badge_clear` (a control id or
    None), `summary` (text or None) and `items`, each of type text, buttons, select, input or log. A
    button may be `disabled` for as long as pressing it means nothing.
    """

    def describe(self) -> dict[str, Any]:
        """The panel as it stands now; must be quick, it is asked about once a second."""

    def press(self, control_id: str, values: Mapping[str, str]) -> str:
        """Do what the control says, with the values of the panel's fields by id.

        Answers the sentence to announce. Any exception becomes a sentence of failure.
        """
