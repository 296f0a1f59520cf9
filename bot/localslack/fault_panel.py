"""The page's panel of Slack faults."""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from bot.localslack.faults import Fault, FaultKind, Faults

_KINDS: Final = (
    ("lost_after", "Answer lost after posting"),
    ("lost_before", "Call lost before it was done"),
    ("ratelimited", "429 for 30 s"),
    ("server_error", "Error 500"),
    ("ack_late", "Ack 4 s late"),
    ("expired_trigger", "Expired trigger"),
    ("socket_cut", "Socket cut"),
)
_METHODS: Final = (
    ("chat.*", "messages"),
    ("views.*", "windows and Home"),
    ("conversations.history", "reading history"),
    ("", "any call"),
)
_OFTEN: Final = (("once", "once"), ("always", "until cleared"))
_TO_APP: Final = ("ack_late", "expired_trigger", "socket_cut")


class FaultPanel:
    """Arms and clears faults; `cut` breaks the sockets at once."""

    def __init__(self, *, faults: Faults, cut: Callable[[], None]) -> None:
        self._faults = faults
        self._cut = cut
        self._shown: Mapping[str, str] = {}

    def describe(self) -> dict[str, Any]:
        """The panel as it stands now."""
        armed = self._faults.armed()
        badge = f"Slack: {armed[0].words}" if armed else None
        if len(armed) > 1:
            badge = f"Slack: {len(armed)} faults"
        rows = [[fault.words] for fault in armed]
        clear = {"id": "clear", "label": "Clear all"}
        return {
            "id": "faults",
            "title": "Slack faults",
            "badge": badge,
            "badge_clear": "clear" if armed else None,
            "summary": None,
            "items": [
                self._select("kind", "What happens", _KINDS),
                self._select("method", "On", _METHODS),
                self._select("often", "How often", _OFTEN),
                {
                    "type": "buttons",
                    "controls": [{"id": "arm", "label": "Arm", "style": "primary"}]
                    + ([clear] if armed else []),
                },
                {"type": "log", "columns": ["Armed"], "rows": rows, "empty": "All normal."},
            ],
        }

    def press(self, control_id: str, values: Mapping[str, str]) -> str:
        """Arm what the selects say, or clear."""
        self._shown = dict(values)
        if control_id == "clear":
            self._faults.clear()
            return "All normal."
        kind = values.get("kind", "lost_after")
        if kind not in dict(_KINDS):
            raise ValueError(f"{kind} is not a fault.")
        once = values.get("often", "once") == "once"
        if kind == "socket_cut" and once:
            self._cut()
            return "The socket was cut; the app connects again by itself."
        method = None if kind in _TO_APP else values.get("method", "chat.*") or None
        fault = Fault(kind=cast("FaultKind", kind), method=method, once=once)
        self._faults.arm(fault)
        return f"Armed: {fault.words}."

    def _select(
        self, name: str, label: str, options: tuple[tuple[str, str], ...]
    ) -> dict[str, Any]:
        told = [{"value": value, "label": words} for value, words in options]
        shown = self._shown.get(name, options[0][0])
        return {"type": "select", "id": name, "label": label, "options": told, "value": shown}
