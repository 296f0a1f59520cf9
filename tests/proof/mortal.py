"""`lapse` that ends itself with SIGKILL at one of its effects, numbered from 1.

`DIES_AT=40 python -m tests.proof.mortal run --role worker`; at 0 it never does.
"""

import os

from bot.cli import main
from tests.proof.executions import Effects

if __name__ == "__main__":
    Effects(int(os.environ["DIES_AT"])).begin()  # noqa: TID251 - the proof's own variable
    main()
