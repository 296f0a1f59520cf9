"""Prints what was measured beside its goal, and remembers whether every goal was met."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass
class Figures:
    """The figures of one benchmark; `missed` holds those that did not reach their goals."""

    missed: list[str] = field(default_factory=list)

    def about(self, title: str) -> None:
        """What the next figures are of."""
        sys.stdout.write(f"\n{title}\n")

    def tell(self, what: str, measured: str) -> None:
        """A figure without a goal."""
        self._print(what, measured, "")

    def at_most(self, what: str, value: float, goal: float, unit: str) -> None:
        """A figure that is to stay below its goal."""
        self._judge(what, value, goal, unit, met=value <= goal, words="at most")

    def at_least(self, what: str, value: float, goal: float, unit: str) -> None:
        """A figure that is to reach its goal."""
        self._judge(what, value, goal, unit, met=value >= goal, words="at least")

    @property
    def exit_code(self) -> int:
        """1 where a goal was missed; says which."""
        for each in self.missed:
            sys.stdout.write(f"missed: {each}\n")
        return 1 if self.missed else 0

    def _judge(
        self, what: str, value: float, goal: float, unit: str, *, met: bool, words: str
    ) -> None:
        verdict = "met" if met else "MISSED"
        self._print(what, f"{_short(value)} {unit}", f"{words} {_short(goal)} {unit}: {verdict}")
        if not met:
            self.missed.append(what)

    def _print(self, what: str, measured: str, goal: str) -> None:
        sys.stdout.write(f"  {what:<66} {measured:>16}  {goal}".rstrip() + "\n")
        sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds on the wall, and seconds that this process computed."""

    wall: float
    cpu: float

    def __add__(self, other: "Took") -> "Took":
        return Took(self.wall + other.wall, self.cpu + other.cpu)

    def __truediv__(self, count: int) -> "Took":
        return Took(self.wall / count, self.cpu / count)

    def __str__(self) -> str:
        return f"{self.wall * 1e6:,.0f} us ({self.cpu * 1e6:,.0f} cpu)"


def timed(work: Callable[[], object]) -> Took:
    """How long it takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Took(time.perf_counter() - wall, time.process_time() - cpu)


def percentile(values: Sequence[float], of_hundred: float) -> float:
    """The value that so many of a hundred do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * of_hundred / 100))]


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.3g}"
