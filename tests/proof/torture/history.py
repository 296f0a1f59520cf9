"""The history of a run: a line for each thing that happened, for anybody to judge again."""

import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from bot.clock import MachineClock
from tests.proof.checker import judged


class History:
    """Appends to a file of JSON lines and remembers; may be called from any thread.

    `at` is Lapse's time in seconds, which the run moves; `told` are the ids of posted reminders.
    """

    def __init__(self, file: Path) -> None:
        self._file = file.open("w", encoding="utf-8")
        self._lock = threading.Lock()
        self._offset = 0.0
        self._lines: list[dict[str, object]] = []
        self.counts: Counter[str] = Counter()
        self.told: set[str] = set()

    @property
    def now(self) -> float:
        """Lapse's time."""
        return MachineClock().now().timestamp() + self._offset

    def step(self, seconds: float) -> None:
        """Lapse's time moves by so much."""
        self._offset += seconds

    def tell(self, event: str, **facts: Any) -> None:
        """Write down that something happens now."""
        with self._lock:
            line = {"at": round(self.now, 3), "event": event, **facts}
            self._lines.append(line)
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
            self.counts[event] += 1
            if event == "post":
                self.told.update(facts["ids"])

    def of(self, event: str) -> list[dict[str, object]]:
        """What happened of one kind, in order."""
        with self._lock:
            return [line for line in self._lines if line["event"] == event]

    def lines(self) -> list[dict[str, object]]:
        """All of it, so far."""
        with self._lock:
            return [*self._lines]

    def judged(self) -> list[str]:
        """What the checker finds wrong."""
        return judged(self._lines)

    def close(self) -> None:
        self._file.close()
