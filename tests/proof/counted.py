"""Lives in which whatever is beyond one item a message is only counted in another message.

In every second life each destination is a crowd as well, which is bundled row by row. Slack is not
told which reminders a counting message stands for; here it is, so that each can be followed.

What was missed is promised in one message, of up to forty items. It takes two here, the one with
an item and the one that counts, so that this alone is not asked of what was counted.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from bot.billing.subscription import Subscription
from bot.facts.messages import Message
from bot.ports.store import Delivery, Store, Transaction
from bot.services import bundling, crowds
from bot.services.announcing import carried
from bot.services.composing import REMINDERS, Composing
from handlers import messenger
from tests.proof.nemesis import Nemesis
from tests.proof.stages import Disk
from tests.proof.world import World, renewing

NAMED = 1
"""So many items a message names, and no more messages than one name any."""

Line = dict[str, Any]
_metadata = messenger.metadata


class CountedWorld(World):
    """A life in which most reminders are counted."""

    def __init__(self, store: Store, disk: Disk, seed: int) -> None:
        super().__init__(store, disk, seed, Nemesis.of(seed))
        self._is_crowded = bool(seed % 2)

    def run(self) -> list[Line]:
        """As ever, with what was counted."""
        with counting(crowded=self._is_crowded) as counted:
            lines = super().run()
        posts = [each for each in lines if each["event"] == "post"]
        told = {ref for each in posts if each["delivery"] in counted for ref in each["ids"]}
        self.slack.happened["counted messages"] += sum(x["delivery"] in counted for x in posts)
        return [_in_two_messages(line, told) for line in lines]

    def _usual_items(self) -> Sequence[Subscription]:
        usual = list(super()._usual_items())
        if self.nemesis.lasts or self.nemesis.off or self.nemesis.edits:
            return usual
        return [*usual, *(renewing(f"item-{number}") for number in range(2, 5))]


@contextmanager
def counting(*, crowded: bool) -> Iterator[set[str]]:
    """Messages name one item and count the others; the deliveries that counted."""
    counted: set[str] = set()

    def metadata(
        message: Message, *, delivery_id: str, reminder_ids: Sequence[str]
    ) -> Mapping[str, object]:
        said: Any = dict(_metadata(message, delivery_id=delivery_id, reminder_ids=reminder_ids))
        if "batch_id" in said["event_payload"]:
            counted.add(delivery_id)
            said["event_payload"] |= {"reminder_ids": list(reminder_ids)}
        return said

    sizes: list[tuple[Any, str, object]] = [(bundling, "COUNTED_BEYOND", NAMED)]
    sizes += [(crowds, "COUNTED_BEYOND", NAMED)]
    if crowded:
        sizes += [(bundling, "CROWD", 0), (crowds, "SLICE", 1), (crowds, "AT_ONCE", 2)]
    sizes += [(Composing, "reminder_ids", _members), (messenger, "metadata", metadata)]
    with ExitStack() as stack:
        for place, name, value in sizes:
            stack.enter_context(patch.object(place, name, value))
        yield counted


def _members(_self: Composing, tx: Transaction, delivery: Delivery) -> tuple[str, ...]:
    """Of a counting message as well."""
    rows = carried(tx, delivery) if delivery.kind in REMINDERS else ()
    return tuple(row.id for row in rows)


def _in_two_messages(line: Line, counted: set[str]) -> Line:
    return {**line, "over": None} if line.get("id") in counted and "over" in line else line
