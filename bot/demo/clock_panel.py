"""The clock panel: time moves forward, and everything on its way happens in order."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from bot.billing.renewal import CLOUD_ZONE
from bot.demo.stage import Stage
from bot.facts.rehearsing import Ahead, Moved

STEPS = {
    "minutes": ("+5 minutes", timedelta(minutes=5), "5 minutes"),
    "hour": ("+1 hour", timedelta(hours=1), "1 hour"),
    "day": ("+1 day", timedelta(days=1), "1 day"),
}
NEXT = "next"
START_OVER = "start-over"

Counted = Callable[[], Mapping[str, int]]
"""How many messages each conversation holds, by the name that people see."""


class ClockPanel:
    """Shows the practice time and moves it; `start_over` empties the workspace."""

    def __init__(
        self,
        *,
        stage: Callable[[], Stage | None],
        counted: Counted,
        start_over: Callable[[], None],
    ) -> None:
        self._stage = stage
        self._counted = counted
        self._start_over = start_over
        self._turn = Lock()
        self._doing = ""

    def describe(self) -> dict[str, Any]:
        """The time, what comes next, and the steps."""
        stage = self._stage()
        if stage is None:
            return _panel(summary="Starting", items=[])
        now, doing = written(stage.core.clock.now()), self._doing
        controls = [_control(name, label, doing) for name, (label, _, _) in STEPS.items()]
        controls.append(_control(NEXT, "To the next event", doing))
        return _panel(
            summary=now,
            items=[
                {"type": "text", "text": now if doing else f"{now}, running"},
                {
                    "type": "text",
                    "text": doing or _next(stage.rehearsal.next_event()),
                    "tone": "muted",
                },
                {"type": "buttons", "controls": controls},
                {"type": "buttons", "controls": [_START_OVER | {"disabled": bool(doing)}]},
            ],
        )

    def press(self, control_id: str, values: Mapping[str, str]) -> str:  # noqa: ARG002
        """Move the clock, or begin again; says what came of it.

        One press at a time: what comes while time moves would move it later, unseen.
        """
        if not self._turn.acquire(blocking=False):
            return f"{self._doing} Press again when it has moved."
        try:
            self._doing = _doing(control_id)
            return self._move(control_id)
        finally:
            self._doing = ""
            self._turn.release()

    def _move(self, control_id: str) -> str:
        if control_id == START_OVER:
            self._start_over()
            return "Started over. The workspace is new."
        stage = self._stage()
        if stage is None:
            return "Lapse is starting; try again in a moment."
        before = self._counted()
        if control_id == NEXT:
            moved = stage.rehearsal.advance_to_next()
            words = _passed(moved)
        else:
            _, by, written_step = STEPS[control_id]
            moved = stage.rehearsal.advance(by)
            words = f"Moved {written_step}."
        return f"{words} {_news(before, self._counted())}"


def _control(name: str, label: str, doing: str) -> dict[str, Any]:
    return {"id": name, "label": label, "disabled": bool(doing)}


def _doing(control_id: str) -> str:
    """What a press is about to do; it waits for what is under way."""
    if control_id == START_OVER:
        return "Starting over…"
    by = f"by {STEPS[control_id][2]}" if control_id in STEPS else "to the next event"
    return f"Moving {by}… What is under way finishes first."


def _panel(*, summary: str, items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "id": "clock",
        "title": "Clock",
        "badge": None,
        "badge_clear": None,
        "summary": summary,
        "items": list(items),
    }


_START_OVER = {
    "id": START_OVER,
    "label": "Start over",
    "style": "danger",
    "confirm": {
        "title": "Start over?",
        "text": "Messages, requests and the book are emptied, and the demo catalogue is new.",
        "confirm": "Start over",
        "deny": "Go back",
    },
}


def written(instant: datetime) -> str:
    """`Mon 23 Nov 2026, 10:12 GMT+08:00`."""
    local = instant.astimezone(CLOUD_ZONE)
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M} GMT+08:00"


def _next(ahead: Ahead | None) -> str:
    if ahead is None:
        return "Nothing is ahead."
    local = ahead.at.astimezone(CLOUD_ZONE)
    return f"Next: {local:%a} {local.day} {local:%b, %H:%M}, {ahead.text}"


def _passed(moved: Moved) -> str:
    if not moved.passed:
        return "Nothing is ahead."
    return f"Moved to {written(moved.end)}: {moved.passed[-1].text}."


def _news(before: Mapping[str, int], after: Mapping[str, int]) -> str:
    new = Counter(after)
    new.subtract(before)
    told = [f"{name} {count}" for name, count in new.items() if count > 0]
    return f"New: {', '.join(told)}." if told else "No new messages."
