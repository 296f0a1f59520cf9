"""A process of its own, forked from this one, so that it is there at once; it may be killed.

What it says goes to a file. It numbers its durable steps and may end itself at one with SIGKILL,
which nothing can prepare for.
"""

import faulthandler
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine.default import DefaultDialect

SURPRISED, HUNG = 70, 1
"""Exit codes of a process that ended by an error of its own, or that did not come to its end."""

PATIENCE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Fork:
    """A process that was started here and is waited for here."""

    pid: int

    def kill(self) -> None:
        """SIGKILL."""
        os.kill(self.pid, signal.SIGKILL)

    def ended(self) -> int:
        """Its exit code, or the negative number of the signal that ended it."""
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


def forked(
    work: Callable[[], int], *, said: Path, patience: float | None = PATIENCE_SECONDS
) -> Fork:
    """Start a process that does this work and exits with what it returns.

    It gives itself up when it has not come to its end after so long.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return Fork(pid)
    code = SURPRISED
    try:
        code = _worked(work, said, patience)
    finally:  # whatever it is, even want of memory for its report, this process ends here
        os._exit(code)


def _worked(work: Callable[[], int], said: Path, patience: float | None) -> int:
    sys.stdout = sys.stderr = said.open("w", encoding="utf-8")
    if patience is not None:
        faulthandler.dump_traceback_later(patience, exit=True, file=sys.stderr)
    try:
        return work()
    except BaseException:  # noqa: BLE001 - it is told, and the exit code says so
        traceback.print_exc()
        return SURPRISED
    finally:
        sys.stdout.flush()


class Steps:
    """Counts each statement, and each commit before and after; SIGKILL at one of them."""

    def __init__(self, kill_at: int = 0) -> None:
        self.count = 0
        self._kill_at = kill_at

    def begin(self) -> None:
        """From now on every database of this process counts, for the rest of its life."""
        commit: Any = DefaultDialect.do_commit

        def commit_in_steps(dialect: Any, connection: Any) -> None:
            self.step()
            commit(dialect, connection)
            self.step()

        DefaultDialect.do_commit = commit_in_steps  # type: ignore[method-assign]
        event.listen(Engine, "before_cursor_execute", lambda *_: self.step())

    def step(self) -> None:
        """One more."""
        self.count += 1
        if self.count == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
