"""Lives whose items have an owner, so that each reminder goes to a channel and to a person.

In every third life without another trouble the person's conversation refuses, with any code. Then,
and where the workspace answers to everything what says that a destination is closed, a person may
be told or not: the channel is owed the same reminder. A code that Lapse does not know may pass, so
its message is not given up: after the third refusal it is tried again a minute later, ten minutes
after that and each hour from then on. Refusals of the person's conversation that come so rarely
are excused; one that comes earlier counts, and so do the first three.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from bot.billing.subscription import SlackUser, Subscription
from bot.ports.store import Store
from handlers.refusals import CLOSED, REFUSED_HERE
from tests.proof.codes import OF_A_CHANNEL
from tests.proof.nemesis import TROUBLES, Nemesis
from tests.proof.stages import Disk
from tests.proof.world import World

OWNER = SlackUser("U0OWNER")
PERSONAL = f"D{OWNER[1:]}"
REFUSES = 3
"""In one of so many lives without a trouble the person's conversation refuses."""

AT_ONCE = 3
PAUSES = (60.0, 600.0, 3600.0)
"""Seconds between probes after so many refusals, the last from then on."""

Line = dict[str, Any]


class OwnedWorld(World):
    """A life of two destinations; the evidence has a second line for whatever is owed."""

    def __init__(self, store: Store, disk: Disk, seed: int) -> None:
        self._taken_in_private: dict[tuple[str, float], bool] = {}
        super().__init__(store, disk, seed, _nemesis(seed))

    def run(self) -> list[Line]:
        """As ever, without the probes that are excused."""
        lines = super().run()
        told = sum(each["event"] == "post" and each["channel"] == PERSONAL for each in lines)
        self.slack.happened["owners told"] += told
        if self.nemesis.closed in CLOSED | REFUSED_HERE:
            return lines
        probes = set(map(id, excused(lines)))
        self.slack.happened["owners probes excused"] += len(probes)
        return [each for each in lines if id(each) not in probes]

    def _usual_items(self) -> Sequence[Subscription]:
        return [replace(each, owner=OWNER) for each in super()._usual_items()]

    def _trouble(self) -> None:
        super()._trouble()
        if self.slack.closed:
            self.slack.closed = {PERSONAL: str(self.nemesis.closed)}
            self.slack.happened["owners refuse"] += 1

    def _is_taken(self, ref: str) -> bool:
        taken = super()._is_taken(ref)
        self._taken_in_private[ref, self.clock.now().timestamp()] = super()._is_taken(f"{ref}/dm")
        return taken

    def _note_what_was_taken_meanwhile(self) -> None:
        both = [each for line in self._owing.lines for each in (line, self._in_private(line))]
        self._owing.lines[:] = both
        super()._note_what_was_taken_meanwhile()

    def _in_private(self, line: Line) -> Line:
        """What the person is owed, or no more, of what the channel is."""
        twin = {**line, "id": f"{line['id']}/dm"}
        if line["event"] == "withdrawn":
            return twin | {"taken": self._taken_in_private[line["id"], line["at"]]}
        given_up = self.nemesis.closed is not None or self.nemesis.locked in CLOSED
        optional = line["optional"] or given_up
        return twin | {"channel": PERSONAL, "fallback": PERSONAL, "optional": optional}


def excused(lines: Sequence[Line]) -> Iterator[Line]:
    """The refusals of the person's conversation that are probes, as rare as is promised."""
    last: dict[str, float] = {}
    times: dict[str, int] = defaultdict(int)
    for line in lines:
        if line["event"] != "refused" or line["channel"] != PERSONAL or line.get("forgotten"):
            continue
        delivery = line["delivery"]
        probe = times[delivery] - AT_ONCE
        pause = PAUSES[min(probe, len(PAUSES) - 1)]
        if probe >= 0 and line["at"] - last[delivery] >= pause:
            yield line
        times[delivery] += 1
        last[delivery] = line["at"]


def _nemesis(seed: int) -> Nemesis:
    usual, random = Nemesis.of(seed), Random(f"owners {seed}")
    is_troubled = any(getattr(usual, each) for each in TROUBLES)
    if is_troubled or random.randrange(REFUSES):
        return usual
    return replace(usual, closed=random.choice(OF_A_CHANNEL))
