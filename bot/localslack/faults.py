"""Troubles on order: what real Slack does on a bad day, armed by hand or by a test."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

FaultKind = Literal[
    "lost_after",
    "lost_before",
    "ratelimited",
    "server_error",
    "error",
    "ack_late",
    "expired_trigger",
    "socket_cut",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One trouble.

    `lost_after`: the call is done, its answer never arrives. `lost_before`: neither.
    `ratelimited`: 429 for `seconds`, told in Retry-After. `server_error`: HTTP 500. `error`: the
    business error named in `error`. `ack_late`: the app's ack counts as too late.
    `expired_trigger`: the next trigger has expired when it is used. `socket_cut`: the connection
    breaks as soon as something is sent to the app.
    `method` may hold `*` and means any when None; `skip` lets so many calls pass first.
    """

    kind: FaultKind
    method: str | None = None
    once: bool = True
    seconds: int = 30
    skip: int = 0
    error: str = "fatal_error"

    @property
    def words(self) -> str:
        """What it does, for a badge."""
        said = {
            "lost_after": "answer lost after posting",
            "lost_before": "call lost",
            "ratelimited": f"429 for {self.seconds} s",
            "server_error": "error 500",
            "error": self.error,
            "ack_late": "ack late",
            "expired_trigger": "trigger expired",
            "socket_cut": "socket cut",
        }[self.kind]
        where = f" of {self.method}" if self.method else ""
        return f"{said}{where}, {'once' if self.once else 'until cleared'}"


@dataclass(slots=True, kw_only=True)
class _Armed:
    fault: Fault
    passed: int = 0
    until: float | None = None


class Faults:
    """The armed troubles; may be called from any thread."""

    def __init__(self, *, elapsed: Callable[[], float]) -> None:
        self._elapsed = elapsed
        self._armed: list[_Armed] = []
        self._lock = threading.Lock()

    def arm(self, fault: Fault) -> None:
        """Add one; those armed first strike first."""
        with self._lock:
            self._armed.append(_Armed(fault=fault))

    def clear(self) -> None:
        """Take all away."""
        with self._lock:
            self._armed.clear()

    def armed(self) -> tuple[Fault, ...]:
        """Those that can still strike."""
        with self._lock:
            self._forget_old()
            return tuple(each.fault for each in self._armed)

    def strike(self, *kinds: FaultKind, method: str = "") -> tuple[Fault, float] | None:
        """The fault that hits now, used up where it is armed once; with the seconds left of it."""
        with self._lock:
            self._forget_old()
            for each in self._armed:
                if each.fault.kind in kinds and _matches(each.fault, method):
                    if each.passed < each.fault.skip:
                        each.passed += 1
                        continue
                    return each.fault, self._used(each)
        return None

    def _used(self, armed: _Armed) -> float:
        if armed.fault.kind == "ratelimited" and armed.fault.once:
            # once means one spell of so many seconds, as Slack's window would be
            armed.until = armed.until or self._elapsed() + armed.fault.seconds
            return armed.until - self._elapsed()
        if armed.fault.once:
            self._armed.remove(armed)
        return float(armed.fault.seconds)

    def _forget_old(self) -> None:
        now = self._elapsed()
        self._armed = [each for each in self._armed if each.until is None or each.until > now]


def _matches(fault: Fault, method: str) -> bool:
    return fault.method is None or fnmatchcase(method, fault.method)
