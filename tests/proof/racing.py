"""Replicas of the engine that race for one due set, each with a connection pool of its own."""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import time, timedelta
from itertools import count
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

from bot.billing.reminder import Schedule
from bot.billing.subscription import SlackChannel
from bot.facts.messages import Message
from bot.ports.messenger import Posted
from bot.services.bundles import DIGEST
from bot.services.composing import Composing
from bot.services.delivering import Delivering
from bot.services.pacing import Limits, Pacing
from bot.services.people import People
from bot.services.policy import Policy
from bot.services.reminding import Reminding
from bot.services.rerouting import Rerouting
from storage.engine import open_database
from storage.store import SqlStore
from tests.clocks import SettableClock, always_steady
from tests.conftest import ACCOUNTS, AUDIT_KEY, TEAM
from tests.factories import instant, order, quota
from tests.messengers import FakeDirectory
from tests.proof import databases
from tests.proof.pieces import Trial, Verdict

DUE = instant("2026-11-27 09:00:30")
"""Half a minute after the three-day lead of what renews on 30 November."""

POLICY = Policy(
    approvals_channel=SlackChannel("C0APPROVALS"),
    reminders_channel=SlackChannel("C0FINOPS"),
    schedule=Schedule(lead_days=(3, 1), at=time(9), zone=ZoneInfo("Asia/Shanghai")),
    approvers=(),
)

REPLICAS = (2, 4, 8)
DUE_SET = 100
"""Reminders of one race, so that a thousand races take minutes."""


class Witness:
    """The Messenger port: posts into nothing and remembers which reminders it was given."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self._stamps = count(1)

    def post(
        self, _message: Message, *, to: str, reminder_ids: Sequence[str] = (), **_more: Any
    ) -> Posted:
        self.told.extend(reminder_ids)
        return Posted(to, f"1.{next(self._stamps):06d}")

    def link(self, _at: Posted) -> None:
        return None


class Racer:
    """One replica of the engine."""

    def __init__(self, url: str) -> None:
        self._database = open_database(url)
        store = self._store()
        clock, slack = SettableClock(DUE), Witness()
        parts: dict[str, Any] = {"store": store, "clock": clock}
        people = People(directory=FakeDirectory(), policy=POLICY)
        messenger: Any = slack
        self._slack = slack
        self._reminding = Reminding(**parts, policy=POLICY, people=people)
        self._delivering = Delivering(
            **parts,
            messenger=messenger,
            composing=Composing(links=messenger, announcing=self._reminding.announcing),
            rerouting=Rerouting(**parts, policy=POLICY, people=people),
            pacing=Pacing(Limits()),
            elapsed=monotonic,
            steady_since=always_steady,
        )

    def arm(self, reminders: int) -> None:
        """Let so many fall due, ten in a channel."""
        items = [
            quota(
                f"item-{number}",
                owner=None,
                channel=SlackChannel(f"C{number // DIGEST:05}"),
                orders=(order("2025-12-07 09:20"),),
            )
            for number in range(reminders)
        ]
        with self._store().transaction() as tx:
            tx.catalogue.put(items, at=DUE - timedelta(days=90))
        self._reminding.arm()

    def race(self) -> Sequence[str]:
        """Bundle and send until nothing is left; the reminders that it told."""
        while self._reminding.bundle_due() or self._delivering.send_due():
            pass
        return self._slack.told

    def close(self) -> None:
        self._database.dispose()

    def _store(self) -> SqlStore:
        return self._database.store(team_id=TEAM, accounts=ACCOUNTS, audit_key=AUDIT_KEY)


def raced(url: str, *, replicas: int, reminders: int) -> Sequence[str]:
    """What so many replicas, in threads of their own, told of one due set."""
    racers = [Racer(url) for _ in range(replicas)]
    try:
        racers[0].arm(reminders)
        start = threading.Barrier(replicas)

        def run(racer: Racer) -> Sequence[str]:
            start.wait()
            return racer.race()

        with ThreadPoolExecutor(replicas) as threads:
            return [id_ for told in threads.map(run, racers) for id_ in told]
    finally:
        for racer in racers:
            racer.close()


def judged_race(url: str, *, replicas: int, reminders: int) -> Verdict:
    """Whether each reminder of the due set was told once."""
    told = Counter(raced(url, replicas=replicas, reminders=reminders))
    wrong = [f"{id_} was told {times} times." for id_, times in told.items() if times > 1]
    if len(told) != reminders:
        wrong.append(f"{len(told)} of {reminders} were told.")
    happened = {
        "F4 races": 1,
        f"F4 races of {replicas}": 1,
        "F4 reminders that were raced for": reminders,
    }
    return Verdict(wrong, happened)


@contextmanager
def races() -> Iterator[Trial]:
    """Races on PostgreSQL, of two, four and eight by turns, each on an empty database."""
    with databases.on_postgres() as kept:

        def trial(number: int) -> Verdict:
            with kept.copy() as url:
                return judged_race(
                    url, replicas=REPLICAS[number % len(REPLICAS)], reminders=DUE_SET
                )

        yield trial
