"""A quote needs no framework, so that `lapse quote` answers at once."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
HEAVY = ("holidays", "sqlalchemy", "slack_sdk", "slack_bolt", "apscheduler", "pydantic")


def test_quoting_and_planning_load_nothing_heavy():
    program = (
        "import sys, bot.billing.refund, bot.billing.plan, bot.billing.ways_out;"
        f"print(*[name for name in {HEAVY} if name in sys.modules])"
    )

    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert ran.stdout.split() == []
