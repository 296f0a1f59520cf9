"""What went wrong, as one sentence and an exit code."""

import logging

log = logging.getLogger(__name__)


class Failed(Exception):
    """The work failed; the message says what to do."""

    exit_code = 1


class WrongInput(Failed):
    """The call or its input is wrong; nothing was done."""

    exit_code = 2


def failure_of(error: Exception) -> Failed:
    """Translate an expected error; a surprise is logged with its trace and told as such."""
    if isinstance(error, Failed):
        return error
    known = _known(error)
    if known is not None:
        return known
    log.debug("surprise", exc_info=error)
    kind = type(error).__name__
    return Failed(f"That did not work ({kind}: {error}). Set LAPSE_LOG=debug to see the trace.")


def _known(error: Exception) -> Failed | None:
    from bot.billing.figures import UnclearFacts
    from bot.billing.rulesets import UnknownRuleSet
    from bot.config import WrongSetting
    from bot.ports.provider import ProviderError
    from bot.services.errors import Refused
    from bot.web import PortInUse
    from storage.errors import StorageError

    if isinstance(error, WrongSetting | UnclearFacts | UnknownRuleSet):
        return WrongInput(str(error))
    if isinstance(error, Refused):
        return WrongInput(f"{error.sentence} {error.advice}".strip())
    if isinstance(error, StorageError | PortInUse):
        return Failed(str(error))
    if isinstance(error, ProviderError):
        return Failed(error.sentence)
    return None
