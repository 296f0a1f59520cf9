"""Filing: lines of the record about messages, refused clicks and calls to a cloud.

Each is written in the transaction that saves what it speaks of; a refused click has saved nothing
and gets a transaction of its own.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.billing.subscription import SlackUser
from bot.ports.clock import Clock
from bot.ports.provider import ItemResult
from bot.ports.record import Personal
from bot.ports.store import Delivery, Store, Transaction
from bot.services.errors import Refused, RequestRefused

LAPSE = "lapse"
"""The actor of what Lapse does by itself."""

DIRECT = "direct"
"""The channel of what is between Lapse and one person."""

_PERSON = ("D", "U", "W")

log = logging.getLogger(__name__)


def who(person: str | None) -> str | Personal:
    """The actor of a line: a person, whose id can be erased, or Lapse itself."""
    return Personal.id(person) if person else LAPSE


def request_subject(number: object) -> str:
    """What lines about a request are filed under; those about a subscription under its key."""
    return f"request/{number}"


class Became(StrEnum):
    """What became of a message."""

    POSTED = "posted"
    UPDATED = "updated"
    TAKEN_BACK = "taken-back"
    GIVEN_UP = "given-up"
    UNKNOWN = "unknown"


def message(
    tx: Transaction,
    delivery: Delivery,
    became: Became,
    *,
    at: datetime,
    channel: str | None = None,
    ts: str | None = None,
    error: str | None = None,
) -> None:
    """Say what became of a message, never what it said."""
    to = channel or delivery.destination
    facts: dict[str, object] = {
        "delivery": delivery.id,
        "kind": delivery.kind,
        "channel": DIRECT if to.startswith(_PERSON) else to,
        "ts": ts,
    }
    if delivery.destination.startswith(_PERSON):
        facts["to"] = Personal.id(delivery.destination)
    if error is not None:
        facts["error"] = error
    number = delivery.subject.get("request")
    subject = f"message/{delivery.id}" if number is None else request_subject(number)
    tx.audit.append(
        at=at, actor=LAPSE, action=f"message.{became.value}", subject=subject, facts=facts
    )


class Outcome(StrEnum):
    """What a cloud answered, or what reading showed."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"
    DONE = "done"
    NOT_DONE = "not-done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """A call to a cloud and its outcome: of all ids alike, or of each as `results` say."""

    call: str
    ids: Sequence[str]
    outcome: Outcome
    code: str = ""
    request_id: str = ""
    results: Sequence[ItemResult] = ()

    @property
    def facts(self) -> Mapping[str, object]:
        """As the record says it; what is empty is left out."""
        told: dict[str, object] = {
            "ids": list(self.ids),
            "outcome": self.outcome.value,
            "code": self.code,
            "cloud_request": self.request_id,
            "items": {each.id: _answer(each) for each in self.results},
        }
        return {name: value for name, value in told.items() if value}


def call(
    tx: Transaction,
    called: Called,
    *,
    subject: str,
    at: datetime,
    by: SlackUser | None = None,
    facts: Mapping[str, object] | None = None,
) -> None:
    """Say what was asked of a cloud, or read there, and what came of it."""
    tx.audit.append(
        at=at,
        actor=who(by),
        action=f"cloud.{called.call}",
        subject=subject,
        facts={**called.facts, **(facts or {})},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """What somebody pressed, sent or typed: its name, and the request or subscriptions it is about.

    `code` is the one that the person is shown and the log bears.
    """

    by: SlackUser
    button: str
    about: Sequence[str]
    code: str


class Filing:
    """Writes what changed nothing and is to be known nevertheless."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def refused(self, click: Click, refusal: Refused) -> None:
        """Say that a click was refused, and why; never raises, since the person has the answer."""
        facts = {
            "button": click.button,
            "on": list(click.about),
            "reason": _reason(refusal),
            "code": click.code,
        }
        subject = _subject(click, refusal)
        try:
            with self._store.transaction() as tx:
                tx.audit.append(
                    at=self._clock.now(),
                    actor=who(click.by),
                    action="click.refused",
                    subject=subject,
                    facts=facts,
                )
        except Exception:
            log.exception("record.unwritten", extra={"code": click.code})


def _subject(click: Click, refusal: Refused) -> str:
    if isinstance(refusal, RequestRefused):
        return request_subject(refusal.request.number)
    return click.about[0] if len(click.about) == 1 else "click"


def _reason(refusal: Refused) -> str:
    """The name of the refusal: its sentence may name people."""
    cause = refusal.cause if isinstance(refusal, RequestRefused) else refusal
    return type(cause).__name__


def _answer(result: ItemResult) -> Mapping[str, object]:
    """What a cloud said of one id; its own words stand beside the item."""
    if result.accepted or result.gone:
        taken = Outcome.ACCEPTED if result.accepted else Outcome.DONE
        return {"outcome": taken.value, "order": result.order_id}
    if not result.error_code:
        return {"outcome": Outcome.NOT_DONE.value}
    return {"outcome": Outcome.REFUSED.value, "code": result.error_code}
