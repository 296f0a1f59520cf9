"""Executing as the proofs run it: a surprise is a mistake, and is not held as one of the cloud."""

from bot.billing.unsubscription import Request
from bot.services.executing import Executing


class Unforgiving(Executing):
    """Ends the proof with whatever nobody expected."""

    def _held_up(self, request: Request, surprise: Exception) -> None:
        raise surprise
