"""The practice cloud's faults: what the next call will meet, and what the last ones met."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is armed: once or until it is changed, for any item or one; `code` for a refusal."""

    kind: FaultKind
    until_changed: bool = False
    item: str | None = None
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLine:
    """One call as the panel lists it."""

    at: datetime
    call: str
    item: str
    outcome: str
