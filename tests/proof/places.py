"""Where the trials of the numbered faults take place, by the name of their slice."""

from collections.abc import Mapping
from functools import partial

from tests.proof.disk_lives import disk_lives
from tests.proof.executions import executions
from tests.proof.failovers import failovers
from tests.proof.imports import imports
from tests.proof.killed import killings
from tests.proof.large_import import large_import
from tests.proof.leaps import leaps
from tests.proof.pieces import Place
from tests.proof.racing import races
from tests.proof.shortages import shortages
from tests.proof.soak import soaks
from tests.proof.sockets import sockets
from tests.proof.variants import VARIANTS

PLACES: Mapping[str, Place] = {
    "races": races,
    "disks": disk_lives,
    "leaps": leaps,
    "failovers": failovers,
    "imports-sqlite": partial(imports, "sqlite"),
    "imports-postgres": partial(imports, "postgres"),
    "import-large": large_import,
    "executions-sqlite": partial(executions, "sqlite"),
    "executions-postgres": partial(executions, "postgres"),
    "killed-sqlite": partial(killings, "sqlite"),
    "killed-postgres": partial(killings, "postgres"),
    "shortages": shortages,
    "sockets": sockets,
    "soak": soaks,
    **VARIANTS,
}
TRIALS: Mapping[str, tuple[int, int]] = {
    "races": (1000, 20),
    "disks": (1200, 40),
    "leaps": (10_000, 500),
    "failovers": (500, 50),
    "imports-sqlite": (240, 12),
    "imports-postgres": (240, 12),
    "import-large": (1, 1),
    "executions-sqlite": (900, 30),
    "executions-postgres": (900, 30),
    "killed-sqlite": (240, 20),
    "killed-postgres": (240, 20),
    "shortages": (750, 30),
    "sockets": (1000, 50),
    "soak": (1, 1),
    **dict.fromkeys(VARIANTS, (2000, 200)),
}
"""How many there are, and how many to a piece."""

NEEDED: Mapping[str, int] = {"executions-sqlite": 480, "executions-postgres": 480}
"""What a release needs of them where it does not need all: each point by itself, 422 of them."""
