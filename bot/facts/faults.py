"""The practice cloud's faults: what the next call will meet, and what the last ones met."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class FaultKind(StrEnum):
    """How a call goes wrong."""

    REFUSE = "refuse"
    TIME_OUT_BEFORE = "time-out-before"
    TIME_OUT_AFTER = "time-out-after"
    ANSWER_LATE = "answer-late"
    ERROR_500 = "error-500"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is armed: once or until it is changed, for any item or one; `code` for a refusal."""

    kind: FaultKind
    until_changed: bool = False
    item: str | None = None
    code: str = ""

    @property
    def stays(self) -> bool:
        """Whether it is met again; a cloud that cannot be reached is so until that is changed."""
        return self.until_changed or self.kind is FaultKind.UNREACHABLE

    def concerns(self, ids: Collection[str]) -> bool:
        """Whether a call or a reading of these ids meets it."""
        return self.item is None or self.item in ids


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLine:
    """One call as the panel lists it."""

    at: datetime
    call: str
    item: str
    outcome: str
