"""How fast the rules are: conditional quotes on one core, against the time of the bare arithmetic.

Run by `make bench`. The ratio is taken in one run, so that it means the same on every machine; the
quotes per second are those of the machine it ran on.
"""

import gc
import sys
from collections.abc import Callable
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from time import process_time

from bot.billing.quote import Case
from bot.billing.refund import quote
from tests.factories import account, instant, order, quota

QUOTES = 100_000
GOAL_SECONDS = 2.0
ROUNDS = 5

BEGUN = instant("2025-12-07 09:20")
SUBSCRIPTIONS = [
    quota(f"quota-{n}", service="ECS", orders=(order(BEGUN, cash=f"{1000 + n}.37"),))
    for n in range(1000)
]
INSTANTS = [BEGUN + timedelta(days=1, minutes=50 * n) for n in range(100)]
ACCOUNT = account()
CENT = Decimal("0.01")


def quotes() -> None:
    """Every subscription at every instant, each a conditional one."""
    for subscription in SUBSCRIPTIONS:
        for at in INSTANTS:
            quote(subscription, ACCOUNT, at=at)


def arithmetic() -> None:
    """The three roundings and two differences that the figures need, and nothing else."""
    for subscription in SUBSCRIPTIONS:
        paid = subscription.orders[0].cash
        for hour in range(len(INSTANTS)):
            consumed = (paid * (24 + hour) / 8775).quantize(CENT, rounding=ROUND_HALF_UP)
            fee = (paid * Decimal("0.10")).quantize(CENT, rounding=ROUND_HALF_UP)
            max(paid - consumed - fee, Decimal(0)).quantize(CENT, rounding=ROUND_HALF_UP)


def fastest(work: Callable[[], None]) -> float:
    """Seconds of computing that the fastest of some rounds took; nothing here waits."""
    times = []
    for _ in range(ROUNDS):
        gc.collect()
        started = process_time()
        work()
        times.append(process_time() - started)
    return min(times)


def main() -> int:
    """Print the figures; exit 1 where the goal is missed."""
    sample = quote(SUBSCRIPTIONS[0], ACCOUNT, at=INSTANTS[-1])
    if sample.case is not Case.CONDITIONAL:
        raise AssertionError("The benchmark has to measure conditional quotes.")
    bare, whole = fastest(arithmetic), fastest(quotes)
    sys.stdout.write(
        f"{QUOTES:,} conditional quotes: {whole:.2f} s, {QUOTES / whole:,.0f} a second\n"
    )
    sys.stdout.write(f"against the bare arithmetic: {whole / bare:.1f}x\n")
    verdict = "met" if whole < GOAL_SECONDS else "missed"
    sys.stdout.write(f"goal, under {GOAL_SECONDS:.1f} s: {verdict}\n")
    return 0 if whole < GOAL_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
