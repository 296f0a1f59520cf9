"""What befalls replicas and databases: a strike at a time, as a seed decides.

Some strikes hit at once. Others lie in wait at a place that a replica comes by, such as right
before its next post: the worst moments are short, and chance alone would rarely meet them.
"""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from random import Random
from resource import RLIM_INFINITY, RLIMIT_FSIZE, prlimit
from sqlite3 import connect

from tests.postgres import Stop, administer
from tests.proof.torture.doors import HOLD_SECONDS, Place, Verdict
from tests.proof.torture.site import Replica, Site
from tests.proof.torture.times import TIMEOUT

POSTS: tuple[Place, ...] = ("before a post", "after a post")
COMMITS: tuple[Place, ...] = ("before a commit", "after a commit", "after an intent")
CHANGE: tuple[Place, ...] = ("in a change",)
INTENT: tuple[Place, ...] = ("after an intent",)
TERMINATE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = 'lapse' AND pid <> pg_backend_pid() AND random() < 0.5"
)

Ambush = Callable[[Replica, Place], Verdict]


class Nemesis:
    """Strikes, and mends what it struck."""

    def __init__(self, site: Site, random: Random) -> None:
        self._site = site
        self._random = random
        self._tell = site.history.tell
        self._lock = threading.Lock()
        self._lying: dict[tuple[str, Place], Ambush] = {}
        self._mends: list[tuple[float, Callable[[], None]]] = []
        self._database_is_down = False
        self._file_is_locked = False
        self._held_until = 0.0
        site.passing = self._passing

    # Strikes

    @property
    def stops(self) -> Mapping[Callable[[], None], int]:
        """Strikes after which nothing may stand anywhere twice, with how often each comes."""
        on_postgres: Mapping[Callable[[], None], int] = {
            self._kill: 3,
            self._kill_at_a_post: 7,
            self._kill_at_a_commit: 3,
            self._step_back: 1,
            lambda: self._shut_down("fast"): 1,
            lambda: self._shut_down("immediate"): 1,
            lambda: self._shut_down("immediate", stay_down=True): 1,
            self._terminate: 2,
            self._cut: 2,
            self._cut_at_a_commit: 4,
        }
        on_sqlite: Mapping[Callable[[], None], int] = {
            self._kill: 2,
            self._kill_at_a_post: 6,
            self._end: 1,
            self._step_back: 1,
            self._lock_the_file: 2,
            self._fill_the_disk: 2,
        }
        return on_postgres if self._site.server else on_sqlite

    @property
    def freezes(self) -> Mapping[Callable[[], None], int]:
        """Strikes of which each may leave one second copy for a sweep to take back."""
        on_postgres: Mapping[Callable[[], None], int] = {
            self._freeze: 2,
            self._freeze_at_a_post: 2,
            self._freeze_in_a_change: 2,
            self._freeze_at_an_intent: 6,
            self._hold_an_intent: 2,
            self._kill_at_a_post: 2,
        }
        on_sqlite: Mapping[Callable[[], None], int] = {
            self._freeze: 2,
            self._freeze_at_a_post: 3,
            self._kill_at_a_post: 1,
        }
        return on_postgres if self._site.server else on_sqlite

    def strike(self, strikes: Mapping[Callable[[], None], int]) -> None:
        """Do one of these, unless it does not go now."""
        [strike] = self._random.choices([*strikes], weights=[*strikes.values()])
        strike()

    def shut_down(self, mode: Stop, *, seconds: float) -> None:
        """Take PostgreSQL away for so long."""
        assert self._site.server is not None
        if self._database_is_down:
            return
        self._site.server.stop(mode)
        self._database_is_down = True
        self._mend_in(seconds, self._start_database)

    def kill_all(self) -> None:
        """Nobody is left who knows anything."""
        for replica in self._site.replicas:
            self._kill_now(replica, "all at once")

    def _kill(self) -> None:
        replica = self._somebody()
        if replica is not None:
            self._kill_now(replica, "at some moment")

    def _kill_at_a_post(self) -> None:
        self._lie_in_wait(POSTS, self._kill_there)

    def _kill_at_a_commit(self) -> None:
        self._lie_in_wait(COMMITS, self._kill_there)

    def _freeze(self) -> None:
        replica = self._somebody()
        if replica is not None:
            self._freeze_there(replica, "at some moment")

    def _freeze_at_a_post(self) -> None:
        self._lie_in_wait(POSTS, self._freeze_there)

    def _freeze_in_a_change(self) -> None:
        """With the locks of it in hand, which the server takes away."""
        self._lie_in_wait(CHANGE, self._freeze_there)

    def _freeze_at_an_intent(self) -> None:
        self._lie_in_wait(INTENT, self._freeze_there)

    def _hold_an_intent(self) -> None:
        self._lie_in_wait(INTENT, self._hold_there)

    def _cut_at_a_commit(self) -> None:
        self._lie_in_wait(COMMITS, self._cut_there)

    def _cut(self) -> None:
        name, door = self._random.choice([*self._site.database_doors.items()])
        if door.cut():
            self._tell("database", what="connections cut", replica=name)

    def _terminate(self) -> None:
        if self._site.server is not None and not self._database_is_down:
            administer(self._site.server.url, TERMINATE)
            self._tell("database", what="backends terminated")

    def _shut_down(self, mode: Stop, *, stay_down: bool = False) -> None:
        if not self._database_is_down:
            self._tell("database", what="down" if stay_down else f"{mode} restart")
            self.shut_down(mode, seconds=self._random.uniform(3, 8) if stay_down else 0)

    def _step_back(self) -> None:
        """Lapse's clock was ahead by a second, and is set right."""
        if not self._database_is_down and not self._file_is_locked:
            self._tell("clock", seconds=-1)
            self._site.step(timedelta(seconds=-1))

    def _end(self) -> None:
        """End politely and take the write-ahead log away, of which nothing is needed any more."""
        [replica] = self._site.replicas
        if self._mends or replica.was_frozen or not replica.up:
            return
        self._site.core.database.dispose()  # else it would not be the last one to close the file
        if not replica.end():
            return
        log = self._site.file.with_name(self._site.file.name + "-wal")
        self._tell("ended", log_left=log.stat().st_size if log.exists() else 0)
        log.unlink(missing_ok=True)

    def _lock_the_file(self) -> None:
        """Another program writes, for longer than anybody waits."""
        if self._file_is_locked:
            return
        seconds = self._random.uniform(1, 12)
        connection = connect(self._site.file, isolation_level=None, timeout=5)

        def unlock() -> None:
            connection.close()
            self._file_is_locked = False

        connection.execute("BEGIN IMMEDIATE")
        self._file_is_locked = True
        self._tell("busy", seconds=round(seconds, 1))
        self._mend_in(seconds, unlock)

    def _fill_the_disk(self) -> None:
        """No file of the process may grow."""
        [replica] = self._site.replicas
        if replica.process.running:
            pid = replica.process.pid
            self._tell("full")
            prlimit(pid, RLIMIT_FSIZE, (4096, RLIM_INFINITY))
            self._mend_in(self._random.uniform(0.5, 3), lambda: _empty_the_disk(replica, pid))

    # At a place

    def _passing(self, replica: Replica, place: Place) -> Verdict:
        with self._lock:
            ambush = self._lying.pop((replica.name, place), None)
        return ambush(replica, place) if ambush and replica.process.running else "go on"

    def _lie_in_wait(self, places: tuple[Place, ...], ambush: Ambush) -> None:
        replica = self._random.choice(self._site.replicas)
        with self._lock:
            self._lying[replica.name, self._random.choice(places)] = ambush

    def _kill_there(self, replica: Replica, place: Place) -> Verdict:
        if not replica.was_frozen:  # the promise speaks of the one or the other
            self._kill_now(replica, place)
        return "cut" if place == "before a post" and self._random.random() < 0.5 else "go on"

    def _freeze_there(self, replica: Replica, place: str) -> Verdict:
        if self._nobody_stands_still():
            seconds = self._random.uniform(1, 10)
            self._tell("freeze", replica=replica.name, seconds=round(seconds, 1), where=place)
            replica.freeze(seconds)
        return "go on"

    def _hold_there(self, replica: Replica, _place: Place) -> Verdict:
        if not self._nobody_stands_still():
            return "go on"
        self._held_until = time.monotonic() + HOLD_SECONDS + TIMEOUT
        self._tell("hold", replica=replica.name, seconds=HOLD_SECONDS)
        replica.was_frozen = True
        return "hold"

    def _cut_there(self, replica: Replica, place: Place) -> Verdict:
        self._tell("database", what=f"cut {place}", replica=replica.name)
        return "cut"

    def _nobody_stands_still(self) -> bool:
        """One at a time: the promise of two copies at most speaks of one process."""
        frozen = any(each.frozen_until for each in self._site.replicas)
        return not frozen and time.monotonic() > self._held_until

    # Mending

    def tend(self) -> None:
        """Mend what is to be mended by now: thaw, bring back, start again."""
        now = time.monotonic()
        for replica in self._site.replicas:
            if replica.frozen_until is not None and replica.frozen_until <= now:
                self._thaw(replica)
        due = [mend for at, mend in self._mends if at <= now]
        self._mends = [each for each in self._mends if each[0] > now]
        for mend in due:
            mend()
        if not self._database_is_down:
            for replica in self._site.replicas:
                if not replica.process.running:
                    self._start_again(replica)

    def relent(self) -> None:
        """Strike no more, and mend everything at once."""
        with self._lock:
            self._lying.clear()
        for replica in self._site.replicas:
            if replica.frozen_until is not None:
                self._thaw(replica)
        self._mends = [(0.0, mend) for _, mend in self._mends]
        self.tend()

    def forget(self) -> None:
        """Who was frozen has done whatever it was about to do, and may be killed again."""
        for replica in self._site.replicas:
            replica.was_frozen = False

    def _somebody(self) -> Replica | None:
        up = [each for each in self._site.replicas if each.up and not each.was_frozen]
        return self._random.choice(up) if up else None

    def _kill_now(self, replica: Replica, where: str) -> None:
        self._tell("kill", replica=replica.name, where=where)
        replica.kill()

    def _thaw(self, replica: Replica) -> None:
        self._tell("thaw", replica=replica.name)
        replica.thaw()

    def _start_database(self) -> None:
        assert self._site.server is not None
        self._site.server.start()
        self._database_is_down = False
        self._tell("database back")

    def _start_again(self, replica: Replica) -> None:
        if not replica.killed:
            process = replica.process
            said = process.complained.strip().splitlines()[-1:]
            self._tell("ended by itself", replica=replica.name, up=replica.had_started, said=said)
        replica.start()

    def _mend_in(self, seconds: float, mend: Callable[[], None]) -> None:
        self._mends.append((time.monotonic() + seconds, mend))


def _empty_the_disk(replica: Replica, pid: int) -> None:
    if replica.process.running and replica.process.pid == pid:
        prlimit(pid, RLIMIT_FSIZE, (RLIM_INFINITY, RLIM_INFINITY))
