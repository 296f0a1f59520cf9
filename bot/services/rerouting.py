"""Rerouting: what becomes of a message that its destination will not take."""

from collections.abc import Mapping
from dataclasses import replace

from bot.billing.subscription import SlackChannel, SlackUser
from bot.ports.clock import Clock
from bot.ports.store import Delivery, DeliveryState, ReminderState, Store, Transaction
from bot.services.alarming import OPERATOR_WARNING, Trouble, alarm
from bot.services.announcing import carried
from bot.services.armed import DIRECT
from bot.services.composing import REMINDERS
from bot.services.people import People
from bot.services.policy import Policy

_REASONS: Mapping[str, str] = {
    "is_archived": "the channel is archived",
    "channel_not_found": "Lapse does not see the channel",
    "not_in_channel": "Lapse is not in the channel",
    "restricted_action": "only some people may post there",
    "account_inactive": "Slack does not accept the token",
    "invalid_auth": "Slack does not accept the token",
    "token_revoked": "Slack does not accept the token",
}
_REFUSED = " does not take it: "


class Rerouting:
    """Sends reminders to the common channel instead, and tells the operators once an hour."""

    def __init__(self, *, store: Store, clock: Clock, policy: Policy, people: People) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._people = people

    def undeliverable(self, delivery: Delivery, *, error: str) -> None:
        """Record it; nothing is tried again there. Only the holder of the fence does anything."""
        operators = self.operators()
        now = self._clock.now()
        with self._store.transaction() as tx:
            settled = tx.outbox.settle(
                delivery, state=DeliveryState.UNDELIVERABLE, at=now, error=error
            )
            if not settled or delivery.kind == OPERATOR_WARNING:
                return
            moved = delivery.kind in REMINDERS and self._move(tx, delivery, error=error)
            reason = _REASONS.get(error, error)
            where = f"They go to #{self._policy.reminders_channel} now. " if moved else ""
            trouble = Trouble(
                about=f"undeliverable/{delivery.destination}",
                subject=f"Lapse cannot post in #{delivery.destination}",
                text=f"Messages for #{delivery.destination} could not be posted: {reason}. "
                f"{where}Choose another channel, or let Lapse in again.",
                since=now,
            )
            alarm(tx, trouble, operators=operators, at=now)

    def operators(self) -> tuple[SlackUser, ...]:
        """Who hears of trouble: those named, else the approvers. May ask the workspace."""
        return self._policy.operators or self._people.approvers()

    def _move(self, tx: Transaction, delivery: Delivery, *, error: str) -> bool:
        """Arm a channel's reminders for the common channel; a direct message has its twin there."""
        rows = carried(tx, delivery)
        fallback = self._policy.reminders_channel
        reason = f"{delivery.destination}{_REFUSED}{error}"
        tx.reminders.settle(delivery.id, state=ReminderState.CANCELLED, at=None, reason=reason)
        if delivery.destination == fallback:
            return False
        moved = [
            replace(
                row,
                destination=fallback,
                state=ReminderState.ARMED,
                delivery_id=None,
                sent_at=None,
                reason=reason,
            )
            for row in rows
            if not row.id.endswith(DIRECT)
        ]
        tx.reminders.arm(moved)
        return bool(moved)


def moved_from(reason: str) -> tuple[SlackChannel, str] | None:
    """The channel that would not take a reminder and why, of the reason on the row that moved."""
    channel, refused, error = reason.partition(_REFUSED)
    return (SlackChannel(channel), _REASONS.get(error, error)) if refused else None
