"""Alarming: trouble told to those who run Lapse, once for each subject and beginning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.billing.subscription import SlackUser
from bot.facts.messages import OperatorWarning
from bot.ports.store import Delivery, Transaction
from bot.services.owing import delivery_id

OPERATOR_WARNING = "operator-warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is wrong: `about` names it in keys, `subject` and `text` are for people."""

    about: str
    subject: str
    text: str
    since: datetime

    @property
    def name(self) -> str:
        """What began in the same hour about the same thing is the same trouble."""
        return f"{self.about}/{self.since:%Y-%m-%dT%H}"


def alarm(
    tx: Transaction, trouble: Trouble, *, operators: Sequence[SlackUser], at: datetime
) -> tuple[str, ...]:
    """Owe every operator a direct message, unless one about this trouble is owed already.

    Returns the deliveries that tell them of it.
    """
    owed = []
    for user in operators:
        key = f"warning/{trouble.name}/{user}"
        delivery = Delivery(
            id=delivery_id(key),
            key=key,
            kind=OPERATOR_WARNING,
            destination=user,
            stream=key,
            due_at=at,
            subject={
                "subject": trouble.subject,
                "text": trouble.text,
                "since": trouble.since.isoformat(),
            },
        )
        tx.outbox.owe(delivery)
        owed.append(delivery.id)
    return tuple(owed)


def read_warning(subject: Mapping[str, object]) -> OperatorWarning:
    """The warning that a delivery's subject holds."""
    return OperatorWarning(
        subject=str(subject["subject"]),
        since=datetime.fromisoformat(str(subject["since"])),
        text=str(subject["text"]),
    )
