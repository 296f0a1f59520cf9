"""`lapse` with short times: `python -m tests.proof.torture.replica run --role worker`.

It tells in its log when it stood still, since that is a freeze as well, of the machine's making.
"""

import faulthandler
import logging
import signal
import threading

from bot.cli import main
from tests.proof.torture.times import shorten, watch

STOOD_STILL = "stood.still"


def tell(seconds: float) -> None:
    """A line in the log."""
    facts = {"seconds": round(seconds, 1)}
    logging.getLogger(__name__).warning(STOOD_STILL, extra=facts)


if __name__ == "__main__":
    shorten()
    faulthandler.register(signal.SIGUSR1)  # tells where it hangs
    threading.Thread(target=watch, args=(tell, threading.Event()), daemon=True).start()
    main()
