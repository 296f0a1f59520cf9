"""How much memory this process holds, and whether that grows with time."""

import gc
from collections.abc import Sequence
from mmap import PAGESIZE
from pathlib import Path

MEGABYTE = 1_000_000


def resident() -> float:
    """Megabytes that stand in memory once the garbage is collected, whoever asked for them."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * PAGESIZE / MEGABYTE


def slope(measured: Sequence[tuple[float, float]]) -> float:
    """By how much the second number of a pair grows as the first does, by least squares."""
    at, held = (sum(each[part] for each in measured) / len(measured) for part in (0, 1))
    spread = sum((hour - at) ** 2 for hour, _ in measured)
    return sum((hour - at) * (size - held) for hour, size in measured) / spread


def second_half(measured: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """What was measured when everything that is kept for good had been filled."""
    return measured[len(measured) // 2 :]
